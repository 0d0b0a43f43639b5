"""COCO's annotations: what is in each picture, and its objects as a label map of PASCAL VOC's classes.

Records and outlines are looked over first, as pycocotools ends the process on bad ones; what cannot be used is left
out and counted.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pycocotools import mask as masks

from uapseg.datasets.cache import Pixels
from uapseg.datasets.coco_selection import VOC_NUMBERS, CocoImage, Licence, Selection, category_name
from uapseg.datasets.labels import VOID
from uapseg.errors import UapsegError
from uapseg.io.files import read, write
from uapseg.io.images import MAX_PIXELS

Raw = dict[str, Any]
"""An object of JSON."""

Key = int | str
"""What pictures, categories and licences are numbered by."""

_INCOMPLETE = "pictures without a number, a name or a size"
_STRAYS = "annotations of no listed picture"
_UNKNOWN = Licence(0, "not said", "")


@dataclass(frozen=True)
class Record:
    """What a file says of a picture.

    Attributes:
        number: What annotations call it by.
        file: Its path below the folder of pictures, with ``/`` between names.
        size: (width, height) by the file.
        licence: Its licence.
        source: Its address at Flickr.
        image: The picture's own entry as it stands in the file.
        annotations: What stands there of its objects.
    """

    number: Key
    file: str
    size: tuple[int, int]
    licence: Licence
    source: str
    image: Raw
    annotations: list[Raw] = field(default_factory=list)


@dataclass(frozen=True)
class Records:
    """The pictures of an annotation file.

    Attributes:
        pictures: Those that have all they need, in the order of the file.
        categories: The names of the categories by number, as `category_name` spells them.
        left_out: How many entries of each kind could not be used.
    """

    pictures: tuple[Record, ...]
    categories: Mapping[Key, str]
    left_out: Counter[str]


def read_json(file: Path) -> Any:
    """What an annotation file holds.

    Raises:
        UapsegError: It is no JSON.
    """
    try:
        return json.loads(read(file))
    except (ValueError, RecursionError) as error:
        raise not_coco(file, "it is no whole JSON") from error


def records_in(content: Any, file: Path) -> Records:
    """The pictures of an annotation file with what is said of each.

    Args:
        content: What `read_json` read.
        file: What to call it in a message.

    Raises:
        UapsegError: It is of another kind, or it cannot be told which annotation belongs to which picture.
    """
    images, annotations = _parts(content, file)
    left_out: Counter[str] = Counter()
    by_number = _by_number(images, _licences(content.get("licenses")), left_out, file)
    if not by_number:
        raise not_coco(file, "it lists no picture with an id, a file_name, a width and a height")
    for annotation in annotations:
        owner = _looked_up(by_number, annotation.get("image_id")) if isinstance(annotation, dict) else None
        if owner is None:
            left_out[_STRAYS] += 1
        else:
            owner.annotations.append(annotation)
    if annotations and left_out[_STRAYS] == len(annotations):
        raise not_coco(file, "no annotation belongs to one of its pictures")
    pictures = {record.file: record for record in by_number.values()}
    return Records(tuple(pictures.values()), _categories(content["categories"]), left_out)


def category_of(annotation: Raw, categories: Mapping[Key, str]) -> str | None:
    """The name of an annotation's category; None where the file names no such category."""
    return _looked_up(categories, annotation.get("category_id"))


def is_crowd(annotation: Raw) -> bool:
    """Whether an annotation is of a crowd, not of an object."""
    return _key(annotation.get("iscrowd")) == 1 or annotation.get("iscrowd") is True


def positive(value: Any) -> float | None:
    """A number above 0, or None."""
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0:
        return float(value)
    return None


def not_coco(file: Path, why: str) -> UapsegError:
    """That a file is of another kind."""
    return UapsegError(f"{file} is not as COCO's instances_*.json: {why}.")


def _parts(content: Any, file: Path) -> tuple[list[Any], list[Any]]:
    """The pictures and the annotations of a file, of which the kind is looked at first."""
    if isinstance(content, list):
        raise not_coco(file, "it is a list, as results of a detector are")
    if not isinstance(content, dict):
        raise not_coco(file, "it is no JSON object")
    annotations = content.get("annotations")
    first = annotations[0] if isinstance(annotations, list) and annotations else None
    if isinstance(first, dict) and "segments_info" in first:
        raise not_coco(file, "it is a panoptic file, its label maps are PNG files; give the instances file beside it")
    if isinstance(first, dict) and "caption" in first:
        raise not_coco(file, "it holds captions; give the instances file beside it")
    missing = [part for part in ("images", "annotations", "categories") if not isinstance(content.get(part), list)]
    if missing:
        raise not_coco(file, f"it has no list called {missing[0]}")
    if annotations and not any(isinstance(one, dict) and "name" in one for one in content["categories"]):
        raise not_coco(file, "its categories have no names")
    return content["images"], content["annotations"]


def _by_number(
    images: Sequence[Any], licences: Mapping[Key, Licence], left_out: Counter[str], file: Path
) -> dict[Key, Record]:
    """The pictures by what annotations call them; one that is listed twice, as merged files do, is there twice."""
    by_file: dict[str, Record] = {}
    by_number: dict[Key, Record] = {}
    for image in images:
        record = _record(image, licences)
        if record is None:
            left_out[_INCOMPLETE] += 1
            continue
        same = by_file.setdefault(record.file, record)
        other = by_number.setdefault(record.number, same)
        if other.file != record.file:
            raise UapsegError(
                f"{file.name} gives {other.file} and {record.file} the same id {record.number}, so that nobody can "
                "tell whose the annotations are: give each picture an id of its own."
            )
        if same.size != record.size:
            raise UapsegError(f"{file.name} lists {record.file} twice, in two sizes: leave one of them out.")
    return by_number


def _categories(listed: Sequence[Any]) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for one in listed:
        key = _key(one.get("id")) if isinstance(one, dict) else None
        if key is not None and isinstance(one.get("name"), str):
            found[key] = category_name(one["name"])
    return found


def _licences(listed: Any) -> dict[Key, Licence]:
    found: dict[Key, Licence] = {}
    for one in listed if isinstance(listed, list) else ():
        key = _key(one.get("id")) if isinstance(one, dict) else None
        if key is not None:
            found[key] = Licence(key, _text(one.get("name")), _text(one.get("url")))
    return found


def _record(image: Any, licences: Mapping[Key, Licence]) -> Record | None:
    """A picture, if the file says all that is needed of it."""
    if not isinstance(image, dict):
        return None
    number, file = _key(image.get("id")), _text(image.get("file_name")).strip().replace("\\", "/")
    width, height = (_key(image.get(side)) for side in ("width", "height"))
    if number is None or not file or not isinstance(width, int) or not isinstance(height, int):
        return None
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        return None
    licence = _looked_up(licences, image.get("license")) or _UNKNOWN
    plain = PurePosixPath(file).as_posix()  # without ./ and //
    return Record(number, plain, (width, height), licence, _text(image.get("flickr_url")), image)


def _key(value: Any) -> Key | None:
    """A number in whatever way it is written; a word where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text or None
    return value if isinstance(value, int) else None


def _looked_up(found: Mapping[Key, Any], value: Any) -> Any:
    key = _key(value)
    return None if key is None else found.get(key)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


Runs = Any
"""A mask as pycocotools keeps it: run lengths, compressed."""

_encoded: Any = masks.frPyObjects
"""Masks of polygons, or of run lengths as numbers, given the height and width; its types say less than it takes."""

FEWEST = 6
"""Numbers of the smallest polygon, a triangle."""


def mask_from_outline(annotation: Raw, size: tuple[int, int]) -> tuple[Runs | None, int]:
    """Where an object is, and how many parts of its outline cannot be used.

    Args:
        annotation: With an outline in any of the three forms that COCO has: polygons, and run lengths as numbers or
            compressed.
        size: (width, height) of its picture.

    Returns:
        The mask; None where nothing of the outline can be used, or there is none.
    """
    outline = annotation.get("segmentation")
    if isinstance(outline, dict):
        runs = _counted(outline, size)
        return runs, int(runs is None)
    if not isinstance(outline, list) or not outline:
        return None, 1
    polygons = [_polygon(part, size) for part in (outline if isinstance(outline[0], list | dict) else [outline])]
    whole = [polygon for polygon in polygons if polygon]
    if not whole:
        return None, 1
    return masks.merge(_encoded(whole, size[1], size[0])), len(polygons) - len(whole)


def mask_from_box(annotation: Raw, size: tuple[int, int]) -> Runs | None:
    """An annotation's box within its picture of (width, height); None where it has none."""
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(side, int | float) for side in box):
        return None
    if not positive(box[2]) or not positive(box[3]) or not np.isfinite(box).all():
        return None
    left, right = np.clip([box[0], box[0] + box[2]], 0, size[0]).tolist()
    top, bottom = np.clip([box[1], box[1] + box[3]], 0, size[1]).tolist()
    corners = [left, top, right, top, right, bottom, left, bottom]
    return masks.merge(_encoded([corners], size[1], size[0]))


def area(runs: Runs) -> int:
    """Pixels inside of a mask."""
    return int(masks.area(runs))


def fill_mask(runs: Runs) -> np.ndarray:
    """A mask as bool (h, w)."""
    return masks.decode(runs).astype(bool)


def _polygon(part: Any, size: tuple[int, int]) -> list[float] | None:
    """The corners x, y, x, y, … of a polygon, if they are numbers that lie in or near the picture."""
    try:
        corners = np.asarray(part, np.float64).ravel()
    except (TypeError, ValueError):
        return None
    if corners.size < FEWEST or corners.size % 2 or not np.isfinite(corners).all():
        return None
    points = corners.reshape(-1, 2) / size
    return corners.tolist() if points.min() >= -1 and points.max() <= 2 else None


def _counted(outline: Raw, size: tuple[int, int]) -> Runs | None:
    """A mask of run lengths, if they are those of a picture of this size."""
    shape, counts = outline.get("size"), outline.get("counts")
    counts = _unpacked(counts) if isinstance(counts, str) else counts
    if shape != [size[1], size[0]] or not isinstance(counts, list) or not counts:
        return None
    if not all(isinstance(count, int) and count >= 0 for count in counts) or sum(counts) != size[0] * size[1]:
        return None
    return _encoded({"size": shape, "counts": counts}, size[1], size[0])


def _unpacked(text: str) -> list[int] | None:
    """The run lengths of a compressed string: five bits a letter, from the third on beside those two before.

    Source: ``rleFrString`` of https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 30:
            return None
        value |= (bits & 31) << shift
        shift += 5
        if bits < 32:
            value -= (bits >> 4) << shift  # the sign
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return None if shift else counts


@dataclass(frozen=True)
class Shape:
    """A class, or `VOID` where it is not known, and where it is."""

    number: int
    runs: Runs


@dataclass(frozen=True)
class Annotated:
    """A picture with what is known to be in it."""

    entry: CocoImage
    size: tuple[int, int]
    shapes: tuple[Shape, ...]

    def labels(self) -> Pixels:
        """Its label map (h, w): crowds, and pixels that objects of two classes claim, have no label.

        Nor has the box of an object without a usable outline. All else is background, as in the training of
        torchvision's networks with these classes.
        """
        width, height = self.size
        labels = np.zeros((height, width), np.uint8)
        for shape in sorted(self.shapes, key=lambda shape: shape.number != VOID):
            inside = fill_mask(shape.runs)
            claimed = inside & (labels != 0) & (labels != VOID) & (labels != shape.number)
            labels[inside] = shape.number
            labels[claimed] = VOID
        return labels


@dataclass(frozen=True)
class SelectedAnnotations:
    """Pictures that are chosen.

    Attributes:
        pictures: These, sorted by file name.
        left_out: What of their annotations could not be used, in words.
        labelled: Whether any category is a class of VOC, so that there is something to tell from background.
    """

    pictures: tuple[Annotated, ...]
    left_out: tuple[str, ...]
    labelled: bool


def select_annotations(
    annotations: Path, folder: str, choice: Selection, kept: Path | None = None
) -> SelectedAnnotations:
    """The pictures that are chosen; what is known of all others is forgotten again, as it is much.

    Args:
        annotations: A file as COCO's ``instances_*.json``.
        folder: What the entries are to name as their folder.
        choice: What to take.
        kept: Where the annotations of the chosen ones are kept, as those of train2017 take a minute to read.

    Raises:
        UapsegError: The file is not as it should be, or nothing in it is as asked for.
    """
    try:
        changed = annotations.stat().st_mtime_ns
    except OSError as error:
        raise UapsegError(f"There is no file {annotations}: give COCO's instances_*.json.") from error
    return _chosen(annotations, changed, folder, choice, kept)


@lru_cache(maxsize=8)
def _chosen(annotations: Path, changed: int, folder: str, choice: Selection, kept: Path | None) -> SelectedAnnotations:
    if kept and kept.is_file() and kept.stat().st_mtime_ns >= changed:
        return _annotated(records_in(read_json(kept), annotations), folder, annotations)
    content = read_json(annotations)
    records = _narrowed(records_in(content, annotations), folder, choice)
    if kept:
        with suppress(OSError, UapsegError):  # a full or read-only disk costs time, not the run
            kept.parent.mkdir(parents=True, exist_ok=True)
            write(kept, json.dumps({**content, **_raw(records)}).encode())
    return _annotated(records, folder, annotations)


def _narrowed(records: Records, folder: str, choice: Selection) -> Records:
    """The chosen pictures alone."""
    entries = {_entry(record, records, folder): record for record in records.pictures}
    return Records(
        tuple(entries[entry] for entry in choice.select(list(entries))), records.categories, records.left_out
    )


def _raw(records: Records) -> dict[str, Any]:
    """Chosen pictures as they stand in their file."""
    return {
        "images": [record.image for record in records.pictures],
        "annotations": [annotation for record in records.pictures for annotation in record.annotations],
    }


def _entry(record: Record, records: Records, folder: str) -> CocoImage:
    shares: dict[str, float] = {}
    for annotation in record.annotations:
        name = category_of(annotation, records.categories)
        if name is not None:
            covered = positive(annotation.get("area")) or _area(annotation, record.size)
            share = min(1.0, covered / (record.size[0] * record.size[1]))
            shares[name] = max(share, shares.get(name, 0.0))
    return CocoImage(record.number, record.file, folder, record.licence, record.source, shares)


def _area(annotation: dict[str, Any], size: tuple[int, int]) -> int:
    """Pixels of an object for which the file has no area."""
    runs = mask_from_outline(annotation, size)[0] or mask_from_box(annotation, size)
    return area(runs) if runs else 0


def _annotated(records: Records, folder: str, file: Path) -> SelectedAnnotations:
    """All pictures of these annotations, sorted by file name, with their objects of VOC's classes."""
    left_out, found = Counter(records.left_out), list[Annotated]()
    for record in sorted(records.pictures, key=lambda record: record.file):
        shapes: list[Shape] = []
        for annotation in record.annotations:
            shape, bad = _shape(annotation, records, record.size)
            left_out["outlines that enclose nothing or do not fit their picture"] += bad
            shapes += [shape] if shape else []
        found.append(Annotated(_entry(record, records, folder), record.size, tuple(shapes)))
    words = [f"{count} {what} in {file.name}" for what, count in left_out.items() if count]
    labelled = not VOC_NUMBERS.keys().isdisjoint(records.categories.values())
    words += [] if labelled else [f"all labels, as no category in {file.name} is a class of VOC"]
    return SelectedAnnotations(tuple(found), tuple(words), labelled)


def _shape(annotation: dict[str, Any], records: Records, size: tuple[int, int]) -> tuple[Shape | None, int]:
    """An object of a class of VOC, if it can be used, and how many outlines cannot."""
    name = category_of(annotation, records.categories)
    number = VOID if name is None or is_crowd(annotation) else VOC_NUMBERS.get(name, 0)
    if name is not None and name not in VOC_NUMBERS:
        return None, 0  # background
    runs, bad = mask_from_outline(annotation, size)
    if runs:
        return Shape(number, runs), bad
    box = mask_from_box(annotation, size)
    return Shape(VOID, box) if box else None, bad
