"""Short clips: each frame with the perturbation, and what is seen in it beside."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from uapseg.app import strings
from uapseg.app.frames import LabelMap, Picture, perturb_photo
from uapseg.app.memory import DECODING
from uapseg.app.progress import LevelArray
from uapseg.app.recording import RATE, mp4
from uapseg.app.workspace import Workspace, overlay_classes
from uapseg.errors import UapsegError

MOST_SECONDS = 6
LONGEST = 512
"""The longer side of the frames that are decoded; they are then made to fit as every other picture."""

DECODER = Path(__file__).with_name("decoder.py")
DECODER_PATIENCE = 60.0
"""Seconds after which the decoder is ended; on a free core it takes three at most."""


def perturb_clip(path: Path, levels: LevelArray, workspace: Workspace) -> bytes:
    """A clip with the perturbation on every frame, and what the network sees in it beside, as MP4.

    Raises:
        UapsegError: The file is no video that can be read.
    """
    with DECODING:
        pictures = pictures_of(path)
    fitted = (workspace.fit(Image.fromarray(picture)) for picture in pictures)
    return mp4([_attacked(picture, levels, workspace) for picture in fitted], RATE)


def pictures_of(path: Path) -> list[Picture]:
    """The frames of the first seconds of a video, upright, at a rate and a size that can be kept.

    A process of its own decodes them, as a stranger's video may take any memory and time, or bring FFmpeg down.

    Raises:
        UapsegError: The file is no video that can be read, or its frames are too large or too small.
    """
    asked = [path, _format(path), MOST_SECONDS, RATE, LONGEST]
    command = [sys.executable, "-P", DECODER, *asked]
    try:
        ended = subprocess.run(  # noqa: S603  a file of the project, and no shell
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DECODER_PATIENCE,
            check=False,
        )
        head, _, content = ended.stdout.partition(b"\n")
        said = json.loads(head)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UapsegError(strings.NO_CLIP) from error
    if "refused" in said:
        raise UapsegError(strings.CLIP_SIZE if said["refused"] == "size" else strings.NO_CLIP)
    size = said["height"] * said["width"] * 3
    frames = np.frombuffer(content[: len(content) // size * size], np.uint8)
    return list(frames.reshape(-1, said["height"], said["width"], 3))


def _format(path: Path) -> str:
    """The container, by its first bytes; any other is refused, as some (playlists) name other files to be opened."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    raise UapsegError(strings.NO_CLIP)


def _attacked(picture: Picture, levels: LevelArray, workspace: Workspace) -> Picture:
    after = perturb_photo(picture, levels)
    return side_by_side(after, workspace.predict(after), workspace)


def side_by_side(picture: Picture, seen: LabelMap, workspace: Workspace) -> Picture:
    """A picture, and what the network sees in it laid over the same."""
    return np.hstack([picture, overlay_classes(picture, seen, workspace)])
