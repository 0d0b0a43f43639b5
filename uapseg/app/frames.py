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
import torch
from numpy.typing import NDArray
from PIL import Image

from uapseg.app.runs.device import LevelArray
from uapseg.models import RGB
from uapseg.results.robustness import DEFENCES, defend

Picture = NDArray[np.uint8]
"""RGB (h, w, 3) in grey levels."""

LabelMap = NDArray[np.uint8]
"""The class number of each pixel (h, w)."""


@dataclass(frozen=True, eq=False)
class UploadedPhoto:
    """A photo that a visitor uploaded, scaled for display: RGB (h, w, 3), uint8.

    Example:
        >>> UploadedPhoto(np.zeros((48, 64, 3), np.uint8)).picture.shape
        (48, 64, 3)
    """

    picture: Picture = field(repr=False)


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture that the perturbation is added to.

    Attributes:
        picture: RGB (h, w, 3), uint8.
        prediction: The network's label map of it (h, w), uint8.

    Example:
        >>> Photo(np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)).size
        (64, 48)
    """

    picture: Picture = field(repr=False)
    prediction: LabelMap = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.picture.shape[1], self.picture.shape[0]


def perturb_photo(picture: Picture, levels: LevelArray) -> Picture:
    """Adds a perturbation, repeated from the top left corner, to a picture, and clips to 8 bits.

    Example:
        >>> grey, levels = np.full((2, 3, 3), 250, np.uint8), np.full((3, 1, 2), 10, np.int16)
        >>> perturb_photo(grey, levels)[0, 0].tolist()
        [255, 255, 255]
    """
    height, width = picture.shape[:2]
    down, across = -(-height // levels.shape[1]), -(-width // levels.shape[2])
    tiled = np.tile(levels.transpose(1, 2, 0), (down, across, 1))[:height, :width]
    return np.clip(picture + tiled, 0, 255).astype(np.uint8)


def defend_photo(picture: Picture, defence: str) -> Picture:
    """Applies one of `uapseg.results.robustness.DEFENCES` to a picture; none if ``defence`` is empty.

    Example:
        >>> defend_photo(np.full((16, 16, 3), 100, np.uint8), "5 bits").max()
        np.uint8(99)
    """
    if not defence:
        return picture
    images = torch.as_tensor(picture.transpose(2, 0, 1).copy()).unsqueeze(0).float() / 255
    return (defend(images, defence)[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def stretch_levels(levels: LevelArray, size: tuple[int, int]) -> LevelArray:
    """Stretches a perturbation to a picture's ``size`` (width, height), bilinearly.

    Example:
        >>> stretch_levels(np.full((3, 2, 4), 5, np.int16), (8, 6)).shape
        (3, 6, 8)
    """
    if levels.shape[:0:-1] == size:
        return levels
    planes = [Image.fromarray(plane.astype(np.float32)).resize(size, Image.Resampling.BILINEAR) for plane in levels]
    return np.rint(np.stack([np.asarray(plane) for plane in planes])).astype(np.int16)


def difference(before: Picture, after: Picture, factor: int) -> Picture:
    """The difference between two pictures, times a factor, around mid-grey.

    Example:
        >>> before, after = np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 2, np.uint8)
        >>> difference(before, after, 10)[0, 0].tolist()
        [148, 148, 148]
    """
    change = after.astype(np.int16) - before
    return np.clip(128 + factor * change, 0, 255).astype(np.uint8)


def spectrum(levels: LevelArray) -> Picture:
    """The magnitude of each spatial frequency of a perturbation (h, w, 3), logarithmic; the mean is in the middle.

    Example:
        >>> spectrum(np.ones((3, 3, 3), np.int16))[:, :, 0].tolist()
        [[0, 0, 0], [0, 255, 0], [0, 0, 0]]
    """
    strength = np.abs(np.fft.fftshift(np.fft.fft2(levels.astype(np.float32), axes=(1, 2)), axes=(1, 2)))
    scale = np.log1p(strength)
    return np.rint(255 * scale / max(float(scale.max()), 1e-6)).astype(np.uint8).transpose(1, 2, 0)


def grey_png(values: LabelMap) -> str:
    """Encodes values of 0 to 255 (h, w) as a grey PNG data URI of half the width and height.

    Example:
        >>> grey_png(np.zeros((4, 4), np.uint8))[:22]
        'data:image/png;base64,'
    """
    return _uri(Image.fromarray(np.ascontiguousarray(values[::2, ::2])), "png", compress_level=4)


def webp(picture: Picture, quality: int = 80, width: int | None = None) -> str:
    """Encodes a picture as a WebP data URI, at most ``width`` pixels wide.

    It is a third smaller than JPEG and takes twenty times as long, so it is used only for pictures in the page itself.

    Example:
        >>> webp(np.zeros((4, 4, 3), np.uint8))[:23]
        'data:image/webp;base64,'
    """
    return _uri(_shrink(picture, width), "webp", quality=quality, method=6)


def jpeg(picture: Picture, quality: int = 85, width: int | None = None) -> str:
    """Encodes a picture as a JPEG data URI, at most ``width`` pixels wide.

    Example:
        >>> jpeg(np.zeros((4, 4, 3), np.uint8))[:23]
        'data:image/jpeg;base64,'
    """
    return _uri(_shrink(picture, width), "jpeg", quality=quality)


def _shrink(picture: Picture, width: int | None) -> Image.Image:
    image = Image.fromarray(picture)
    if width and image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.BOX)
    return image


def label_png(labels: LabelMap, palette: Sequence[RGB], width: int | None = None) -> str:
    """Encodes a label map in the network's colours as a PNG data URI, at most ``width`` pixels wide.

    Example:
        >>> label_png(np.zeros((4, 4), np.uint8), [(0, 0, 0), (255, 0, 0)])[:22]
        'data:image/png;base64,'
    """
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
    """The values of a message from the browser by name; an empty dict for anything else.

    Example:
        >>> to_values({"token": "a"}), to_values("a")
        ({'token': 'a'}, {})
    """
    return cast("dict[str, Any]", sent) if isinstance(sent, dict) else {}


@dataclass(frozen=True)
class FrameOptions:
    """What a frame contains.

    Attributes:
        slow: Whether pictures are smaller, for a slow connection.
        strength: The factor of the perturbation, from 0 to 1.5.
        factor: The amplification of the difference to the clean picture, from 1 to 60; 0 leaves it out.
        stretch: Whether the perturbation is stretched over a picture of another size, instead of repeated.
        spectrum: Whether the spectrum of the perturbation is shown instead of the perturbation.
        confidence: Whether the network's confidence is included.
        defence: The defence before the network, a key of `uapseg.results.robustness.DEFENCES`; empty for none.

    Example:
        >>> FrameOptions.of({"strength": 0.5, "factor": 1000}).strength
        0.5
    """

    slow: bool = False
    strength: float = 1.0
    factor: int = 0
    stretch: bool = False
    spectrum: bool = False
    confidence: bool = False
    defence: str = ""

    @classmethod
    def of(cls, values: dict[str, Any]) -> "FrameOptions":
        """Options from a message of the browser; values of the wrong type or range become the defaults."""
        strength, factor = values.get("strength"), values.get("factor")
        good = isinstance(strength, int | float) and STRENGTHS[0] <= strength <= STRENGTHS[1]
        return cls(
            strength=float(strength) if good and strength is not None else 1.0,
            factor=factor if isinstance(factor, int) and FACTORS[0] <= factor <= FACTORS[1] else 0,
            defence=next((name for name in DEFENCES if name == values.get("defence")), ""),
            **{name: values.get(name) is True for name in ("slow", "stretch", "spectrum", "confidence")},
        )


@dataclass(frozen=True)
class Request:
    """A poll: the state that the browser shows, and what it requests.

    Attributes:
        token: The visitor's token.
        seq: The last `seq` of the run that the browser received.
        frame: The version of the frame that it shows.
        own_version: The version of the scores of the visitor's own photos that it shows.
        turn: The ticket of the last turn on the device that it began.
        workspace: The key of the network and the pictures that it shows.
        hidden: Whether it wants no frames.
        wants_own: Whether it wants scores of the visitor's own photos.
        options: What a frame contains.

    Example:
        >>> Request.of({"token": "a", "seq": 3}).seq, Request.of("nonsense").seq
        (3, -1)
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
    def of(cls, payload: object) -> "Request":
        """A request from a message of the browser; values of the wrong type become the defaults."""
        values = to_values(payload)
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

MAX_SECONDS = 20.0
BITS = {"crf": "20", "preset": "veryfast"}
TICK = Fraction(1, 90_000)
"""The unit of time in a video, in seconds."""


class Video:
    """An MP4 video (H.264) in memory, encoded frame by frame.

    Example:
        >>> video = Video()
        >>> video.add(np.zeros((32, 32, 3), np.uint8), at=0.0)
        >>> len(video.content()) > 100
        True
    """

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._file = cast("Any", av).open(self._buffer, "w", format="mp4")  # its types are incomplete
        self._stream = self._file.add_stream("libx264", rate=RATE, options=BITS)
        self._stream.codec_context.time_base = TICK
        self._shape: tuple[int, ...] = ()

    def add(self, picture: Picture, at: float) -> None:
        """Adds a frame (h, w, 3), shown from second ``at``; a frame of another size than the first is left out."""
        if not self._shape:
            self._shape = picture.shape
            height, width = picture.shape[:2]
            stream = self._stream
            stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        if picture.shape != self._shape:
            return
        even_picture = np.ascontiguousarray(picture[: self._stream.height, : self._stream.width])
        frame = av.VideoFrame.from_ndarray(even_picture, format="rgb24")
        frame.pts, frame.time_base = round(at / TICK), TICK
        self._file.mux(self._stream.encode(frame))

    def content(self) -> bytes:
        """Ends the video and returns the file; nothing can be added afterwards."""
        self._file.mux(self._stream.encode(None))
        self._file.close()
        return self._buffer.getvalue()


def mp4(frames: Iterable[Picture], rate: int) -> bytes:
    """Encodes frames (h, w, 3) of one size, ``rate`` per second, as MP4.

    Example:
        >>> mp4([np.zeros((32, 32, 3), np.uint8)] * 2, RATE)[4:8]
        b'ftyp'
    """
    video = Video()
    for number, picture in enumerate(frames):
        video.add(picture, number / rate)
    return video.content()


class Recording:
    """A recording of a visitor's camera, with frames at the times at which they are added.

    Args:
        number: The browser's number of the recording.

    Attributes:
        number: The browser's number of the recording.
        seconds: Its length, at most `MAX_SECONDS`.

    Example:
        >>> recording = Recording(1)
        >>> recording.add(np.zeros((32, 32, 3), np.uint8))
        >>> recording.full
        False
    """

    def __init__(self, number: int) -> None:
        self.number, self.seconds = number, 0.0
        self._video, self._start_time = Video(), 0.0

    @property
    def full(self) -> bool:
        """Whether it is as long as a recording may be."""
        return self.seconds >= MAX_SECONDS

    def add(self, picture: Picture) -> None:
        """Adds a frame (h, w, 3) at the present time."""
        if self.full:
            return
        time_now = time.monotonic()
        self._start_time = self._start_time or time_now
        self.seconds = min(MAX_SECONDS, time_now - self._start_time)
        self._video.add(picture, self.seconds)

    def content(self) -> bytes:
        """The video."""
        return self._video.content()
