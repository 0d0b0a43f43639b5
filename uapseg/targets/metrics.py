"""Scores of predictions, and detection of collapse."""

from dataclasses import dataclass

from torch import Tensor

from uapseg.targets.base import Target
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal, class_indices
from uapseg.tensors import LabelMaps, to_list

Scores = dict[str, float | None]
"""Scores by name, each in [0, 1]; None where the denominator is zero."""


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
    success_mask, groups = target.success_mask(predictions, goal, classes), len(target.group_weights(1.0))
    sources = class_indices(target.source_classes, classes)
    return Counts.of_masks(predictions, clean, goal, success_mask, len(classes), groups=groups, sources=sources)


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
        >>> import torch
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]]], [[[1, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> shares = scores(counts, target)
        >>> shares["hidden"], shares["kept"], shares["miou"]
        (0.5, 1.0, 1.0)
    """
    sums = {name: (part.sum(), total.sum()) for name, (part, total) in target.score_fractions(counts).items()}
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
    present = union > 0
    return (overlap[present] / union[present]).mean().item() if present.any() else None


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
        >>> import torch
        >>> from uapseg.targets import HideClasses
        >>> target, classes = HideClasses(classes=("Car",)), ("Road", "Car")
        >>> clean, after = torch.tensor([[[[1, 1, 0]], [[0, 0, 0]]], [[[1, 0, 0]], [[0, 0, 0]]]], dtype=torch.uint8)
        >>> counts = count_pixels(after, clean, target.bind(classes, (), (3, 1))(clean), target, classes)
        >>> per_image_success(counts, target)
        (0.5, None)
    """
    part, total = next(iter(target.score_fractions(counts).values()))
    return tuple(
        0.0 if image_part < 0 else _share(image_part, image_total)
        for image_part, image_total in zip(part, total, strict=True)
    )


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
        >>> import torch
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
    pixel_count = counts.pixels.sum().item()
    totals = (to_list(values.sum(0) / pixel_count) for values in (counts.clean, counts.goal, counts.predicted))
    collapses = [Collapse(*row) for row in zip(classes, *totals, strict=True)]
    worst = max(collapses, key=lambda collapse: collapse.excess)
    return worst if worst.excess > threshold else None


def _share(part: Tensor, total: Tensor) -> float | None:
    """A ratio in [0, 1]; None if the denominator is zero."""
    return max(0, part.item()) / total.item() if total.item() else None
