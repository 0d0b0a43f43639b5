"""How far the network is from the goal, pixel by pixel, and how the pixels are weighed."""

from collections.abc import Callable
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

from uapseg.tensors import LabelMaps, Logits, PixelLoss

MARGIN = 10.0
"""The lead of a label, in logits, from which on `margin` asks for no more."""


def cross_entropy(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """The cross-entropy of each pixel's label, in nats; exp of its negative is the confidence in the label."""
    return F.cross_entropy(logits.float(), labels.long(), reduction="none")


def margin(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """How far the label's best rival is above it, in logits, down to a lead of 10; the rival is not pushed down.

    Source:
        The bounded loss of Zhang et al., Understanding Adversarial Examples From the Mutual Influence of Images and
        Perturbations, https://arxiv.org/abs/2007.06189, for each pixel.
    """
    index, logits = labels.long().unsqueeze(1), logits.float()
    own = logits.gather(1, index).squeeze(1)
    rival = logits.detach().scatter(1, index, float("-inf")).amax(dim=1)
    return (rival - own).clamp(min=-MARGIN)


def cosine(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """One minus the cosine between the logits about their mean and the label's direction, in [0, 2].

    Source:
        Zhang et al., Data-Free Universal Adversarial Perturbation and Black-Box Attack, ICCV 2021, for each pixel.
    """
    centred = logits.float() - logits.float().mean(dim=1, keepdim=True)
    own = centred.gather(1, labels.long().unsqueeze(1)).squeeze(1)
    k = logits.shape[1]
    return 1 - own / (centred.norm(dim=1).clamp(min=1e-12) * (1 - 1 / k) ** 0.5)


LOSSES: dict[str, Callable[[Logits, LabelMaps], PixelLoss]] = {
    "cross-entropy": cross_entropy,
    "margin": margin,
    "cosine": cosine,
}


def below_confidence(loss: PixelLoss, tau: float) -> Tensor:
    """Which pixels still count: those whose softmax confidence in the label is at most ``tau`` (n, h, w), bool.

    Args:
        loss: The cross-entropy of each pixel's label.
        tau: A confidence in [0.5, 1]; above a half, it belongs to the class that is predicted.

    Source:
        Metzen et al., https://arxiv.org/abs/1704.05712, section 4, who drop the loss of pixels predicted as the target
        with a confidence of more than 0.75.
    """
    return loss.detach() >= -log(tau)


PIXEL_WEIGHTINGS: dict[str, Callable[[PixelLoss, float], Tensor]] = {
    "tau": lambda loss, tau: below_confidence(loss, tau).float(),
    "all": lambda loss, _: torch.ones_like(loss),
}
"""What each pixel counts for, by name: maps the cross-entropy of its label and the confidence threshold to weights in
[0, 1]. ``tau`` drops pixels predicted as the target above the threshold; ``all`` drops none."""


def per_pixel_weights(groups: LabelMaps, weights: Tensor, area: int) -> PixelLoss:
    """Weights that make the sum over an image's pixels the objective of Metzen et al. for that image (n, h, w).

    Args:
        groups: The group of each pixel (n, h, w).
        weights: What a pixel of each group counts for (g,).
        area: How many pixels an image has.

    Source:
        Metzen et al., https://arxiv.org/abs/1704.05712, section 4.
    """
    return weights[groups.long()] / area


def group_sizes(groups: LabelMaps, count: int, pixels: Tensor | None = None) -> Tensor:
    """How many pixels each of ``count`` groups has in all the pictures (count,), int64.

    Args:
        groups: The group of each pixel (n, h, w).
        count: How many groups there are.
        pixels: How many pixels each value of ``groups`` stands for, of the same shape; None where it is one.
    """
    if pixels is None:
        return torch.stack([(groups == group).sum() for group in range(count)])
    sizes = torch.zeros(count, device=groups.device)
    return sizes.index_add_(0, groups.flatten().long(), pixels.flatten()).round().long()


def region_weights(groups: LabelMaps, sizes: Tensor, shares: Tensor) -> PixelLoss:
    """Weights that make the sum over pixels a weighted sum of means, one mean for each group of pixels.

    Args:
        groups: The group of each pixel (n, h, w).
        sizes: How many pixels each group has (g,).
        shares: What each group's mean counts for (g,).
    """
    return (shares / sizes.clamp(min=1))[groups.long()]
