"""COCO's annotations: what is in each picture, and its objects as a label map of PASCAL VOC's classes."""

import json
from collections.abc import Sequence
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
from uapseg.files import read


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


def chosen(annotations: Path, folder: str, choice: Choice) -> tuple[Annotated, ...]:
    """The pictures that are chosen; what is known of all others is forgotten again, as it is much.

    Raises:
        UapsegError: The file is not as COCO's ``instances_*.json``, or nothing in it is as asked for.
    """
    try:
        changed = annotations.stat().st_mtime_ns
    except OSError as error:
        raise UapsegError(f"There is no file {annotations}: give COCO's instances_*.json.") from error
    return _chosen(annotations, changed, folder, choice)


@lru_cache(maxsize=8)
def _chosen(annotations: Path, changed: int, folder: str, choice: Choice) -> tuple[Annotated, ...]:  # noqa: ARG001
    try:
        content = json.loads(read(annotations))
        names = {category["id"]: category["name"] for category in content["categories"]}
        objects = _by_picture(content["annotations"])
        entries = _entries(content, names, objects, folder)
        images = {image["id"]: image for image in content["images"]}
        return tuple(
            _annotated(entry, images[entry.number], names, objects.get(entry.number, []))
            for entry in choice.among(entries)
        )
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise UapsegError(f"{annotations} is not as COCO's instances_*.json: {error!r} went wrong.") from error


def _by_picture(annotations: Sequence[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for annotation in annotations:
        found.setdefault(annotation["image_id"], []).append(annotation)
    return found


def _entries(
    content: dict[str, Any], names: dict[int, str], objects: dict[int, list[dict[str, Any]]], folder: str
) -> list[Entry]:
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


def _annotated(
    entry: Entry, image: dict[str, Any], names: dict[int, str], annotations: list[dict[str, Any]]
) -> Annotated:
    size = (image["width"], image["height"])
    shapes = (_shape(VOC_NUMBERS.get(names[one["category_id"]], 0), one, size) for one in annotations)
    return Annotated(entry, size, tuple(shape for shape in shapes if shape.number))


def _shape(number: int, annotation: dict[str, Any], size: tuple[int, int]) -> Shape:
    """An annotation with its outline, in any of the three forms that COCO has, as runs."""
    outline: Any = annotation["segmentation"]
    if number and isinstance(outline, list):
        outline = masks.merge(masks.frPyObjects(outline, size[1], size[0]))
    elif number and isinstance(outline["counts"], list):
        outline = masks.frPyObjects(outline, size[1], size[0])
    return Shape(number, bool(annotation.get("iscrowd")), outline if number else {})
