"""A drawing in one region of the scene, and some classes hidden elsewhere."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.io.values import check_types
from uapseg.targets.base import Fraction, PixelLossFn, ScoreLabel, SearchDefaults, Wording, join_names
from uapseg.targets.counts import Counts
from uapseg.targets.goals import UNLABELED, Goal, GoalFn, check_class_names
from uapseg.targets.hide import HideClasses
from uapseg.targets.static import StaticTarget
from uapseg.tensors import LabelMaps, Logits, PixelLoss

DRAWN = 3
"""The group of the drawn region; the groups below are those of `HideClasses`, outside it."""


@dataclass(frozen=True, kw_only=True)
class DrawAndHide:
    """A drawing at the same place in every image, and the scene without some classes everywhere else.

    Its groups of pixels are the hidden pixels (0), other objects (1) and everything else (2), all outside the drawing,
    and the drawn region (3).

    Attributes:
        drawing: As in `StaticTarget`.
        classes: The names of the drawn classes.
        caption: What to call the drawing.
        hidden: The names of the classes to hide outside the drawing; none of them may be drawn.
        fill: As in `HideClasses`.

    Source:
        The static and the dynamic target of Metzen et al., https://arxiv.org/abs/1704.05712, each in its own region

    Example:
        >>> from uapseg.targets.drawing import text_target
        >>> word = text_target("foo", "Sky", None, size=(48, 32))
        >>> DrawAndHide.of(word, HideClasses(classes=("Pedestrian",))).title
        'foo in Sky on what is there, without Pedestrian'
    """

    drawing: str
    classes: tuple[str, ...]
    caption: str
    hidden: tuple[str, ...]
    fill: str | None = None

    kind: Literal["draw_and_hide"] = "draw_and_hide"

    needs_clean = True
    moves_with_image = False
    takes_pasted_objects = False
    scores_miou = False
    defaults = SearchDefaults(optimizer="adam", pixel_weighting="tau")
    selection = ("region_success", "hidden", "gone", "kept", "kept_objects")
    collapse_threshold = 0.1

    def __post_init__(self) -> None:
        """Checks the fields, and that the two parts do not contradict each other.

        Raises:
            UapsegError: A field is invalid, a drawn class is to be hidden, or nothing lies outside the drawing.
        """
        check_types(self, skip=("drawing",))
        check_class_names(self.hidden)
        if not (self.drawing_target.label_map() == UNLABELED).any():
            raise UapsegError(
                "The drawing covers the whole picture, so that nothing is left to hide: draw less, or hide nothing."
            )
        conflicts = [name for name in self.classes if name.lower() in {other.lower() for other in self.hidden}]
        if conflicts:
            raise UapsegError(
                f"{', '.join(conflicts)} cannot be drawn and hidden at once: draw in another class, or hide others."
            )

    @classmethod
    def of(cls, drawing_target: StaticTarget, hide_target: HideClasses) -> "DrawAndHide":
        """Combines a drawing, whose rest keeps the network's predictions, with hidden classes.

        Args:
            drawing_target: The drawing.
            hide_target: The classes to hide.

        Raises:
            UapsegError: The two contradict each other.
        """
        if drawing_target.rest is not None:
            raise UapsegError(
                f"Outside the drawing everything is to be {drawing_target.rest}, so that there is nothing to "
                "hide: keep the rest, or hide nothing."
            )
        return cls(
            drawing=drawing_target.drawing,
            classes=drawing_target.classes,
            caption=drawing_target.caption,
            hidden=hide_target.classes,
            fill=hide_target.fill,
        )

    @property
    def drawing_target(self) -> StaticTarget:
        """The drawing alone."""
        return StaticTarget(drawing=self.drawing, classes=self.classes, rest=None, caption=self.caption)

    @property
    def hide_target(self) -> HideClasses:
        """The hidden classes alone."""
        return HideClasses(classes=self.hidden, fill=self.fill)

    @property
    def title(self) -> str:
        """The titles of both parts."""
        return f"{self.drawing_target.title}, {self.hide_target.title}"

    @property
    def source_classes(self) -> tuple[str, ...]:
        """The hidden classes."""
        return self.hidden

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:
        """Draws over the goal of the hidden classes.

        Raises:
            UapsegError: A class is unknown, nothing is drawn, or the fill class is hidden itself.

        Example:
            >>> import numpy as np
            >>> from uapseg.targets.drawing import mask_target
            >>> drawing = mask_target(np.array([[True, False, False, False]]), inside="Sky", rest=None)
            >>> target = DrawAndHide.of(drawing, HideClasses(classes=("Car",)))
            >>> goal_fn = target.bind(("Sky", "Road", "Car"), objects=("Car",), tile=(4, 1))
            >>> goal = goal_fn(torch.tensor([[[2, 1, 2, 1]]], dtype=torch.uint8))
            >>> goal.labels.tolist(), goal.groups.tolist()
            ([[[0, 1, 1, 1]]], [[[3, 2, 0, 2]]])
        """
        hide_goal, draw_goal = (
            self.hide_target.bind(classes, objects, tile),
            self.drawing_target.bind(classes, objects, tile),
        )

        def goal(clean: LabelMaps) -> Goal:
            scene, drawing = hide_goal(clean), draw_goal(clean)
            region = drawing.groups == 0
            return Goal(
                torch.where(region, drawing.labels, scene.labels),
                scene.groups.masked_fill(region, DRAWN),
            )

        return goal

    def group_weights(self, keep_weight: float) -> tuple[float, ...]:
        """Weighs hidden and drawn pixels alike, and the rest as `HideClasses` does."""
        return (*self.hide_target.group_weights(keep_weight), 1.0)

    def omega_weights(self, omega: float | None) -> tuple[float, ...]:
        """``omega`` for hidden and for drawn pixels, ``1 - omega`` for all others."""
        return (*self.hide_target.omega_weights(omega), 1.0 if omega is None else omega)

    def pixel_loss(
        self, logits: Logits, goal: Goal, loss: PixelLossFn, *, classes: tuple[str, ...], fill_weight: float
    ) -> PixelLoss:
        """That of `HideClasses`, and for drawn pixels the loss for the drawn label."""
        return self.hide_target.pixel_loss(logits, goal, loss, classes=classes, fill_weight=fill_weight)

    def success_mask(self, predictions: LabelMaps, goal: Goal, classes: tuple[str, ...]) -> Tensor:
        """Hidden pixels that no longer have a hidden class, and all others that have the label of the goal."""
        return self.hide_target.success_mask(predictions, goal, classes)

    def score_fractions(self, counts: Counts) -> dict[str, Fraction]:
        """The scores of both parts.

        ``changed``: drawn and hidden pixels that are as they should be. ``region_success``: the same of the drawn
        region alone. All others are those of `HideClasses`, outside the drawing; what remains of the hidden classes
        counts inside it too.
        """
        outside = replace(
            counts, **{name: getattr(counts, name)[:, :DRAWN] for name in ("pixels", "reached", "exact")}
        )
        changed_groups = [0, DRAWN]
        return {
            "changed": (counts.reached[:, changed_groups].sum(1), counts.pixels[:, changed_groups].sum(1)),
            "region_success": (counts.reached[:, DRAWN], counts.pixels[:, DRAWN]),
            **self.hide_target.score_fractions(outside),
        }

    def wording(self, region: str) -> Wording:
        """How the page describes both parts.

        Example:
            >>> from uapseg.targets.drawing import text_target
            >>> word = text_target("foo", "Sky", None, size=(48, 32))
            >>> target = DrawAndHide.of(word, HideClasses(classes=("Car",)))
            >>> target.wording("the letters").description
            '“foo” in Sky over what it sees, and hide Car'
        """
        drawing_words, hide_words = self.drawing_target.wording(region), self.hide_target.wording(region)
        return Wording(
            f"{drawing_words.description}, and hide {join_names(self.hidden)}",
            (
                ScoreLabel("changed", "of what is to change changed", "what is to change"),
                drawing_words.scores[0],
                *hide_words.scores,
            ),
            "of what is to change changed",
            f"of {region or 'the drawing'} and of {join_names(self.hidden)} is as it should be",
            hide_words.groups,
        )
