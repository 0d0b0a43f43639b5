"""Cars, vans and buses: a side profile swept across the width."""

import math
from typing import Protocol, runtime_checkable

import numpy as np

from uapseg.scenes.canvas import Canvas, Label, Point3
from uapseg.scenes.objects.bodies import BUS, VAN, Vehicle
from uapseg.scenes.palette import Colour, mix, scale_colour

PARTS = ("rear_bumper", "tail", "rear_glass", "roof", "windscreen", "bonnet", "nose", "front_bumper")
GLASS: Colour = (40, 46, 54)
TYRE: Colour = (26, 26, 28)


@runtime_checkable
class Patch(Protocol):
    """Paints part of a panel: from ``s0`` to ``s1`` across (-1 to 1), from ``t0`` to ``t1`` along (0 to 1)."""

    def __call__(self, s0: float, s1: float, t0: float, t1: float, colour: Colour, *, lit: bool = True) -> None:
        """Paint it, shaded if ``lit``."""


@runtime_checkable
class Place(Protocol):
    """Gives the world point of a point of the side: metres from the rear, metres up."""

    def __call__(self, along: float, up: float) -> Point3:
        """Return the world point."""
        ...


def paint_vehicle(canvas: Canvas, rng: np.random.Generator, car: Vehicle) -> None:
    """Paint a vehicle and its shadow.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> from uapseg.scenes.objects.bodies import random_vehicle
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_vehicle(canvas, rng, random_vehicle(rng, x=0, z=8, turn=0))
        >>> Label.CAR in canvas.labels
        True
    """
    _shadow(canvas, car)
    _underside(canvas, car)
    profile = car.body.profile
    panels = [(part, profile[i], profile[i + 1]) for i, part in enumerate(PARTS)]
    panels.sort(key=lambda panel: -car.place((panel[1][0] + panel[2][0]) / 2, 0, 0)[2])
    for part, low, high in panels:
        _panel(canvas, rng, car, part, (low, high))
    for side in (-1, 1):
        if _faces_camera(canvas, car.place(car.body.length / 2, 0.6, side * car.half(0.6)), car.aim(0, 0, side)):
            _flank(canvas, car, side)
        _mirror(canvas, car, side)


def _mirror(canvas: Canvas, car: Vehicle, side: int) -> None:
    along, up = car.body.profile[5][0] - 0.3, car.body.belt + 0.02
    inner, outer = side * (car.half(up) - 0.02), side * (car.half(up) + 0.19)
    corners = [car.place(along, up, inner), car.place(along, up, outer), car.place(along, up + 0.15, outer),
               car.place(along, up + 0.17, inner)]  # fmt: skip
    canvas.face(corners, scale_colour(car.paint, 0.7), Label.CAR, (0.0, 0.2, -0.98))


def _faces_camera(canvas: Canvas, point: Point3, normal: Point3) -> bool:
    camera = canvas.camera
    bend = camera.bend * point[2] ** 2
    to_camera = (camera.x - point[0] - bend, camera.height - point[1], -point[2])
    return sum(a * b for a, b in zip(to_camera, normal, strict=True)) > 0


def _shadow(canvas: Canvas, car: Vehicle) -> None:
    half, length = car.body.width / 2, car.body.length
    corners = [car.place(a, 0, c) for a, c in ((0, -half), (0, half), (length, half), (length, -half))]
    canvas.cast_shadow([(x, max(z, 1.2)) for x, _, z in corners], car.body.height * 0.85)
    wide = [
        car.place(a, 0, c * 1.08)
        for a, c in ((-0.1, -half), (-0.1, half), (length + 0.1, half), (length + 0.1, -half))
    ]
    canvas.darken_contact([(x, max(z, 1.2)) for x, _, z in wide])


def _underside(canvas: Canvas, car: Vehicle) -> None:
    half = car.body.width / 2
    for along in (0.12, car.body.length - 0.12):
        corners = [
            car.place(along, up, c) for up, c in ((0.12, -half * 0.9), (0.12, half * 0.9), (0.4, half), (0.4, -half))
        ]
        canvas.face(corners, (20, 20, 22), Label.CAR)
    for along in car.body.wheels:
        for side in (-1, 1):
            inner, outer = side * (half - 0.22), side * half
            top = car.body.radius
            corners = [car.place(along, up, c) for up, c in ((0, inner), (0, outer), (top, outer), (top, inner))]
            canvas.face(corners, TYRE, Label.CAR)


def _panel(
    canvas: Canvas,
    rng: np.random.Generator,
    car: Vehicle,
    part: str,
    ends: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    (a0, y0), (a1, y1) = ends
    normal = car.aim(-(y1 - y0), a1 - a0, 0.0)
    if not _faces_camera(canvas, car.place((a0 + a1) / 2, (y0 + y1) / 2, 0), normal):
        return

    def corner(s: float, t: float) -> Point3:
        up = y0 + (y1 - y0) * t
        return car.place(a0 + (a1 - a0) * t, up, s * car.half(up))

    def patch(s0: float, s1: float, t0: float, t1: float, colour: Colour, *, lit: bool = True) -> None:
        corners = [corner(s0, t0), corner(s1, t0), corner(s1, t1), corner(s0, t1)]
        canvas.face(corners, colour, Label.CAR, normal if lit else None)

    patch(-1, 1, 0, 1, car.paint)
    if "glass" in part or part == "windscreen":
        _glass(canvas, rng, patch, large=part == "windscreen")
    elif part == "tail":
        _tail(patch, rng, lamp=(226, 40, 30) if rng.random() < 0.4 else (150, 26, 24), paint=car.paint)
    elif part == "nose":
        _nose(patch, lamps=canvas.light.night + 0.2 > rng.random())
    elif "bumper" in part:
        patch(-1, 1, 0.0 if part == "rear_bumper" else 0.55, 0.42 if part == "rear_bumper" else 1.0, (44, 44, 46))
        plate = (226, 190, 60) if part == "rear_bumper" else (232, 232, 230)
        patch(-0.3, 0.3, 0.55 if part == "rear_bumper" else 0.2, 0.92 if part == "rear_bumper" else 0.5, plate)


def _glass(canvas: Canvas, rng: np.random.Generator, patch: Patch, *, large: bool) -> None:
    sheen = mix(GLASS, canvas.light.haze, 0.35 + 0.2 * rng.random())
    patch(-0.9, 0.9, 0.08, 0.9, GLASS, lit=False)
    patch(-0.9, 0.9, 0.45, 0.9, mix(GLASS, sheen, 0.35), lit=False)
    patch(-0.9, 0.9, 0.7, 0.9, mix(GLASS, sheen, 0.8), lit=False)
    for seat in (-0.45, 0.45) if large else ():
        patch(seat - 0.13, seat + 0.13, 0.1, 0.5, (26, 26, 30), lit=False)


def _tail(patch: Patch, rng: np.random.Generator, lamp: Colour, paint: Colour) -> None:
    patch(-1, 1, 0.0, 0.14, scale_colour(paint, 0.7))
    for side in (-1, 1):
        patch(side, side * 0.72, 0.2, 0.92, lamp, lit=False)
        patch(side * 0.98, side * 0.76, 0.3, 0.5, (236, 210, 190), lit=False)
    patch(-0.7, 0.7, 0.9, 1.0, scale_colour(paint, 1.18))
    patch(-0.28, 0.28, 0.3, 0.42, scale_colour(paint, 0.75))
    if rng.random() < 0.3:
        patch(-0.7, 0.7, 0.62, 0.66, (170, 172, 174))


def _nose(patch: Patch, *, lamps: bool) -> None:
    patch(-0.62, 0.62, 0.25, 0.95, (34, 34, 38))
    patch(-0.6, 0.6, 0.5, 0.62, (120, 122, 126))
    bright = (255, 250, 230) if lamps else (196, 204, 210)
    for side in (-1, 1):
        patch(side * 0.98, side * 0.64, 0.1, 0.95, (90, 94, 100))
        patch(side * 0.95, side * 0.68, 0.25, 0.85, bright, lit=False)


def _flank(canvas: Canvas, car: Vehicle, side: int) -> None:
    body = car.body
    normal = car.aim(0, 0.1, side)

    def at(along: float, up: float) -> Point3:
        return car.place(along, up, side * car.half(up))

    canvas.face([at(*point) for point in body.profile], car.paint, Label.CAR, normal)
    low = [at(a, y) for a, y in ((0.03, 0.3), (0.0, 0.56), (body.length, 0.56), (body.length - 0.03, 0.3))]
    canvas.face(low, scale_colour(car.paint, 0.72), None, normal)
    shine = [
        at(a, y)
        for a, y in (
            (0.1, body.belt - 0.12),
            (0.1, body.belt - 0.03),
            (body.length * 0.8, body.belt - 0.03),
            (body.length * 0.8, body.belt - 0.1),
        )
    ]
    canvas.face(shine, mix(car.paint, (255, 255, 255), 0.35), None, normal)
    _side_windows(canvas, car, at)
    for seam in (body.wheels[0] + 0.5, (body.wheels[0] + body.wheels[1]) / 2 + 0.15, body.wheels[1] - 0.55):
        strip = [at(seam, 0.36), at(seam + 0.035, 0.36), at(seam + 0.035, body.belt), at(seam, body.belt)]
        canvas.face(strip, scale_colour(car.paint, 0.5), None, normal)
    for along in body.wheels:
        _wheel(canvas, car, side, along)


def _side_windows(canvas: Canvas, car: Vehicle, at: Place) -> None:
    body = car.body
    rear_belt, rear_roof, front_roof, front_belt = body.profile[2], body.profile[3], body.profile[4], body.profile[5]
    bottom, top = body.belt + 0.02, body.height - 0.11
    start = body.length * 0.55 if body is VAN else rear_belt[0] + 0.28
    outline = [
        (start, bottom),
        (max(start, rear_roof[0] + 0.15), top),
        (front_roof[0] - 0.05, top),
        (front_belt[0] - 0.22, bottom),
    ]
    canvas.face([at(*point) for point in outline], GLASS, None)
    share = 0.55
    upper = [
        (start + share * (outline[1][0] - start), bottom + share * (top - bottom)),
        outline[1],
        outline[2],
        (front_belt[0] - 0.22 + share * (outline[2][0] - outline[3][0]), bottom + share * (top - bottom)),
    ]
    canvas.face([at(*point) for point in upper], mix(GLASS, canvas.light.haze, 0.38), None)
    middle = (outline[1][0] + outline[2][0]) / 2
    for pillar in (middle,) if body is not BUS else tuple(np.arange(1.3, 8.0, 1.3).tolist()):
        canvas.face(
            [at(pillar, bottom), at(pillar + 0.09, bottom), at(pillar + 0.06, top), at(pillar - 0.03, top)],
            car.paint,
            None,
            car.aim(0, 0, 1),
        )


def _wheel(canvas: Canvas, car: Vehicle, side: int, along: float) -> None:
    body = car.body
    half = side * body.width / 2
    for radius, colour, steps in (
        (1.18, (18, 18, 20), 14),
        (1.0, TYRE, 14),
        (0.62, (150, 152, 156), 12),
        (0.3, (70, 72, 76), 8),
    ):
        size = body.radius * radius
        angles = [2 * math.pi * step / steps for step in range(steps)]
        rim = [car.place(along + size * math.cos(t), max(0.0, body.radius + size * math.sin(t)), half) for t in angles]
        canvas.face(rim, colour, Label.CAR if radius == 1.0 else None)
