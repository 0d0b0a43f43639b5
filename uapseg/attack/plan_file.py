"""Plans from files, which anyone may have written."""

from pathlib import Path

from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.io.files import from_json

MOST_BYTES = 4 << 20
"""Of a plan's file: as Python's objects, what it holds may take twenty times as many."""


def is_plan(path: Path) -> bool:
    """Whether a file is one of JSON, by its first bytes."""
    with path.open("rb") as file:
        return file.read(64).lstrip()[:1] == b"{"


def extract_plan(content: bytes) -> Plan:
    """The plan in a JSON file: one by itself, as the page gives it, or that of a report or of a run's folder.

    Raises:
        UapsegError: It is too large, no JSON of this version, or holds no plan.
    """
    if len(content) > MOST_BYTES:
        raise UapsegError(f"The plan has more than {MOST_BYTES >> 20} MiB: it is not one that uapseg wrote.")
    fields = from_json(content, "The plan")
    values = fields.get("plan", fields)
    if not isinstance(values, dict):
        raise UapsegError("The plan cannot be read: what the file calls its plan is none.")
    return Plan.from_dict(values)
