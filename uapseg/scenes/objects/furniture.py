"""Poles, street lamps, traffic lights and signs."""

import math

import numpy as np

from uapseg.scenes.canvas import Canvas, Label, Point
from uapseg.scenes.palette import Colour, choose, jitter, scale_colour

METAL: tuple[Colour, ...] = (
    (112, 116, 120),
    (70, 74, 76),
    (46, 60, 52),
    (150, 150, 146),
    (34, 34, 38),
    (120, 104, 84),
)
RED, WHITE, BLACK = (196, 34, 36), (240, 240, 236), (26, 26, 28)
BOARDS: tuple[tuple[Colour, Colour], ...] = (
    ((30, 84, 160), WHITE),
    ((26, 104, 72), WHITE),
    ((240, 240, 236), BLACK),
    ((90, 54, 40), WHITE),
    ((226, 184, 50), BLACK),
)


def _post(canvas: Canvas, rng: np.random.Generator, x: float, z: float, height: float, width: float) -> Colour:
    """Paint an upright tube of ``width`` metres, no thinner than 3.5 final pixels; return its colour."""
    metal = jitter(rng, choose(rng, METAL), 8)
    u, foot = canvas.camera.project(x, 0.0, z)
    _, head = canvas.camera.project(x, height, z)
    half = max(width * canvas.camera.scale(z), 7.0) / 2
    light, side = canvas.light, canvas.light.bright_side()
    dark = light.shade(scale_colour(metal, 0.75), (0.0, 0.0, -1.0))
    canvas.polygon([(u - half, foot), (u + half, foot), (u + half, head), (u - half, head)], dark, z, Label.POLE)
    lit_colour = light.shade(scale_colour(metal, 1.15), (light.bright_side(0.8), 0.0, -0.6))
    canvas.polygon([(u + side * half * 0.1, foot), (u + side * half * 0.8, foot), (u + side * half * 0.8, head),
                    (u + side * half * 0.1, head)], lit_colour, z, None)  # fmt: skip
    collar = half * 1.35
    rise = 0.55 * canvas.camera.scale(z)
    canvas.polygon(
        [(u - collar, foot), (u + collar, foot), (u + collar, foot - rise), (u - collar, foot - rise)],
        dark,
        z,
        Label.POLE,
    )
    canvas.cast_shadow(
        [(x - width, z - 0.06), (x + width, z - 0.06), (x + width, z + 0.06), (x - width, z + 0.06)], height
    )
    canvas.darken_contact([(x - 0.2, z - 0.2), (x + 0.2, z - 0.2), (x + 0.2, z + 0.2), (x - 0.2, z + 0.2)], 200)
    return metal


def paint_lamp(canvas: Canvas, rng: np.random.Generator, x: float, z: float, side: int) -> None:
    """Paint a street lamp at the kerb on ``side``, its arm over the road.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_lamp(canvas, rng, x=3, z=9, side=1)
        >>> Label.POLE in canvas.labels
        True
    """
    height = rng.uniform(6.0, 8.5)
    metal = _post(canvas, rng, x, z, height, rng.uniform(0.18, 0.24))
    width = max(0.13 * canvas.camera.scale(z), 6.0)
    reach = rng.uniform(1.0, 1.8)
    arc = [
        (x - side * reach * (1 - math.cos(t)), height + 0.7 * math.sin(t))
        for t in np.linspace(0, math.pi / 2, 5).tolist()
    ]
    canvas.stroke(
        [canvas.camera.project(a, b, z) for a, b in arc], width, canvas.light.shade(metal, (0, 0, -1)), z, Label.POLE
    )
    tip, top = arc[-1]
    lamp = [
        (tip + 0.3 * side, top + 0.1, z),
        (tip - side * 0.6, top + 0.12, z),
        (tip - side * 0.6, top - 0.1, z),
        (tip, top - 0.18, z),
    ]
    glow = (255, 226, 160) if canvas.light.night > 0.2 else (200, 204, 206)
    canvas.face(lamp, glow, Label.POLE)


def paint_column(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """Paint a bollard or a plain column.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_column(canvas, rng, x=2, z=6)
        >>> Label.POLE in canvas.labels
        True
    """
    _post(canvas, rng, x, z, choose(rng, (1.1, 1.2, 5.5)), rng.uniform(0.2, 0.28))


def paint_traffic_light(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """Paint a traffic light on its pole.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_traffic_light(canvas, rng, x=2, z=6)
        >>> Label.POLE in canvas.labels
        True
    """
    _post(canvas, rng, x, z, 3.5, 0.17)
    scale = canvas.camera.scale(z)
    u, v = canvas.camera.project(x, 3.2, z)
    half, tall = 0.33 * scale, 1.35 * scale
    board = [
        (u - half, v - tall * 0.3),
        (u + half, v - tall * 0.3),
        (u + half, v + tall * 0.7),
        (u - half, v + tall * 0.7),
    ]
    canvas.polygon(board, jitter(rng, (44, 46, 48), 5), z, Label.SIGN)
    rim = choose(rng, (WHITE, (60, 62, 64), (210, 180, 60)))
    canvas.stroke([*board, board[0]], 0.05 * scale, rim, z, None)
    burning = int(rng.integers(3))
    for index, (on_colour, off_colour) in enumerate(
        (((255, 60, 44), (80, 30, 28)), ((255, 190, 60), (84, 66, 30)), ((70, 255, 160), (24, 70, 54)))
    ):
        centre = (u, v + tall * (-0.12 + 0.32 * index))
        canvas.ellipse(centre, (half * 0.62, half * 0.62), (20, 20, 22), z, None)
        canvas.ellipse(centre, (half * 0.52, half * 0.52), on_colour if index == burning else off_colour, z, None)
        if index == burning:
            canvas.ellipse(centre, (half * 0.25, half * 0.25), (255, 255, 235), z, None)


def paint_sign(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """Paint a road sign on its post: round, triangular or a board.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_sign(canvas, rng, x=2, z=6)
        >>> Label.SIGN in canvas.labels
        True
    """
    kind = rng.random()
    size = rng.uniform(0.8, 1.15)
    top = rng.uniform(2.5, 3.2)
    _post(canvas, rng, x, z, top + 0.2, 0.14)
    scale = canvas.camera.scale(z)
    centre = canvas.camera.project(x, top, z)
    radius = max(size * 0.5 * scale, 14.0)
    if kind < 0.3:
        _disc_sign(canvas, rng, centre, radius, z)
    elif kind < 0.5:
        _triangle_sign(canvas, centre, radius * 1.15, z)
    else:
        width = choose(rng, (0.8, 1.1, 1.7)) * radius
        _board(canvas, rng, centre, (width, radius * rng.uniform(0.75, 1.3)), z)


def _front_colour(canvas: Canvas, colour: Colour) -> Colour:
    return canvas.light.shade(colour, (canvas.light.bright_side(0.4), 0.2, -0.9))


def _disc_sign(canvas: Canvas, rng: np.random.Generator, centre: Point, radius: float, z: float) -> None:
    rim, field = choose(
        rng, ((RED, WHITE), (RED, WHITE), ((30, 84, 160), (30, 84, 160)), (RED, (30, 84, 160)), (RED, RED))
    )
    canvas.ellipse(centre, (radius, radius), _front_colour(canvas, rim), z, Label.SIGN)
    canvas.ellipse(centre, (radius * 0.74, radius * 0.74), _front_colour(canvas, field), z, None)
    u, v = centre
    ink = BLACK if field == WHITE else WHITE
    if field == RED:
        canvas.polygon(
            [
                (u - 0.7 * radius, v - 0.16 * radius),
                (u + 0.7 * radius, v - 0.16 * radius),
                (u + 0.7 * radius, v + 0.16 * radius),
                (u - 0.7 * radius, v + 0.16 * radius),
            ],
            _front_colour(canvas, WHITE),
            z,
            None,
        )
        return
    if field == rim:
        canvas.stroke(
            [(u - 0.3 * radius, v - 0.4 * radius), (u + 0.3 * radius, v + 0.4 * radius)],
            0.2 * radius,
            _front_colour(canvas, ink),
            z,
            None,
        )
        canvas.stroke(
            [(u + 0.35 * radius, v), (u + 0.3 * radius, v + 0.4 * radius), (u - 0.15 * radius, v + 0.4 * radius)],
            0.2 * radius,
            _front_colour(canvas, ink),
            z,
            None,
        )
        return
    canvas.ring((u + 0.26 * radius, v), (0.24 * radius, 0.4 * radius), 0.14 * radius, _front_colour(canvas, ink), z)
    two = [(-0.5, -0.25), (-0.3, -0.38), (-0.1, -0.22), (-0.5, 0.34), (-0.08, 0.34)]
    canvas.stroke(
        [(u + a * radius, v + b * radius) for a, b in two], 0.13 * radius, _front_colour(canvas, ink), z, None
    )


def _triangle_sign(canvas: Canvas, centre: Point, radius: float, z: float) -> None:
    u, v = centre
    for size, colour, label in ((1.0, RED, Label.SIGN), (0.62, WHITE, None)):
        corners = [
            (u, v - radius * size),
            (u + radius * 0.95 * size, v + 0.7 * radius * size),
            (u - radius * 0.95 * size, v + 0.7 * radius * size),
        ]
        canvas.polygon(corners, _front_colour(canvas, colour), z, label)
    canvas.stroke([(u, v - 0.2 * radius), (u, v + 0.2 * radius)], 0.14 * radius, BLACK, z, None)


def _board(canvas: Canvas, rng: np.random.Generator, centre: Point, half: Point, z: float) -> None:
    field, ink = choose(rng, BOARDS)
    u, v = centre
    for grow, colour, label in (
        (1.0, _front_colour(canvas, ink), Label.SIGN),
        (0.92, _front_colour(canvas, field), None),
    ):
        a, b = half[0] * grow, half[1] * grow
        canvas.polygon([(u - a, v - b), (u + a, v - b), (u + a, v + b), (u - a, v + b)], colour, z, label)
    for row in range(int(rng.integers(2, 4))):
        at = v + half[1] * (-0.5 + 0.5 * row)
        left = u - half[0] * 0.7
        right = left + half[0] * rng.uniform(0.6, 1.4)
        canvas.stroke([(left, at), (right, at)], 0.16 * half[1], _front_colour(canvas, ink), z, None)


def paint_poster(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """Paint a standing advertisement panel, 1.2 by 1.8 m.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_poster(canvas, rng, x=2, z=6)
        >>> Label.SIGN in canvas.labels
        True
    """
    scale = canvas.camera.scale(z)
    canvas.cast_shadow([(x - 0.6, z - 0.1), (x + 0.6, z - 0.1), (x + 0.6, z + 0.1), (x - 0.6, z + 0.1)], 2.4)
    canvas.darken_contact([(x - 0.7, z - 0.25), (x + 0.7, z - 0.25), (x + 0.7, z + 0.25), (x - 0.7, z + 0.25)])
    u, v = canvas.camera.project(x, 1.35, z)
    outer = (0.68 * scale, 1.15 * scale)
    _board(canvas, rng, (u, v), outer, z)
    frame = [
        (u - outer[0], v - outer[1]),
        (u + outer[0], v - outer[1]),
        (u + outer[0], v + outer[1] * 1.15),
        (u - outer[0], v + outer[1] * 1.15),
    ]
    canvas.stroke([*frame, frame[0]], 0.1 * scale, (52, 54, 58), z, Label.SIGN)
    picture = jitter(rng, choose(rng, ((226, 120, 60), (90, 160, 190), (220, 200, 120), (180, 70, 110))), 14)
    canvas.ellipse((u, v - 0.3 * outer[1]), (outer[0] * 0.6, outer[1] * 0.4), _front_colour(canvas, picture), z, None)
