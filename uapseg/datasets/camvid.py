"""CamVid: street video frames with 11 classes, in the usual layout of one folder for each split.

    ROOT/images/{train,val,test}/*.jpg or *.png
    ROOT/labels/{train,val,test}/*.png        values 0 to 10, anything else is void

Source: Brostow, Fauqueur, Cipolla, Semantic object classes in video, Pattern Recognition Letters 2009.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from uapseg.datasets import Split
from uapseg.errors import UapsegError
from uapseg.tensors import LabelMaps, Pictures

CLASSES = 11


class CamVid:
    """One split of a CamVid folder, read from the disk as it is asked for."""

    def __init__(self, root: Path, split: Split) -> None:
        folder = root / "images" / split
        self._files = sorted([*folder.glob("*.jpg"), *folder.glob("*.png")])
        if not self._files:
            raise UapsegError(f"There are no pictures in {folder}: give the folder that holds images/ and labels/.")
        self._labels = root / "labels" / split
        self.name, self.split, self.licence = f"camvid:{root}", split, "research use"
        with Image.open(self._files[0]) as first:
            self.size = first.size

    def __len__(self) -> int:
        return len(self._files)

    def pictures(self, numbers: Sequence[int]) -> Pictures:
        """The pictures with these numbers, uint8 (n, 3, h, w)."""
        return torch.stack([_read(self._files[n], "RGB").permute(2, 0, 1) for n in numbers])

    def truth(self, numbers: Sequence[int]) -> LabelMaps:
        """Their true label maps, uint8 (n, h, w); 255 where there is no label."""
        files = [self._labels / f"{self._files[n].stem}.png" for n in numbers]
        maps = torch.stack([_read(file, "L") for file in files])
        return maps.masked_fill(maps >= CLASSES, 255)


def _read(file: Path, mode: str) -> Tensor:
    with Image.open(file) as picture:
        return torch.from_numpy(np.array(picture.convert(mode)))


def load(root: str, split: Split) -> CamVid:
    """Opens a split of the folder ``root``.

    Raises:
        UapsegError: The folder holds no pictures of that split.
    """
    return CamVid(Path(root), split)
