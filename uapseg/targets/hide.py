"""The scene without some classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.io.values import check_types
from uapseg.targets.base import (
    Fraction,
    PixelLossFn,
    ScoreLabel,
    SearchDefaults,
    Wording,
    join_names,
    kept_fractions,
)
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal, GoalFn, check_class_names, class_indices
from uapseg.tensors import LabelMaps, Logits, PixelLoss

COMPONENT_SCORES = ("gone", "partly_gone", "still_there")
"""The shares of the connected components of hidden pixels; they add up to 1."""


@dataclass(frozen=True, kw_only=True)
class HideClasses:
    """The scene without some classes; everything else stays as it is.

    Its groups of pixels are the hidden pixels (0), other objects (1) and everything else (2).

    Attributes:
        classes: The names of the classes to hide.
        fill: The class that hidden pixels should get; None gives each the label of the nearest pixel that stays, or,
            if the whole image is hidden, the network's first class that is not hidden.

    Source:
        The dynamic target of Metzen et al., https://arxiv.org/abs/1704.05712

    Example:
        >>> HideClasses(classes=("Car", "Pedestrian")).title
        'without Car, Pedestrian'
    """

    classes: tuple[str, ...]
    fill: str | None = None

    kind: Literal["hidden"] = "hidden"

    needs_clean = True
    moves_with_image = True
    takes_pasted_objects = True
    scores_miou = True
    defaults = SearchDefaults(optimizer="adam", pixel_weighting="tau", translation_period=8)
    selection = ("hidden", "gone", "kept", "kept_objects")  # a person of whom half is left still looks like one
    collapse_threshold = 0.1

    def __post_init__(self) -> None:
        """Checks the names.

        Raises:
            UapsegError: A name is not text, or blank.
        """
        check_types(self)
        check_class_names(self.classes)

    @property
    def title(self) -> str:
        """The hidden classes."""
        return "without " + ", ".join(self.classes)

    @property
    def source_classes(self) -> tuple[str, ...]:
        """The hidden classes."""
        return self.classes

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:
        """Finds the hidden pixels in clean predictions, and the label that each should get.

        Raises:
            UapsegError: A class is unknown, no class or every class is hidden, or the fill class is hidden itself.

        Example:
            >>> import torch
            >>> goal_fn = HideClasses(classes=("Car",)).bind(("Sky", "Road", "Car"), objects=("Car",), tile=(4, 1))
            >>> goal = goal_fn(torch.tensor([[[0, 2, 2, 1]]], dtype=torch.uint8))
            >>> goal.labels.tolist(), goal.groups.tolist()
            ([[[0, 0, 1, 1]]], [[[2, 0, 0, 2]]])
        """
        hidden = class_indices(self.classes, classes)
        other_indices = [index for index in range(len(classes)) if index not in hidden]
        if not hidden or not other_indices:
            raise UapsegError("Choose at least one class to hide, and leave at least one.")
        fill = class_indices((self.fill,), classes)[0] if self.fill is not None else None
        if fill in hidden:
            raise UapsegError(
                f"The hidden pixels cannot become {self.fill}, which is hidden too: choose another fill class."
            )
        group = torch.full((256,), 2, dtype=torch.uint8)
        group[list(class_indices(objects, classes))] = 1
        group[list(hidden)] = 0

        def goal(clean: LabelMaps) -> Goal:
            groups = group.to(clean.device)[clean.long()]
            filling = (
                torch.full_like(clean, fill)
                if fill is not None
                else fill_from_nearest(clean, groups == 0, other_indices[0])
            )
            return Goal(torch.where(groups == 0, filling, clean), groups)

        return goal

    def group_weights(self, keep_weight: float) -> tuple[float, ...]:
        """Weighs hidden pixels most, and other objects slightly more than the rest."""
        return (1.0, 0.9 * keep_weight, 0.8 * keep_weight)

    def omega_weights(self, omega: float | None) -> tuple[float, ...]:
        """``omega`` for hidden pixels, ``1 - omega`` for all others.

        Example:
            >>> HideClasses(classes=("Car",)).omega_weights(0.75)
            (0.75, 0.25, 0.25)
        """
        return (1.0, 1.0, 1.0) if omega is None else (omega, 1 - omega, 1 - omega)

    def pixel_loss(
        self, logits: Logits, goal: Goal, loss: PixelLossFn, *, classes: tuple[str, ...], fill_weight: float
    ) -> PixelLoss:
        """The loss for the wanted label; without a fill class, hidden pixels need only lose their class.

        Asking each of them for the label of its surroundings is harder than hiding requires. At ``fill_weight`` 1 the
        loss asks for nothing else, at 0 only for the absence of the hidden classes.
        """
        fill_loss = loss(logits, goal.labels)
        if self.fill is not None or fill_weight == 1:
            return fill_loss
        hidden, sources = goal.groups == 0, class_indices(self.classes, classes)
        if _fixed_shapes(logits):
            hidden_loss = hidden_class_loss(logits, sources)
            return torch.where(hidden, hidden_loss + fill_weight * (fill_loss - hidden_loss), fill_loss)
        # Few pixels: the sums over classes are taken for these alone
        hidden_loss = hidden_class_loss(logits.movedim(1, -1)[hidden], sources)
        return fill_loss.masked_scatter(hidden, hidden_loss + fill_weight * (fill_loss[hidden] - hidden_loss))

    def success_mask(self, predictions: LabelMaps, goal: Goal, classes: tuple[str, ...]) -> Tensor:
        """Hidden pixels that no longer have a hidden class, and other pixels that keep their label."""
        hidden = torch.tensor(class_indices(self.classes, classes), dtype=torch.uint8, device=predictions.device)
        return torch.where(goal.groups == 0, ~torch.isin(predictions, hidden), predictions == goal.labels)

    def score_fractions(self, counts: Counts) -> dict[str, Fraction]:
        """The shares of what is gone, and of what stays.

        ``hidden``: one minus the pixels of hidden classes, anywhere, over those in the clean prediction; pixels that
        appear elsewhere count against it, so that the numerator may be negative. ``filled``: hidden pixels with the
        label of the goal. ``fully_hidden``: of the images with a hidden class before or after, those without any
        after. ``gone``, ``partly_gone`` and ``still_there``: connected components, see `uapseg.targets.components`.
        ``elsewhere``: pixels that newly have a hidden class, over those that had one. ``kept`` and ``kept_objects``:
        see `kept_fractions`.
        """
        pixels, remaining = counts.pixels[:, 0], counts.remaining[:, 0]
        components = counts.components.sum(1)
        has_class = (pixels > 0) | (remaining > 0)
        return {
            "hidden": (pixels - remaining, pixels),
            "filled": (counts.exact[:, 0], pixels),
            "fully_hidden": ((has_class & (remaining == 0)).long(), has_class.long()),
            **{name: (counts.components[:, state], components) for state, name in enumerate(COMPONENT_SCORES)},
            "elsewhere": (counts.elsewhere[:, 0], pixels),
            **kept_fractions(counts),
        }

    def wording(self, region: str) -> Wording:
        """How the page describes hiding.

        Example:
            >>> HideClasses(classes=("Car", "Pedestrian")).wording("").description
            'Hide Car and Pedestrian'
        """
        names = join_names(self.classes)
        return Wording(
            f"Hide {names}",
            (
                ScoreLabel("hidden", f"of {names} hidden", "hidden"),
                ScoreLabel("kept", "of everything else kept", "everything else"),
                ScoreLabel("kept_objects", "of the other objects kept", "other objects"),
            ),
            "of the hidden classes gone",
            f"of the pixels of {names} vanish",
            f"groups of {names} are gone",
        )


def hidden_class_loss(logits: Tensor, hidden: Sequence[int]) -> Tensor:
    """The cross-entropy of a pixel having none of the hidden classes, in nats.

    Args:
        logits: Logits of single pixels (p, k), or of images (n, k, h, w).
        hidden: The indices of the hidden classes.

    Example:
        >>> import torch
        >>> hidden_class_loss(torch.tensor([[0.0, 0.0, 0.0]]), hidden=(2,)).exp()
        tensor([1.5000])
    """
    logits = logits.float()
    other_classes = _other_classes(tuple(hidden), logits.shape[1], logits.device)
    return logits.logsumexp(dim=1) - logits.index_select(1, other_classes).logsumexp(dim=1)


@lru_cache(maxsize=64)
def _other_classes(hidden: tuple[int, ...], count: int, device: torch.device) -> Tensor:
    """The indices of all other classes, cached: a step on a GPU must not wait for a copy from the host."""
    return torch.tensor([index for index in range(count) if index not in hidden], device=device)


def _fixed_shapes(logits: Tensor) -> bool:
    """Whether no shape may depend on a value: a CUDA graph cannot hold such an operation."""
    return logits.is_cuda


def fill_from_nearest(labels: LabelMaps, hidden: Tensor, otherwise: int) -> LabelMaps:
    """Gives each hidden pixel the label of the nearest pixel that is not hidden, by Euclidean distance.

    Args:
        labels: The predictions (n, h, w).
        hidden: The hidden pixels (n, h, w), bool.
        otherwise: The label for an image that is hidden entirely.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[[0, 2, 2, 1]]], dtype=torch.uint8)
        >>> fill_from_nearest(labels, labels == 2, otherwise=0).tolist()
        [[[0, 0, 1, 1]]]
    """
    filled_labels = labels.cpu().clone()
    for index, mask in enumerate(hidden.cpu().numpy()):
        if mask.all():
            filled_labels[index] = otherwise
        elif mask.any():
            nearest: Any = distance_transform_edt(mask, return_distances=False, return_indices=True)
            rows, columns = nearest
            filled_labels[index] = filled_labels[index][torch.as_tensor(rows).long(), torch.as_tensor(columns).long()]
    return filled_labels.to(labels.device)
