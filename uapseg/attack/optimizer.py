"""Optimizers: how a gradient becomes the direction of a step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

BETA2 = 0.999
"""The decay rate of the second moment, for the optimizer adam."""


class Moments(NamedTuple):
    """Moments of past gradients.

    Attributes:
        momentum: Their running mean or sum, of the perturbation's shape.
        second_moment: The running mean of their squares; zero where the rule needs none.

    Example:
        >>> import torch
        >>> Moments(torch.zeros(3, 2, 2), torch.zeros(3, 2, 2)).momentum.shape
        torch.Size([3, 2, 2])
    """

    momentum: Tensor
    second_moment: Tensor


Rule = Callable[[Tensor, Moments, int, float], tuple[Tensor, Moments]]
"""A function of a gradient with a mean absolute value of 1, the moments, the number of the step (from 1) and the
momentum in [0, 1); it returns the direction to subtract and the new moments."""


@dataclass(frozen=True)
class Optimizer:
    """An update rule, and the bound of its iterate.

    Attributes:
        rule: The update rule.
        radius: The largest absolute value of the iterate, in units of epsilon; the perturbation is its projection.

    Example:
        >>> Optimizer(sign).radius
        1.0
    """

    rule: Rule
    radius: float = 1.0


def normalize(gradient: Tensor) -> Tensor:
    """Scales a gradient to a mean absolute value of 1.

    Example:
        >>> import torch
        >>> normalize(torch.tensor([[[1.0, -3.0]]])).tolist()
        [[[0.5, -1.5]]]
    """
    return gradient / gradient.abs().mean().clamp(min=1e-30)


def adam(gradient: Tensor, moments: Moments, step: int, momentum: float) -> tuple[Tensor, Moments]:
    """Adam: the step size of each value adapts to its past gradients.

    Source:
        Kingma and Ba, https://arxiv.org/abs/1412.6980, here with projection.

    Example:
        >>> import torch
        >>> zero, gradient = torch.zeros(3, 1, 1), torch.full((3, 1, 1), 0.5)
        >>> adam(gradient, Moments(zero, zero), step=1, momentum=0.9)[0].flatten().round(decimals=3).tolist()
        [1.0, 1.0, 1.0]
    """
    mean = momentum * moments.momentum + (1 - momentum) * gradient
    square = BETA2 * moments.second_moment + (1 - BETA2) * gradient.square()
    root = (square / (1 - BETA2**step)).sqrt() + 1e-8
    return mean / (1 - momentum**step) / root, Moments(mean, square)


def sign(gradient: Tensor, moments: Moments, step: int, momentum: float) -> tuple[Tensor, Moments]:  # noqa: ARG001  as adam
    """The sign of the momentum: steps of one size for all values.

    Source:
        Dong et al., Boosting Adversarial Attacks with Momentum, https://arxiv.org/abs/1710.06081.

    Example:
        >>> import torch
        >>> zero = torch.zeros(3, 1, 1)
        >>> sign(torch.full((3, 1, 1), -0.5), Moments(zero, zero), step=1, momentum=0.9)[0].flatten().tolist()
        [-1.0, -1.0, -1.0]
    """
    total = momentum * moments.momentum + gradient
    return total.sign(), moments._replace(momentum=total)


def dual_averaging(
    gradient: Tensor,
    moments: Moments,
    step: int,  # noqa: ARG001  as adam
    momentum: float,
) -> tuple[Tensor, Moments]:
    """Dual averaging: steps proportional to the momentum, summed without projection up to the optimizer's radius.

    Source:
        Xiao, Dual Averaging Methods for Regularized Stochastic Learning and Online Optimization, JMLR 11, 2010.

    Example:
        >>> import torch
        >>> zero, gradient = torch.zeros(3, 1, 1), torch.tensor([0.5, 1.0, 1.5]).view(3, 1, 1)
        >>> dual_averaging(gradient, Moments(zero, zero), step=1, momentum=0.9)[0].flatten().tolist()
        [0.5, 1.0, 1.5]
    """
    total = momentum * moments.momentum + gradient
    return normalize(total), moments._replace(momentum=total)


OPTIMIZERS = {
    "dual_averaging": Optimizer(dual_averaging, radius=2.0),  # a single contrary batch does not flip a value's sign
    "sign": Optimizer(sign),
    "adam": Optimizer(adam),
}
"""The optimizers by name."""
