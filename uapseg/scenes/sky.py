"""Weather, the sky and the far skyline."""

import math

import numpy as np
from PIL import Image

from uapseg.scenes.camera import Camera, Light, random_camera
from uapseg.scenes.canvas import Canvas
from uapseg.scenes.noise import Field, sample_noise
from uapseg.scenes.palette import Colour, choose, jitter, mix, to_array

Recipe = tuple[Colour, Colour, Colour, Colour, float, tuple[float, float], float, float, float, float]
# zenith, horizon, sunlight, skylight, sun's height, cloud cover, haze reach, shadow, wet, night
RECIPES: tuple[Recipe, ...] = (
    ((104, 156, 214), (204, 224, 238), (0.74, 0.69, 0.60), (0.60, 0.65, 0.74), 0.62, (-0.7, 0.3), 190, 0.55, 0.0, 0.0),
    ((84, 138, 204), (190, 214, 232), (0.78, 0.70, 0.58), (0.57, 0.63, 0.73), 0.50, (-1.3, 0.0), 210, 0.58, 0.0, 0.0),
    (
        (112, 136, 176),
        (250, 214, 168),
        (0.94, 0.66, 0.40),
        (0.62, 0.63, 0.74),
        0.32,
        (-0.9, 0.2),
        140,
        0.54,
        0.0,
        0.08,
    ),
    ((204, 208, 214), (232, 232, 230), (0.20, 0.20, 0.20), (0.80, 0.82, 0.85), 0.75, (0.8, 1.6), 120, 0.22, 0.0, 0.05),
    ((140, 152, 168), (204, 210, 214), (0.12, 0.12, 0.13), (0.84, 0.88, 0.94), 0.80, (0.7, 1.6), 110, 0.14, 0.5, 0.25),
    ((72, 84, 140), (246, 184, 150), (0.66, 0.44, 0.34), (0.56, 0.56, 0.72), 0.30, (-0.8, 0.4), 170, 0.35, 0.1, 0.5),
    ((120, 160, 206), (222, 228, 230), (0.60, 0.56, 0.50), (0.62, 0.66, 0.72), 0.58, (0.1, 1.0), 130, 0.45, 0.0, 0.0),
)


def random_weather(rng: np.random.Generator) -> tuple[Light, Recipe]:
    """Return the light of a random weather, and the recipe for its sky.

    Example:
        >>> light, recipe = random_weather(np.random.default_rng(0))
        >>> 0 <= light.shadow <= 1
        True
    """
    recipe = choose(rng, RECIPES if rng.random() < 0.6 else RECIPES[:3])
    elevation = recipe[4] * rng.uniform(0.85, 1.2)
    azimuth = rng.uniform(0.3, 1.25) * choose(rng, (-1.0, 1.0))
    ahead = math.cos(azimuth) * choose(rng, (-1.0, -1.0, -1.0, 0.6))
    level = math.cos(elevation)
    light = Light(
        sun=(math.sin(azimuth) * level, math.sin(elevation), ahead * level),
        direct=recipe[2],
        ambient=recipe[3],
        haze=mix(recipe[1], recipe[0], 0.15),
        reach=recipe[6] * rng.uniform(0.8, 1.3),
        shadow=recipe[7],
        wet=recipe[8],
        night=recipe[9],
    )
    return light, recipe


def _clouds(rng: np.random.Generator, height: int, width: int) -> Field:
    """Return cloud thickness, flatter and finer towards the horizon (the last row)."""
    depth = 1.0 / np.linspace(0.34, 0.06, height)
    row, column = rng.uniform(0, 512, 2)
    wide = (np.arange(width) - width / 2)[None, :] * depth[:, None] * 0.09 + column
    rows = (depth * 14 + row)[:, None] + np.zeros_like(wide)
    return sample_noise(1.6, rows.astype(np.float32), wide.astype(np.float32))


def paint_sky(
    rng: np.random.Generator, recipe: Recipe, light: Light, camera: Camera, size: tuple[int, int]
) -> Image.Image:
    """Return a picture of ``size`` (width, height): sky above the horizon, haze colour below.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> light, recipe = random_weather(rng)
        >>> camera = random_camera(rng, 96, 64, x=0)
        >>> paint_sky(rng, recipe, light, camera, (96, 64)).size
        (96, 64)
    """
    width, height = size[0] // 2, size[1] // 2
    horizon = min(height, round(camera.v0 / 2) + 4)
    rise = np.linspace(1.0, 0.0, horizon, dtype=np.float32)[:, None, None]
    zenith, low = to_array(jitter(rng, recipe[0], 6)), to_array(recipe[1])
    sky = low + (zenith - low) * rise**0.75
    thickness = _clouds(rng, horizon, width) + rng.uniform(*recipe[5])
    cover = (1.0 / (1.0 + np.exp(-3.2 * (thickness - 0.35))))[:, :, None]
    body = np.clip(1.06 - 0.10 * np.maximum(thickness - 0.5, 0.0), 0.78, 1.1)[:, :, None]
    white = to_array(mix((246, 246, 248), recipe[1], 0.5)) * body
    sky = sky + (white - sky) * cover * (0.45 + 0.5 * rise)
    sun_u = width * (0.5 + 0.7 * light.sun[0])
    glow = np.exp(-np.hypot((np.arange(width) - sun_u)[None, :], 1.2 * (np.arange(horizon) - horizon)[:, None]) / 90)
    sky += glow[:, :, None].astype(np.float32) * to_array(light.direct) * 46
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:horizon] = sky
    canvas[horizon:] = light.haze
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)


def empty_canvas(rng: np.random.Generator, size: tuple[int, int], x: float = 0.0) -> Canvas:
    """Return a canvas with a random camera and weather that shows nothing but the sky.

    Args:
        rng: Source of camera and weather.
        size: (width, height) of the canvas in pixels.
        x: Metres from the road's middle to the camera.

    Example:
        >>> empty_canvas(np.random.default_rng(0), (96, 64)).picture.size
        (96, 64)
    """
    camera = random_camera(rng, *size, x=x)
    light, recipe = random_weather(rng)
    return Canvas(camera, light, paint_sky(rng, recipe, light, camera, size))
