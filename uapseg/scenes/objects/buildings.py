"""Houses along the street: walls, windows, doors, roofs."""

from dataclasses import dataclass

import numpy as np

from uapseg.scenes.canvas import Canvas, Label, Material, Point3
from uapseg.scenes.objects.shops import paint_shop
from uapseg.scenes.palette import WALL, Colour, choose, jitter, mix, scale_colour

WALLING = Label.BUILDING
TRIM: tuple[Colour, ...] = ((236, 232, 222), (214, 204, 184), (120, 112, 104), (244, 242, 238), (96, 66, 54))
FRAME: tuple[Colour, ...] = ((240, 240, 236), (240, 240, 236), (52, 50, 50), (70, 84, 76), (120, 78, 50))
SLATE: tuple[Colour, ...] = ((84, 86, 94), (104, 92, 86), (136, 84, 66), (70, 72, 76), (120, 112, 104))


@dataclass(frozen=True)
class Wall:
    """A facade parallel to the road.

    Attributes:
        side: -1 left of the road, 1 right.
        x: Metres right of the road's middle.
        near: Near end, metres ahead.
        far: Far end, metres ahead.
        height: Eaves, metres.

    Example:
        >>> Wall(side=1, x=7.0, near=5.0, far=12.0, height=8.0).rectangle((5, 12), (0, 8))[0]
        (7.0, 0, 5)
    """

    side: int
    x: float
    near: float
    far: float
    height: float

    def rectangle(self, along: tuple[float, float], up: tuple[float, float], out: float = 0.0) -> list[Point3]:
        """Return the corners of a rectangle on the wall, ``out`` metres towards the road."""
        x = self.x - self.side * out
        (z0, z1), (y0, y1) = along, up
        return [(x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)]

    @property
    def normal(self) -> Point3:
        """Direction that the facade faces."""
        return (-float(self.side), 0.0, 0.0)


@dataclass(frozen=True)
class Style:
    """Style of a house: colours, storey height and window shape in metres.

    Example:
        >>> 2.0 <= random_style(np.random.default_rng(0)).bay <= 3.4
        True
    """

    wall: Colour
    trim: Colour
    frame: Colour
    storey: float
    bay: float
    window: tuple[float, float]
    material: Material


def random_style(rng: np.random.Generator) -> Style:
    """Return the style of a random house.

    Example:
        >>> 2.8 <= random_style(np.random.default_rng(0)).storey <= 3.4
        True
    """
    wall = jitter(rng, choose(rng, WALL), 12)
    brick = wall[0] - wall[2] > 30 and rng.random() < 0.75  # reddish walls are mostly brick
    return Style(
        wall=wall,
        trim=choose(rng, TRIM),
        frame=choose(rng, FRAME),
        storey=rng.uniform(2.8, 3.4),
        bay=rng.uniform(2.0, 3.4),
        window=(rng.uniform(0.42, 0.62), rng.uniform(0.48, 0.62)),
        material=Material.BRICK if brick else Material.PLASTER,
    )


def paint_building(canvas: Canvas, rng: np.random.Generator, wall: Wall, *, shop: bool) -> None:
    """Paint one house, its roof and the end wall towards the camera.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_building(canvas, rng, Wall(side=1, x=4, near=5, far=12, height=8), shop=True)
        >>> Label.BUILDING in canvas.labels
        True
    """
    style = random_style(rng)
    _roof(canvas, rng, wall, style)
    _gable(canvas, rng, wall, style)
    along = (wall.near, wall.far)
    canvas.face(wall.rectangle(along, (0, wall.height)), style.wall, WALLING, wall.normal, style.material)
    ground = 3.5 if shop else 0.4
    _courses(canvas, rng, wall, style, ground)
    floors = max(1, int((wall.height - ground - 0.3) / style.storey))
    bays = max(1, round((wall.far - wall.near) / style.bay))
    step = (wall.far - wall.near) / bays
    for floor in range(floors):
        bottom = ground + floor * style.storey + 0.22 * style.storey
        for bay in range(bays):
            centre = wall.near + (bay + 0.5) * step
            if floor == 0 and not shop and bay == bays // 2:
                _door(canvas, rng, wall, style, centre)
            else:
                half = 0.5 * style.window[0] * step
                _window(canvas, rng, wall, style, (centre - half, centre + half), bottom)
    if shop:
        paint_shop(canvas, rng, wall.rectangle, wall.side, along)


def _courses(canvas: Canvas, rng: np.random.Generator, wall: Wall, style: Style, ground: float) -> None:
    along = (wall.near, wall.far)
    cornice = style.trim if rng.random() < 0.6 else scale_colour(style.wall, 1.1)
    canvas.face(
        wall.rectangle(along, (wall.height - 0.75, wall.height - 0.3)),
        scale_colour(style.wall, 0.72),
        WALLING,
        wall.normal,
    )
    canvas.face(wall.rectangle(along, (wall.height - 0.45, wall.height + 0.12), 0.3), cornice, WALLING, wall.normal)
    canvas.face(wall.rectangle(along, (0, 0.45)), scale_colour(style.wall, 0.7), WALLING, wall.normal)
    if rng.random() < 0.5:
        canvas.face(wall.rectangle(along, (ground + 2.9, ground + 3.08)), style.trim, WALLING, wall.normal)
    pipe = wall.far - 0.2
    canvas.face(wall.rectangle((pipe, pipe + 0.12), (0, wall.height)), (52, 52, 54), WALLING, wall.normal)


def _roof(canvas: Canvas, rng: np.random.Generator, wall: Wall, style: Style) -> None:
    slate = jitter(rng, choose(rng, SLATE), 8)
    if rng.random() < 0.3:
        return
    rise, back = rng.uniform(1.6, 3.2), rng.uniform(2.2, 3.6)
    ridge = wall.x + wall.side * back
    top = wall.height + rise
    normal = (-wall.side * 0.6, 0.8, 0.0)
    for place in (wall.far - 0.9, wall.near + 0.5):
        if rng.random() < 0.6:
            _chimney(canvas, (ridge, top - 0.5, place), scale_colour(style.wall, 0.85), wall.side)
    x = wall.x - wall.side * 0.25
    corners = [
        (x, wall.height, wall.near),
        (x, wall.height, wall.far),
        (ridge, top, wall.far),
        (ridge, top, wall.near),
    ]
    canvas.face(corners, slate, WALLING, normal, Material.PLASTER)
    canvas.face([corners[0], (wall.x + wall.side * 2 * back, wall.height, wall.near), corners[3]],
                style.wall, WALLING, (0.0, 0.0, -1.0), Material.RENDER)  # fmt: skip


def _chimney(canvas: Canvas, foot: Point3, colour: Colour, side: int) -> None:
    x, y, z = foot
    size = 0.8
    front = [(x, y, z), (x + side * size, y, z), (x + side * size, y + 1.7, z), (x, y + 1.7, z)]
    flank = [(x, y, z), (x, y, z + size), (x, y + 1.7, z + size), (x, y + 1.7, z)]
    canvas.face(front, colour, WALLING, (0.0, 0.0, -1.0))
    canvas.face(flank, colour, WALLING, (-float(side), 0.0, 0.0))


def _gable(canvas: Canvas, rng: np.random.Generator, wall: Wall, style: Style) -> None:
    normal = (0.0, 0.0, -1.0)

    def fill(across: tuple[float, float], up: tuple[float, float], colour: Colour, material: int = 0) -> None:
        x0, x1 = (wall.x + wall.side * place for place in across)
        corners = [(x0, up[0], wall.near), (x1, up[0], wall.near), (x1, up[1], wall.near), (x0, up[1], wall.near)]
        canvas.face(corners, colour, WALLING, normal, material)

    fill((0.0, 9.0), (0.0, wall.height), scale_colour(style.wall, 0.92), Material.RENDER)
    if not 6.0 < wall.near < 45.0:  # elsewhere it is out of sight
        return
    fill((0.0, 9.0), (wall.height - 0.25, wall.height), style.trim)
    first = rng.uniform(0.9, 1.8)
    for bottom in np.arange(rng.uniform(3.6, 4.4), wall.height - 2.0, style.storey).tolist():
        for left in (first, first + rng.uniform(2.2, 2.8)):
            fill((left - 0.12, left + 1.12), (bottom - 0.15, bottom + 1.6), style.trim)
            fill((left, left + 1.0), (bottom, bottom + 1.5), style.frame)
            fill((left + 0.08, left + 0.92), (bottom + 0.78, bottom + 1.42), _pane(canvas, rng))
            fill((left + 0.08, left + 0.92), (bottom + 0.08, bottom + 0.7), scale_colour(_pane(canvas, rng), 0.8))


def _window(
    canvas: Canvas, rng: np.random.Generator, wall: Wall, style: Style, along: tuple[float, float], bottom: float
) -> None:
    top = bottom + style.window[1] * style.storey
    z0, z1 = along
    middle = (z0 + z1) / 2
    is_lit = rng.random() < canvas.light.night
    glass = jitter(rng, (232, 186, 110), 16) if is_lit else _pane(canvas, rng)
    normal = wall.normal
    if canvas.camera.scale(middle) < 9:  # lost in the haze
        return
    fine = canvas.camera.scale(middle) > 26  # below, a window is a few pixels wide
    if fine:
        canvas.face(wall.rectangle((z0 - 0.14, z1 + 0.14), (bottom - 0.08, top + 0.2)), style.trim, WALLING, normal)
    canvas.face(wall.rectangle(along, (bottom, top)), style.frame if fine else glass, WALLING, normal)
    if not fine:
        return
    canvas.face(wall.rectangle((z0, z1), (top - 0.12, top)), (40, 38, 40), WALLING)
    for left, right in ((z0 + 0.08, middle - 0.04), (middle + 0.04, z1 - 0.08)):
        split = bottom + 0.56 * (top - bottom)
        canvas.face(wall.rectangle((left, right), (bottom + 0.08, split - 0.04)), scale_colour(glass, 0.85), WALLING)
        canvas.face(wall.rectangle((left, right), (split + 0.04, top - 0.12)), glass, WALLING)
    if rng.random() < 0.35:
        blind_colour = jitter(rng, (206, 200, 186), 20)
        canvas.face(
            wall.rectangle((z0 + 0.08, z1 - 0.08), (top - 0.12 - 0.5 * rng.random(), top - 0.1)),
            blind_colour,
            WALLING,
            normal,
        )
    canvas.face(wall.rectangle((z0 - 0.2, z1 + 0.2), (bottom - 0.2, bottom - 0.04), 0.08), style.trim, WALLING, normal)
    canvas.face(
        wall.rectangle((z0 - 0.1, z1 + 0.1), (bottom - 0.36, bottom - 0.2)),
        scale_colour(style.wall, 0.74),
        WALLING,
        normal,
    )


def _pane(canvas: Canvas, rng: np.random.Generator) -> Colour:
    dark = jitter(rng, (50, 58, 68), 10)
    return mix(dark, canvas.light.haze, rng.uniform(0.05, 0.5))


def _door(canvas: Canvas, rng: np.random.Generator, wall: Wall, style: Style, centre: float) -> None:
    colour = jitter(rng, choose(rng, ((120, 30, 30), (30, 60, 100), (40, 80, 60), (50, 46, 44), (160, 140, 60))), 10)
    normal = wall.normal
    for inset, height, shade in ((0.75, 2.75, style.trim), (0.6, 2.6, (56, 60, 66)), (0.55, 2.15, colour)):
        canvas.face(wall.rectangle((centre - inset, centre + inset), (0.1, height)), shade, WALLING, normal)
    for low, high in ((0.35, 0.95), (1.15, 1.95)):
        canvas.face(
            wall.rectangle((centre - 0.38, centre + 0.38), (low, high)), scale_colour(colour, 0.8), WALLING, normal
        )
    canvas.face(wall.rectangle((centre - 0.9, centre + 0.9), (2.8, 3.0), 0.5), style.trim, WALLING, normal)
