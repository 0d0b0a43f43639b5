"""Losses of single pixels, and the weights of pixels."""

from collections.abc import Callable
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

from uapseg.tensors import LabelMaps, Logits, PixelLoss

MARGIN = 10.0
"""The lead of a label, in logits, from which on `margin` asks for no more."""


def cross_entropy(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """Cross-entropy of each pixel's label in nats; the exponential of its negative is the confidence in the label.

    Args:
        logits: Logits (n, k, h, w).
        labels: The wanted class of each pixel (n, h, w).

    Example:
        >>> cross_entropy(torch.zeros(1, 4, 1, 1), torch.zeros(1, 1, 1, dtype=torch.uint8)).exp()
        tensor([[[4.]]])
    """
    return F.cross_entropy(logits.float(), labels.long(), reduction="none")


def margin(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """Difference of the highest other logit and the label's logit, at least -`MARGIN`; only the label gets a gradient.

    Example:
        >>> margin(torch.tensor([1.0, 4.0, 3.0]).view(1, 3, 1, 1), torch.tensor([[[2]]], dtype=torch.uint8))
        tensor([[[1.]]])

    Source:
        The bounded loss of Zhang et al., Understanding Adversarial Examples From the Mutual Influence of Images and
        Perturbations, https://arxiv.org/abs/2007.06189, for each pixel.
    """
    index, logits = labels.long().unsqueeze(1), logits.float()
    label_logits = logits.gather(1, index).squeeze(1)
    rival_logits = logits.detach().scatter(1, index, float("-inf")).amax(dim=1)
    return (rival_logits - label_logits).clamp(min=-MARGIN)


def cosine(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """One minus the cosine similarity of the centred logits and the label's direction, in [0, 2].

    Example:
        >>> labels = torch.zeros(1, 1, 1, dtype=torch.uint8)
        >>> cosine(torch.tensor([0.0, 2.0]).view(1, 2, 1, 1), labels).round(decimals=4)
        tensor([[[2.]]])

    Source:
        Zhang et al., Data-Free Universal Adversarial Perturbation and Black-Box Attack, ICCV 2021, for each pixel.
    """
    centred = logits.float() - logits.float().mean(dim=1, keepdim=True)
    label_logits = F.normalize(centred, dim=1).gather(1, labels.long().unsqueeze(1)).squeeze(1)
    return 1 - label_logits / (1 - 1 / logits.shape[1]) ** 0.5


LOSSES: dict[str, Callable[[Logits, LabelMaps], PixelLoss]] = {
    "cross-entropy": cross_entropy,
    "margin": margin,
    "cosine": cosine,
}
"""The losses by name."""


def below_confidence(loss: PixelLoss, tau: float) -> Tensor:
    """Mask of the pixels whose softmax confidence in the label is at most ``tau`` (n, h, w), bool.

    Args:
        loss: The cross-entropy of each pixel's label.
        tau: A confidence in [0.5, 1]; above a half, it belongs to the class that is predicted.

    Source:
        Metzen et al., https://arxiv.org/abs/1704.05712, section 4, who drop the loss of pixels predicted as the target
        with a confidence of more than 0.75.

    Example:
        >>> below_confidence(-torch.tensor([[[0.9, 0.6]]]).log(), 0.75).tolist()
        [[[False, True]]]
    """
    return loss.detach() >= -log(tau)


PIXEL_WEIGHTINGS: dict[str, Callable[[PixelLoss, float], Tensor]] = {
    "tau": lambda loss, tau: below_confidence(loss, tau).float(),
    "all": lambda loss, _: torch.ones_like(loss),
}
"""Pixel weightings by name: functions of the cross-entropy and the confidence threshold to weights in [0, 1]. ``tau``
drops pixels predicted as the target with a confidence above the threshold; ``all`` drops none."""


def per_pixel_weights(groups: LabelMaps, weights: Tensor, area: int) -> PixelLoss:
    """Weights that make the sum over an image's pixels the objective of Metzen et al. for that image (n, h, w).

    Args:
        groups: The group of each pixel (n, h, w).
        weights: What a pixel of each group counts for (g,).
        area: How many pixels an image has.

    Source:
        Metzen et al., https://arxiv.org/abs/1704.05712, section 4.

    Example:
        >>> per_pixel_weights(torch.tensor([[[0, 1]]], dtype=torch.uint8), torch.tensor([0.5, 1.0]), area=2).tolist()
        [[[0.25, 0.5]]]
    """
    return weights[groups.long()] / area


def group_sizes(groups: LabelMaps, count: int, pixels: Tensor | None = None) -> Tensor:
    """Number of pixels of each group in a batch (count,), int64.

    Args:
        groups: The group of each pixel (n, h, w).
        count: How many groups there are.
        pixels: How many pixels each value of ``groups`` stands for, of the same shape; None where it is one.

    Example:
        >>> group_sizes(torch.tensor([[[0, 1, 1]]], dtype=torch.uint8), 3).tolist()
        [1, 2, 0]
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
        shares: The weight of each group's mean (g,).

    Example:
        >>> groups = torch.tensor([[[0, 1, 1]]], dtype=torch.uint8)
        >>> region_weights(groups, group_sizes(groups, 2), torch.tensor([1.0, 1.0])).tolist()
        [[[1.0, 0.5, 0.5]]]
    """
    return (shares / sizes.clamp(min=1))[groups.long()]
