"""Drawings from the browser: PNGs whose red is the class number, opaque where something is drawn."""

import base64
import binascii
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from uapseg.app import strings
from uapseg.errors import UapsegError
from uapseg.targets import StaticTarget
from uapseg.targets.drawing import label_map_target
from uapseg.targets.goals import UNLABELED
from uapseg.targets.static import DRAWING

PNG_URI = "data:image/png;base64,"

MAX_DRAWING = 500_000
"""The longest drawing: that of 512 x 384 pixels of random values takes as much."""


def painted_target(
    drawing: str | None, size: tuple[int, int], classes: tuple[str, ...], rest: str | None
) -> StaticTarget:
    """The target that a drawing shows.

    Args:
        drawing: A data URI of a PNG of the model's own ``size``.
        size: (width, height).
        classes: The classes of the network; the numbers in the drawing are their indices.
        rest: The class of everything that is not drawn; None keeps what the network sees.

    Raises:
        UapsegError: Nothing is drawn, all of it in the class of the rest, or it is not a drawing for this network.

    Example:
        >>> buffer = io.BytesIO()
        >>> Image.new("RGBA", (32, 32), (1, 1, 1, 255)).save(buffer, "PNG")
        >>> drawing = PNG_URI + base64.b64encode(buffer.getvalue()).decode()
        >>> painted_target(drawing, (32, 32), ("Sky", "Car"), "Sky").classes
        ('Car',)
    """
    labels = decode_drawing(drawing, size)
    used_labels = [int(number) for number in np.unique(labels) if number != UNLABELED]
    if not used_labels:
        raise UapsegError(strings.NOT_DRAWN)
    if used_labels[-1] >= len(classes):
        raise UapsegError(strings.BAD_DRAWING)
    if [classes[number] for number in used_labels] == [rest]:
        raise UapsegError(strings.ONE_CLASS)
    table = np.full(256, UNLABELED, np.uint8)
    table[used_labels] = range(len(used_labels))
    return label_map_target(table[labels], tuple(classes[number] for number in used_labels), rest, DRAWING)


def decode_drawing(drawing: str | None, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The class number of each pixel (h, w) of a drawing of ``size`` (width, height), 255 where nothing is drawn.

    Raises:
        UapsegError: It is empty, or not a picture of that size.

    Example:
        >>> buffer = io.BytesIO()
        >>> Image.new("RGBA", (2, 1), (3, 3, 3, 255)).save(buffer, "PNG")
        >>> decode_drawing(PNG_URI + base64.b64encode(buffer.getvalue()).decode(), (2, 1)).tolist()
        [[3, 3]]
    """
    if not drawing:
        raise UapsegError(strings.NOT_DRAWN)
    encoded_png = drawing.partition(",")[2]
    if len(encoded_png) > MAX_DRAWING:
        raise UapsegError(strings.BAD_DRAWING)
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded_png, validate=True)), formats=["PNG"]) as picture:
            if picture.size != size:
                raise UapsegError(strings.BAD_DRAWING)
            pixels = np.asarray(picture.convert("RGBA"))
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UapsegError(strings.BAD_DRAWING) from error
    return np.where(pixels[..., 3] > 127, pixels[..., 0], UNLABELED).astype(np.uint8)
