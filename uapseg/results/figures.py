"""Pictures of tensors: predictions, perturbations made visible, and the figure of them all."""

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
"""An image in [0, 1]."""

LabelMap = UInt8[Tensor, "h w"]
"""The class index of each pixel; 255 means no class."""

Picture = UInt8[np.ndarray, "h w 3"]
"""RGB in grey levels of 255, for files and pages."""

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
    """A row of the figure: a picture before and after.

    Attributes:
        image: The clean picture in [0, 1] (3, h, w).
        seen: The prediction on it (h, w).
        perturbed: The perturbed picture in [0, 1] (3, h, w).
        seen_perturbed: The prediction on it (h, w).

    Example:
        >>> image, labels = torch.zeros(3, 2, 4), torch.zeros(2, 4, dtype=torch.uint8)
        >>> Row(image, labels, perturbed=image, seen_perturbed=labels).seen.shape
        torch.Size([2, 4])
    """

    image: Image
    seen: LabelMap
    perturbed: Image
    seen_perturbed: LabelMap


def picture(image: Image) -> Picture:
    """Converts an image in [0, 1] to grey levels, rounded.

    Example:
        >>> picture(torch.ones(3, 2, 4)).max()
        np.uint8(255)
    """
    return np.asarray(to_picture(image))


def colorize(labels: LabelMap, palette: Sequence[RGB]) -> Picture:
    """Colors a label map by class; grey where it has none.

    Example:
        >>> colorize(torch.tensor([[0, 255]], dtype=torch.uint8), [(255, 0, 0)]).tolist()
        [[[255, 0, 0], [128, 128, 128]]]
    """
    table = np.full((256, 3), NONE, np.uint8)
    table[: len(palette)] = palette
    return table[labels.cpu().numpy()]


def overlay(image: Image, labels: LabelMap, palette: Sequence[RGB], opacity: float = 0.62) -> Picture:
    """Blends the colors of a label map over its picture, with a line between classes.

    Args:
        image: The picture in [0, 1] (3, h, w).
        labels: The class of each pixel (h, w).
        palette: The colors of the classes.
        opacity: The opacity of the colors, in [0, 1].

    Example:
        >>> overlay(torch.zeros(3, 2, 4), torch.zeros(2, 4, dtype=torch.uint8), [(255, 0, 0)]).shape
        (2, 4, 3)
    """
    colours = colorize(labels, palette).astype(np.float32)
    grey = picture(image).astype(np.float32).mean(axis=2, keepdims=True)  # one hue only: that of the class
    mixed = opacity * colours + (1 - opacity) * (64 + 0.75 * grey)  # lifted: in a dark photo colours stay themselves
    mixed[_edges(labels)] = 0.35 * colours[_edges(labels)] + 0.65 * 255
    return np.rint(mixed).astype(np.uint8)


def amplify(delta: Delta, epsilon: float) -> Picture:
    """Amplifies a perturbation about mid-grey by 127.5 / epsilon, so that epsilon itself becomes black or white.

    Args:
        delta: The perturbation (3, h, w) in [-epsilon, epsilon].
        epsilon: The bound of the perturbation, in [0, 1]; 0 does not amplify.

    Example:
        >>> amplify(torch.full((3, 1, 1), 0.04), epsilon=0.04).tolist()
        [[[255, 255, 255]]]
    """
    return picture(0.5 + delta / (2 * epsilon or 1))


def plain(delta: Delta) -> Picture:
    """Shows a perturbation about mid-grey, 128 + level, as its PNG does.

    Example:
        >>> plain(torch.full((3, 1, 1), 10 / 255)).tolist()
        [[[138, 138, 138]]]
    """
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
    r"""Draws the figure of a perturbation: a row for each picture, and a legend of the visible classes.

    Args:
        rows: The pictures, of one size.
        delta: The perturbation (3, h, w) in [-epsilon, epsilon].
        epsilon: The bound of the perturbation, in [0, 1].
        classes: The names of the classes.
        palette: Their colors.
        title: The title.
        kind: ``png``, or another format of matplotlib such as ``pdf``.

    Returns:
        The content of the file.

    Example:
        >>> image, labels = torch.zeros(3, 32, 48), torch.zeros(32, 48, dtype=torch.uint8)
        >>> rows = [Row(image, labels, perturbed=image, seen_perturbed=labels)]
        >>> draw_figure(rows, torch.zeros(3, 32, 48), 10 / 255, ["road"], [(128, 64, 128)], title="Nothing")[:4]
        b'\x89PNG'
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
    r"""Encodes a figure of matplotlib as ``png``, ``jpg`` or ``pdf``, with dollar signs as plain text.

    Args:
        drawn: The figure.
        kind: The format.

    Example:
        >>> from matplotlib.figure import Figure
        >>> encode_figure(Figure(figsize=(1, 1)), "png")[:4]
        b'\x89PNG'
    """
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
    """Draws the legend, and returns the share of the figure's height that it takes."""
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
    """Where the class of a pixel differs from that of its right or lower neighbor (h, w), bool."""
    numbers = labels.cpu().numpy()
    edges = np.zeros(numbers.shape, bool)
    edges[:, :-1] |= numbers[:, :-1] != numbers[:, 1:]
    edges[:-1] |= numbers[:-1] != numbers[1:]
    return edges
