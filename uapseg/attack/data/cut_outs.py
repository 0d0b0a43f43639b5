"""Objects of hidden classes, cut out of training pictures along the network's own clean predictions."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from jaxtyping import UInt8
from torch import Tensor

from uapseg.attack.data.augmentation import CutOut, Paste, random_paste
from uapseg.datasets import Dataset
from uapseg.targets.components import connected_components
from uapseg.tensors import Images, to_integers

ATTEMPTS = 4
"""The most pictures drawn for one object to paste: enough if a third of them show one."""

CACHED = 512
"""The number of pictures whose objects are cached: a few megabytes."""

CleanMaps = Callable[[Sequence[int], Images], UInt8[Tensor, "n 2 h w"]]
"""Returns labels and groups of pictures by their indices, predicting those that are not cached."""


class CutOuts:
    """Draws objects from training pictures.

    A picture is cut when one of its objects is first drawn. Draws depend on the generator and the pictures alone, not
    on earlier draws, so that a resumed search gets the same objects.

    Args:
        dataset: The training pictures.
        clean_maps: Returns their labels and groups; group 0 are the objects.
        device: The device of the objects.

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
        """The objects of a picture, by its number."""

    def draw(self, count: int, indices: Sequence[int], generator: torch.Generator) -> list[Paste]:
        """Draws up to ``count`` objects, resized and placed; fewer if few pictures show any.

        Args:
            count: The number of objects.
            indices: The indices of the pictures to draw from.
            generator: The source of randomness.
        """
        pastes: list[Paste] = []
        for _ in range(ATTEMPTS * count):
            if len(pastes) == count:
                break
            number, choice = to_integers(torch.randint(2**31, (2,), generator=generator))
            objects = self.of(indices[number % len(indices)])
            if objects:
                pastes.append(random_paste(objects[choice % len(objects)], self._dataset.size, generator))
        return pastes

    def _cut(self, number: int) -> list[CutOut]:
        image = self._dataset.pictures([number]).to(self._device).float() / 255
        groups = self._clean_maps([number], image)[0, 1]
        components, count = connected_components((groups == 0).cpu().numpy())
        cut_outs: list[CutOut] = []
        for component in range(1, count + 1):
            mask = torch.as_tensor(components == component)
            rows, columns = (to_integers(mask.any(axis).nonzero().flatten()) for axis in (1, 0))
            box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            cut_outs.append(CutOut(image[0, :, *box].clone(), mask[box].to(self._device)))
        return cut_outs
