"""The embedded data set: rendered street scenes, drawn when first asked for and then kept on the disk."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from platformdirs import user_cache_path
from torch import Tensor

from uapseg.datasets import Split
from uapseg.scenery import SIZE, SPLITS, VERSION, render
from uapseg.tensors import LabelMaps, Pictures


class Street:
    """One split of the rendered scenes."""

    def __init__(self, split: Split, cache: Path) -> None:
        self.name, self.split, self.size, self.licence = "street", split, SIZE, "MIT"
        self._folder = cache / f"street-{VERSION}" / split
        self._scenes: dict[int, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        return SPLITS[self.split]

    def pictures(self, numbers: Sequence[int]) -> Pictures:
        """The pictures with these numbers, uint8 (n, 3, h, w)."""
        return torch.stack([self._scene(n)[:3] for n in numbers])

    def truth(self, numbers: Sequence[int]) -> LabelMaps:
        """Their exact label maps, uint8 (n, h, w)."""
        return torch.stack([self._scene(n)[3] for n in numbers])

    def _scene(self, number: int) -> Tensor:
        if number not in self._scenes:
            self._scenes[number] = self._stored(number)
        return torch.from_numpy(self._scenes[number])

    def _stored(self, number: int) -> NDArray[np.uint8]:
        """Picture and labels as one array (4, h, w): from the disk, or rendered and left there for the next time."""
        file = self._folder / f"{number:04d}.png"
        with suppress(OSError, ValueError), Image.open(file) as stored:
            return np.ascontiguousarray(np.asarray(stored).transpose(2, 0, 1))
        scene = render(self.split, number)
        whole = np.dstack([scene.picture, scene.labels])
        with suppress(OSError):  # a full or read-only disk costs time, not the run
            self._folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}.part")
            Image.fromarray(whole, "RGBA").save(part, "PNG", compress_level=1)
            part.replace(file)
        return np.ascontiguousarray(whole.transpose(2, 0, 1))


def load(split: Split) -> Street:
    """Opens a split; scenes are kept under the user's cache folder, or under ``UAPSEG_CACHE`` where that is set."""
    return Street(split, Path(os.environ.get("UAPSEG_CACHE") or user_cache_path("uapseg")))
