"""What lies in a folder, in a zip archive, or beside the pictures of a list: files by their path, with ``/``."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from uapseg.datasets.path_names import holds_label_maps, normalize_name
from uapseg.errors import UapsegError
from uapseg.io.files import read, to_text
from uapseg.io.sources import File, Source, ZipMember, open_zip

CLASSES_FILE = "classes.txt"

ENCRYPTED = 1
"""The bit of a zip archive's member that is encrypted."""

MAX_ABOVE = 3
"""How many folders above a picture of a list are searched for label maps, where the list does not lie above it."""


@dataclass(frozen=True)
class Tree:
    """Files by path.

    Attributes:
        files: All of them; paths are never used to open anything.
        pictures: The paths that a list names as pictures; None where any may be one.
        labels: The label maps that a list names beside its pictures, by the pictures' paths.
    """

    files: dict[str, Source]
    pictures: tuple[str, ...] | None = None
    labels: dict[str, str] = field(default_factory=dict)


def read_tree(path: Path) -> Tree:
    """The files of a folder, a zip archive or a list.

    Raises:
        UapsegError: It cannot be opened.
    """
    if path.is_dir():
        found: Iterator[tuple[str, Source]] = (
            (file.relative_to(path).as_posix(), File(file)) for file in path.rglob("*") if file.is_file()
        )
    elif path.suffix.lower() == ".zip":
        inside = [member for member in open_zip(path).infolist() if member.filename[-1:] not in {"/", "\\"}]
        if inside and all(member.flag_bits & ENCRYPTED for member in inside):
            raise UapsegError(f"{path} is locked by a password: unpack it, and give the folder.")
        found = ((member.filename, ZipMember(path, member.filename)) for member in inside)
    else:
        return _read_list(path)
    files = {plain: source for name, source in found if (plain := _relative_path(name))}
    return Tree({name: files[name] for name in sorted(files) if not _is_hidden(name)})


def _relative_path(name: str) -> str:
    """A path below the top, whichever slashes it was written with and wherever it points."""
    parts = re.sub(r"^[A-Za-z]:(?=[\\/])", "", name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in {"", ".", ".."})


def _is_hidden(name: str) -> bool:
    """Whether other programs left it beside the pictures."""
    parts = PurePosixPath(name).parts
    return "__macosx" in map(normalize_name, parts) or any(part.startswith(".") for part in parts)


def _read_list(path: Path) -> Tree:
    """The pictures of a list, and what may be their label maps; paths begin where the list lies."""
    base = _absolute(Path(), str(path.parent))
    lines = [line.strip().strip("\"'") for line in to_text(read(path)).splitlines()]
    columns = [_parse_line(base, line) for line in lines if line and "\0" not in line and not line.startswith("# ")]
    pictures = dict.fromkeys(picture for picture, _ in columns)
    labels = {picture.as_posix(): labels.as_posix() for picture, labels in columns if labels}
    files = [*pictures, *map(Path, labels.values()), *_nearby_files(list(pictures), base)]
    return Tree({file.as_posix(): File(file) for file in files}, tuple(map(Path.as_posix, pictures)), labels)


def _parse_line(base: Path, line: str) -> tuple[Path, Path | None]:
    """The picture of a line and, in a second column, its label map."""
    whole = _find_file(base, line)
    if whole:
        return whole, None
    for cells in (re.split(r"\s*[\t,;]\s*", line), line.split()):
        both = [_find_file(base, cell) for cell in cells]
        if len(both) == 2 and both[0]:
            return both[0], both[1]
    return _absolute(base, line.replace("\\", "/")), None


def _find_file(base: Path, name: str) -> Path | None:
    """The file of this name, whichever slashes it was written with."""
    ways = (_absolute(base, way) for way in (name, name.replace("\\", "/")))
    with suppress(OSError):  # a name that is too long
        return next((path for path in ways if path.is_file()), None)
    return None


def _absolute(base: Path, name: str) -> Path:
    return Path(os.path.abspath(base / name))  # noqa: PTH100  a link keeps its own name


def _nearby_files(pictures: list[Path], base: Path) -> Iterator[Path]:
    """Files in the pictures' own folders, in folders for label maps beside or above them, and the names of classes."""
    own = dict.fromkeys(picture.parent for picture in pictures)
    above = dict.fromkeys([base, *(folder for first in own for folder in _folders_above(first, base))])
    for folder in above:
        for entry in _list_folder(folder):
            if entry.is_dir() and holds_label_maps(entry.name):
                yield from (Path(file) for file in Path(entry.path).rglob("*") if file.is_file())
            elif entry.is_file() and (folder in own or normalize_name(entry.name) == CLASSES_FILE):
                yield Path(entry.path)


def _folders_above(folder: Path, base: Path) -> list[Path]:
    """A folder and those above it, up to the one of the list."""
    chain = [folder, *folder.parents]
    return chain[: chain.index(base) + 1] if base in chain else chain[:MAX_ABOVE]


def _list_folder(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
