"""Pixel counts of predictions for each image: counts add up, and every score is a ratio of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from uapseg.targets.components import count_components
from uapseg.targets.goals import Goal
from uapseg.tensors import LabelMaps


@dataclass(frozen=True)
class Counts:
    """Pixel counts of n images, for g groups as in `Goal` and k classes; all int64, on the CPU.

    Attributes:
        pixels: The pixels of each group (n, g).
        reached: The pixels that are as the target requires (n, g).
        exact: The pixels with the label of the goal (n, g).
        remaining: The pixels of a class that should be gone, anywhere in the image (n, 1).
        elsewhere: The remaining pixels outside group 0 (n, 1).
        components: The connected components of group 0 that are gone, partly gone and still there, as in
            `uapseg.targets.components.count_components` (n, 3); zero if no class should be gone.
        overlap: The pixels outside group 0 that have a class before and after (n, k).
        union: The pixels outside group 0 that have it before or after (n, k); zero for a class that should be gone.
            If no class should be gone, group 0 counts as well.
        clean: The pixels of each class in the clean images (n, k).
        goal: The pixels of each class in the goal (n, k).
        predicted: The pixels of each class in the predictions (n, k).

    Example:
        >>> goal = Goal(*torch.tensor([[[[1, 1, 0]]], [[[0, 0, 1]]]], dtype=torch.uint8))
        >>> predictions = torch.tensor([[[1, 0, 0]]], dtype=torch.uint8)
        >>> counts = Counts.of_masks(predictions, predictions, goal, predictions == goal.labels, 2, groups=2)
        >>> len(counts + counts), counts.pixels.tolist()
        (2, [[2, 1]])
    """

    pixels: Tensor
    reached: Tensor
    exact: Tensor
    remaining: Tensor
    elsewhere: Tensor
    components: Tensor
    overlap: Tensor
    union: Tensor
    clean: Tensor
    goal: Tensor
    predicted: Tensor

    @classmethod
    def of_masks(
        cls, predictions: LabelMaps, clean: LabelMaps, goal: Goal, success_mask: Tensor, k: int, *, groups: int,
        sources: Sequence[int] = (),
    ) -> "Counts":  # fmt: skip
        """Counts predictions against a goal and against the clean predictions.

        Args:
            predictions: The predictions (n, h, w).
            clean: The predictions on the clean images (n, h, w).
            goal: The goal in the same images.
            success_mask: Pixels that are as the target requires (n, h, w), bool.
            k: The number of classes.
            groups: The number of groups.
            sources: The classes that should be gone.

        Example:
            >>> import torch
            >>> goal = Goal(*torch.tensor([[[[1, 1, 0]]], [[[0, 0, 1]]]], dtype=torch.uint8))
            >>> predictions = torch.tensor([[[1, 0, 0]]], dtype=torch.uint8)
            >>> counts = Counts.of_masks(predictions, predictions, goal, predictions == goal.labels, 2, groups=2)
            >>> counts.reached.tolist(), counts.pixels.tolist()
            ([[1, 1]], [[2, 1]])
        """
        of_source = torch.zeros(256, dtype=torch.bool, device=predictions.device)
        of_source[list(sources)] = True
        remaining_mask = of_source[predictions.long()]
        masks = [goal.groups == group for group in range(groups)]
        source_mask = masks[0] & bool(sources)
        pairs = _histogram(clean.long() * (k + 1) + torch.where(source_mask, k, predictions.long()), (k + 1) ** 2)
        pairs = pairs.view(-1, k + 1, k + 1)[:, :k, :k]  # leaves out the changed pixels, which went to class k
        overlap = pairs.diagonal(dim1=1, dim2=2)
        union = pairs.sum(1) + pairs.sum(2) - overlap
        union[:, list(sources)] = 0  # what became of such a class is not in the union of the class that it was
        exact_mask = predictions == goal.labels
        return cls(
            _sums(masks),
            _sums([success_mask & mask for mask in masks]),
            _sums([exact_mask & mask for mask in masks]),
            _sums([remaining_mask]),
            _sums([remaining_mask & ~masks[0]]),
            count_components(masks[0], remaining_mask)
            if sources
            else torch.zeros(len(predictions), 3, dtype=torch.int64),
            overlap,
            union,
            *(_histogram(labels.long(), k) for labels in (clean, goal.labels, predictions)),
        )

    @classmethod
    def of(cls, parts: Sequence["Counts"]) -> "Counts":
        """Concatenates the counts of several sets of images."""
        return cls(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    def __add__(self, other: "Counts") -> "Counts":
        """Concatenates the counts of two sets of images."""
        return Counts.of([self, other])

    def rows(self) -> list["Counts"]:
        """Splits the counts into those of single images."""
        return [self.at(torch.tensor([index])) for index in range(len(self))]

    def at(self, indices: Tensor) -> "Counts":
        """Selects images by their indices (m,)."""
        return Counts(*(getattr(self, f.name)[indices] for f in fields(self)))

    def __len__(self) -> int:
        return len(self.pixels)


def truth_overlap(predictions: LabelMaps, truth: LabelMaps, k: int) -> tuple[Tensor, Tensor]:
    """Counts intersection and union of predictions and ground truth for each of k classes, two int64 (n, k).

    Args:
        predictions: The predictions.
        truth: The ground truth; pixels with 255 have no label and do not count.
        k: The number of classes.

    Example:
        >>> import torch
        >>> maps = torch.tensor([[[0, 0, 1]], [[0, 1, 255]]], dtype=torch.uint8)
        >>> [pixels.tolist() for pixels in truth_overlap(maps[:1], maps[1:], 2)]
        [[[1, 0]], [[2, 1]]]
    """
    is_labelled = truth < k
    pairs = torch.where(is_labelled, truth.long() * k + predictions.long(), k * k)
    square = _histogram(pairs, k * k + 1)[:, :-1].view(-1, k, k)
    overlap = square.diagonal(dim1=1, dim2=2)
    return overlap, square.sum(1) + square.sum(2) - overlap


def _sums(masks: list[Tensor]) -> Tensor:
    return torch.stack([mask.flatten(1).sum(1) for mask in masks], dim=1).cpu()


def _histogram(numbers: Tensor, count: int) -> Tensor:
    """The frequency of each number below ``count`` in each image (n, count)."""
    images = torch.arange(len(numbers), device=numbers.device).view(-1, 1, 1) * count
    return (images + numbers).flatten().bincount(minlength=len(numbers) * count).view(-1, count).cpu()
