"""The scene with one class predicted as another."""

from dataclasses import dataclass
from typing import Literal

import torch

from uapseg.errors import UapsegError
from uapseg.io.values import check_types
from uapseg.targets.base import Fraction, LabelTarget, ScoreLabel, SearchDefaults, Wording, kept_fractions
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal, GoalFn, check_class_names, class_indices
from uapseg.tensors import LabelMaps


@dataclass(frozen=True, kw_only=True)
class SwapClasses(LabelTarget):
    """The scene with the pixels of one class predicted as another; everything else stays as it is.

    Its groups of pixels are those of the source class (0), other objects (1) and everything else (2).

    Attributes:
        source: The name of the class whose pixels change.
        into: The name of the class that they are to be predicted as.

    Example:
        >>> SwapClasses(source="Car", into="Bicyclist").title
        'Car as Bicyclist'
    """

    source: str
    into: str

    kind: Literal["swap"] = "swap"

    needs_clean = True
    moves_with_image = True
    takes_pasted_objects = False
    scores_miou = True
    defaults = SearchDefaults(optimizer="adam", pixel_weighting="tau", translation_period=8)  # as for hiding
    selection = ("swapped", "swapped", "kept", "kept_objects")
    collapse_threshold = 0.1

    def __post_init__(self) -> None:
        """Checks the names.

        Raises:
            UapsegError: A name is not text, or blank.
        """
        check_types(self)
        check_class_names((self.source, self.into))

    @property
    def title(self) -> str:
        """Both classes."""
        return f"{self.source} as {self.into}"

    @property
    def source_classes(self) -> tuple[str, ...]:
        """The source class."""
        return (self.source,)

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:
        """Finds the pixels of the source class in clean predictions.

        Raises:
            UapsegError: A class is not known, or both are the same.

        Example:
            >>> import torch
            >>> goal_fn = SwapClasses(source="Car", into="Road").bind(("Sky", "Road", "Car"), ("Car",), tile=(3, 1))
            >>> goal = goal_fn(torch.tensor([[[0, 2, 1]]], dtype=torch.uint8))
            >>> goal.labels.tolist(), goal.groups.tolist()
            ([[[0, 1, 1]]], [[[2, 0, 2]]])
        """
        source, into = class_indices((self.source, self.into), classes)
        if source == into:
            raise UapsegError(f"{self.source} cannot be swapped for itself: choose two classes.")
        group = torch.full((256,), 2, dtype=torch.uint8)
        group[list(class_indices(objects, classes))] = 1
        group[source] = 0

        def goal(clean: LabelMaps) -> Goal:
            groups = group.to(clean.device)[clean.long()]
            return Goal(torch.where(groups == 0, into, clean).to(torch.uint8), groups)

        return goal

    def group_weights(self, keep_weight: float) -> tuple[float, ...]:
        """The same weights as for hiding."""
        return (1.0, 0.9 * keep_weight, 0.8 * keep_weight)

    def omega_weights(self, omega: float | None) -> tuple[float, ...]:
        """``omega`` for pixels of the source class, ``1 - omega`` for all others."""
        return (1.0, 1.0, 1.0) if omega is None else (omega, 1 - omega, 1 - omega)

    def score_fractions(self, counts: Counts) -> dict[str, Fraction]:
        """``swapped``: pixels of the source class predicted as the other class; the rest as in `kept_fractions`."""
        return {"swapped": (counts.reached[:, 0], counts.pixels[:, 0]), **kept_fractions(counts)}

    def wording(self, region: str) -> Wording:
        """How the page describes swapping.

        Example:
            >>> SwapClasses(source="Car", into="Bicyclist").wording("").description
            'Show Car as Bicyclist'
        """
        return Wording(
            f"Show {self.source} as {self.into}",
            (
                ScoreLabel("swapped", f"of {self.source} pixels seen as {self.into}", "swapped"),
                ScoreLabel("kept", "of everything else kept", "everything else"),
                ScoreLabel("kept_objects", "of the other objects kept", "other objects"),
            ),
            f"of the {self.source} pixels seen as {self.into}",
            f"of the pixels of {self.source} are seen as {self.into}",
        )
