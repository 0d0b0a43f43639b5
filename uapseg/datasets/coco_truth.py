"""COCO's annotations: what is in each picture, and its objects as a label map of PASCAL VOC's classes."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as masks

from uapseg.datasets.coco_choice import VOC_NUMBERS, Choice, Entry, Licence
from uapseg.datasets.labels import VOID
from uapseg.datasets.memory import Pixels
from uapseg.errors import UapsegError
from uapseg.files import read, write


@dataclass(frozen=True)
class Shape:
    """An object or a crowd: its class, and where it is, run-length encoded as pycocotools does."""

    number: int
    crowd: bool
    runs: Any


@dataclass(frozen=True)
class Annotated:
    """A picture with what is known to be in it."""

    entry: Entry
    size: tuple[int, int]
    shapes: tuple[Shape, ...]

    def labels(self) -> Pixels:
        """Its label map (h, w): crowds, and pixels that objects of two classes claim, have no label.

        All else is background, as in the training of torchvision's networks with these classes.
        """
        width, height = self.size
        labels = np.zeros((height, width), np.uint8)
        for shape in sorted(self.shapes, key=lambda shape: not shape.crowd):
            inside = masks.decode(shape.runs).astype(bool)
            claimed = inside & (labels != 0) & (labels != VOID) & (labels != shape.number)
            labels[inside] = VOID if shape.crowd else shape.number
            labels[claimed] = VOID
        return labels


def chosen(annotations: Path, folder: str, choice: Choice, kept: Path | None = None) -> tuple[Annotated, ...]:
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
    try:
        return _chosen(annotations, changed, folder, choice, kept)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise UapsegError(f"{annotations} is not as COCO's instances_*.json: {error!r} went wrong.") from error


@lru_cache(maxsize=8)
def _chosen(annotations: Path, changed: int, folder: str, choice: Choice, kept: Path | None) -> tuple[Annotated, ...]:
    if kept and kept.is_file() and kept.stat().st_mtime_ns >= changed:
        return _annotated(json.loads(read(kept)), folder)
    narrow = _narrowed(json.loads(read(annotations)), folder, choice)
    if kept:
        with suppress(OSError, UapsegError):  # a full or read-only disk costs time, not the run
            kept.parent.mkdir(parents=True, exist_ok=True)
            write(kept, json.dumps(narrow).encode())
    return _annotated(narrow, folder)


def _narrowed(content: dict[str, Any], folder: str, choice: Choice) -> dict[str, Any]:
    """The same annotations, of the chosen pictures alone."""
    numbers = {entry.number for entry in choice.among(_entries(content, folder))}
    images = [image for image in content["images"] if image["id"] in numbers]
    annotations = [annotation for annotation in content["annotations"] if annotation["image_id"] in numbers]
    return {**content, "images": images, "annotations": annotations}


def _by_picture(annotations: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for annotation in annotations:
        found.setdefault(annotation["image_id"], []).append(annotation)
    return found


def _names(content: dict[str, Any]) -> dict[int, str]:
    return {category["id"]: category["name"] for category in content["categories"]}


def _entries(content: dict[str, Any], folder: str) -> list[Entry]:
    names, objects = _names(content), _by_picture(content["annotations"])
    licences = {one["id"]: Licence(one["id"], one["name"], one["url"]) for one in content.get("licenses", [])}
    unknown = Licence(0, "not said", "")
    entries = []
    for image in content["images"]:
        shares: dict[str, float] = {}
        for annotation in objects.get(image["id"], []):
            name, share = names[annotation["category_id"]], annotation["area"] / (image["width"] * image["height"])
            shares[name] = max(share, shares.get(name, 0.0))
        licence = licences.get(image.get("license"), unknown)
        entries.append(Entry(image["id"], image["file_name"], folder, licence, image.get("flickr_url", ""), shares))
    return entries


def _annotated(content: dict[str, Any], folder: str) -> tuple[Annotated, ...]:
    """All pictures of these annotations, sorted by file name, with their objects of VOC's classes."""
    numbers = {category: VOC_NUMBERS.get(name, 0) for category, name in _names(content).items()}
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    objects = _by_picture(content["annotations"])
    found = []
    for entry in sorted(_entries(content, folder), key=lambda entry: entry.file):
        listed, size = objects.get(entry.number, []), sizes[entry.number]
        shapes = [_shape(numbers[one["category_id"]], one, size) for one in listed if numbers[one["category_id"]]]
        found.append(Annotated(entry, size, tuple(shapes)))
    return tuple(found)


def _shape(number: int, annotation: dict[str, Any], size: tuple[int, int]) -> Shape:
    """An annotation with its outline, in any of the three forms that COCO has, as runs."""
    outline: Any = annotation["segmentation"]
    if isinstance(outline, list):
        outline = masks.merge(masks.frPyObjects(outline, size[1], size[0]))
    elif isinstance(outline["counts"], list):
        outline = masks.frPyObjects(outline, size[1], size[0])
    return Shape(number, bool(annotation.get("iscrowd")), outline)
