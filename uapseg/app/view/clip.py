"""Clips: their frames, and the same with a perturbation."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from uapseg.app import strings
from uapseg.app.frames import RATE, LabelMap, Picture, mp4, perturb_photo
from uapseg.app.runs.device import LevelArray
from uapseg.app.server import DECODING
from uapseg.app.workspace import Workspace, overlay_classes
from uapseg.errors import UapsegError

MAX_SECONDS = 6
MAX_SIDE = 512
"""The longer side of the frames that are decoded; they are then made to fit as every other picture."""

DECODER = Path(__file__).with_name("decoder.py")
DECODER_PATIENCE = 60.0
"""Seconds after which the decoder is ended; on a free core it takes three at most."""


def perturb_clip(
    path: Path, levels: LevelArray, workspace: Workspace, report: Callable[[float], None] = lambda _: None
) -> bytes:
    """Adds the perturbation to every frame of a clip, with the predictions beside it, as MP4.

    Args:
        path: The clip.
        levels: The perturbation.
        workspace: The network.
        report: Called with the share of finished frames.

    Raises:
        UapsegError: The file is not a video that can be read.
    """
    with DECODING:
        pictures = decode_clip(path)
    frames: list[Picture] = []
    for picture in pictures:
        frames.append(_perturbed_frame(workspace.fit(Image.fromarray(picture)), levels, workspace))
        report(len(frames) / len(pictures))
    return mp4(frames, RATE)


def decode_clip(
    path: Path, seconds: float = MAX_SECONDS, rate: float = RATE, max_side: int = MAX_SIDE
) -> list[Picture]:
    """Decodes the first seconds of a video: upright frames at a limited rate and size.

    A separate process decodes them, as a stranger's video may take any memory and time, or crash FFmpeg.

    Args:
        path: The video.
        seconds: The length to decode.
        rate: Frames a second.
        max_side: The longer side of the frames.

    Raises:
        UapsegError: The file is not a video that can be read, or its frames are too large or too small.
    """
    arguments = [path, _format(path), seconds, rate, max_side]
    command = [sys.executable, "-P", DECODER, *arguments]
    try:
        process = subprocess.run(  # noqa: S603  a file of the project, and no shell
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DECODER_PATIENCE,
            check=False,
        )
        head, _, content = process.stdout.partition(b"\n")
        header = json.loads(head)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UapsegError(strings.NO_CLIP) from error
    if "refused" in header:
        raise UapsegError(strings.CLIP_SIZE if header["refused"] == "size" else strings.NO_CLIP)
    size = header["height"] * header["width"] * 3
    frames = np.frombuffer(content[: len(content) // size * size], np.uint8)
    return list(frames.reshape(-1, header["height"], header["width"], 3))


def _format(path: Path) -> str:
    """The container format, by its first bytes; others are refused, as some (playlists) refer to further files."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    raise UapsegError(strings.NO_CLIP)


def _perturbed_frame(picture: Picture, levels: LevelArray, workspace: Workspace) -> Picture:
    after = perturb_photo(picture, levels)
    return side_by_side(after, workspace.predict(after), workspace)


def side_by_side(picture: Picture, prediction: LabelMap, workspace: Workspace) -> Picture:
    """A picture, and beside it the same with its predictions overlaid."""
    return np.hstack([picture, overlay_classes(picture, prediction, workspace)])
