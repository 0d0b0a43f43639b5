"""Shop fronts: display windows, fascias with lettering, awnings."""

from collections.abc import Callable

import numpy as np

from uapseg.scenes.canvas import Canvas, Label, Point3
from uapseg.scenes.palette import CLOTH, PAINT, Colour, choose, jitter, mix, scale_colour

Rectangle = Callable[..., list[Point3]]
HEAD = 2.75


def paint_shop(
    canvas: Canvas, rng: np.random.Generator, rectangle: Rectangle, side: int, along: tuple[float, float]
) -> None:
    """Paint a shop front up to 3.5 m over the stretch ``along`` (near, far) of a wall.

    Args:
        canvas: Canvas to paint on.
        rng: Source of the shop's looks.
        rectangle: Corners of a rectangle on the wall from (z0, z1), (y0, y1) and metres out.
        side: -1 left of the road, 1 right.
        along: Near and far end, metres ahead.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> from uapseg.scenes.objects.buildings import Wall
        >>> wall = Wall(side=1, x=4, near=5, far=12, height=8)
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_shop(canvas, rng, wall.rectangle, side=1, along=(5, 12))
        >>> Label.BUILDING in canvas.labels
        True
    """
    normal = (-float(side), 0.0, 0.0)
    colour = jitter(rng, choose(rng, PAINT), 12)
    z0, z1 = along[0] + 0.25, along[1] - 0.25
    canvas.face(rectangle((z0, z1), (0, 3.45)), scale_colour(colour, 0.8), Label.BUILDING, normal)
    _display(canvas, rng, rectangle, (z0 + 0.2, z1 - 0.2))
    canvas.face(rectangle((z0, z1), (HEAD, 3.4), 0.12), colour, Label.BUILDING, normal)
    _lettering(canvas, rng, rectangle, (z0, z1), colour)
    if rng.random() < 0.5:
        _awning(canvas, rng, rectangle, side, (z0, z1))


def _display(canvas: Canvas, rng: np.random.Generator, rectangle: Rectangle, along: tuple[float, float]) -> None:
    z0, z1 = along
    warm = mix((44, 44, 50), (255, 206, 130), 0.15 + 0.6 * canvas.light.night + 0.2 * rng.random())
    count = max(2, round((z1 - z0) / 1.9))
    step = (z1 - z0) / count
    door = int(rng.integers(count))
    for pane in range(count):
        near, far = z0 + pane * step + 0.07, z0 + (pane + 1) * step - 0.07
        low = 0.12 if pane == door else 0.6
        canvas.face(
            rectangle((near, far), (low, HEAD - 0.1)), scale_colour(warm, rng.uniform(0.75, 1.05)), Label.BUILDING
        )
        canvas.face(
            rectangle((near, far), (HEAD - 0.7, HEAD - 0.1)), mix(warm, canvas.light.haze, 0.3), Label.BUILDING
        )
        if pane == door:
            canvas.face(rectangle((near + 0.15, far - 0.15), (0.15, 2.1)), scale_colour(warm, 0.6), Label.BUILDING)
            continue
        for _ in range(3):
            at, height = rng.uniform(near, max(near, far - 0.4)), rng.uniform(0.3, 1.1)
            goods = mix(jitter(rng, choose(rng, CLOTH), 15), warm, 0.45)
            canvas.face(
                rectangle((at, min(far, at + rng.uniform(0.3, 0.6))), (0.62, 0.62 + height)), goods, Label.BUILDING
            )


def _lettering(
    canvas: Canvas, rng: np.random.Generator, rectangle: Rectangle, along: tuple[float, float], board: Colour
) -> None:
    ink = (244, 236, 214) if sum(board) < 420 else (44, 40, 44)  # light board, dark ink
    letters = int(rng.integers(4, 10))
    at = along[0] + rng.uniform(0.2, 0.4) * (along[1] - along[0])
    for _ in range(letters):
        width = rng.uniform(0.12, 0.26)
        if at + width > along[1] - 0.2:
            break
        canvas.face(
            rectangle((at, at + width), (HEAD + 0.18, HEAD + rng.uniform(0.36, 0.5)), 0.12), ink, Label.BUILDING
        )
        at += width + 0.1


def _awning(
    canvas: Canvas, rng: np.random.Generator, rectangle: Rectangle, side: int, along: tuple[float, float]
) -> None:
    first, second = jitter(rng, choose(rng, PAINT), 14), (232, 226, 212)
    stripes = max(3, round((along[1] - along[0]) / 0.6))
    step = (along[1] - along[0]) / stripes
    depth = rng.uniform(0.8, 1.3)
    normal = (-side * 0.5, 0.86, 0.0)
    for stripe in range(stripes - 1, -1, -1):
        near, far = along[0] + stripe * step, along[0] + (stripe + 1) * step
        colour = first if stripe % 2 else second
        upper = rectangle((near, far), (HEAD + 0.05, HEAD + 0.05), 0.1)
        lower = rectangle((near, far), (2.2, 2.2), depth)
        canvas.face([upper[0], upper[1], lower[1], lower[0]], colour, Label.BUILDING, normal)
        canvas.face(
            rectangle((near, far), (2.0, 2.2), depth), scale_colour(colour, 0.8), Label.BUILDING, (-side, 0.0, 0.0)
        )
