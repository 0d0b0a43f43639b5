"""The selection score, by which validations choose the best iterate of a search."""

from math import inf

import torch
from jaxtyping import Int64
from torch import Tensor

from uapseg.targets.base import Target
from uapseg.targets.bootstrap import percentiles, resample
from uapseg.targets.counts import Counts
from uapseg.tensors import to_integers

SelectionCounts = Int64[Tensor, "networks pictures parts 2"]
"""Numerators and denominators of the scores in `Target.selection`, for each network and image."""


def selection_counts(counts: Counts, target: Target) -> SelectionCounts:
    """Returns the numerators and denominators of the selection score for each image (1, n, parts, 2).

    Example:
        >>> from uapseg.targets import HideClasses
        >>> from uapseg.targets.metrics import count_pixels
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> selection_counts(counts, target).tolist()  # hidden, gone, kept, kept_objects
        [[[[1, 2], [0, 1], [1, 1], [0, 0]]]]
    """
    fractions = target.score_fractions(counts)
    return torch.stack([torch.stack(fractions[name], dim=1) for name in target.selection], dim=1)[None]


def selection_score(counts: SelectionCounts) -> float:
    """Computes the score in [0, 1] that selects the best iterate: the mean of ``target.selection`` over all networks.

    Example:
        >>> selection_score(torch.tensor([[[[1, 2], [3, 3]]]]))
        0.75
    """
    weights = torch.ones(1, counts.shape[1], dtype=torch.float64)
    return _selection_scores(counts, weights).nan_to_num(0).item()


def selection_gain(new: SelectionCounts, old: SelectionCounts, draws: int = 1000) -> tuple[float, float, float]:
    """Computes how much the selection score of one validation exceeds that of another on the same images.

    Args:
        new: The results of `selection_counts` for each network, concatenated.
        old: The same for the other validation.
        draws: The number of resamples.

    Returns:
        The lower end of the 95 % interval, the gain, and the upper end; the ends are infinite for a single image.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.

    Example:
        >>> new, old = torch.tensor([[[[2, 2]], [[2, 2]]]]), torch.tensor([[[[1, 2]], [[1, 2]]]])
        >>> selection_gain(new, old)
        (0.5, 0.5, 0.5)
    """
    count = new.shape[1]
    times = torch.cat([torch.ones(1, count, dtype=torch.float64), resample(count, 0, draws)])
    gains = (_selection_scores(new, times) - _selection_scores(old, times)).nan_to_num(0)
    low, high = percentiles(gains[1:]) if count > 1 else (-inf, inf)
    return low, gains[0].item(), high


def groups_gone(counts: SelectionCounts, target: Target) -> tuple[int, int]:
    """Counts the connected components of hidden pixels that are gone for the first network, and all of them.

    Args:
        counts: The result of `selection_counts`; for no images both counts are 0.
        target: The target; if its selection does not include ``gone``, both counts are 0.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> groups_gone(torch.tensor([[[[1, 2], [3, 4], [1, 1], [0, 0]]]]), HideClasses(classes=("Car",)))
        (3, 4)
    """
    if "gone" not in target.selection or not counts.numel():
        return 0, 0
    gone_count, group_count = to_integers(counts[0, :, target.selection.index("gone")].sum(0))
    return gone_count, group_count


def _selection_scores(counts: SelectionCounts, times: Tensor) -> Tensor:
    """The mean selection score over all networks for each resample (d,), given image frequencies (d, n)."""
    sums = torch.einsum("dn,mnsp->mdsp", times, counts.double())
    return (sums[..., 0].clamp(min=0) / sums[..., 1]).nanmean(dim=2).mean(dim=0)
