"""Objects of hidden classes, cut out of training pictures along the network's own clean predictions.

All objects of a picture are cut out together, as they stand: most of their connected components are fragments.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from jaxtyping import UInt8
from torch import Tensor

from uapseg.attack.data.augmentation import CutOut, Paste, random_paste
from uapseg.datasets import Dataset
from uapseg.tensors import Images, to_integers

ATTEMPTS = 4
"""The most pictures drawn for one cut-out: enough if a third of them show an object."""

CACHED = 128
"""The number of pictures whose cut-outs are cached: about 55 MB for scenes of 384x256 pixels."""

CleanMaps = Callable[[Sequence[int], Images], UInt8[Tensor, "n 2 h w"]]
"""Returns labels and groups of pictures by their indices, predicting those that are not cached."""


class CutOuts:
    """Draws cut-outs from training pictures.

    A picture is cut when it is first drawn. Draws depend on the generator and the pictures alone, not on earlier
    draws, so that a resumed search gets the same objects.

    Args:
        dataset: The training pictures.
        clean_maps: Returns their labels and groups; group 0 are the objects.
        device: The device of the cut-outs.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> clean_maps = lambda indices, images: torch.zeros(len(images), 2, 48, 64, dtype=torch.uint8)
        >>> cut_outs = CutOuts(dataset, clean_maps, torch.device("cpu"))
        >>> len(cut_outs.draw(2, [0], torch.Generator().manual_seed(0)))
        2
    """

    def __init__(self, dataset: Dataset, clean_maps: CleanMaps, device: torch.device) -> None:
        self._dataset, self._clean_maps, self._device = dataset, clean_maps, device
        self.of = lru_cache(CACHED)(self._cut)
        """The objects of a picture by its number; None if it shows none."""

    def draw(self, count: int, indices: Sequence[int], generator: torch.Generator) -> list[Paste]:
        """Draws up to ``count`` cut-outs, resized and placed; fewer if few pictures show any objects.

        Args:
            count: The number of cut-outs.
            indices: The indices of the pictures to draw from.
            generator: The source of randomness.
        """
        pastes: list[Paste] = []
        for _ in range(ATTEMPTS * count):
            if len(pastes) == count:
                break
            number = int(torch.randint(2**31, (1,), generator=generator))
            cut_out = self.of(indices[number % len(indices)])
            if cut_out:
                pastes.append(random_paste(cut_out, self._dataset.size, generator))
        return pastes

    def _cut(self, number: int) -> CutOut | None:
        image = self._dataset.pictures([number]).to(self._device).float() / 255
        mask = self._clean_maps([number], image)[0, 1] == 0
        if not mask.any():
            return None
        rows, columns = (to_integers(mask.any(axis).nonzero().flatten()) for axis in (1, 0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        return CutOut(image[0, :, *box].clone(), mask[box].to(self._device))
