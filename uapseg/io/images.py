"""Reading whatever picture a user brings, and the way from pictures to tensors and back."""

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
SMALLEST_SIDE = 16
MAX_ASPECT = 32
"""How many times as long as wide a picture may be: a strip beyond that has no pixels left once it is made smaller."""

MAX_SECONDS = 4.0
"""The time of the processor that decoding a picture may take: some formats can be written to take hours."""

Source = str | os.PathLike[str] | bytes
"""A file's path, or its content."""

_FORMATS = {"PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM", "TGA", "JPEG2000", "QOI"}
"""Formats that Pillow decodes by itself, and whose size it knows before; EPS, for one, would start Ghostscript."""

_MAX_PIXELS = {
    "WEBP": 20_000_000, "AVIF": 20_000_000, "JPEG2000": 8_000_000, "I;16": 20_000_000, "I;16B": 20_000_000,
    "I": 8_000_000, "F": 8_000_000,
}  # fmt: skip
"""Formats and modes of which fewer pixels are taken, as reading them takes more memory or time for each."""

_FROM_16_BITS = np.rint(np.arange(1 << 16) * (255 / 65535)).astype(np.uint8)

_MARKS = (b"eXIf", b"exif", b"Exif", b"Orientation")
"""One of them stands in each PNG that says how it is turned; others need not be decoded to know."""

_FILTERS = threading.Lock()
"""Python's filters of warnings belong to the whole process: without it, threads would leave ours behind."""


def read_picture(source: Source) -> Image.Image:
    """Reads a picture of any size and mode as 8-bit RGB, upright, transparent parts on white.

    Args:
        source: A path, or the content of a file. Of an animation the first frame is taken; 16-bit grey values are
            scaled by their whole range, never by the extremes of one picture.

    Raises:
        UapsegError: It is no readable picture, is larger than 40 megapixels (20 or 8 of some formats), has
            a side below 16 pixels, or is more than 32 times as long as wide.
    """
    picture = decode(source)
    if min(picture.size) < SMALLEST_SIDE:
        raise UapsegError(
            f"{_name(source)} is only {picture.width} x {picture.height} pixels: "
            f"bring a picture of at least {SMALLEST_SIDE} pixels a side."
        )
    if max(picture.size) > MAX_ASPECT * min(picture.size):
        raise UapsegError(
            f"{_name(source)} is a strip of {picture.width} x {picture.height} pixels: bring a picture that is at "
            f"most {MAX_ASPECT} times as long as wide."
        )
    if picture.mode in {"LA", "RGBA"}:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture)
        return white
    return _convert(picture, "RGB")


def decode(source: Source, *, wide: bool = False) -> Image.Image:
    """Reads a picture upright, with its transparency: of mode L, LA, RGB or RGBA, 8 bits a value.

    Args:
        source: A path, or the content of a file.
        wide: Leave wide grey values as they are, of a mode I, I;16 or F.

    Raises:
        UapsegError: It is no readable picture, or is larger than 40 megapixels (20 or 8 of some formats).
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
            f"{_name(source)} could not be read as a picture: it is damaged or of another kind; "
            "PNG, JPEG, WebP, AVIF, GIF, BMP and TIFF work."
        ) from error


def size_of(beginning: bytes) -> tuple[int, int] | None:
    """(width, height) of a picture as it is stored, as its first bytes tell; None where they do not."""
    try:
        with _opened(beginning) as opened:
            return opened.size
    except Exception:  # noqa: BLE001  Pillow's decoders raise almost anything on a broken file
        return None


def upright_size(content: bytes) -> tuple[int, int] | None:
    """(width, height) of a picture upright, of any format; None where it cannot be read or is too large."""
    shape = stored_shape(content)
    if shape is None:
        return None
    (width, height), turn = shape
    return (height, width) if turn > 4 else (width, height)


def stored_shape(content: bytes) -> tuple[tuple[int, int], int] | None:
    """(width, height) of a picture as it is stored, and how EXIF says that it is to be turned, from 1 (not) to 8.

    None where it cannot be read or is too large. Only the header is read, but of a PNG that holds EXIF, which may say
    how it is turned after its pixels.
    """
    try:
        with _opened(content) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                return None
            plain = opened.format == "PNG" and not any(mark in content for mark in _MARKS)
            stored = not plain and opened.format != "TIFF"  # of those, Pillow gives the upright size
            return opened.size, opened.getexif().get(ExifTags.Base.Orientation, 1) if stored else 1
    except Exception:  # noqa: BLE001  Pillow's decoders raise almost anything on a broken file
        return None


def to_images(picture: Image.Image) -> Images:
    """An RGB picture as images in [0, 1] (1, 3, h, w)."""
    values = np.asarray(picture.convert("RGB"), np.float32) / 255
    return torch.as_tensor(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]


def to_picture(image: Float[Tensor, "3 h w"]) -> Image.Image:
    """An image in [0, 1] (3, h, w) as an RGB picture: rounded to the nearest grey level, never cut down."""
    values = (image.detach() * 255).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy()))


def encode_png(picture: Image.Image) -> bytes:
    """A picture as a PNG, which loses nothing."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _content(source: Source) -> bytes:
    if not isinstance(source, bytes):
        source = read(Path(source))
    if not source:
        raise UapsegError("The picture is an empty file: save or upload it once more.")
    return source


class _Content(io.BytesIO):
    """The content of a picture, that is read no further once its decoding has taken too long."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._end = time.thread_time() + MAX_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._end:
            raise UapsegError("The picture takes too long to decode: save it once more, as a plain PNG or JPEG.")
        return super().read(size)


def _decode(content: bytes, name: str, *, wide: bool) -> Image.Image:
    with _opened(content) as opened:
        most = min(_MAX_PIXELS.get(kind or "", MAX_PIXELS) for kind in (opened.format, opened.mode))
        if opened.width * opened.height > most:
            raise _too_large(name, most)
        opened.seek(0)
        opened.load()
        ImageOps.exif_transpose(opened, in_place=True)
        return opened if wide and is_wide(opened) else _to_rgb(opened)


def _opened(content: bytes) -> Image.Image:
    """A picture of which the header is read; its pixels, which take the time, are read outside the lock."""
    Image.init()
    known = sorted(_FORMATS & Image.OPEN.keys())
    with _FILTERS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # what is wrong with a picture is said once, by us
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        opened = Image.open(_Content(content), formats=known)
        if opened.format == "JPEG":
            opened.getexif()  # warns where the camera's notes are damaged
        return opened


def is_wide(picture: Image.Image) -> bool:
    """Whether its values may be beyond 255: 16 or 32 bits, or real numbers."""
    return picture.mode.startswith("I") or picture.mode == "F"


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any mode as L, LA, RGB or RGBA."""
    if is_wide(picture):
        return Image.fromarray(_to_8_bits(np.asarray(picture)))
    if picture.has_transparency_data:
        return _convert(picture, "LA" if picture.mode in {"L", "LA"} else "RGBA")
    return _convert(picture, "L" if picture.mode in {"1", "L"} else "RGB")


def _convert(picture: Image.Image, mode: str) -> Image.Image:
    """A picture in a mode, itself where it is in it already: a large one is not copied."""
    return picture if picture.mode == mode else picture.convert(mode)


def _to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Wide grey values on 0 to 255: whole numbers by the range of 16 bits, real ones by that of 0 to 1, 8 or 16 bits.

    Those beyond, such as heights, have no range of their own and go by their extremes.
    """
    real = np.issubdtype(values.dtype, np.floating)
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    if not real and low >= 0 and high < len(_FROM_16_BITS):
        return _FROM_16_BITS[values]
    if real and low >= 0:
        low, high = 0.0, next((top for top in (1.0, 255.0, 65535.0) if high <= top), high)
    scaled = (np.where(finite, values, low).astype(np.float32) - low) * (255 / (high - low) if high > low else 0.0)
    return np.rint(scaled).astype(np.uint8)


def _too_large(name: str, most: int) -> UapsegError:
    return UapsegError(f"{name} has more than {most // 1_000_000} megapixels: bring a smaller one.")


def _name(source: Source) -> str:
    return "The picture" if isinstance(source, bytes) else f"The picture {Path(source).name}"
