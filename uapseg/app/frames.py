"""Arrays to the small pictures that the page shows, as data URIs: JPEG for photos, palette PNG for label maps."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uapseg.app.progress import LevelArray
from uapseg.models import RGB

Picture = NDArray[np.uint8]
"""RGB (h, w, 3) in grey levels."""

LabelMap = NDArray[np.uint8]
"""The class number of each pixel (h, w)."""


@dataclass(frozen=True, eq=False)
class UploadedPhoto:
    """A photo that a visitor brought, as it is shown: RGB (h, w, 3), uint8."""

    picture: Picture = field(repr=False)


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture to lay the perturbation on.

    Attributes:
        picture: RGB (h, w, 3), uint8.
        seen: What the network sees in it (h, w), uint8.
    """

    picture: Picture = field(repr=False)
    seen: LabelMap = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.picture.shape[1], self.picture.shape[0]


def perturb_photo(picture: Picture, levels: LevelArray) -> Picture:
    """The picture with the perturbation repeated over it from the top left corner, as an 8-bit file would hold it."""
    height, width = picture.shape[:2]
    down, across = -(-height // levels.shape[1]), -(-width // levels.shape[2])
    tiled = np.tile(levels.transpose(1, 2, 0), (down, across, 1))[:height, :width]
    return np.clip(picture + tiled, 0, 255).astype(np.uint8)


def stretch_levels(levels: LevelArray, size: tuple[int, int]) -> LevelArray:
    """A perturbation stretched to a picture's ``size`` (width, height)."""
    if levels.shape[:0:-1] == size:
        return levels
    planes = [Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.BILINEAR) for plane in levels]
    return np.rint(np.stack([np.asarray(plane) for plane in planes])).astype(np.int16)


def amplify_levels(levels: LevelArray, epsilon: int) -> Picture:
    """The perturbation so that no change is mid-grey and epsilon (in grey levels) the full range."""
    return np.clip(128 + levels.transpose(1, 2, 0) * (127.5 / epsilon), 0, 255).astype(np.uint8)


def difference(before: Picture, after: Picture, factor: int) -> Picture:
    """What was changed, times a factor, about mid-grey."""
    change = after.astype(np.int16) - before
    return np.clip(128 + factor * change, 0, 255).astype(np.uint8)


def spectrum(levels: LevelArray) -> Picture:
    """How strong each spatial frequency of a perturbation is, on a logarithmic scale; the middle is the mean."""
    strength = np.abs(np.fft.fftshift(np.fft.fft2(levels.astype(np.float32), axes=(1, 2)), axes=(1, 2)))
    scale = np.log1p(strength)
    return np.rint(255 * scale / max(float(scale.max()), 1e-6)).astype(np.uint8).transpose(1, 2, 0)


def grey_png(values: LabelMap) -> str:
    """Values of 0 to 255 (h, w) as a grey PNG data URI, at half the size."""
    return _uri(Image.fromarray(np.ascontiguousarray(values[::2, ::2])), "png", compress_level=4)


def webp(picture: Picture, quality: int = 80, width: int | None = None) -> str:
    """The same as WebP: a third smaller and twenty times slower, for what is sent with the page itself."""
    return _uri(_shrunk(picture, width), "webp", quality=quality, method=6)


def jpeg(picture: Picture, quality: int = 85, width: int | None = None) -> str:
    """A JPEG as data URI, at most ``width`` pixels wide."""
    return _uri(_shrunk(picture, width), "jpeg", quality=quality)


def _shrunk(picture: Picture, width: int | None) -> Image.Image:
    image = Image.fromarray(picture)
    if width and image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.BOX)
    return image


def label_png(labels: LabelMap, palette: Sequence[RGB], width: int | None = None) -> str:
    """A label map in the network's colours as a PNG data URI, at most ``width`` pixels wide."""
    image = Image.fromarray(labels, "P")
    image.putpalette([level for colour in palette for level in colour])
    if width and image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.NEAREST)
    return _uri(image, "png", compress_level=4)


def _uri(image: Image.Image, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode()
