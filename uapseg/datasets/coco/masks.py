"""COCO's outlines as run-length encoded masks.

Outlines are validated first, as pycocotools crashes on far-away corners, hangs on NaN, and accepts too few run
lengths.
"""

from typing import Any

import numpy as np
from pycocotools import mask as masks

from uapseg.datasets.coco.records import Raw, positive
from uapseg.io.values import is_dict, is_list

Runs = Any
"""A mask as pycocotools represents it: compressed run lengths."""

_encoded: Any = masks.frPyObjects
"""Encodes polygons or uncompressed run lengths, given height and width; its stubs allow less than it accepts."""

MIN_COORDINATES = 6
"""The coordinates of the smallest polygon, a triangle."""


def mask_from_outline(annotation: Raw, size: tuple[int, int]) -> tuple[Runs | None, int]:
    """Encodes the outline of an object.

    Args:
        annotation: An annotation with an outline in any of COCO's three forms: polygons, and run lengths, compressed
            or not.
        size: The (width, height) of its picture.

    Returns:
        The mask, or None if no part of the outline is usable; and how many parts are not.

    Example:
        >>> runs, unusable = mask_from_outline({"segmentation": [[0, 0, 2, 0, 2, 2, 0, 2], [0, 0]]}, (4, 2))
        >>> area(runs), unusable
        (4, 1)
    """
    outline = annotation.get("segmentation")
    if is_dict(outline):
        runs = _from_run_lengths(outline, size)
        return runs, int(runs is None)
    if not is_list(outline) or not outline:
        return None, 1
    polygons = [_polygon(part, size) for part in (outline if isinstance(outline[0], list | dict) else [outline])]
    full_polygons = [polygon for polygon in polygons if polygon]
    if not full_polygons:
        return None, 1
    return masks.merge(_encoded(full_polygons, size[1], size[0])), len(polygons) - len(full_polygons)


def mask_from_box(annotation: Raw, size: tuple[int, int]) -> Runs | None:
    """Encodes the bounding box of an annotation, clipped to its picture; None if it has none.

    Args:
        annotation: An annotation.
        size: The (width, height) of its picture.

    Example:
        >>> area(mask_from_box({"bbox": [0, 0, 2, 100]}, (4, 2)))
        4
    """
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
    """Counts the pixels of a mask.

    Example:
        >>> area(mask_from_box({"bbox": [1, 0, 2, 1]}, (4, 2)))
        2
    """
    return int(masks.area(runs))


def fill_mask(runs: Runs) -> np.ndarray:
    """Decodes a mask as bool (h, w).

    Example:
        >>> fill_mask(mask_from_box({"bbox": [1, 0, 2, 1]}, (4, 2))).tolist()
        [[False, True, True, False], [False, False, False, False]]
    """
    return masks.decode(runs).astype(bool)


def _polygon(part: Any, size: tuple[int, int]) -> list[float] | None:
    """The corners x, y, x, y, … of a polygon if they are numbers that lie in or near the picture."""
    try:
        corners = np.asarray(part, np.float64).ravel()
    except (TypeError, ValueError):
        return None
    if corners.size < MIN_COORDINATES or corners.size % 2 or not np.isfinite(corners).all():
        return None
    points = corners.reshape(-1, 2) / size
    return corners.tolist() if points.min() >= -1 and points.max() <= 2 else None


def _from_run_lengths(outline: Raw, size: tuple[int, int]) -> Runs | None:
    """A mask from run lengths, if they match a picture of this size."""
    shape, counts = outline.get("size"), outline.get("counts")
    counts = _decompress(counts) if isinstance(counts, str) else counts
    if shape != [size[1], size[0]] or not is_list(counts) or not counts:
        return None
    if not all(isinstance(count, int) and count >= 0 for count in counts) or sum(counts) != size[0] * size[1]:
        return None
    return _encoded({"size": shape, "counts": counts}, size[1], size[0])


def _decompress(text: str) -> list[int] | None:
    """The run lengths in a compressed string: five bits per character, from the third on relative to that two before.

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
