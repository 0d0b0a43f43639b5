"""Pedestrians: jointed figures in many poses, ages and clothes."""

import math
from dataclasses import dataclass

import numpy as np

from uapseg.scenes.canvas import Canvas, Label, Point
from uapseg.scenes.palette import CLOTH, HAIR, PAINT, SKIN, Colour, choose, jitter, mix, scale_colour


@dataclass(frozen=True)
class Figure:
    """A person's plane on the canvas: metres beside and above a foot point.

    Attributes:
        canvas: Canvas to paint on.
        x: Metres right of the road's middle.
        z: Metres ahead.
        tall: Height of the person in metres.
        label: Class to mark.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> canvas = empty_canvas(np.random.default_rng(0), (96, 64))
        >>> figure = Figure(canvas, x=0, z=5, tall=1.8)
        >>> figure.point(across=0, up=1)[1] < figure.point(across=0, up=0)[1]  # rows count downwards
        True
    """

    canvas: Canvas
    x: float
    z: float
    tall: float
    label: Label = Label.PEDESTRIAN

    def point(self, across: float, up: float) -> Point:
        """Return the canvas point ``across`` and ``up`` from the foot, in body heights."""
        u, v = self.canvas.camera.project(self.x, 0.0, self.z)
        size = self.canvas.camera.scale(self.z) * self.tall
        return u + across * size, v - up * size

    def limb(self, joints: list[Point], width: float, colour: Colour) -> None:
        """Draw a limb through ``joints`` (body heights) with a lighter side towards the sun."""
        canvas = self.canvas
        size = canvas.camera.scale(self.z) * self.tall
        shift = canvas.light.bright_side(0.22 * width)
        dark, bright = self.shades(colour)
        canvas.stroke([self.point(*joint) for joint in joints], width * size, dark, self.z, self.label)
        lit_points = [self.point(joint[0] + shift, joint[1]) for joint in joints]
        canvas.stroke(lit_points, width * size * 0.5, bright, self.z, None)

    def shape(self, outline: list[Point], colour: Colour) -> None:
        """Fill a symmetric ``outline`` (body heights) with its lighter half towards the sun."""
        dark, bright = self.shades(colour)
        self.canvas.polygon([self.point(*corner) for corner in outline], dark, self.z, self.label)
        middle = sum(corner[0] for corner in outline) / len(outline)
        side = self.canvas.light.bright_side()
        lit_outline = [(max(c[0], middle - 0.01) if side > 0 else min(c[0], middle + 0.01), c[1]) for c in outline]
        self.canvas.polygon([self.point(*corner) for corner in lit_outline], bright, self.z, None)

    def disc(self, centre: Point, radii: Point, colour: Colour) -> None:
        """Fill an ellipse (body heights)."""
        size = self.canvas.camera.scale(self.z) * self.tall
        self.canvas.ellipse(self.point(*centre), (radii[0] * size, radii[1] * size), colour, self.z, self.label)

    def shades(self, colour: Colour) -> tuple[Colour, Colour]:
        """Return ``colour`` on the side away from the sun and on the side towards it."""
        light = self.canvas.light
        dark = light.shade(scale_colour(colour, 0.9), (light.bright_side(0.15), 0.0, -0.7))
        return dark, mix(dark, light.shade(scale_colour(colour, 0.92), (light.bright_side(0.75), 0.3, -0.6)), 0.65)

    def drop_shadow(self, reach: float = 0.22) -> None:
        """Cast the figure's shadow on the ground."""
        x, z = self.x, self.z
        near, far = z - 0.1, z + 0.1
        footprint = [(x - reach, near), (x + reach, near), (x + reach, far), (x - reach, far)]
        self.canvas.cast_shadow(footprint, self.tall * 0.95)
        wide = reach * 1.5
        self.canvas.darken_contact(
            [(x - wide, z - 0.22), (x + wide, z - 0.22), (x + wide, z + 0.22), (x - wide, z + 0.22)], 220
        )


@dataclass(frozen=True)
class Outfit:
    """Clothes, skin and hair of a person.

    Example:
        >>> random_outfit(np.random.default_rng(0)).hem in {0.47, 0.45, 0.36, 0.30}
        True
    """

    top: Colour
    legs: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    hem: float
    skirt: bool


def random_outfit(rng: np.random.Generator) -> Outfit:
    """Return what a random person wears.

    Example:
        >>> random_outfit(np.random.default_rng(0)) == random_outfit(np.random.default_rng(0))
        True
    """
    return Outfit(
        top=jitter(rng, choose(rng, CLOTH if rng.random() < 0.7 else PAINT), 10),
        legs=jitter(
            rng,
            choose(rng, ((40, 46, 66), (52, 60, 84), (36, 36, 38), (120, 108, 90), (88, 88, 90), (150, 140, 120))),
            8,
        ),
        shoes=choose(rng, ((30, 28, 28), (70, 48, 34), (220, 216, 210))),
        skin=jitter(rng, choose(rng, SKIN), 6),
        hair=jitter(rng, choose(rng, HAIR), 6),
        hem=choose(rng, (0.47, 0.47, 0.45, 0.36, 0.30)),
        skirt=rng.random() < 0.22,
    )


def paint_person(canvas: Canvas, rng: np.random.Generator, x: float, z: float, *, child: bool = False) -> None:
    """Paint a pedestrian standing or walking at (x, z).

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_person(canvas, rng, x=1, z=5)
        >>> Label.PEDESTRIAN in canvas.labels
        True
    """
    figure = Figure(canvas, x, z, rng.uniform(1.05, 1.35) if child else rng.uniform(1.58, 1.88))
    outfit = random_outfit(rng)
    figure.drop_shadow()
    profile = rng.random() < 0.45
    facing = choose(rng, (-1, 1))
    swing = rng.uniform(0.15, 0.5) if rng.random() < 0.8 else 0.05
    if profile:
        _from_side(figure, rng, outfit, facing, swing)
    else:
        _from_front(figure, rng, outfit, swing, back=facing < 0)
    if canvas.light.wet > 0.3 and rng.random() < 0.5:
        _umbrella(figure, jitter(rng, choose(rng, PAINT), 12))


def _leg(figure: Figure, hip: Point, angle: float, bend: float, facing: int, outfit: Outfit, shade: float) -> None:
    knee = (hip[0] + 0.245 * math.sin(angle), hip[1] - 0.245 * math.cos(angle))
    ankle = (
        knee[0] + 0.235 * math.sin(angle - facing * bend),
        max(0.03, knee[1] - 0.235 * math.cos(angle - facing * bend)),
    )
    figure.limb([hip, knee, ankle], 0.078, scale_colour(outfit.legs, shade))
    figure.limb(
        [(ankle[0] - facing * 0.01, ankle[1] - 0.012), (ankle[0] + facing * 0.075, ankle[1] - 0.02)],
        0.042,
        outfit.shoes,
    )


def _arm(figure: Figure, shoulder: Point, angle: float, bend: float, outfit: Outfit, shade: float) -> Point:
    elbow = (shoulder[0] + 0.17 * math.sin(angle), shoulder[1] - 0.17 * math.cos(angle))
    hand = (elbow[0] + 0.15 * math.sin(angle + bend), elbow[1] - 0.15 * math.cos(angle + bend))
    figure.limb([shoulder, elbow, hand], 0.06, scale_colour(outfit.top, shade))
    figure.disc(hand, (0.026, 0.028), figure.shades(outfit.skin)[1])
    return hand


def _from_side(figure: Figure, rng: np.random.Generator, outfit: Outfit, facing: int, swing: float) -> None:
    hip, shoulder = (0.0, 0.505), (facing * 0.01, 0.80)
    _arm(figure, shoulder, facing * swing * 0.9, facing * 0.3, outfit, 0.72)
    _leg(figure, hip, -facing * swing, swing * 0.9, facing, outfit, 0.78)
    _leg(figure, hip, facing * swing * 0.9, 0.1, facing, outfit, 1.0)
    if rng.random() < 0.3:
        bag = jitter(rng, choose(rng, PAINT), 10)
        figure.shape(
            [(-facing * 0.05, 0.58), (-facing * 0.17, 0.6), (-facing * 0.16, 0.8), (-facing * 0.05, 0.82)], bag
        )
    figure.shape(
        [
            (-0.075, outfit.hem),
            (0.08, outfit.hem),
            (0.078, 0.66),
            (0.07, 0.82),
            (0.0, 0.855),
            (-0.06, 0.82),
            (-0.072, 0.66),
        ],
        outfit.top,
    )
    hand = _arm(figure, shoulder, -facing * swing * 0.9, facing * 0.35, outfit, 0.95)
    if rng.random() < 0.35:
        _hand_bag(figure, hand, jitter(rng, choose(rng, CLOTH), 12))
    _head(figure, outfit, facing, back=False)


def _from_front(figure: Figure, rng: np.random.Generator, outfit: Outfit, swing: float, *, back: bool) -> None:
    stride = 0.03 if swing > 0.1 else 0.0
    for side, lift in ((-1, stride), (1, 0.0)):
        joints = [(side * 0.048, 0.50), (side * 0.055, 0.27), (side * (0.055 - stride), 0.05 + lift)]
        figure.limb(joints, 0.082, scale_colour(outfit.legs, 1.0 - 4 * lift))
        figure.limb([(joints[2][0], 0.035 + lift), (joints[2][0] + side * 0.02, 0.025 + lift)], 0.05, outfit.shoes)
    hem = outfit.hem - (0.1 if outfit.skirt else 0.0)
    flare = 0.13 if outfit.skirt else 0.105
    hands = [_arm(figure, (side * 0.115, 0.79), side * 0.14, -side * swing * 0.3, outfit, 0.85) for side in (-1, 1)]
    figure.shape(
        [
            (-flare, hem),
            (flare, hem),
            (0.095, 0.62),
            (0.125, 0.79),
            (0.06, 0.84),
            (-0.06, 0.84),
            (-0.125, 0.79),
            (-0.095, 0.62),
        ],
        outfit.top,
    )
    if back and rng.random() < 0.4:
        bag = jitter(rng, choose(rng, PAINT), 10)
        figure.shape([(-0.085, 0.58), (0.085, 0.58), (0.08, 0.8), (-0.08, 0.8)], bag)
    elif rng.random() < 0.4:
        _hand_bag(figure, choose(rng, hands), jitter(rng, choose(rng, CLOTH), 12))
    _head(figure, outfit, 0, back=back)


def _head(figure: Figure, outfit: Outfit, facing: int, *, back: bool) -> None:
    dark, bright = figure.shades(outfit.skin)
    hair, shine = figure.shades(outfit.hair)
    figure.limb([(0.0, 0.83), (facing * 0.008, 0.88)], 0.05, scale_colour(outfit.skin, 0.8))
    if back:
        figure.disc((0.0, 0.93), (0.052, 0.066), hair)
        figure.disc((figure.canvas.light.bright_side(0.012), 0.945), (0.032, 0.042), shine)
        return
    figure.disc((-facing * 0.012, 0.94), (0.055, 0.064), hair)
    figure.disc((facing * 0.012, 0.922), (0.042, 0.054), dark)
    figure.disc((facing * 0.014 + figure.canvas.light.bright_side(0.01), 0.922), (0.03, 0.046), bright)


def _hand_bag(figure: Figure, hand: Point, colour: Colour) -> None:
    u, v = hand
    figure.shape([(u - 0.06, v - 0.17), (u + 0.06, v - 0.17), (u + 0.05, v - 0.02), (u - 0.05, v - 0.02)], colour)


def _umbrella(figure: Figure, colour: Colour) -> None:
    figure.limb([(0.05, 0.78), (0.05, 1.1)], 0.014, (40, 40, 40))
    ribs = [(0.05 + 0.32 * math.cos(t), 1.04 + 0.17 * math.sin(t)) for t in np.linspace(0, math.pi, 9).tolist()]
    figure.shape(ribs, colour)
