"""Clips and the camera."""

import asyncio
import base64
import io
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import gradio as gr
import numpy as np
import pytest
from PIL import Image

from tests.small_world import SHADES, ran, registry, visitor
from uapseg.app.frames import MAX_SECONDS, RATE, Recording, jpeg, mp4, stretch_levels
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.files import finish_recording, perturb_video
from uapseg.app.runs.run import Run
from uapseg.app.view import decoder
from uapseg.app.view.camera import Camera
from uapseg.app.view.clip import decode_clip
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.errors import UapsegError
from uapseg.io.images import encode_png


@pytest.fixture(scope="module")
def context(workspaces: WorkspaceCache) -> Context:
    return Context(workspaces, registry(), patience=600)


@pytest.fixture(scope="module")
def finished(context: Context) -> Run:
    return ran(context, budget=320)


def grey(shade: int, width: int = 96, height: int = 64) -> np.ndarray:
    return np.full((height, width, 3), shade, np.uint8)


def png(picture: Image.Image) -> str:
    return "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode()


def decoded(content: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(content)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_a_clip_comes_back_with_the_word_in_every_frame(
    context: Context, finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path, told = tmp_path / "clip.mp4", []
    path.write_bytes(mp4([grey(104)] * 20, 20))  # a second at twice the rate
    publish = finished.publish
    monkeypatch.setattr(
        finished, "publish", lambda **changes: (told.append(changes.get("reading")), publish(**changes))
    )
    made = decoded(Path(perturb_video(context, finished.token, str(path))).read_bytes())
    assert told == [("clip", None), *(("clip", number / RATE) for number in range(1, RATE + 1)), None]
    assert len(made) == RATE
    for frame in made:
        assert frame.shape == (64, 192, 3)
        prediction = frame[:, 96:].mean(axis=2)
        assert prediction[32, 48 - 14] > prediction[2, 2] + 40  # inside the letter, light; in the corner, dark


def test_a_large_clip_is_made_to_fit_before_the_perturbation_is_laid_on(
    context: Context, finished: Run, tmp_path: Path
):
    path = tmp_path / "clip.mp4"
    path.write_bytes(mp4([grey(104, 960, 640)] * 3, RATE))
    for frame in decoded(Path(perturb_video(context, finished.token, str(path))).read_bytes()):
        assert frame.shape == (64, 192, 3)
        prediction = frame[:, 96:].mean(axis=2)
        assert prediction[32, 48 - 14] > prediction[2, 2] + 40


def test_only_the_first_seconds_are_taken_and_made_small(tmp_path: Path):
    path = tmp_path / "long.mp4"
    path.write_bytes(mp4([grey(100, 800, 400)] * 10, 1))
    taken = decode_clip(path)
    assert len(taken) == 7
    assert taken[0].shape == (256, 512, 3)


def frames(file: Path, size: tuple[int, int], *, start: float = 0, number: int = 5) -> Path:
    """A clip of ten frames a second; the upper half of each is red, the left half of the rest blue."""
    (width, height), codec = size, "png" if file.suffix == ".mov" else "libx264"
    values = np.full((height, width, 3), 60, np.uint8)
    values[: height // 2] = (220, 40, 40)
    values[height // 2 :, : width // 2] = (40, 40, 220)
    with av.open(str(file), "w") as out:
        stream = cast("av.VideoStream", out.add_stream(codec, rate=10, options={"g": "1"}))
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb24" if codec == "png" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(number):
            frame = av.VideoFrame.from_ndarray(values, format="rgb24")
            frame.pts, frame.time_base = round(1000 * (start + index / 10)), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file


def test_a_clip_that_begins_late_is_taken_from_its_beginning(tmp_path: Path):
    taken = decode_clip(frames(tmp_path / "late.mkv", (96, 64), start=20, number=20))
    assert len(taken) == 20


@pytest.mark.parametrize(
    ("matrix", "corners"),
    [
        ((1, 0, 0, 1), "red red blue grey"),
        ((0, 1, -1, 0), "blue red grey red"),
        ((-1, 0, 0, -1), "grey blue red red"),
        ((0, -1, 1, 0), "red grey red blue"),
        ((-1, 0, 0, 1), "red red grey blue"),
        ((0, 1, 1, 0), "red blue red grey"),
    ],
    ids=["upright", "right", "upside down", "left", "mirrored", "mirrored and turned"],
)
def test_a_clip_is_turned_as_its_phone_was_held(matrix: tuple[int, ...], corners: str, tmp_path: Path):
    content = bytearray(frames(tmp_path / "plain.mp4", (96, 64)).read_bytes())
    a, b, c, d = (number << 16 for number in matrix)
    at = content.find(b"tkhd") + 44
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(content)
    first, *_ = decode_clip(tmp_path / "turned.mp4")
    assert first.shape == ((64, 96, 3) if a else (96, 64, 3))
    names = {"red": (220, 40, 40), "blue": (40, 40, 220), "grey": (60, 60, 60)}
    found = [first[y, x].astype(int) for y, x in ((9, 9), (9, -9), (-9, 9), (-9, -9))]
    nearest = [min(names, key=lambda name: np.abs(colour - names[name]).sum()) for colour in found]
    assert nearest == corners.split()


@pytest.mark.parametrize("size", [(20_000, 8), (1, 1), (4000, 3000), (15, 400)])
def test_frames_that_are_too_large_or_too_small_are_refused_undecoded(size: tuple[int, int], tmp_path: Path):
    with pytest.raises(UapsegError, match="too large or too small"):
        decode_clip(frames(tmp_path / "clip.mov", size, number=1))


def test_what_comes_before_the_damage_in_a_clip_is_taken(tmp_path: Path):
    content = frames(tmp_path / "clip.mkv", (96, 64), number=10).read_bytes()
    (tmp_path / "torn.mkv").write_bytes(content[: len(content) // 2])
    assert 2 <= len(decode_clip(tmp_path / "torn.mkv")) < 10


def test_a_decoder_that_does_not_come_to_an_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "stuck.py").write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr("uapseg.app.view.clip.DECODER", tmp_path / "stuck.py")
    monkeypatch.setattr("uapseg.app.view.clip.DECODER_PATIENCE", 0.2)
    with pytest.raises(UapsegError, match="could not be read"):
        decode_clip(frames(tmp_path / "clip.mkv", (96, 64)))


def test_decoding_stops_when_its_time_is_over_and_its_memory_is_limited(tmp_path: Path, monkeypatch):
    file, clock = frames(tmp_path / "clip.mkv", (96, 64), number=10), iter([0, 1, 2, 3, 4, 5])
    monkeypatch.setattr(decoder, "time", SimpleNamespace(process_time=lambda: next(clock)))
    assert len(list(decoder.frames(str(file), "matroska", 6, 10, 384))) == 3
    code = f"import runpy, sys; runpy.run_path({decoder.__file__!r})['limit'](); bytearray(700 << 20)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if sys.platform == "linux":
        assert "MemoryError" in ended.stderr


@pytest.mark.parametrize("content", [b"", b"no video", b"#EXTM3U\n/etc/passwd", b"\0\0\0\x20ftypisom" + b"\0" * 50])
def test_what_is_no_clip_is_refused_in_a_sentence(context: Context, finished: Run, tmp_path: Path, content: bytes):
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(UapsegError, match="could not be read"):
        decode_clip(tmp_path / "clip.mp4")
    with pytest.raises(gr.Error, match="could not be read"):
        perturb_video(context, finished.token, str(tmp_path / "clip.mp4"))


def test_a_clip_needs_a_perturbation(context: Context, tmp_path: Path):
    with pytest.raises(gr.Error, match="start a run first"):
        perturb_video(context, visitor(context).token, str(tmp_path / "clip.mp4"))


def test_a_frame_of_the_camera_is_seen_without_and_with_the_perturbation(context: Context, finished: Run):
    camera, picture = Camera(context.workspaces, context.runs), jpeg(grey(SHADES[1]))
    reply = asyncio.run(camera.camera_frame({"token": finished.token, "picture": picture}))
    assert (reply["photo"]["width"], reply["photo"]["height"]) == (96, 64)
    assert reply["success"] > 0.9
    alone = asyncio.run(camera.camera_frame({"token": visitor(context).token, "picture": picture}))
    assert set(alone) == {"photo"}
    large = png(Image.new("L", (1001, 1000)))
    for nonsense in ("", "data:image/jpeg;base64,AAAA", ",AAA", "," + "A" * 2_000_000, large):
        with pytest.raises(UapsegError, match="picture"):
            asyncio.run(camera.camera_frame({"token": finished.token, "picture": nonsense}))


def test_the_camera_is_recorded_as_it_is_shown(context: Context, finished: Run, monkeypatch: pytest.MonkeyPatch):
    camera, clock = Camera(context.workspaces, context.runs), iter(range(100, 200, 4))
    monkeypatch.setattr("uapseg.app.frames.time", SimpleNamespace(monotonic=lambda: next(clock)))
    sent = {"token": finished.token, "picture": jpeg(grey(SHADES[1])), "record": 7}
    told = [asyncio.run(camera.camera_frame({**sent, "strength": strength})) for strength in (0.0, *[1.0] * 6)]
    assert [reply["recorded"] for reply in told] == [0, 4, 8, 12, 16, 20, 20]
    assert [reply["full"] for reply in told] == [False] * 5 + [True] * 2
    path = Path(finish_recording(context, finished.token))
    off, *on = frames = decoded(path.read_bytes())
    assert len(frames) == 6
    assert off[:, 96:].mean(axis=2)[32, 48 - 14] < 80  # without the noise all is dark
    assert all(frame[:, 96:].mean(axis=2)[32, 48 - 14] > 80 for frame in on)
    with av.open(str(path)) as file:
        assert file.streams.video[0].codec_context.name == "h264"
        assert [frame.time for frame in file.decode(video=0)] == pytest.approx([0, 4, 8, 12, 16, 20], abs=0.01)
    with pytest.raises(gr.Error, match="Nothing was recorded"):
        finish_recording(context, finished.token)


def test_a_recording_of_another_number_begins_anew(context: Context, finished: Run):
    camera, sent = Camera(context.workspaces, context.runs), {"token": finished.token, "picture": jpeg(grey(104))}
    for number in (1, 1, 2):
        asyncio.run(camera.camera_frame({**sent, "record": number}))
    assert len(decoded(Path(finish_recording(context, finished.token)).read_bytes())) == 1


def test_a_frame_of_another_size_and_what_comes_too_late_are_left_out(monkeypatch: pytest.MonkeyPatch):
    recording = Recording(1)
    recording.add(grey(100))
    recording.add(grey(100, 48))
    recording._start_time -= MAX_SECONDS
    for _ in range(3):
        recording.add(grey(100))
    assert len(decoded(recording.content())) == 2


def test_a_stretched_perturbation_has_the_size_of_the_picture_and_stays_within_its_epsilon():
    levels = np.zeros((3, 4, 6), np.int16)
    levels[:, :, 3:] = 10
    wide = stretch_levels(levels, (60, 20))
    assert wide.shape == (3, 20, 60)
    assert (wide[:, :, :20] == 0).all()
    assert (wide[:, :, 40:] == 10).all()
    assert stretch_levels(levels, (6, 4)) is levels
