"""COCO's outlines as masks. They are checked first, as pycocotools ends the process or hangs on bad ones."""

from typing import Any

import numpy as np
from pycocotools import mask as masks

from uapseg.datasets.coco_records import Raw, positive
from uapseg.io.values import is_dict, is_list

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
    if is_dict(outline):
        runs = _counted(outline, size)
        return runs, int(runs is None)
    if not is_list(outline) or not outline:
        return None, 1
    polygons = [_polygon(part, size) for part in (outline if isinstance(outline[0], list | dict) else [outline])]
    whole = [polygon for polygon in polygons if polygon]
    if not whole:
        return None, 1
    return masks.merge(_encoded(whole, size[1], size[0])), len(polygons) - len(whole)


def mask_from_box(annotation: Raw, size: tuple[int, int]) -> Runs | None:
    """An annotation's box within its picture of (width, height); None where it has none."""
    box = annotation.get("bbox")
    if not is_list(box) or len(box) != 4 or not all(isinstance(side, int | float) for side in box):
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
    if shape != [size[1], size[0]] or not is_list(counts) or not counts:
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
