"""Objects of hidden classes, cut out of the training pictures along the network's own clean predictions."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from jaxtyping import UInt8
from torch import Tensor

from uapseg.attack.augmentation import CutOut, Paste, random_paste
from uapseg.datasets import Dataset
from uapseg.targets.components import connected_components
from uapseg.tensors import Images

ATTEMPTS = 4
"""How many pictures may be drawn until one shows an object to paste: enough where a third of them do."""

CACHED = 512
"""How many pictures' objects stay in memory: those of some hundred photos, a few megabytes."""

CleanMaps = Callable[[Sequence[int], Images], UInt8[Tensor, "n 2 h w"]]
"""Labels and groups of pictures, by their numbers; asks the network for those that it has not seen yet."""


class CutOuts:
    """Draws objects from the training pictures.

    Pictures are cut when an object of theirs is first drawn. What is drawn depends on the generator and the pictures
    to draw from alone, not on what was drawn before, so that a stopped search goes on with the same objects.

    Args:
        dataset: The training pictures.
        clean_maps: Their labels and groups, of which group 0 are the objects.
        device: Where the objects are needed.
    """

    def __init__(self, dataset: Dataset, clean_maps: CleanMaps, device: torch.device) -> None:
        self._dataset, self._clean_maps, self._device = dataset, clean_maps, device
        self.of = lru_cache(CACHED)(self._cut)
        """The objects of a picture, by its number."""

    def draw(self, count: int, numbers: Sequence[int], generator: torch.Generator) -> list[Paste]:
        """Up to ``count`` objects of some of the pictures, resized and placed; fewer where few show any."""
        pastes: list[Paste] = []
        for _ in range(ATTEMPTS * count):
            if len(pastes) == count:
                break
            number, choice = torch.randint(2**31, (2,), generator=generator).tolist()
            objects = self.of(numbers[number % len(numbers)])
            if objects:
                pastes.append(random_paste(objects[choice % len(objects)], self._dataset.size, generator))
        return pastes

    def _cut(self, number: int) -> list[CutOut]:
        image = self._dataset.pictures([number]).to(self._device).float() / 255
        groups = self._clean_maps([number], image)[0, 1]
        components, count = connected_components((groups == 0).cpu().numpy())
        cut_outs: list[CutOut] = []
        for one in range(1, count + 1):
            mask = torch.as_tensor(components == one)
            rows, columns = (mask.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
            box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            cut_outs.append(CutOut(image[0, :, *box].clone(), mask[box].to(self._device)))
        return cut_outs
