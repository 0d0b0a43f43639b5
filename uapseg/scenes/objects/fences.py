"""Fences: boards, railings, mesh and hoardings, along the road or across a gap."""

from collections.abc import Callable

import numpy as np

from uapseg.scenes.canvas import Canvas, Label, Point3
from uapseg.scenes.palette import PAINT, Colour, choose, jitter, mix, scale_colour

Place = Callable[[float, float], Point3]
TIMBER: tuple[Colour, ...] = (
    (142, 108, 74),
    (118, 96, 78),
    (168, 140, 104),
    (96, 70, 50),
    (128, 126, 120),
    (86, 108, 84),
)
IRON: tuple[Colour, ...] = ((30, 32, 34), (44, 64, 54), (206, 206, 202), (120, 124, 126), (64, 80, 110))


def paint_fence(
    canvas: Canvas, rng: np.random.Generator, ends: tuple[tuple[float, float], tuple[float, float]], height: float
) -> None:
    """Paint a fence between two ground points ((x, z), (x, z)), ``height`` metres tall.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_fence(canvas, rng, ((3, 12), (3, 5)), height=1.5)
        >>> Label.FENCE in canvas.labels
        True
    """
    (x0, z0), (x1, z1) = ends
    length = float(np.hypot(x1 - x0, z1 - z0))

    def place(along: float, up: float) -> Point3:
        share = along / length
        return (x0 + (x1 - x0) * share, up, z0 + (z1 - z0) * share)

    facing = 1.0 if x0 + x1 < 0 else -1.0
    normal = (facing, 0.0, 0.0) if abs(z1 - z0) > abs(x1 - x0) else (0.0, 0.0, -1.0)
    painter = choose(rng, (_boards, _boards, _railings, _railings, _mesh, _hoarding))
    painter(canvas, rng, place, length, height, normal)
    canvas.cast_shadow([(x0, z0), (x1, z1)], height)
    canvas.darken_contact([(x0 - 0.2, z0), (x0 + 0.2, z0), (x1 + 0.2, z1), (x1 - 0.2, z1)], 190)


def _panel(place: Place, along: tuple[float, float], up: tuple[float, float]) -> list[Point3]:
    return [place(along[0], up[0]), place(along[1], up[0]), place(along[1], up[1]), place(along[0], up[1])]


def _boards(
    canvas: Canvas, rng: np.random.Generator, place: Place, length: float, height: float, normal: Point3
) -> None:
    timber = jitter(rng, choose(rng, TIMBER), 10)
    canvas.face(_panel(place, (0, length), (0, height)), scale_colour(timber, 0.5), Label.FENCE, normal)
    count = max(3, round(length / 0.42))
    step = length / count
    tones = 1.0 + 0.09 * rng.standard_normal(count)
    for index in range(count):
        along = (index * step, (index + 0.86) * step)
        canvas.face(
            _panel(place, along, (0.06, height + 0.05 * (index % 2))),
            scale_colour(timber, float(tones[index])),
            Label.FENCE,
            normal,
        )
    canvas.face(_panel(place, (0, length), (height - 0.28, height - 0.16)), scale_colour(timber, 0.78), None, normal)


def _bars(
    canvas: Canvas, place: Place, length: float, height: float, step: float, width: float, colour: Colour
) -> None:
    count = max(2, round(length / step))
    for index in range(count + 1):
        at = index * length / count
        canvas.face(_panel(place, (max(0.0, at - width), min(length, at + width)), (0.0, height)), colour, Label.FENCE)


def _railings(
    canvas: Canvas, rng: np.random.Generator, place: Place, length: float, height: float, normal: Point3
) -> None:
    iron = canvas.light.shade(jitter(rng, choose(rng, IRON), 6), normal)
    z = place(length / 2, 0)[2]
    area = [canvas.camera.project(*corner) for corner in _panel(place, (0, length), (0, height))]
    canvas.polygon(area, None, z, Label.FENCE)
    _bars(canvas, place, length, height, 0.3, 0.035, iron)
    _bars(canvas, place, length, height + 0.12, 2.0, 0.07, scale_colour(iron, 0.85))
    for low in (0.12, height - 0.16):
        canvas.face(_panel(place, (0, length), (low, low + 0.11)), scale_colour(iron, 1.1), Label.FENCE)


def _mesh(
    canvas: Canvas, rng: np.random.Generator, place: Place, length: float, height: float, normal: Point3
) -> None:
    wire = canvas.light.shade(jitter(rng, choose(rng, ((120, 126, 124), (60, 96, 74), (150, 150, 148))), 8), normal)
    back = mix(wire, (60, 66, 60), 0.6)
    canvas.face(_panel(place, (0, length), (0, height)), back, Label.FENCE)
    for low in np.arange(0.1, height, 0.26).tolist():
        canvas.face(_panel(place, (0, length), (low, low + 0.045)), wire, None)
    _bars(canvas, place, length, height, 0.32, 0.03, wire)
    _bars(canvas, place, length, height + 0.1, 2.4, 0.08, scale_colour(wire, 0.8))


def _hoarding(
    canvas: Canvas, rng: np.random.Generator, place: Place, length: float, height: float, normal: Point3
) -> None:
    first = jitter(rng, choose(rng, PAINT), 10)
    second = mix(first, (236, 232, 224), rng.uniform(0.1, 0.8))
    count = max(1, round(length / 2.2))
    step = length / count
    for index in range(count):
        along = (index * step, (index + 1) * step)
        colour = first if index % 2 else second
        canvas.face(_panel(place, along, (0, height)), colour, Label.FENCE, normal)
        canvas.face(_panel(place, (along[0], along[0] + 0.06), (0, height)), scale_colour(colour, 0.6), None, normal)
        canvas.face(_panel(place, along, (height * 0.62, height * 0.7)), scale_colour(colour, 0.8), None, normal)
    canvas.face(_panel(place, (0, length), (0, 0.2)), scale_colour(first, 0.5), None, normal)
