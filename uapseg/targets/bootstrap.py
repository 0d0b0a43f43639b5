"""Bootstrap confidence intervals of scores over images.

Source:
    Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval.
"""

import torch
from torch import Tensor

from uapseg.targets.base import Target
from uapseg.targets.counts import Counts
from uapseg.targets.metrics import scores
from uapseg.tensors import to_list

PERCENTILES = torch.tensor([0.025, 0.975], dtype=torch.float64)
"""The quantiles at the ends of a 95 % interval."""


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
        >>> from uapseg.targets.metrics import count_pixels
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> bootstrap_interval(counts, target)
        (0.5, 0.5)
    """
    part, total = next(iter(target.score_fractions(counts).values()))
    return percentiles(_resampled_share(resample(len(counts), seed, draws), part, total))


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
        >>> from uapseg.targets.metrics import count_pixels
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> bootstrap_intervals(counts, target)["kept"]
        [1.0, 1.0]
    """
    shares = _resampled_scores(counts, target, resample(len(counts), seed, draws))
    intervals = {name: percentiles(values) for name, values in shares.items()}
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
        >>> from uapseg.targets.metrics import count_pixels
        >>> target, classes = Untargeted(), ("Road", "Car")
        >>> clean = torch.zeros(2, 1, 4, dtype=torch.uint8)
        >>> goal = target.bind(classes, (), (4, 1))(clean)
        >>> kept, lost = (count_pixels(after, clean, goal, target, classes) for after in (clean, clean + 1))
        >>> differences, intervals = bootstrap_differences(kept, lost, target)
        >>> differences["fooled"], intervals["fooled"]
        (1.0, [1.0, 1.0])
    """
    first_scores, second_scores = scores(first, target), scores(second, target)
    times = resample(len(first), seed, draws)
    resampled = [_resampled_scores(counts, target, times) for counts in (first, second)]
    gains = {
        name: new - old
        for name, new in second_scores.items()
        if new is not None and (old := first_scores[name]) is not None
    }
    return gains, {name: list(percentiles(resampled[1][name] - resampled[0][name])) for name in gains}


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
        >>> from uapseg.targets.metrics import count_pixels
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car", "Sign")
        >>> clean, after = torch.tensor([[[[1, 2, 2]]], [[[0, 2, 0]]]], dtype=torch.uint8)
        >>> goal = target.bind(classes, ("Sign",), (3, 1))(clean)
        >>> after, before = (count_pixels(maps, clean, goal, target, classes) for maps in (after, clean))
        >>> lost_objects(after, before, target)
        (0.5, [0.5, 0.5])
    """
    (kept_pixels, pixels), (baseline_kept_pixels, _) = (
        target.score_fractions(image_counts).get("kept_objects", (torch.zeros(1), torch.zeros(1)))
        for image_counts in (counts, baseline)
    )
    if not pixels.any():
        return None
    lost_pixels = baseline_kept_pixels - kept_pixels
    times = resample(len(counts), seed, draws)
    interval = percentiles((times @ lost_pixels.double()) / (times @ pixels.double()))
    return lost_pixels.sum().item() / pixels.sum().item(), list(interval)


def _resampled_scores(counts: Counts, target: Target, times: Tensor) -> dict[str, Tensor]:
    """The scores of each resample (draws,), given image frequencies (draws, n); NaN where the denominator is zero."""
    fractions = target.score_fractions(counts)
    shares = {name: _resampled_share(times, *pair) for name, pair in fractions.items()}
    if target.scores_miou:
        shares["miou"] = ((times @ counts.overlap.double()) / (times @ counts.union.double())).nanmean(dim=1)
    return shares


def _resampled_share(times: Tensor, part: Tensor, total: Tensor) -> Tensor:
    return (times @ part.double()).clamp(min=0) / (times @ total.double())


def resample(count: int, seed: int, draws: int) -> Tensor:
    """Draws how often each of ``count`` images appears in each resample (draws, count), float64.

    Example:
        >>> resample(3, seed=0, draws=2).sum(dim=1).tolist()
        [3.0, 3.0]
    """
    draws_ = torch.randint(count, (draws, count), generator=torch.Generator().manual_seed(seed))
    return torch.zeros(draws, count, dtype=torch.float64).scatter_add_(1, draws_, torch.ones_like(draws_).double())


def percentiles(shares: Tensor) -> tuple[float, ...]:
    """Returns the ends of the 95 % interval of resampled scores (draws,), leaving out those that are not finite.

    Returns:
        (low, high); empty if no score is finite.

    Example:
        >>> percentiles(torch.tensor([0.5, 0.5, torch.nan], dtype=torch.float64))
        (0.5, 0.5)
    """
    shares = shares[shares.isfinite()]
    return tuple(to_list(shares.quantile(PERCENTILES))) if len(shares) else ()
