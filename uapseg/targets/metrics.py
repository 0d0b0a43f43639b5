"""From counts to scores, intervals, the number that chooses iterates, and collapses."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Int64
from torch import Tensor

from uapseg.targets.base import Target
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal, class_indices
from uapseg.tensors import LabelMaps, to_integers, to_list

Scores = dict[str, float | None]
"""Shares in [0, 1] by name; None where there is nothing to take a share of."""

SelectionCounts = Int64[Tensor, "networks pictures parts 2"]
"""Pixels reached and pixels there are, for each network, each image and each of the scores of `selection_score`."""

PERCENTILES = torch.tensor([0.025, 0.975], dtype=torch.float64)
"""The quantiles that a 95 % interval lies between."""


def count_pixels(seen: LabelMaps, clean: LabelMaps, goal: Goal, target: Target, classes: tuple[str, ...]) -> Counts:
    """Counts predictions against the goal of a target, and against those in the clean images.

    Args:
        seen: The predictions (n, h, w).
        clean: The predictions in the clean images (n, h, w).
        goal: The goal in the same images.
        target: Whose goal it is.
        classes: The classes of the network.

    Example:
        >>> import torch
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",), fill="Road"), ("Road", "Car")
        >>> clean, seen = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(seen, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> scores(counts, target)["hidden"]
        0.5
    """
    reached, groups = target.reached(seen, goal, classes), len(target.group_weights(1.0))
    sources = class_indices(target.source_classes, classes)
    return Counts.of_masks(seen, clean, goal, reached, len(classes), groups=groups, sources=sources)


def scores(counts: Counts, target: Target) -> Scores:
    """The scores of a target, each a share over all pixels of all images.

    Returns:
        The scores of the target's ``score_fractions``; and for one with ``scores_miou`` also ``miou``, the mean
        intersection over union between the predictions before and after; where there are source classes, that of the
        other classes, outside group 0.

    Example:
        See `count_pixels`.
    """
    sums = {name: (part.sum(), whole.sum()) for name, (part, whole) in target.score_fractions(counts).items()}
    values: Scores = {name: _share(*pair) for name, pair in sums.items()}
    return values | ({"miou": mean_iou(counts.overlap, counts.union)} if target.scores_miou else {})


def mean_iou(overlap: Tensor, union: Tensor) -> float | None:
    """The mean over classes of summed overlap (n, k) over summed union (n, k); None where there is no class at all.

    Example:
        >>> import torch
        >>> mean_iou(torch.tensor([[1, 2, 0]]), torch.tensor([[2, 2, 0]]))
        0.75
    """
    overlap, union = overlap.sum(0).double(), union.sum(0)
    there = union > 0
    return (overlap[there] / union[there]).mean().item() if there.any() else None


def pixel_accuracy(overlap: Tensor, union: Tensor) -> float | None:
    """The share of pixels that have their label, from overlap and union (n, k) of all classes; None without pixels.

    Both label maps cover the same pixels, each of which is therefore in overlap and union twice.

    Example:
        >>> import torch
        >>> pixel_accuracy(torch.tensor([[1, 2]]), torch.tensor([[2, 3]]))
        0.75
    """
    return _share(2 * overlap.sum(), overlap.sum() + union.sum())


def per_image_success(counts: Counts, target: Target) -> tuple[float | None, ...]:
    """The first score in each image; None where there is nothing to reach, 0 where there is less than that."""
    part, whole = next(iter(target.score_fractions(counts).values()))
    return tuple(0.0 if less < 0 else _share(less, of) for less, of in zip(part, whole, strict=True))


def bootstrap_interval(counts: Counts, target: Target, seed: int = 0, draws: int = 1000) -> tuple[float, ...]:
    """The 95 % bootstrap interval of the first score, as (low, high); empty where no image says anything."""
    part, whole = next(iter(target.score_fractions(counts).values()))
    return _percentiles(_resampled_share(_resample(len(counts), seed, draws), part, whole))


def bootstrap_intervals(counts: Counts, target: Target, seed: int = 0, draws: int = 1000) -> dict[str, list[float]]:
    """95 % bootstrap intervals of the scores over images, as [low, high]; of a share of nothing there is none.

    Args:
        counts: Of the images.
        target: Whose scores they are.
        seed: Draws the images.
        draws: How many sets of images are drawn, each as large as the whole set.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval.
    """
    shares = _resampled_scores(counts, target, _resample(len(counts), seed, draws))
    intervals = {name: _percentiles(values) for name, values in shares.items()}
    return {name: list(interval) for name, interval in intervals.items() if interval}


def bootstrap_differences(
    first: Counts, second: Counts, target: Target, seed: int = 0, draws: int = 1000
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """By how much the scores of two perturbations differ on the same images, with 95 % bootstrap intervals.

    Args:
        first: What is counted with the first perturbation.
        second: The same with the second one.
        target: Whose scores they are.
        seed: Draws the images; each drawn set is the same for both.
        draws: How many sets of images are drawn, each as large as the whole set.

    Returns:
        The scores of the second less those of the first, and the intervals, as [low, high]; without the scores that
        are a share of nothing.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.

    Example:
        >>> import torch
        >>> from uapseg.targets import Untargeted
        >>> target, classes = Untargeted(), ("Road", "Car")
        >>> clean = torch.zeros(2, 1, 4, dtype=torch.uint8)
        >>> goal = target.bind(classes, (), (4, 1))(clean)
        >>> kept, lost = (count_pixels(seen, clean, goal, target, classes) for seen in (clean, clean + 1))
        >>> differences, intervals = bootstrap_differences(kept, lost, target)
        >>> differences["fooled"], intervals["fooled"]
        (1.0, [1.0, 1.0])
    """
    before, after = scores(first, target), scores(second, target)
    times = _resample(len(first), seed, draws)
    drawn = [_resampled_scores(counts, target, times) for counts in (first, second)]
    gains = {name: new - old for name, new in after.items() if new is not None and (old := before[name]) is not None}
    return gains, {name: list(_percentiles(drawn[1][name] - drawn[0][name])) for name in gains}


def _resampled_scores(counts: Counts, target: Target, times: Tensor) -> dict[str, Tensor]:
    """The scores where each image counts that many times (draws, n): (draws,) each; of a share of nothing NaN."""
    fractions = target.score_fractions(counts)
    shares = {name: _resampled_share(times, *pair) for name, pair in fractions.items()}
    if target.scores_miou:
        shares["miou"] = ((times @ counts.overlap.double()) / (times @ counts.union.double())).nanmean(dim=1)
    return shares


def _resampled_share(times: Tensor, part: Tensor, whole: Tensor) -> Tensor:
    return (times @ part.double()).clamp(min=0) / (times @ whole.double())


def _resample(count: int, seed: int, draws: int) -> Tensor:
    """How often each of ``count`` images is in each drawn set (draws, count), float64."""
    chosen = torch.randint(count, (draws, count), generator=torch.Generator().manual_seed(seed))
    return torch.zeros(draws, count, dtype=torch.float64).scatter_add_(1, chosen, torch.ones_like(chosen).double())


def _percentiles(shares: Tensor) -> tuple[float, ...]:
    """The ends of the interval of drawn shares; a set of images in which there is nothing is left out."""
    shares = shares[shares.isfinite()]
    return tuple(to_list(shares.quantile(PERCENTILES))) if len(shares) else ()


def lost_objects(
    counts: Counts, baseline: Counts, target: Target, seed: int = 0, draws: int = 1000
) -> tuple[float, list[float]] | None:
    """The pixels of other objects that are lost beyond those that a baseline on the same images loses.

    Returns:
        The difference of the two shares and its 95 % bootstrap interval over images, as [low, high]; None where the
        target has no score ``kept_objects``, or there are no other objects.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.
    """
    (kept, pixels), (kept_before, _) = (
        target.score_fractions(one).get("kept_objects", (torch.zeros(1), torch.zeros(1))) for one in (counts, baseline)
    )
    if not pixels.any():
        return None
    lost = kept_before - kept
    times = _resample(len(counts), seed, draws)
    interval = _percentiles((times @ lost.double()) / (times @ pixels.double()))
    return lost.sum().item() / pixels.sum().item(), list(interval)


@dataclass(frozen=True)
class Collapse:
    """The class that takes up more of the images than it should.

    Attributes:
        name: The class.
        clean: Its share of all pixels in the clean images.
        wanted: The share that the target asks for.
        seen: The share it has with the perturbation.

    Example:
        >>> Collapse("Road", clean=0.25, wanted=0.5, seen=0.75).excess
        0.25
    """

    name: str
    clean: float
    wanted: float
    seen: float

    @property
    def excess(self) -> float:
        """How far the class has grown beyond what it was and what it should be, as a share of all pixels."""
        return self.seen - max(self.clean, self.wanted)


def find_collapse(counts: Counts, target: Target, classes: tuple[str, ...]) -> Collapse | None:
    """The class that has swallowed others: that has grown beyond its due by more than the target's threshold."""
    threshold = target.collapse_threshold
    if threshold is None:
        return None
    whole = counts.pixels.sum().item()
    totals = (to_list(values.sum(0) / whole) for values in (counts.clean, counts.wanted, counts.seen))
    grown = [Collapse(*row) for row in zip(classes, *totals, strict=True)]
    worst = max(grown, key=lambda one: one.excess)
    return worst if worst.excess > threshold else None


def selection_counts(counts: Counts, target: Target) -> SelectionCounts:
    """What the selection score is made of, image by image: pixels reached, and pixels there are."""
    fractions = target.score_fractions(counts)
    return torch.stack([torch.stack(fractions[name], dim=1) for name in target.selection], dim=1)[None]


def selection_score(counts: SelectionCounts) -> float:
    """The number in [0, 1] that iterates are chosen by: the mean of the target's ``selection`` over all networks."""
    once = torch.ones(1, counts.shape[1], dtype=torch.float64)
    return _selection_scores(counts, once).nan_to_num(0).item()


def groups_gone(counts: SelectionCounts, target: Target) -> tuple[int, int]:
    """How many connected components of hidden pixels are gone for the first network, and how many there are.

    Args:
        counts: What `selection_counts` gave for the target; or of no images, for which both are 0.
        target: For one whose selection has no score ``gone``, both are 0 as well.
    """
    if "gone" not in target.selection or not counts.numel():
        return 0, 0
    gone, total = to_integers(counts[0, :, target.selection.index("gone")].sum(0))
    return gone, total


def selection_gain(new: SelectionCounts, old: SelectionCounts, draws: int = 1000) -> tuple[float, float, float]:
    """By how much one validation has a higher selection score than another on the same images, with its interval.

    Args:
        new: What `selection_counts` gave for each network, one after the other.
        old: The same of the other validation.
        draws: How many sets of images are drawn.

    Returns:
        The lower end of the 95 % interval, the gain itself and the upper end; a single image cannot tell, so that the
        ends are infinite.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.
    """
    count = new.shape[1]
    times = torch.cat([torch.ones(1, count, dtype=torch.float64), _resample(count, 0, draws)])
    gains = (_selection_scores(new, times) - _selection_scores(old, times)).nan_to_num(0)
    low, high = to_list(gains[1:].quantile(PERCENTILES)) if count > 1 else (-inf, inf)
    return low, gains[0].item(), high


def _selection_scores(counts: SelectionCounts, times: Tensor) -> Tensor:
    """The selection score where each image counts that many times (d, n); the mean over all networks (d,)."""
    sums = torch.einsum("dn,mnsp->mdsp", times, counts.double())
    return (sums[..., 0].clamp(min=0) / sums[..., 1]).nanmean(dim=2).mean(dim=0)


def _share(part: Tensor, whole: Tensor) -> float | None:
    """A share in [0, 1]; None of nothing."""
    return max(0, part.item()) / whole.item() if whole.item() else None
