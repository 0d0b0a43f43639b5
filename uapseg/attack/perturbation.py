"""Adding perturbations to pictures, as their size and their 8 bits require."""

from PIL import Image

from uapseg.targets.goals import repeat_tile
from uapseg.tensors import Delta, Deltas, Images

MAX_PIXELS = 2048 * 1024
"""The most pixels of a picture for a network, however large the perturbation is."""


def fit_picture(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scales a picture down to at most as many pixels as the training pictures have; a smaller one stays as it is.

    A perturbation has little effect at a larger scale or on a larger scene, and scaling the perturbed picture would
    remove it.

    Args:
        picture: A picture of any size.
        size: The (width, height) of the training pictures; above 2 megapixels, 2 megapixels count.

    Example:
        >>> fit_picture(Image.new("RGB", (768, 512)), (384, 256)).size
        (384, 256)
    """
    max_pixels = min(size[0] * size[1], MAX_PIXELS)
    share = (max_pixels / (picture.width * picture.height)) ** 0.5
    if share >= 1:
        return picture
    width = max(1, round(picture.width * share))
    height = max(1, min(round(picture.height * share), max_pixels // width))  # so that a fitted picture stays as it is
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def perturb(images: Images, delta: Delta | Deltas) -> Images:
    """Adds a perturbation, repeated from the top left corner, and clamps to [0, 1].

    Args:
        images: RGB in [0, 1] (n, 3, h, w).
        delta: The perturbation in the same unit, of any size; or one for each image.

    Source:
        Periodic tiling as in Metzen et al., https://arxiv.org/abs/1704.05712

    Example:
        >>> import torch
        >>> perturb(torch.full((1, 3, 2, 4), 0.99), torch.full((3, 1, 1), 0.04)).max()
        tensor(1.)
    """
    return (images + repeat_tile(delta, *images.shape[-2:])).clamp(0, 1)


def quantize_images(images: Images) -> Images:
    """Rounds images to 8 bits, still in [0, 1].

    Example:
        >>> import torch
        >>> quantize_images(torch.full((1, 3, 1, 1), 0.5))[0, 0] * 255
        tensor([[128.]])
    """
    return (images * 255).round() / 255
