"""Pictures of tensors: overlays of predictions, amplified perturbations, and the figure of a run."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from uapseg.attack.perturbation import perturb, quantize_images
from uapseg.io.images import to_picture
from uapseg.models import RGB, Segmenter
from uapseg.targets.goals import repeat_tile
from uapseg.tensors import Delta, Images, to_integers

Canvas = Any
"""A figure of matplotlib, whose types are incomplete."""

Image = Float[Tensor, "3 h w"]
"""An image in [0, 1]."""

LabelMap = UInt8[Tensor, "h w"]
"""The class index of each pixel; 255 means no class."""

Picture = UInt8[np.ndarray, "h w 3"]
"""RGB in grey levels of 255, for files and pages."""

NONE = (128, 128, 128)
COLUMNS = ("picture", "prediction", "perturbed picture", "prediction")
"""The columns of each picture; the perturbation, which is the same for all, is drawn once beside them."""

CELL = 2.6
"""The width of a picture in inches."""

LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": 10.5,
    "handlelength": 1.1,
    "handleheight": 1.1,
    "columnspacing": 1.6,
}
LEGEND_LINE, LEGEND_COLUMNS = 0.24, 9
"""The height of a line of the legend in inches, and the most classes in a line of a legend below the pictures."""


@dataclass(frozen=True)
class Row:
    """A row of the figure: a picture before and after.

    Attributes:
        image: The clean picture in [0, 1] (3, h, w).
        prediction: The prediction on it (h, w).
        perturbed: The perturbed picture in [0, 1] (3, h, w).
        perturbed_prediction: The prediction on it (h, w).

    Example:
        >>> image, labels = torch.zeros(3, 2, 4), torch.zeros(2, 4, dtype=torch.uint8)
        >>> Row(image, labels, perturbed=image, perturbed_prediction=labels).prediction.shape
        torch.Size([2, 4])
    """

    image: Image
    prediction: LabelMap
    perturbed: Image
    perturbed_prediction: LabelMap

    @classmethod
    def measure(cls, model: Segmenter, images: Images, delta: Delta) -> "Row":
        """Predicts on an image (1, 3, h, w) before and after a perturbation, with 8 bits as in files.

        Example:
            >>> from uapseg.models import load_model
            >>> row = Row.measure(load_model("street:small"), torch.rand(1, 3, 32, 48), torch.zeros(3, 32, 48))
            >>> row.prediction.shape
            torch.Size([32, 48])
        """
        perturbed = quantize_images(perturb(images, delta.to(images.device)))
        prediction, perturbed_prediction = model.predict(images), model.predict(perturbed)
        return cls(images[0].cpu(), prediction[0].cpu(), perturbed[0].cpu(), perturbed_prediction[0].cpu())


def picture(image: Image) -> Picture:
    """Converts an image in [0, 1] to grey levels, rounded.

    Example:
        >>> picture(torch.ones(3, 2, 4)).max()
        np.uint8(255)
    """
    return np.asarray(to_picture(image))


def colorize(labels: LabelMap, palette: Sequence[RGB]) -> Picture:
    """Colours a label map by class; grey where it has none.

    Example:
        >>> colorize(torch.tensor([[0, 255]], dtype=torch.uint8), [(255, 0, 0)]).tolist()
        [[[255, 0, 0], [128, 128, 128]]]
    """
    table = np.full((256, 3), NONE, np.uint8)
    table[: len(palette)] = palette
    return table[labels.cpu().numpy()]


OPACITY = 0.62
"""The opacity of the colours of classes over a picture."""


def overlay(image: Image, labels: LabelMap, palette: Sequence[RGB]) -> Picture:
    """Blends the colours of a label map over its picture, with a line between classes.

    Args:
        image: The picture in [0, 1] (3, h, w).
        labels: The class of each pixel (h, w).
        palette: The colours of the classes.

    Example:
        >>> overlay(torch.zeros(3, 2, 4), torch.zeros(2, 4, dtype=torch.uint8), [(255, 0, 0)]).shape
        (2, 4, 3)
    """
    colours = colorize(labels, palette).astype(np.float32)
    grey = picture(image).astype(np.float32).mean(axis=2, keepdims=True)  # one hue only: that of the class
    values = OPACITY * colours + (1 - OPACITY) * (64 + 0.75 * grey)  # lifted: in a dark photo colours stay themselves
    values[_edges(labels)] = 0.35 * colours[_edges(labels)] + 0.65 * 255
    return np.rint(values).astype(np.uint8)


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
        palette: Their colours.
        title: The title.
        kind: ``png``, or another format of matplotlib such as ``pdf``.

    Returns:
        The content of the file.

    Example:
        >>> image, labels = torch.zeros(3, 32, 48), torch.zeros(32, 48, dtype=torch.uint8)
        >>> rows = [Row(image, labels, perturbed=image, perturbed_prediction=labels)]
        >>> draw_figure(rows, torch.zeros(3, 32, 48), 10 / 255, ["road"], [(128, 64, 128)], title="Nothing")[:4]
        b'\x89PNG'
    """
    height, width = rows[0].image.shape[-2:]
    columns, cell = len(COLUMNS) + (2 if len(rows) == 1 else 1), (CELL, CELL * height / width)
    figure = new_figure(columns * cell[0], len(rows) * cell[1] + 1.15)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    _draw_rows(axes, rows, palette)
    _draw_perturbation(axes, repeat_tile(delta, height, width), epsilon)
    free_height = (len(rows) - 2) * cell[1] - 0.5  # inches below the perturbation
    legend_height = _draw_legend(figure, axes, _legend_handles(rows, classes, palette), free_height)
    inches = figure.get_figheight()
    figure.suptitle(title, x=0.008, y=1 - 0.09 / inches, ha="left", va="top", fontsize=13, fontweight="bold")
    figure.subplots_adjust(
        left=0.008, right=0.992, top=1 - 0.68 / inches, bottom=legend_height / inches, wspace=0.035,
        hspace=0.035 * width / height,
    )  # fmt: skip
    return encode_figure(figure, kind)


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Canvas:
    r"""Makes an empty figure of matplotlib.

    Args:
        width: Its width in inches.
        height: Its height in inches.
        layout: ``constrained`` has matplotlib place what is in it; None leaves that to the caller.

    Example:
        >>> encode_figure(new_figure(1, 1), "png")[:4]
        b'\x89PNG'
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  slow, and needed here only

    return Figure(figsize=(width, height), dpi=150, layout=layout)


def encode_figure(figure: Canvas, kind: str) -> bytes:
    r"""Encodes a figure of matplotlib as ``png``, ``jpg`` or ``pdf``, with dollar signs as plain text.

    Args:
        figure: The figure.
        kind: The format.

    Example:
        >>> encode_figure(new_figure(1, 1), "png")[:4]
        b'\x89PNG'
    """
    for text in figure.findobj(_is_text):
        text.set_parse_math(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    return buffer.getvalue()


def _is_text(artist: object) -> bool:
    return hasattr(artist, "set_parse_math")


def _draw_rows(axes: Any, rows: Sequence[Row], palette: Sequence[RGB]) -> None:
    """Draws each picture and its prediction, before and after."""
    for row, line in zip(rows, axes, strict=True):
        cells = (
            picture(row.image), overlay(row.image, row.prediction, palette),
            picture(row.perturbed), overlay(row.perturbed, row.perturbed_prediction, palette),
        )  # fmt: skip
        for axis, cell in zip(line, cells, strict=False):
            axis.imshow(cell, interpolation="antialiased", aspect="auto")
    for axis, name in zip(axes[0], COLUMNS, strict=False):
        axis.set_title(name, fontsize=10.5, pad=5)


def _draw_perturbation(axes: Any, delta: Delta, epsilon: float) -> None:
    """Draws the perturbation as it is and amplified: one below the other, or side by side in a figure of one row."""
    factor = f" {127.5 / (255 * epsilon):.3g} times" if epsilon else ""
    single = len(axes) == 1
    plain_axis, amplified_axis = (axes[0][-2], axes[0][-1]) if single else (axes[0][-1], axes[1][-1])
    plain_axis.imshow(plain(delta), interpolation="antialiased", aspect="auto")
    amplified_axis.imshow(amplify(delta, epsilon), interpolation="antialiased", aspect="auto")
    plain_axis.set_title("perturbation", fontsize=10.5, pad=5)
    if single:
        amplified_axis.set_title(f"amplified{factor}", fontsize=10.5, pad=5)
    else:  # above it is the perturbation as it is
        amplified_axis.text(
            0.5, -0.03, f"amplified{factor}", transform=amplified_axis.transAxes, ha="center", va="top", size=10.5
        )


def _draw_legend(figure: Canvas, axes: Any, handles: list[Any], free_height: float) -> float:
    """Draws the legend below the perturbation where it fits into ``free_height`` inches, else below all.

    Returns:
        The inches to leave below the pictures.
    """
    if len(handles) * LEGEND_LINE <= free_height:
        axes[2][-1].legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0.85), borderaxespad=0, **LEGEND)
        return 0.05
    lines = ceil(len(handles) / LEGEND_COLUMNS)
    figure.legend(
        handles=handles, ncols=ceil(len(handles) / max(lines, 1)), loc="lower center", borderaxespad=0.25, **LEGEND
    )
    return 0.18 + 0.2 * (len(axes) == 2) + LEGEND_LINE * lines


def _legend_handles(rows: Sequence[Row], classes: Sequence[str], palette: Sequence[RGB]) -> list[Any]:
    """A patch of colour for each class that is predicted anywhere in the figure."""
    from matplotlib.patches import Patch  # noqa: PLC0415  slow, and needed here only

    maps = [labels for row in rows for labels in (row.prediction, row.perturbed_prediction)]
    counts = to_integers(torch.cat([labels.flatten() for labels in maps]).bincount())
    present = [number for number, count in enumerate(counts) if count and number < len(classes)]
    return [Patch(facecolor=f"#{bytes(palette[number]).hex()}", label=classes[number]) for number in present]


def _edges(labels: LabelMap) -> Bool[np.ndarray, "h w"]:
    """Where the class of a pixel differs from that of its right or lower neighbour (h, w), bool."""
    classes = labels.cpu().numpy()
    edges = np.zeros(classes.shape, bool)
    edges[:, :-1] |= classes[:, :-1] != classes[:, 1:]
    edges[:-1] |= classes[:-1] != classes[1:]
    return edges
