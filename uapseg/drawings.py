"""Static targets from what people bring: a painted map, a mask, a word."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from uapseg.errors import UapsegError
from uapseg.targets import UNDRAWN, Static


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
