"""How a gradient becomes a step inside the ball of epsilon."""

from dataclasses import replace
from math import cos, pi

import torch
from torch import Tensor

from uapseg.attack.objective import normalize
from uapseg.attack.settings import Settings
from uapseg.attack.state import State
from uapseg.tensors import Delta

DUAL_RADIUS = 2.0
"""The bound of dual averaging on its own iterate, in units of epsilon. What a value gained beyond epsilon it must lose
again before the perturbation changes, so that a single contrary batch does not flip its sign."""

BETA2 = 0.999
"""How much of the mean square of past gradients stays, for the optimizer adam."""


def optimizer_step(state: State, gradient: Tensor, settings: Settings, share: float) -> State:
    """The state one step further down.

    Args:
        state: Where the search stands, what was spent for the gradient included.
        gradient: What to descend against, of any size.
        settings: How to search.
        share: The share of the budget that was spent before.

    Source:
        Momentum on normalised gradients after Dong et al., https://arxiv.org/abs/1710.06081; ``adam`` after Kingma and
        Ba, https://arxiv.org/abs/1412.6980, with projection; ``dual_averaging`` after Xiao, JMLR 11, 2010, which
        projects for use alone, but goes no further than `DUAL_RADIUS`.
    """
    gradient = normalize(gradient)
    momentum, square = settings.momentum * state.momentum + gradient, state.second_moment
    if settings.optimizer == "adam":
        momentum = settings.momentum * state.momentum + (1 - settings.momentum) * gradient
        square = BETA2 * state.second_moment + (1 - BETA2) * gradient.square()
        age = state.step + 1
        way = momentum / (1 - settings.momentum**age) / ((square / (1 - BETA2**age)).sqrt() + 1e-8)
    else:
        way = normalize(momentum) if settings.optimizer == "dual_averaging" else momentum.sign()
    most = epsilon_at(settings, share)
    loose = _clamp(
        state.dual - step_size_at(settings, share) * way,
        most * (DUAL_RADIUS if settings.optimizer == "dual_averaging" else 1),
    )
    return replace(
        state,
        step=state.step + 1,
        dual=loose,
        delta=_clamp(loose, most),
        momentum=momentum,
        second_moment=square,
        grad_sum=torch.zeros_like(gradient),
    )


def inner_step(delta: Delta, gradient: Tensor, settings: Settings, share: float) -> Delta:
    """The perturbation after a small step, from which the next of several gradients is taken.

    Source:
        Stochastic gradient aggregation, Liu et al., Enhancing Generalization of Universal Adversarial Perturbation
        through Gradient Aggregation, https://arxiv.org/abs/2308.06015.
    """
    return _clamp(delta - step_size_at(settings, share) * gradient.sign(), epsilon_at(settings, share))


def step_size_at(settings: Settings, share: float) -> float:
    """The size of a step when a share of the budget is spent: along a cosine to nothing, or always the same."""
    return settings.step_size * (0.5 * (1 + cos(pi * share)) if settings.decay else 1.0)


def epsilon_at(settings: Settings, share: float) -> float:
    """The largest change allowed when a share of the budget is spent: epsilon, or more of it at first.

    Source:
        The larger epsilon of Croce et al., Towards Reliable Evaluation and Fast Training of Robust Semantic
        Segmentation Models, https://arxiv.org/abs/2306.12941: 2, 1.5 and 1 times for 30, 30 and 40 %.
    """
    if not settings.wide or share >= 0.6:
        return settings.epsilon
    return settings.epsilon * (2.0 if share < 0.3 else 1.5)


def _clamp(delta: Tensor, most: float) -> Tensor:
    return delta.clamp(-most, most)
