"""The best scores that a network can reach for a static target, as its logits are coarser than the pictures."""

import torch
import torch.nn.functional as F

from uapseg.targets.base import Target
from uapseg.targets.metrics import Scores, count_pixels, scores
from uapseg.tensors import LabelMaps


def upsampled_labels(labels: LabelMaps, cells: tuple[int, int], classes: int) -> LabelMaps:
    """Reduces label maps (n, h, w) to the resolution of the logits, and enlarges them again.

    Each cell gets the share of its pixels that each class has, and these are interpolated as logits are.

    Args:
        labels: The label maps, uint8.
        cells: (rows, columns) of the logits.
        classes: The number of classes.

    Example:
        >>> labels = torch.tensor([[[0, 0, 0, 1, 0, 0, 0, 0]]], dtype=torch.uint8)
        >>> upsampled_labels(labels, (1, 8), classes=2).equal(labels)
        True
        >>> upsampled_labels(labels, (1, 2), classes=2).tolist()  # too thin for cells of four pixels
        [[[0, 0, 0, 0, 0, 0, 0, 0]]]
    """
    one_hot = F.one_hot(labels.long(), classes).permute(0, 3, 1, 2).float()
    coarse = F.adaptive_avg_pool2d(one_hot, cells)
    enlarged = F.interpolate(coarse, labels.shape[1:], mode="bilinear", align_corners=False)
    return enlarged.argmax(1).to(torch.uint8)


def reachable_scores(
    target: Target,
    classes: tuple[str, ...],
    size: tuple[int, int],
    cells: tuple[int, int],
    tile: tuple[int, int] | None = None,
) -> Scores:
    """Estimates the best scores of a target with the same labels for every picture; empty for any other target.

    Args:
        target: The target.
        classes: The classes of the network.
        size: The (width, height) of the pictures.
        cells: The (rows, columns) of their logits.
        tile: The (width, height) of the perturbation; None for that of the pictures.

    Example:
        >>> from uapseg.targets.drawing import text_target
        >>> target = text_target("foo", "Car", "Sky", (384, 256))
        >>> [round(reachable_scores(target, ("Sky", "Car"), (384, 256), cells)["target_success"], 2)
        ...     for cells in ((32, 48), (8, 12))]
        [0.99, 0.9]
    """
    if target.needs_clean:
        return {}
    goal = target.bind(classes, (), tile or size)(torch.zeros(1, size[1], size[0], dtype=torch.uint8))
    predictions = upsampled_labels(goal.labels, cells, len(classes))
    return scores(count_pixels(predictions, goal.labels, goal, target, classes), target)
