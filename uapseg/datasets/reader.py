"""The reader of all datasets: from samples to pictures and label maps of one size. And several splits as one."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from PIL import Image, ImageOps

from uapseg.datasets.cache import Pixels, shared_cache
from uapseg.datasets.crops import MAX_MAGNIFICATION, Crop, crop_picture, shrink_for_crops
from uapseg.datasets.labels import VOID
from uapseg.datasets.packed import MappedSequence
from uapseg.datasets.registry import Dataset
from uapseg.datasets.splits import Split
from uapseg.errors import UapsegError
from uapseg.tensors import LabelMaps, Pictures

MAX_PREFETCH = 64
"""The most pictures that are decoded ahead."""

MAX_NOTES = 3
"""The most unreadable label maps that are reported one by one."""

SIDE_RANGE = (16, 4096)
"""The shortest and the longest side that pictures can be scaled to."""


@dataclass(frozen=True)
class Sample:
    """A picture and, if it has one, its label map.

    Attributes:
        key: What identifies the picture.
        name: What to call it.
        read_picture: Reads it, RGB and upright, of any size; raises `UapsegError` if it is damaged.
        read_labels: Reads its label map (h, w) of the same size, 255 where there is no label.

    Example:
        >>> Sample("a", "a.png", read_picture=lambda: Image.new("RGB", (64, 32))).read_picture().size
        (64, 32)
    """

    key: str
    name: str
    read_picture: Callable[[], Image.Image]
    read_labels: Callable[[], Pixels] | None = None


class ImageDataset:
    """A split of a dataset: scaled to cover its size, centre-cropped, and cached as far as memory allows.

    A picture that turns out to be damaged when it is decoded is listed in ``skipped``; the next readable one of the
    split replaces it, so that indices stay valid.

    Args:
        samples: The pictures, in order.
        name: What the user calls the dataset.
        split: The split.
        size: The (width, height) of all pictures.
        licence: The licence of the pictures.
        classes: The names of the labels.
        skipped: The names of pictures already found damaged.
        notes: How the dataset was read, if worth mentioning.

    Raises:
        UapsegError: There are no pictures, or the size is out of range.

    Example:
        >>> sample = Sample("a", "a.png", read_picture=lambda: Image.new("RGB", (64, 32)))
        >>> dataset = ImageDataset([sample], name="mine", split="test", size=(32, 32), licence="MIT")
        >>> dataset.pictures([0]).shape, dataset.truth([0]).unique()
        (torch.Size([1, 3, 32, 32]), tensor([255], dtype=torch.uint8))
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        name: str,
        split: Split,
        size: tuple[int, int],
        licence: str,
        classes: tuple[str, ...] = (),
        skipped: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        if not SIDE_RANGE[0] <= min(size) <= max(size) <= SIDE_RANGE[1]:
            raise UapsegError(
                f"{size[0]}x{size[1]} is not a valid size of pictures: sides have {SIDE_RANGE[0]} to "
                f"{SIDE_RANGE[1]} pixels."
            )
        if not samples:
            raise UapsegError(_unreadable_message(name, split, skipped))
        self.name, self.split, self.size, self.licence = name, split, size, licence
        self.classes = classes if any(sample.read_labels for sample in samples) else ()
        self.keys: Sequence[str] = MappedSequence(_key_of, samples)
        self._samples, self._skipped = samples, dict.fromkeys(skipped)
        self._damaged: set[int] = set()
        self._notes, self._unlabelled = tuple(notes), dict[str, str]()

    @classmethod
    def from_pictures(
        cls, pictures: Sequence[Image.Image], *, name: str = "pictures", split: Split = "test",
        size: tuple[int, int] | None = None,
    ) -> "ImageDataset":  # fmt: skip
        """Makes a dataset of pictures in memory, which have no label maps.

        Args:
            pictures: The pictures, of any size and mode.
            name: What the user calls the dataset.
            split: The split.
            size: The (width, height) of all pictures; None for that of the first.

        Raises:
            UapsegError: There are no pictures, or the size is out of range.

        Example:
            >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
            >>> len(dataset), dataset.size
            (1, (64, 48))
        """
        copies = [picture.convert("RGB") for picture in pictures]
        samples = [
            Sample(sha256(copy.tobytes()).hexdigest(), f"picture {number}", copy.copy)
            for number, copy in enumerate(copies)
        ]
        size = size or (copies[0].size if copies else (SIDE_RANGE[0], SIDE_RANGE[0]))
        return cls(samples, name=name, split=split, size=size, licence="unknown")

    @property
    def skipped(self) -> tuple[str, ...]:
        """The names of the files known to be unreadable."""
        return tuple(self._skipped)

    @property
    def notes(self) -> tuple[str, ...]:
        """How the dataset was read, in sentences, and why label maps could not be, as far as known."""
        reasons = list(self._unlabelled.values())
        remainder = [f"So it is with {len(reasons) - MAX_NOTES} more label maps."] if len(reasons) > MAX_NOTES else []
        return (*self._notes, *reasons[:MAX_NOTES], *remainder)

    def __len__(self) -> int:
        return len(self._samples)

    def pictures(self, indices: Sequence[int]) -> Pictures:
        """The pictures with these indices, uint8 (n, 3, h, w)."""
        return _stack(self._read_pictures(indices))

    def crops(self, indices: Sequence[int], crops: Sequence[Crop]) -> Pictures:
        """Crops of the pictures at their own resolution, scaled to the dataset's size, uint8 (n, 3, h, w)."""
        full_pictures = self._read_pictures(indices, whole=True)
        picture_crops = zip(full_pictures, crops, strict=True)
        return _stack([crop_picture(Image.fromarray(picture), crop, self.size) for picture, crop in picture_crops])

    def truth(self, indices: Sequence[int]) -> LabelMaps:
        """Their true label maps, uint8 (n, h, w); 255 where there is no label."""
        readable_indices = [self._read_picture(index, self._submit(index))[0] for index in indices]
        return _stack([self._read_labels(index) for index in readable_indices])

    def prefetch(self, indices: Sequence[int], *, whole: bool = False) -> None:
        """Begins to decode the first of these in the background, as they come next: ``whole`` if to be cropped."""
        area = 3 * self.size[0] * self.size[1] * (MAX_MAGNIFICATION**2 if whole else 1)
        for number in indices[: min(MAX_PREFETCH, int(shared_cache().limit // (2 * area)))]:
            self._submit(number, whole=whole)

    def _submit(self, number: int, *, whole: bool = False) -> Future[Pixels]:
        sample = self._samples[number]
        decode = _decode_whole if whole else _decode_picture
        return shared_cache().submit((sample.key, self.size, whole), lambda: decode(sample, self.size))

    def _read_pictures(self, indices: Sequence[int], *, whole: bool = False) -> list[Pixels]:
        futures = [self._submit(number, whole=whole) for number in indices]
        pending_pictures = zip(indices, futures, strict=True)
        return [self._read_picture(number, future, whole=whole)[1] for number, future in pending_pictures]

    def _read_picture(self, number: int, future: Future[Pixels], *, whole: bool = False) -> tuple[int, Pixels]:
        """The picture of this number or, if it is damaged, of the next readable one, and which one that is."""
        for candidate in (*range(number, len(self)), *range(number)):
            if candidate in self._damaged:
                continue
            try:
                return candidate, (future if candidate == number else self._submit(candidate, whole=whole)).result()
            except UapsegError:
                self._damaged.add(candidate)
                self._skipped[self._samples[candidate].name] = None
        raise UapsegError(_unreadable_message(self.name, self.split, self.skipped))

    def _read_labels(self, number: int) -> Pixels:
        sample, (width, height) = self._samples[number], self.size
        if sample.read_labels is None:
            return np.full((height, width), VOID, np.uint8)
        try:
            key = (self.name, self.split, number, sample.key, self.size)  # copies may have label maps of their own
            return shared_cache().submit(key, lambda: _decode_labels(sample, self.size)).result()
        except UapsegError as error:
            self._skipped[f"labels of {sample.name}"] = None
            self._unlabelled[sample.name] = str(error)
            return np.full((height, width), VOID, np.uint8)


def _key_of(sample: Sample) -> str:
    return sample.key


def first_size(samples: Sequence[Sample], otherwise: tuple[int, int]) -> tuple[int, int]:
    """Returns the (width, height) of the first readable picture.

    Args:
        samples: The pictures.
        otherwise: The size if none is readable.

    Example:
        >>> first_size([Sample("a", "a.png", lambda: Image.new("RGB", (64, 32)))], otherwise=(8, 8))
        (64, 32)
    """
    for sample in samples:
        with suppress(UapsegError):
            return sample.read_picture().size
    return otherwise


def _decode_picture(sample: Sample, size: tuple[int, int]) -> Pixels:
    picture = ImageOps.fit(sample.read_picture(), size, Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def _decode_whole(sample: Sample, size: tuple[int, int]) -> Pixels:
    """The whole picture (h, w, 3), no larger than crops need it."""
    return np.ascontiguousarray(shrink_for_crops(sample.read_picture(), size))


def _decode_labels(sample: Sample, size: tuple[int, int]) -> Pixels:
    labels = sample.read_labels() if sample.read_labels else np.empty((0, 0), np.uint8)
    return np.array(ImageOps.fit(Image.fromarray(labels), size, Image.Resampling.NEAREST))


def _stack(arrays: list[Pixels]) -> torch.Tensor:
    return torch.as_tensor(np.stack(arrays))


def empty_split_message(split: str, name: str) -> str:
    """Explains why a split may be empty, for error messages.

    Example:
        >>> empty_split_message("test", "photos").startswith("There are no pictures in the test split of photos")
        True
    """
    return (
        f"There are no pictures in the {split} split of {name}: add more, as 70 of a hundred go to train, "
        "15 into val, 15 into test."
    )


def _unreadable_message(name: str, split: str, skipped: Sequence[str]) -> str:
    if not skipped:
        return empty_split_message(split, name)
    return (
        f"No picture in the {split} split of {name} can be read, {len(skipped)} are damaged or missing: "
        f"see {skipped[0]} first."
    )


class ConcatDataset:
    """The concatenation of several splits of one size.

    Args:
        parts: The splits; name, licence and classes are those of the first.
        excluded_keys: The keys of pictures to leave out.

    Example:
        >>> from uapseg.datasets import load_dataset
        >>> parts = [load_dataset("street", split) for split in ("val", "test")]
        >>> len(ConcatDataset(parts))
        128
    """

    def __init__(self, parts: Sequence[Dataset], *, excluded_keys: Collection[str] = ()) -> None:
        first, *_ = self._parts = tuple(parts)
        self.name, self.size = first.name, first.size
        self.split: Split = first.split
        self.licence, self.classes = first.licence, first.classes
        excluded = set(excluded_keys)
        part_indices = [[number for number, key in enumerate(part.keys) if key not in excluded] for part in parts]
        self._numbers = np.concatenate([np.array(indices, np.int32) for indices in part_indices])
        self._ends = np.cumsum([len(indices) for indices in part_indices])
        self.keys: Sequence[str] = MappedSequence(self._key, range(len(self)))

    @property
    def skipped(self) -> tuple[str, ...]:
        """The names of the files known to be unreadable."""
        return tuple(dict.fromkeys(name for part in self._parts for name in part.skipped))

    @property
    def notes(self) -> tuple[str, ...]:
        """How pictures and label maps were found and read, where that needs saying."""
        return tuple(dict.fromkeys(note for part in self._parts for note in part.notes))

    def __len__(self) -> int:
        return len(self._numbers)

    def pictures(self, indices: Sequence[int]) -> Pictures:
        """The pictures with these indices, uint8, on the CPU."""
        self.prefetch(indices)  # all are decoded at once, though they are asked for one by one
        return torch.cat([part.pictures([number]) for part, number in map(self._find, indices)])

    def crops(self, indices: Sequence[int], crops: Sequence[Crop]) -> Pictures:
        """Crops of the pictures at their own resolution, uint8, on the CPU."""
        self.prefetch(indices, whole=True)
        located_crops = zip(map(self._find, indices), crops, strict=True)
        return torch.cat([part.crops([number], [crop]) for (part, number), crop in located_crops])

    def truth(self, indices: Sequence[int]) -> LabelMaps:
        """Their true label maps; 255 where there is no label."""
        return torch.cat([part.truth([number]) for part, number in map(self._find, indices)])

    def prefetch(self, indices: Sequence[int], *, whole: bool = False) -> None:
        """Begins to decode these in the background, as they come next: ``whole`` if to be cropped."""
        for part in self._parts:
            part.prefetch([own_number for owner, own_number in map(self._find, indices) if owner is part], whole=whole)

    def _find(self, number: int) -> tuple[Dataset, int]:
        """The part that a picture is in, and its number there."""
        return self._parts[int(np.searchsorted(self._ends, number, side="right"))], int(self._numbers[number])

    def _key(self, number: int) -> str:
        part, own_number = self._find(number)
        return part.keys[own_number]
