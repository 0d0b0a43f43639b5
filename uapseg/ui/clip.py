"""Short clips in and out: H.264 through PyAV."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from uapseg.errors import UapsegError
from uapseg.ui import words
from uapseg.ui.frames import Picture, perturbed
from uapseg.ui.steps import Levels8
from uapseg.ui.studio import Studio, overlaid

RATE = 10
"""Frames a second that are shown and written."""

MOST_SECONDS = 6
WIDEST = 384
BITS = {"crf": "20", "preset": "veryfast"}


def attacked(path: Path, levels: Levels8, studio: Studio) -> bytes:
    """A clip with the perturbation on every frame, and what the network sees in it beside, as MP4.

    Raises:
        UapsegError: The file is no video that can be read.
    """
    frames = [_beside(picture, levels, studio) for picture in pictures_of(path)]
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


def mp4(frames: Sequence[Picture], rate: int) -> bytes:
    """Frames of one size as an H.264 video that every browser plays."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=Fraction(rate), options=BITS)
        height, width = frames[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        for picture in frames:
            even = np.ascontiguousarray(picture[: stream.height, : stream.width])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def _small(image: Image.Image) -> Picture:
    if image.width > WIDEST:
        image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.BOX)
    return np.array(image.convert("RGB"))


def _beside(picture: Picture, levels: Levels8, studio: Studio) -> Picture:
    after = perturbed(picture, levels)
    return np.hstack([after, overlaid(after, studio.predict(after), studio)])
