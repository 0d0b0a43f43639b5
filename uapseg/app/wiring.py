"""Which handler answers what on the page."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import api

from uapseg.app.api import Endpoints
from uapseg.app.handlers import BUTTONS, CONTROLS, Handlers

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


def wire(blocks: gr.Blocks, parts: Parts, handlers: Handlers) -> None:
    """Connects events and handlers."""
    token, views, controls, buttons = parts.token, parts.stage, parts[CONTROLS], parts[BUTTONS]
    start, pause, reset = buttons[:3]
    photos, mask = parts["photos", "mask"]
    knobs = [token, *controls, views]
    blocks.unload(handlers.on_leave)
    for come in (blocks.load, views.lost):
        come(handlers.on_load, parts.saved, [token, views, parts.saved, *controls, *buttons], **AT_ONCE)
    # As they were sent: Gradio may have forgotten which classes a visitor's lists have; the plan checks them
    moved: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last", "preprocess": False}
    gr.on([control.input for control in controls[2:]], handlers.on_control, knobs, [parts.saved, start], **moved)
    word = parts.by_name["word"]
    word.change(handlers.on_word, [token, word], [parts.saved, start], **moved)  # what is pasted is no input to Gradio
    views.painted(handlers.on_control, knobs, [parts.saved, start], **moved)
    wire_world(parts, handlers)
    asked = start.click(handlers.on_start, knobs, buttons, preprocess=False, **AT_ONCE)
    for come in (asked.success, views.turn):  # who need not wait begins at once, others when the stage sees their turn
        turn = come(handlers.on_run, token, buttons, **AT_ONCE)
        turn.failure(handlers.on_failed, token, buttons, **AT_ONCE)
    pause.click(handlers.on_pause, token, buttons, **AT_ONCE)
    reset.click(handlers.on_reset, token, buttons, **AT_ONCE)
    views.settled(handlers.on_settled, token, buttons, **AT_ONCE)
    views.back(handlers.on_rewind, token, [parts.saved, *controls, *buttons], **AT_ONCE)
    views.view(handlers.on_view, token, None, **AT_ONCE)
    views.forget(handlers.on_forget, token, None, **AT_ONCE)
    photos.upload(handlers.on_photos, [token, photos], None, **FILES)
    mask.upload(handlers.on_mask, [token, mask], start, **FILES)
    wire_files(parts, handlers)


def wire_programs(endpoints: Endpoints) -> None:
    """Offers to programs what the page does."""
    for answer in (endpoints.train, endpoints.evaluate, endpoints.apply):
        api(answer, api_name=answer.__name__, concurrency_limit=None)  # they wait in the line of the device


def wire_world(parts: Parts, handlers: Handlers) -> None:
    """Connects the choice of network and pictures."""
    token, views, controls, buttons = parts.token, parts.stage, parts[CONTROLS], parts[BUTTONS]
    everything = [parts.saved, *controls, *buttons]
    for control in controls[:2]:
        control.input(handlers.on_pair, [token, *controls[:2]], [parts.saved, buttons[0]], **AT_ONCE)
    views.ready(handlers.on_ready, token, everything, **AT_ONCE)
    views.fetch(handlers.on_fetch, token, None, **AT_ONCE)
    views.cancel(handlers.on_cancel, token, everything, **AT_ONCE)


def wire_files(parts: Parts, handlers: Handlers) -> None:
    """Connects what is taken away and what is brought. A file is made first, and then taken by a click of the page."""
    token, kind, save, file, open_, link, query = (
        parts.token, *parts["kind", "save", "file", "open", "link", "query"],
    )  # fmt: skip
    made = save.click(handlers.on_save, [token, kind], file, **FILES)
    clip = parts.by_name["clip"]
    tried = clip.upload(handlers.on_clip, [token, clip], file, **FILES)
    reel = parts.stage.reel(handlers.on_reel, token, file, **FILES)
    for done in (made, tried, reel):
        done.success(None, None, None, js="() => setTimeout(() => document.getElementById('u-file').click(), 150)")
    everything = [parts.saved, *parts[CONTROLS], *parts[BUTTONS]]
    parts.stage.noise(handlers.on_noise, token, everything, **FILES)
    open_.upload(handlers.on_open, [token, open_], everything, **FILES)
    link.click(handlers.on_link, token, query, **AT_ONCE).success(None, query, None, js=COPY)
