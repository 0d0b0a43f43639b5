"""Every pixel loses the class that the network predicts on the clean image."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.io.values import check_types
from uapseg.targets.base import Fraction, PixelLossFn, ScoreLabel, SearchDefaults, Wording
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal, GoalFn
from uapseg.tensors import LabelMaps, Logits, PixelLoss


@dataclass(frozen=True, kw_only=True)
class Untargeted:
    """Any scene but the clean one: the labels of the goal are the classes to lose.

    All pixels are in group 0.

    Source:
        The untargeted attack under which the robustness of segmentation networks is commonly reported, such as
        Agnihotri et al., CosPGD, https://arxiv.org/abs/2302.02213; here with one perturbation for all images.

    Example:
        >>> Untargeted().title
        'untargeted'
    """

    kind: Literal["untargeted"] = "untargeted"

    title = "untargeted"
    needs_clean = True
    moves_with_image = True
    source_classes = ()
    takes_pasted_objects = False
    scores_miou = True
    defaults = SearchDefaults(optimizer="adam", pixel_weighting="tau")
    selection = ("fooled",)
    collapse_threshold = None

    def __post_init__(self) -> None:
        """Checks the kind.

        Raises:
            UapsegError: The kind is another one.
        """
        check_types(self)

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:
        """Takes clean predictions as the labels to lose.

        Raises:
            UapsegError: The network has a single class, which no pixel can lose.

        Example:
            >>> import torch
            >>> goal = Untargeted().bind(("Sky", "Car"), (), tile=(2, 1))(torch.tensor([[[0, 1]]], dtype=torch.uint8))
            >>> goal.labels.tolist(), goal.groups.tolist()
            ([[[0, 1]]], [[[0, 0]]])
        """
        if len(classes) < 2:
            raise UapsegError("The network has a single class, which no pixel can lose: choose another network.")
        return lambda clean: Goal(clean, torch.zeros_like(clean))

    def group_weights(self, keep_weight: float) -> tuple[float, ...]:
        """A single group, as nothing should stay."""
        return (1.0,)

    def omega_weights(self, omega: float | None) -> tuple[float, ...]:
        """Weighs all pixels alike."""
        return (1.0,)

    def pixel_loss(
        self,
        logits: Logits,
        goal: Goal,
        loss: PixelLossFn,
        *,
        classes: tuple[str, ...],
        fill_weight: float,
    ) -> PixelLoss:
        """The cross-entropy of having any class but the one to lose, whichever loss is set.

        Unlike the negative cross-entropy of that class it is bounded below by 0, so that pixels that have lost their
        class stop contributing.
        """
        return other_class_loss(logits, goal.labels)

    def success_mask(self, predictions: LabelMaps, goal: Goal, classes: tuple[str, ...]) -> Tensor:
        """Pixels of any other class."""
        return predictions != goal.labels

    def score_fractions(self, counts: Counts) -> dict[str, Fraction]:
        """``fooled``: pixels that lose their class, of all pixels; ``pixel_accuracy``: pixels that keep it."""
        pixels = counts.pixels[:, 0]
        return {"fooled": (counts.reached[:, 0], pixels), "pixel_accuracy": (counts.exact[:, 0], pixels)}

    def wording(self, region: str) -> Wording:
        """How the page describes it.

        Example:
            >>> Untargeted().wording("").description
            'Change every class'
        """
        return Wording(
            "Change every class",
            (
                ScoreLabel("fooled", "of all pixels change class", "changed"),
                ScoreLabel("pixel_accuracy", "of all pixels keep their class", "kept"),
            ),
            "of the pixels change class",
            "of all pixels change class",
        )


def other_class_loss(logits: Logits, labels: LabelMaps) -> PixelLoss:
    """The cross-entropy of each pixel having any class but its label, in nats (n, h, w).

    Args:
        logits: The logits of the network (n, k, h, w).
        labels: The class that each pixel should lose (n, h, w).

    Example:
        >>> import torch
        >>> other_class_loss(torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, dtype=torch.uint8)).exp()
        tensor([[[1.5000]]])
    """
    logits = logits.float()
    other_logits = logits.scatter(1, labels.long().unsqueeze(1), float("-inf"))
    return logits.logsumexp(dim=1) - other_logits.logsumexp(dim=1)
