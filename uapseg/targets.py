"""What the network is to see instead: one label map for every picture, or the scene without some classes."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.tensors import LabelMaps

UNDRAWN = 255


@dataclass(frozen=True)
class Goal:
    """What the network should see in some pictures.

    Attributes:
        labels: The class wanted of each pixel (n, h, w), uint8.
        groups: The number of the group that each pixel counts in (n, h, w), uint8: for a static target 0 the drawn
            region and 1 the rest; for hidden classes 0 the hidden pixels, 1 other objects, 2 everything else.
    """

    labels: LabelMaps
    groups: LabelMaps


GoalOf = Callable[[LabelMaps], Goal]
"""Maps what the network sees in clean pictures (n, h, w) to what it should see."""


@dataclass(frozen=True, kw_only=True)
class Static:
    """One label map for all pictures; it repeats with the perturbation's tile, from the top left corner.

    Attributes:
        drawing: A PNG in base64, mode L: numbers into ``classes``, 255 where nothing is drawn.
        classes: The names of the drawn classes.
        rest: The class of everything not drawn; None keeps what the network sees there.
        caption: What to call it: the word, the file, the scene.

    Source:
        The static target of Metzen et al., https://arxiv.org/abs/1704.05712
    """

    drawing: str
    classes: tuple[str, ...]
    rest: str | None
    caption: str

    kind: Literal["static"] = "static"

    @property
    def needs_clean(self) -> bool:
        """Whether the goal depends on what the network sees in the clean picture."""
        return self.rest is None

    def numbers(self) -> NDArray[np.uint8]:
        """The drawing: numbers into ``classes`` (h, w), 255 where nothing is drawn."""
        with Image.open(io.BytesIO(base64.b64decode(self.drawing))) as picture:
            return np.asarray(picture.convert("L"))

    def on(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalOf:  # noqa: ARG002
        """Binds the target to a network and a tile (width, height).

        Raises:
            UapsegError: The network has no class of that name, or nothing is drawn.
        """
        stretched = np.asarray(Image.fromarray(self.numbers()).resize(tile, Image.Resampling.NEAREST))
        if (stretched == UNDRAWN).all():
            raise UapsegError("Nothing is drawn: draw, type or upload a region first.")
        table = np.full(256, UNDRAWN, np.uint8)
        table[: len(self.classes)] = class_numbers(self.classes, classes)
        drawn = torch.from_numpy(table[stretched])
        rest = class_numbers((self.rest,), classes)[0] if self.rest is not None else None

        def goal(clean: LabelMaps) -> Goal:
            region = repeated(drawn.to(clean.device), *clean.shape[1:]).expand_as(clean)
            outside = region == UNDRAWN
            filling = clean if rest is None else torch.full_like(clean, rest)
            return Goal(torch.where(outside, filling, region), outside.to(torch.uint8))

        return goal


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """The scene without some classes.

    Attributes:
        classes: The names of the classes to hide.
        fill: The class that hidden pixels take; None gives each the label of the nearest pixel of no hidden class
            (and, where a picture shows nothing else, the network's first class that is not hidden).

    Source:
        The dynamic target of Metzen et al., https://arxiv.org/abs/1704.05712
    """

    classes: tuple[str, ...]
    fill: str | None = None

    kind: Literal["hidden"] = "hidden"

    @property
    def needs_clean(self) -> bool:
        """Whether the goal depends on what the network sees in the clean picture."""
        return True

    def on(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalOf:  # noqa: ARG002
        """Binds the target to a network.

        Raises:
            UapsegError: A class is not known, none is chosen, all are, or the filling itself is hidden.
        """
        hidden = class_numbers(self.classes, classes)
        others = [number for number in range(len(classes)) if number not in hidden]
        if not hidden or not others:
            raise UapsegError("Choose at least one class to hide, and leave at least one.")
        fill = class_numbers((self.fill,), classes)[0] if self.fill is not None else None
        if fill in hidden:
            raise UapsegError(
                f"The hidden pixels cannot become {self.fill}, which is hidden too: choose another filling."
            )
        group = torch.full((256,), 2, dtype=torch.uint8)
        group[list(class_numbers(objects, classes))] = 1
        group[list(hidden)] = 0

        def goal(clean: LabelMaps) -> Goal:
            groups = group.to(clean.device)[clean.long()]
            filling = torch.full_like(clean, fill) if fill is not None else nearest(clean, groups == 0, others[0])
            return Goal(torch.where(groups == 0, filling, clean), groups)

        return goal


Target = Static | Hidden


def class_numbers(names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers of classes by name, upper and lower case alike.

    Raises:
        UapsegError: There is no such class; the message lists those there are.
    """
    known = {name.lower(): number for number, name in enumerate(classes)}
    for name in names:
        if name.lower() not in known:
            raise UapsegError(f"The network has no class {name!r}: choose from {', '.join(classes)}.")
    return tuple(known[name.lower()] for name in names)


def repeated(tile: Tensor, height: int, width: int) -> Tensor:
    """A tile (…, h, w) repeated from the top left corner to (…, height, width)."""
    h, w = tile.shape[-2:]
    if (h, w) == (height, width):
        return tile
    down, across = -(-height // h), -(-width // w)
    return tile.repeat(*[1] * (tile.dim() - 2), down, across)[..., :height, :width]


def nearest(labels: LabelMaps, hidden: Tensor, otherwise: int) -> LabelMaps:
    """Gives each hidden pixel the label of the nearest pixel that is not hidden, by Euclidean distance.

    Args:
        labels: What the network sees (n, h, w).
        hidden: Which pixels are hidden (n, h, w), bool.
        otherwise: The label where all of a picture is hidden.
    """
    filled = labels.cpu().clone()
    for number, mask in enumerate(hidden.cpu().numpy()):
        if mask.all():
            filled[number] = otherwise
        elif mask.any():
            found: Any = distance_transform_edt(mask, return_distances=False, return_indices=True)
            rows, columns = found
            filled[number] = filled[number][torch.from_numpy(rows).long(), torch.from_numpy(columns).long()]
    return filled.to(labels.device)


def mapped(labels: NDArray[np.uint8], classes: tuple[str, ...], rest: str | None, caption: str) -> Static:
    """A target from numbers into ``classes`` (h, w), 255 where nothing is drawn."""
    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, "PNG")
    drawing = base64.b64encode(buffer.getvalue()).decode()
    return Static(drawing=drawing, classes=classes, rest=rest, caption=caption)


def drawn(mask: NDArray[np.bool_], inside: str, rest: str | None, caption: str = "drawing") -> Static:
    """A target with one class where ``mask`` (h, w) is true, and another (None: what the network sees) elsewhere."""
    return mapped(np.where(mask, 0, UNDRAWN).astype(np.uint8), (inside,), rest, caption)


def written(text: str, inside: str, rest: str | None, size: tuple[int, int]) -> Static:
    """A target with a word in one class, as large as fits in ``size`` (width, height).

    Raises:
        UapsegError: The text is empty or too long to be read.
    """
    word = " ".join(text.split())
    if not 1 <= len(word) <= 24:
        raise UapsegError("Type a word of 1 to 24 letters.")
    width, height = size
    font = ImageFont.load_default(100)
    left, top, right, bottom = font.getbbox(word, stroke_width=3)
    points = max(6.0, 100 * min(0.86 * width / (right - left), 0.7 * height / (bottom - top)))
    font, stroke = ImageFont.load_default(points), max(1, round(points * 0.03))
    canvas = Image.new("L", size)
    ImageDraw.Draw(canvas).text((width / 2, height / 2), word, 255, font, anchor="mm", stroke_width=stroke)
    return drawn(np.asarray(canvas) > 127, inside, rest, word)


def read_mask(picture: Image.Image, *, invert: bool = False) -> NDArray[np.bool_]:
    """What is drawn in a picture of any size and mode: what differs from the majority of its border.

    Alpha decides where the picture has any that varies, else brightness.

    Returns:
        The mask (h, w), at the picture's own size.

    Raises:
        UapsegError: The picture is of one tone, so that nothing is drawn in it.
    """
    alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    values = alpha if alpha.min() != alpha.max() else brightness(picture)
    light = values > (float(values.min()) + float(values.max())) / 2
    border = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    if light.all() or not light.any():
        raise UapsegError("The mask is of one tone: draw the region in a colour that differs from the border's.")
    mask = light != (border.mean() > 0.5)
    return ~mask if invert else mask


def brightness(picture: Image.Image) -> NDArray[np.float32]:
    """How bright each pixel is (h, w), in the picture's own range."""
    wide = picture.mode.startswith("I") or picture.mode == "F"
    return np.asarray(picture if wide else picture.convert("L"), dtype=np.float32)
