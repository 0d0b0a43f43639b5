"""Differentiable transforms of pictures: JPEG, resizing, blur, brightness, shift and zoom.

A perturbation trained through them is more robust to them.

Source:
    Xu, Singh, Robust Universal Adversarial Perturbations, https://arxiv.org/abs/2206.10858, for the idea; Shin, Song,
    JPEG-resistant adversarial images, 2017, for a differentiable JPEG.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from uapseg.tensors import Images, LabelMaps

LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99), *[(99,) * 8] * 4,
)  # fmt: skip
"""The quantization tables of the JPEG standard, annex K, for quality 50."""

TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


@dataclass(frozen=True)
class Framing:
    """A zoom and a translation, with mirrored edges.

    Attributes:
        zoom: The scale, about the centre.
        down: The translation downwards, as a share of the height.
        right: The translation to the right, as a share of the width.

    Example:
        >>> Framing(right=0.5).labels(torch.tensor([[[1, 2]]], dtype=torch.uint8)).tolist()
        [[[1, 1]]]
    """

    zoom: float = 1.0
    down: float = 0.0
    right: float = 0.0

    def images(self, images: Images) -> Images:
        """Transforms pictures, with bilinear interpolation."""
        return self._apply(images, "bilinear")

    def labels(self, maps: LabelMaps) -> LabelMaps:
        """Transforms label maps alike, with nearest-neighbour interpolation."""
        return self._apply(maps[:, None].float(), "nearest")[:, 0].to(maps.dtype)

    def _apply(self, values: Tensor, mode: str) -> Tensor:
        if self == Framing():
            return values
        back = values.new_tensor([[1, 0, -2 * self.right], [0, 1, -2 * self.down]]) / self.zoom
        grid = F.affine_grid(back.expand(len(values), 2, 3), [*values.shape], align_corners=False)
        return F.grid_sample(values, grid, mode, padding_mode="reflection", align_corners=False)


def identity(images: Images) -> Images:
    """Returns the pictures unchanged.

    Example:
        >>> identity(torch.ones(1, 3, 2, 4)).mean()
        tensor(1.)
    """
    return images


@dataclass(frozen=True)
class Transform:
    """A transform of a batch of pictures before the network.

    Attributes:
        change: The change of the pixel values.
        framing: The zoom and translation afterwards.

    Example:
        >>> Transform(partial(adjust_brightness, factor=0.5)).images(torch.ones(1, 3, 2, 4)).mean()
        tensor(0.5000)
    """

    change: Callable[[Images], Images] = identity
    framing: Framing = Framing()

    def images(self, images: Images) -> Images:
        """Transforms pictures (n, 3, h, w) in [0, 1]."""
        return self.framing.images(self.change(images))


def adjust_brightness(images: Images, factor: float) -> Images:
    """Multiplies the pixel values by a factor.

    Example:
        >>> adjust_brightness(torch.full((1, 3, 2, 4), 0.5), factor=1.2).mean()
        tensor(0.6000)
    """
    return (images * factor).clamp(0, 1)


def resize(images: Images, factor: float) -> Images:
    """Scales pictures down by a factor in (0, 1], and back to their size.

    Example:
        >>> resize(torch.ones(1, 3, 32, 48), factor=0.75).shape
        torch.Size([1, 3, 32, 48])
    """
    small_size = [max(1, round(side * factor)) for side in images.shape[-2:]]
    small_images = F.interpolate(images, small_size, mode="bilinear", align_corners=False, antialias=True)
    return F.interpolate(small_images, images.shape[-2:], mode="bilinear", align_corners=False).clamp(0, 1)


def blur(images: Images, sigma: float) -> Images:
    """Blurs pictures by a Gaussian with a standard deviation of ``sigma`` pixels.

    Example:
        >>> blur(torch.ones(1, 3, 32, 48), sigma=0.8).shape
        torch.Size([1, 3, 32, 48])
    """
    reach = max(1, math.ceil(3 * sigma))
    places = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    bell = torch.exp(-0.5 * (places / sigma) ** 2)
    bell = (bell / bell.sum()).expand(3, 1, 1, -1)
    wide = F.pad(images, (reach, reach, 0, 0), mode="replicate")
    across = F.conv2d(wide, bell, groups=3)
    tall = F.pad(across, (0, 0, reach, reach), mode="replicate")
    return F.conv2d(tall, bell.transpose(2, 3), groups=3)


def jpeg(images: Images, quality: int) -> Images:
    """Simulates JPEG compression with 4:2:0 chroma subsampling; gradients pass straight through its rounding.

    Args:
        images: Images (n, 3, h, w) in [0, 1].
        quality: The quality in [1, 100].

    Example:
        >>> jpeg(torch.ones(1, 3, 32, 48), quality=75).shape
        torch.Size([1, 3, 32, 48])
    """
    height, width = images.shape[-2:]
    padded_images = F.pad(images, (0, -width % 16, 0, -height % 16), mode="replicate")
    matrix = images.new_tensor(TO_YCC)
    planes = torch.einsum("ij,njhw->nihw", matrix, padded_images) * 255
    luma = _quantize(planes[:, :1] - 128, _quantization_table(LUMA, quality)) + 128
    small_chroma = F.avg_pool2d(planes[:, 1:], 2)
    colour = F.interpolate(
        _quantize(small_chroma, _quantization_table(CHROMA, quality)), scale_factor=2, mode="bilinear"
    )
    coded_planes = torch.cat([luma, colour], dim=1) / 255
    decoded_images = torch.einsum("ij,njhw->nihw", matrix.inverse(), coded_planes)
    return decoded_images[..., :height, :width].clamp(0, 1)


def _quantize(plane: Tensor, table: Tensor) -> Tensor:
    """Quantizes the cosine transform of each 8x8 block of planes (n, c, h, w)."""
    n, c, height, width = plane.shape
    basis, table = _basis().to(plane), table.to(plane)
    blocks = plane.view(n, c, height // 8, 8, width // 8, 8).transpose(3, 4)
    coefficients = basis @ blocks @ basis.T / table
    coefficients = coefficients + (coefficients.round() - coefficients).detach()
    return (basis.T @ (coefficients * table) @ basis).transpose(3, 4).reshape(n, c, height, width)


def _quantization_table(base: tuple[tuple[int, ...], ...], quality: int) -> Tensor:
    """The quantization table for a quality, as libjpeg scales it."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return ((torch.tensor(base) * scale + 50) / 100).floor().clamp(1, 255)


@cache
def _basis() -> Tensor:
    """The orthonormal cosine transform of 8 values (8, 8)."""
    row, column = torch.arange(8.0).view(8, 1), torch.arange(8.0)
    basis = torch.cos((2 * column + 1) * row * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    return basis


RANDOM_TRANSFORMS: dict[str, Callable[[random.Random], Transform]] = {
    "nothing": lambda rng: Transform(),  # noqa: ARG005  as pictures are most often
    "jpeg": lambda rng: Transform(partial(jpeg, quality=rng.randint(40, 95))),
    "resize": lambda rng: Transform(partial(resize, factor=rng.uniform(0.6, 1))),
    "blur": lambda rng: Transform(partial(blur, sigma=rng.uniform(0.3, 1.2))),
    "brightness": lambda rng: Transform(partial(adjust_brightness, factor=rng.uniform(0.8, 1.2))),
    "framing": lambda rng: Transform(
        framing=Framing(math.exp(rng.uniform(-0.25, 0.25)), rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05))
    ),
}
"""What `random_transform` chooses from; each draws its strength."""


def random_transform(seed: int) -> Transform:
    """One of `RANDOM_TRANSFORMS` at a random strength.

    Example:
        >>> images = torch.rand(2, 3, 32, 48)
        >>> random_transform(seed=1).images(images).shape
        torch.Size([2, 3, 32, 48])
    """
    rng = random.Random(seed)  # noqa: S311  repeatable, not secret
    return RANDOM_TRANSFORMS[rng.choice(list(RANDOM_TRANSFORMS))](rng)
