"""Files that are written whole or not at all, and the JSON in them that knows its version."""

import codecs
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from uapseg.errors import UapsegError
from uapseg.io.values import is_dict

_PACKAGE = Path(__file__).parents[1]

ASSETS = next(folder for folder in (_PACKAGE / "assets", _PACKAGE.parent / "assets") if folder.is_dir())
"""What comes with the project beside its code: inside an installed package, beside it in a clone."""

FORMAT = 1
"""The version of what files say about themselves; a reader refuses any other."""

PART = ".uapseg-"
"""How the names of files begin that are being written."""


def write(path: Path, content: bytes) -> None:
    """Writes a whole file or none: a reader never sees half of it, and it outlasts a loss of power.

    Raises:
        UapsegError: It cannot be written; what was there before stays.
    """
    part = path.with_name(f"{PART}{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise UapsegError(f"The file {path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Removes what writes that were killed have left in a folder, in which nobody else may be writing now."""
    for part in folder.glob(f"{PART}*.part"):
        with suppress(OSError):
            part.unlink()


def _sync_folder(folder: Path) -> None:
    """Has the disk keep the names in a folder, where the system can."""
    with suppress(OSError):  # Windows cannot open a folder
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def read(path: Path, most: int | None = None) -> bytes:
    """The content of a file of at most ``most`` bytes.

    Raises:
        UapsegError: There is none, it is larger, or it cannot be opened.
    """
    try:
        if most is not None and path.stat().st_size > most:
            raise UapsegError(f"The file {path} has more than {most >> 20} MiB: bring a smaller one.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UapsegError(f"There is no file {path}.") from error
    except OSError as error:
        raise UapsegError(f"The file {path} cannot be opened: {error.strerror}.") from error


def to_text(content: bytes) -> str:
    """Text as any system writes it: UTF-8 or UTF-16, with a mark or without, else the Latin letters of Windows."""
    for mark, kind in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if content.startswith(mark):
            return content[len(mark) :].decode(kind, "replace")
    if b"\0" in content[:64]:
        return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def to_json(fields: dict[str, Any], *, indent: int | None = None) -> str:
    """Fields with the format's version, as JSON."""
    return json.dumps({"format": FORMAT, **fields}, indent=indent, allow_nan=False)


def from_json(text: str | bytes, name: str) -> dict[str, Any]:
    """The fields of a JSON object of this version.

    Args:
        text: What `to_json` gave.
        name: What to call it in a message.

    Raises:
        UapsegError: It is no JSON object, or one of another version.
    """
    try:
        fields: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UapsegError(f"{name} cannot be read: it is not the JSON that uapseg writes.") from error
    version = fields.pop("format", None) if is_dict(fields) else None
    if version != FORMAT:
        raise UapsegError(f"{name} is of format {version}, and this version of uapseg reads format {FORMAT} only.")
    return fields
