"""Street trees, hedges and the far tree line."""

import math

import numpy as np

from uapseg.scenes.canvas import Canvas, Label
from uapseg.scenes.noise import Field, noise_patch
from uapseg.scenes.palette import FOLIAGE, Colour, choose, jitter, scale_colour, to_array

BARK: tuple[Colour, ...] = ((92, 74, 58), (110, 98, 84), (70, 58, 50), (130, 120, 108))


def _crown_noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> tuple[Field, Field]:
    """Return coarse clumps and fine leaves for a crown of ``shape`` at ``scale`` pixels per metre."""
    clumps = noise_patch(rng, 1.35, *shape, step=float(np.clip(70.0 / scale, 0.25, 2.2)))
    leaves = noise_patch(rng, 0.55, *shape, step=float(np.clip(30.0 / scale, 0.3, 1.0)))
    return clumps, leaves


def paint_crown(
    canvas: Canvas,
    rng: np.random.Generator,
    centre: tuple[float, float, float],
    radii: tuple[float, float],
    colour: Colour,
    label: Label = Label.TREE,
) -> None:
    """Paint a leafy body around a world point; ``radii`` in metres (across, up).

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_crown(canvas, rng, centre=(2, 3, 8), radii=(1.5, 1), colour=(70, 100, 50))
        >>> Label.TREE in canvas.labels
        True
    """
    u, v = canvas.camera.project(*centre)
    scale = canvas.camera.scale(centre[2])
    reach_u, reach_v = 1.3 * radii[0] * scale, 1.3 * radii[1] * scale
    width, height = canvas.picture.size
    left, top = max(0, int(u - reach_u)), max(0, int(v - reach_v))
    right, bottom = min(width, int(u + reach_u)), min(height, int(v + reach_v))
    if right - left < 4 or bottom - top < 4:  # out of sight
        return
    stride = 2 if scale > 24 else 1  # near leaves are larger than a canvas pixel
    across = ((np.arange(left, right, stride, dtype=np.float32) - u) / (radii[0] * scale))[None, :]
    up = ((v - np.arange(top, bottom, stride, dtype=np.float32)) / (radii[1] * scale))[:, None]
    clumps, leaves = _crown_noise(rng, (up.shape[0], across.shape[1]), scale / stride)
    body = (1.0 - across**2) - np.where(up < 0, 1.25, 1.0).astype(np.float32) * up**2
    mask = body + 0.14 * clumps + 0.02 * leaves > 0.18  # where the crown ends
    sun = canvas.light.sun
    step = max(2, int(0.16 * scale / stride))
    relief = clumps - np.roll(clumps, (-step, step if sun[0] < 0 else -step), axis=(0, 1))
    slope = 0.5 + 0.34 * (across * sun[0] + up * 0.8) + 0.30 * relief + 0.20 * leaves
    _stamp_crown(canvas, (left, top), mask, slope, colour, centre[2], label, stride)


def _stamp_crown(
    canvas: Canvas,
    corner: tuple[int, int],
    mask: np.ndarray,
    slope: Field,
    colour: Colour,
    z: float,
    label: Label,
    stride: int,
) -> None:
    light = canvas.light
    ramp = np.linspace(-0.3, 1.3, 64, dtype=np.float32)[:, None]
    gain = np.maximum(0.0, 0.40 + 0.58 * ramp) * to_array(light.ambient)
    gain = gain + 0.95 * np.maximum(0.0, ramp - 0.32) * to_array(light.direct)
    warm = to_array(colour) + np.clip(ramp - 0.5, 0, 1) * to_array((34, 32, 0)) * np.mean(light.direct)
    visibility = math.exp(-z / light.reach)
    tones = np.clip(warm * gain * 1.15 * visibility + to_array(light.haze) * (1.0 - visibility), 0, 255).astype(
        np.uint8
    )
    index = np.clip((slope + 0.3) * (63 / 1.6), 0, 63).astype(np.intp)
    pixels = tones[index]
    if stride > 1:
        pixels, mask = (part.repeat(stride, axis=0).repeat(stride, axis=1) for part in (pixels, mask))
    canvas.paste(corner, pixels, mask, label)


def paint_tree(canvas: Canvas, rng: np.random.Generator, x: float, z: float, size: float) -> None:
    """Paint a tree of ``size`` metres (height, 4 to 10) standing at (x, z).

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_tree(canvas, rng, x=2, z=8, size=5)
        >>> Label.TREE in canvas.labels
        True
    """
    bark = jitter(rng, choose(rng, BARK), 8)
    colour = jitter(rng, choose(rng, FOLIAGE), 9)
    slim = rng.random() < 0.2
    radii = (size * (0.17 if slim else rng.uniform(0.27, 0.36)), size * (0.40 if slim else rng.uniform(0.27, 0.34)))
    middle = size - radii[1]
    girth = 0.045 * size + 0.08
    _trunk(canvas, x, z, middle, girth, bark)
    if not slim:
        for _ in range(1):
            dx, dy = rng.uniform(-0.6, 0.6) * radii[0], rng.uniform(-0.45, 0.25) * radii[1]
            paint_crown(
                canvas, rng, (x + dx, middle + dy, z), (radii[0] * 0.72, radii[1] * 0.7), scale_colour(colour, 0.8)
            )
    paint_crown(canvas, rng, (x, middle, z), radii, colour)
    foot = [(x - girth, z - girth), (x + girth, z - girth), (x + girth, z + girth), (x - girth, z + girth)]
    canvas.cast_shadow(foot, middle)
    canvas.darken_contact([(x - 0.4, z - 0.3), (x + 0.4, z - 0.3), (x + 0.4, z + 0.3), (x - 0.4, z + 0.3)], 200)
    _crown_shadow(canvas, rng, x, z, middle, radii)


def _trunk(canvas: Canvas, x: float, z: float, top: float, girth: float, bark: Colour) -> None:
    u, foot = canvas.camera.project(x, 0.0, z)
    _, head = canvas.camera.project(x, top, z)
    half = girth * canvas.camera.scale(z) / 2
    lit_colour = canvas.light.shade(bark, (canvas.light.bright_side(0.8), 0.0, -0.6))
    dark = canvas.light.shade(scale_colour(bark, 0.7), (0.0, 0.0, -1.0))
    side = canvas.light.bright_side()
    outline = [(u - half * 1.5, foot), (u - half, foot - 3 * half), (u - half * 0.6, head)]
    outline += [(u + half * 0.6, head), (u + half, foot - 3 * half), (u + half * 1.5, foot)]
    canvas.polygon(outline, dark, z, Label.TREE)
    strip = [(u, foot), (u + side * half * 1.3, foot), (u + side * half * 0.55, head), (u, head)]
    canvas.polygon(strip, lit_colour, z, None)


def _crown_shadow(
    canvas: Canvas, rng: np.random.Generator, x: float, z: float, middle: float, radii: tuple[float, float]
) -> None:
    """Cast a dappled shadow: blobs instead of one disc."""
    sun = canvas.light.sun
    centre_x, centre_z = x - sun[0] / sun[1] * middle, z - sun[2] / sun[1] * middle
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    for _ in range(11):
        dx, dz = rng.normal(0, 0.45, 2) * radii[0]
        size = radii[0] * rng.uniform(0.25, 0.55)
        blob = [(centre_x + dx + size * float(np.cos(t)), centre_z + dz + size * float(np.sin(t))) for t in angles]
        canvas.add_shadow([(bx, max(bz, 1.2)) for bx, bz in blob], 235)


def paint_hedge(canvas: Canvas, rng: np.random.Generator, x: float, along: tuple[float, float], height: float) -> None:
    """Paint greenery behind the building line from far to near, ``along`` in metres ahead.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_hedge(canvas, rng, x=4, along=(5, 15), height=3)
        >>> Label.TREE in canvas.labels
        True
    """
    colour = jitter(rng, choose(rng, FOLIAGE), 10)
    for z in np.arange(along[1], along[0], -3.2):
        centre = (x + rng.uniform(-0.3, 0.3), height * 0.45, float(z))
        paint_crown(canvas, rng, centre, (2.3, height * rng.uniform(0.5, 0.75)), jitter(rng, colour, 5))
