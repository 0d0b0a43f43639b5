"""COCO's pictures on disk: which are missing, who made them, and how they are opened."""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from PIL import Image

from uapseg.datasets.coco.annotations import AnnotatedImage
from uapseg.datasets.coco.selection import CocoImage
from uapseg.datasets.reader import Sample
from uapseg.datasets.registry import download, missing_files
from uapseg.datasets.splits import Split
from uapseg.errors import UapsegError
from uapseg.io.download import Download, UnreachableError, cache_folder
from uapseg.io.files import write
from uapseg.io.images import read_picture, stored_shape
from uapseg.io.sources import File, fingerprint_readable

IMAGES = "http://images.cocodataset.org"
ATTRIBUTION_FILE = "attribution.csv"
JPEG = b"\xff\xd8"
"""The first bytes of a JPEG."""

COLUMNS = ("file", "licence", "licence_url", "source")


def folder_of(source: str) -> Path:
    """Returns the folder of the downloaded pictures of ``val2017`` or ``train2017``.

    Example:
        >>> folder_of("val2017").parts[-2:]
        ('coco', 'val2017')
    """
    return cache_folder() / "coco" / source


def download_pictures(name: str, split: Split, count: int) -> None:
    """Downloads missing pictures; without a connection, a twentieth of them may be missing.

    Args:
        name: The name of the dataset.
        split: The split.
        count: The number of pictures in it.

    Raises:
        UapsegError: There is no connection, and more are missing.
    """
    try:
        for _ in download(name, split):
            pass
    except UnreachableError:
        if len(missing_files(name, split)) > count / 20:
            raise


def missing_pictures(entries: Iterable[CocoImage]) -> list[Download]:
    """Lists the pictures that have to be downloaded.

    Raises:
        UapsegError: A file name is not one of COCO's.

    Example:
        >>> from uapseg.datasets.coco.selection import Licence
        >>> entry = CocoImage(1, "0001.jpg", "example", Licence(4, "CC BY", ""), "", {})
        >>> [download.url for download in missing_pictures([entry])]
        ['http://images.cocodataset.org/example/0001.jpg']
    """
    downloads: list[Download] = []
    for entry in entries:
        if not re.fullmatch(r"[\w-]+\.jpg", entry.file):
            raise UapsegError(f"{entry.file} is not the name of a picture of COCO: download the annotations again.")
        path = folder_of(entry.folder) / entry.file
        if not path.is_file():
            url = f"{IMAGES}/{entry.folder}/{entry.file}"
            downloads.append(Download(url=url, path=path, checksum=entry.checksum, size=entry.size))
    return downloads


def make_samples(
    annotations: Mapping[CocoImage, AnnotatedImage | None], pictures: Path | None = None
) -> tuple[list[Sample], list[str]]:
    """Creates samples of the intact pictures, and lists the names of those that are damaged.

    If a picture has another size than its annotations, its labels are left out and listed as well.

    Args:
        annotations: The pictures with their annotations, if known.
        pictures: The user's folder of the pictures; None for the downloaded ones.

    Raises:
        UapsegError: No picture has the size of its annotations.

    Example:
        >>> from uapseg.datasets.coco.selection import Licence
        >>> Image.new("RGB", (32, 32)).save("a.png")
        >>> entry = CocoImage(1, "a.png", "", Licence(4, "CC BY", ""), "", {})
        >>> samples, damaged = make_samples({entry: None}, Path())
        >>> samples[0].name, damaged
        ('a.png', [])
    """
    places = {entry: File(_picture_path(entry, pictures)) for entry in annotations}
    keys = fingerprint_readable(places.values())
    samples: list[Sample] = []
    misfits: dict[str, str] = {}
    for entry, file in places.items():
        if file not in keys:
            continue
        annotated = annotations[entry]
        if annotated and (reason := _size_mismatch(file, annotated.size)):
            misfits[entry.file], annotated = reason, None
        labels = annotated.labels if annotated else None
        samples.append(Sample(keys[file], entry.file, partial(_read_picture, file), labels))
    if len(misfits) == len(samples) > 1:
        name, reason = next(iter(misfits.items()))
        raise UapsegError(
            f"The annotations do not fit the pictures: {name} {reason}, and so are all others. Choose the folder "
            "of pictures that they belong to, or correct width and height in them."
        )
    damaged_names = [entry.file for entry, file in places.items() if file not in keys]
    return samples, [*damaged_names, *(f"labels of {name}, which {reason}" for name, reason in misfits.items())]


def attribution_csv(entries: Iterable[CocoImage]) -> str:
    """Lists file, licence, address of the licence and address at Flickr as CSV.

    Example:
        >>> from uapseg.datasets.coco.selection import Licence
        >>> entry = CocoImage(1, "a.jpg", "", Licence(4, "CC BY", "https://example.org"), "https://flickr.com/a", {})
        >>> print(attribution_csv([entry]), end="")
        file,licence,licence_url,source
        a.jpg,CC BY,https://example.org,https://flickr.com/a
    """
    return _to_csv(_row(entry) for entry in entries)


def update_attribution(entries: Iterable[CocoImage]) -> None:
    """Updates ``attribution.csv`` beside the downloaded pictures."""
    folders: dict[str, list[CocoImage]] = {}
    for entry in entries:
        folders.setdefault(entry.folder, []).append(entry)
    for folder, inside in folders.items():
        file = folder_of(folder) / ATTRIBUTION_FILE
        old_text = file.read_text("utf-8") if file.is_file() else ""
        rows = {row["file"]: row for row in csv.DictReader(io.StringIO(old_text)) if row.keys() == set(COLUMNS)}
        rows |= {row["file"]: row for row in map(_row, inside)}
        new_text = _to_csv(rows[name] for name in sorted(rows))
        if new_text != old_text:
            with suppress(UapsegError):  # a read-only disk does not stop a run; `credits_of` still tells
                write(file, new_text.encode())


def _row(entry: CocoImage) -> dict[Any, str]:
    values = (entry.file, entry.licence.name, entry.licence.url, entry.source)
    return dict(zip(COLUMNS, values, strict=True))


def _to_csv(rows: Iterable[dict[Any, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _picture_path(entry: CocoImage, pictures: Path | None) -> Path:
    inside = PurePosixPath(entry.file)
    if inside.is_absolute() or PureWindowsPath(entry.file).drive or ".." in inside.parts:
        raise UapsegError(f"{entry.file} in the annotations leads outside the folder of pictures: correct it there.")
    folder = pictures or folder_of(entry.folder)
    folder_parts, parts = folder.absolute().parts, inside.parts
    for shared in range(1, len(parts)):  # the folder that was named may be the one that the names begin with
        if folder_parts[-shared:] == parts[:shared] and not (folder / inside).is_file():
            return folder.joinpath(*parts[shared:])
    return folder / inside


def _size_mismatch(file: File, size: tuple[int, int]) -> str:
    """Why labels of this (width, height) do not fit a picture; empty if they do.

    Only the size tells whether the annotations were made on the stored or the upright picture.
    """
    first = file.ends()[1]
    jpeg_shape = stored_shape(first) if first[:2] == JPEG else None
    shape = jpeg_shape or stored_shape(file.read())  # other formats may say how they are turned at their end
    if shape is None:
        return ""  # damaged, and found to be so when it is decoded
    (width, height), orientation = shape
    upright = (height, width) if orientation > 4 else (width, height)
    if upright != size:
        condition = " once it is upright" if (width, height) == size else ""
        return f"is {upright[0]}x{upright[1]}{condition}, and {size[0]}x{size[1]} in its annotations"
    if orientation > 1 and (width, height) == size:
        return "is turned by its EXIF, so that its annotations may be for either way round"
    return ""


def _read_picture(file: File) -> Image.Image:
    return read_picture(file.read())
