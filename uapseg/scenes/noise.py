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
    """Return the tile's values at real-valued ``rows`` and ``columns`` (any range, it repeats)."""
    return ndimage.map_coordinates(
        noise_tile(roughness), [rows, columns], order=1, mode="grid-wrap", output=np.float32
    )


def noise_patch(rng: np.random.Generator, roughness: float, height: int, width: int, step: float = 1.0) -> Field:
    """Return ``height`` by ``width`` values from a random place, ``step`` tile pixels apart."""
    row, column = rng.uniform(0, SIDE, 2)
    rows = ((row + step * np.arange(height)) % SIDE).astype(np.intp)
    columns = ((column + step * np.arange(width)) % SIDE).astype(np.intp)
    return noise_tile(roughness)[rows[:, None], columns[None, :]]
