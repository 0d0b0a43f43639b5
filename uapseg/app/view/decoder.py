"""A program of its own that decodes the beginning of a clip: ``python decoder.py FILE FORMAT SECONDS RATE SIDE``.

Whatever a file does to FFmpeg affects only this process. On standard output it writes a line of JSON, ``{"width",
"height"}`` or ``{"refused"}``, and then RGB frames of that size, three bytes a pixel.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, cast

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

MAX_MEMORY = 600 << 20
"""Bytes of addresses, of which a third are those of the libraries."""

MAX_SECONDS = 2.5
"""The time of the processor after which what has been decoded must do."""

MAX_PIXELS = 4096 * 2304
MIN_SIDE = 16

Picture = NDArray[np.uint8]


class RefusedError(Exception):
    """The clip is not decoded: its frames have an unsupported ``size``, or it is ``unreadable``.

    Example:
        >>> str(RefusedError("size"))
        'size'
    """


def main(path: str, kind: str, seconds: float, rate: float, max_side: int) -> None:
    """Writes the frames of a clip."""
    limit()
    write = sys.stdout.buffer.write
    try:
        for number, frame in enumerate(frames(path, kind, seconds, rate, max_side)):
            if not number:
                write(json.dumps({"width": frame.shape[1], "height": frame.shape[0]}).encode() + b"\n")
            write(frame.tobytes())
    except RefusedError as refused:
        write(json.dumps({"refused": str(refused)}).encode() + b"\n")


def limit() -> None:
    """Limits the CPU time and the memory of this process."""
    with suppress(ImportError, ValueError, OSError):  # not on Windows, and not above what is allowed here
        import resource  # noqa: PLC0415  Windows has none

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(4 * MAX_SECONDS), int(4 * MAX_SECONDS)))


def frames(path: str, kind: str, seconds: float, rate: float, max_side: int) -> Iterator[Picture]:
    """The frames (h, w, 3) of the first ``seconds``, at most ``rate`` a second, upright; up to the first damaged one.

    Raises:
        RefusedError: There is none that can be read, or they are too large or too small.
    """
    count = 0
    with suppress(FFmpegError, MemoryError, ValueError):
        for at, picture in _lazy_frames(path, kind, max_side):
            if at > seconds or time.process_time() > MAX_SECONDS:
                break
            if at * rate > count - 0.01:  # times are not exact
                count += 1
                yield picture()
    if not count:
        raise RefusedError("unreadable")


def _lazy_frames(path: str, kind: str, max_side: int) -> Iterator[tuple[float, Callable[[], Picture]]]:
    """The time of each frame from the first, in seconds, and a function that decodes it."""
    with av.open(path, "r", format=kind, options={"max_pixels": str(MAX_PIXELS)}) as file:
        stream = next(iter(file.streams.video), None)
        if stream is None:
            return
        size = fitting(stream.width, stream.height, max_side)
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # a clip may change its size
        stream.codec_context.thread_count = 1
        start = matrix = None
        for frame in file.decode(stream):
            frame_time = cast("float | None", frame.time)  # PyAV's types leave out that a frame may have no time
            if frame_time is None:
                continue
            if start is None:  # later frames are not asked for a matrix, as that keeps each of them in memory
                start, matrix = frame_time, frame.side_data.get("DISPLAYMATRIX")
            yield frame_time - start, partial(_picture, frame, size, matrix)


def _picture(frame: av.VideoFrame, size: tuple[int, int], matrix: Any) -> Picture:
    """A frame in RGB, resized to (width, height) and then rotated."""
    return upright(np.asarray(frame.reformat(*size, "rgb24", interpolation="AREA").to_ndarray(), np.uint8), matrix)


def fitting(width: int, height: int, max_side: int) -> tuple[int, int]:
    """The size (width, height) to scale frames to, no side longer than ``max_side``.

    Raises:
        RefusedError: They are too large, or a side would be too small.

    Example:
        >>> fitting(1920, 1080, max_side=512)
        (512, 288)
    """
    share = min(1.0, max_side / max(width, height, 1))
    scaled_size = round(width * share), round(height * share)
    if width * height > MAX_PIXELS or min(scaled_size) < MIN_SIDE:
        raise RefusedError("size")
    return scaled_size


def upright(picture: Picture, matrix: Any) -> Picture:
    """Rotates a frame by its display matrix, in which phones store their orientation; None is upright.

    Example:
        >>> upright(np.zeros((48, 64, 3), np.uint8), None).shape
        (48, 64, 3)
    """
    if matrix is None:
        return picture
    across, down, _, right, below = np.frombuffer(matrix, np.int32)[:5]
    if abs(down) > abs(across):  # columns become rows
        picture, across, below = picture.transpose(1, 0, 2), right, down
    return picture[:: -1 if below < 0 else 1, :: -1 if across < 0 else 1]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
