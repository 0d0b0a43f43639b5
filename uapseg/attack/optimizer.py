"""How a gradient becomes a direction to go: the rules of the optimizers, as a table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

BETA2 = 0.999
"""How much of the mean square of past gradients stays, for the optimizer adam."""


class Moments(NamedTuple):
    """What a rule keeps of past gradients.

    Attributes:
        momentum: Their running mean or sum, of the perturbation's shape.
        second_moment: The running mean of their squares; zero where the rule needs none.
    """

    momentum: Tensor
    second_moment: Tensor


Rule = Callable[[Tensor, Moments, int, float], tuple[Tensor, Moments]]
"""Maps a gradient of unit mean size, the moments, the number of the step (from 1) and the momentum in [0, 1) to the
direction that is subtracted, and the new moments."""


@dataclass(frozen=True)
class Optimizer:
    """A rule, and how far its own iterate may leave the ball.

    Attributes:
        rule: What it makes of a gradient.
        radius: The bound of the iterate that the rule moves, in units of epsilon; the perturbation is its projection.
    """

    rule: Rule
    radius: float = 1.0


def normalize(gradient: Tensor) -> Tensor:
    """A gradient brought to a mean absolute value of 1.

    Example:
        >>> import torch
        >>> normalize(torch.tensor([[[1.0, -3.0]]])).tolist()
        [[[0.5, -1.5]]]
    """
    return gradient / gradient.abs().mean().clamp(min=1e-30)


def adam(gradient: Tensor, moments: Moments, step: int, momentum: float) -> tuple[Tensor, Moments]:
    """Steps of a size for each value that follows from its own history.

    Source:
        Kingma and Ba, https://arxiv.org/abs/1412.6980, here with projection.
    """
    mean = momentum * moments.momentum + (1 - momentum) * gradient
    square = BETA2 * moments.second_moment + (1 - BETA2) * gradient.square()
    root = (square / (1 - BETA2**step)).sqrt() + 1e-8
    return mean / (1 - momentum**step) / root, Moments(mean, square)


def sign(gradient: Tensor, moments: Moments, step: int, momentum: float) -> tuple[Tensor, Moments]:  # noqa: ARG001
    """Steps of one size for every value, by the sign of the momentum.

    Source:
        Dong et al., Boosting Adversarial Attacks with Momentum, https://arxiv.org/abs/1710.06081.
    """
    total = momentum * moments.momentum + gradient
    return total.sign(), moments._replace(momentum=total)


def dual_averaging(
    gradient: Tensor,
    moments: Moments,
    step: int,  # noqa: ARG001
    momentum: float,
) -> tuple[Tensor, Moments]:
    """Steps as large as the mean gradient is in each value, added up outside of the ball too.

    Source:
        Xiao, Dual Averaging Methods for Regularized Stochastic Learning and Online Optimization, JMLR 11, 2010.
    """
    total = momentum * moments.momentum + gradient
    return normalize(total), moments._replace(momentum=total)


OPTIMIZERS = {
    "dual_averaging": Optimizer(dual_averaging, radius=2.0),  # a single contrary batch does not flip a value's sign
    "sign": Optimizer(sign),
    "adam": Optimizer(adam),
}
"""The optimizers by name."""
