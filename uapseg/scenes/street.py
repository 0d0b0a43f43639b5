"""Layout of a scene: where houses, trees, cars and people are."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uapseg.scenes.canvas import Canvas, Label
from uapseg.scenes.ground import Street
from uapseg.scenes.objects.bodies import BUS, Vehicle, random_vehicle
from uapseg.scenes.objects.buildings import Wall, paint_building
from uapseg.scenes.objects.cyclists import paint_cyclist
from uapseg.scenes.objects.fences import paint_fence
from uapseg.scenes.objects.furniture import paint_column, paint_lamp, paint_poster, paint_sign, paint_traffic_light
from uapseg.scenes.objects.people import paint_person
from uapseg.scenes.objects.plants import paint_crown, paint_hedge, paint_tree
from uapseg.scenes.objects.vehicles import paint_vehicle
from uapseg.scenes.palette import FOLIAGE, choose, jitter

Thing = tuple[float, Callable[[], None]]
Place = tuple[float, float, float, float]
REACH = 85.0


def random_street(rng: np.random.Generator) -> tuple[Street, float, bool]:
    """Return the layout of a street, the camera's x, and whether cars park on the left.

    Example:
        >>> street, camera, parking = random_street(np.random.default_rng(0))
        >>> street.left_kerb < camera < street.right_kerb
        True
    """
    parking = rng.random() < 0.33
    left = -rng.uniform(2.7, 3.2) - (1.9 if parking else 0.0)
    right = rng.uniform(2.6, 3.9)
    street = Street(left - rng.uniform(3.3, 5.2), left, right, right + rng.uniform(3.3, 5.4))
    camera = -rng.uniform(1.25, 1.7)
    return street, camera, parking


def paint_backdrop(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint the far end of the street: trees and blocks in the haze.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_backdrop(canvas, rng)
        >>> Label.BUILDING in canvas.labels
        True
    """
    for _ in range(5):
        x, width, height = rng.uniform(-60, 60), rng.uniform(8, 20), rng.uniform(5, 13)
        wall = jitter(rng, (150, 140, 130), 20)
        corners = [(x, 0.0, 115.0), (x + width, 0.0, 115.0), (x + width, height, 115.0), (x, height, 115.0)]
        canvas.face(corners, wall, Label.BUILDING, (0.0, 0.0, -1.0))
    for x in np.linspace(-60, 60, 9).tolist():
        size = rng.uniform(4, 7)
        paint_crown(canvas, rng, (x, size * 0.4, 105.0), (8.0, size), jitter(rng, choose(rng, FOLIAGE), 8))


def paint_sides(canvas: Canvas, rng: np.random.Generator, street: Street) -> None:
    """Paint houses, gaps with fences and greenery along both building lines, from far to near.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> street = Street(left_wall=-8, left_kerb=-3, right_kerb=3, right_wall=7)
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_sides(canvas, rng, street)
        >>> Label.BUILDING in canvas.labels
        True
    """
    for side in (-1, 1):
        plots = _plots(rng)
        for near, far, gap in reversed(plots):
            if gap:
                _gap(canvas, rng, street.wall(side), side, (near, far))
            else:
                setback = rng.uniform(0.0, 1.2) if rng.random() < 0.25 else 0.0
                height = rng.uniform(6.0, 12.5)
                wall = Wall(side, street.wall(side) + side * setback, near, far, height)
                paint_building(canvas, rng, wall, shop=rng.random() < 0.5)
                if rng.random() < 0.3:
                    x = street.wall(side) - side * 0.3
                    paint_fence(canvas, rng, ((x, far), (x, near)), rng.uniform(1.2, 1.7))


def _plots(rng: np.random.Generator) -> list[tuple[float, float, bool]]:
    """Return (near, far, is a gap) of consecutive plots."""
    plots: list[tuple[float, float, bool]] = []
    z = rng.uniform(-3.0, 3.0)
    while z < REACH:
        gap = rng.random() < 0.45 and not (plots and plots[-1][2])
        far = z + (rng.uniform(6, 13) if gap else rng.uniform(5.5, 13))
        if far > 2.0:
            plots.append((max(1.2, z), far, gap))
        z = far
    return plots


def _gap(canvas: Canvas, rng: np.random.Generator, x: float, side: int, along: tuple[float, float]) -> None:
    near, far = along
    if near < 50:  # farther greenery hides behind the houses
        paint_hedge(canvas, rng, x + side * 4.5, (near + 1.0, far + 3.0), rng.uniform(2.6, 5.5))
    paint_fence(canvas, rng, ((x, far), (x, near)), rng.uniform(1.6, 2.6))


def street_things(canvas: Canvas, rng: np.random.Generator, street: Street, *, parking: bool) -> list[Thing]:
    """Return everything that stands in the street as (distance, painter).

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> street = Street(left_wall=-8, left_kerb=-3, right_kerb=3, right_wall=7)
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> distance, paint = street_things(canvas, rng, street, parking=True)[0]
        >>> paint()
    """
    cars = _traffic(canvas, rng, street, parking=parking)
    things = _furniture(canvas, rng, street)
    things += [(car.z - 0.5, lambda car=car: paint_vehicle(canvas, rng, car)) for car in cars]
    occupied = [(car.x, car.z, 1.2, 2.6) for car in cars]
    return things + _cyclists(canvas, rng, street, occupied) + _pedestrians(canvas, rng, street, occupied)


def paint_things(things: list[Thing]) -> None:
    """Paint ``things`` from far to near.

    Example:
        >>> paint_things([(5.0, lambda: print("near")), (20.0, lambda: print("far"))])
        far
        near
    """
    for _, paint in sorted(things, key=lambda thing: -thing[0]):
        paint()


def _furniture(canvas: Canvas, rng: np.random.Generator, street: Street) -> list[Thing]:
    things: list[Thing] = []

    def add(painter: Callable[..., None], x: float, z: float, *rest: float) -> None:
        things.append((z, lambda: painter(canvas, rng, x, z, *rest)))

    for side in (-1, 1):
        kerb = street.kerb(side) + side * 0.5
        for z in np.arange(rng.uniform(8, 16), 50, rng.uniform(15, 22)).tolist():
            add(paint_tree, kerb + side * 0.4, z, rng.uniform(4.6, 7.5)) if rng.random() < 0.75 else None
        for z in np.arange(rng.uniform(9, 15), 22, rng.uniform(17, 26)).tolist():
            add(paint_lamp, kerb, z, side)
        add(choose(rng, (paint_sign, paint_sign, paint_sign, paint_traffic_light)), kerb, rng.uniform(7.5, 15))
        if rng.random() < 0.5:
            add(choose(rng, (paint_sign, paint_traffic_light, paint_poster)), kerb + side * 0.4, rng.uniform(9, 20))
        if rng.random() < 0.2:
            add(paint_column, kerb, rng.uniform(6, 13))
        if rng.random() < 0.35:
            z = rng.uniform(6, 12)
            fence_ends = ((kerb - side * 0.2, z + rng.uniform(4, 7)), (kerb - side * 0.2, z))
            things.append((z + 2.5, lambda fence_ends=fence_ends: paint_fence(canvas, rng, fence_ends, 1.05)))
    return things


def _traffic(canvas: Canvas, rng: np.random.Generator, street: Street, *, parking: bool) -> list[Vehicle]:
    parked = (
        _queue(rng, np.arange(rng.uniform(7, 12), 32, 6.6), 0.6, lambda: street.left_kerb + 1.15, 0.02)
        if parking
        else []
    )
    distances = np.arange(rng.uniform(9, 17), 32, rng.uniform(10, 18))
    cars = parked + _queue(rng, distances, 0.7, lambda: canvas.camera.x + rng.normal(0, 0.15), 0.05)
    oncoming = np.arange(rng.uniform(8, 16), 32, rng.uniform(9, 16))
    cars += _queue(rng, oncoming, 0.7, lambda: street.right_kerb - rng.uniform(1.3, 2.0), 0.05, math.pi)
    if rng.random() < 0.12:
        paint = jitter(rng, choose(rng, ((176, 34, 38), (40, 90, 150), (210, 200, 190))), 8)
        cars.append(Vehicle(BUS, street.right_kerb - 1.7, rng.uniform(20, 30), math.pi, paint))
    if rng.random() < 0.2:
        x, z = rng.uniform(-1, 3), rng.uniform(17, 26)
        cars.append(random_vehicle(rng, x, z, choose(rng, (-1.0, 1.0)) * rng.uniform(1.1, 1.9)))
    return cars


def _queue(
    rng: np.random.Generator,
    places: NDArray[np.floating[Any]],
    share: float,
    lane: Callable[[], float],
    sway: float,
    turn: float = 0.0,
) -> list[Vehicle]:
    """Return cars at a random ``share`` of ``places`` (z), ``sway`` radians about straight ahead plus ``turn``."""
    return [
        random_vehicle(rng, lane(), z, turn + rng.normal(0, sway)) for z in places.tolist() if rng.random() < share
    ]


def _claim(occupied: list[Place], place: Place) -> bool:
    """Add ``place`` (x, z, half width, half length) to ``occupied`` unless something stands there."""
    x, z, half, reach = place
    if any(abs(x - a) < half + b and abs(z - c) < reach + d for a, c, b, d in occupied):
        return False
    occupied.append(place)
    return True


def _cyclists(canvas: Canvas, rng: np.random.Generator, street: Street, occupied: list[Place]) -> list[Thing]:
    things: list[Thing] = []
    count = 1 if rng.random() < 0.45 else 2
    for _ in range(8):
        crossing = bool(rng.random() < 0.5)
        z = rng.uniform(6.0, 12)
        x = (
            rng.uniform(-3.6, 3.6)
            if crossing
            else choose(rng, (street.left_kerb + 0.7, street.right_kerb - 0.7, -0.2, 0.9))
        )
        if len(things) < count and _claim(occupied, (x, z, 0.9 if crossing else 0.3, 0.4 if crossing else 0.9)):
            things.append((z, lambda x=x, z=z, crossing=crossing: paint_cyclist(canvas, rng, x, z, crossing=crossing)))
    return things


def _pedestrians(canvas: Canvas, rng: np.random.Generator, street: Street, occupied: list[Place]) -> list[Thing]:
    spots: list[tuple[float, float]] = []
    for side in (-1, 1):
        kerb, wall = street.kerb(side), street.wall(side)
        for _ in range(int(rng.integers(4, 7))):
            x = kerb + side * 0.8 + (wall - kerb - side * 1.4) * rng.random()
            nearest = max(4.8, 2.0 * abs(x - canvas.camera.x) + 0.2)
            spots.append((x, nearest + 4.5 * rng.random() ** 1.6))
    crossing = range(int(rng.integers(1, 4)))
    spots += [(rng.uniform(street.left_kerb, street.right_kerb), rng.uniform(6, 11)) for _ in crossing]
    return [
        (z, lambda x=x, z=z: paint_person(canvas, rng, x, z, child=rng.random() < 0.12))
        for x, z in spots
        if _claim(occupied, (x, z, 0.28, 0.35))
    ]
