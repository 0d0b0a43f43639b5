"""The protocol of targets: goals, losses, weights, search defaults, scores and wording."""

from collections.abc import Callable
from dataclasses import Field
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal, GoalFn
from uapseg.targets.people import PEOPLE, people_classes
from uapseg.tensors import LabelMaps, Logits, PixelLoss

PixelLossFn = Callable[[Logits, LabelMaps], PixelLoss]
"""Maps logits and labels to the loss of each pixel, as in `uapseg.attack.losses.LOSSES`."""

Fraction = tuple[Tensor, Tensor]
"""Numerator and denominator of a score for each image, such as pixels reached and pixels in total: two int64 (n,)."""


class SearchDefaults(NamedTuple):
    """Search settings of a target where the user's settings leave them open: those that did best in long runs.

    Attributes:
        optimizer: The update rule.
        pixel_weighting: Which pixels count in the loss.
        loss_resolution: Where the loss is computed: ``full`` for the size of the images, ``logits`` for that of the
            logits.
        translation_period: The step in pixels between the translations over which gradients are averaged; 0 for none.

    Example:
        >>> SearchDefaults(optimizer="adam", pixel_weighting="tau").loss_resolution
        'full'
    """

    optimizer: str
    pixel_weighting: str
    loss_resolution: str = "full"
    translation_period: int = 0


class ScoreLabel(NamedTuple):
    """How the page labels a score.

    Attributes:
        name: The score, as in `Target.score_fractions`.
        text: What it is a share of, to follow a percentage: "of the letters seen as Car".
        short: The same in a word or two: "the letters".

    Example:
        >>> label = ScoreLabel("kept", "of everything else kept", "everything else")
        >>> f"93 % {label.text}"
        '93 % of everything else kept'
    """

    name: str
    text: str
    short: str


class Wording(NamedTuple):
    """How the page and reports describe a target.

    Attributes:
        description: What it does, as a title: "Hide Car".
        scores: The scores that the page shows, the most important one first.
        in_image: What the figure of a single image is a share of: "of the hidden classes gone".
        outcome: What the most important score is a share of, as a statement: "of the pixels of Car vanish".
        groups: The same for connected components, to follow their number: "groups of Car are gone"; empty for targets
            that do not count components.

    Example:
        >>> Wording("Hide Car", (), "of the hidden classes gone", "of the pixels of Car vanish").groups
        ''
    """

    description: str
    scores: tuple[ScoreLabel, ...]
    in_image: str
    outcome: str
    groups: str = ""


@runtime_checkable
class Target(Protocol):
    """What the network should predict: a frozen dataclass with all of these members, registered in `TARGETS`.

    The first score of `score_fractions` is the success rate: it has a figure for each image and an interval, and is
    drawn as the curve.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> isinstance(HideClasses(classes=("Car",)), Target)
        True
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def kind(self) -> str:
        """The kind of target in files: its key in `uapseg.targets.TARGETS`."""
        ...

    @property
    def title(self) -> str:
        """A short description; also the name of a run's folder."""
        ...

    @property
    def needs_clean(self) -> bool:
        """Whether the goal depends on the predictions on the clean images."""
        ...

    @property
    def moves_with_image(self) -> bool:
        """Whether the goal belongs to the scene, and so moves when an augmentation moves the image.

        Otherwise it stays where the perturbation is.
        """
        ...

    @property
    def source_classes(self) -> tuple[str, ...]:
        """The classes that the network should no longer predict; images without any are not informative.

        Empty for a target that concerns every image alike.
        """
        ...

    @property
    def takes_pasted_objects(self) -> bool:
        """Whether an object of a source class pasted into an image can have the goal of what it covers."""
        ...

    @property
    def scores_miou(self) -> bool:
        """Whether ``miou`` compares the predictions before and after as scenes."""
        ...

    @property
    def defaults(self) -> SearchDefaults:
        """The search settings where the user's leave them open."""
        ...

    @property
    def selection(self) -> tuple[str, ...]:
        """The scores whose mean selects the best iterate; a name that appears twice counts twice."""
        ...

    @property
    def collapse_threshold(self) -> float | None:
        """The excess of a class, as a share of all pixels, above which it counts as a collapse.

        None if the scene is meant to disappear.
        """
        ...

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:
        """Binds the target to a network and to the size of a perturbation.

        Args:
            classes: The classes of the network.
            objects: The classes that are objects rather than scenery.
            tile: The (width, height) of the perturbation.

        Returns:
            A function from clean predictions to a goal.

        Raises:
            UapsegError: The target does not fit the network.
        """
        ...

    def group_weights(self, keep_weight: float) -> tuple[float, ...]:
        """Returns the weight of each group of pixels in the loss, which is averaged over each group.

        Args:
            keep_weight: The factor for all groups but the first.
        """
        ...

    def omega_weights(self, omega: float | None) -> tuple[float, ...]:
        """Returns the weight of a pixel of each group in the published method, which does not average over groups.

        Args:
            omega: The weight of pixels that should change, in [0, 1]; None weighs all pixels alike.
        """
        ...

    def pixel_loss(
        self, logits: Logits, goal: Goal, loss: PixelLossFn, *, classes: tuple[str, ...], fill_weight: float
    ) -> PixelLoss:
        """Computes the loss of each pixel.

        Args:
            logits: The logits of the network (n, k, h, w).
            goal: The goal in the same images.
            loss: The loss of a pixel given its label.
            classes: The classes of the network.
            fill_weight: For pixels whose new label does not matter, how much of the loss asks for the goal's label
                nevertheless, in [0, 1].
        """
        ...

    def success_mask(self, predictions: LabelMaps, goal: Goal, classes: tuple[str, ...]) -> Tensor:
        """Returns which pixels are as the target requires (n, h, w), bool.

        Args:
            predictions: The predictions of the network.
            goal: The goal in the same images.
            classes: The classes of the network.
        """
        ...

    def score_fractions(self, counts: Counts) -> dict[str, Fraction]:
        """Returns the numerator and denominator of each score, by image; the first score is the success rate."""
        ...

    def wording(self, region: str) -> Wording:
        """Returns how the page and reports describe the target.

        Args:
            region: What to call a drawn region, such as "the letters".
        """
        ...


class LabelTarget:
    """What targets share that ask each pixel for the label of its goal and nothing else.

    Example:
        >>> import torch
        >>> labels = torch.tensor([[[0, 1]]], dtype=torch.uint8)
        >>> LabelTarget().success_mask(torch.zeros_like(labels), Goal(labels, labels), ("Sky", "Car")).tolist()
        [[[True, False]]]
    """

    def pixel_loss(
        self,
        logits: Logits,
        goal: Goal,
        loss: PixelLossFn,
        *,
        classes: tuple[str, ...],
        fill_weight: float,
    ) -> PixelLoss:
        """The loss for the label of the goal."""
        return loss(logits, goal.labels)

    def success_mask(self, predictions: LabelMaps, goal: Goal, classes: tuple[str, ...]) -> Tensor:
        """Pixels with the label of the goal."""
        return predictions == goal.labels


def kept_fractions(counts: Counts) -> dict[str, Fraction]:
    """The scores ``kept`` and ``kept_objects``, for goals whose group 1 is other objects and group 2 the rest.

    Example:
        >>> import torch
        >>> goal = Goal(*torch.tensor([[[[0, 1, 1]]], [[[0, 1, 2]]]], dtype=torch.uint8))
        >>> predictions = torch.tensor([[[0, 2, 1]]], dtype=torch.uint8)
        >>> counts = Counts.of_masks(predictions, predictions, goal, predictions == goal.labels, 3, groups=3)
        >>> {name: (part.item(), whole.item()) for name, (part, whole) in kept_fractions(counts).items()}
        {'kept': (1, 2), 'kept_objects': (0, 1)}
    """
    return {
        "kept": (counts.reached[:, 1:].sum(1), counts.pixels[:, 1:].sum(1)),
        "kept_objects": (counts.reached[:, 1], counts.pixels[:, 1]),
    }


def join_names(names: tuple[str, ...]) -> str:
    """Joins names into a phrase: ``people`` if all are, or of more than three the first two and the number of others.

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
