"""Tensor types by shape: n images, k classes, h by w pixels, a perturbation of th by tw pixels.

Example:
    >>> import torch
    >>> isinstance(torch.zeros(1, 3, 4, 6), Images)
    True
    >>> isinstance(torch.zeros(1, 4, 6), Images)
    False
"""

from typing import Any, cast

import torch
from jaxtyping import Float, Int16, UInt8
from numpy.typing import NDArray
from torch import Tensor

Pictures = UInt8[Tensor, "n 3 h w"]
"""RGB pictures in grey levels of 255, as in files."""

Images = Float[Tensor, "n 3 h w"]
"""RGB pictures in [0, 1]."""

Logits = Float[Tensor, "n k h w"]
"""A score for each class and pixel, before the softmax."""

LabelMaps = UInt8[Tensor, "n h w"]
"""A class index for each pixel, in one byte; 255 means no class."""

PixelLoss = Float[Tensor, "n h w"]
"""A loss for each pixel, before averaging."""

Delta = Float[Tensor, "3 th tw"]
"""A perturbation in the unit of images, with values in [-epsilon, epsilon]."""

Deltas = Float[Tensor, "n 3 th tw"]
"""A perturbation for each of n images."""

Levels = Int16[Tensor, "3 th tw"]
"""A perturbation in whole grey levels of 255, as in files."""


def to_list(tensor: Tensor) -> list[float]:
    """Converts a tensor of one axis to a list of floats; torch leaves ``tolist`` untyped.

    Example:
        >>> import torch
        >>> to_list(torch.tensor([0.5, 1.0]))
        [0.5, 1.0]
    """
    return cast("Any", tensor).tolist()


def to_integers(tensor: Tensor) -> list[int]:
    """Converts an integer tensor of one axis to a list; torch leaves ``tolist`` untyped.

    Example:
        >>> import torch
        >>> to_integers(torch.tensor([1, 2]))
        [1, 2]
    """
    return cast("Any", tensor).tolist()


def from_array(array: NDArray[Any]) -> Tensor:
    """A tensor that shares its memory with an array; torch leaves ``from_numpy`` untyped.

    Example:
        >>> import numpy as np
        >>> from_array(np.zeros((2, 3), np.uint8)).shape
        torch.Size([2, 3])
    """
    return cast("Any", torch).from_numpy(array)
