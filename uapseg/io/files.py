"""Atomic file writes, reads with a size limit, and versioned JSON."""

import codecs
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from uapseg.errors import UapsegError
from uapseg.io.values import is_dict

_PACKAGE = Path(__file__).parents[1]

ASSETS = next(folder for folder in (_PACKAGE / "assets", _PACKAGE.parent / "assets") if folder.is_dir())
"""The folder of bundled files: inside an installed package, beside the package in a clone."""

FORMAT = 1
"""The version of the project's JSON; readers refuse any other."""

PART = ".uapseg-"
"""The prefix of temporary files during a write."""


def write(path: Path, content: bytes) -> None:
    """Writes a file atomically: readers never see a partial file, and the content survives a power failure.

    Args:
        path: The file; its folder must exist.
        content: The bytes to write.

    Raises:
        UapsegError: The file cannot be written. An existing file stays as it was.

    Example:
        >>> write(Path("a.txt"), b"hello")
        >>> read(Path("a.txt"))
        b'hello'
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


def create_folder(folder: Path) -> None:
    """Creates a folder, and those above it, unless it exists, and checks that files can be written to it.

    Raises:
        UapsegError: It cannot be written.

    Example:
        >>> create_folder(Path("runs/foo"))
        >>> Path("runs/foo").is_dir()
        True
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UapsegError(f"The folder {folder} cannot be written: {error.strerror}.") from error


def remove_parts(folder: Path) -> None:
    """Deletes the temporary files that interrupted writes left in a folder.

    Nothing else may be writing to the folder at the same time.

    Args:
        folder: The folder to clean.

    Example:
        >>> Path(".uapseg-1234.part").touch()
        >>> remove_parts(Path("."))
        >>> Path(".uapseg-1234.part").exists()
        False
    """
    for part in folder.glob(f"{PART}*.part"):
        with suppress(OSError):
            part.unlink()


def _sync_folder(folder: Path) -> None:
    """Flushes the entries of a folder to disk, where the system supports it."""
    with suppress(OSError):  # Windows cannot open a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read(path: Path, max_bytes: int | None = None) -> bytes:
    """Reads a file.

    Args:
        path: The file.
        max_bytes: The largest size allowed; None for no limit.

    Raises:
        UapsegError: The file does not exist, is too large, or cannot be opened.

    Example:
        >>> read(Path("missing.txt"))
        Traceback (most recent call last):
            ...
        uapseg.errors.UapsegError: There is no file missing.txt.
    """
    try:
        if max_bytes is not None and path.stat().st_size > max_bytes:
            raise UapsegError(f"The file {path} has more than {max_bytes >> 20} MiB: use a smaller one.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UapsegError(f"There is no file {path}.") from error
    except OSError as error:
        raise UapsegError(f"The file {path} cannot be opened: {error.strerror}.") from error


def to_text(content: bytes) -> str:
    r"""Decodes text: UTF-8 or UTF-16, with or without a byte order mark, otherwise Windows-1252.

    Example:
        >>> to_text("caf\u00e9".encode()), to_text(b"caf\xe9")
        ('café', 'café')
    """
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


def to_json(fields: Mapping[str, object], *, indent: int | None = None) -> str:
    """Serializes fields as JSON, together with the format version.

    Args:
        fields: The fields; all numbers must be finite.
        indent: Spaces for each level; None writes a single line.

    Example:
        >>> to_json({"seed": 1})
        '{"format": 1, "seed": 1}'
    """
    return json.dumps({"format": FORMAT, **fields}, indent=indent, allow_nan=False)


def from_json(text: str | bytes, name: str) -> dict[str, Any]:
    """Parses the JSON that `to_json` writes.

    Args:
        text: The JSON.
        name: What to call it in error messages.

    Raises:
        UapsegError: The text is not a JSON object, or has another format version.

    Example:
        >>> from_json('{"format": 1, "seed": 1}', "The plan")
        {'seed': 1}
    """
    try:
        fields: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UapsegError(f"{name} cannot be read: it is not the JSON that uapseg writes.") from error
    version = fields.pop("format", None) if is_dict(fields) else None
    if version != FORMAT:
        raise UapsegError(f"{name} is of format {version}, and this version of uapseg reads format {FORMAT} only.")
    return fields
