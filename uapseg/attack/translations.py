"""Gradients averaged over horizontal translations, so that what works at one place is tried at others."""

from functools import lru_cache

import torch
import torch.nn.functional as F

from uapseg.tensors import Delta

SIGMA = 1 / 3
"""The standard deviation of the translations, relative to the width."""

AVERAGE_WEIGHT = 2.0
"""The weight of the average beside the gradient itself."""


def average_translations(gradient: Delta, period: int) -> Delta:
    """Adds to a gradient its Gaussian average over translations along the rows by multiples of a period.

    A picture shows how to hide a person only where the person is. As scenes look alike from left to right, and a
    network whose stride divides the period maps a translated perturbation to translated logits, the average applies it
    to all places of the row.

    Args:
        gradient: The gradient of the loss by the perturbation (3, h, w).
        period: The step between translations in pixels, a multiple of the network's stride; 0 changes nothing.

    Source:
        Dong et al., Evading Defenses to Transferable Adversarial Examples by Translation-Invariant Attacks,
        https://arxiv.org/abs/1904.02884; here horizontally, in steps of the stride.

    Example:
        >>> gradient = torch.zeros(3, 1, 24)
        >>> gradient[:, :, 9] = 1
        >>> average_translations(gradient, period=8)[0, 0].nonzero().flatten().tolist()
        [1, 9, 17]
    """
    if not period:
        return gradient
    channels, height, width = gradient.shape
    count = -(-width // period)
    blocks = F.pad(gradient, (0, count * period - width)).view(channels, height, count, period)
    average = torch.einsum("chip,ij->chjp", blocks, _kernel(count, gradient.device))
    return gradient + AVERAGE_WEIGHT * average.reshape(channels, height, -1)[:, :, :width]


@lru_cache(maxsize=8)
def _kernel(count: int, device: torch.device) -> torch.Tensor:
    """The weight of each block of columns (first index) in the average at each block.

    The squares at each block add up to 1, so that averages of independent gradients are as large as these.
    """
    places = torch.arange(count, device=device)
    weights = torch.exp(-0.5 * ((places[:, None] - places) / (SIGMA * count)) ** 2)
    return weights / weights.square().sum(dim=0).sqrt()
