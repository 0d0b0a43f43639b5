"""Label maps as files hold them: a class number a pixel, in grey levels or as the numbers of a palette."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from uapseg.datasets.cache import Pixels
from uapseg.errors import UapsegError
from uapseg.io.images import MAX_PIXELS, size_of
from uapseg.io.sources import Source

VOID = 255
"""The number of a pixel that has no label."""

VOID_16 = 65535
"""The same in files of 16 bits."""

LOSSLESS_FORMATS = ("PNG", "GIF", "BMP", "TIFF", "PPM", "TGA")
"""Formats that keep numbers as they are."""

LOSSY_FORMATS = ("JPEG", "WEBP", "AVIF", "JPEG2000")

MAX_COLOURS = 64
"""Colours of a picture that looks like a label map, at most."""


def lookup_table(classes: Mapping[int, int]) -> Pixels:
    """From a file's numbers to class numbers (256,); those that are not named have no label."""
    numbers = np.full(256, VOID, np.uint8)
    for stored, number in classes.items():
        numbers[stored] = number
    return numbers


def read_labels(source: Source, numbers: Pixels) -> Pixels:
    """The label map of a file (h, w), its numbers looked up in ``numbers`` (256,).

    Raises:
        UapsegError: It is damaged, or holds something else than class numbers.
    """
    return numbers[read_numbers(source)]


def read_numbers(source: Source) -> Pixels:
    """The numbers in a file (h, w), upright; `VOID` where it has none.

    Colours count as numbers where they are greys: many programs save any picture with three channels.

    Raises:
        UapsegError: It is damaged, too large, or holds colours, or numbers beyond 255.
    """
    content = source.read()
    width, height = size_of(content) or (0, 0)
    if width * height > MAX_PIXELS:
        raise UapsegError(f"The labels {source.name} have more than {MAX_PIXELS // 1_000_000} megapixels.")
    try:
        with Image.open(io.BytesIO(content), formats=(*LOSSLESS_FORMATS, *LOSSY_FORMATS)) as opened:
            kind = opened.format
            values = _pixel_values(ImageOps.exif_transpose(opened)) if kind in LOSSLESS_FORMATS else None
    except Exception as error:  # Pillow's decoders raise almost anything on a broken file
        raise UapsegError(f"The labels {source.name} could not be read: they are damaged, or no PNG.") from error
    if kind not in LOSSLESS_FORMATS:
        raise UapsegError(f"The labels {source.name} are a {kind}, which does not keep numbers: save them as PNG.")
    if values is None:
        raise UapsegError(f"The labels {source.name} hold colours: save the number of its class at each pixel.")
    return _to_bytes(values, source.name)


def looks_like_label_map(source: Source) -> bool:
    """Whether a file looks like a label map: it has few tones, or nearly so where its format blurs them."""
    try:
        content = source.read()
        width, height = size_of(content) or (0, 0)
        if width * height > MAX_PIXELS:
            return False
        with Image.open(io.BytesIO(content), formats=(*LOSSLESS_FORMATS, *LOSSY_FORMATS)) as opened:
            if opened.format in LOSSY_FORMATS:
                tones = np.array(opened.convert("L").histogram()).reshape(-1, 8).sum(1)
                return bool(np.sort(tones)[-4:].sum() > 0.97 * tones.sum())
            if opened.mode.startswith("I") or opened.mode == "F":
                return len(np.unique(np.asarray(opened))) <= MAX_COLOURS
            return opened.getcolors(MAX_COLOURS) is not None
    except Exception:  # noqa: BLE001  Pillow's decoders raise almost anything on a broken file
        return False


def _pixel_values(picture: Image.Image) -> NDArray[Any] | None:
    """The numbers that pixels hold; None where they hold colours."""
    if picture.mode == "P":
        indices, greys = np.asarray(picture), _grey_palette(picture)
        return indices if greys is None else greys[indices]
    if picture.mode in {"LA", "La"}:
        picture = picture.getchannel(0)
    values = np.asarray(picture)
    if values.ndim == 3 and picture.mode in {"RGB", "RGBA", "RGBX"}:
        red, green, blue = (values[..., channel] for channel in range(3))
        return red if np.array_equal(red, green) and np.array_equal(red, blue) else None
    return values if values.ndim == 2 else None


def _grey_palette(picture: Image.Image) -> Pixels | None:
    """The tones of a palette of greys that all differ; programs that save greys so may number them anew."""
    colours = np.array(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    used = max(number for number, count in enumerate(picture.histogram()) if count)
    if len(colours) <= used or (colours != colours[:, :1]).any():
        return None
    tones = colours[: used + 1, 0]
    return np.resize(colours[:, 0], 256) if len(np.unique(tones)) == len(tones) else None


def _to_bytes(values: NDArray[Any], name: str) -> Pixels:
    """Numbers of any width as those of 8 bits."""
    if values.dtype in {np.dtype(bool), np.dtype(np.uint8)}:
        return values.astype(np.uint8)
    void = ~np.isfinite(values) | (values < 0) | (values == VOID_16)
    kept = values[~void]
    if kept.size and kept.max() > VOID:
        raise UapsegError(
            f"The labels {name} hold numbers up to {kept.max():.0f}, and classes have at most {VOID - 1}: "
            "save class numbers, not those of objects."
        )
    if np.issubdtype(values.dtype, np.floating) and (kept % 1).any():
        raise UapsegError(f"The labels {name} hold fractions: save the number of its class at each pixel.")
    return np.where(void, VOID, values).astype(np.uint8)
