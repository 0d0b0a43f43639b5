"""What the visitor chose, and the plan it makes. The page speaks in grey levels; the plan in [0, 1]."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uapseg.app import strings
from uapseg.app.painting import painted_target
from uapseg.app.values import BUDGETS, EPSILONS, READERS, SEEDS, USUAL, WEIGHTS, allowed
from uapseg.attack.run import Plan
from uapseg.attack.settings import PRESETS
from uapseg.errors import UapsegError
from uapseg.targets import HideClasses, SwapClasses, Target
from uapseg.targets.drawing import mask_target, text_target

VALIDATION = {"validate_every": 64, "validation_pictures": 24}
"""A live page wants figures more often than a headless run."""

Mask = NDArray[np.bool_]

Pair = tuple[str, str]
"""A network and a data set, by name."""


@dataclass(frozen=True, kw_only=True)
class ControlValues:
    """The values of the controls.

    Attributes:
        model: The name of the network.
        data: The name of the data set.
        goal: One of `words.GOALS`.
        source: One of `words.SOURCES`.
        word: What to write.
        invert: Whether the uploaded mask is turned inside out.
        inside: The class of the drawn region.
        rest: The class of everything else, or `words.KEEP`.
        hide: The classes to hide.
        fill: What hidden pixels become: a class, or `words.NEAREST`.
        swap_from: The class whose pixels are to be seen as another.
        swap_into: That other class.
        epsilon: In grey levels.
        budget: In image-gradients.
        keep: How many times the usual the rest counts beside the target.
        seed: Draws the order of the pictures.
        preset: A name in `uapseg.attack.settings.PRESETS`.
        drawing: What is painted on the stage: see `uapseg.app.painting`; None where nothing is.
    """

    model: str = ""
    data: str = ""
    goal: str = strings.STATIC
    source: str = strings.TYPE
    word: str = "foo"
    invert: bool = False
    inside: str = ""
    rest: str = ""
    hide: tuple[str, ...] = ()
    fill: str = strings.NEAREST
    swap_from: str = ""
    swap_into: str = ""
    epsilon: int = 10
    budget: int = 2000
    keep: float = USUAL
    seed: int = 0
    preset: str = "fast"
    drawing: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "ControlValues":
        """A choice from what the controls sent; what is not there is the default.

        Raises:
            UapsegError: A value is of the wrong kind; a number may still be out of range, as it is while it is typed.
        """
        sent = {f.name: values[f.name] for f in fields(cls) if values.get(f.name) is not None}
        return cls(**{name: READERS[name](value) for name, value in sent.items()})

    @property
    def pair(self) -> Pair:
        """Network and data set."""
        return self.model, self.data

    def to_dict(self) -> dict[str, Any]:
        """What the browser is to remember: everything but the drawing."""
        return asdict(replace(self, drawing=None))

    def updated(self, values: dict[str, Any], classes: tuple[str, ...] | None) -> tuple["ControlValues", list[str]]:
        """This choice with what a link or the browser's memory says, and the names of the values that do not fit.

        Args:
            values: From outside, some of them maybe no values at all; those that do not fit are left as they are here.
            classes: The names of the network's classes; None where it is not loaded yet.
        """
        fitting: dict[str, Any] = {}
        unfit: list[str] = []
        for name, value in values.items():
            try:
                read = READERS[name](value)
            except UapsegError:
                unfit.append(name)
                continue
            fitting[name], fits = allowed(name, read, classes)
            if not fits:
                unfit.append(name)
        return replace(self, **{name: value for name, value in fitting.items() if value is not None}), unfit

    def target(self, size: tuple[int, int], mask: tuple[str, Mask] | None, classes: tuple[str, ...]) -> Target:
        """The target, on pictures of ``size`` (width, height), for a network with these classes.

        Args:
            size: Of the data set's pictures.
            mask: The uploaded mask and its file's name.
            classes: The names of the classes, by which a drawing is numbered.

        Raises:
            UapsegError: Something is missing; the message says what.
        """
        if self.goal == strings.HIDDEN:
            return HideClasses(classes=self.hide, fill=None if self.fill == strings.NEAREST else self.fill)
        if self.goal == strings.SWAP:
            return SwapClasses(source=self.swap_from, into=self.swap_into)
        rest = None if self.rest == strings.KEEP else self.rest
        if self.source == strings.DRAW:
            return painted_target(self.drawing, size, classes, rest)
        if self.inside == rest:
            raise UapsegError(strings.ONE_CLASS)
        if self.source == strings.TYPE:
            return text_target(self.word, self.inside, rest, size)
        if mask is None:
            raise UapsegError(strings.NO_MASK)
        name, region = mask
        return mask_target(region ^ self.invert, self.inside, rest, name)

    def plan(self, target: Target, since: int = 0) -> Plan:
        """The plan of a run.

        Args:
            target: What `target` gave.
            since: The image-gradients already spent before the budget begins to count.

        Raises:
            UapsegError: A number is outside its range.
        """
        if not (EPSILONS[0] <= self.epsilon <= EPSILONS[1] and BUDGETS[0] <= self.budget <= BUDGETS[1]):
            raise UapsegError(strings.BAD_NUMBER)
        if not SEEDS[0] <= self.seed <= SEEDS[1]:
            raise UapsegError(strings.BAD_SEED)
        settings = PRESETS[self.preset](
            epsilon=self.epsilon / 255,
            budget=since + self.budget,
            seed=self.seed,
            keep_weight=self._weight(),
            **VALIDATION,
        )
        return Plan(model=self.model, data=self.data, target=target, settings=settings)

    def _weight(self) -> float:
        if not WEIGHTS[0] <= self.keep <= WEIGHTS[1]:
            raise UapsegError(strings.BAD_WEIGHT)
        if self.preset == "paper" and self.keep != USUAL:
            raise UapsegError(strings.NO_WEIGHT)
        return self.keep
