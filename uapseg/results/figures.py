"""Tensors to pictures: what the network sees, the perturbation made visible, and the table of them all."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from uapseg.io.images import to_picture
from uapseg.models import RGB
from uapseg.targets.goals import repeat_tile
from uapseg.tensors import Delta, to_integers

Canvas = Any
"""A figure of matplotlib, whose types are incomplete."""

Image = Float[Tensor, "3 h w"]
"""One picture in [0, 1]."""

LabelMap = UInt8[Tensor, "h w"]
"""A class number for each of its pixels; 255 stands for none."""

Picture = UInt8[np.ndarray, "h w 3"]
"""RGB in grey levels of 255, as files and pages show it."""

NONE = (128, 128, 128)
COLUMNS = (
    "picture",
    "what the network sees",
    "perturbed picture",
    "what the network sees",
    "perturbation",
    "amplified",
)


@dataclass(frozen=True)
class Row:
    """One picture of the table, before and after.

    Attributes:
        image: The picture in [0, 1] (3, h, w).
        seen: What the network sees in it (h, w).
        perturbed: The perturbed picture in [0, 1] (3, h, w).
        seen_perturbed: What the network sees in that (h, w).
    """

    image: Image
    seen: LabelMap
    perturbed: Image
    seen_perturbed: LabelMap


def picture(image: Image) -> Picture:
    """An image in [0, 1] in grey levels, rounded."""
    return np.asarray(to_picture(image))


def colorize(labels: LabelMap, palette: Sequence[RGB]) -> Picture:
    """A label map in the colours of its classes; grey where there is none."""
    table = np.full((256, 3), NONE, np.uint8)
    table[: len(palette)] = palette
    return table[labels.cpu().numpy()]


def overlay(image: Image, labels: LabelMap, palette: Sequence[RGB], opacity: float = 0.62) -> Picture:
    """What the network sees laid over the picture, with a line where two classes meet.

    Args:
        image: The picture in [0, 1] (3, h, w).
        labels: The class of each pixel (h, w).
        palette: The colours of the classes.
        opacity: How much of the colours shows, in [0, 1].
    """
    colours = colorize(labels, palette).astype(np.float32)
    grey = picture(image).astype(np.float32).mean(axis=2, keepdims=True)  # one hue only: that of the class
    mixed = opacity * colours + (1 - opacity) * (64 + 0.75 * grey)  # lifted: in a dark photo colours stay themselves
    mixed[_edges(labels)] = 0.35 * colours[_edges(labels)] + 0.65 * 255
    return np.rint(mixed).astype(np.uint8)


def amplify(delta: Delta, epsilon: float) -> Picture:
    """A perturbation stretched about mid-grey by 127.5 / epsilon, so that epsilon itself is black or white.

    Args:
        delta: The perturbation (3, h, w) in [-epsilon, epsilon].
        epsilon: The largest change allowed, in [0, 1]; nothing is stretched where it is 0.
    """
    return picture(0.5 + delta / (2 * epsilon or 1))


def plain(delta: Delta) -> Picture:
    """A perturbation as it is, about mid-grey: value = 128 + level, as its PNG holds it."""
    return picture(128 / 255 + delta)


def draw_figure(
    rows: Sequence[Row],
    delta: Delta,
    epsilon: float,
    classes: Sequence[str],
    palette: Sequence[RGB],
    *,
    title: str,
    kind: str = "png",
) -> bytes:
    """The table of a perturbation as a file: a row for each picture, a legend of the classes to be seen.

    Args:
        rows: The pictures, of one size.
        delta: The perturbation (3, h, w) in [-epsilon, epsilon].
        epsilon: The largest change allowed, in [0, 1].
        classes: The names of the classes.
        palette: Their colours.
        title: A line above the table.
        kind: ``png``, or another format of matplotlib such as ``pdf``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  slow, and needed here only
    from matplotlib.figure import Figure  # noqa: PLC0415

    height, width = rows[0].image.shape[-2:]
    cell = (2.6, 2.6 * height / width)
    drawn: Canvas = Figure(figsize=(len(COLUMNS) * cell[0], len(rows) * cell[1] + 1.15), dpi=150)
    FigureCanvasAgg(drawn)
    _draw_rows(drawn, rows, repeat_tile(delta, height, width), epsilon, palette)
    bottom = _draw_legend(drawn, rows, classes, palette)
    inches = drawn.get_figheight()
    drawn.suptitle(title, x=0.008, y=1 - 0.09 / inches, ha="left", va="top", fontsize=13, fontweight="bold")
    drawn.subplots_adjust(
        left=0.008, right=0.992, top=1 - 0.68 / inches, bottom=bottom, wspace=0.035, hspace=0.035 * width / height
    )
    return encode_figure(drawn, kind)


def encode_figure(drawn: Canvas, kind: str) -> bytes:
    """A figure as a file of the kind ``png``, ``jpg`` or ``pdf``; a dollar in a name is a dollar, and no formula."""
    from matplotlib.text import Text  # noqa: PLC0415

    for text in drawn.findobj(Text):
        text.set_parse_math(False)
    buffer = io.BytesIO()
    drawn.savefig(buffer, format=kind)
    return buffer.getvalue()


def _draw_rows(drawn: Canvas, rows: Sequence[Row], delta: Delta, epsilon: float, palette: Sequence[RGB]) -> None:
    factor = f", {127.5 / (255 * epsilon):.3g} times" if epsilon else ""
    axes = drawn.subplots(len(rows), len(COLUMNS), squeeze=False)
    for row, line in zip(rows, axes, strict=True):
        cells = (
            picture(row.image), overlay(row.image, row.seen, palette),
            picture(row.perturbed), overlay(row.perturbed, row.seen_perturbed, palette),
            plain(delta), amplify(delta, epsilon),
        )  # fmt: skip
        for axis, cell in zip(line, cells, strict=True):
            axis.imshow(cell, interpolation="antialiased", aspect="auto")
            axis.set_axis_off()
    for axis, name in zip(axes[0], (*COLUMNS[:-1], COLUMNS[-1] + factor), strict=True):
        axis.set_title(name, fontsize=10.5, pad=5)


def _draw_legend(drawn: Canvas, rows: Sequence[Row], classes: Sequence[str], palette: Sequence[RGB]) -> float:
    """Draws the legend, and returns how much of the figure's height it takes."""
    from matplotlib.patches import Patch  # noqa: PLC0415

    seen = torch.cat([labels.flatten() for row in rows for labels in (row.seen, row.seen_perturbed)])
    there = [number for number, count in enumerate(to_integers(seen.bincount())) if count and number < len(classes)]
    handles = [Patch(facecolor=f"#{bytes(palette[number]).hex()}", label=classes[number]) for number in there]
    columns = min(len(handles), 11)
    drawn.legend(
        handles=handles, ncols=columns, loc="lower center", frameon=False, fontsize=10.5,
        handlelength=1.1, handleheight=1.1, columnspacing=1.6, borderaxespad=0.25,
    )  # fmt: skip
    return (0.18 + 0.24 * ceil(len(handles) / max(columns, 1))) / drawn.get_figheight()


def _edges(labels: LabelMap) -> Bool[np.ndarray, "h w"]:
    """Where a pixel's class differs from that of its neighbour on the right or below (h, w), bool."""
    numbers = labels.cpu().numpy()
    edges = np.zeros(numbers.shape, bool)
    edges[:, :-1] |= numbers[:, :-1] != numbers[:, 1:]
    edges[:-1] |= numbers[:-1] != numbers[1:]
    return edges
