"""Every event ends in its answer or in a sentence, whatever was sent, and nothing from outside is shown as HTML."""

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder

from tests.small_world import SIZE, registry, values, visitor
from uapseg.app import strings
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.errors import Page, answer_errors, sentence
from uapseg.app.handlers.training import pause_run, start_run
from uapseg.app.page import page
from uapseg.app.runs.run import Run
from uapseg.app.view.camera import Camera
from uapseg.app.view.polling import Polling
from uapseg.app.view.rendering import Renderer
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.errors import UapsegError
from uapseg.results.perturbation_file import Perturbation, save_png

HOSTILE = "<img src=http://other.host/x.png><form action=http://other.host>"
WRONG = [None, True, -1, 1e308, "x", HOSTILE, [], [[3]], {"a": [1]}, {"path": "/etc/passwd"}, ["x"] * 3]


@pytest.fixture(scope="module", name="context")
def fixture_context(workspaces: WorkspaceCache) -> Context:
    return Context(workspaces, registry(), patience=600)


@pytest.fixture(scope="module")
def blocks(context: Context) -> Page:
    return page(context, Polling(context.workspaces, context.runs))


@pytest.fixture
def here() -> Iterator[Path]:
    """A folder of files that were uploaded."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=get_upload_folder()) as folder:
        yield Path(folder)


def event(blocks: Page, name: str) -> Any:
    return next(function for function in blocks.fns.values() if function.name == name)


def send(blocks: Page, function: Any, run: Run | None, inputs: list[Any], told: Any = None) -> dict[str, Any]:
    """Has an event answered for the visitor of a run, or says how it was refused, under ``error``."""
    state, token = SessionState(blocks), event(blocks, "make_link").inputs[0]
    if run and token in function.inputs:
        inputs = [run.token, *inputs[1:]]

    async def answer() -> dict[str, Any]:
        reply = await blocks.process_api(
            function, inputs, state, gr.Request(session_hash="s", query_params={}), event_data=gr.EventData(None, told)
        )
        while reply["is_generating"]:
            iterator = reply["iterator"]
            reply = await blocks.process_api(function, [], state, gr.Request(session_hash="s"), iterator)
        return reply

    try:
        return asyncio.run(answer())
    except gr.Error as error:
        return {"error": error.message}


def check_sentence(said: str) -> None:
    assert said.endswith((".", "…"))
    assert 20 < len(said) <= 600
    assert not any(each in said for each in ("<", "Error(", "object at", "Traceback", "/etc/", "type:"))


def check_reply(reply: dict[str, Any]) -> None:
    if "error" in reply:
        check_sentence(reply["error"])


def names(blocks: Page) -> set[str]:
    return {str(function.name) for function in blocks.fns.values()}


@pytest.mark.slow
def test_whatever_is_sent_each_event_of_the_page_ends_in_its_answer_or_a_sentence(blocks: Page, context: Context):
    run = visitor(context)
    known = {
        "load_page",
        "start_run",
        "change_controls",
        "choose_picture",
        "rewind_run",
        "open_file",
        "open_example",
        "apply",
    }
    assert known <= names(blocks)
    for function in blocks.fns.values():
        if function.fn is None:
            continue
        count = len(function.inputs)
        for number, value in enumerate(WRONG):
            told = {"kind": value, "number": value, "image_gradients": value} if number % 2 else value
            check_reply(send(blocks, function, run, [value] * count, told))
        check_reply(send(blocks, function, run, ["x"] * (count + 3)))
        check_reply(send(blocks, function, None, [None] * count))
    assert (run.controls.goal, run.controls.source, run.controls.preset) == (strings.STATIC, strings.TYPE, "fast")


def test_what_the_browser_gets_names_no_object_of_the_server(blocks: Page, context: Context):
    reply = send(blocks, event(blocks, "load_page"), None, [None])
    assert "object at 0x" not in json.dumps(reply["data"], default=repr)


@pytest.mark.parametrize("value", WRONG)
def test_whatever_is_sent_the_stage_is_answered(context: Context, value: object):
    run = visitor(context)
    renderer, camera = Renderer(context.workspaces, context.runs), Camera(context.workspaces, context.runs)
    shown = (renderer.frame, renderer.measure, renderer.strengths, renderer.attribute, renderer.recorded)
    for function in (*shown, camera.camera_frame):
        for sent in (
            value,
            {"token": value},
            dict.fromkeys(("history_point", "picture", "record", "strength"), value),
        ):
            told = {"token": run.token, **sent} if isinstance(sent, dict) and "history_point" in sent else sent
            assert isinstance(asyncio.run(answer_errors(function)(told)), dict)


@pytest.mark.parametrize("coded", ["A", "AAA", "????", "aGVsbG8=", "A" * 2_000_000, "", "é"])
def test_a_frame_of_the_camera_that_is_no_picture_is_answered_in_a_sentence(context: Context, coded: str):
    run = visitor(context)
    camera_frame = answer_errors(Camera(context.workspaces, context.runs).camera_frame)
    reply = asyncio.run(camera_frame({"token": run.token, "picture": f"data:image/jpeg;base64,{coded}"}))
    check_sentence(reply["failed"])
    assert not run.frame_lock.locked()


@pytest.mark.parametrize("name", ["model", "data"])
def test_a_name_in_an_opened_file_is_shown_as_text(blocks: Page, context: Context, here: Path, name: str):
    run = visitor(context)
    start_run(context, run.token, *values(context))
    plan = run.plan
    pause_run(context, run.token)
    assert plan
    levels = torch.from_numpy(np.ones((3, SIZE[1], SIZE[0]), np.int16))
    save_png(here / "hostile.png", Perturbation(levels, replace(plan, **{name: HOSTILE})))
    file = {"path": str(here / "hostile.png"), "meta": {"_type": "gradio.FileData"}}
    said = send(blocks, event(blocks, "open_file"), run, [None, file])["error"]
    check_sentence(said)
    assert "&lt;img src=http://other.host/x.png&gt;" in said


def test_a_message_of_any_length_is_cut(blocks: Page):
    reply = send(blocks, event(blocks, "train"), None, ["foo", "x" * 199, "y" * 200, [], 10, 50, 0, "", "", 1.0])
    check_sentence(reply["error"])
    assert sentence(UapsegError("x" * 1_000_000)) == "x" * 599 + "…"


def test_programs_get_the_sentence_as_it_is(blocks: Page):
    reply = send(blocks, event(blocks, "train"), None, ["foo", "a<b>", "", [], 10, 50, 0, "", "", 1.0])
    assert "'a<b>'" in reply["error"]


def test_an_error_is_reported_in_a_sentence_and_logged(
    blocks: Page, context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    run = visitor(context)

    def breaks(*_: object) -> None:
        raise RuntimeError("no such tensor")

    monkeypatch.setattr("uapseg.app.handlers.files.to_query", breaks)
    with caplog.at_level(logging.ERROR):
        reply = send(blocks, event(blocks, "make_link"), run, [None])
    assert reply == {"error": strings.FAILED}
    assert caplog.records[0].exc_info
    assert str(caplog.records[0].exc_info[1]) == "no such tensor"


def test_an_error_in_a_run_is_reported_in_a_sentence_and_logged(
    blocks: Page, context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    run = visitor(context)
    start_run(context, run.token, *values(context))

    def breaks(*_: object) -> Iterator[Any]:
        yield from ()
        raise RuntimeError("no such tensor")

    monkeypatch.setattr("uapseg.app.handlers.training.run_steps", breaks)
    with caplog.at_level(logging.ERROR):
        reply = send(blocks, event(blocks, "run_turn"), run, [None])
    assert reply == {"error": strings.BROKEN}
    assert any("no such tensor" in str(record.exc_info) for record in caplog.records)


def test_what_a_user_can_mend_is_not_logged(blocks: Page, context: Context, caplog: pytest.LogCaptureFixture):
    run = visitor(context)
    reply = send(blocks, event(blocks, "start_run"), run, [None, *values(context, word=" ")])
    assert reply == {"error": "Type a word of 1 to 24 letters."}
    assert not caplog.records
