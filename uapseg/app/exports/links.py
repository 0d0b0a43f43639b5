"""A run as a link, and back: the controls that differ from those of a new visitor."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

from uapseg.app.controls import LISTED, ControlValues
from uapseg.app.runs.own_pictures import is_own

NOT_LINKED = ("drawing",)
"""Too long for a link: a plan's JSON has it."""


def to_query(controls: ControlValues, first: ControlValues) -> str:
    """The query of a link: the controls that differ from those of a new visitor.

    Example:
        >>> to_query(ControlValues(word="ox", hide=("Car", "Tree")), ControlValues())
        'word=ox&hide=Car%2CTree'
    """
    changed = {f.name: getattr(controls, f.name) for f in fields(controls) if f.name not in NOT_LINKED}
    changed = {name: value for name, value in changed.items() if value != getattr(first, name)}
    if is_own(controls.data):  # they are nobody else's
        del changed["data"]
    return urlencode({name: ",".join(value) if name in LISTED else value for name, value in changed.items()})


def parse_query(query: Mapping[str, str]) -> dict[str, Any]:
    """The values of the controls that a link names; other names are ignored.

    Example:
        >>> parse_query({"hide": "Car,Tree", "example": "foo"})
        {'hide': ['Car', 'Tree']}
    """
    known = {f.name for f in fields(ControlValues)} - {*NOT_LINKED}
    values: dict[str, Any] = {name: value for name, value in query.items() if name in known}
    for listed in {*LISTED} & {*values}:
        values[listed] = [name for name in values[listed].split(",") if name]
    if "invert" in values:
        values["invert"] = {"True": True, "False": False}.get(values["invert"], values["invert"])
    return values
