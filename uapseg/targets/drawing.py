"""Static targets from what people bring: a painted map, a mask, a word."""

import base64
import io
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from uapseg.errors import UapsegError
from uapseg.io.images import is_wide
from uapseg.targets.base import Target
from uapseg.targets.goals import UNLABELED
from uapseg.targets.static import DRAWING, StaticTarget

Typeface = ImageFont.FreeTypeFont | ImageFont.ImageFont

NO_WORD = "Type a word of 1 to 24 letters."

NO_LETTER = "\U0010fffe"
"""What Unicode will never use: a typeface draws it as all that it lacks."""


def label_map_target(
    labels: NDArray[np.uint8], classes: tuple[str, ...], rest: str | None, caption: str
) -> StaticTarget:
    """A target from numbers into ``classes`` (h, w), 255 where nothing is drawn."""
    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, "PNG")
    drawing = base64.b64encode(buffer.getvalue()).decode()
    return StaticTarget(drawing=drawing, classes=classes, rest=rest, caption=caption)


def mask_target(mask: NDArray[np.bool_], inside: str, rest: str | None, caption: str = DRAWING) -> StaticTarget:
    """A target with one class where ``mask`` (h, w) is true, and another (None: what the network sees) elsewhere."""
    return label_map_target(np.where(mask, 0, UNLABELED).astype(np.uint8), (inside,), rest, caption)


def drawn_region(target: Target) -> tuple[str, NDArray[np.bool_]] | None:
    """The caption of a static target, and where its first class is drawn (h, w); None of any other target.

    Example:
        >>> import numpy as np
        >>> drawn_region(mask_target(np.array([[True, False]]), inside="Car", rest=None, caption="half"))
        ('half', array([[ True, False]]))
    """
    return (target.caption, target.label_map() == 0) if isinstance(target, StaticTarget) else None


def text_target(text: str, inside: str, rest: str | None, size: tuple[int, int]) -> StaticTarget:
    """A target with a word in one class, as large as fits in ``size`` (width, height).

    Raises:
        UapsegError: The text is empty, too long to be read, or has a letter that cannot be drawn.
    """
    word = " ".join(_composed(text).split())
    if not 1 <= len(word) <= 24:
        raise UapsegError(NO_WORD)
    font, line, (width, height) = load_typeface(word, 100), _from_left_to_right(word), size
    _check_letters(word, font)
    if font.getmask(line).getbbox() is None:
        raise UapsegError(NO_WORD)
    left, top, right, bottom = font.getbbox(line, stroke_width=3)
    points = max(6.0, 100 * min(0.86 * width / (right - left), 0.7 * height / (bottom - top)))
    font, stroke = load_typeface(word, points), max(1, round(points * 0.03))
    canvas = Image.new("L", size)
    ImageDraw.Draw(canvas).text((width / 2, height / 2), line, 255, font, anchor="mm", stroke_width=stroke)
    return mask_target(np.asarray(canvas) > 127, inside, rest, word)


def load_typeface(text: str, points: float) -> Typeface:
    """The first typeface that has all letters of a text, else the one that has most letters.

    The first is Pillow's own, of ASCII and little else: figures and perturbations of this project show its letters, so
    another one takes only what it lacks. The second has Latin, Greek, Cyrillic, Hebrew and many signs.
    """
    first = ImageFont.load_default(points)
    return first if not _missing(text, first) else _load_dejavu(points)


def _load_dejavu(points: float) -> Typeface:
    from matplotlib import get_data_path  # noqa: PLC0415  slow, and needed for few words only

    file = Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(file, points, layout_engine=ImageFont.Layout.BASIC)  # Raqm is not on every machine


def _missing(text: str, font: Typeface) -> list[str]:
    """The letters of a text that a typeface draws as it draws what is no letter at all."""
    return [letter for letter in text if _ink(letter, font) == _ink(NO_LETTER, font)]


def _ink(letter: str, font: Typeface) -> bytes:
    values: Any = font.getmask(letter)
    return bytes(values)


def _check_letters(word: str, font: Typeface) -> None:
    for letter in _missing(word, font):
        code = f"U+{ord(letter):04X}"
        shown = f"{letter} ({unicodedata.name(letter, code)})" if letter.isprintable() else code
        raise UapsegError(
            f"The typeface has no letter {shown}: write the word in Latin, Greek, Cyrillic or Hebrew letters, "
            "or bring it as a mask."
        )


def _composed(text: str) -> str:
    """A text with each accent in its letter, and without the marks that are not seen at all."""
    return "".join(letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter) != "Cf")


def _from_left_to_right(word: str) -> str:
    """The letters of a word in the order in which they stand on the line.

    Raises:
        UapsegError: It is written from right to left in letters that join, or beside others.
    """
    if not any(unicodedata.bidirectional(letter) in {"R", "AL", "AN"} for letter in word):
        return word
    if not all(letter == " " or "\u05d0" <= letter <= "\u05ea" for letter in word):
        raise UapsegError(
            "From right to left only plain Hebrew letters can be written: bring any other such word as a mask."
        )
    return word[::-1]


def read_mask(picture: Image.Image, *, invert: bool = False, longest: int | None = None) -> NDArray[np.bool_]:
    """What is drawn in a picture of any size and mode: what differs from the majority of its border.

    Alpha decides where the picture has any that varies, else brightness.

    Args:
        picture: The picture.
        invert: Whether the mask is turned inside out.
        longest: The longest side of the mask; None leaves it at the picture's own size.

    Returns:
        The mask (h, w).

    Raises:
        UapsegError: The picture is of one tone, so that nothing is drawn in it.
    """
    values = brightness(_one_channel(picture, longest or max(picture.size)))
    light = values > (float(values.min()) + float(values.max())) / 2
    border = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    if light.all() or not light.any():
        raise UapsegError("The mask is of one tone: draw the region in a colour that differs from the border's.")
    mask = light != (border.mean() > 0.5)
    return ~mask if invert else mask


def _one_channel(picture: Image.Image, longest: int) -> Image.Image:
    """What of a picture says what is drawn in it, no side longer than ``longest``."""
    alpha = picture.getchannel("A") if "A" in picture.getbands() else None
    if alpha is not None and alpha.getextrema() != (alpha.getpixel((0, 0)),) * 2:
        picture = alpha
    elif not is_wide(picture):
        picture = picture.convert("L")
    if max(picture.size) > longest:
        picture = picture.convert("F") if is_wide(picture) else picture  # of wide modes, this one can be scaled
        picture.thumbnail((longest, longest), Image.Resampling.BOX)
    return picture


def brightness(picture: Image.Image) -> NDArray[np.float32]:
    """How bright each pixel is (h, w), in the picture's own range."""
    return np.asarray(picture if is_wide(picture) else picture.convert("L"), dtype=np.float32)
