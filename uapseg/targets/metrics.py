"""Counts that add up, picture by picture; shares and intervals are taken last."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import inf

import torch
from jaxtyping import Int64
from torch import Tensor

from uapseg.targets.components import count_components
from uapseg.targets.goals import KINDS, Goal, HideClasses, Target, class_indices
from uapseg.tensors import LabelMaps

Scores = dict[str, float | None]
"""Shares in [0, 1] by name; None where there is nothing to take a share of."""

SelectionCounts = Int64[Tensor, "networks pictures parts 2"]
"""Pixels reached and pixels there are, for each network, each picture and each of the scores of `selection_score`."""

COMPONENT_SCORES = ("gone", "partly_gone", "still_there")
"""The shares of the connected components of hidden pixels; together they are 1."""

PERCENTILES = torch.tensor([0.025, 0.975], dtype=torch.float64)
"""The quantiles that a 95 % interval lies between."""


@dataclass(frozen=True)
class Counts:
    """What a network sees in n pictures, counted in pixels; g groups as in `Goal`, k classes. All int64.

    Attributes:
        pixels: The pixels of each group (n, g).
        reached: Those that carry the wanted label; for the group of hidden pixels, no longer a hidden class (n, g).
        filled: The hidden pixels that carry the wanted label (n, 1).
        left: The pixels, wherever they are, that carry a hidden class (n, 1).
        elsewhere: Those of them that did not in the clean picture (n, 1).
        components: The connected components of the hidden pixels that are gone, partly gone and still there (n, 3).
        overlap: The pixels outside the hidden group that carry a class before and after (n, k).
        union: Those that carry it before or after (n, k); none for a hidden class.
        clean: The pixels of each class in the clean pictures (n, k).
        wanted: The pixels that should carry each class (n, k).
        seen: Those that do (n, k).
    """

    pixels: Tensor
    reached: Tensor
    filled: Tensor
    left: Tensor
    elsewhere: Tensor
    components: Tensor
    overlap: Tensor
    union: Tensor
    clean: Tensor
    wanted: Tensor
    seen: Tensor

    @classmethod
    def of(cls, parts: Sequence["Counts"]) -> "Counts":
        """The counts of several sets of pictures, one after the other."""
        return cls(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def __add__(self, other: "Counts") -> "Counts":
        """The counts of both sets of pictures."""
        return Counts.of([self, other])

    def rows(self) -> list["Counts"]:
        """The counts of each picture."""
        return [self.at(torch.tensor([number])) for number in range(len(self))]

    def at(self, numbers: Tensor) -> "Counts":
        """The counts of some of the pictures, by their numbers (m)."""
        return Counts(*(getattr(self, f.name)[numbers] for f in fields(self)))

    def __len__(self) -> int:
        return len(self.pixels)


def count_pixels(seen: LabelMaps, clean: LabelMaps, goal: Goal, target: Target, classes: tuple[str, ...]) -> Counts:
    """Counts what is seen (n, h, w) against the goal, and against what was seen in the clean pictures."""
    k, right, hides = len(classes), seen == goal.labels, isinstance(target, HideClasses)
    filled = right & (goal.groups == 0)
    hidden = list(class_indices(target.classes, classes)) if isinstance(target, HideClasses) else []
    of_hidden = torch.zeros(256, dtype=torch.bool, device=seen.device)
    of_hidden[hidden] = True
    left = of_hidden[seen.long()]
    if hides:
        right = torch.where(goal.groups == 0, ~left, right)
    groups = [goal.groups == group for group in range(len(KINDS[target.kind].shares))]
    pairs = _histogram(clean.long() * (k + 1) + torch.where(groups[0] & hides, k, seen.long()), (k + 1) ** 2)
    pairs = pairs.view(-1, k + 1, k + 1)[:, :k, :k]  # without the hidden pixels, which went to a class of their own
    overlap = pairs.diagonal(dim1=1, dim2=2)
    union = pairs.sum(1) + pairs.sum(2) - overlap
    union[:, hidden] = 0  # what else has become of a hidden class is missing in the union of the class that it was
    return Counts(
        _sums(groups),
        _sums([right & group for group in groups]),
        _sums([filled]),
        _sums([left]),
        _sums([left & ~groups[0]]),
        count_components(groups[0], left) if hides else torch.zeros(len(seen), 3, dtype=torch.int64),
        overlap,
        union,
        *(_histogram(labels.long(), k) for labels in (clean, goal.labels, seen)),
    )


def _sums(masks: list[Tensor]) -> Tensor:
    return torch.stack([mask.flatten(1).sum(1) for mask in masks], dim=1).cpu()


def _histogram(numbers: Tensor, count: int) -> Tensor:
    """How often each number below ``count`` appears in each picture (n, count)."""
    pictures = torch.arange(len(numbers), device=numbers.device).view(-1, 1, 1) * count
    return (pictures + numbers).flatten().bincount(minlength=len(numbers) * count).view(-1, count).cpu()


def truth_overlap(seen: LabelMaps, truth: LabelMaps, k: int) -> tuple[Tensor, Tensor]:
    """Pixels of each of k classes that are seen and true (n, k), and seen or true (n, k); 255 is no label."""
    known = truth < k
    pairs = torch.where(known, truth.long() * k + seen.long(), k * k)
    square = _histogram(pairs, k * k + 1)[:, :-1].view(-1, k, k)
    overlap = square.diagonal(dim1=1, dim2=2)
    return overlap, square.sum(1) + square.sum(2) - overlap


def mean_iou(overlap: Tensor, union: Tensor) -> float | None:
    """The mean over classes of summed overlap (n, k) over summed union (n, k); None where there is no class at all."""
    overlap, union = overlap.sum(0).double(), union.sum(0)
    there = union > 0
    return (overlap[there] / union[there]).mean().item() if there.any() else None


def scores(counts: Counts, target: Target) -> Scores:
    """The shares that matter for a target: each over all pixels of all pictures.

    Returns:
        For a static target ``target_success`` (pixels at the goal) and ``region_success`` (those of the drawn region);
        for hidden classes ``hidden`` (one minus the pixels that carry one, anywhere, over those that did before; 0
        where they are no fewer), ``filled`` (the pixels that did and carry what is to take their place),
        ``fully_hidden`` (of the pictures that show one before or after, those that do not after), ``gone``,
        ``partly_gone`` and ``still_there`` (of their connected components, see `uapseg.targets.components`),
        ``elsewhere`` (pixels that carry one now and did not, as a share of those that did), ``kept`` (the other
        pixels, unchanged), ``kept_objects`` (those of object classes) and ``miou`` (of the other classes, before
        against after).
    """
    return {name: _share(*pair) for name, pair in _score_fractions(counts, target).items()} | _iou(counts, target)


def per_image_success(counts: Counts, target: Target) -> tuple[float | None, ...]:
    """The first score in each picture; None where it shows no hidden class, 0 where it shows one only afterwards."""
    shares = (_share(reached, pixels) for reached, pixels in zip(*_success(counts, target), strict=True))
    if not isinstance(target, HideClasses):
        return tuple(shares)
    return tuple(
        0.0 if share is None and left else share for share, left in zip(shares, counts.left[:, 0], strict=True)
    )


def bootstrap_interval(counts: Counts, target: Target, seed: int = 0, draws: int = 1000) -> tuple[float, ...]:
    """The 95 % bootstrap interval of the first score; empty where no picture says anything."""
    reached, pixels = _success(counts, target)
    chosen = torch.randint(len(counts), (draws, len(counts)), generator=torch.Generator().manual_seed(seed))
    shares = reached[chosen].sum(1).clamp(min=0).double() / pixels[chosen].sum(1)
    return tuple(shares[shares.isfinite()].quantile(PERCENTILES).tolist()) if pixels.any() else ()


def _success(counts: Counts, target: Target) -> tuple[Tensor, Tensor]:
    """What the first score is the share of, picture by picture: pixels reached, and pixels there are (n).

    Where hidden classes appear elsewhere, as many pixels are not reached; that may be fewer than none.
    """
    if isinstance(target, HideClasses):
        return counts.pixels[:, 0] - counts.left[:, 0], counts.pixels[:, 0]
    return counts.reached.sum(1), counts.pixels.sum(1)


def bootstrap_intervals(counts: Counts, target: Target, seed: int = 0, draws: int = 1000) -> dict[str, list[float]]:
    """95 % bootstrap intervals of the scores over pictures, as [low, high].

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval.
    """
    chosen = torch.randint(len(counts), (draws, len(counts)), generator=torch.Generator().manual_seed(seed))
    spread: dict[str, list[float]] = {}
    for row in chosen:
        for name, value in scores(counts.at(row), target).items():
            if value is not None:
                spread.setdefault(name, []).append(value)
    return {k: torch.tensor(v, dtype=torch.float64).quantile(PERCENTILES).tolist() for k, v in spread.items()}


def lost_objects(
    counts: Counts, baseline: Counts, target: Target, seed: int = 0, draws: int = 1000
) -> tuple[float, list[float]] | None:
    """The pixels of other objects that are lost beyond those that a baseline at the same pictures loses.

    Returns:
        The difference of the two shares and its 95 % bootstrap interval over pictures, as [low, high]; None where no
        class is hidden or there are no other objects.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.
    """
    if not isinstance(target, HideClasses) or not counts.pixels[:, 1].any():
        return None
    chosen = torch.randint(len(counts), (draws, len(counts)), generator=torch.Generator().manual_seed(seed))
    chosen = torch.cat([torch.arange(len(counts))[None], chosen])
    lost = (baseline.reached[:, 1] - counts.reached[:, 1])[chosen].sum(1).double() / counts.pixels[:, 1][chosen].sum(1)
    drawn = lost[1:]
    return lost[0].item(), drawn[drawn.isfinite()].quantile(PERCENTILES).tolist()


@dataclass(frozen=True)
class Collapse:
    """The class that takes up more of the pictures than it should.

    Attributes:
        name: The class.
        clean: Its share of all pixels in the clean pictures.
        wanted: The share that the target asks for.
        seen: The share it has with the perturbation.
    """

    name: str
    clean: float
    wanted: float
    seen: float

    @property
    def excess(self) -> float:
        """How far the class has grown beyond what it was and what it should be, as a share of all pixels."""
        return self.seen - max(self.clean, self.wanted)


COLLAPSE_THRESHOLD = 0.1
"""An excess above this, a tenth of all pixels, is a collapse: the network no longer tells things apart."""


def find_collapse(counts: Counts, target: Target, classes: tuple[str, ...]) -> Collapse | None:
    """The class that has swallowed others: grown by more than a tenth of all pixels beyond its due.

    None where no class has, and for a static target, which has the network see anything but the scene anyway.
    """
    if not isinstance(target, HideClasses):
        return None
    whole = counts.pixels.sum().item()
    totals = ((values.sum(0) / whole).tolist() for values in (counts.clean, counts.wanted, counts.seen))
    grown = [Collapse(*row) for row in zip(classes, *totals, strict=True)]
    worst = max(grown, key=lambda one: one.excess)
    return worst if worst.excess > COLLAPSE_THRESHOLD else None


def selection_score(values: Scores) -> float:
    """One number in [0, 1] to choose by: the mean of the scores that pull against each other.

    Hiding counts twice, once by pixels and once by their connected components: a person of whom half is left is still
    seen as one.
    """
    names = (
        ("target_success", "region_success")
        if "target_success" in values
        else ("hidden", "gone", "kept", "kept_objects")
    )
    known = [value for name in names if (value := values[name]) is not None]
    return sum(known) / max(1, len(known))


def selection_counts(counts: Counts, target: Target) -> SelectionCounts:
    """What the selection score is the share of, picture by picture: pixels reached, and pixels there are."""
    first, pixels, reached = _success(counts, target), counts.pixels, counts.reached
    if isinstance(target, HideClasses):
        kept = (reached[:, 1:].sum(1), pixels[:, 1:].sum(1))
        gone = (counts.components[:, 0], counts.components.sum(1))
        pairs = [first, gone, kept, (reached[:, 1], pixels[:, 1])]
    else:
        pairs = [first, (reached[:, 0], pixels[:, 0])]
    return torch.stack([torch.stack(pair, dim=1) for pair in pairs], dim=1)[None]


def groups_gone(counts: SelectionCounts) -> tuple[int, int]:
    """How many connected components of hidden pixels are gone for the first network, and how many there are.

    Args:
        counts: What `selection_counts` gave for hidden classes; or of no pictures, for which both are 0.
    """
    gone, all_ = counts[0, :, 1].sum(0).tolist() if counts.numel() else (0, 0)
    return gone, all_


def selection_gain(new: SelectionCounts, old: SelectionCounts, draws: int = 1000) -> tuple[float, float, float]:
    """By how much one look at some pictures has more merit than another at the same, and its 95 % interval.

    Args:
        new: What `selection_counts` gave for each network, one after the other.
        old: The same of the other look.
        draws: How often the pictures are drawn anew.

    Returns:
        The lower end, the gain itself and the upper end; a single picture cannot tell, so that the ends are endless.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval, of pairs.
    """
    count = new.shape[1]
    chosen = torch.randint(count, (draws, count), generator=torch.Generator().manual_seed(0))
    often = torch.zeros(draws, count, dtype=torch.float64).scatter_add_(1, chosen, torch.ones_like(chosen).double())
    often = torch.cat([torch.ones(1, count, dtype=torch.float64), often])
    gains = (_selection_scores(new, often) - _selection_scores(old, often)).nan_to_num(0)
    low, high = gains[1:].quantile(PERCENTILES).tolist() if count > 1 else (-inf, inf)
    return low, gains[0].item(), high


def _selection_scores(counts: SelectionCounts, often: Tensor) -> Tensor:
    """The merit of the pictures when each counts so often (d, n); the mean over all networks (d)."""
    sums = torch.einsum("dn,mnsp->mdsp", often, counts.double())
    return (sums[..., 0].clamp(min=0) / sums[..., 1]).nanmean(dim=2).mean(dim=0)


def _score_fractions(counts: Counts, target: Target) -> dict[str, tuple[Tensor, Tensor]]:
    pixels, reached = counts.pixels.sum(0), counts.reached.sum(0)
    if not isinstance(target, HideClasses):
        return {"target_success": (reached.sum(), pixels.sum()), "region_success": (reached[0], pixels[0])}
    left = counts.left[:, 0]
    shown = (counts.pixels[:, 0] > 0) | (left > 0)
    components = counts.components.sum(0)
    return {
        "hidden": (pixels[0] - left.sum(), pixels[0]),
        "filled": (counts.filled.sum(), pixels[0]),
        "fully_hidden": ((shown & (left == 0)).sum(), shown.sum()),
        **{name: (part, components.sum()) for name, part in zip(COMPONENT_SCORES, components, strict=True)},
        "elsewhere": (counts.elsewhere.sum(), pixels[0]),
        "kept": (reached[1:].sum(), pixels[1:].sum()),
        "kept_objects": (reached[1], pixels[1]),
    }


def _iou(counts: Counts, target: Target) -> Scores:
    if not isinstance(target, HideClasses):
        return {}
    return {"miou": mean_iou(counts.overlap, counts.union)}


def _share(part: Tensor, whole: Tensor) -> float | None:
    """A share in [0, 1]; None of nothing."""
    return max(0, part.item()) / whole.item() if whole.item() else None
