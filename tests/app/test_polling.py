import asyncio
import base64
import io
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.small_world import ran, values, visitor
from uapseg.app import strings
from uapseg.app.frames import UploadedPhoto, label_png, perturb_photo
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.training import change_controls, start_run
from uapseg.app.runs.run import Run
from uapseg.app.view import polling
from uapseg.app.view.polling import Polling


@pytest.fixture
def finished(context: Context) -> Run:
    return ran(context, budget=320)


def poll(context: Context, **request: object) -> dict:
    return asyncio.run(Polling(context.workspaces, context.runs).poll({"workspace": "greys plain:x", **request}))


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_a_stranger_learns_nothing(context: Context):
    for request in ({}, {"token": "x"}, {"token": None}, {"token": ["a"]}):
        assert poll(context, **request) == {"gone": True}


def test_the_first_pull_fills_the_page(context: Context):
    reply = poll(context, token=visitor(context).token)
    assert (reply["status"], reply["image_gradients"], reply["total"]) == ("idle", 0, 2000)
    assert reply["photo"] == {"view": ("scene", 0)}  # which the page has
    assert "workspace" not in reply
    assert opened(reply["target"]).size == (96, 64)
    assert [share[0] for share in reply["shares"]] == ["region_success", "target_success"]
    assert reply["caption"] == "“foo” in light on dark, epsilon 10"
    assert "after" not in reply


def test_what_the_browser_has_is_not_sent_again(context: Context, finished: Run):
    first = poll(context, token=finished.token)
    assert {"after", "prediction", "perturbation", "curve", "thumbs", "photo"} <= first.keys()
    finished.publish(note="x")
    second = poll(context, token=finished.token, seq=first["seq"], frame=first["frame"])
    assert not {"after", "curve", "photo", "target"} & second.keys()
    assert second["note"] == "x"


def test_a_pull_waits_for_news(context: Context, finished: Run, monkeypatch: pytest.MonkeyPatch):
    first = poll(context, token=finished.token)
    monkeypatch.setattr(polling, "MAX_WAIT", 0.3)
    began = time.monotonic()
    poll(context, token=finished.token, seq=first["seq"], frame=first["frame"])
    assert time.monotonic() - began >= 0.3


def test_pulling_is_watching(context: Context, finished: Run):
    finished.last_watched -= 100
    assert finished.is_unwatched(30)
    poll(context, token=finished.token)
    assert not finished.is_unwatched(30)


def test_frames_leave_the_machine_alone_for_most_of_the_time(context: Context, finished: Run, monkeypatch):
    now = 100.0

    def slow(*_: object, **__: object) -> dict:
        nonlocal now
        now += 0.1
        return {"after": "x"}

    monkeypatch.setattr(polling, "frame", slow)
    monkeypatch.setattr(polling, "MAX_WAIT", 0)
    monkeypatch.setattr(polling, "time", SimpleNamespace(monotonic=lambda: now))
    assert "after" in poll(context, token=finished.token, seq=finished.seq)
    finished.publish(levels=finished.levels)
    now = 100.49
    assert "after" not in poll(context, token=finished.token, seq=finished.seq, frame=finished.seq - 1)
    now = 100.51
    assert "after" in poll(context, token=finished.token, seq=finished.seq, frame=finished.seq - 1)


def test_two_tabs_share_one_frame_and_a_hidden_tab_asks_for_none(context: Context, finished: Run, monkeypatch):
    made: list[int] = []
    real = polling.frame
    monkeypatch.setattr(polling, "frame", lambda *a, **k: made.append(1) or real(*a, **k))
    monkeypatch.setattr(polling, "FRAME_SECONDS", 0)
    monkeypatch.setattr(polling, "IDLE_SHARE", 0)
    assert "after" in poll(context, token=finished.token)
    assert "after" in poll(context, token=finished.token)
    assert len(made) == 1
    finished.publish(levels=finished.levels)
    assert "after" not in poll(context, token=finished.token, hidden=True)


def test_the_position_in_the_queue_is_reported(context: Context):
    first, second = visitor(context), visitor(context)
    for run in (first, second):
        start_run(context, run.token, *values(context))
    assert [poll(context, token=run.token)["place"] for run in (first, second)] == [1, 2]


@pytest.mark.parametrize("changes", [{"word": ""}, {"source": strings.DRAW}, {"goal": strings.HIDDEN, "hide": []}])
def test_an_unfinished_choice_shows_no_target(context: Context, changes: dict):
    run = visitor(context)
    change_controls(context, run.token, *values(context, **changes))
    reply = poll(context, token=run.token)
    assert reply["target"] is None


def test_pictures_are_what_the_files_hold():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    levels = rng.integers(-10, 11, (3, 20, 30)).astype(np.int16)
    changed = perturb_photo(picture, levels)
    expected = np.clip(picture[40:50, 60:70].astype(int) + levels.transpose(1, 2, 0)[:10, :10], 0, 255)
    np.testing.assert_array_equal(changed[40:50, 60:70], expected)


def test_a_label_map_keeps_its_colours():
    palette = ((10, 20, 30), (200, 100, 0), (255, 255, 255))
    labels = np.array([[0, 1], [2, 1]], np.uint8)
    shown = np.asarray(opened(label_png(labels, palette)).convert("RGB"))
    np.testing.assert_array_equal(shown, np.array(palette, np.uint8)[labels])


def test_the_event_loop_waits_for_nothing_while_the_network_looks_at_photos(
    context: Context, finished: Run, monkeypatch: pytest.MonkeyPatch
):
    others = threading.Event()

    def others_go_on() -> None:
        others.clear()
        assert others.wait(20), "the event loop waits"

    def slowly(picture: np.ndarray) -> np.ndarray:
        others_go_on()
        return np.zeros(picture.shape[:2], np.uint8)

    monkeypatch.setattr(context.workspaces.first, "predict", slowly)
    for name in ("heading", "figures"):  # and what takes its time on a large picture
        monkeypatch.setattr(polling, name, lambda *_: others_go_on() or {"curve": []})
    finished.publish(photos=[UploadedPhoto(np.zeros((64, 96, 3), np.uint8)) for _ in range(6)], view=("own", 0))

    async def last_watched() -> dict:
        page = Polling(context.workspaces, context.runs)
        answer = asyncio.create_task(
            page.poll({"workspace": "greys plain:x", "token": finished.token, "wants_own": True})
        )
        while not answer.done():
            others.set()
            await asyncio.sleep(0.001)
        return answer.result()

    reply = asyncio.run(last_watched())
    assert len(reply["photos"]) == 6
