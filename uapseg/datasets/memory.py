"""Pictures in memory: nothing of them is on disk, and they can be sent to another process."""

import hashlib
from collections.abc import Sequence

import torch

from uapseg.datasets.crops import Crop, crop_tensors
from uapseg.datasets.labels import VOID
from uapseg.datasets.splits import Split
from uapseg.tensors import LabelMaps, Pictures


def _content_hash(picture: torch.Tensor) -> str:
    content: bytes = picture.numpy().tobytes()
    return hashlib.sha256(content).hexdigest()[:32]


class MemoryDataset:
    """Pictures of one size, without ground truth.

    Args:
        pictures: The pictures, uint8 (n, 3, h, w).
        name: What the user calls the dataset.
        split: The split.
        licence: Their licence.

    Example:
        >>> dataset = MemoryDataset(torch.zeros(2, 3, 48, 64, dtype=torch.uint8), name="mine", split="train")
        >>> len(dataset), dataset.size, dataset.truth([0]).unique().tolist()
        (2, (64, 48), [255])
    """

    classes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(self, pictures: Pictures, *, name: str, split: Split, licence: str = "your own") -> None:
        self.name, self.licence = name, licence
        self.split: Split = split
        self.size: tuple[int, int] = (pictures.shape[3], pictures.shape[2])
        self.keys: Sequence[str] = tuple(_content_hash(picture) for picture in pictures)
        self._pictures = pictures

    def __len__(self) -> int:
        return len(self._pictures)

    def pictures(self, indices: Sequence[int]) -> Pictures:
        """The pictures with these indices, uint8 (n, 3, h, w)."""
        return self._pictures[list(indices)]

    def truth(self, indices: Sequence[int]) -> LabelMaps:
        """Label maps of 255, as there is no ground truth, uint8 (n, h, w)."""
        return torch.full((len(indices), *self._pictures.shape[2:]), VOID, dtype=torch.uint8)

    def crops(self, indices: Sequence[int], crops: Sequence[Crop]) -> Pictures:
        """Crops of the pictures, scaled to their size, uint8 (n, 3, h, w)."""
        return crop_tensors(self.pictures(indices), crops)

    def prefetch(self, indices: Sequence[int], *, whole: bool = False) -> None:
        """Does nothing: the pictures are decoded already."""
