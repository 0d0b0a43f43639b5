"""H.264 videos that every browser plays, through PyAV, and what a visitor records of the camera."""

import io
import time
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np

from uapseg.app.frames import Picture

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
        self._file = av.open(self._buffer, "w", format="mp4")
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
