"""Plans in files, which anyone may have written."""

from pathlib import Path

from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.io.files import from_json
from uapseg.io.values import is_dict

MAX_BYTES = 4 << 20
"""The largest file of a plan, in bytes: as Python objects, its content may take twenty times as much."""


def is_plan(path: Path) -> bool:
    """Whether a file is JSON, by its first bytes.

    Example:
        >>> _ = Path("plan.json").write_text('{"format": 1}')
        >>> is_plan(Path("plan.json"))
        True
    """
    with path.open("rb") as file:
        return file.read(64).lstrip()[:1] == b"{"


def extract_plan(content: bytes) -> Plan:
    """Reads the plan in a JSON file: a bare one, as the page exports it, or that of a report or run folder.

    Args:
        content: The content of the file.

    Raises:
        UapsegError: The file is too large, is not JSON of this version, or holds no plan.

    Example:
        >>> from uapseg import HideClasses, fast
        >>> from uapseg.io.files import to_json
        >>> plan = Plan(model="street", data="street", target=HideClasses(classes=("Car",)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> extract_plan(to_json(plan.to_dict()).encode()) == plan
        True
    """
    if len(content) > MAX_BYTES:
        raise UapsegError(f"The plan has more than {MAX_BYTES >> 20} MiB: it is not one that uapseg wrote.")
    fields = from_json(content, "The plan")
    values = fields.get("plan", fields)
    if not is_dict(values):
        raise UapsegError("The plan cannot be read: the file's plan is not a JSON object.")
    return Plan.from_dict(values)
