"""Short clips: each frame with the perturbation, and what is seen in it beside."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from uapseg.errors import UapsegError
from uapseg.ui import words
from uapseg.ui.frames import LabelMap, Picture, perturbed
from uapseg.ui.reel import RATE, mp4
from uapseg.ui.steps import LevelArray
from uapseg.ui.studio import Studio, overlaid

MOST_SECONDS = 6
WIDEST = 384


def attacked(path: Path, levels: LevelArray, studio: Studio) -> bytes:
    """A clip with the perturbation on every frame, and what the network sees in it beside, as MP4.

    Raises:
        UapsegError: The file is no video that can be read.
    """
    frames = [_attacked(picture, levels, studio) for picture in pictures_of(path)]
    if not frames:
        raise UapsegError(words.NO_CLIP)
    return mp4(frames, RATE)


def pictures_of(path: Path) -> Iterator[Picture]:
    """The frames of the first seconds of a video, at a rate and a size that can be computed with.

    Raises:
        UapsegError: The file is no video that can be read.
    """
    try:
        with path.open("rb") as content, av.open(content, "r", format=_format(path)) as file:
            if not file.streams.video:
                raise UapsegError(words.NO_CLIP)
            taken = 0
            for frame in file.decode(video=0):
                if frame.time is None or frame.time > MOST_SECONDS:
                    break
                if frame.time * RATE > taken - 0.01:  # times are not exact
                    taken += 1
                    yield _small(frame.to_image())
    except FFmpegError as error:
        raise UapsegError(words.NO_CLIP) from error


def _format(path: Path) -> str:
    """The container, by its first bytes; any other is refused, as some (playlists) name other files to be opened."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    raise UapsegError(words.NO_CLIP)


def _small(image: Image.Image) -> Picture:
    if image.width > WIDEST:
        image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.BOX)
    return np.array(image.convert("RGB"))


def _attacked(picture: Picture, levels: LevelArray, studio: Studio) -> Picture:
    after = perturbed(picture, levels)
    return beside(after, studio.predict(after), studio)


def beside(picture: Picture, seen: LabelMap, studio: Studio) -> Picture:
    """A picture, and what the network sees in it laid over the same."""
    return np.hstack([picture, overlaid(picture, seen, studio)])
