"""The values of the controls, read one by one from browsers and links, and the plan that they describe.

The page speaks in grey levels; the plan in [0, 1].
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from uapseg.app import strings
from uapseg.app.drawings import MAX_DRAWING, PNG_URI, painted_target
from uapseg.attack.ball import Ball
from uapseg.attack.run import Plan
from uapseg.attack.settings import PRESETS
from uapseg.errors import UapsegError
from uapseg.targets import DrawAndHide, HideClasses, StaticTarget, SwapClasses, Target, Untargeted
from uapseg.targets.drawing import NO_WORD, mask_target, text_target
from uapseg.targets.people import PEOPLE, expand_people, names_people

EPSILONS = (1, 32)
BUDGETS = (50, 40_000)
WEIGHTS = (0.1, 4.0)
SEEDS = (0, 10**12)

DEFAULT_KEEP = 1.0

MAX_NAME, MAX_WORD, MAX_NAMES = 200, 24, 256
"""The longest name and word, and the most classes to hide."""


def _integer(value: Any) -> int:
    return round(_number(value))


def _number(value: Any) -> float:
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UapsegError(strings.BAD_NUMBER) from error
    if not isfinite(number):
        raise UapsegError(strings.BAD_NUMBER)
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_NAME:
        raise UapsegError(strings.WRONG_VALUE)
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_WORD:
        raise UapsegError(NO_WORD)
    return value


def _names(value: Any) -> tuple[str, ...]:
    names = cast("list[Any] | tuple[Any, ...]", value) if isinstance(value, list | tuple) else None
    if names is None or len(names) > MAX_NAMES:
        raise UapsegError(strings.WRONG_VALUE)
    return tuple(map(_text, names))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UapsegError(strings.WRONG_VALUE)
    return value


def _drawing(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith(PNG_URI) or len(value) > MAX_DRAWING:
        raise UapsegError(strings.BAD_DRAWING)
    return value


def _one_of(allowed_names: Iterable[str]) -> Callable[[Any], str]:
    names = tuple(allowed_names)

    def read(value: Any) -> str:
        if value not in names:
            raise UapsegError(strings.WRONG_VALUE)
        return value

    return read


READERS: dict[str, Callable[[Any], Any]] = {
    "model": _text,
    "data": _text,
    "goal": _one_of(strings.GOALS),
    "source": _one_of(strings.SOURCES),
    "word": _word,
    "invert": _flag,
    "inside": _text,
    "rest": _text,
    "also_hide": _names,
    "hide": _names,
    "fill": _text,
    "swap_from": _text,
    "swap_into": _text,
    "epsilon": _integer,
    "budget": _integer,
    "keep": _number,
    "seed": _integer,
    "preset": _one_of(PRESETS),
    "norm": _one_of(strings.NORMS),
    "drawing": _drawing,
}
"""What reads each value from whatever was sent."""

_RANGES: dict[str, tuple[float, float]] = {"epsilon": EPSILONS, "budget": BUDGETS, "keep": WEIGHTS, "seed": SEEDS}

LISTED = ("also_hide", "hide")
"""The controls that name any number of classes."""

_OTHER_OPTIONS = {
    "inside": (),
    "also_hide": (),
    "hide": (),
    "rest": (strings.KEEP,),
    "fill": (strings.NEAREST,),
    "swap_from": (),
    "swap_into": (),
}
"""What can be chosen in the controls that name classes, beside classes."""


def allowed(name: str, value: Any, classes: tuple[str, ...] | None) -> tuple[Any, bool]:
    """The part of a control's value that a network allows, or None, and whether that is the whole value.

    Args:
        name: The name of the control.
        value: What its reader in `READERS` returned.
        classes: The names of the network's classes; None allows any.

    Example:
        >>> allowed("hide", ("Car", "Zebra"), ("Car", "Tree"))
        (('Car',), False)
        >>> allowed("epsilon", 99, None)
        (None, False)
    """
    if name in _RANGES:
        low, high = _RANGES[name]
        return (value, True) if low <= value <= high else (None, False)
    if name == "word":
        return (value, True) if value.strip() else (None, True)  # an empty field keeps the value
    if name not in _OTHER_OPTIONS or classes is None:
        return value, True
    options = {*classes, *_OTHER_OPTIONS[name], *(PEOPLE,) * (name in LISTED and names_people(classes))}
    if name not in LISTED:
        return (value, True) if value in options else (None, False)
    allowed_values = tuple(entry for entry in value if entry in options)
    return allowed_values or None, allowed_values == value


VALIDATION = {"validate_every": 64, "first_validation": 8, "validation_pictures": 24}
"""A live page wants figures sooner and more often than a headless run."""

Mask = NDArray[np.bool_]

Pair = tuple[str, str]
"""A network and a dataset, by name."""


@dataclass(frozen=True, kw_only=True)
class ControlValues:
    """The values of the controls.

    Attributes:
        model: The name of the network.
        data: The name of the dataset.
        goal: A key of `strings.GOALS`.
        source: A key of `strings.SOURCES`.
        word: The word that the network is to see.
        invert: Whether the uploaded mask is inverted.
        inside: The class of the drawn region.
        rest: The class of everything else, or `strings.KEEP`.
        also_hide: The classes to hide outside the drawn region; they count where the rest is kept.
        hide: The classes to hide; `PEOPLE` stands for all that are people.
        fill: What hidden pixels become: a class, or `strings.NEAREST`.
        swap_from: The class whose pixels are to be seen as another.
        swap_into: The other class.
        epsilon: The bound on the perturbation, in grey levels.
        budget: The length of the training, in image-gradients.
        keep: The factor of the weight of the rest beside the target, from 0.1 to 4.
        seed: The random seed of the order of the pictures.
        preset: A name in `uapseg.attack.settings.PRESETS`.
        norm: What epsilon bounds, a key of `strings.NORMS`.
        drawing: The drawing on the stage, as a data URI; None without one.

    Example:
        >>> ControlValues.of({"goal": "hidden", "hide": ["Car"]}).hide
        ('Car',)
    """

    model: str = ""
    data: str = ""
    goal: str = strings.STATIC
    source: str = strings.TYPE
    word: str = "foo"
    invert: bool = False
    inside: str = ""
    rest: str = ""
    also_hide: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    fill: str = strings.NEAREST
    swap_from: str = ""
    swap_into: str = ""
    epsilon: int = 10
    budget: int = 2000
    keep: float = DEFAULT_KEEP
    seed: int = 0
    preset: str = "fast"
    norm: Literal["linf", "l2"] = "linf"
    drawing: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, values: dict[str, Any]) -> "ControlValues":
        """Reads values from a browser or a link; missing ones become the default.

        Raises:
            UapsegError: A value is of the wrong kind; a number may still be out of range, as it is while it is typed.

        Example:
            >>> ControlValues.of({"word": "ox", "epsilon": "12"}).epsilon
            12
        """
        texts = {f.name: values[f.name] for f in fields(cls) if values.get(f.name) is not None}
        return cls(**{name: READERS[name](value) for name, value in texts.items()})

    @property
    def pair(self) -> Pair:
        """Network and dataset."""
        return self.model, self.data

    @property
    def ball(self) -> Ball:
        """The perturbations that epsilon allows."""
        return Ball(self.epsilon / 255, self.norm)

    def to_dict(self) -> dict[str, Any]:
        """The values that the browser stores: everything but the drawing."""
        return asdict(replace(self, drawing=None))

    def with_values(
        self, values: dict[str, Any], classes: tuple[str, ...] | None
    ) -> tuple["ControlValues", list[str]]:
        """These values updated from a link or the browser's memory, and the names of the values that do not fit.

        Args:
            values: The new values, unchecked; those that do not fit are ignored.
            classes: The names of the network's classes; None if it is not loaded yet.
        """
        valid_values: dict[str, Any] = {}
        invalid_names: list[str] = []
        for name, value in values.items():
            try:
                parsed_value = READERS[name](value)
            except UapsegError:
                invalid_names.append(name)
                continue
            valid_values[name], is_valid = allowed(name, parsed_value, classes)
            if not is_valid:
                invalid_names.append(name)
        return replace(
            self, **{name: value for name, value in valid_values.items() if value is not None}
        ), invalid_names

    def target(self, size: tuple[int, int], mask: tuple[str, Mask] | None, classes: tuple[str, ...]) -> Target:
        """The target, on pictures of ``size`` (width, height), for a network with these classes.

        Args:
            size: The (width, height) of the pictures.
            mask: The uploaded mask and its file's name.
            classes: The classes of the network; the numbers in a drawing are their indices.

        Raises:
            UapsegError: A value is missing; the message says which.
        """
        if self.goal == strings.HIDDEN:
            hidden = expand_people(self.hide, classes)
            return HideClasses(classes=hidden, fill=None if self.fill == strings.NEAREST else self.fill)
        if self.goal == strings.SWAP:
            return SwapClasses(source=self.swap_from, into=self.swap_into)
        if self.goal == strings.UNTARGETED:
            return Untargeted()
        drawing_target = self._drawing(size, mask, classes)
        hides = drawing_target.rest is None and self.also_hide
        return (
            DrawAndHide.of(drawing_target, HideClasses(classes=expand_people(self.also_hide, classes)))
            if hides
            else drawing_target
        )

    def _drawing(self, size: tuple[int, int], mask: tuple[str, Mask] | None, classes: tuple[str, ...]) -> StaticTarget:
        """The word, the painted target, or the uploaded mask."""
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

    def plan(self, target: Target, budget_start: int = 0) -> Plan:
        """The plan of a run.

        Args:
            target: The result of `target`.
            budget_start: The image-gradients already spent before the budget begins to count.

        Raises:
            UapsegError: A number is outside its range.
        """
        if not (EPSILONS[0] <= self.epsilon <= EPSILONS[1] and BUDGETS[0] <= self.budget <= BUDGETS[1]):
            raise UapsegError(strings.BAD_NUMBER)
        if not SEEDS[0] <= self.seed <= SEEDS[1]:
            raise UapsegError(strings.BAD_SEED)
        settings = PRESETS[self.preset](
            epsilon=self.epsilon / 255,
            budget=budget_start + self.budget,
            seed=self.seed,
            keep_weight=self._weight(),
            norm=self.norm,
            **VALIDATION,
        )
        return Plan(model=self.model, data=self.data, target=target, settings=settings)

    def _weight(self) -> float:
        if not WEIGHTS[0] <= self.keep <= WEIGHTS[1]:
            raise UapsegError(strings.BAD_WEIGHT)
        if self.preset == "paper" and self.keep != DEFAULT_KEEP:
            raise UapsegError(strings.NO_WEIGHT)
        return self.keep
