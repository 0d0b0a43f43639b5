"""COCO's annotations: the selected pictures, and their objects as label maps of PASCAL VOC's classes."""

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from uapseg.datasets.cache import Pixels
from uapseg.datasets.coco.masks import Runs, area, fill_mask, mask_from_box, mask_from_outline
from uapseg.datasets.coco.records import Record, Records, category_of, is_crowd, positive, read_json, records_in
from uapseg.datasets.coco.selection import VOC_NUMBERS, CocoImage, Selection
from uapseg.datasets.labels import VOID
from uapseg.errors import UapsegError
from uapseg.io.files import write


@dataclass(frozen=True)
class Shape:
    """A class, or `VOID` if unknown, and where it is.

    Attributes:
        number: The class of PASCAL VOC.
        runs: The mask, run-length encoded.

    Example:
        >>> Shape(15, mask_from_box({"bbox": [0, 0, 2, 1]}, (4, 2))).number
        15
    """

    number: int
    runs: Runs


@dataclass(frozen=True)
class AnnotatedImage:
    """A picture with its annotated objects.

    Attributes:
        entry: The picture.
        size: Its (width, height).
        shapes: Its objects.

    Example:
        >>> from uapseg.datasets.coco.selection import Licence
        >>> entry = CocoImage(1, "a.jpg", "", Licence(4, "CC BY", ""), "", {"person": 0.25})
        >>> shape = Shape(15, mask_from_box({"bbox": [0, 0, 2, 1]}, (4, 2)))
        >>> AnnotatedImage(entry, (4, 2), (shape,)).labels().tolist()
        [[15, 15, 0, 0], [0, 0, 0, 0]]
    """

    entry: CocoImage
    size: tuple[int, int]
    shapes: tuple[Shape, ...]

    def labels(self) -> Pixels:
        """Draws the label map (h, w); crowds, and pixels that objects of two classes claim, are void.

        So is the box of an object without a usable outline. Everything else is background, as in the training of
        torchvision's networks with these classes.
        """
        width, height = self.size
        labels = np.zeros((height, width), np.uint8)
        for shape in sorted(self.shapes, key=lambda shape: shape.number != VOID):
            inside = fill_mask(shape.runs)
            overlap = inside & (labels != 0) & (labels != VOID) & (labels != shape.number)
            labels[inside] = shape.number
            labels[overlap] = VOID
        return labels


@dataclass(frozen=True)
class SelectedAnnotations:
    """The selected pictures.

    Attributes:
        pictures: The pictures, sorted by file name.
        left_out: What could not be used of their annotations, in words.
        labelled: Whether any category is a class of VOC, so that not everything is background.

    Example:
        >>> SelectedAnnotations(pictures=(), left_out=(), labelled=False).labelled
        False
    """

    pictures: tuple[AnnotatedImage, ...]
    left_out: tuple[str, ...]
    labelled: bool


def select_annotations(
    annotations: Path, folder: str, choice: Selection, cache_file: Path | None = None
) -> SelectedAnnotations:
    """Reads the annotations of the selected pictures, and drops all others to save memory.

    Args:
        annotations: A file such as COCO's ``instances_*.json``.
        folder: The folder that the entries should name.
        choice: The selection.
        cache_file: Where to cache the annotations of the selected pictures, as reading those of train2017 takes a
            minute.

    Raises:
        UapsegError: The file is invalid, or no picture in it matches.

    Example:
        >>> square = {"image_id": 1, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}
        >>> content = {"images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 2}],
        ...            "annotations": [square], "categories": [{"id": 1, "name": "person"}]}
        >>> _ = Path("a.json").write_text(json.dumps(content))
        >>> selected = select_annotations(Path("a.json"), "", Selection())
        >>> selected.pictures[0].entry.shares
        {'person': 0.5}
    """
    try:
        modified_ns = annotations.stat().st_mtime_ns
    except OSError as error:
        raise UapsegError(f"There is no file {annotations}: give COCO's instances_*.json.") from error
    return _load_selection(annotations, modified_ns, folder, choice, cache_file)


@lru_cache(maxsize=8)
def _load_selection(
    annotations: Path, modified_ns: int, folder: str, choice: Selection, cache_file: Path | None
) -> SelectedAnnotations:
    if cache_file and cache_file.is_file() and cache_file.stat().st_mtime_ns >= modified_ns:
        return _read_objects(records_in(read_json(cache_file), annotations), folder, annotations)
    content = read_json(annotations)
    records = _restrict(records_in(content, annotations), folder, choice)
    if cache_file:
        with suppress(OSError, UapsegError):  # a full or read-only disk costs time, not the run
            cache_file.parent.mkdir(parents=True, exist_ok=True)
            write(cache_file, json.dumps({**content, **_raw(records)}).encode())
    return _read_objects(records, folder, annotations)


def _restrict(records: Records, folder: str, choice: Selection) -> Records:
    """The selected pictures alone."""
    entries = {_entry(record, records, folder): record for record in records.pictures}
    return Records(
        tuple(entries[entry] for entry in choice.select(list(entries))), records.categories, records.left_out
    )


def _raw(records: Records) -> dict[str, Any]:
    """The entries of selected pictures as they are in their file."""
    return {
        "images": [record.image for record in records.pictures],
        "annotations": [annotation for record in records.pictures for annotation in record.annotations],
    }


def _entry(record: Record, records: Records, folder: str) -> CocoImage:
    shares: dict[str, float] = {}
    for annotation in record.annotations:
        name = category_of(annotation, records.categories)
        if name is not None:
            pixel_count = positive(annotation.get("area")) or _area(annotation, record.size)
            share = min(1.0, pixel_count / (record.size[0] * record.size[1]))
            shares[name] = max(share, shares.get(name, 0.0))
    return CocoImage(record.number, record.file, folder, record.licence, record.source, shares)


def _area(annotation: dict[str, Any], size: tuple[int, int]) -> int:
    """The pixels of an object whose area is not in the file."""
    runs = mask_from_outline(annotation, size)[0] or mask_from_box(annotation, size)
    return area(runs) if runs else 0


def _read_objects(records: Records, folder: str, file: Path) -> SelectedAnnotations:
    """All pictures of these annotations, sorted by file name, with their objects of VOC's classes."""
    problem_counts, images = Counter(records.left_out), list[AnnotatedImage]()
    for record in sorted(records.pictures, key=lambda record: record.file):
        shapes: list[Shape] = []
        for annotation in record.annotations:
            shape, bad_count = _shape(annotation, records, record.size)
            problem_counts["outlines that enclose nothing or do not fit their picture"] += bad_count
            shapes += [shape] if shape else []
        images.append(AnnotatedImage(_entry(record, records, folder), record.size, tuple(shapes)))
    words = [f"{count} {problem} in {file.name}" for problem, count in problem_counts.items() if count]
    labelled = not VOC_NUMBERS.keys().isdisjoint(records.categories.values())
    words += [] if labelled else [f"all labels, as no category in {file.name} is a class of VOC"]
    return SelectedAnnotations(tuple(images), tuple(words), labelled)


def _shape(annotation: dict[str, Any], records: Records, size: tuple[int, int]) -> tuple[Shape | None, int]:
    """An object of a class of VOC, if usable, and the number of outlines that are not."""
    name = category_of(annotation, records.categories)
    number = VOID if name is None or is_crowd(annotation) else VOC_NUMBERS.get(name, 0)
    if name is not None and name not in VOC_NUMBERS:
        return None, 0  # background
    runs, bad_count = mask_from_outline(annotation, size)
    if runs:
        return Shape(number, runs), bad_count
    box = mask_from_box(annotation, size)
    return Shape(VOID, box) if box else None, bad_count
