"""Validation of values where they enter: type, finiteness, range and choices."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from math import isfinite
from reprlib import Repr
from types import UnionType
from typing import Any, Literal, TypeGuard, Union, cast, get_args, get_origin

from uapseg.errors import UapsegError

MAX_LETTERS = 4096
"""The longest string allowed, in characters: as long as a path can be."""

_short = Repr()
_short.maxstring = _short.maxother = 60


def check_types(instance: Any, *, skip: Iterable[str] = ()) -> None:
    """Checks that every field of a dataclass has its annotated type, and that every number is finite.

    Args:
        instance: A dataclass instance; its annotations are classes, tuples, unions and literals.
        skip: Names of fields to skip.

    Raises:
        UapsegError: A field has another type; the message names the field and the expected type.

    Example:
        >>> from dataclasses import make_dataclass
        >>> check_types(make_dataclass("Options", [("seed", int)])(seed="one"))
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: The seed must be a whole number; it is 'one'.
    """
    for field in fields(instance):
        value = getattr(instance, field.name)
        if field.name not in skip and not _matches_type(value, field.type):
            raise UapsegError(
                f"The {_spell_out(field.name)} must be {_describe_type(field.type)}; it is {quote_value(value)}."
            )


def check_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Checks that a number lies in a closed range, with a tolerance of 1e-6 for rounding.

    Args:
        name: The name of the value, for the error message.
        value: The number.
        low: The lower bound.
        high: The upper bound.
        unit: The unit, for the error message.

    Raises:
        UapsegError: The number is out of range.

    Example:
        >>> check_range("step_size", 300, 0, 255, "grey levels")
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: The step size must lie between 0 and 255 grey levels; it is 300.
    """
    if not low - 1e-6 <= value <= high + 1e-6:
        raise UapsegError(f"The {_spell_out(name)} must lie between {low:g} and {high:g} {unit}; it is {value:g}.")


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Checks that a string is one of the given choices.

    Args:
        name: The name of the value, for the error message.
        value: The string.
        choices: The allowed values.

    Raises:
        UapsegError: The string is none of them; the message lists the choices.

    Example:
        >>> check_choice("loss", "hinge", ("margin", "cosine"))
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: There is no loss 'hinge': choose one of margin, cosine.
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
    """Formats a value for an error message, shortened to about 60 characters.

    Example:
        >>> quote_value("a" * 100)
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaa...aaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
    """
    return _short.repr(value)


def _matches_type(value: object, kind: Any) -> bool:
    """Whether a value matches an annotation."""
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
    """Whether the values of a tuple match its annotation, where an ellipsis repeats the first type."""
    expected_kinds = kinds[:1] * len(values) if kinds[-1] is Ellipsis else kinds
    return len(values) == len(expected_kinds) and all(map(_matches_type, values, expected_kinds))


def _is_finite(value: Any) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond all others
        return False


def _is_text(value: Any) -> bool:
    """Whether a string is short enough, and can be encoded as UTF-8."""
    return len(value) <= MAX_LETTERS and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _describe_type(kind: Any) -> str:
    """Describes an annotation in words."""
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
