"""The page: the controls beside the stage, and which handler answers which event."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any, cast

import gradio as gr

from uapseg.app import strings, tour
from uapseg.app.api import Endpoints
from uapseg.app.gradio_private import add_endpoint
from uapseg.app.handlers.context import BUTTONS, CONTROLS, Context
from uapseg.app.handlers.errors import Page, answer_errors
from uapseg.app.handlers.files import (
    add_photos,
    choose_picture,
    confirm_link,
    export_file,
    finish_recording,
    make_link,
    open_example,
    open_file,
    perturb_video,
    publish_to_hub,
    remove_photos,
    upload_mask,
)
from uapseg.app.handlers.own_pictures import train_on_clip, train_on_own
from uapseg.app.handlers.training import (
    cancel_loading,
    change_controls,
    change_word,
    choose_pair,
    fail_turn,
    finish_loading,
    leave_page,
    load_page,
    pause_run,
    refresh_buttons,
    reset_run,
    rewind_run,
    run_turn,
    start_download,
    start_run,
    take_up_run,
)
from uapseg.app.layout import AT_ONCE, QUIET, side
from uapseg.app.server import MODULES, read_static
from uapseg.app.view.camera import Camera
from uapseg.app.view.polling import Polling
from uapseg.app.view.rendering import Renderer
from uapseg.results.robustness import DEFENCES

MAX_EVENTS = 2000
"""Events that wait for a thread of the server."""


def page(context: Context, polling: Polling) -> gr.Blocks:
    """Builds the page."""
    renderer, camera = Renderer(context.workspaces, context.runs), Camera(context.workspaces, context.runs)

    answers = [
        polling.poll,
        renderer.frame,
        renderer.measure,
        renderer.strengths,
        renderer.attribute,
        renderer.pair,
        renderer.recorded,
        camera.camera_frame,
    ]
    blocks = Page(title=strings.TITLE, fill_width=True, delete_cache=(600, 1800))
    with blocks:
        # Both are kept by the browser: whatever the server has forgotten of a visitor, the token finds the run again
        token = gr.Textbox(visible=False, container=False)
        saved = gr.BrowserState(None, storage_key="uapseg", secret="uapseg")  # noqa: S106  no secret, only fixed
        with gr.Row(elem_id="u-app"):
            with gr.Column(scale=0, min_width=300, elem_id="u-side"):
                by_name = side(context)
            with gr.Column(scale=1, min_width=320, elem_id="u-main"):
                page_data = {
                    "words": {**strings.STAGE, **{f"reading_{kind}": text for kind, text in strings.READING.items()}},
                    "defences": DEFENCES,
                    "story": {"steps": tour.TOUR, "words": tour.TOUR_WORDS},
                    "workspace": context.workspaces.first.facts,
                }
                parts = Parts(token, saved, stage([answer_errors(answer) for answer in answers], page_data), by_name)
        wire(blocks, parts, context)
        wire_programs(Endpoints(context.workspaces, context.runs.queue))
    # Runs wait in a line of ours, so little is ever in Gradio's queue, whose default on ZeroGPU is 1; what is to go
    # through that queue cannot be asked for past it.
    remember_schemas(blocks)
    blocks.queue(max_size=MAX_EVENTS, api_open=False)
    return blocks


def remember_schemas(blocks: gr.Blocks) -> None:
    """Caches each component's schema; Gradio would compute it for every visitor while all others wait."""
    for block in cast("list[Any]", list(blocks.blocks.values())):
        for name in ("api_info", "api_info_as_input", "api_info_as_output"):
            if not block.skip_api and hasattr(block, name):
                schema = getattr(block, name)()
                setattr(block, name, lambda schema=schema: schema)


EVENTS = (
    "cancel", "drawn", "example", "forget", "kept", "loaded", "own", "reconnect", "recording", "rewind",
    "start_download", "stopped", "turn", "view",
)  # fmt: skip
"""What the scripts trigger. Gradio takes for an event of a component each name in quotes in its ``js_on_load``."""


def load_script() -> str:
    """The script of the component, which imports the modules at the page's own address.

    Example:
        >>> "app.js" in load_script()
        True
    """
    return f"""
        const modules = window.gradio_config.root + '{MODULES}/';
        const events = {list(EVENTS)};
        import(modules + 'context.js').then(({{ connect }}) => {{
            connect({{ element, props, server, trigger, watch }});
            return import(modules + 'app.js');
        }});
    """


def stage(answers: Sequence[Callable[[Any], Any]], facts: dict[str, Any]) -> gr.HTML:
    """Live views, target painter, figures.

    Its value is ``{"drawing": data URI of a PNG or None}``. Its template is static: Gradio would otherwise render it
    again at each change and drop what the scripts added. (Gradio would write a stub file for a subclass.)

    Args:
        answers: The functions that the scripts call: ``poll`` for what is new, ``frame`` for what was.
        facts: Its words, and the first network with its pictures.
    """
    return gr.HTML(
        {"drawing": None},
        html_template=read_static("stage.html"),
        js_on_load=load_script(),
        apply_default_css=False,
        server_functions=list(answers),
        elem_id="u-stage",
        token=None,
        facts=facts,
    )


FILES: dict[str, Any] = {**QUIET, "concurrency_id": "files", "concurrency_limit": 2}
"""Few at once, as they take memory."""


READ = "() => { dispatchEvent(new Event('read')); }"
"""Tells the stage that an upload was read, or could not be."""


def copy_script() -> str:
    """Puts a link into the address bar and the clipboard; if the browser forbids that, its address is returned.

    On a Space the page is in a frame: the address is that of the Space.

    Example:
        >>> "clipboard" in copy_script()
        True
    """
    space = os.environ.get("SPACE_HOST", "").partition(",")[0]
    page = json.dumps(f"https://{space}/") if space else "location.origin + location.pathname"
    return f"""async (token, query) => {{
      history.replaceState(null, '', '?' + query);
      const address = {page} + '?' + query;
      try {{
        await navigator.clipboard.writeText(address);
        return [token, ''];
      }} catch {{
        return [token, address];
      }}
    }}"""


@dataclass
class Parts:
    """The components by name. Those whose events Gradio adds at run time are untyped."""

    token: gr.Textbox
    saved: gr.BrowserState
    stage: Any
    by_name: dict[str, Any]

    def __getitem__(self, names: tuple[str, ...]) -> list[Any]:
        return [self.by_name[name] for name in names]


def bind(context: Context, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Binds a handler to the context of a page, as a method: Gradio cannot read the types of a partial function.

    Example:
        >>> bind(3, lambda context, other: context + other)(4)
        7
    """
    return MethodType(handler, context)


def wire(blocks: gr.Blocks, parts: Parts, context: Context) -> None:
    """Connects events and handlers."""
    bound = partial(bind, context)
    token, stage, controls, buttons = parts.token, parts.stage, parts[CONTROLS], parts[BUTTONS]
    start, pause, reset = buttons[:3]
    photos, mask = parts["photos", "mask"]
    values = [token, *controls, stage]
    blocks.unload(bound(leave_page))
    for event in (blocks.load, stage.reconnect):
        event(bound(load_page), parts.saved, [token, stage, parts.saved, *controls, *buttons], **AT_ONCE)
    # As they were sent: Gradio may have forgotten which classes a visitor's lists have; the plan checks them
    change_options: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last", "preprocess": False}
    cast("Any", gr).on(
        [control.input for control in controls[2:]],
        bound(change_controls),
        values,
        [parts.saved, start],
        **change_options,
    )
    word_input = parts.by_name["word"]
    word_input.change(
        bound(change_word), [token, word_input], [parts.saved, start], **change_options
    )  # pasting is not an input to Gradio
    stage.drawn(bound(change_controls), values, [parts.saved, start], **change_options)
    wire_pair(parts, context)
    start_event = start.click(bound(start_run), values, buttons, preprocess=False, **AT_ONCE)
    # Who need not wait begins at once, others when the stage sees their turn
    for event in (start_event.success, stage.turn):
        run_event = event(bound(run_turn), token, buttons, **AT_ONCE)
        run_event.failure(bound(fail_turn), token, buttons, **AT_ONCE)
    pause.click(bound(pause_run), token, buttons, **AT_ONCE)
    reset.click(bound(reset_run), token, [parts.saved, *controls, *buttons], **AT_ONCE)
    stage.stopped(bound(refresh_buttons), token, buttons, **AT_ONCE)
    stage.kept(bound(take_up_run), token, [parts.saved, *controls, *buttons], **AT_ONCE)
    stage.rewind(bound(rewind_run), token, [parts.saved, *controls, *buttons], **AT_ONCE)
    stage.view(bound(choose_picture), token, None, **AT_ONCE)
    photos.upload(bound(add_photos), [token, photos], None, **FILES).then(None, None, None, js=READ)
    mask.upload(bound(upload_mask), [token, mask], start, **FILES)
    wire_files(parts, context)


def wire_programs(endpoints: Endpoints) -> None:
    """Adds the endpoints for programs."""
    for answer in (endpoints.train, endpoints.evaluate, endpoints.apply, endpoints.models):
        add_endpoint(answer)


def wire_pair(parts: Parts, context: Context) -> None:
    """Connects the choice of network and pictures."""
    bound = partial(bind, context)
    token, stage, controls, buttons = parts.token, parts.stage, parts[CONTROLS], parts[BUTTONS]
    all_outputs = [parts.saved, *controls, *buttons]
    for control in controls[:2]:
        control.input(
            bound(choose_pair), [token, *controls[:2]], [parts.saved, buttons[0]], preprocess=False, **AT_ONCE
        )
    stage.loaded(bound(finish_loading), token, all_outputs, **AT_ONCE)
    stage.start_download(bound(start_download), token, None, **AT_ONCE)
    stage.cancel(bound(cancel_loading), token, all_outputs, **AT_ONCE)
    stage.own(bound(train_on_own), token, all_outputs, **FILES)
    train_clip = parts.by_name["train_clip"]
    train_clip.upload(bound(train_on_clip), [token, train_clip], all_outputs, **FILES)
    stage.forget(bound(remove_photos), token, all_outputs, **AT_ONCE)


def wire_files(parts: Parts, context: Context) -> None:
    """Connects export, opening and publishing. A script clicks on the link of an exported file to download it."""
    bound = partial(bind, context)
    token, kind, save, file, open_, link, query = (
        parts.token, *parts["kind", "save", "file", "open", "link", "query"],
    )  # fmt: skip
    export_event = save.click(bound(export_file), [token, kind], file, **FILES)
    clip = parts.by_name["clip"]
    trial = clip.upload(bound(perturb_video), [token, clip], file, **FILES)
    trial.then(None, None, None, js=READ)
    recording = parts.stage.recording(bound(finish_recording), token, file, **FILES)
    for file_event in (export_event, trial, recording):
        file_event.success(
            None, None, None, js="() => setTimeout(() => document.getElementById('u-file').click(), 150)"
        )
    all_outputs = [parts.saved, *parts[CONTROLS], *parts[BUTTONS]]
    parts.stage.example(bound(open_example), token, all_outputs, **FILES)
    open_.upload(bound(open_file), [token, open_], all_outputs, **FILES)
    publish, repo = parts["publish", "repo"]
    publish.click(bound(publish_to_hub), [token, repo], None, **FILES)
    export_event = link.click(bound(make_link), token, query, **AT_ONCE)
    export_event.success(bound(confirm_link), [token, query], None, js=copy_script(), **AT_ONCE)
