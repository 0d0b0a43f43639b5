"""Crops of pictures at their own resolution, whatever size a dataset scales them to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from uapseg.datasets.cache import Pixels
from uapseg.tensors import Pictures, to_list

SCALES = (0.5, 1.0)
"""The smallest and the largest scale of a random crop."""

MAX_MAGNIFICATION = 1 / SCALES[0]
"""Pictures are kept at up to this multiple of the size of the crops: more detail would never be seen."""


@dataclass(frozen=True)
class Crop:
    """A part of a picture with the aspect ratio of the dataset, relative to the picture, so that it fits any picture.

    Attributes:
        scale: Its sides relative to those of the largest such part, in (0, 1].
        across: Where it lies between the left (0) and the right edge (1).
        down: Where it lies between the top (0) and the bottom edge (1).

    Example:
        >>> Crop(scale=0.5, across=0, down=1).box((640, 480), (100, 100))
        (0.0, 240.0, 240.0, 480.0)
    """

    scale: float
    across: float
    down: float

    def box(self, picture_size: tuple[int, int], size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Returns the left, upper, right and lower edge in pixels of a picture.

        Args:
            picture_size: The (width, height) of the picture.
            size: The (width, height) that gives the aspect ratio.
        """
        factor = self.scale * min(picture_side / side for picture_side, side in zip(picture_size, size, strict=True))
        width, height = (side * factor for side in size)
        left, upper = self.across * (picture_size[0] - width), self.down * (picture_size[1] - height)
        return left, upper, min(left + width, picture_size[0]), min(upper + height, picture_size[1])


def random_crops(count: int, *, seed: int) -> list[Crop]:
    """Draws crops of half to all of a side, anywhere in the picture.

    Args:
        count: The number of crops.
        seed: The random seed.

    Example:
        >>> random_crops(2, seed=0) == random_crops(2, seed=0)
        True
    """
    rows = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))
    low, high = SCALES
    return [Crop(low + (high - low) * share, across, down) for share, across, down in map(to_list, rows.unbind())]


def crop_picture(picture: Image.Image, crop: Crop, size: tuple[int, int]) -> Pixels:
    """Cuts a crop out of a picture and scales it, as the whole picture is scaled for a dataset.

    Args:
        picture: The picture.
        crop: The crop.
        size: The (width, height) of the result.

    Returns:
        The crop (3, height, width), in grey levels of 255.

    Example:
        >>> crop_picture(Image.new("RGB", (640, 480)), Crop(0.5, 0, 0), (100, 100)).shape
        (3, 100, 100)
    """
    cropped_picture = picture.resize(size, Image.Resampling.BICUBIC, box=crop.box(picture.size, size))
    return np.ascontiguousarray(np.asarray(cropped_picture).transpose(2, 0, 1))


def crop_tensors(pictures: Pictures, crops: Sequence[Crop]) -> Pictures:
    """Cuts a crop out of each of n pictures in memory, and scales it to their size.

    Example:
        >>> pictures = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4).expand(1, 3, 4, 4)
        >>> bool((crop_tensors(pictures, [Crop(0.5, across=0, down=1)]) >= 7).all())
        True
    """
    height, width = pictures.shape[-2:]
    full_pictures = (Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()) for picture in pictures)
    return torch.as_tensor(
        np.stack(
            [
                crop_picture(full_picture, crop, (width, height))
                for full_picture, crop in zip(full_pictures, crops, strict=True)
            ]
        )
    )


def shrink_for_crops(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scales a picture down to what crops of this (width, height) can show of it; smaller pictures stay as they are.

    Example:
        >>> shrink_for_crops(Image.new("RGB", (4000, 3000)), (100, 100)).size
        (267, 200)
    """
    factor = max(
        MAX_MAGNIFICATION * side / picture_side for picture_side, side in zip(picture.size, size, strict=True)
    )
    if factor >= 1:
        return picture
    width, height = (max(1, round(picture_side * factor)) for picture_side in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)
