"""A pinhole camera over a road that bends.

World coordinates are metres: x to the right of the road's middle, y above the ground, z ahead of the camera.
"""

from dataclasses import dataclass

import numpy as np

from uapseg.scenes.palette import Colour

NEAR = 0.9
"""Distance of the near plane in metres."""


@dataclass(frozen=True)
class Camera:
    """Pinhole camera looking along the road.

    Attributes:
        focal: Focal length in canvas pixels.
        u0: Column of the vanishing point in canvas pixels.
        v0: Row of the horizon in canvas pixels.
        height: Metres above the ground.
        x: Metres right of the road's middle.
        bend: Sideways drift of the road: metres per square metre of distance, about -0.002 to 0.002.

    Example:
        >>> camera = Camera(focal=700, u0=384, v0=256, height=1.5, x=0, bend=0)
        >>> camera.project(0, 1.5, 20)
        (384.0, 256.0)
    """

    focal: float
    u0: float
    v0: float
    height: float
    x: float
    bend: float

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Return the canvas column and row of a world point; points behind are moved to the near plane."""
        z = max(z, NEAR)
        scale = self.focal / z
        return self.u0 + scale * (x - self.x) + self.focal * self.bend * z, self.v0 - scale * (y - self.height)

    def scale(self, z: float) -> float:
        """Return canvas pixels per metre at distance ``z``."""
        return self.focal / max(z, NEAR)


@dataclass(frozen=True)
class Light:
    """Light and weather of a scene.

    Attributes:
        sun: Unit vector towards the sun (x, y, z).
        direct: Sunlight, RGB multipliers.
        ambient: Skylight, RGB multipliers.
        haze: Colour that distance fades to.
        reach: Metres at which two thirds of a colour have faded.
        shadow: Depth of cast shadows, 0 to 1.
        wet: How much the road mirrors, 0 to 1.
        night: Share of lamps and windows that are lit, 0 to 1.

    Example:
        >>> light = Light(sun=(0, 1, 0), direct=(0.5, 0.5, 0.5), ambient=(0.5, 0.5, 0.5), haze=(200, 200, 200),
        ...               reach=100, shadow=0.5, wet=0, night=0)
        >>> light.shade((100, 100, 100), normal=(0, 1, 0))
        (100.0, 100.0, 100.0)
    """

    sun: tuple[float, float, float]
    direct: Colour
    ambient: Colour
    haze: Colour
    reach: float
    shadow: float
    wet: float
    night: float

    def shade(self, colour: Colour, normal: tuple[float, float, float]) -> Colour:
        """Return ``colour`` on a matt surface with unit ``normal`` under this light."""
        slope = max(0.0, normal[0] * self.sun[0] + normal[1] * self.sun[1] + normal[2] * self.sun[2])
        sky = 0.86 + 0.14 * normal[1]
        (red, green, blue), direct = self.ambient, self.direct
        return (
            colour[0] * (red * sky + direct[0] * slope),
            colour[1] * (green * sky + direct[1] * slope),
            colour[2] * (blue * sky + direct[2] * slope),
        )

    def bright_side(self, share: float = 1.0) -> float:
        """Return where across an upright cylinder (-1 to 1) it is brightest, times ``share``."""
        return share if self.sun[0] > 0 else -share


def random_camera(rng: np.random.Generator, width: int, height: int, x: float) -> Camera:
    """Return a random dashboard camera for a canvas of ``width`` by ``height`` pixels at ``x`` metres.

    Example:
        >>> 0.47 * 512 <= random_camera(np.random.default_rng(0), 768, 512, x=0).v0 <= 0.56 * 512
        True
    """
    return Camera(
        focal=width * rng.uniform(0.86, 1.04),
        u0=width * rng.uniform(0.42, 0.58),
        v0=height * rng.uniform(0.47, 0.56),
        height=rng.uniform(1.4, 1.95),
        x=x,
        bend=float(np.clip(rng.normal(0.0, 0.0009), -0.0018, 0.0018)),
    )
