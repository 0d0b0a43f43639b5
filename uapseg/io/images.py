"""Decoding images of any format safely, and converting between PIL images and tensors."""

import io
import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.io.files import read
from uapseg.tensors import Images

MAX_PIXELS = 40_000_000
"""The most pixels of a picture; decoders of some formats allow fewer."""
MIN_SIDE = 16
"""The shortest side of a picture, in pixels."""
MAX_ASPECT = 32
"""The largest aspect ratio of a picture: a thinner strip has no pixels left once it is scaled down."""

MAX_SECONDS = 4.0
"""CPU seconds for decoding one picture: some formats allow small files that take hours."""

Source = str | os.PathLike[str] | bytes
"""A path, or the content of a file."""

_FORMATS = {"PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000", "QOI"}
"""Formats that Pillow decodes by itself and whose size it knows beforehand; EPS, for one, would start Ghostscript."""

_MAX_PIXELS = {
    "WEBP": 20_000_000, "AVIF": 20_000_000, "JPEG2000": 8_000_000, "I;16": 20_000_000, "I;16B": 20_000_000,
    "I": 8_000_000, "F": 8_000_000,
}  # fmt: skip
"""Lower limits for formats and modes that need more memory or time for each pixel."""

_FROM_16_BITS = np.rint(np.arange(1 << 16) * (255 / 65535)).astype(np.uint8)

_MARKS = (b"eXIf", b"exif", b"Exif", b"Orientation")
"""One of these appears in every PNG with an EXIF orientation; other PNGs need not be decoded to know theirs."""

_FILTERS = threading.Lock()
"""Guards Python's warning filters, which are global: threads would otherwise leave ours behind."""


def read_picture(source: Source) -> Image.Image:
    """Reads a picture of any size and mode as 8-bit RGB, upright, with transparent parts on white.

    Args:
        source: A path, or the content of a file. Of an animation the first frame is used. Grey values of 16 bits are
            scaled by their full range, never by the extremes of one picture.

    Raises:
        UapsegError: The picture cannot be read, has more than 40 megapixels (20 or 8 in some formats), has a side
            below 16 pixels, or an aspect ratio above 32.

    Example:
        >>> read_picture(encode_png(Image.new("L", (32, 16), 200))).getpixel((0, 0))
        (200, 200, 200)
    """
    picture = decode(source)
    if min(picture.size) < MIN_SIDE:
        raise UapsegError(
            f"{_name(source)} is only {picture.width} x {picture.height} pixels: "
            f"use a picture of at least {MIN_SIDE} pixels a side."
        )
    if max(picture.size) > MAX_ASPECT * min(picture.size):
        raise UapsegError(
            f"{_name(source)} is a strip of {picture.width} x {picture.height} pixels: use a picture that is at "
            f"most {MAX_ASPECT} times as long as wide."
        )
    if picture.mode in {"LA", "RGBA"}:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture)
        return white
    return _convert(picture, "RGB")


def decode(source: Source, *, wide: bool = False) -> Image.Image:
    """Reads a picture upright and keeps its transparency: mode L, LA, RGB or RGBA, 8 bits for each channel.

    Args:
        source: A path, or the content of a file.
        wide: Whether to keep wide grey values, as mode I, I;16 or F.

    Raises:
        UapsegError: The picture cannot be read, or has more than 40 megapixels (20 or 8 in some formats).

    Example:
        >>> decode(encode_png(Image.new("RGBA", (8, 8)))).mode
        'RGBA'
    """
    content = _content(source)
    try:
        return _decode(content, _name(source), wide=wide)
    except UapsegError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(_name(source), MAX_PIXELS) from error
    except Exception as error:  # Pillow's decoders raise almost anything on a broken file
        raise UapsegError(
            f"{_name(source)} could not be read: it is damaged or of another kind; "
            "PNG, JPEG, WebP, AVIF, GIF, BMP and TIFF work."
        ) from error


def size_of(first_bytes: bytes) -> tuple[int, int] | None:
    """Reads the stored (width, height) of a picture from its first bytes; None if they do not contain it.

    Example:
        >>> size_of(encode_png(Image.new("L", (32, 16)))), size_of(b"no picture")
        ((32, 16), None)
    """
    try:
        with _open(first_bytes) as picture:
            return picture.size
    except Exception:  # noqa: BLE001  Pillow's decoders raise almost anything on a broken file
        return None


def upright_size(content: bytes) -> tuple[int, int] | None:
    """Reads the (width, height) of a picture after EXIF rotation; None if it is unreadable or too large.

    Example:
        >>> turned, exif = io.BytesIO(), Image.Exif()
        >>> exif[ExifTags.Base.Orientation] = 6
        >>> Image.new("L", (32, 16)).save(turned, "JPEG", exif=exif)
        >>> upright_size(turned.getvalue())
        (16, 32)
    """
    shape = stored_shape(content)
    if shape is None:
        return None
    (width, height), orientation = shape
    return (height, width) if orientation > 4 else (width, height)


def stored_shape(content: bytes) -> tuple[tuple[int, int], int] | None:
    """Reads the stored (width, height) of a picture, and its EXIF orientation from 1 (upright) to 8.

    Only the header is read, except for a PNG with EXIF, whose orientation may follow the pixels.

    Args:
        content: The content of the file.

    Returns:
        The size and the orientation; None if the picture is unreadable or too large.

    Example:
        >>> stored_shape(encode_png(Image.new("L", (32, 16))))
        ((32, 16), 1)
    """
    try:
        with _open(content) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            is_plain_png = picture.format == "PNG" and not any(mark in content for mark in _MARKS)
            has_orientation = not is_plain_png and picture.format != "TIFF"  # of those, Pillow gives the upright size
            return picture.size, picture.getexif().get(ExifTags.Base.Orientation, 1) if has_orientation else 1
    except Exception:  # noqa: BLE001  Pillow's decoders raise almost anything on a broken file
        return None


def to_images(picture: Image.Image) -> Images:
    """Converts an RGB picture to a float tensor (1, 3, h, w) in [0, 1].

    Example:
        >>> to_images(Image.new("RGB", (4, 2), "white")).shape
        torch.Size([1, 3, 2, 4])
    """
    values = np.asarray(picture.convert("RGB"), np.float32) / 255
    return torch.as_tensor(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def to_picture(image: Float[Tensor, "3 h w"]) -> Image.Image:
    """Converts an image (3, h, w) in [0, 1] to an RGB picture, rounding to the nearest grey level.

    Example:
        >>> to_picture(torch.full((3, 2, 4), 0.999)).getpixel((0, 0))
        (255, 255, 255)
    """
    values = (image.detach() * 255).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy()))


def encode_png(picture: Image.Image) -> bytes:
    r"""Encodes a picture as PNG, without loss.

    Example:
        >>> encode_png(Image.new("L", (8, 8)))[:4]
        b'\x89PNG'
    """
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _content(source: Source) -> bytes:
    if not isinstance(source, bytes):
        source = read(Path(source))
    if not source:
        raise UapsegError("The picture is an empty file: save or upload it again.")
    return source


class _Content(io.BytesIO):
    """The content of a picture, whose decoding is stopped after `MAX_SECONDS` of CPU time."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._deadline = time.thread_time() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._deadline:
            raise UapsegError("The picture takes too long to decode: save it again as a plain PNG or JPEG.")
        return super().read(size)


def _decode(content: bytes, name: str, *, wide: bool) -> Image.Image:
    with _open(content) as picture:
        max_pixels = min(_MAX_PIXELS.get(kind or "", MAX_PIXELS) for kind in (picture.format, picture.mode))
        if picture.width * picture.height > max_pixels:
            raise _too_large(name, max_pixels)
        picture.seek(0)
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        return picture if wide and is_wide(picture) else _to_rgb(picture)


def _open(content: bytes) -> Image.Image:
    """Opens a picture and reads its header; the pixels, which take the time, are read outside the lock."""
    Image.init()
    formats = sorted(_FORMATS & Image.OPEN.keys())
    with _FILTERS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a picture is said once, by us
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        picture = Image.open(_Content(content), formats=formats)
        if picture.format == "JPEG":
            picture.getexif()  # warns where the camera's notes are damaged
        return picture


def is_wide(picture: Image.Image) -> bool:
    """Whether the values of a picture can exceed 255: 16 or 32 bits, or floating point.

    Example:
        >>> is_wide(Image.new("F", (8, 8))), is_wide(Image.new("RGB", (8, 8)))
        (True, False)
    """
    return picture.mode.startswith("I") or picture.mode == "F"


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Converts any mode to L, LA, RGB or RGBA."""
    if is_wide(picture):
        return Image.fromarray(_to_8_bits(np.asarray(picture)))
    if picture.has_transparency_data:
        return _convert(picture, "LA" if picture.mode in {"L", "LA"} else "RGBA")
    return _convert(picture, "L" if picture.mode in {"1", "L"} else "RGB")


def _convert(picture: Image.Image, mode: str) -> Image.Image:
    """Converts to a mode, without copying a picture that already has it."""
    return picture if picture.mode == mode else picture.convert(mode)


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scales wide grey values to 0 to 255: integers by the range of 16 bits, floats by that of 1, 8 or 16 bits.

    Values outside these ranges, such as elevations, are scaled by their extremes.
    """
    is_float = np.issubdtype(values.dtype, np.floating)
    is_finite = np.isfinite(values)
    low, high = (float(values[is_finite].min()), float(values[is_finite].max())) if is_finite.any() else (0.0, 0.0)
    if not is_float and low >= 0 and high < len(_FROM_16_BITS):
        return _FROM_16_BITS[values]
    if is_float and low >= 0:
        low, high = 0.0, next((top for top in (1.0, 255.0, 65535.0) if high <= top), high)
    levels = (np.where(is_finite, values, low).astype(np.float32) - low) * (255 / (high - low) if high > low else 0.0)
    return np.rint(levels).astype(np.uint8)


def _too_large(name: str, max_pixels: int) -> UapsegError:
    return UapsegError(f"{name} has more than {max_pixels // 1_000_000} megapixels: use a smaller one.")


def _name(source: Source) -> str:
    return "The picture" if isinstance(source, bytes) else f"The picture {Path(source).name}"
