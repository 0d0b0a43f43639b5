"""What was painted on the stage, as it travels: a PNG whose red is the class number, opaque where drawn."""

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

MOST_DRAWING = 500_000
"""Of a drawing: two values a pixel, those of 512 x 384 pixels of pure noise."""


def painted_target(
    drawing: str | None, size: tuple[int, int], classes: tuple[str, ...], rest: str | None
) -> StaticTarget:
    """The target that a drawing shows.

    Args:
        drawing: A data URI of a PNG of the model's own ``size``.
        size: (width, height).
        classes: The network's, by which the drawing is numbered.
        rest: The class of everything that is not drawn; None keeps what the network sees.

    Raises:
        UapsegError: Nothing is drawn, all of it in the class of the rest, or it is no drawing for this network.
    """
    numbers = numbers_of(drawing, size)
    used = [int(number) for number in np.unique(numbers) if number != UNLABELED]
    if not used:
        raise UapsegError(strings.NOT_DRAWN)
    if used[-1] >= len(classes):
        raise UapsegError(strings.BAD_DRAWING)
    if [classes[number] for number in used] == [rest]:
        raise UapsegError(strings.ONE_CLASS)
    table = np.full(256, UNLABELED, np.uint8)
    table[used] = range(len(used))
    return label_map_target(table[numbers], tuple(classes[number] for number in used), rest, DRAWING)


def numbers_of(drawing: str | None, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The class number of each pixel (h, w) of a drawing of ``size`` (width, height), 255 where nothing is drawn.

    Raises:
        UapsegError: Nothing was sent, or it is no picture of that size.
    """
    if not drawing:
        raise UapsegError(strings.NOT_DRAWN)
    coded = drawing.partition(",")[2]
    if len(coded) > MOST_DRAWING:
        raise UapsegError(strings.BAD_DRAWING)
    try:
        with Image.open(io.BytesIO(base64.b64decode(coded, validate=True)), formats=["PNG"]) as picture:
            if picture.size != size:
                raise UapsegError(strings.BAD_DRAWING)
            pixels = np.asarray(picture.convert("RGBA"))
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UapsegError(strings.BAD_DRAWING) from error
    return np.where(pixels[..., 3] > 127, pixels[..., 0], UNLABELED).astype(np.uint8)
