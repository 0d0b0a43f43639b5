"""A run as a link, and back: the controls that differ from those of a new visitor."""

import csv
import io
from collections.abc import Mapping, Sequence
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
    changed_values = {f.name: getattr(controls, f.name) for f in fields(controls) if f.name not in NOT_LINKED}
    changed_values = {name: value for name, value in changed_values.items() if value != getattr(first, name)}
    if is_own(controls.data):  # others do not have them
        del changed_values["data"]
    return urlencode({name: _join(value) if name in LISTED else value for name, value in changed_values.items()})


def parse_query(query: Mapping[str, str]) -> dict[str, Any]:
    """The values of the controls that a link names; other names are ignored.

    Example:
        >>> parse_query({"hide": "Car,Tree", "example": "foo"})
        {'hide': ['Car', 'Tree']}
    """
    linked_names = {f.name for f in fields(ControlValues)} - {*NOT_LINKED}
    values: dict[str, Any] = {name: value for name, value in query.items() if name in linked_names}
    for list_name in {*LISTED} & {*values}:
        values[list_name] = _split(values[list_name])
    if "invert" in values:
        values["invert"] = {"True": True, "False": False}.get(values["invert"], values["invert"])
    return values


def _join(names: Sequence[str]) -> str:
    """Joins names by commas; a name with a comma of its own is quoted, as in CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def _split(line: str) -> list[str]:
    return [name for names in csv.reader([line]) for name in names if name]
