"""Cyclists: bicycle and rider, from the side, from behind or from the front."""

import math

import numpy as np

from uapseg.scenes.canvas import Canvas, Label
from uapseg.scenes.objects.people import Figure, Outfit, random_outfit
from uapseg.scenes.palette import PAINT, Colour, choose, jitter, scale_colour

RUBBER: Colour = (28, 28, 30)
WHEEL = 0.34


def paint_cyclist(canvas: Canvas, rng: np.random.Generator, x: float, z: float, *, crossing: bool) -> None:
    """Paint a cyclist at (x, z), seen from the side if ``crossing``, else from behind or the front.

    Example:
        >>> from uapseg.scenes.sky import empty_canvas
        >>> rng = np.random.default_rng(0)
        >>> canvas = empty_canvas(rng, (96, 64))
        >>> paint_cyclist(canvas, rng, x=0, z=6, crossing=True)
        >>> Label.BICYCLIST in canvas.labels
        True
    """
    figure = Figure(canvas, x, z, 1.0, Label.BICYCLIST)
    outfit = random_outfit(rng)
    frame = jitter(rng, choose(rng, PAINT), 12)
    figure.drop_shadow(0.7 if crossing else 0.25)
    if crossing:
        facing = choose(rng, (-1, 1))
        _bicycle(figure, frame, facing)
        _rider(figure, rng, outfit, facing)
    else:
        _along(figure, rng, outfit, frame, back=x < 0)


def _bicycle(figure: Figure, frame: Colour, facing: int) -> None:
    scale = figure.canvas.camera.scale(figure.z)
    for hub in (-0.52, 0.52):
        centre = figure.point(hub, WHEEL)
        radius = WHEEL * scale
        figure.canvas.ellipse(centre, (radius, radius), None, figure.z, Label.BICYCLIST)
        figure.canvas.ring(centre, (radius, radius), 0.055 * scale, RUBBER, figure.z)
        for turn in np.linspace(0, math.pi, 5, endpoint=False).tolist():
            dx, dy = 0.3 * math.cos(turn), 0.3 * math.sin(turn)
            spoke = [figure.point(hub - dx, WHEEL - dy), figure.point(hub + dx, WHEEL + dy)]
            figure.canvas.stroke(spoke, 0.012 * scale, (130, 130, 130), figure.z, None)
    rear, crank, seat, head, front = (-0.52, 0.34), (-0.08, 0.3), (-0.22, 0.84), (0.36, 0.86), (0.52, 0.34)
    for joints in (
        (rear, crank),
        (rear, seat),
        (crank, seat),
        (crank, head),
        (seat, head),
        (head, front),
        (head, (0.4, 1.04)),
    ):
        figure.limb([(facing * a, up) for a, up in joints], 0.055, frame)
    figure.limb([(facing * -0.32, 0.9), (facing * -0.12, 0.92)], 0.07, RUBBER)


def _rider(figure: Figure, rng: np.random.Generator, outfit: Outfit, facing: int) -> None:
    hip, shoulder, hand = (-0.2 * facing, 0.98), (0.16 * facing, 1.42), (0.44 * facing, 1.06)
    phase = rng.uniform(0, 2 * math.pi)
    for turn, shade in ((phase + math.pi, 0.75), (phase, 1.0)):
        pedal = (facing * (-0.08 + 0.17 * math.cos(turn)), 0.34 + 0.15 * math.sin(turn))
        knee = ((hip[0] + pedal[0]) / 2 + facing * 0.2, (hip[1] + pedal[1]) / 2 + 0.1)
        figure.limb([hip, knee, pedal], 0.125, scale_colour(outfit.legs, shade))
        figure.limb([pedal, (pedal[0] + facing * 0.14, pedal[1] - 0.02)], 0.07, outfit.shoes)
    figure.limb([hip, (-0.02 * facing, 1.24), shoulder], 0.24, outfit.top)
    elbow = (0.3 * facing, 1.16)
    figure.limb([shoulder, elbow, hand], 0.1, scale_colour(outfit.top, 0.88))
    figure.disc(hand, (0.05, 0.05), figure.shades(outfit.skin)[1])
    _face(figure, rng, outfit, (0.27 * facing, 1.62), facing)


def _face(figure: Figure, rng: np.random.Generator, outfit: Outfit, centre: tuple[float, float], facing: int) -> None:
    dark, bright = figure.shades(outfit.skin)
    u, v = centre
    figure.limb([(u - facing * 0.06, v - 0.14), (u - facing * 0.02, v - 0.05)], 0.1, scale_colour(outfit.skin, 0.8))
    figure.disc((u, v), (0.085, 0.11), dark)
    figure.disc((u + facing * 0.02, v - 0.01), (0.06, 0.09), bright)
    helmet = jitter(rng, choose(rng, PAINT), 10) if rng.random() < 0.6 else outfit.hair
    figure.disc((u - facing * 0.015, v + 0.055), (0.11, 0.075), figure.shades(helmet)[1])


def _along(figure: Figure, rng: np.random.Generator, outfit: Outfit, frame: Colour, *, back: bool) -> None:
    figure.limb([(0.0, 0.04), (0.0, 0.66)], 0.075, RUBBER)
    figure.limb([(0.0, 0.62), (0.0, 0.95)], 0.06, frame)
    lift = rng.uniform(0.0, 0.22)
    for side, height in ((-1, lift), (1, 0.22 - lift)):
        knee, foot = (side * 0.17, 0.62 + height * 0.6), (side * 0.13, 0.24 + height)
        figure.limb([(side * 0.09, 0.98), knee, foot], 0.13, scale_colour(outfit.legs, 1.0 if side > 0 else 0.85))
        figure.limb([foot, (foot[0], foot[1] - 0.05)], 0.1, outfit.shoes)
    figure.limb([(-0.28, 1.05), (0.28, 1.05)], 0.05, RUBBER)
    for side in (-1, 1):
        figure.limb(
            [(side * 0.19, 1.42), (side * 0.29, 1.22), (side * 0.26, 1.06)], 0.1, scale_colour(outfit.top, 0.88)
        )
    outline = [
        (-0.16, 0.92),
        (0.16, 0.92),
        (0.17, 1.15),
        (0.22, 1.42),
        (0.1, 1.5),
        (-0.1, 1.5),
        (-0.22, 1.42),
        (-0.17, 1.15),
    ]
    figure.shape(outline, outfit.top)
    if back:
        figure.disc((0.0, 0.72), (0.04, 0.04), (220, 40, 36))
    _face(figure, rng, outfit, (0.0, 1.62), 0)
    if back:
        figure.disc((0.0, 1.62), (0.085, 0.11), figure.shades(outfit.hair)[0])
        figure.disc((0.0, 1.67), (0.11, 0.075), figure.shades(jitter(rng, choose(rng, PAINT), 10))[1])
