"""The page: its controls and its stage."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from uapseg.settings import PRESETS
from uapseg.ui import story, words
from uapseg.ui.camera import Camera
from uapseg.ui.endpoints import Endpoints
from uapseg.ui.events import Page, answering
from uapseg.ui.handlers import Handlers
from uapseg.ui.looks import Looks
from uapseg.ui.offers import Offer
from uapseg.ui.replies import Replies
from uapseg.ui.stage import stage
from uapseg.ui.values import BUDGETS, EPSILONS, WEIGHTS
from uapseg.ui.visits import choices_of
from uapseg.ui.wiring import Parts, wire, wire_programs

MOST_EVENTS = 2000
"""Events that wait for a thread of the server."""


def page(handlers: Handlers, replies: Replies) -> gr.Blocks:
    """Builds the page."""
    looks, live = Looks(handlers.studios, handlers.runs), Camera(handlers.studios, handlers.runs)

    answers = [replies.pull, looks.look, looks.strip, looks.strengths, looks.recorded, live.shot]
    blocks = Page(title=words.TITLE, fill_width=True, delete_cache=(600, 1800))
    with blocks:
        # Both are kept by the browser: whatever the server has forgotten of a visitor, the token finds the run again
        token = gr.Textbox(visible=False, container=False)
        saved = gr.BrowserState(None, storage_key="uapseg", secret="uapseg")  # noqa: S106  no secret, only fixed
        with gr.Row(elem_id="u-app"):
            with gr.Column(scale=0, min_width=300, elem_id="u-side"):
                by_name = side(handlers)
            with gr.Column(scale=1, min_width=320, elem_id="u-main"):
                known = {
                    "words": words.STAGE,
                    "story": {"steps": story.STEPS, "words": story.WORDS},
                    "world": handlers.studios.first.facts,
                }
                parts = Parts(token, saved, stage([answering(answer) for answer in answers], known), by_name)
        wire(blocks, parts, handlers)
        wire_programs(Endpoints(handlers.studios, handlers.runs.line))
    # Runs wait in a line of ours, so little is ever in Gradio's queue, whose default on ZeroGPU is 1; what is to go
    # through that queue cannot be asked for past it.
    remember_schemas(blocks)
    blocks.queue(max_size=MOST_EVENTS, api_open=False)
    return blocks


def remember_schemas(blocks: gr.Blocks) -> None:
    """Has each component's schema worked out once; Gradio would do it for every visitor, while all others wait."""
    for block in blocks.blocks.values():
        for name in ("api_info", "api_info_as_input", "api_info_as_output"):
            if not block.skip_api and hasattr(block, name):
                schema = getattr(block, name)()
                setattr(block, name, lambda schema=schema: schema)


def side(handlers: Handlers) -> dict[str, Any]:
    """The controls, from top to bottom."""
    tour = '<button type="button" id="u-tour" hidden></button>'  # worked by the stage
    gr.HTML(f"<h1>{words.HEADLINE}</h1><p>{words.LEAD}</p>{tour}", elem_id="u-title")
    parts = world_controls(handlers)
    with gr.Column(elem_id="u-knobs"):
        parts |= target_controls(handlers) | number_controls(handlers)
    with gr.Row(elem_id="u-go"):
        # Start waits for the page's token: a click before would start a run that nobody can see
        parts["start"] = gr.Button(words.START, variant="primary", interactive=False, elem_id="u-start", min_width=80)
        parts["pause"] = gr.Button(words.PAUSE, visible=False, elem_id="u-pause", min_width=80)
        parts["reset"] = gr.Button(words.RESET, interactive=False, elem_id="u-reset", min_width=80)
    gr.HTML(f"<h2>{words.DOWNLOAD}</h2>", elem_id="u-save-title")
    parts |= file_controls()
    with gr.Column(elem_id="u-bring", elem_classes="u-unseen"):  # worked by the stage's own buttons
        parts["photos"] = gr.UploadButton(words.PHOTO, file_types=["image"], file_count="multiple", elem_id="u-photos")
        parts["clip"] = gr.UploadButton(words.CLIP, file_types=["video"], elem_id="u-clip")
        parts["file"] = gr.DownloadButton(elem_id="u-file")
        parts["query"] = gr.Textbox(elem_id="u-query", container=False)
    return parts


def file_controls() -> dict[str, Any]:
    """What is taken away, and what is brought."""
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="u-save"):
        parts["kind"] = gr.Dropdown(
            list(words.FILES), label=words.DOWNLOAD, show_label=False, filterable=False, elem_id="u-kind", min_width=80
        )
        parts["save"] = gr.Button(words.SAVE, interactive=False, elem_id="u-save-button", min_width=60)
    with gr.Row(elem_id="u-more-files"):
        parts["open"] = gr.UploadButton(words.OPEN, elem_id="u-open", min_width=60)
        parts["link"] = gr.Button(words.LINK, elem_id="u-link", min_width=60)
    return parts


def world_controls(handlers: Handlers) -> dict[str, Any]:
    """Which network is attacked, and on which pictures; hidden where there is nothing to choose."""
    studios, first = handlers.studios, handlers.first
    networks, sets = studios.model_offers, studios.dataset_offers
    with gr.Column(elem_id="u-world", visible=len(networks) > 1 or len(sets) > 1):
        parts = {
            "model": offered(networks, first.model, words.NETWORK, "u-model"),
            "data": offered(sets, first.data, words.PICTURES, "u-data"),
        }
        gr.HTML(elem_id="u-about")  # filled in by the stage
    return parts


def offered(offers: Sequence[Offer], value: str, label: str, elem_id: str) -> gr.Dropdown:
    """A list whose entries say what choosing them means."""
    choices = [(offer.label, offer.name) for offer in offers]
    return gr.Dropdown(choices, value=value, label=label, elem_id=elem_id, filterable=False, min_width=100)


def target_controls(handlers: Handlers) -> dict[str, Any]:
    """What the network is to see."""
    first, choices = handlers.first, choices_of(handlers.studios.first)
    parts: dict[str, Any] = {}
    parts["goal"] = gr.Radio(
        list(words.GOALS), value=first.goal, label=words.GOAL, show_label=False, elem_id="u-goal", elem_classes="u-seg"
    )
    with gr.Column(elem_id="u-static"):
        parts["source"] = gr.Radio(
            list(words.SOURCES), value=first.source, label=words.SOURCE, elem_id="u-source", elem_classes="u-tabs"
        )
        parts["word"] = gr.Textbox(
            first.word, label=words.WORD, max_lines=1, max_length=24, elem_id="u-word", show_label=False
        )
        with gr.Column(elem_id="u-mask-box"):
            parts["mask"] = gr.UploadButton(words.MASK, file_types=["image"], elem_id="u-mask")
            parts["invert"] = gr.Checkbox(first.invert, label=words.INVERT, elem_id="u-invert")
        with gr.Row(elem_id="u-pair"):
            parts["inside"] = gr.Dropdown(
                choices["inside"], value=first.inside, label=words.INSIDE, elem_id="u-inside", min_width=100
            )
            parts["rest"] = gr.Dropdown(
                choices["rest"], value=first.rest, label=words.REST, elem_id="u-rest", min_width=100
            )
    with gr.Column(elem_id="u-hidden"):
        parts["hide"] = gr.CheckboxGroup(
            choices["hide"], value=list(first.hide), label=words.HIDE, elem_id="u-hide", elem_classes="u-chips"
        )
        parts["fill"] = gr.Dropdown(choices["fill"], value=first.fill, label=words.FILL, elem_id="u-fill")
    return parts


def number_controls(handlers: Handlers) -> dict[str, Any]:
    """How hard to try."""
    first = handlers.first
    parts: dict[str, Any] = {}
    parts["epsilon"] = gr.Slider(
        *EPSILONS, first.epsilon, step=1, label=words.EPSILON, buttons=[], elem_id="u-epsilon"
    )
    parts["keep"] = gr.Slider(*WEIGHTS, first.keep, step=0.1, label=words.WEIGHT, buttons=[], elem_id="u-keep")
    gr.HTML(ends(), elem_id="u-ends")
    parts["budget"] = gr.Slider(*BUDGETS, first.budget, step=50, label=words.BUDGET, buttons=[], elem_id="u-budget")
    with gr.Accordion(words.MORE, open=False, elem_id="u-more"), gr.Row():
        parts["preset"] = gr.Dropdown(
            list(PRESETS), value=first.preset, label=words.PRESET, elem_id="u-preset", min_width=100
        )
        parts["seed"] = gr.Number(
            first.seed, label=words.SEED, precision=0, minimum=0, elem_id="u-seed", min_width=100
        )
    return parts


def ends() -> str:
    """What the two ends of the keep weight are for; the style sheet shows the line of the goal."""
    return "".join(f"<p><span>{low}</span><span>{high}</span></p>" for low, high in words.WEIGHT_ENDS.values())
