"""COCO's pictures on the disk: which are missing, whose they are, and how they are opened."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from uapseg.datasets import Split, needed, prepare
from uapseg.datasets.coco_choice import Entry
from uapseg.datasets.memory import Pixels
from uapseg.datasets.reading import Sample
from uapseg.datasets.sources import File, readable
from uapseg.download import Download, UnreachableError, cache_folder
from uapseg.errors import UapsegError
from uapseg.files import write
from uapseg.pictures import read_picture

IMAGES = "http://images.cocodataset.org"
CREDITS = "attribution.csv"
COLUMNS = ("file", "licence", "licence_url", "source")

Labels = Callable[[], Pixels]


def folder_of(source: str) -> Path:
    """Where the downloaded pictures of ``val2017`` or ``train2017`` are."""
    return cache_folder() / "coco" / source


def complete(name: str, split: Split, count: int) -> None:
    """Downloads the pictures that are missing; without a connection, a twentieth of the ``count`` may be missing.

    Raises:
        UapsegError: There is no connection, and more are.
    """
    try:
        for _ in prepare(name, split):
            pass
    except UnreachableError:
        if len(needed(name, split)) > count / 20:
            raise


def missing(entries: Iterable[Entry]) -> list[Download]:
    """The pictures that have to be downloaded.

    Raises:
        UapsegError: A name is not one that COCO gives.
    """
    downloads = []
    for entry in entries:
        if not re.fullmatch(r"[\w-]+\.jpg", entry.file):
            raise UapsegError(f"{entry.file} is not the name of a picture of COCO: download the annotations again.")
        path = folder_of(entry.folder) / entry.file
        if not path.is_file():
            url = f"{IMAGES}/{entry.folder}/{entry.file}"
            downloads.append(Download(url=url, path=path, checksum=entry.checksum, size=entry.size))
    return downloads


def samples(wanted: Mapping[Entry, Labels | None], pictures: Path | None = None) -> tuple[list[Sample], list[str]]:
    """Pictures with their labels, as far as they are whole, and the names of those that are not.

    Args:
        wanted: What to open.
        pictures: The folder of the user's in which they are; None stands for the downloaded ones.
    """
    places = {entry: File(_place(entry, pictures)) for entry in wanted}
    keys = readable(places.values())
    whole = [
        Sample(keys[file], file.name, partial(_read, file), wanted[entry])
        for entry, file in places.items()
        if file in keys
    ]
    return whole, [file.name for file in places.values() if file not in keys]


def credits_of(entries: Iterable[Entry]) -> str:
    """Whose pictures are, as CSV: file, licence, the licence's address, and the picture's at Flickr."""
    return _table(_row(entry) for entry in entries)


def write_credits(entries: Iterable[Entry]) -> None:
    """Adds to the files beside the downloaded pictures whose they are."""
    folders: dict[str, list[Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.folder, []).append(entry)
    for folder, inside in folders.items():
        file = folder_of(folder) / CREDITS
        before = file.read_text("utf-8") if file.is_file() else ""
        rows = {row["file"]: row for row in csv.DictReader(io.StringIO(before)) if row.keys() == set(COLUMNS)}
        rows |= {row["file"]: row for row in map(_row, inside)}
        after = _table(rows[name] for name in sorted(rows))
        if after != before:
            with suppress(UapsegError):  # a read-only disk does not stop a run; `credits_of` still tells
                write(file, after.encode())


def _row(entry: Entry) -> dict[Any, str]:
    values = (entry.file, entry.licence.name, entry.licence.url, entry.source)
    return dict(zip(COLUMNS, values, strict=True))


def _table(rows: Iterable[dict[Any, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _place(entry: Entry, pictures: Path | None) -> Path:
    inside = PurePosixPath(entry.file)
    if inside.is_absolute() or ".." in inside.parts:
        raise UapsegError(f"{entry.file} in the annotations leads out of the folder of pictures: correct it there.")
    return (pictures or folder_of(entry.folder)) / inside


def _read(file: File) -> Image.Image:
    return read_picture(file.read())
