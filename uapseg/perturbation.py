"""The perturbation itself: how it is laid on pictures, and how it becomes whole grey levels."""

import torch

from uapseg.targets import repeated
from uapseg.tensors import Delta, Deltas, Images, Levels


def perturb(images: Images, delta: Delta | Deltas) -> Images:
    """Adds a perturbation, repeated from the top left corner, and clamps to what a picture can hold.

    Args:
        images: RGB in [0, 1] (n, 3, h, w).
        delta: The perturbation, in the same units, of any size; or one for each image.

    Source:
        Periodic tiling as in Metzen et al., https://arxiv.org/abs/1704.05712
    """
    return (images + repeated(delta, *images.shape[-2:])).clamp(0, 1)


def eight_bit(images: Images) -> Images:
    """The images as an 8-bit file would hold them, still in [0, 1]."""
    return (images * 255).round() / 255


def levels(delta: Delta, epsilon: float) -> Levels:
    """A perturbation in whole grey levels, none beyond ``epsilon`` (in [0, 1])."""
    most = int(epsilon * 255 + 1e-4)  # 10 / 255 * 255 is 10 but for rounding
    return (delta * 255).round().clamp(-most, most).to(torch.int16)


def quantise(delta: Delta, epsilon: float) -> Delta:
    """The perturbation as it would be saved and read again: whole grey levels within ``epsilon``."""
    return levels(delta, epsilon).to(delta.dtype) / 255


def random_signs(size: tuple[int, int], epsilon: float, seed: int) -> Delta:
    """Random noise of the same largest change: each value is epsilon up or down; size is (width, height)."""
    generator = torch.Generator().manual_seed(seed)
    return epsilon * (2.0 * torch.randint(2, (3, size[1], size[0]), generator=generator) - 1)
