"""A program of its own that decodes the beginning of a clip: ``python decoder.py FILE FORMAT SECONDS RATE LONGEST``.

What a stranger's file makes of FFmpeg, in memory, time or worse, then happens to this process and ends with it. On
standard output it writes a line of JSON, ``{"width", "height"}`` or ``{"refused"}``, and then RGB frames of that size,
three bytes a pixel.
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

MOST_MEMORY = 600 << 20
"""Bytes of addresses, of which a third are those of the libraries."""

MOST_SECONDS = 2.5
"""The time of the processor after which what has been decoded must do."""

MOST_PIXELS = 4096 * 2304
SMALLEST_SIDE = 16

Picture = NDArray[np.uint8]


class RefusedError(Exception):
    """The clip is not decoded: as its frames are of no ``size`` to compute with, or it is ``unreadable``.

    Example:
        >>> str(RefusedError("size"))
        'size'
    """


def main(path: str, kind: str, seconds: float, rate: float, longest: int) -> None:
    """Writes the frames of a clip."""
    limit()
    write = sys.stdout.buffer.write
    try:
        for number, frame in enumerate(frames(path, kind, seconds, rate, longest)):
            if not number:
                write(json.dumps({"width": frame.shape[1], "height": frame.shape[0]}).encode() + b"\n")
            write(frame.tobytes())
    except RefusedError as refused:
        write(json.dumps({"refused": str(refused)}).encode() + b"\n")


def limit() -> None:
    """Has the system end this process, or refuse it memory, once it takes too much."""
    with suppress(ImportError, ValueError, OSError):  # not on Windows, and not above what is allowed here
        import resource  # noqa: PLC0415  Windows has none

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(4 * MOST_SECONDS), int(4 * MOST_SECONDS)))


def frames(path: str, kind: str, seconds: float, rate: float, longest: int) -> Iterator[Picture]:
    """The frames (h, w, 3) of the first ``seconds``, at most ``rate`` a second, upright; of a damaged clip the first.

    Raises:
        RefusedError: There is none that can be read, or they are too large or too small.
    """
    count = 0
    with suppress(FFmpegError, MemoryError, ValueError):
        for at, picture in _lazy_frames(path, kind, longest):
            if at > seconds or time.process_time() > MOST_SECONDS:
                break
            if at * rate > count - 0.01:  # times are not exact
                count += 1
                yield picture()
    if not count:
        raise RefusedError("unreadable")


def _lazy_frames(path: str, kind: str, longest: int) -> Iterator[tuple[float, Callable[[], Picture]]]:
    """Each frame's time after the first one's, in seconds, and what makes a picture of it."""
    with av.open(path, "r", format=kind, options={"max_pixels": str(MOST_PIXELS)}) as file:
        stream = next(iter(file.streams.video), None)
        if stream is None:
            return
        size = fitting(stream.width, stream.height, longest)
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # a clip may change its size
        stream.codec_context.thread_count = 1
        begin = matrix = None
        for frame in file.decode(stream):
            at = cast("float | None", frame.time)  # PyAV's types leave out that a frame may have no time
            if at is None:
                continue
            if begin is None:  # later frames are not asked for a matrix, as that keeps each of them in memory
                begin, matrix = at, frame.side_data.get("DISPLAYMATRIX")
            yield at - begin, partial(_picture, frame, size, matrix)


def _picture(frame: av.VideoFrame, size: tuple[int, int], matrix: Any) -> Picture:
    """A frame in RGB, brought to a size (width, height) and then turned."""
    return upright(np.asarray(frame.reformat(*size, "rgb24", interpolation="AREA").to_ndarray(), np.uint8), matrix)


def fitting(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size (width, height) that frames are brought to, no side longer than ``longest``.

    Raises:
        RefusedError: They are too large, or a side would be too small.

    Example:
        >>> fitting(1920, 1080, longest=512)
        (512, 288)
    """
    share = min(1.0, longest / max(width, height, 1))
    small = round(width * share), round(height * share)
    if width * height > MOST_PIXELS or min(small) < SMALLEST_SIDE:
        raise RefusedError("size")
    return small


def upright(picture: Picture, matrix: Any) -> Picture:
    """A frame as it is to be shown, by the display matrix that phones write of how they were held; None is upright.

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
