"""Choosing another network and other pictures, and downloading what they need, through real sockets."""

import asyncio
import io
import socket
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from tests.conftest import Plain, greys
from tests.server import Server, serving
from tests.small_world import FAR, SHADES, registry, small_world, values, visitor
from uapseg.app import catalogue, strings, workspace_cache
from uapseg.app.controls import ControlValues
from uapseg.app.handlers.context import CONTROLS, Context
from uapseg.app.handlers.training import (
    cancel_loading,
    choose_pair,
    finish_loading,
    run_turn,
    start_download,
    start_run,
)
from uapseg.app.runs.run import Run
from uapseg.app.view import polling
from uapseg.app.view.polling import Polling
from uapseg.app.workspace import Workspace
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.attack.distributed import SINGLE_PROCESS
from uapseg.attack.loop import Search
from uapseg.attack.settings import fast
from uapseg.datasets import load_dataset
from uapseg.datasets.reader import ImageDataset
from uapseg.io.download import Download
from uapseg.targets import HideClasses

SLOW = {"at_once": 100_000, "pause": 1.0}
"""Half of the file comes at once; the rest takes so long that no test sees the end of it."""


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
    monkeypatch.setattr(polling, "MAX_WAIT", 0.3)
    monkeypatch.setattr(polling, "COMING_SECONDS", 0.05)
    monkeypatch.setattr(catalogue, "DOWNLOAD_PATIENCE", 600)  # only who cancels has gone


def poll(context: Context, run: Run) -> dict:
    return asyncio.run(
        Polling(context.workspaces, context.runs).poll({"token": run.token, "workspace": "greys plain:x"})
    )


def until(context: Context, run: Run, met) -> dict:
    """Pulls until a condition on the reply is met."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        reply = poll(context, run)
        if met(reply):
            return reply
    raise AssertionError(reply)


def controls_of(updates: tuple) -> dict:
    """The controls as `on_ready` sets them: without memory and buttons."""
    return dict(zip(CONTROLS, updates[1 : 1 + len(CONTROLS)], strict=True))


def test_another_network_is_loaded_in_the_background_and_brings_its_classes(context: Context):
    run = visitor(context)
    choose_pair(context, run.token, "hours", "plain:x")
    world = until(context, run, lambda reply: "workspace" in reply)["workspace"]
    assert [each["name"] for each in world["classes"]] == ["night", "day", "noon"]
    controls = controls_of(finish_loading(context, run.token))
    assert controls["inside"]["value"] == "day"
    assert controls["hide"]["choices"] == [(name, name) for name in ("night", "day", "noon")]
    start_run(context, run.token, *values(context, **{**run.controls.to_dict(), "budget": 640}))
    list(run_turn(context, run.token))
    assert run.plan
    assert run.validation
    assert (run.plan.model, run.validation["scores"]["region_success"]) == ("hours", 1.0)


def test_the_old_run_is_forgotten_only_when_the_new_one_starts(context: Context):
    run = visitor(context)
    start_run(context, run.token, *values(context, budget=320))
    list(run_turn(context, run.token))
    assert choose_pair(context, run.token, "hours", "plain:x")[1]["value"] == strings.START
    reply = until(context, run, lambda reply: "workspace" in reply)
    assert (reply["status"], reply["image_gradients"], reply["scores"]) == ("idle", 0, None)
    assert "after" not in reply
    choose_pair(context, run.token, "greys", "plain:x")
    assert (reply := poll(context, run))["image_gradients"] == 320
    assert reply["scores"]["region_success"] > 0.9
    choose_pair(context, run.token, "hours", "plain:x")
    finish_loading(context, run.token)
    start_run(context, run.token, *values(context, **run.controls.to_dict()))
    assert (run.image_gradients, run.curve) == (0, [])


@pytest.mark.parametrize("pair", [("street", "plain:x"), ("greys", "street"), ("file.py:net", "plain:x"), (None, 7)])
def test_only_what_is_on_offer_can_be_chosen(context: Context, pair: tuple):
    run = visitor(context)
    with pytest.raises(gr.Error, match=r"does not offer|of the wrong kind"):
        choose_pair(context, run.token, *pair)
    with pytest.raises(gr.Error, match=r"does not offer|of the wrong kind"):
        start_run(context, run.token, *values(context, model=pair[0] or "x", data=pair[1] or "y"))
    assert visitor(context, {"model": pair[0], "data": pair[1]}).controls == context.first
    assert context.workspaces.ask(pair, run.token).state == "failed"


def test_nothing_is_downloaded_before_the_visitor_agrees_to_what_it_costs(context: Context, server: Server):
    run = visitor(context)
    choose_pair(context, run.token, "greys", FAR)
    reply = poll(context, run)
    assert (reply["state"], server.asked) == ("costs", [])
    assert "200 kB" in reply["loading"]["lines"][0]
    with pytest.raises(gr.Error, match="still loading"):
        start_run(context, run.token, *values(context, **run.controls.to_dict()))


def test_a_download_shows_how_far_it_is_and_is_shared(context: Context, server: Server):
    server.add("far.bin", b"x" * 200_000, **SLOW)
    first, second, third = (visitor(context) for _ in range(3))
    for run in (first, second):
        choose_pair(context, run.token, "greys", FAR)
        start_download(context, run.token)
    half = until(context, first, lambda reply: (reply.get("share") or 0) >= 0.5)
    assert half["share"] < 1
    assert "workspace" not in poll(context, third)  # who stays sees nothing of it
    server.files["/far.bin"].pause = 0.0
    for run in (first, second):
        assert until(context, run, lambda reply: "workspace" in reply)["workspace"]["size"] == (48, 48)
    assert len(server.asked) == 1


def test_what_is_fetched_at_the_start_is_there_when_a_visitor_chooses_it(
    context: Context, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(workspace_cache, "FETCH_SECONDS", 0.05)
    server.add("far.bin", b"x" * 200_000, **SLOW)
    context.workspaces.fetch_in_background(("greys", FAR))
    run = visitor(context)
    start_run(context, run.token, *values(context, budget=320))  # the page can be used meanwhile
    list(run_turn(context, run.token))
    assert (run.status, context.workspaces.get(("greys", FAR))) == ("done", None)
    server.files["/far.bin"].pause = 0.0
    ends = time.monotonic() + 60
    while context.workspaces.get(("greys", FAR)) is None:
        assert time.monotonic() < ends
        time.sleep(0.05)
    choose_pair(context, run.token, "greys", FAR)
    assert "workspace" in poll(context, run)
    assert len(server.asked) == 1


def test_what_cannot_be_fetched_at_the_start_can_be_asked_for_later(
    context: Context, server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(workspace_cache, "FETCH_SECONDS", 0.05)
    server.add("far.bin", b"", status=404)
    context.workspaces._fetch(("greys", FAR))
    assert context.workspaces.ask(("greys", FAR), "visitor").state == "costs"
    asked = len(server.asked)
    context.workspaces.fetch_in_background(("greys", "street"))  # not on offer
    assert len(server.asked) == asked


def test_a_download_ends_when_the_last_visitor_who_waits_cancels(context: Context, server: Server, tmp_path: Path):
    server.add("far.bin", b"x" * 200_000, **SLOW)
    first, second = visitor(context), visitor(context)
    for run in (first, second):
        choose_pair(context, run.token, "greys", FAR)
        start_download(context, run.token)
    until(context, first, lambda reply: (reply.get("share") or 0) >= 0.5)
    assert controls_of(cancel_loading(context, first.token))["data"]["value"] == "plain:x"
    assert poll(context, second)["state"] == "fetching"
    cancel_loading(context, second.token)
    ends = time.monotonic() + 60
    while list(tmp_path.iterdir()):  # the part that has come
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert server.sent["/far.bin"] < 200_000


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"status": 404}, strings.NOT_FETCHED),
        ({"cut": 0}, strings.NOT_FETCHED),
        ({"content": b"x" * 199_999}, strings.WRONG_FILE),
    ],
)
def test_a_failed_download_is_reported_and_can_be_repeated(
    context: Context, server: Server, monkeypatch: pytest.MonkeyPatch, fault: dict, sentence: str
):
    monkeypatch.setattr("uapseg.io.download.RETRY_DELAY", 0)
    whole = server.files["/far.bin"]
    server.files["/far.bin"] = replace(whole, **fault)
    run = visitor(context)
    assert failed(context, run) == sentence  # no word of addresses and folders of the server
    server.files["/far.bin"] = whole
    start_download(context, run.token)
    assert "workspace" in until(context, run, lambda reply: "workspace" in reply)


def test_a_photo_that_cannot_be_had_is_left_out_and_said(
    context: Context, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    run = visitor(context)
    choose_pair(context, run.token, "greys", FAR)
    start_download(context, run.token)
    world = until(context, run, lambda reply: "workspace" in reply)["workspace"]
    assert world["about"].endswith("1 could not be downloaded or read.")
    assert [photo.path.is_file() for photo in photos] == [False, True]


def test_without_a_connection_it_is_said_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("uapseg.io.download.RETRY_DELAY", 0)
    with socket.socket() as taken:  # a port where nobody answers
        taken.bind(("127.0.0.1", 0))
        with small_world(f"http://127.0.0.1:{taken.getsockname()[1]}/far.bin", tmp_path) as workspaces:
            context = Context(workspaces, registry(), patience=600)
            assert failed(context, visitor(context)) == strings.UNREACHABLE


def test_without_room_on_the_disk_it_is_said_too(server: Server, tmp_path: Path):
    (tmp_path / "file").touch()
    with small_world(f"{server.address}/far.bin", tmp_path / "file" / "folder") as workspaces:
        context = Context(workspaces, registry(), patience=600)
        assert failed(context, visitor(context)) == strings.NO_ROOM


def failed(context: Context, run: Run) -> str:
    """What is told of a download that the visitor agreed to and that fails."""
    choose_pair(context, run.token, "greys", FAR)
    start_download(context, run.token)
    (line,) = until(context, run, lambda reply: reply.get("state") == "failed")["loading"]["lines"]
    return line


def test_nobody_waits_while_annotations_are_read(monkeypatch: pytest.MonkeyPatch):
    reading, read = threading.Event(), threading.Event()

    def missing_files(name: str) -> list[Download]:
        reading.set()
        read.wait(60)
        return []

    with small_world() as workspaces:
        monkeypatch.setattr("uapseg.app.workspace_cache.datasets.missing_files", missing_files)
        pair = ("hours", "plain:x")
        slow = threading.Thread(target=workspaces.ask, args=(pair, "a"))
        slow.start()
        assert reading.wait(60)
        assert workspaces.get(pair) is None
        assert workspaces.ask(pair, "b").state == "loading"
        workspaces.leave(pair, "b")
        assert slow.is_alive()  # nobody waited until it had read
        read.set()
        slow.join(60)
        ends = time.monotonic() + 60
        while workspaces.get(pair) is None and time.monotonic() < ends:
            time.sleep(0.01)
        assert workspaces.get(pair) is not None


def test_the_scenes_that_are_rendered_ahead_are_those_a_first_run_meets_first(monkeypatch):
    asked = threading.Event()
    found: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(
        "uapseg.app.workspace.render_ahead", lambda name, numbers: (found.append((name, list(numbers))), asked.set())
    )
    Workspace.render_in_background(Namespace(pair=("street", "street")))
    assert asked.wait(60)
    ((name, numbers),) = found
    first = ControlValues()
    settings = fast(epsilon=first.epsilon / 255, budget=first.budget, seed=first.seed)
    plain = Plain([100] * len(load_dataset(name, "train")))
    numbered, hide = list(range(len(plain))), HideClasses(classes=("light",))
    search = Search((greys(),), plain, numbered, hide, settings, workers=SINGLE_PROCESS)
    met = [
        number
        for image_gradients in range(0, first.budget, settings.batch)
        for number in search._batch(image_gradients)
    ]
    assert met == numbers
    assert len(set(numbers)) == first.budget


def test_the_usual_swap_is_into_the_object_that_fills_most_of_the_scene():
    model = greys()
    model.objects = ("never", "light")
    pictures = ImageDataset.from_pictures([Image.new("RGB", (64, 48), (115, 115, 115))])
    first = Workspace("greys", "plain:x", loaded=(model, pictures)).first
    assert (first.swap_from, first.swap_into) == ("dark", "light")
