"""Static targets from label maps, masks and words."""

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
from uapseg.targets.combined import DrawAndHide
from uapseg.targets.goals import UNLABELED
from uapseg.targets.static import DRAWING, StaticTarget

Typeface = ImageFont.FreeTypeFont | ImageFont.ImageFont

NO_WORD = "Type a word of 1 to 24 letters."

NO_LETTER = "\U0010fffe"
"""A code point that Unicode never assigns: typefaces draw it like any missing letter."""


def label_map_target(
    labels: NDArray[np.uint8], classes: tuple[str, ...], rest: str | None, caption: str
) -> StaticTarget:
    """Creates a target from a label map.

    Args:
        labels: Indices into ``classes`` (h, w), 255 where nothing is drawn.
        classes: The names of the drawn classes.
        rest: The class of all other pixels; None keeps the network's own predictions there.
        caption: What to call the target.

    Example:
        >>> target = label_map_target(np.array([[0, 1]], np.uint8), ("Car", "Road"), rest="Sky", caption="two pixels")
        >>> target.label_map().tolist()
        [[0, 1]]
    """
    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, "PNG")
    drawing = base64.b64encode(buffer.getvalue()).decode()
    return StaticTarget(drawing=drawing, classes=classes, rest=rest, caption=caption)


def mask_target(mask: NDArray[np.bool_], inside: str, rest: str | None, caption: str = DRAWING) -> StaticTarget:
    """Creates a target with one class inside a mask and another outside.

    Args:
        mask: The region (h, w).
        inside: The class inside the mask.
        rest: The class outside; None keeps the network's own predictions there.
        caption: What to call the target.

    Example:
        >>> mask_target(np.array([[True, False]]), inside="Car", rest="Sky", caption="half").title
        'half in Car on Sky'
    """
    return label_map_target(np.where(mask, 0, UNLABELED).astype(np.uint8), (inside,), rest, caption)


def drawn_region(target: Target) -> tuple[str, NDArray[np.bool_]] | None:
    """Returns the caption of a drawing and the mask (h, w) of its first class; None for a target without a drawing.

    Example:
        >>> import numpy as np
        >>> drawn_region(mask_target(np.array([[True, False]]), inside="Car", rest=None, caption="half"))
        ('half', array([[ True, False]]))
    """
    drawing_target = target.drawing_target if isinstance(target, DrawAndHide) else target
    return (
        (drawing_target.caption, drawing_target.label_map() == 0) if isinstance(drawing_target, StaticTarget) else None
    )


def text_target(text: str, inside: str, rest: str | None, size: tuple[int, int]) -> StaticTarget:
    """Creates a target that shows a word as large as it fits.

    Args:
        text: A word of 1 to 24 letters.
        inside: The class of the letters.
        rest: The class of all other pixels; None keeps the network's own predictions there.
        size: The (width, height) of the label map.

    Raises:
        UapsegError: The text is empty, too long, or has a letter that cannot be drawn.

    Example:
        >>> target = text_target("foo", "Car", "Sky", size=(48, 32))
        >>> target.title, target.label_map().shape
        ('foo in Car on Sky', (32, 48))
    """
    word = " ".join(_compose(text).split())
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
    """Loads the first typeface that has all letters of a text, or else the one with the most letters.

    The first is Pillow's own, which covers little more than ASCII. Figures and bundled perturbations use its letters,
    so the second, DejaVu Sans with Latin, Greek, Cyrillic, Hebrew and many symbols, only replaces it where needed.

    Args:
        text: The text to draw.
        points: The size of the typeface.

    Example:
        >>> load_typeface("foo", 20).getname()[0], load_typeface("фу", 20).getname()[0]
        ('Aileron', 'DejaVu Sans')
    """
    first = ImageFont.load_default(points)
    return first if not _missing(text, first) else _load_dejavu(points)


def _load_dejavu(points: float) -> Typeface:
    from matplotlib import get_data_path  # noqa: PLC0415  slow, and needed for few words only

    file = Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(file, points, layout_engine=ImageFont.Layout.BASIC)  # Raqm is not on every machine


def _missing(text: str, font: Typeface) -> list[str]:
    """The letters of a text that a typeface lacks."""
    return [letter for letter in text if _ink(letter, font) == _ink(NO_LETTER, font)]


def _ink(letter: str, font: Typeface) -> bytes:
    values: Any = font.getmask(letter)
    return bytes(values)


def _check_letters(word: str, font: Typeface) -> None:
    for letter in _missing(word, font):
        code = f"U+{ord(letter):04X}"
        name = f"{letter} ({unicodedata.name(letter, code)})" if letter.isprintable() else code
        raise UapsegError(
            f"The typeface has no letter {name}: write the word in Latin, Greek, Cyrillic or Hebrew letters, "
            "or use it as a mask."
        )


def _compose(text: str) -> str:
    """Composes accents with their letters, and drops invisible format characters."""
    return "".join(letter for letter in unicodedata.normalize("NFC", text) if unicodedata.category(letter) != "Cf")


def _from_left_to_right(word: str) -> str:
    """The letters of a word in visual order.

    Raises:
        UapsegError: The word is written from right to left in letters that join, or mixed with others.
    """
    if not any(unicodedata.bidirectional(letter) in {"R", "AL", "AN"} for letter in word):
        return word
    if not all(letter == " " or "\u05d0" <= letter <= "\u05ea" for letter in word):
        raise UapsegError(
            "Of the words written from right to left, only plain Hebrew letters can be drawn: use a mask for "
            "any other word."
        )
    return word[::-1]


def read_mask(picture: Image.Image, *, invert: bool = False, max_side: int | None = None) -> NDArray[np.bool_]:
    """Extracts the drawn region of a picture of any size and mode: what differs from most of its border.

    Transparency decides if it varies within the picture, otherwise brightness.

    Args:
        picture: The picture.
        invert: Whether to invert the mask.
        max_side: The longest side of the mask in pixels; None keeps the size of the picture.

    Returns:
        The mask (h, w).

    Raises:
        UapsegError: The picture has a single tone, so that nothing is drawn in it.

    Example:
        >>> picture = Image.new("L", (4, 4), 255)
        >>> picture.putpixel((1, 2), 0)
        >>> read_mask(picture).nonzero()
        (array([2]), array([1]))
    """
    values = brightness(_one_channel(picture, max_side or max(picture.size)))
    light = values > (float(values.min()) + float(values.max())) / 2
    border = np.concatenate([light[0], light[-1], light[1:-1, 0], light[1:-1, -1]])
    if light.all() or not light.any():
        raise UapsegError("The mask has a single tone: draw the region in a colour that differs from the border's.")
    mask = light != (border.mean() > 0.5)
    return ~mask if invert else mask


def _one_channel(picture: Image.Image, max_side: int) -> Image.Image:
    """The channel of a picture that shows what is drawn, no side longer than ``max_side``."""
    alpha = picture.getchannel("A") if "A" in picture.getbands() else None
    if alpha is not None and alpha.getextrema() != (alpha.getpixel((0, 0)),) * 2:
        picture = alpha
    elif not is_wide(picture):
        picture = picture.convert("L")
    if max(picture.size) > max_side:
        picture = picture.convert("F") if is_wide(picture) else picture  # of wide modes, this one can be scaled
        picture.thumbnail((max_side, max_side), Image.Resampling.BOX)
    return picture


def brightness(picture: Image.Image) -> NDArray[np.float32]:
    """Returns the brightness of each pixel (h, w), in the range of the picture's mode.

    Example:
        >>> brightness(Image.new("RGB", (2, 1), "white")).tolist()
        [[255.0, 255.0]]
    """
    return np.asarray(picture if is_wide(picture) else picture.convert("L"), dtype=np.float32)
