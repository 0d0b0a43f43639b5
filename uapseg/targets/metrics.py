"""Scores, confidence intervals, the selection score of iterates, and detection of collapse."""

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
"""Scores by name, each in [0, 1]; None where the denominator is zero."""

SelectionCounts = Int64[Tensor, "networks pictures parts 2"]
"""Numerators and denominators of the scores in `Target.selection`, for each network and image."""

PERCENTILES = torch.tensor([0.025, 0.975], dtype=torch.float64)
"""The quantiles at the ends of a 95 % interval."""


def count_pixels(
    predictions: LabelMaps, clean: LabelMaps, goal: Goal, target: Target, classes: tuple[str, ...]
) -> Counts:
    """Counts predictions against the goal of a target, and against the clean predictions.

    Args:
        predictions: The predictions (n, h, w).
        clean: The predictions on the clean images (n, h, w).
        goal: The goal in the same images.
        target: The target.
        classes: The classes of the network.

    Example:
        >>> import torch
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",), fill="Road"), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> scores(counts, target)["hidden"]
        0.5
    """
    reached, groups = target.reached(predictions, goal, classes), len(target.group_weights(1.0))
    sources = class_indices(target.source_classes, classes)
    return Counts.of_masks(predictions, clean, goal, reached, len(classes), groups=groups, sources=sources)


def scores(counts: Counts, target: Target) -> Scores:
    """Computes the scores of a target, each over all pixels of all images.

    Args:
        counts: The counts of the images.
        target: The target.

    Returns:
        The scores of ``target.score_fractions``. If ``target.scores_miou``, also ``miou``, the mean intersection over
        union between the predictions before and after; for a target with source classes, that of the other classes
        outside group 0.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> found = scores(counts, target)
        >>> found["hidden"], found["kept"], found["miou"]
        (0.5, 1.0, 1.0)
    """
    sums = {name: (part.sum(), whole.sum()) for name, (part, whole) in target.score_fractions(counts).items()}
    values: Scores = {name: _share(*pair) for name, pair in sums.items()}
    return values | ({"miou": mean_iou(counts.overlap, counts.union)} if target.scores_miou else {})


def mean_iou(overlap: Tensor, union: Tensor) -> float | None:
    """Computes the mean intersection over union of all classes that appear; None if there are none.

    Args:
        overlap: The intersection of each class (n, k), summed over the n images.
        union: The union of each class (n, k).

    Example:
        >>> import torch
        >>> mean_iou(torch.tensor([[1, 2, 0]]), torch.tensor([[2, 2, 0]]))
        0.75
    """
    overlap, union = overlap.sum(0).double(), union.sum(0)
    there = union > 0
    return (overlap[there] / union[there]).mean().item() if there.any() else None


def pixel_accuracy(overlap: Tensor, union: Tensor) -> float | None:
    """Computes the share of pixels with the right label; None without pixels.

    Two label maps cover the same pixels, so that each pixel appears twice in overlap and union together.

    Args:
        overlap: The intersection of each class (n, k), of all classes.
        union: The union of each class (n, k).

    Example:
        >>> import torch
        >>> pixel_accuracy(torch.tensor([[1, 2]]), torch.tensor([[2, 3]]))
        0.75
    """
    return _share(2 * overlap.sum(), overlap.sum() + union.sum())


def per_image_success(counts: Counts, target: Target) -> tuple[float | None, ...]:
    """Computes the first score for each image: None where the denominator is zero, 0 where the numerator is negative.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]], [[0, 0, 0]]], [[[1, 0, 0]], [[0, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> per_image_success(counts, target)
        (0.5, None)
    """
    part, whole = next(iter(target.score_fractions(counts).values()))
    return tuple(0.0 if less < 0 else _share(less, of) for less, of in zip(part, whole, strict=True))


def bootstrap_interval(counts: Counts, target: Target, seed: int = 0, draws: int = 1000) -> tuple[float, ...]:
    """Computes the 95 % bootstrap confidence interval of the first score over images.

    Args:
        counts: The counts of the images.
        target: The target.
        seed: Random seed of the resampling.
        draws: The number of resamples.

    Returns:
        The (low, high) ends; empty if no image has the score.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> bootstrap_interval(counts, target)
        (0.5, 0.5)
    """
    part, whole = next(iter(target.score_fractions(counts).values()))
    return _percentiles(_resampled_share(_resample(len(counts), seed, draws), part, whole))


def bootstrap_intervals(counts: Counts, target: Target, seed: int = 0, draws: int = 1000) -> dict[str, list[float]]:
    """Computes 95 % bootstrap confidence intervals of all scores over images.

    Args:
        counts: The counts of the images.
        target: The target.
        seed: Random seed of the resampling.
        draws: The number of resamples, each as large as the set of images.

    Returns:
        The [low, high] ends by score; scores with a denominator of zero are left out.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> bootstrap_intervals(counts, target)["kept"]
        [1.0, 1.0]
    """
    shares = _resampled_scores(counts, target, _resample(len(counts), seed, draws))
    intervals = {name: _percentiles(values) for name, values in shares.items()}
    return {name: list(interval) for name, interval in intervals.items() if interval}


def bootstrap_differences(
    first: Counts, second: Counts, target: Target, seed: int = 0, draws: int = 1000
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Computes how much the scores of two perturbations differ on the same images, with 95 % bootstrap intervals.

    Args:
        first: The counts with the first perturbation.
        second: The counts with the second perturbation.
        target: The target.
        seed: Random seed of the resampling; each resample is the same for both.
        draws: The number of resamples, each as large as the set of images.

    Returns:
        The scores of the second minus those of the first, and their intervals as [low, high]; scores with a
        denominator of zero are left out.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.

    Example:
        >>> import torch
        >>> from uapseg.targets import Untargeted
        >>> target, classes = Untargeted(), ("Road", "Car")
        >>> clean = torch.zeros(2, 1, 4, dtype=torch.uint8)
        >>> goal = target.bind(classes, (), (4, 1))(clean)
        >>> kept, lost = (count_pixels(after, clean, goal, target, classes) for after in (clean, clean + 1))
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
    """The scores of each resample (draws,), given image frequencies (draws, n); NaN where the denominator is zero."""
    fractions = target.score_fractions(counts)
    shares = {name: _resampled_share(times, *pair) for name, pair in fractions.items()}
    if target.scores_miou:
        shares["miou"] = ((times @ counts.overlap.double()) / (times @ counts.union.double())).nanmean(dim=1)
    return shares


def _resampled_share(times: Tensor, part: Tensor, whole: Tensor) -> Tensor:
    return (times @ part.double()).clamp(min=0) / (times @ whole.double())


def _resample(count: int, seed: int, draws: int) -> Tensor:
    """How often each of ``count`` images appears in each resample (draws, count), float64."""
    chosen = torch.randint(count, (draws, count), generator=torch.Generator().manual_seed(seed))
    return torch.zeros(draws, count, dtype=torch.float64).scatter_add_(1, chosen, torch.ones_like(chosen).double())


def _percentiles(shares: Tensor) -> tuple[float, ...]:
    """The ends of the interval of resampled scores, leaving out those without a denominator."""
    shares = shares[shares.isfinite()]
    return tuple(to_list(shares.quantile(PERCENTILES))) if len(shares) else ()


def lost_objects(
    counts: Counts, baseline: Counts, target: Target, seed: int = 0, draws: int = 1000
) -> tuple[float, list[float]] | None:
    """Computes the share of other objects' pixels that is lost beyond what a baseline loses on the same images.

    Args:
        counts: The counts with the perturbation.
        baseline: The counts with the baseline.
        target: The target.
        seed: Random seed of the resampling.
        draws: The number of resamples.

    Returns:
        The difference of the two shares and its 95 % bootstrap interval [low, high]; None if the target has no score
        ``kept_objects``, or there are no other objects.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car", "Sign")
        >>> clean, after = torch.tensor([[[[1, 2, 2]]], [[[0, 2, 0]]]], dtype=torch.uint8)
        >>> goal = target.bind(classes, ("Sign",), (3, 1))(clean)
        >>> after, before = (count_pixels(maps, clean, goal, target, classes) for maps in (after, clean))
        >>> lost_objects(after, before, target)
        (0.5, [0.5, 0.5])
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
    """A class that covers more of the images than it should.

    Attributes:
        name: The class.
        clean: Its share of all pixels in the clean predictions.
        goal: Its share in the goal.
        perturbed: Its share with the perturbation.

    Example:
        >>> Collapse("Road", clean=0.25, goal=0.5, perturbed=0.75).excess
        0.25
    """

    name: str
    clean: float
    goal: float
    perturbed: float

    @property
    def excess(self) -> float:
        """How far the class exceeds its share in the clean predictions and in the goal, as a share of all pixels."""
        return self.perturbed - max(self.clean, self.goal)


def find_collapse(counts: Counts, target: Target, classes: tuple[str, ...]) -> Collapse | None:
    """Finds the class that exceeds its share by most, if by more than ``target.collapse_threshold``.

    Args:
        counts: The counts of the images.
        target: The target; without a threshold nothing is a collapse.
        classes: The classes of the network.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",), fill="Road"), ("Road", "Car", "Sky")
        >>> clean, after = torch.tensor([[[[1, 0, 0, 0]]], [[[2, 2, 2, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (4, 1))(clean), target, classes)
        >>> find_collapse(counts, target, classes).name
        'Sky'
    """
    threshold = target.collapse_threshold
    if threshold is None:
        return None
    whole = counts.pixels.sum().item()
    totals = (to_list(values.sum(0) / whole) for values in (counts.clean, counts.goal, counts.predicted))
    grown = [Collapse(*row) for row in zip(classes, *totals, strict=True)]
    worst = max(grown, key=lambda one: one.excess)
    return worst if worst.excess > threshold else None


def selection_counts(counts: Counts, target: Target) -> SelectionCounts:
    """Returns the numerators and denominators of the selection score for each image (1, n, parts, 2).

    Example:
        >>> from uapseg.targets import HideClasses
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
    once = torch.ones(1, counts.shape[1], dtype=torch.float64)
    return _selection_scores(counts, once).nan_to_num(0).item()


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
    gone, total = to_integers(counts[0, :, target.selection.index("gone")].sum(0))
    return gone, total


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
    times = torch.cat([torch.ones(1, count, dtype=torch.float64), _resample(count, 0, draws)])
    gains = (_selection_scores(new, times) - _selection_scores(old, times)).nan_to_num(0)
    low, high = to_list(gains[1:].quantile(PERCENTILES)) if count > 1 else (-inf, inf)
    return low, gains[0].item(), high


def _selection_scores(counts: SelectionCounts, times: Tensor) -> Tensor:
    """The mean selection score over all networks for each resample (d,), given image frequencies (d, n)."""
    sums = torch.einsum("dn,mnsp->mdsp", times, counts.double())
    return (sums[..., 0].clamp(min=0) / sums[..., 1]).nanmean(dim=2).mean(dim=0)


def _share(part: Tensor, whole: Tensor) -> float | None:
    """A ratio in [0, 1]; None if the denominator is zero."""
    return max(0, part.item()) / whole.item() if whole.item() else None
