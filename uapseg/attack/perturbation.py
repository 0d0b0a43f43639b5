"""The perturbation itself: how it is laid on pictures, and how it becomes whole grey levels."""

import torch
from PIL import Image

from uapseg.targets.goals import repeat_tile
from uapseg.tensors import Delta, Deltas, Images, Levels

MOST_PIXELS = 2048 * 1024
"""A network is shown no more at once, however large a perturbation is."""


def fit_picture(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Makes a picture smaller until it has no more pixels than those that a perturbation was trained on.

    This comes before a perturbation is laid on a picture that somebody brings: scaled up or laid on a larger scene it
    does little, and shrinking the result would take it off again. A smaller picture stays as it is.

    Args:
        picture: Of any size.
        size: (width, height) of the pictures that the perturbation was trained on; more than 2 megapixels count as 2.
    """
    most = min(size[0] * size[1], MOST_PIXELS)
    share = (most / (picture.width * picture.height)) ** 0.5
    if share >= 1:
        return picture
    width = max(1, round(picture.width * share))
    height = max(1, min(round(picture.height * share), most // width))  # what fits once stays as it is ever after
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def perturb(images: Images, delta: Delta | Deltas) -> Images:
    """Adds a perturbation, repeated from the top left corner, and clamps to what a picture can hold.

    Args:
        images: RGB in [0, 1] (n, 3, h, w).
        delta: The perturbation, in the same units, of any size; or one for each image.

    Source:
        Periodic tiling as in Metzen et al., https://arxiv.org/abs/1704.05712
    """
    return (images + repeat_tile(delta, *images.shape[-2:])).clamp(0, 1)


def quantize_images(images: Images) -> Images:
    """The images as an 8-bit file would hold them, still in [0, 1]."""
    return (images * 255).round() / 255


def to_levels(delta: Delta, epsilon: float) -> Levels:
    """A perturbation in whole grey levels, none beyond ``epsilon`` (in [0, 1])."""
    most = int(epsilon * 255 + 1e-4)  # 10 / 255 * 255 is 10 but for rounding
    return (delta * 255).round().clamp(-most, most).to(torch.int16)


def quantize(delta: Delta, epsilon: float) -> Delta:
    """The perturbation as it would be saved and read again: whole grey levels within ``epsilon``."""
    return to_levels(delta, epsilon).to(delta.dtype) / 255


def random_signs(size: tuple[int, int], epsilon: float, seed: int) -> Delta:
    """Random noise of the same largest change: each value is epsilon up or down; size is (width, height)."""
    generator = torch.Generator().manual_seed(seed)
    return epsilon * (2.0 * torch.randint(2, (3, size[1], size[0]), generator=generator) - 1)
