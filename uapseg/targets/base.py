"""What a target answers for itself: its goals, losses and weights, the defaults of its search, scores and words."""

from collections.abc import Callable
from dataclasses import Field
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal, GoalFn
from uapseg.targets.people import PEOPLE, people_classes
from uapseg.tensors import LabelMaps, Logits, PixelLoss

PixelLossFn = Callable[[Logits, LabelMaps], PixelLoss]
"""The loss of each pixel, given logits and labels, as in `uapseg.attack.losses.LOSSES`."""

Fraction = tuple[Tensor, Tensor]
"""Pixels (or images) reached, and how many there are, for each image: two tensors (n,), int64."""


class SearchDefaults(NamedTuple):
    """How to search for a target where the settings leave it open: what did best in long runs (see the README).

    Attributes:
        optimizer: The rule of the optimizer.
        pixel_weighting: Which pixels count.
        loss_resolution: Where the loss is taken: at the size of the images, or at that of the logits.
    """

    optimizer: str
    pixel_weighting: str
    loss_resolution: str = "full"


class ScoreLabel(NamedTuple):
    """How the page calls a score.

    Attributes:
        name: The score, as in `Target.score_fractions`.
        text: What it is a share of, to follow a percentage: "of the letters seen as Car".
        short: The same in a word or two: "the letters".
    """

    name: str
    text: str
    short: str


class Wording(NamedTuple):
    """What the page and reports say of a target.

    Attributes:
        description: What it does, as a title: "Hide Car".
        scores: The scores that the page shows, the most important one first.
        in_image: What the figure of a single image is a share of: "of the hidden classes gone".
        outcome: What the most important score is a share of, and what becomes of it: "of Car vanishes".
        groups: The same of connected components of its pixels, to follow their number: "groups of Car are gone"; empty
            where they do not count.
    """

    description: str
    scores: tuple[ScoreLabel, ...]
    in_image: str
    outcome: str
    groups: str = ""


@runtime_checkable
class Target(Protocol):
    """What the network is to see instead: a frozen dataclass with all of this, registered in `TARGETS`.

    The first score of `score_fractions` is the target's success: it gets a figure for each image and an interval, and
    draws the curves.

    Attributes:
        kind: The kind of target, as files name it: its key in `uapseg.targets.TARGETS`.
        title: What it is, in a few words; also the name of a run's folder.
        needs_clean: Whether the goal depends on the network's predictions in the clean images.
        moves_with_image: Whether the goal belongs to the scene, and so moves when an augmentation moves the image; one
            that does not stays where the perturbation is.
        source_classes: The classes that the network should no longer predict where it did; images without any of
            them say nothing of the target. Empty for a target that concerns every image alike.
        takes_pasted_objects: Whether an object of a source class that is pasted into an image can have the goal of
            what it covers.
        scores_miou: Whether the predictions before and after are to be compared as scenes, by ``miou``.
        defaults: How to search for it.
        selection: The scores whose mean chooses the best iterate; a name that is there twice counts twice.
        collapse_threshold: By what share of all pixels a class may outgrow both the clean images and the goal before
            that is called a collapse; None where the scene is meant to go.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def kind(self) -> str: ...  # noqa: D102  said above

    @property
    def title(self) -> str: ...  # noqa: D102  said above

    @property
    def needs_clean(self) -> bool: ...  # noqa: D102  said above

    @property
    def moves_with_image(self) -> bool: ...  # noqa: D102  said above

    @property
    def source_classes(self) -> tuple[str, ...]: ...  # noqa: D102  said above

    @property
    def takes_pasted_objects(self) -> bool: ...  # noqa: D102  said above

    @property
    def scores_miou(self) -> bool: ...  # noqa: D102  said above

    @property
    def defaults(self) -> SearchDefaults: ...  # noqa: D102  said above

    @property
    def selection(self) -> tuple[str, ...]: ...  # noqa: D102  said above

    @property
    def collapse_threshold(self) -> float | None: ...  # noqa: D102  said above

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:
        """Binds the target to a network and to the size of a perturbation.

        Args:
            classes: The classes of the network.
            objects: Those of its classes that are objects rather than surroundings.
            tile: (width, height) of the perturbation.

        Returns:
            A function from clean predictions to a goal.

        Raises:
            UapsegError: The target does not fit the network.
        """
        ...

    def group_weights(self, keep_weight: float) -> tuple[float, ...]:
        """The weight of the mean loss over each group of pixels.

        Args:
            keep_weight: The factor of all groups but the first.
        """
        ...

    def omega_weights(self, omega: float | None) -> tuple[float, ...]:
        """The weight of a pixel of each group in the published method, which takes no means by group.

        Args:
            omega: The weight of pixels that are to change in [0, 1]; None weighs all pixels alike.
        """
        ...

    def pixel_loss(
        self, logits: Logits, goal: Goal, loss: PixelLossFn, *, classes: tuple[str, ...], fill_weight: float
    ) -> PixelLoss:
        """The loss of each pixel.

        Args:
            logits: What the network says (n, k, h, w).
            goal: The goal in the same images.
            loss: The loss of a pixel that is to have a given label.
            classes: The classes of the network.
            fill_weight: Where a target leaves open what becomes of a pixel, how much of the loss asks for the goal's
                label, in [0, 1].
        """
        ...

    def reached(self, seen: LabelMaps, goal: Goal, classes: tuple[str, ...]) -> Tensor:
        """Which pixels are as the target wants them (n, h, w), bool.

        Args:
            seen: The network's predictions.
            goal: The goal in the same images.
            classes: The classes of the network.
        """
        ...

    def score_fractions(self, counts: Counts) -> dict[str, Fraction]:
        """What each score is a share of, image by image; the first is the target's success."""
        ...

    def wording(self, region: str) -> Wording:
        """What the page and reports say of the target.

        Args:
            region: What to call a drawn region, such as "the letters".
        """
        ...


def kept_fractions(counts: Counts) -> dict[str, Fraction]:
    """The scores of what stays, for goals whose group 0 changes, group 1 is other objects and group 2 the rest.

    Example:
        >>> import torch
        >>> goal = Goal(*torch.tensor([[[[0, 1, 1]]], [[[0, 1, 2]]]], dtype=torch.uint8))
        >>> seen = torch.tensor([[[0, 2, 1]]], dtype=torch.uint8)
        >>> counts = Counts.of_masks(seen, seen, goal, seen == goal.labels, 3, groups=3)
        >>> {name: (part.item(), whole.item()) for name, (part, whole) in kept_fractions(counts).items()}
        {'kept': (1, 2), 'kept_objects': (0, 1)}
    """
    return {
        "kept": (counts.reached[:, 1:].sum(1), counts.pixels[:, 1:].sum(1)),
        "kept_objects": (counts.reached[:, 1], counts.pixels[:, 1]),
    }


def join_names(names: tuple[str, ...]) -> str:
    """Names in a row; of more than three, the first two and how many more. Classes that are people go by that word.

    Example:
        >>> join_names(("Car", "Sky")), join_names(("Car", "Sky", "Road", "Tree"))
        ('Car and Sky', 'Car, Sky and 2 more')
    """
    if len(names) > 1 and people_classes(names) == names:
        return PEOPLE
    if len(names) > 3:
        return f"{names[0]}, {names[1]} and {len(names) - 2} more"
    *first, last = names or ("nothing",)
    return f"{', '.join(first)} and {last}" if first else last
