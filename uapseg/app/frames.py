"""Pictures, label maps and videos as the browser gets them, and what it asks for."""

import base64
import io
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uapseg.app.device import LevelArray
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
        prediction: What the network sees in it (h, w), uint8.
    """

    picture: Picture = field(repr=False)
    prediction: LabelMap = field(repr=False)

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


STRENGTHS = (0.0, 1.5)
FACTORS = (1, 60)


def to_values(sent: object) -> dict[str, Any]:
    """The values of a message of the browser by name; none where something else was sent."""
    return cast("dict[str, Any]", sent) if isinstance(sent, dict) else {}


@dataclass(frozen=True)
class FrameOptions:
    """How a frame is to be made.

    Attributes:
        slow: Smaller pictures, for a slow link.
        strength: What the perturbation is multiplied by.
        factor: By how much the difference to the clean picture is amplified; 0 shows none.
        stretch: Whether the perturbation is stretched over a picture of another size, instead of repeated.
        spectrum: Whether the spectrum of the perturbation is wanted.
        confidence: Whether it is wanted how sure the network is.
    """

    slow: bool = False
    strength: float = 1.0
    factor: int = 0
    stretch: bool = False
    spectrum: bool = False
    confidence: bool = False

    @classmethod
    def of(cls, values: dict[str, Any]) -> "FrameOptions":
        """What is wanted; whatever does not make sense falls back to the default."""
        strength, factor = values.get("strength"), values.get("factor")
        good = isinstance(strength, int | float) and STRENGTHS[0] <= strength <= STRENGTHS[1]
        return cls(
            strength=float(strength) if good and strength is not None else 1.0,
            factor=factor if isinstance(factor, int) and FACTORS[0] <= factor <= FACTORS[1] else 0,
            **{name: values.get(name) is True for name in ("slow", "stretch", "spectrum", "confidence")},
        )


@dataclass(frozen=True)
class Request:
    """What the browser has, and how it wants what is new.

    Attributes:
        token: The visitor's.
        seq: The `seq` of the run that it saw last.
        frame: The version of its frame.
        own_version: The version of the figures of the visitor's own photos.
        turn: The ticket of the turn on the device that it took up last.
        workspace: The network and the pictures that it shows.
        hidden: Whether it wants no frames.
        wants_own: Whether it wants figures of the visitor's own photos.
        options: How frames are to be made.
    """

    token: str
    seq: int = -1
    frame: int = -1
    own_version: int = -1
    turn: int = -1
    workspace: str = ""
    hidden: bool = False
    wants_own: bool = False
    options: FrameOptions = field(default_factory=FrameOptions)

    @classmethod
    def of(cls, sent: object) -> "Request":
        """A request from whatever was sent."""
        values = to_values(sent)
        numbers = {name: values.get(name) for name in ("seq", "frame", "own_version", "turn")}
        return cls(
            str(values.get("token", "")),
            workspace=str(values.get("workspace", "")),
            options=FrameOptions.of(values),
            **{name: number if isinstance(number, int) else -1 for name, number in numbers.items()},
            **{name: values.get(name) is True for name in ("hidden", "wants_own")},
        )


RATE = 10
"""Frames a second that clips are shown and written with, and that the camera has at best."""

MOST_SECONDS = 20.0
BITS = {"crf": "20", "preset": "veryfast"}
TICK = Fraction(1, 90_000)
"""The unit of time in a video, in seconds."""


class Video:
    """A video that is written frame by frame: of the frames no more than the encoder needs is kept."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._file = cast("Any", av).open(self._buffer, "w", format="mp4")  # its types are incomplete
        self._stream = self._file.add_stream("libx264", rate=RATE, options=BITS)
        self._stream.codec_context.time_base = TICK
        self._shape: tuple[int, ...] = ()

    def add(self, picture: Picture, at: float) -> None:
        """Adds a frame, shown from ``at`` (in seconds) on; one of another size than the first is left out."""
        if not self._shape:
            self._shape = picture.shape
            height, width = picture.shape[:2]
            stream = self._stream
            stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        if picture.shape != self._shape:
            return
        even = np.ascontiguousarray(picture[: self._stream.height, : self._stream.width])
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        frame.pts, frame.time_base = round(at / TICK), TICK
        self._file.mux(self._stream.encode(frame))

    def content(self) -> bytes:
        """The whole of it; nothing can be added any more."""
        self._file.mux(self._stream.encode(None))
        self._file.close()
        return self._buffer.getvalue()


def mp4(frames: Iterable[Picture], rate: int) -> bytes:
    """Frames of one size as a video."""
    video = Video()
    for number, picture in enumerate(frames):
        video.add(picture, number / rate)
    return video.content()


class Recording:
    """What a visitor records, as fast as it comes.

    Args:
        number: What the browser calls the recording.

    Attributes:
        number: The same.
        seconds: How long it is, at most `MOST_SECONDS`.
    """

    def __init__(self, number: int) -> None:
        self.number, self.seconds = number, 0.0
        self._video, self._began = Video(), 0.0

    @property
    def full(self) -> bool:
        """Whether nothing more is taken."""
        return self.seconds >= MOST_SECONDS

    def add(self, picture: Picture) -> None:
        """Takes up what is shown now."""
        if self.full:
            return
        now = time.monotonic()
        self._began = self._began or now
        self.seconds = min(MOST_SECONDS, now - self._began)
        self._video.add(picture, self.seconds)

    def content(self) -> bytes:
        """The video."""
        return self._video.content()
