"""Checks of values where they come in: each is of its field's type, finite, in its range, one of its choices."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from math import isfinite
from reprlib import Repr
from types import UnionType
from typing import Any, Literal, TypeGuard, Union, cast, get_args, get_origin

from uapseg.errors import UapsegError

MAX_LETTERS = 4096
"""The longest text that a value may be: as long as a path."""

_short = Repr()
_short.maxstring = _short.maxother = 60


def check_types(holder: Any, *, but: Iterable[str] = ()) -> None:
    """Checks that each field of a dataclass is of its annotated type, and each number finite.

    Args:
        holder: An instance; its annotations are classes, tuples, unions and literals.
        but: The fields that are checked elsewhere.

    Raises:
        UapsegError: A field is not; it is named, with what it may be.
    """
    for field in fields(holder):
        value = getattr(holder, field.name)
        if field.name not in but and not _matches_type(value, field.type):
            raise UapsegError(
                f"The {_spell_out(field.name)} must be {_describe_type(field.type)}; it is {quote_value(value)}."
            )


def check_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Checks that a number lies in its range, but for rounding.

    Raises:
        UapsegError: It does not.
    """
    if not low - 1e-6 <= value <= high + 1e-6:
        raise UapsegError(f"The {_spell_out(name)} must lie between {low:g} and {high:g} {unit}; it is {value:g}.")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Checks that a text is one of its choices.

    Raises:
        UapsegError: It is not; it is named, with the choices.
    """
    if value not in choices:
        raise UapsegError(f"There is no {_spell_out(name)} {quote_value(value)}: choose one of {', '.join(choices)}.")


def is_dict(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value from a file is a JSON object.

    Example:
        >>> is_dict({"a": 1}), is_dict([1])
        (True, False)
    """
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value from a file is a JSON array.

    Example:
        >>> is_list([1]), is_list("a")
        (True, False)
    """
    return isinstance(value, list)


def is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether a value is a list or a tuple.

    Example:
        >>> is_sequence((1, 2)), is_sequence("ab")
        (True, False)
    """
    return isinstance(value, list | tuple)


def quote_value(value: object) -> str:
    """A value as it is written in Python, cut where it is long."""
    return _short.repr(value)


def _matches_type(value: object, kind: Any) -> bool:
    """Whether a value is of an annotated kind."""
    parts, origin = get_args(kind), get_origin(kind)
    if origin in {UnionType, Union}:  # ``Literal | None`` is the older kind
        return any(_matches_type(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, tuple) and _match_types(cast("tuple[object, ...]", value), parts)
    if kind in {int, float}:
        return isinstance(value, int | kind) and not isinstance(value, bool) and _is_finite(value)
    return isinstance(value, kind) and (kind is not str or _is_text(value))


def _match_types(values: tuple[object, ...], kinds: tuple[Any, ...]) -> bool:
    """Whether the values of a tuple are of its annotated kinds, of which an ellipsis repeats the first."""
    wanted = kinds[:1] * len(values) if kinds[-1] is Ellipsis else kinds
    return len(values) == len(wanted) and all(map(_matches_type, values, wanted))


def _is_finite(value: Any) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond all others
        return False


def _is_text(value: Any) -> bool:
    """Whether a text is short enough, and can be written to a file."""
    return len(value) <= MAX_LETTERS and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _describe_type(kind: Any) -> str:
    """What a value of a kind is, in words."""
    parts, origin = get_args(kind), get_origin(kind)
    if origin in {UnionType, Union}:
        return " or ".join(_describe_type(part) for part in parts)
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is tuple:
        return f"a tuple of {_plural(parts[0])}" if parts[-1] is Ellipsis else f"a tuple of {len(parts)} numbers"
    words = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", type(None): "None"}
    return words.get(kind, f"a {getattr(kind, '__name__', kind)}")


def _plural(kind: Any) -> str:
    return {str: "texts"}.get(kind, "values")


def _spell_out(name: str) -> str:
    return name.replace("_", " ")
