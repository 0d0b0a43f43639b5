"""The canvas: draws the picture and its labels with the same strokes, at twice the final size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from uapseg.scenes.camera import Camera, Light
from uapseg.scenes.palette import Colour

OVERSAMPLING = 2
Point = tuple[float, float]
Point3 = tuple[float, float, float]


class Label(IntEnum):
    """Class of a pixel.

    Example:
        >>> Label.CAR.value
        8
    """

    SKY = 0
    BUILDING = 1
    POLE = 2
    ROAD = 3
    PAVEMENT = 4
    TREE = 5
    SIGN = 6
    FENCE = 7
    CAR = 8
    PEDESTRIAN = 9
    BICYCLIST = 10


class Material(IntEnum):
    """Surface of a pixel, which determines its texture.

    Example:
        >>> Material.BRICK.value
        3
    """

    PLAIN = 0
    ASPHALT = 1
    SLABS = 2
    BRICK = 3
    PLASTER = 4
    RENDER = 5


@dataclass
class Canvas:
    """A picture, its labels and materials, and two masks of shadow, drawn together.

    Attributes:
        camera: The camera.
        light: Light and weather.
        picture: RGB, at twice the final size.
        codes: The label plus 16 times the material of each pixel.
        cast: Shadows cast by the sun, at the final size.
        contact: Shadows right under things, at the final size.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> canvas.polygon([(0, 0), (20, 0), (0, 20)], (200, 0, 0), z=10, label=Label.CAR)
        >>> Label.CAR in canvas.labels
        True
    """

    camera: Camera
    light: Light
    picture: Image.Image
    codes: Image.Image = field(init=False)
    cast: Image.Image = field(init=False)
    contact: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        size = self.picture.size
        small = (size[0] // OVERSAMPLING, size[1] // OVERSAMPLING)
        self.codes = Image.new("L", size, 0)
        self.cast = Image.new("L", small, 0)
        self.contact = Image.new("L", small, 0)
        self._paint = ImageDraw.Draw(self.picture)
        self._mark = ImageDraw.Draw(self.codes)
        self._cast = ImageDraw.Draw(self.cast)
        self._contact = ImageDraw.Draw(self.contact)

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The `Label` of each pixel (height, width), at twice the final size."""
        return np.asarray(self.codes, np.uint8) & np.uint8(15)

    @property
    def materials(self) -> NDArray[np.uint8]:
        """The `Material` of each pixel (height, width), at twice the final size."""
        return np.asarray(self.codes, np.uint8) >> np.uint8(4)

    def hazy_rgb(self, colour: Colour, z: float) -> tuple[int, int, int]:
        """Return ``colour`` through ``z`` metres of haze, as whole RGB values."""
        visibility = math.exp(-z / self.light.reach)
        red, green, blue = self.light.haze
        dim = 1.0 - visibility
        return (
            min(255, max(0, int(colour[0] * visibility + red * dim))),
            min(255, max(0, int(colour[1] * visibility + green * dim))),
            min(255, max(0, int(colour[2] * visibility + blue * dim))),
        )

    def polygon(
        self, points: Sequence[Point], colour: Colour | None, z: float, label: Label | None, material: int = 0
    ) -> None:
        """Fill a polygon of canvas points; None leaves the picture or the labels unchanged."""
        if colour is not None:
            self._paint.polygon(points, fill=self.hazy_rgb(colour, z))
        if label is not None:
            self._mark.polygon(points, fill=label | material << 4)

    def ellipse(self, centre: Point, radii: Point, colour: Colour | None, z: float, label: Label | None) -> None:
        """Fill an upright ellipse with ``radii`` in canvas pixels."""
        box = (centre[0] - radii[0], centre[1] - radii[1], centre[0] + radii[0], centre[1] + radii[1])
        if colour is not None:
            self._paint.ellipse(box, fill=self.hazy_rgb(colour, z))
        if label is not None:
            self._mark.ellipse(box, fill=int(label))

    def ring(self, centre: Point, radii: Point, width: float, colour: Colour, z: float) -> None:
        """Outline an upright ellipse in the picture only."""
        box = (centre[0] - radii[0], centre[1] - radii[1], centre[0] + radii[0], centre[1] + radii[1])
        self._paint.ellipse(box, outline=self.hazy_rgb(colour, z), width=max(1, round(width)))

    def stroke(
        self, points: Sequence[Point], width: float, colour: Colour | None, z: float, label: Label | None
    ) -> None:
        """Draw a thick line with round joints and ends; ``width`` in canvas pixels."""
        thickness = max(1, round(width))
        if colour is not None:
            self._paint.line(points, fill=self.hazy_rgb(colour, z), width=thickness)
        if label is not None:
            self._mark.line(points, fill=int(label), width=thickness)
        if thickness > 3:  # thinner ends look round anyway
            radius = thickness / 2 - 0.5
            for joint in points:
                self.ellipse(joint, (radius, radius), colour, z, label)

    def face(
        self,
        corners: Sequence[Point3],
        colour: Colour,
        label: Label | None,
        normal: Point3 | None = None,
        material: int = 0,
    ) -> None:
        """Fill a flat polygon of world points, lit along ``normal`` if there is one."""
        points = [self.camera.project(*corner) for corner in corners]
        columns = [u for u, _ in points]
        if max(columns) < 0 or min(columns) > self.picture.width:
            return
        if normal is not None:
            colour = self.light.shade(colour, normal)
        z = sum(corner[2] for corner in corners) / len(corners)
        self.polygon(points, colour, z, label, material)

    def paste(self, corner: tuple[int, int], pixels: NDArray[np.uint8], mask: NDArray[np.bool_], label: Label) -> None:
        """Paste ``pixels`` where ``mask`` is true, with the top left at ``corner``."""
        stencil = Image.fromarray(mask.astype(np.uint8) * 255)
        self.picture.paste(Image.fromarray(pixels), corner, stencil)
        self.codes.paste(int(label), corner, stencil)

    def darken_contact(self, footprint: Sequence[Point], strength: int = 255) -> None:
        """Darken the ground right under something; ``footprint`` in metres (x, z)."""
        self._contact.polygon([self._small(x, z) for x, z in footprint], fill=strength)

    def add_shadow(self, outline: Sequence[Point], strength: int = 255) -> None:
        """Shade the ground inside ``outline``, in metres (x, z)."""
        self._cast.polygon([self._small(x, z) for x, z in outline], fill=strength)

    def cast_shadow(self, footprint: Sequence[Point], height: float, base: float = 0.0) -> None:
        """Cast the shadow of an upright prism on ``footprint`` from ``base`` to ``height`` metres."""
        low = [self._shadow_point(x, base, z) for x, z in footprint]
        high = [self._shadow_point(x, height, z) for x, z in footprint]
        self.add_shadow(low)
        self.add_shadow(high)
        for index in range(len(low)):
            self.add_shadow([low[index - 1], low[index], high[index], high[index - 1]])

    def _shadow_point(self, x: float, y: float, z: float) -> Point:
        sun = self.light.sun
        return x - sun[0] / sun[1] * y, z - sun[2] / sun[1] * y

    def _small(self, x: float, z: float) -> Point:
        u, v = self.camera.project(x, 0.0, z)
        return u / OVERSAMPLING, v / OVERSAMPLING
