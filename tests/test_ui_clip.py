"""Clips and the camera."""

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace

import av
import gradio as gr
import numpy as np
import pytest

from tests.small_world import SHADES, ran, registry, visitor
from uapseg.errors import UapsegError
from uapseg.ui.camera import Camera
from uapseg.ui.clip import pictures_of
from uapseg.ui.frames import jpeg, stretched
from uapseg.ui.handlers import Handlers
from uapseg.ui.reel import MOST_SECONDS, RATE, Reel, mp4
from uapseg.ui.runs import Run
from uapseg.ui.studios import Studios


@pytest.fixture(scope="module")
def handlers(studios: Studios) -> Handlers:
    return Handlers(studios, registry(), patience=600)


@pytest.fixture(scope="module")
def finished(handlers: Handlers) -> Run:
    return ran(handlers, budget=320)


def grey(shade: int, width: int = 96, height: int = 64) -> np.ndarray:
    return np.full((height, width, 3), shade, np.uint8)


def decoded(content: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(content)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_a_clip_comes_back_with_the_word_in_every_frame(handlers: Handlers, finished: Run, tmp_path: Path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(mp4([grey(104)] * 20, 20))  # a second at twice the rate
    made = decoded(Path(handlers.on_clip(finished.token, str(path))).read_bytes())
    assert len(made) == RATE
    for frame in made:
        assert frame.shape == (64, 192, 3)
        seen = frame[:, 96:].mean(axis=2)
        assert seen[32, 48 - 14] > seen[2, 2] + 40  # inside the letter, light; in the corner, dark


def test_only_the_first_seconds_are_taken_and_made_small(tmp_path: Path):
    path = tmp_path / "long.mp4"
    path.write_bytes(mp4([grey(100, 800, 400)] * 10, 1))
    taken = list(pictures_of(path))
    assert len(taken) == 7
    path.write_bytes(mp4([grey(100)] * 20, RATE))
    assert len(list(pictures_of(path))) == 20
    assert taken[0].shape == (192, 384, 3)


@pytest.mark.parametrize("content", [b"", b"no video", b"#EXTM3U\n/etc/passwd", b"\0\0\0\x20ftypisom" + b"\0" * 50])
def test_what_is_no_clip_is_refused_in_a_sentence(handlers: Handlers, finished: Run, tmp_path: Path, content: bytes):
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(UapsegError, match="could not be read"):
        list(pictures_of(tmp_path / "clip.mp4"))
    with pytest.raises(gr.Error, match="could not be read"):
        handlers.on_clip(finished.token, str(tmp_path / "clip.mp4"))


def test_a_clip_needs_a_perturbation(handlers: Handlers, tmp_path: Path):
    with pytest.raises(gr.Error, match="start a run first"):
        handlers.on_clip(visitor(handlers).token, str(tmp_path / "clip.mp4"))


def test_a_frame_of_the_camera_is_seen_without_and_with_the_perturbation(handlers: Handlers, finished: Run):
    camera, picture = Camera(handlers.studios, handlers.runs), jpeg(grey(SHADES[1]))
    reply = asyncio.run(camera.shot({"token": finished.token, "picture": picture}))
    assert (reply["photo"]["width"], reply["photo"]["height"]) == (96, 64)
    assert reply["reached"] > 0.9
    alone = asyncio.run(camera.shot({"token": visitor(handlers).token, "picture": picture}))
    assert set(alone) == {"photo"}
    for nonsense in ("", "data:image/jpeg;base64,AAAA", "," + "A" * 2_000_000):
        assert asyncio.run(camera.shot({"token": finished.token, "picture": nonsense})) == {}


def test_the_camera_is_recorded_as_it_is_shown(handlers: Handlers, finished: Run, monkeypatch: pytest.MonkeyPatch):
    camera, clock = Camera(handlers.studios, handlers.runs), iter(range(100, 200, 4))
    monkeypatch.setattr("uapseg.ui.reel.time", SimpleNamespace(monotonic=lambda: next(clock)))
    sent = {"token": finished.token, "picture": jpeg(grey(SHADES[1])), "record": 7}
    told = [asyncio.run(camera.shot({**sent, "strength": strength})) for strength in (0.0, *[1.0] * 6)]
    assert [reply["recorded"] for reply in told] == [0, 4, 8, 12, 16, 20, 20]
    assert [reply["full"] for reply in told] == [False] * 5 + [True] * 2
    path = Path(handlers.on_reel(finished.token))
    off, *on = frames = decoded(path.read_bytes())
    assert len(frames) == 6
    assert off[:, 96:].mean(axis=2)[32, 48 - 14] < 80  # without the noise all is dark
    assert all(frame[:, 96:].mean(axis=2)[32, 48 - 14] > 80 for frame in on)
    with av.open(str(path)) as file:
        assert file.streams.video[0].codec_context.name == "h264"
        assert [frame.time for frame in file.decode(video=0)] == pytest.approx([0, 4, 8, 12, 16, 20], abs=0.01)
    with pytest.raises(gr.Error, match="Nothing was recorded"):
        handlers.on_reel(finished.token)


def test_a_recording_of_another_number_begins_anew(handlers: Handlers, finished: Run):
    camera, sent = Camera(handlers.studios, handlers.runs), {"token": finished.token, "picture": jpeg(grey(104))}
    for number in (1, 1, 2):
        asyncio.run(camera.shot({**sent, "record": number}))
    assert len(decoded(Path(handlers.on_reel(finished.token)).read_bytes())) == 1


def test_a_frame_of_another_size_and_what_comes_too_late_are_left_out(monkeypatch: pytest.MonkeyPatch):
    reel = Reel(1)
    reel.add(grey(100))
    reel.add(grey(100, 48))
    reel._began -= MOST_SECONDS
    for _ in range(3):
        reel.add(grey(100))
    assert len(decoded(reel.content())) == 2


def test_a_stretched_perturbation_has_the_size_of_the_picture_and_stays_within_its_epsilon():
    levels = np.zeros((3, 4, 6), np.int16)
    levels[:, :, 3:] = 10
    wide = stretched(levels, (60, 20))
    assert wide.shape == (3, 20, 60)
    assert (wide[:, :, :20] == 0).all()
    assert (wide[:, :, 40:] == 10).all()
    assert stretched(levels, (6, 4)) is levels
