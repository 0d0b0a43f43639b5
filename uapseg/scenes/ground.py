"""Road, kerbs, pavements and what is painted on them."""

from dataclasses import dataclass

import numpy as np

from uapseg.scenes.canvas import Canvas, Label, Material
from uapseg.scenes.palette import Colour, choose, jitter, mix, scale_colour

UP = (0.0, 1.0, 0.0)
FAR = 130.0
STATIONS = (0.9, 1.5, 2.2, 3.0, 4.0, 5.5, 7.5, 10.0, 13.0, 17.0, 22.0, 29.0, 38.0, 50.0, 68.0, 95.0, FAR)
WHITE: Colour = (226, 226, 220)
YELLOW: Colour = (206, 170, 60)


@dataclass(frozen=True)
class Street:
    """Plan of the street: kerbs and building lines, metres right of the road's middle.

    Example:
        >>> Street(left_wall=-8, left_kerb=-3, right_kerb=3, right_wall=7).kerb(side=-1)
        -3
    """

    left_wall: float
    left_kerb: float
    right_kerb: float
    right_wall: float

    def kerb(self, side: int) -> float:
        """Return the kerb on ``side`` (-1 left, 1 right)."""
        return self.left_kerb if side < 0 else self.right_kerb

    def wall(self, side: int) -> float:
        """Return the building line on ``side`` (-1 left, 1 right)."""
        return self.left_wall if side < 0 else self.right_wall


def band(
    canvas: Canvas,
    across: tuple[float, float],
    along: tuple[float, float],
    colour: Colour,
    label: Label | None,
    material: int = 0,
) -> None:
    """Fill the strip of ground between two x and two z, following the bend.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> band(canvas, across=(-3, 3), along=(1, 20), colour=(90, 90, 90), label=Label.ROAD)
        >>> Label.ROAD in canvas.labels
        True
    """
    marks = [along[0], *(z for z in STATIONS if along[0] < z < along[1]), along[1]]
    for near, far in zip(marks[::-1][1:], marks[::-1], strict=False):
        x0, x1 = across
        corners = [(x0, 0.0, near), (x1, 0.0, near), (x1, 0.0, far), (x0, 0.0, far)]
        canvas.face(corners, colour, label, UP, material)


def paint_ground(canvas: Canvas, rng: np.random.Generator, street: Street) -> None:
    """Paint road, pavements, kerbs and markings.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_ground(canvas, rng, Street(left_wall=-8, left_kerb=-3, right_kerb=3, right_wall=7))
        >>> Label.PAVEMENT in canvas.labels
        True
    """
    grey = float(rng.uniform(84, 138))
    road = jitter(rng, (grey, grey * 0.99, grey * 0.985), 5)
    stone = jitter(rng, choose(rng, ((150, 146, 138), (168, 160, 146), (128, 126, 124), (160, 136, 118))), 8)
    band(canvas, (-80.0, street.left_kerb), (0.9, FAR), stone, Label.PAVEMENT, Material.SLABS)
    band(canvas, (street.right_kerb, 80.0), (0.9, FAR), stone, Label.PAVEMENT, Material.SLABS)
    band(canvas, (street.left_kerb, street.right_kerb), (0.9, FAR), road, Label.ROAD, Material.ASPHALT)
    _kerbs(canvas, street, scale_colour(stone, 1.12), scale_colour(road, 0.86))
    _patches(canvas, rng, street, road)
    _markings(canvas, rng, street, road)


def _kerbs(canvas: Canvas, street: Street, stone: Colour, gutter: Colour) -> None:
    for side in (-1, 1):
        kerb = street.kerb(side)
        band(canvas, (kerb, kerb + side * 0.16), (0.9, FAR), stone, Label.PAVEMENT)
        band(canvas, (kerb - side * 0.05, kerb), (0.9, FAR), scale_colour(stone, 0.55), None)
        band(canvas, (kerb - side * 0.35, kerb - side * 0.05), (0.9, 60.0), gutter, None)


def _patches(canvas: Canvas, rng: np.random.Generator, street: Street, road: Colour) -> None:
    for _ in range(int(rng.integers(1, 5))):
        x, z = rng.uniform(street.left_kerb + 0.5, street.right_kerb - 1.5), rng.uniform(3.5, 22)
        end = z + rng.uniform(1.0, 7.0)
        band(canvas, (x, x + rng.uniform(0.6, 1.8)), (z, end), scale_colour(road, rng.uniform(0.78, 1.16)), None)
    for _ in range(int(rng.integers(0, 4))):
        x, z = rng.uniform(street.left_kerb + 0.6, street.right_kerb - 0.6), rng.uniform(4.5, 16)
        _manhole(canvas, x, z, scale_colour(road, 0.55), scale_colour(road, 0.85))


def _manhole(canvas: Canvas, x: float, z: float, rim: Colour, lid: Colour) -> None:
    angles = np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
    for radius, colour in ((0.36, rim), (0.29, lid), (0.22, rim), (0.19, lid)):
        circle = [(x + radius * float(np.cos(t)), 0.0, z + radius * float(np.sin(t))) for t in angles]
        canvas.face(circle, colour, None, UP)


def _markings(canvas: Canvas, rng: np.random.Generator, street: Street, road: Colour) -> None:
    worn_paint = mix(road, WHITE, rng.uniform(0.55, 0.95))
    dash, gap = choose(rng, ((2.0, 4.0), (4.0, 2.0), (3.0, 3.0)))
    start = rng.uniform(-dash, gap)
    for z in np.arange(1.0 + start, 70.0, dash + gap):
        if z + dash > 1.0:
            band(canvas, (-0.07, 0.07), (max(1.0, float(z)), float(z) + dash), worn_paint, None)
    yellow = mix(road, YELLOW, rng.uniform(0.5, 0.9))
    for side in (-1, 1):
        if rng.random() < 0.6:
            for inset in (0.32, 0.52):
                kerb = street.kerb(side) - side * inset
                band(canvas, (kerb, kerb + side * 0.09), (0.9, 60.0), yellow, None)
    _feature(canvas, rng, street, road, worn_paint)


def _feature(canvas: Canvas, rng: np.random.Generator, street: Street, road: Colour, worn_paint: Colour) -> None:
    """Paint a crossing, a stop line with studs, an arrow, or nothing."""
    feature = rng.random()
    if feature < 0.3:
        _zebra(canvas, street, rng.uniform(6.5, 16), mix(road, WHITE, 0.9))
    elif feature < 0.5:
        _studs(canvas, street, rng.uniform(7, 14), worn_paint)
    elif feature < 0.65:
        _arrow(canvas, canvas.camera.x, rng.uniform(6, 11), worn_paint)


def _zebra(canvas: Canvas, street: Street, z: float, white: Colour) -> None:
    for x in np.arange(street.left_kerb + 0.4, street.right_kerb - 0.5, 1.1):
        band(canvas, (float(x), float(x) + 0.55), (z, z + 2.8), white, None)
    band(canvas, (street.left_kerb + 0.3, -0.2), (z - 1.3, z - 1.0), white, None)


def _studs(canvas: Canvas, street: Street, z: float, white: Colour) -> None:
    band(canvas, (street.left_kerb + 0.3, -0.1), (z - 1.0, z - 0.6), white, None)
    for x in np.arange(street.left_kerb + 0.3, street.right_kerb - 0.3, 0.5):
        for row in (z, z + 2.4):
            band(canvas, (float(x), float(x) + 0.14), (row, row + 0.2), white, None)


def _arrow(canvas: Canvas, x: float, z: float, white: Colour) -> None:
    band(canvas, (x - 0.08, x + 0.08), (z, z + 2.4), white, None)
    canvas.face([(x - 0.4, 0.0, z + 2.3), (x + 0.4, 0.0, z + 2.3), (x, 0.0, z + 4.0)], white, None, UP)
