"""Goals at the resolution of the logits: how many pixels of each cell should carry each label.

With them the loss is computed before the logits are upsampled to the size of the image, and its gradient does not pass
through the upsampling either.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from uapseg.targets.goals import Goal
from uapseg.tensors import Logits

MAX_FIXED = 1 << 26
"""The most logits of cells in memory where shapes do not depend on the goal: 256 MiB of float32."""


@dataclass(frozen=True)
class CoarseGoal:
    """The goal of a batch of images as m pairs of a cell and a label that some of its pixels should have.

    Attributes:
        goal: The labels and their groups (m, 1, 1), each like an image of one pixel.
        cells: The index of the cell, counted through all images (m,), int64.
        counts: How many pixels of the cell should have the label (m, 1, 1).

    Example:
        >>> one = torch.ones(1, 1, 1, dtype=torch.uint8)
        >>> CoarseGoal(Goal(one, one), cells=torch.tensor([0]), counts=torch.tensor([[[4.0]]])).counts.sum()
        tensor(4.)
    """

    goal: Goal
    cells: Tensor
    counts: Tensor


def cell_logits(logits: Logits, cells: Tensor) -> Logits:
    """Selects the logits of cells (m, k, 1, 1).

    Args:
        logits: The logits of n images (n, k, rows, columns).
        cells: The indices of the cells, counted through all images (m,), int64.

    Example:
        >>> cell_logits(torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]), torch.tensor([1])).flatten().tolist()
        [2.0, 4.0]
    """
    return logits.movedim(1, -1).flatten(0, 2).index_select(0, cells)[..., None, None]


def cell_indices(width: int, height: int, cells: tuple[int, int]) -> Tensor:
    """Returns the index of the cell that each pixel lies in (h, w), int64.

    Args:
        width: The width of the image, which the cells divide evenly.
        height: Its height.
        cells: (rows, columns).

    Example:
        >>> cell_indices(6, 2, (1, 3)).tolist()
        [[0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2]]
    """
    rows, columns = torch.arange(height) * cells[0] // height, torch.arange(width) * cells[1] // width
    return rows[:, None] * cells[1] + columns


def coarsen(
    goal: Goal, cells: Tensor, size: tuple[int, int], *, groups: int, classes: int, fixed_shape: bool = False
) -> CoarseGoal:
    """Combines the pixels of each cell that should have the same label.

    Args:
        goal: The goal in some images (n, h, w).
        cells: The index of the cell that each pixel lies in (h, w), as `cell_indices` gives it.
        size: (rows, columns) of all cells; an image may be too small to reach the last ones.
        groups: The number of groups of pixels.
        classes: The number of labels.
        fixed_shape: Whether to include labels that no pixel of a cell should have, with a count of 0, so that shapes
            do not depend on the goal; only as far as `MAX_FIXED` allows.

    Example:
        >>> goal = Goal(*torch.tensor([[[[4, 4, 5]]], [[[0, 0, 1]]]], dtype=torch.uint8))
        >>> coarse = coarsen(goal, torch.tensor([[0, 0, 0]]), (1, 1), groups=2, classes=6)
        >>> coarse.goal.labels.flatten().tolist(), coarse.counts.flatten().tolist()
        ([4, 5], [2.0, 1.0])
    """
    images = torch.arange(len(goal.labels), device=goal.labels.device)[:, None, None]
    area, kinds = size[0] * size[1], groups * classes
    places = ((images * area + cells) * kinds + goal.groups.long() * classes + goal.labels).flatten()
    counts = torch.zeros(len(images) * area * kinds, device=places.device)
    counts.scatter_add_(0, places, torch.ones_like(places, dtype=counts.dtype))
    fixed_shape = fixed_shape and len(counts) * classes <= MAX_FIXED
    indices = torch.arange(len(counts), device=places.device) if fixed_shape else counts.nonzero().squeeze(1)
    kind = indices % kinds
    labels, group = (values.to(torch.uint8)[:, None, None] for values in (kind % classes, kind // classes))
    return CoarseGoal(Goal(labels, group), indices // kinds, counts[indices][:, None, None])
