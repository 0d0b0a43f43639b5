"""Plans from files, which anyone may have written: every value is checked before it is used."""

import base64
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from uapseg.errors import UapsegError
from uapseg.files import from_json
from uapseg.pictures import decode
from uapseg.run import Plan
from uapseg.targets import UNDRAWN, Static


def plan_in(content: bytes) -> Plan:
    """The plan in a JSON file: one by itself, as the page gives it, or that of a report or of a run's folder.

    Raises:
        UapsegError: It is no JSON of this version, or holds no plan.
    """
    fields = from_json(content, "The plan")
    values = fields.get("plan", fields)
    if not isinstance(values, dict):
        raise UapsegError("The plan cannot be read: what the file calls its plan is none.")
    return read_plan(values)


def read_plan(values: dict[str, Any]) -> Plan:
    """The plan that `Plan.to_dict` took apart, from a file.

    Raises:
        UapsegError: It is no plan of this version, a value is of the wrong type, or its drawing is no picture.
    """
    plan = Plan.from_dict(values)
    for part in (plan, plan.target, plan.settings):
        for field in fields(part):
            if not _fits(getattr(part, field.name), field.type):
                raise UapsegError(
                    f"The plan cannot be read: its {field.name.replace('_', ' ')} is not what it should be."
                )
    if isinstance(plan.target, Static):
        _check_drawing(plan.target)
    return plan


def _fits(value: object, kind: Any) -> bool:
    """Whether a value is of an annotated kind: a class, a tuple, a union or a literal."""
    parts, origin = get_args(kind), get_origin(kind)
    if origin in {UnionType, Union}:  # ``Literal | None`` is the older kind
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        wanted = parts[:1] * len(value) if isinstance(value, tuple) and parts[-1] is Ellipsis else parts
        return isinstance(value, tuple) and len(value) == len(wanted) and all(map(_fits, value, wanted))
    if kind in {int, float}:
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, kind)


def _check_drawing(target: Static) -> None:
    altered = UapsegError("The drawing in the plan cannot be read: the file was altered.")
    try:
        content = base64.b64decode(target.drawing, validate=True)
        decode(content)
    except (ValueError, UapsegError) as error:
        raise altered from error
    if not content.startswith(b"\x89PNG") or len(target.classes) > UNDRAWN:
        raise altered
