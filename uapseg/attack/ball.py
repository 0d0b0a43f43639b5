"""The perturbations that are allowed: a ball in the maximum norm or in the Euclidean norm."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from uapseg.tensors import Delta, Levels

MAX_LEVEL = 127
"""The largest absolute grey level in a ball of the Euclidean norm: what a file of 128 + level holds."""

_ROUNDING = 1e-4
"""By how many grey levels floating-point numbers may miss the bound: 10 / 255 * 255 is 10 but for rounding."""

_HALVINGS = 24
"""How often the factor is bisected that keeps rounded values in a ball of the Euclidean norm."""


@dataclass(frozen=True)
class Ball:
    """The perturbations within epsilon of none, in one of two norms.

    In the Euclidean norm, epsilon bounds the root mean square of all values, so that it is in the same unit for both
    norms and for every size: the norm of a perturbation of width x height pixels is at most
    ``epsilon * sqrt(3 * width * height)``. No value exceeds `MAX_LEVEL`, as files hold no more.

    Attributes:
        epsilon: The bound, in [0, 1].
        norm: ``linf`` for the largest absolute value, ``l2`` for the root mean square.

    Source:
        Both norms: Moosavi-Dezfooli et al., Universal adversarial perturbations, https://arxiv.org/abs/1610.08401

    Example:
        >>> delta = torch.tensor([0.03, 0.0, 0.0]).view(3, 1, 1)
        >>> Ball(0.02).project(delta).flatten().tolist() == [0.019999999552965164, 0.0, 0.0]
        True
        >>> Ball(0.02, "l2").project(delta).equal(delta)  # its root mean square is 0.017
        True
    """

    epsilon: float
    norm: Literal["linf", "l2"] = "linf"

    def __str__(self) -> str:
        return f"{self.epsilon * 255:g}{' (L2)' * (self.norm == 'l2')}"

    @property
    def noise_name(self) -> str:
        """What `random_noise` draws, in words."""
        if self.norm == "linf":
            return "random signs of the same epsilon"
        return "normally distributed values of the same root mean square"

    def project(self, delta: Delta, radius: float = 1.0) -> Delta:
        """Brings a perturbation into the ball: a value that is too large is cut, a vector that is too long is scaled.

        Args:
            delta: The perturbation, in the unit of images.
            radius: The factor of epsilon to stay within.

        Example:
            >>> Ball(0.02, "l2").project(torch.full((3, 2, 2), 0.5))[0, 0]
            tensor([0.0200, 0.0200])
        """
        max_size = radius * self.epsilon
        if self.norm == "linf":
            return delta.clamp(-max_size, max_size)
        delta = delta.clamp(-MAX_LEVEL / 255, MAX_LEVEL / 255)
        return delta * (max_size / root_mean_square(delta).clamp(min=max(max_size, 1e-30)))

    def normalize_step(self, direction: Tensor) -> Tensor:
        """Scales the direction of a step to a root mean square of 1 in the Euclidean norm; else it stays as it is.

        Example:
            >>> Ball(0.02, "l2").normalize_step(torch.full((3, 2, 2), 4.0)).unique()
            tensor([1.])
        """
        return direction if self.norm == "linf" else direction / root_mean_square(direction).clamp(min=1e-30)

    def to_levels(self, delta: Delta) -> Levels:
        """Rounds a perturbation to whole grey levels within the ball.

        In the Euclidean norm, rounding may lengthen a perturbation: it is then scaled down first, by as little as
        keeps it in the ball.

        Example:
            >>> Ball(10 / 255).to_levels(torch.full((3, 1, 1), 0.05)).flatten().tolist()
            [10, 10, 10]
            >>> Ball(2 / 255, "l2").to_levels(torch.tensor([2.6, 1.6, 1.4]).view(3, 1, 1) / 255).flatten().tolist()
            [2, 2, 1]
        """
        if self.norm == "linf":
            max_level = int(self.epsilon * 255 + _ROUNDING)
            return (delta * 255).round().clamp(-max_level, max_level).to(torch.int16)
        levels = _round(delta)
        return levels if self.holds(levels) else _round(delta * self._rounding_factor(delta))

    def quantize(self, delta: Delta) -> Delta:
        """Rounds a perturbation to whole grey levels within the ball, still in the unit of images.

        Example:
            >>> Ball(10 / 255).quantize(torch.full((3, 1, 1), 0.05)).max() * 255
            tensor(10.)
        """
        return self.to_levels(delta).to(delta.dtype) / 255

    def holds(self, levels: Levels) -> bool:
        """Whether a perturbation in whole grey levels is in the ball.

        Example:
            >>> levels = torch.tensor([3, 0, 0], dtype=torch.int16).view(3, 1, 1)
            >>> Ball(2 / 255).holds(levels), Ball(2 / 255, "l2").holds(levels)
            (False, True)
        """
        return size_in_levels(levels, self.norm) <= self.epsilon * 255 + _ROUNDING

    def random_noise(self, size: tuple[int, int], seed: int) -> Delta:
        """Draws random noise as large as the ball allows.

        In the maximum norm these are random signs, +epsilon or -epsilon each; in the Euclidean norm, a normal
        distribution scaled to a root mean square of epsilon, which has no preferred direction.

        Args:
            size: The (width, height).
            seed: The random seed.

        Example:
            >>> Ball(0.5).random_noise((4, 2), seed=0).abs().unique()
            tensor([0.5000])
            >>> root_mean_square(Ball(0.02, "l2").random_noise((4, 2), seed=0))
            tensor(0.0200)
        """
        generator = torch.Generator().manual_seed(seed)
        if self.norm == "linf":
            return self.epsilon * (2.0 * torch.randint(2, (3, size[1], size[0]), generator=generator) - 1)
        noise = torch.randn(3, size[1], size[0], generator=generator)
        return noise * (self.epsilon / root_mean_square(noise))

    def _rounding_factor(self, delta: Delta) -> float:
        """The largest factor, but for 2**-24, with which a perturbation is still in the ball once it is rounded."""
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.holds(_round(delta * middle)) else (low, middle)
        return low


def root_mean_square(values: Tensor) -> Tensor:
    """The root of the mean square of all values: their Euclidean norm, divided by the root of their number.

    Example:
        >>> root_mean_square(torch.tensor([3.0, -3.0]))
        tensor(3.)
    """
    return values.square().mean().sqrt()


def size_in_levels(levels: Levels, norm: str) -> float:
    """The largest absolute value (``linf``) or the root mean square (``l2``) of a perturbation, in grey levels of 255.

    Example:
        >>> levels = torch.tensor([[[4]], [[-4]], [[0]]], dtype=torch.int16)
        >>> size_in_levels(levels, "linf"), round(size_in_levels(levels, "l2"), 2)
        (4.0, 3.27)
    """
    values = levels.double()
    return (values.abs().max() if norm == "linf" else root_mean_square(values)).item()


def _round(delta: Delta) -> Levels:
    return (delta * 255).round().clamp(-MAX_LEVEL, MAX_LEVEL).to(torch.int16)
