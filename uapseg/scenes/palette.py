"""Colours: RGB triples in 0..255 and operations on them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]
Item = TypeVar("Item")

PAINT: tuple[Colour, ...] = (
    (168, 172, 176), (92, 96, 102), (38, 40, 46), (226, 226, 222), (150, 34, 34), (34, 62, 118), (60, 102, 148),
    (46, 82, 62), (186, 160, 110), (120, 126, 128), (196, 92, 36), (110, 30, 62), (222, 190, 60), (70, 130, 128),
)  # fmt: skip
WALL: tuple[Colour, ...] = (
    (158, 92, 70), (178, 116, 84), (134, 78, 64), (198, 170, 130), (222, 208, 180), (232, 226, 214), (150, 146, 140),
    (188, 150, 116), (206, 180, 160), (168, 186, 190), (214, 176, 158), (120, 112, 106), (196, 200, 176),
    (176, 140, 132), (226, 196, 128),
)  # fmt: skip
CLOTH: tuple[Colour, ...] = (
    (36, 40, 52), (70, 74, 82), (150, 150, 150), (214, 208, 196), (146, 40, 44), (196, 92, 48), (212, 170, 66),
    (60, 96, 70), (52, 84, 134), (98, 132, 170), (104, 66, 112), (128, 96, 70), (180, 120, 130), (236, 234, 228),
    (44, 110, 112),
)  # fmt: skip
SKIN: tuple[Colour, ...] = (
    (240, 205, 178),
    (224, 180, 148),
    (198, 148, 112),
    (156, 106, 76),
    (112, 74, 54),
    (80, 54, 42),
)
HAIR: tuple[Colour, ...] = ((34, 26, 24), (66, 44, 32), (110, 76, 46), (172, 134, 84), (150, 150, 150), (120, 58, 34))
FOLIAGE: tuple[Colour, ...] = (
    (74, 106, 46),
    (96, 124, 54),
    (56, 88, 48),
    (120, 134, 58),
    (150, 126, 52),
    (160, 100, 44),
    (128, 92, 58),
    (84, 104, 70),
)


def choose(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    """Return one item, all equally likely.

    Example:
        >>> choose(np.random.default_rng(0), ("brick", "plaster", "stone"))
        'stone'
    """
    return items[int(rng.integers(len(items)))]


def to_array(colour: Colour) -> NDArray[np.float32]:
    """Return ``colour`` as an array (3,) that pictures can be multiplied by.

    Example:
        >>> to_array((1, 0.5, 0)).tolist()
        [1.0, 0.5, 0.0]
    """
    return np.array(colour, np.float32)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a linear mixture: ``first`` at ``share`` 0 and ``second`` at ``share`` 1.

    Example:
        >>> mix((0, 0, 0), (100, 200, 50), 0.5)
        (50.0, 100.0, 25.0)
    """
    rest = 1.0 - share
    return (
        first[0] * rest + second[0] * share,
        first[1] * rest + second[1] * share,
        first[2] * rest + second[2] * share,
    )


def scale_colour(colour: Colour, factor: float) -> Colour:
    """Return ``colour`` brightened (``factor`` above 1) or darkened (below 1).

    Example:
        >>> scale_colour((10, 20, 30), 2)
        (20, 40, 60)
    """
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def jitter(rng: np.random.Generator, colour: Colour, amount: float = 14.0) -> Colour:
    """Return ``colour`` plus a random offset of about ``amount``, partly common to the channels.

    Example:
        >>> len(jitter(np.random.default_rng(0), (100, 100, 100)))
        3
    """
    red, green, blue = rng.normal(0.0, amount * 0.5, 3) + rng.normal(0.0, amount)
    return (colour[0] + red, colour[1] + green, colour[2] + blue)
