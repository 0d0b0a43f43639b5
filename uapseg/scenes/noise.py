"""Fractal noise that tiles: the grain of clouds, leaves, walls and asphalt."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIDE = 512
Field = NDArray[np.floating[Any]]


@cache
def noise_tile(roughness: float) -> Field:
    """Return a square periodic field of ``SIDE`` pixels, mean 0 and deviation 1.

    Args:
        roughness: Exponent of the amplitude spectrum; 0 is white noise, 2 is smooth like hills.

    Example:
        >>> noise_tile(2.0).shape
        (512, 512)
    """
    rng = np.random.default_rng(20_01)
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE)))
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :])
    frequency[0, 0] = 1.0
    field = np.fft.irfft2(spectrum * np.maximum(frequency, 2.5 / SIDE) ** -roughness, (SIDE, SIDE))
    field = (field - field.mean()) / field.std()
    field.setflags(write=False)
    return field.astype(np.float32)


def sample_noise(roughness: float, rows: Field, columns: Field) -> Field:
    """Return values of the tile, which repeats, at real-valued ``rows`` and ``columns``.

    Example:
        >>> first = np.zeros(2, np.float32)
        >>> sample_noise(2.0, first, first + 512).shape
        (2,)
    """
    return ndimage.map_coordinates(
        noise_tile(roughness), [rows, columns], order=1, mode="grid-wrap", output=np.float32
    )


def noise_patch(rng: np.random.Generator, roughness: float, height: int, width: int, step: float = 1.0) -> Field:
    """Return ``height`` by ``width`` values of the tile from a random place, ``step`` tile pixels apart.

    Example:
        >>> noise_patch(np.random.default_rng(0), 2.0, 4, 6).shape
        (4, 6)
    """
    row, column = rng.uniform(0, SIDE, 2)
    rows = ((row + step * np.arange(height)) % SIDE).astype(np.intp)
    columns = ((column + step * np.arange(width)) % SIDE).astype(np.intp)
    return noise_tile(roughness)[rows[:, None], columns[None, :]]
