"""What each control can hold: values from browsers, links and memories, read one by one."""

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any

from uapseg.app import strings
from uapseg.app.painting import MOST_DRAWING as MOST_DRAWING
from uapseg.attack.settings import PRESETS
from uapseg.errors import UapsegError
from uapseg.targets.drawing import NO_WORD

EPSILONS = (1, 32)
BUDGETS = (50, 8000)
WEIGHTS = (0.1, 4.0)
SEEDS = (0, 10**12)

USUAL = 1.0

MOST_NAME, MOST_WORD, MOST_NAMES = 200, 24, 256
"""Of a name, of a word; and of the classes to hide."""

PNG_URI = "data:image/png;base64,"


def _whole(value: Any) -> int:
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
    if not isinstance(value, str) or len(value) > MOST_NAME:
        raise UapsegError(strings.WRONG_VALUE)
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MOST_WORD:
        raise UapsegError(NO_WORD)
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MOST_NAMES:
        raise UapsegError(strings.WRONG_VALUE)
    return tuple(map(_text, value))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UapsegError(strings.WRONG_VALUE)
    return value


def _drawing(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith(PNG_URI) or len(value) > MOST_DRAWING:
        raise UapsegError(strings.BAD_DRAWING)
    return value


def _one_of(known: Iterable[str]) -> Callable[[Any], str]:
    names = tuple(known)

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
    "hide": _names,
    "fill": _text,
    "swap_from": _text,
    "swap_into": _text,
    "epsilon": _whole,
    "budget": _whole,
    "keep": _number,
    "seed": _whole,
    "preset": _one_of(PRESETS),
    "drawing": _drawing,
}
"""What reads each value from whatever was sent."""

_RANGES: dict[str, tuple[float, float]] = {"epsilon": EPSILONS, "budget": BUDGETS, "keep": WEIGHTS, "seed": SEEDS}

_BESIDE = {
    "inside": (),
    "hide": (),
    "rest": (strings.KEEP,),
    "fill": (strings.NEAREST,),
    "swap_from": (),
    "swap_into": (),
}
"""What can be chosen in the controls that name classes, beside classes."""


def allowed(name: str, value: Any, classes: tuple[str, ...] | None) -> tuple[Any, bool]:
    """What of a value can be used, None being nothing of it, and whether that is all of it."""
    if name in _RANGES:
        low, high = _RANGES[name]
        return (value, True) if low <= value <= high else (None, False)
    if name == "word":
        return (value, True) if value.strip() else (None, True)  # an empty field is no wish
    if name not in _BESIDE or classes is None:
        return value, True
    known = {*classes, *_BESIDE[name]}
    if name != "hide":
        return (value, True) if value in known else (None, False)
    found = tuple(each for each in value if each in known)
    return found or None, found == value
