"""Shapes of cars, vans and buses, and their place on the road."""

import math
from dataclasses import dataclass

import numpy as np

from uapseg.scenes.canvas import Point3
from uapseg.scenes.palette import PAINT, Colour, choose, jitter


@dataclass(frozen=True)
class Body:
    """Shape of a vehicle in metres.

    Attributes:
        profile: Outline of the side from the rear's underside over the roof to the front's: (along, up).
        belt: Height of the windows' lower edge.
        width: Width at the belt.
        roof: Width of the roof as a share of ``width``.
        wheels: Places of the two axles along the body.
        radius: Radius of a wheel.

    Example:
        >>> Body(((0, 0.3), (2, 1.5), (4, 0.5)), belt=0.9, width=1.7, roof=0.8, wheels=(0.7, 3.2)).length
        4
    """

    profile: tuple[tuple[float, float], ...]
    belt: float
    width: float
    roof: float
    wheels: tuple[float, float]
    radius: float = 0.33

    @property
    def length(self) -> float:
        """Length in metres."""
        return max(along for along, _ in self.profile)

    @property
    def height(self) -> float:
        """Height in metres."""
        return max(up for _, up in self.profile)


HATCH = Body(
    (
        (0.06, 0.28),
        (0, 0.58),
        (0.1, 0.96),
        (0.5, 1.40),
        (1.95, 1.46),
        (2.85, 0.98),
        (3.72, 0.80),
        (3.9, 0.58),
        (3.86, 0.26),
    ),
    0.96,
    1.74,
    0.76,
    (0.7, 3.15),
)
SALOON = Body(
    (
        (0.06, 0.28),
        (0, 0.6),
        (0.1, 0.98),
        (1.15, 1.38),
        (2.45, 1.42),
        (3.3, 0.98),
        (4.35, 0.80),
        (4.5, 0.58),
        (4.46, 0.26),
    ),
    0.95,
    1.78,
    0.74,
    (0.9, 3.6),
)
ESTATE = Body(
    (
        (0.06, 0.28),
        (0, 0.58),
        (0.06, 0.98),
        (0.42, 1.44),
        (2.5, 1.48),
        (3.35, 0.98),
        (4.35, 0.82),
        (4.5, 0.6),
        (4.46, 0.26),
    ),
    0.97,
    1.78,
    0.78,
    (0.85, 3.6),
)
SUV = Body(
    (
        (0.06, 0.36),
        (0, 0.7),
        (0.06, 1.12),
        (0.4, 1.68),
        (2.5, 1.74),
        (3.25, 1.16),
        (4.3, 1.02),
        (4.5, 0.72),
        (4.44, 0.34),
    ),
    1.13,
    1.9,
    0.82,
    (0.85, 3.6),
    0.39,
)
VAN = Body(
    ((0.04, 0.34), (0, 0.6), (0, 1.22), (0.1, 2.2), (3.5, 2.24), (4.35, 1.26), (5.05, 1.0), (5.2, 0.66), (5.16, 0.3)),
    1.25,
    1.98,
    0.9,
    (1.0, 4.25),
    0.37,
)
BUS = Body(
    ((0.04, 0.34), (0, 0.7), (0, 1.2), (0.04, 2.9), (8.6, 2.95), (8.78, 1.15), (8.82, 1.0), (8.84, 0.7), (8.8, 0.34)),
    1.15,
    2.5,
    0.96,
    (2.2, 6.6),
    0.48,
)
CARS = (HATCH, HATCH, HATCH, SALOON, SALOON, ESTATE, SUV, SUV)


@dataclass(frozen=True)
class Vehicle:
    """A body placed on the road; ``turn`` radians from driving away from the camera, to the left positive.

    Example:
        >>> Vehicle(HATCH, x=0, z=10, turn=0, paint=(200, 0, 0)).place(along=HATCH.length / 2, up=0, across=0)
        (0.0, 0, 10.0)
    """

    body: Body
    x: float
    z: float
    turn: float
    paint: Colour

    def place(self, along: float, up: float, across: float) -> Point3:
        """Return the world point of a body point (metres from the rear, up, right of the middle)."""
        ahead = along - self.body.length / 2
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return self.x - ahead * sin + across * cos, up, self.z + ahead * cos + across * sin

    def aim(self, along: float, up: float, across: float) -> Point3:
        """Return the world direction of a body direction."""
        size = math.sqrt(along**2 + up**2 + across**2) or 1.0
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return (-along * sin + across * cos) / size, up / size, (along * cos + across * sin) / size

    def half(self, up: float) -> float:
        """Return half the body's width at height ``up``."""
        body = self.body
        share = min(1.0, max(0.0, (up - body.belt) / max(0.1, body.height - body.belt)))
        low = 0.95 if up < body.belt - 0.2 else 1.0
        return body.width / 2 * low * (1.0 + (body.roof - 1.0) * share)


def random_vehicle(rng: np.random.Generator, x: float, z: float, turn: float) -> Vehicle:
    """Return a random car, sometimes a van or bus, with its middle at (x, z).

    Example:
        >>> random_vehicle(np.random.default_rng(0), x=1.5, z=12.0, turn=0.0).x
        1.5
    """
    dice = rng.random()
    body = choose(rng, CARS) if dice < 0.91 else VAN
    paint = jitter(rng, choose(rng, PAINT), 10)
    if body is VAN and rng.random() < 0.6:
        paint = jitter(rng, (226, 226, 224), 6)
    return Vehicle(body, x, z, turn, paint)
