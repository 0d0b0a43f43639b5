"""Label maps as files hold them: a class number a pixel, in grey levels or as the numbers of a palette."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from uapseg.datasets.memory import Pixels
from uapseg.datasets.sources import Source
from uapseg.errors import UapsegError
from uapseg.pictures import MOST_PIXELS

VOID = 255
"""The number of a pixel that has no label."""


def table(classes: Mapping[int, int]) -> Pixels:
    """From a file's numbers to class numbers (256,); those that are not named have no label."""
    numbers = np.full(256, VOID, np.uint8)
    for stored, number in classes.items():
        numbers[stored] = number
    return numbers


def read_labels(source: Source, numbers: Pixels) -> Pixels:
    """The label map of a file (h, w), its numbers looked up in ``numbers`` (256,).

    Raises:
        UapsegError: It is damaged, or holds colours in place of numbers.
    """
    content = source.read()
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as opened:
            values = np.asarray(opened) if opened.width * opened.height <= MOST_PIXELS else None
    except Exception as error:  # Pillow's decoders raise almost anything on a broken file
        raise UapsegError(f"The labels {source.name} could not be read: they are damaged, or no PNG.") from error
    if values is None or values.ndim != 2:
        raise UapsegError(f"The labels {source.name} must be one number a pixel, of at most 40 megapixels.")
    return numbers[np.minimum(values.astype(np.uint32), VOID)]
