"""Rendered street scenes: pictures with exact labels, for training without any download."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from uapseg.scenes.canvas import OVERSAMPLING
from uapseg.scenes.finish import develop
from uapseg.scenes.ground import paint_ground
from uapseg.scenes.sky import empty_canvas
from uapseg.scenes.street import paint_backdrop, paint_sides, paint_things, random_street, street_things

__all__ = ["CLASSES", "SIZE", "SPLITS", "VERSION", "Scene", "render"]

SIZE = (384, 256)
"""(width, height) of every scene in pixels."""

VERSION = 1
"""Raised when a scene changes, so that scenes on disk are rendered again."""

CLASSES = (
    "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist",
)  # fmt: skip
"""The classes of `Scene.labels`, those of CamVid."""

SPLITS = MappingProxyType({"train": 4000, "val": 64, "test": 64})
"""The usual number of scenes in each split."""


@dataclass(frozen=True)
class Scene:
    """A rendered picture and its labels.

    Attributes:
        picture: RGB, uint8 (256, 384, 3).
        labels: Index into ``CLASSES`` of every pixel, uint8 (256, 384).

    Example:
        >>> render("val", 0).labels.dtype
        dtype('uint8')
    """

    picture: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def render(split: str, index: int) -> Scene:
    """Return scene ``index`` of ``split``, the same on every call.

    Args:
        split: A name in ``SPLITS``; the scenes of two splits have nothing in common.
        index: 0 or more; it may go beyond the split's usual number of scenes.

    Raises:
        ValueError: Unknown ``split`` or negative ``index``.

    Example:
        >>> scene = render("train", 7)
        >>> scene.picture.shape, scene.labels.shape
        ((256, 384, 3), (256, 384))
        >>> CLASSES[scene.labels[250, 190]]
        'Road'
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if index < 0:
        raise ValueError(f"index must be 0 or more, got {index}")
    rng = np.random.default_rng(np.random.SeedSequence((list(SPLITS).index(split), index)))
    size = (SIZE[0] * OVERSAMPLING, SIZE[1] * OVERSAMPLING)
    street, driver, parking = random_street(rng)
    canvas = empty_canvas(rng, size, x=driver)
    paint_backdrop(canvas, rng)
    paint_ground(canvas, rng, street)
    paint_sides(canvas, rng, street)
    paint_things(street_things(canvas, rng, street, parking=parking))
    return Scene(*develop(canvas, rng, street))
