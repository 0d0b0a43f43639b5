"""Choosing another network and other pictures, and downloading what they need, through real sockets."""

import asyncio
import io
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from tests.conftest import Plain
from tests.server import Server, serving
from tests.small_world import FAR, SHADES, registry, small_world, values, visitor
from uapseg.app import polling, strings
from uapseg.app.handlers import CONTROLS, Handlers
from uapseg.app.polling import Polling
from uapseg.app.runs import Run
from uapseg.app.workspaces import WorkspaceCache
from uapseg.io.download import Download

SLOW = {"pause": 0.01}
"""The file takes two seconds."""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        server.add("far.bin", b"x" * 200_000)
        yield server


@pytest.fixture
def workspaces(server: Server, tmp_path: Path) -> Iterator[WorkspaceCache]:
    with small_world(f"{server.address}/far.bin", tmp_path) as workspaces:
        yield workspaces


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LONGEST_WAIT", 0.3)
    monkeypatch.setattr(polling, "COMING_SECONDS", 0.05)


def pull(handlers: Handlers, run: Run) -> dict:
    return asyncio.run(
        Polling(handlers.workspaces, handlers.runs).pull({"token": run.token, "world": "greys plain:x"})
    )


def until(handlers: Handlers, run: Run, met) -> dict:
    """Pulls until a condition on the reply is met."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        reply = pull(handlers, run)
        if met(reply):
            return reply
    raise AssertionError(reply)


def controls_of(updates: tuple) -> dict:
    """The controls as `on_ready` sets them: without memory and buttons."""
    return dict(zip(CONTROLS, updates[1 : 1 + len(CONTROLS)], strict=True))


def test_another_network_is_loaded_in_the_background_and_brings_its_classes(handlers: Handlers):
    run = visitor(handlers)
    handlers.on_pair(run.token, "hours", "plain:x")
    world = until(handlers, run, lambda reply: "world" in reply)["world"]
    assert [each["name"] for each in world["classes"]] == ["night", "day", "noon"]
    controls = controls_of(handlers.on_ready(run.token))
    assert controls["inside"]["value"] == "day"
    assert controls["hide"]["choices"] == ["night", "day", "noon"]
    handlers.on_start(run.token, *values(handlers, **{**run.choice.to_dict(), "budget": 640}))
    list(handlers.on_run(run.token))
    assert run.plan
    assert run.look
    assert (run.plan.model, run.look["scores"]["region_success"]) == ("hours", 1.0)


def test_the_old_run_is_forgotten_only_when_the_new_one_starts(handlers: Handlers):
    run = visitor(handlers)
    handlers.on_start(run.token, *values(handlers, budget=320))
    list(handlers.on_run(run.token))
    assert handlers.on_pair(run.token, "hours", "plain:x")[1]["value"] == strings.START
    reply = until(handlers, run, lambda reply: "world" in reply)
    assert (reply["status"], reply["spent"], reply["scores"]) == ("idle", 0, None)
    assert "after" not in reply
    handlers.on_pair(run.token, "greys", "plain:x")
    assert (reply := pull(handlers, run))["spent"] == 320
    assert reply["scores"]["region_success"] > 0.9
    handlers.on_pair(run.token, "hours", "plain:x")
    handlers.on_ready(run.token)
    handlers.on_start(run.token, *values(handlers, **run.choice.to_dict()))
    assert (run.spent, run.curve) == (0, [])


@pytest.mark.parametrize("pair", [("street", "plain:x"), ("greys", "street"), ("file.py:net", "plain:x"), (None, 7)])
def test_only_what_is_on_offer_can_be_chosen(handlers: Handlers, pair: tuple):
    run = visitor(handlers)
    with pytest.raises(gr.Error, match=r"does not offer|of the wrong kind"):
        handlers.on_pair(run.token, *pair)
    with pytest.raises(gr.Error, match=r"does not offer|of the wrong kind"):
        handlers.on_start(run.token, *values(handlers, model=pair[0] or "x", data=pair[1] or "y"))
    assert visitor(handlers, {"model": pair[0], "data": pair[1]}).choice == handlers.first
    assert handlers.workspaces.ask(pair, run.token).state == "failed"


def test_nothing_is_downloaded_before_the_visitor_agrees_to_what_it_costs(handlers: Handlers, server: Server):
    run = visitor(handlers)
    handlers.on_pair(run.token, "greys", FAR)
    reply = pull(handlers, run)
    assert (reply["state"], server.asked) == ("costs", [])
    assert "200 kB" in reply["coming"]["lines"][0]
    with pytest.raises(gr.Error, match="still on their way"):
        handlers.on_start(run.token, *values(handlers, **run.choice.to_dict()))


def test_a_download_shows_how_far_it_is_and_is_shared(handlers: Handlers, server: Server):
    server.add("far.bin", b"x" * 200_000, **SLOW)
    first, second, third = (visitor(handlers) for _ in range(3))
    for run in (first, second):
        handlers.on_pair(run.token, "greys", FAR)
        handlers.on_fetch(run.token)
    half = until(handlers, first, lambda reply: (reply.get("share") or 0) > 0.2)
    assert half["share"] < 1
    assert "world" not in pull(handlers, third)  # who stays sees nothing of it
    for run in (first, second):
        assert until(handlers, run, lambda reply: "world" in reply)["world"]["size"] == (48, 48)
    assert len(server.asked) == 1


def test_a_download_ends_when_the_last_who_waits_cancels(handlers: Handlers, server: Server, tmp_path: Path):
    server.add("far.bin", b"x" * 200_000, **SLOW)
    first, second = visitor(handlers), visitor(handlers)
    for run in (first, second):
        handlers.on_pair(run.token, "greys", FAR)
        handlers.on_fetch(run.token)
    until(handlers, first, lambda reply: (reply.get("share") or 0) > 0.1)
    assert controls_of(handlers.on_cancel(first.token))["data"] == "plain:x"
    assert pull(handlers, second)["state"] == "fetching"
    handlers.on_cancel(second.token)
    time.sleep(1.0)
    sent = server.sent["/far.bin"]
    time.sleep(0.3)
    assert server.sent["/far.bin"] == sent < 200_000
    assert not (tmp_path / "far.bin").exists()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"status": 404}, strings.NOT_FETCHED),
        ({"cut": 0}, strings.NOT_FETCHED),
        ({"content": b"x" * 199_999}, strings.WRONG_FILE),
    ],
)
def test_a_download_that_fails_is_told_and_can_be_tried_again(
    handlers: Handlers, server: Server, monkeypatch: pytest.MonkeyPatch, fault: dict, sentence: str
):
    monkeypatch.setattr("uapseg.io.download.RETRY_DELAY", 0)
    whole = server.files["/far.bin"]
    server.files["/far.bin"] = replace(whole, **fault)
    run = visitor(handlers)
    assert failed(handlers, run) == sentence  # no word of addresses and folders of the server
    server.files["/far.bin"] = whole
    handlers.on_fetch(run.token)
    assert "world" in until(handlers, run, lambda reply: "world" in reply)


def test_a_photo_that_cannot_be_had_is_left_out_and_said(
    handlers: Handlers, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("uapseg.io.download.RETRY_DELAY", 0)
    coming = io.BytesIO()
    Image.new("RGB", (48, 48), "teal").save(coming, "JPEG")
    server.add("here.jpg", coming.getvalue())
    photos = [Download(url=f"{server.address}/{name}", path=tmp_path / name) for name in ("gone.jpg", "here.jpg")]
    pictures = Plain(SHADES * 8, "val", (48, 48))
    pictures.skipped = ("gone.jpg",)
    monkeypatch.setattr("small_far.missing_files", lambda *_: [photo for photo in photos if not photo.path.is_file()])
    monkeypatch.setattr("small_far.load", lambda *_: pictures)
    run = visitor(handlers)
    handlers.on_pair(run.token, "greys", FAR)
    handlers.on_fetch(run.token)
    world = until(handlers, run, lambda reply: "world" in reply)["world"]
    assert world["about"].endswith("1 could not be had or read.")
    assert [photo.path.is_file() for photo in photos] == [False, True]


def test_without_a_connection_it_is_said_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("uapseg.io.download.RETRY_DELAY", 0)
    with socket.socket() as taken:  # a port where nobody answers
        taken.bind(("127.0.0.1", 0))
        with small_world(f"http://127.0.0.1:{taken.getsockname()[1]}/far.bin", tmp_path) as workspaces:
            handlers = Handlers(workspaces, registry(), patience=600)
            assert failed(handlers, visitor(handlers)) == strings.UNREACHABLE


def test_without_room_on_the_disk_it_is_said_too(server: Server, tmp_path: Path):
    (tmp_path / "file").touch()
    with small_world(f"{server.address}/far.bin", tmp_path / "file" / "folder") as workspaces:
        handlers = Handlers(workspaces, registry(), patience=600)
        assert failed(handlers, visitor(handlers)) == strings.NO_ROOM


def failed(handlers: Handlers, run: Run) -> str:
    """What is told of a download that the visitor agreed to and that fails."""
    handlers.on_pair(run.token, "greys", FAR)
    handlers.on_fetch(run.token)
    (line,) = until(handlers, run, lambda reply: reply.get("state") == "failed")["coming"]["lines"]
    return line


def test_nobody_waits_while_annotations_are_read(monkeypatch: pytest.MonkeyPatch):
    reading, read = threading.Event(), threading.Event()

    def missing_files(name: str) -> list[Download]:
        reading.set()
        read.wait(30)
        return []

    with small_world() as workspaces:
        monkeypatch.setattr("uapseg.app.workspaces.datasets.missing_files", missing_files)
        pair = ("hours", "plain:x")
        slow = threading.Thread(target=workspaces.ask, args=(pair, "a"))
        slow.start()
        assert reading.wait(10)
        began = time.monotonic()
        assert workspaces.get(pair) is None
        assert workspaces.ask(pair, "b").state == "loading"
        workspaces.leave(pair, "b")
        assert time.monotonic() - began < 1
        read.set()
        slow.join(30)
        ends = time.monotonic() + 30
        while workspaces.get(pair) is None and time.monotonic() < ends:
            time.sleep(0.01)
        assert workspaces.get(pair) is not None
