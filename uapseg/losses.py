"""How far the network is from the goal, pixel by pixel, and how the pixels are weighed."""

import torch
import torch.nn.functional as F
from torch import Tensor

from uapseg.tensors import LabelMaps, Logits, PixelLoss


def cross_entropy(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """The cross-entropy of each pixel's label, in nats; exp of its negative is the confidence in the label."""
    return F.cross_entropy(logits.float(), labels.long(), reduction="none")


def unwon(loss: PixelLoss, tau: float) -> Tensor:
    """Which pixels still count: those whose softmax confidence in the label is at most ``tau`` (n, h, w), bool.

    Args:
        loss: The cross-entropy of each pixel's label.
        tau: A confidence in [0.5, 1]; above a half, it belongs to the class that is predicted.

    Source:
        Metzen et al., https://arxiv.org/abs/1704.05712, section 4, who drop the loss of pixels predicted as the target
        with a confidence of more than 0.75.
    """
    return loss.detach() >= -torch.log(torch.tensor(tau))


def omega_weights(groups: LabelMaps, omega: float | None) -> PixelLoss:
    """Weights that make the sum over an image's pixels the objective of Metzen et al. for that image.

    Args:
        groups: The group of each pixel; 0 are the hidden pixels.
        omega: The weight of hidden pixels in [0, 1], 1 - omega being that of the others; None weighs all alike
            (a static target).
    """
    area = groups.shape[-1] * groups.shape[-2]
    if omega is None:
        return torch.full(groups.shape, 1 / area, device=groups.device)
    return torch.where(groups == 0, omega, 1 - omega) / area


def group_sizes(groups: LabelMaps, count: int) -> Tensor:
    """How many pixels each of ``count`` groups has in all the pictures (count,), int64."""
    return torch.stack([(groups == group).sum() for group in range(count)])


def region_weights(groups: LabelMaps, sizes: Tensor, shares: tuple[float, ...]) -> PixelLoss:
    """Weights that make the sum over pixels a weighted sum of means, one mean for each group of pixels.

    Args:
        groups: The group of each pixel (n, h, w).
        sizes: How many pixels each group has (g,).
        shares: What each group's mean counts for (g,).
    """
    each = torch.tensor(shares, device=groups.device) / sizes.clamp(min=1)
    return each[groups.long()]
