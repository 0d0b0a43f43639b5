"""Which handler answers what on the page."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any

import gradio as gr

from uapseg.app.api import Endpoints
from uapseg.app.context import BUTTONS, CONTROLS, Context
from uapseg.app.gradio_private import add_endpoint
from uapseg.app.handlers_controls import (
    cancel_loading,
    change_controls,
    change_word,
    choose_pair,
    finish_loading,
    leave_page,
    load_page,
    start_download,
)
from uapseg.app.handlers_files import (
    add_photos,
    choose_picture,
    export_file,
    finish_recording,
    make_link,
    open_example,
    open_file,
    perturb_video,
    remove_photos,
    upload_mask,
)
from uapseg.app.handlers_run import fail_turn, pause_run, refresh_buttons, reset_run, rewind_run, run_turn, start_run

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
AT_ONCE: dict[str, Any] = {**QUIET, "concurrency_limit": None}
"""No event waits for another. All go through Gradio's queue: of others it would not show why they failed."""

FILES: dict[str, Any] = {**QUIET, "concurrency_id": "files", "concurrency_limit": 2}
"""Few at once, as they take memory."""

COPY = """query => {
  history.replaceState(null, '', '?' + query);
  navigator.clipboard?.writeText(location.href).catch(() => {});
}"""
"""A link goes to the address bar, and to the clipboard where the browser allows it."""


@dataclass
class Parts:
    """The components by name."""

    token: gr.Textbox
    saved: gr.BrowserState
    stage: gr.HTML
    by_name: dict[str, Any]

    def __getitem__(self, names: tuple[str, ...]) -> list[Any]:
        return [self.by_name[name] for name in names]


def bind(context: Context, handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler of one page: a method of its context, as of a partial function Gradio would not see the types."""
    return MethodType(handler, context)


def wire(blocks: gr.Blocks, parts: Parts, context: Context) -> None:
    """Connects events and handlers."""
    on = partial(bind, context)
    token, views, controls, buttons = parts.token, parts.stage, parts[CONTROLS], parts[BUTTONS]
    start, pause, reset = buttons[:3]
    photos, mask = parts["photos", "mask"]
    knobs = [token, *controls, views]
    blocks.unload(on(leave_page))
    for come in (blocks.load, views.lost):
        come(on(load_page), parts.saved, [token, views, parts.saved, *controls, *buttons], **AT_ONCE)
    # As they were sent: Gradio may have forgotten which classes a visitor's lists have; the plan checks them
    moved: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last", "preprocess": False}
    gr.on([control.input for control in controls[2:]], on(change_controls), knobs, [parts.saved, start], **moved)
    word = parts.by_name["word"]
    word.change(on(change_word), [token, word], [parts.saved, start], **moved)  # what is pasted is no input to Gradio
    views.painted(on(change_controls), knobs, [parts.saved, start], **moved)
    wire_world(parts, context)
    asked = start.click(on(start_run), knobs, buttons, preprocess=False, **AT_ONCE)
    for come in (asked.success, views.turn):  # who need not wait begins at once, others when the stage sees their turn
        turn = come(on(run_turn), token, buttons, **AT_ONCE)
        turn.failure(on(fail_turn), token, buttons, **AT_ONCE)
    pause.click(on(pause_run), token, buttons, **AT_ONCE)
    reset.click(on(reset_run), token, buttons, **AT_ONCE)
    views.settled(on(refresh_buttons), token, buttons, **AT_ONCE)
    views.back(on(rewind_run), token, [parts.saved, *controls, *buttons], **AT_ONCE)
    views.view(on(choose_picture), token, None, **AT_ONCE)
    views.forget(on(remove_photos), token, None, **AT_ONCE)
    photos.upload(on(add_photos), [token, photos], None, **FILES)
    mask.upload(on(upload_mask), [token, mask], start, **FILES)
    wire_files(parts, context)


def wire_programs(endpoints: Endpoints) -> None:
    """Offers to programs what the page does."""
    for answer in (endpoints.train, endpoints.evaluate, endpoints.apply):
        add_endpoint(answer, api_name=answer.__name__, concurrency_limit=None)  # they wait in the line of the device


def wire_world(parts: Parts, context: Context) -> None:
    """Connects the choice of network and pictures."""
    on = partial(bind, context)
    token, views, controls, buttons = parts.token, parts.stage, parts[CONTROLS], parts[BUTTONS]
    everything = [parts.saved, *controls, *buttons]
    for control in controls[:2]:
        control.input(on(choose_pair), [token, *controls[:2]], [parts.saved, buttons[0]], **AT_ONCE)
    views.ready(on(finish_loading), token, everything, **AT_ONCE)
    views.fetch(on(start_download), token, None, **AT_ONCE)
    views.cancel(on(cancel_loading), token, everything, **AT_ONCE)


def wire_files(parts: Parts, context: Context) -> None:
    """Connects what is taken away and what is brought. A file is made first, and then taken by a click of the page."""
    on = partial(bind, context)
    token, kind, save, file, open_, link, query = (
        parts.token, *parts["kind", "save", "file", "open", "link", "query"],
    )  # fmt: skip
    made = save.click(on(export_file), [token, kind], file, **FILES)
    clip = parts.by_name["clip"]
    tried = clip.upload(on(perturb_video), [token, clip], file, **FILES)
    reel = parts.stage.reel(on(finish_recording), token, file, **FILES)
    for done in (made, tried, reel):
        done.success(None, None, None, js="() => setTimeout(() => document.getElementById('u-file').click(), 150)")
    everything = [parts.saved, *parts[CONTROLS], *parts[BUTTONS]]
    parts.stage.noise(on(open_example), token, everything, **FILES)
    open_.upload(on(open_file), [token, open_], everything, **FILES)
    link.click(on(make_link), token, query, **AT_ONCE).success(None, query, None, js=COPY)
