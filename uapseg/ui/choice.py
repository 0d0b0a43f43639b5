"""What the visitor chose, and the plan it makes. The page speaks in grey levels; the plan in [0, 1]."""

from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uapseg.drawings import drawn, written
from uapseg.errors import UapsegError
from uapseg.run import Plan
from uapseg.settings import PRESETS
from uapseg.targets import Hidden, Target
from uapseg.ui import words
from uapseg.ui.drawing import painted

EPSILONS = (1, 32)
BUDGETS = (50, 8000)
WEIGHTS = (0.1, 4.0)
USUAL = 1.0
VALIDATION = {"validate_every": 64, "validation_pictures": 24}
"""A live page wants figures more often than a headless run."""

TEXTS = ("model", "data", "goal", "source", "word", "inside", "rest", "fill", "preset", "drawing")

Mask = NDArray[np.bool_]

Pair = tuple[str, str]
"""A network and a data set, by name."""


@dataclass(frozen=True, kw_only=True)
class Choice:
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
        epsilon: In grey levels.
        budget: In image-gradients.
        keep: How many times the usual the rest counts beside the target.
        seed: Draws the order of the pictures.
        preset: A name in `uapseg.settings.PRESETS`.
        drawing: What is painted on the stage: see `uapseg.ui.drawing`; None where nothing is.
    """

    model: str = ""
    data: str = ""
    goal: str = words.STATIC
    source: str = words.TYPE
    word: str = "foo"
    invert: bool = False
    inside: str = ""
    rest: str = ""
    hide: tuple[str, ...] = ()
    fill: str = words.NEAREST
    epsilon: int = 10
    budget: int = 2000
    keep: float = USUAL
    seed: int = 0
    preset: str = "fast"
    drawing: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Choice":
        """A choice from whatever the browser sent or remembered; what does not fit falls back to the default."""
        fitting: dict[str, Any] = {f.name: values[f.name] for f in fields(cls) if values.get(f.name) is not None}
        for name in TEXTS:
            if not isinstance(fitting.get(name), str):
                fitting.pop(name, None)
        for name in ("epsilon", "budget", "seed"):
            if name in fitting:
                fitting[name] = _whole(fitting[name])
        if "keep" in fitting:
            fitting["keep"] = _number(fitting["keep"])
        if "invert" in fitting:
            fitting["invert"] = fitting["invert"] is True
        if "hide" in fitting:
            hide = fitting["hide"]
            fitting["hide"] = tuple(str(name) for name in hide) if isinstance(hide, list | tuple) else ()
        return cls(**fitting)

    @property
    def pair(self) -> Pair:
        """Network and data set."""
        return self.model, self.data

    def kept(self) -> dict[str, Any]:
        """What the browser is to remember: everything but the drawing."""
        return asdict(replace(self, drawing=None))

    def fits(self, classes: tuple[str, ...]) -> bool:
        """Whether a network with these classes knows all that are chosen."""
        return {self.inside, *self.hide} <= {*classes} and {self.rest, self.fill} <= {
            *classes,
            words.KEEP,
            words.NEAREST,
        }

    def target(self, size: tuple[int, int], mask: tuple[str, Mask] | None, classes: tuple[str, ...]) -> Target:
        """The target, on pictures of ``size`` (width, height), for a network with these classes.

        Args:
            size: Of the data set's pictures.
            mask: The uploaded mask and its file's name.
            classes: The names of the classes, by which a drawing is numbered.

        Raises:
            UapsegError: Something is missing; the message says what.
        """
        if self.goal == words.HIDDEN:
            return Hidden(classes=self.hide, fill=None if self.fill == words.NEAREST else self.fill)
        rest = None if self.rest == words.KEEP else self.rest
        if self.source == words.DRAW:
            return painted(self.drawing, size, classes, rest)
        if self.inside == rest:
            raise UapsegError(words.ONE_CLASS)
        if self.source == words.TYPE:
            return written(self.word, self.inside, rest, size)
        if mask is None:
            raise UapsegError(words.NO_MASK)
        name, region = mask
        return drawn(region ^ self.invert, self.inside, rest, name)

    def plan(self, target: Target, since: int = 0) -> Plan:
        """The plan of a run.

        Args:
            target: What `target` gave.
            since: The image-gradients already spent before the budget begins to count.

        Raises:
            UapsegError: A number is outside its range.
        """
        if not (EPSILONS[0] <= self.epsilon <= EPSILONS[1] and BUDGETS[0] <= self.budget <= BUDGETS[1]):
            raise UapsegError(words.BAD_NUMBER)
        preset = PRESETS.get(self.preset, PRESETS["fast"])
        settings = preset(
            epsilon=self.epsilon / 255,
            budget=since + self.budget,
            seed=self.seed,
            keep=self._weight(),
            **VALIDATION,
        )
        return Plan(model=self.model, data=self.data, target=target, settings=settings)

    def _weight(self) -> float:
        if not WEIGHTS[0] <= self.keep <= WEIGHTS[1]:
            raise UapsegError(words.BAD_WEIGHT)
        if self.preset == "paper" and self.keep != USUAL:
            raise UapsegError(words.NO_WEIGHT)
        return self.keep


def _whole(value: Any) -> int:
    return round(_number(value))


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UapsegError(words.BAD_NUMBER) from error
    if not isfinite(number):
        raise UapsegError(words.BAD_NUMBER)
    return number
