"""Parsing of COCO's annotation files. Entries that cannot be used are left out and counted."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any

from uapseg.datasets.coco.selection import Licence, category_name
from uapseg.errors import UapsegError
from uapseg.io.files import read
from uapseg.io.images import MAX_PIXELS
from uapseg.io.values import is_dict, is_list

Raw = dict[str, Any]
"""A JSON object."""

Key = int | str
"""An id of pictures, categories or licences."""

_INCOMPLETE = "pictures without a number, a name or a size"
_STRAYS = "annotations of no listed picture"
_UNKNOWN = Licence(0, "not said", "")


@dataclass(frozen=True)
class Record:
    """The entry of a picture.

    Attributes:
        number: Its id in annotations.
        file: Its path below the folder of pictures, with ``/`` between names.
        size: Its (width, height) by the file.
        licence: Its licence.
        source: Its address at Flickr.
        image: The entry as it is in the file.
        annotations: Its annotations as they are in the file.

    Example:
        >>> Record(1, "a.jpg", (640, 480), Licence(4, "CC BY", ""), "", image={}).annotations
        []
    """

    number: Key
    file: str
    size: tuple[int, int]
    licence: Licence
    source: str
    image: Raw
    annotations: list[Raw] = field(default_factory=list[Raw])


@dataclass(frozen=True)
class Records:
    """The pictures of an annotation file.

    Attributes:
        pictures: The complete entries, in the order of the file.
        categories: The names of the categories by id, as `category_name` spells them.
        left_out: How many entries of each kind could not be used.

    Example:
        >>> Records(pictures=(), categories={1: "person"}, left_out=Counter()).categories[1]
        'person'
    """

    pictures: tuple[Record, ...]
    categories: Mapping[Key, str]
    left_out: Counter[str]


def read_json(file: Path) -> Any:
    """Reads the JSON of an annotation file.

    Raises:
        UapsegError: The file is not JSON.

    Example:
        >>> Path("a.json").write_text('{"images": []}')
        14
        >>> read_json(Path("a.json"))
        {'images': []}
    """
    try:
        return json.loads(read(file))
    except (ValueError, RecursionError) as error:
        raise not_coco(file, "it is not complete JSON") from error


def records_in(content: Any, file: Path) -> Records:
    """Collects the pictures of an annotation file with their annotations.

    Args:
        content: The result of `read_json`.
        file: The file, for error messages.

    Raises:
        UapsegError: The file is of another kind, or does not tell which annotation belongs to which picture.

    Example:
        >>> content = {"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
        ...            "annotations": [{"image_id": 1, "category_id": 1}], "categories": [{"id": 1, "name": "person"}]}
        >>> records = records_in(content, Path("a.json"))
        >>> records.pictures[0].size, len(records.pictures[0].annotations)
        ((640, 480), 1)
    """
    images, annotations = _parts(content, file)
    left_out: Counter[str] = Counter()
    by_number = _by_number(images, _licences(content.get("licenses")), left_out, file)
    if not by_number:
        raise not_coco(file, "it lists no picture with an id, a file_name, a width and a height")
    for annotation in annotations:
        owner = _looked_up(by_number, annotation.get("image_id")) if is_dict(annotation) else None
        if owner is None:
            left_out[_STRAYS] += 1
        else:
            owner.annotations.append(annotation)
    if annotations and left_out[_STRAYS] == len(annotations):
        raise not_coco(file, "no annotation belongs to one of its pictures")
    pictures = {record.file: record for record in by_number.values()}
    return Records(tuple(pictures.values()), _categories(content["categories"]), left_out)


def category_of(annotation: Raw, categories: Mapping[Key, str]) -> str | None:
    """Returns the name of an annotation's category; None if the file names no such category.

    Example:
        >>> category_of({"category_id": 1}, {1: "person"})
        'person'
    """
    return _looked_up(categories, annotation.get("category_id"))


def is_crowd(annotation: Raw) -> bool:
    """Whether an annotation is of a crowd rather than an object.

    Example:
        >>> is_crowd({"iscrowd": 1}), is_crowd({})
        (True, False)
    """
    return _key(annotation.get("iscrowd")) == 1 or annotation.get("iscrowd") is True


def positive(value: Any) -> float | None:
    """Returns a finite number above 0, or None.

    Example:
        >>> positive(2), positive(-1), positive("2")
        (2.0, None, None)
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0:
        return float(value)
    return None


def not_coco(file: Path, reason: str) -> UapsegError:
    """Creates the error for a file of another kind.

    Example:
        >>> str(not_coco(Path("a.json"), "it holds captions"))
        "a.json is not as COCO's instances_*.json: it holds captions."
    """
    return UapsegError(f"{file} is not as COCO's instances_*.json: {reason}.")


def _parts(content: Any, file: Path) -> tuple[list[Any], list[Any]]:
    """The pictures and the annotations of a file, after checking its kind."""
    if is_list(content):
        raise not_coco(file, "it is a list, as results of a detector are")
    if not is_dict(content):
        raise not_coco(file, "it is not a JSON object")
    annotations = content.get("annotations")
    first = annotations[0] if is_list(annotations) and annotations else None
    if is_dict(first) and "segments_info" in first:
        raise not_coco(file, "it is a panoptic file, its label maps are PNG files; give the instances file beside it")
    if is_dict(first) and "caption" in first:
        raise not_coco(file, "it holds captions; give the instances file beside it")
    missing_parts = [part for part in ("images", "annotations", "categories") if not is_list(content.get(part))]
    if missing_parts:
        raise not_coco(file, f"it has no list called {missing_parts[0]}")
    if annotations and not any(is_dict(category) and "name" in category for category in content["categories"]):
        raise not_coco(file, "its categories have no names")
    return content["images"], content["annotations"]


def _by_number(
    images: Sequence[Any], licences: Mapping[Key, Licence], left_out: Counter[str], file: Path
) -> dict[Key, Record]:
    """The pictures by id; one that is listed twice, as in merged files, has two ids."""
    by_file: dict[str, Record] = {}
    by_number: dict[Key, Record] = {}
    for image in images:
        record = _record(image, licences)
        if record is None:
            left_out[_INCOMPLETE] += 1
            continue
        first_record = by_file.setdefault(record.file, record)
        other = by_number.setdefault(record.number, first_record)
        if other.file != record.file:
            raise UapsegError(
                f"{file.name} gives {other.file} and {record.file} the same id {record.number}, so that the "
                "owner of the annotations is unknown: give each picture an id of its own."
            )
        if first_record.size != record.size:
            raise UapsegError(f"{file.name} lists {record.file} twice, in two sizes: leave one of them out.")
    return by_number


def _categories(entries: Sequence[Any]) -> dict[Key, str]:
    names: dict[Key, str] = {}
    for entry in entries:
        key = _key(entry.get("id")) if is_dict(entry) else None
        if key is not None and isinstance(entry.get("name"), str):
            names[key] = category_name(entry["name"])
    return names


def _licences(entries: Any) -> dict[Key, Licence]:
    licences: dict[Key, Licence] = {}
    for entry in entries if is_list(entries) else ():
        key = _key(entry.get("id")) if is_dict(entry) else None
        if key is not None:
            licences[key] = Licence(key, _text(entry.get("name")), _text(entry.get("url")))
    return licences


def _record(image: Any, licences: Mapping[Key, Licence]) -> Record | None:
    """The entry of a picture, if complete."""
    if not is_dict(image):
        return None
    number, file = _key(image.get("id")), _text(image.get("file_name")).strip().replace("\\", "/")
    width, height = (_key(image.get(side)) for side in ("width", "height"))
    if number is None or not file or not isinstance(width, int) or not isinstance(height, int):
        return None
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        return None
    licence = _looked_up(licences, image.get("license")) or _UNKNOWN
    normalized_file = PurePosixPath(file).as_posix()  # without ./ and //
    return Record(number, normalized_file, (width, height), licence, _text(image.get("flickr_url")), image)


def _key(value: Any) -> Key | None:
    """An id, however it is written; text that is not a number stays text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text or None
    return value if isinstance(value, int) else None


def _looked_up(table: Mapping[Key, Any], value: Any) -> Any:
    key = _key(value)
    return None if key is None else table.get(key)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
