"""A video file: frames that are apart enough to differ, split by time so that neighbors are never in two splits."""

import hashlib
from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image

from uapseg.datasets.folder import MAX_SIDE, default_size
from uapseg.datasets.reader import ImageDataset, Sample, empty_split_message, first_size
from uapseg.datasets.registry import DatasetInfo
from uapseg.datasets.splits import Split, split_of_time
from uapseg.errors import UapsegError

SECONDS = 1.0
"""How far frames are apart at least, unless the name says otherwise."""

GAP = 2
"""How many times that far the frames of two splits are apart."""

DIFFERENCE = 2.0
"""Mean difference from the frame taken before, in grey levels, below which a frame shows nothing new."""

THUMBNAIL = (32, 32)
"""The size at which frames are compared."""

MAX_FRAMES = 5000


class Video(NamedTuple):
    """The frames of a video that are worth taking.

    Attributes:
        key: What identifies the file.
        times: When the frames are shown, in seconds from the first.
        seconds: The length of the video.
        still: How many frames were left out, as they show nothing new.

    Example:
        >>> Video("a", (0.0, 1.0), seconds=2.0, still=0).times
        (0.0, 1.0)
    """

    key: str
    times: tuple[float, ...]
    seconds: float
    still: int


def load(suffix: str, split: Split, size: tuple[int, int] | None = None) -> ImageDataset:
    """Opens a split of the frames of a video file.

    The first 70 % of the time are train, the next 15 % val and the rest test; the frames just after a border are in
    no split.

    Args:
        suffix: The path of the file; ``?seconds=N`` after it says how far frames are apart at least.
        split: The split.
        size: The (width, height) of the pictures; None for that of the video, scaled down to a longer side of 512
            pixels if necessary.

    Raises:
        UapsegError: The file is not a video, or the split is empty.

    Example:
        >>> load("clip.mp4?seconds=-1", "train")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: seconds=-1 chooses nothing in a video: ?seconds=2 takes a frame every two seconds.
    """
    path, interval = _parse(suffix)
    video = read_video(path, path.stat().st_mtime_ns if path.is_file() else 0, interval)
    samples = [
        Sample(f"{video.key}@{time:.3f}", f"{path.name} at {time:.1f} s", partial(read_frame, path, time))
        for time in video.times
    ]
    splits = [split_of_time(time, video.seconds, GAP * interval) for time in video.times]
    inside = [sample for sample, frame_split in zip(samples, splits, strict=True) if split in {"all", frame_split}]
    if not inside:
        raise UapsegError(empty_split_message(split, path.name))
    notes = [f"{video.still} frames of {path.name} show what the frame before shows: they are left out."]
    return ImageDataset(
        inside,
        name=f"video:{suffix}",
        split=split,
        size=size or default_size(first_size(samples, (MAX_SIDE, MAX_SIDE))),
        licence="your own",
        notes=notes if video.still else (),
    )


def info() -> list[DatasetInfo]:
    """Describes the form of the name.

    Example:
        >>> info()[0].name
        'video:FILE'
    """
    return [DatasetInfo(name="video:FILE", about="frames of your own video", size=None, classes=0, licence="your own")]


@lru_cache(maxsize=4)
def read_video(path: Path, modified_ns: int, interval: float) -> Video:  # noqa: ARG001  another file has another time
    """Finds the frames of a video that are far enough apart and differ.

    Args:
        path: The file.
        modified_ns: When it was changed last.
        interval: How far frames are apart at least, in seconds.

    Raises:
        UapsegError: There is no such file, or no frame in it can be decoded.

    Example:
        >>> read_video(Path("missing.mp4"), modified_ns=0, interval=1.0)
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: There is no file missing.mp4.
    """
    if not path.is_file():
        raise UapsegError(f"There is no file {path}.")
    candidates, times, last_thumbnail = list[float](), list[float](), np.full((*THUMBNAIL, 3), np.inf, np.float32)
    try:
        for time, thumbnail in islice(_thumbnails(path, interval), MAX_FRAMES):
            candidates.append(time)
            if shows_something_new(thumbnail, last_thumbnail):
                last_thumbnail = thumbnail
                times.append(time)
    except FFmpegError as error:
        if not times:  # else the frames before the damage are taken
            raise UapsegError(f"{path} cannot be read as a video ({error.strerror}).") from error
    if not times:
        raise UapsegError(f"{path} contains no video.")
    return Video(_fingerprint(path), tuple(times), candidates[-1], len(candidates) - len(times))


def shows_something_new(thumbnail: NDArray[np.float32], previous: NDArray[np.float32]) -> bool:
    """Whether a frame differs from the last one; both are thumbnails (h, w, 3) in grey levels.

    Example:
        >>> shows_something_new(np.zeros((32, 32, 3), np.float32), np.ones((32, 32, 3), np.float32))
        False
    """
    return bool(np.abs(thumbnail - previous).mean() >= DIFFERENCE)


def _thumbnails(path: Path, interval: float) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """The times of frames that are far enough apart, and their thumbnails."""
    next_time = 0.0
    for time, frame in _frames(path):
        if time >= next_time - 1e-3:
            next_time = time + interval
            yield time, np.asarray(frame.reformat(*THUMBNAIL, "rgb24", interpolation="AREA").to_ndarray(), np.float32)


def read_frame(path: Path, time: float) -> Image.Image:
    """Decodes the frame that is shown at a time, RGB and upright.

    Args:
        path: The file.
        time: In seconds from the first frame.

    Raises:
        UapsegError: It cannot be decoded.

    Example:
        >>> read_frame(Path("missing.mp4"), time=2.0)
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: missing.mp4 cannot be read at 2.0 s (No such file or directory).
    """
    try:
        frame = next((frame for frame_time, frame in _frames(path, time) if frame_time >= time - 1e-3), None)
    except FFmpegError as error:
        raise UapsegError(f"{path} cannot be read at {time:.1f} s ({error.strerror}).") from error
    if frame is None:
        raise UapsegError(f"{path} has no frame at {time:.1f} s.")
    pixels = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
    return Image.fromarray(np.ascontiguousarray(pixels))


def _frames(path: Path, start: float = 0.0) -> Iterator[tuple[float, av.VideoFrame]]:
    """The frames from a time on, or a little before, with their times in seconds from the first."""
    with av.open(str(path)) as file:
        stream = next(iter(file.streams.video), None)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        first = float((stream.start_time or 0) * stream.time_base) if stream.time_base else 0.0
        if start and stream.time_base:
            file.seek(int((start + first) / stream.time_base), stream=stream)
        for frame in file.decode(stream):
            yield frame.time - first, frame


def _parse(suffix: str) -> tuple[Path, float]:
    """The file, and how far frames are apart at least."""
    name, _, query = suffix.partition("?")
    interval = SECONDS
    for key, value in parse_qsl(query, keep_blank_values=True):
        try:
            interval = float(value)
        except ValueError:
            interval = 0.0
        if key != "seconds" or not 0 < interval < float("inf"):
            raise UapsegError(f"{key}={value} chooses nothing in a video: ?seconds=2 takes a frame every two seconds.")
    return Path(name).expanduser(), interval


def _fingerprint(path: Path) -> str:
    """A hash of the content, independent of the file's name."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
