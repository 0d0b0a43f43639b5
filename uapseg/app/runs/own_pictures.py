"""A visitor's own pictures as a dataset to train on, in memory alone and for one visit."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from uapseg.app import strings
from uapseg.attack.run_cache import RunCache
from uapseg.datasets.memory import MemoryDataset
from uapseg.datasets.splits import SPLITS, Split, split_few, split_of_time
from uapseg.datasets.video import GAP, THUMBNAIL, shows_something_new
from uapseg.errors import UapsegError

Picture = NDArray[np.uint8]
"""RGB (h, w, 3) in grey levels."""

PREFIX = "own:"
"""How the name of such a dataset begins; a hash of its pictures follows, as others are another dataset."""

MIN_TRAIN = 3
MIN_PHOTOS = MIN_TRAIN + 2
"""One is for validation, and one for the test."""

FRAME_SECONDS = 0.25
"""How far frames that are trained on are apart at least; the splits are `GAP` times as far apart."""

MAX_FRAMES = 120
MULTIPLE = 8
"""Sides are multiples of it, as networks like them."""


class Frame(NamedTuple):
    """A frame of a recording or a clip.

    Attributes:
        time: In seconds from the first.
        picture: RGB (h, w, 3), uint8.

    Example:
        >>> Frame(0.5, np.zeros((48, 64, 3), np.uint8)).time
        0.5
    """

    time: float
    picture: Picture


@dataclass(frozen=True, eq=False)
class OwnPictures:
    """A dataset of a visitor's own pictures, which exists as long as the visitor's run.

    Attributes:
        name: Its name in plans.
        source: A key of `strings.OWN_SOURCES`.
        base: The dataset that was chosen before.
        splits: Its pictures.
        cache: The results shared by its runs, which are neither written to disk nor sent to other processes.

    Example:
        >>> photos = [np.full((48, 64, 3), level, np.uint8) for level in range(0, 250, 25)]
        >>> own = from_photos(photos, "street", (64, 48))
        >>> {split: len(pictures) for split, pictures in own.splits.items()}
        {'train': 6, 'val': 2, 'test': 2}
    """

    name: str
    source: str
    base: str
    splits: dict[Split, MemoryDataset] = field(repr=False)
    cache: RunCache = field(default_factory=lambda: RunCache(on_disk=False), repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles without the cache."""
        return OwnPictures, (self.name, self.source, self.base, self.splits)

    @property
    def run_data(self) -> tuple[MemoryDataset, MemoryDataset]:
        """The datasets for the argument ``pictures`` of `uapseg.attack.run.run`."""
        return self.splits["train"], self.splits["val"]

    @property
    def nbytes(self) -> int:
        """The size of the pictures in bytes."""
        return sum(len(part) * 3 * part.size[0] * part.size[1] for part in self.splits.values())


def is_own(data: str) -> bool:
    """Whether a dataset's name is that of a visitor's own pictures.

    Example:
        >>> is_own("own:1a2b3c4d"), is_own("street")
        (True, False)
    """
    return data.startswith(PREFIX)


def from_photos(photos: Sequence[Picture], base: str, size: tuple[int, int]) -> OwnPictures:
    """Makes a dataset of photos, split by their content.

    Args:
        photos: RGB (h, w, 3), of any sizes.
        base: The dataset chosen before.
        size: The (width, height) of its pictures; the new ones get about as many pixels.

    Raises:
        UapsegError: There are too few; the message says how many are needed.

    Example:
        >>> photos = [np.full((48, 64, 3), level, np.uint8) for level in range(0, 250, 25)]
        >>> from_photos(photos, "street", (64, 48)).name[:4]
        'own:'
    """
    keys = [hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).hexdigest() for photo in photos]
    different = len(set(keys))
    if different < MIN_PHOTOS:
        raise UapsegError(strings.FEW_PHOTOS.format(different=different, least=MIN_PHOTOS))
    photos_by_key = dict(zip(keys, photos, strict=True))
    return _data_set(list(photos_by_key.values()), split_few(list(photos_by_key)), strings.OWN_PHOTOS, base, size)


def from_frames(frames: Sequence[Frame], source: str, base: str, size: tuple[int, int]) -> OwnPictures:
    """Makes a dataset of the distinct frames of a recording or a clip, split by time with gaps.

    Args:
        frames: In the order of their times.
        source: ``webcam`` or ``clip``.
        base: The dataset chosen before.
        size: The (width, height) of its pictures; the new ones get about as many pixels.

    Raises:
        UapsegError: Too few differ; the message says how many are needed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> frames = [Frame(time, rng.integers(256, size=(48, 64, 3), dtype=np.uint8)) for time in range(30)]
        >>> from_frames(frames, strings.OWN_CLIP, "street", (64, 48)).source
        'clip'
    """
    views = _different_frames(frames)
    splits: list[Split | None] = [split_of_time(frame.time, frames[-1].time, GAP * FRAME_SECONDS) for frame in views]
    if splits.count("train") < MIN_TRAIN or not {*SPLITS} <= {*splits}:
        raise UapsegError(strings.FEW_FRAMES.format(different=len(views), frames=len(frames), least=MIN_PHOTOS))
    return _data_set([frame.picture for frame in views], splits, source, base, size)


def _different_frames(frames: Sequence[Frame]) -> list[Frame]:
    views: list[Frame] = []
    next_time, last_thumbnail = 0.0, None
    for frame in frames:
        if frame.time < next_time - 1e-3:
            continue
        next_time = frame.time + FRAME_SECONDS
        thumbnail = np.asarray(Image.fromarray(frame.picture).resize(THUMBNAIL, Image.Resampling.BOX), np.float32)
        if last_thumbnail is None or shows_something_new(thumbnail, last_thumbnail):
            last_thumbnail = thumbnail
            views.append(frame)
    return views


def _data_set(
    pictures: Sequence[Picture], splits: Sequence[Split | None], source: str, base: str, size: tuple[int, int]
) -> OwnPictures:
    size = _common_size(pictures, size)
    arrays = [
        np.asarray(ImageOps.fit(Image.fromarray(picture), size, Image.Resampling.BICUBIC)) for picture in pictures
    ]
    name = PREFIX + hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:8]
    parts: dict[Split, MemoryDataset] = {}
    for split in SPLITS:
        inside = np.stack([array for array, frame_split in zip(arrays, splits, strict=True) if frame_split == split])
        images = torch.as_tensor(np.ascontiguousarray(inside.transpose(0, 3, 1, 2)))
        parts[split] = MemoryDataset(images, name=name, split=split)
    return OwnPictures(name, source, base, parts)


def _common_size(pictures: Sequence[Picture], size: tuple[int, int]) -> tuple[int, int]:
    """The common (width, height): the median aspect ratio, with about as many pixels as ``size``."""
    shape = sorted(picture.shape[1] / picture.shape[0] for picture in pictures)[len(pictures) // 2]
    height = (size[0] * size[1] / shape) ** 0.5
    width, height = (max(MULTIPLE, round(side / MULTIPLE) * MULTIPLE) for side in (height * shape, height))
    return width, height


MIN_SECONDS, MAX_SECONDS = 10.0, 30.0
MIN_FRAMES = 30


class Footage:
    """A camera recording to train on: about ten seconds, more if frames arrive slowly.

    Args:
        number: The browser's number of the recording.

    Example:
        >>> footage = Footage(1)
        >>> for now in (0.0, 0.1, 0.3):
        ...     footage.add(np.zeros((48, 64, 3), np.uint8), now)
        >>> len(footage.frames), footage.full
        (2, False)
    """

    def __init__(self, number: int) -> None:
        self.number, self.frames = number, list[Frame]()
        self._start_time = 0.0

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return self.frames[-1].time if self.frames else 0.0

    @property
    def full(self) -> bool:
        """Whether it is long enough."""
        return self.seconds >= (MIN_SECONDS if len(self.frames) >= MIN_FRAMES else MAX_SECONDS)

    def add(self, picture: Picture, time_now: float) -> None:
        """Adds a frame, unless there are enough or it is too close to the last one; ``time_now`` is in seconds."""
        self._start_time = self._start_time if self.frames else time_now
        time = time_now - self._start_time
        if not self.full and (not self.frames or time >= self.seconds + FRAME_SECONDS):
            self.frames.append(Frame(time, picture))
