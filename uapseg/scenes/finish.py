"""From canvas to photograph: shadows, grain, wet road, glow, lens and sensor."""

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFilter
from scipy import ndimage

from uapseg.scenes.canvas import Canvas, Label
from uapseg.scenes.ground import Street
from uapseg.scenes.noise import Field, noise_patch
from uapseg.scenes.palette import to_array
from uapseg.scenes.texture import grain

GROUND = (Label.ROAD, Label.PAVEMENT)


def _ground(canvas: Canvas) -> Field:
    """Return the share of ground in each final pixel, so that edges in shadow keep no bright rim."""
    table = [255 if code & 15 in GROUND else 0 for code in range(256)]
    return np.asarray(canvas.codes.point(table).reduce(2), np.float32) / 255


def _shadows(canvas: Canvas, picture: Field, ground: Field) -> None:
    top = max(0, round(canvas.camera.v0 / 2) - 2)
    soft = 0.9 + 3.0 * (1.0 - canvas.light.shadow)
    cast = np.asarray(canvas.cast.filter(ImageFilter.GaussianBlur(soft)), np.float32)[top:] * (ground[top:] / 255)
    near = np.asarray(canvas.contact.filter(ImageFilter.GaussianBlur(2.0)), np.float32)[top:] * (ground[top:] / 255)
    cool = to_array((1.0, 0.97, 0.88)) * canvas.light.shadow
    picture[top:] *= (1.0 - cast[:, :, None] * cool) * (1.0 - 0.55 * near[:, :, None])


def _mirror(canvas: Canvas, rng: np.random.Generator, picture: Field, ground: Field) -> None:
    """Blend the mirror image of the scene above the horizon, smeared, into wet ground."""
    horizon = round(canvas.camera.v0 / 2)
    height = picture.shape[0]
    source = np.array([max(0, 2 * horizon - row) for row in range(horizon, height)])
    image = ndimage.uniform_filter1d(picture[source], 13, axis=0)
    height_below = height - horizon
    puddles = np.clip(0.55 + 0.35 * noise_patch(rng, 1.7, height_below, picture.shape[1], 1.0), 0.12, 0.9)
    share = (canvas.light.wet * puddles * ground[horizon:])[:, :, None].astype(np.float32)
    picture[horizon:] += (image - picture[horizon:]) * share


def _lens(rng: np.random.Generator, picture: Field) -> Field:
    height, width = picture.shape[:2]
    bright = ndimage.gaussian_filter(np.maximum(picture[::4, ::4] - 190.0, 0.0), (3, 3, 0))
    picture = picture + 0.6 * bright.repeat(4, axis=0).repeat(4, axis=1)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    vignette = 1.0 - rng.uniform(0.04, 0.16) * (0.6 * rows**2 + columns**2) ** 1.5
    blur = rng.uniform(0.25, 0.55)
    soft = ndimage.gaussian_filter1d(
        ndimage.gaussian_filter1d(picture, blur, axis=0, truncate=3), blur, axis=1, truncate=3
    )
    return soft * vignette[:, :, None]


def _sensor(rng: np.random.Generator, picture: Field) -> Field:
    balance = to_array((rng.normal(1.0, 0.035), 1.0, rng.normal(1.0, 0.035))) * rng.uniform(0.95, 1.16)
    value = np.clip(picture * balance / 255.0, 0.0, 1.3)
    value = value ** rng.uniform(0.8, 0.96)
    value = np.where(value > 0.8, 0.8 + 0.2 * np.tanh((value - 0.8) / 0.25), value)
    contrast = rng.uniform(0.98, 1.16)
    value = 0.45 + (value - 0.45) * contrast
    noise = rng.standard_normal(picture.shape[:2], np.float32)[:, :, None] * rng.uniform(0.003, 0.008)
    return (value + noise) * 255.0


def develop(canvas: Canvas, rng: np.random.Generator, street: Street) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the picture, uint8 (height, width, 3), and the labels, uint8 (height, width), at final size.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> picture, labels = develop(canvas, rng, Street(-8, -3, 3, 7))
        >>> picture.shape, labels.shape
        ((32, 48, 3), (32, 48))
    """
    labels, materials = canvas.labels[::2, ::2], canvas.materials[::2, ::2]
    picture = np.asarray(canvas.picture.reduce(2), np.float32).copy()
    ground = _ground(canvas)
    picture *= grain(canvas.camera, street, materials)[:, :, None]
    _shadows(canvas, picture, ground)
    if canvas.light.wet > 0:
        _mirror(canvas, rng, picture, ground)
    picture = _sensor(rng, _lens(rng, picture))
    return np.clip(picture, 0, 255).astype(np.uint8), labels
