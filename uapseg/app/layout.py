"""The controls of the page, from top to bottom."""

import os
from collections.abc import Sequence
from typing import Any

import gradio as gr

from uapseg.app import strings
from uapseg.app.catalogue import Offer
from uapseg.app.controls import BUDGETS, EPSILONS, WEIGHTS, ControlValues
from uapseg.app.exports.hub import can_sign_in
from uapseg.app.handlers.context import Context, Option, class_choices
from uapseg.app.runs import device
from uapseg.attack.settings import PRESETS

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
AT_ONCE: dict[str, Any] = {**QUIET, "concurrency_limit": None}
"""No event waits for another. All go through Gradio's queue: of others it would not show why they failed."""


def side(context: Context) -> dict[str, Any]:
    """The controls, from top to bottom."""
    tour = '<button type="button" id="u-tour" hidden></button>'  # worked by the stage
    gr.HTML(f"<h1>{strings.HEADLINE}</h1><p>{strings.LEAD}</p>{tour}", elem_id="u-title")
    parts = pair_controls(context)
    with gr.Column(elem_id="u-controls"):
        parts |= target_controls(context) | number_controls(context)
    with gr.Row(elem_id="u-go"):
        # Start waits for the page's token: a click before would start a run that nobody can see
        parts["start"] = gr.Button(
            strings.START, variant="primary", interactive=False, elem_id="u-start", min_width=80
        )
        parts["pause"] = gr.Button(strings.PAUSE, visible=False, elem_id="u-pause", min_width=80)
        parts["reset"] = gr.Button(strings.RESET, interactive=False, elem_id="u-reset", min_width=80)
    gr.HTML(f"<h2>{strings.DOWNLOAD}</h2>", elem_id="u-save-title")
    parts |= file_controls()
    gr.HTML(links(), elem_id="u-links")
    with gr.Column(elem_id="u-bring", elem_classes="u-unseen"):  # worked by the stage's own buttons
        parts["photos"] = gr.UploadButton(
            strings.PHOTO, file_types=["image"], file_count="multiple", elem_id="u-photos"
        )
        parts["clip"] = gr.UploadButton(strings.CLIP, file_types=["video"], elem_id="u-clip")
        parts["train_clip"] = gr.UploadButton(strings.TRAIN_CLIP, file_types=["video"], elem_id="u-train-clip")
        parts["file"] = gr.DownloadButton(elem_id="u-file")
        parts["query"] = gr.Textbox(elem_id="u-query", container=False)
    return parts


def links() -> str:
    """Links to the paper, to the code and README on a Space, and to the use from programs."""
    space = os.environ.get("SPACE_ID")
    code = {strings.CODE: f"https://huggingface.co/spaces/{space}/tree/main"} if space else {}
    addresses = {strings.PAPER: strings.PAPER_URL, **code}
    program = f'<button type="button" id="u-program">{strings.PROGRAM}</button>'
    return "".join(f'<a href="{address}" target="_blank">{name}</a>' for name, address in addresses.items()) + program


def file_controls() -> dict[str, Any]:
    """Export, opening a file, links and publishing."""
    parts: dict[str, Any] = {}
    with gr.Row(elem_id="u-save"):
        parts["kind"] = gr.Dropdown(
            choices_from(strings.FILES),
            value=strings.FILE_PNG,
            label=strings.DOWNLOAD,
            show_label=False,
            filterable=False,
            elem_id="u-kind",
            min_width=80,
        )
        parts["save"] = gr.Button(strings.SAVE, interactive=False, elem_id="u-save-button", min_width=60)
    with gr.Row(elem_id="u-more-files"):
        parts["open"] = gr.UploadButton(strings.OPEN, elem_id="u-open", min_width=60)
        parts["link"] = gr.Button(strings.LINK, elem_id="u-link", min_width=60)
        parts["publish"] = gr.Button(strings.PUBLISH, elem_id="u-publish", min_width=60)
    signs_in = can_sign_in()
    parts["repo"] = gr.Textbox(placeholder=strings.REPO, show_label=False, visible=signs_in, elem_id="u-repo")
    if signs_in:
        gr.LoginButton(elem_id="u-login")
    return parts


def pair_controls(context: Context) -> dict[str, Any]:
    """The lists of networks and datasets; hidden if there is no choice."""
    workspaces, first = context.workspaces, context.first
    networks, sets = workspaces.model_offers, workspaces.dataset_offers
    with gr.Column(elem_id="u-workspace", visible=len(networks) > 1 or len(sets) > 1):
        parts = {
            "model": offer_dropdown(networks, first.model, strings.NETWORK, "u-model"),
            "data": offer_dropdown(sets, first.data, strings.PICTURES, "u-data"),
        }
        gr.HTML(elem_id="u-about")  # filled in by the stage
    return parts


def offer_dropdown(offers: Sequence[Offer], value: str, label: str, elem_id: str) -> gr.Dropdown:
    """A list whose entries are labelled with their cost.

    Example:
        >>> offer_dropdown([Offer("street", "street · 11 classes", "")], "street", "Network", "u-model").choices
        [('street · 11 classes', 'street')]
    """
    choices = [(offer.label, offer.name) for offer in offers]
    return gr.Dropdown(choices, value=value, label=label, elem_id=elem_id, filterable=False, min_width=100)


def target_controls(context: Context) -> dict[str, Any]:
    """The goal and its controls: a drawing and its classes, classes to hide, or two to swap."""
    first, choices = context.first, class_choices(context.workspaces.first)
    parts: dict[str, Any] = {}
    parts["goal"] = gr.Radio(
        choices_from(strings.GOALS),
        value=first.goal,
        label=strings.GOAL,
        show_label=False,
        elem_id="u-goal",
        elem_classes="u-seg",
    )
    with gr.Column(elem_id="u-static"):
        parts |= drawing_controls(first, choices)
    with gr.Column(elem_id="u-hidden"):
        parts["hide"] = gr.CheckboxGroup(
            choices["hide"], value=list(first.hide), label=strings.HIDE, elem_id="u-hide", elem_classes="u-chips"
        )
        parts["fill"] = gr.Dropdown(choices["fill"], value=first.fill, label=strings.FILL, elem_id="u-fill")
    gr.HTML(f"<p>{strings.BREAK}</p>", elem_id="u-untargeted")
    with gr.Row(elem_id="u-swap"):
        for name, label in (("swap_from", strings.SWAP_FROM), ("swap_into", strings.SWAP_INTO)):
            parts[name] = gr.Dropdown(
                choices[name], value=getattr(first, name), label=label, elem_id=f"u-{name}", min_width=100
            )
    return parts


def drawing_controls(first: ControlValues, choices: dict[str, list[Option]]) -> dict[str, Any]:
    """A word, a drawing or a mask, its classes, and the classes to hide beside it.

    Args:
        first: The values of a new visitor.
        choices: The classes to choose from in each control.
    """
    parts: dict[str, Any] = {}
    parts["source"] = gr.Radio(
        choices_from(strings.SOURCES),
        value=first.source,
        label=strings.SOURCE,
        elem_id="u-source",
        elem_classes="u-tabs",
    )
    parts["word"] = gr.Textbox(
        first.word, label=strings.WORD, max_lines=1, max_length=24, elem_id="u-word", show_label=False
    )
    with gr.Column(elem_id="u-mask-box"):
        parts["mask"] = gr.UploadButton(strings.MASK, file_types=["image"], elem_id="u-mask")
        parts["invert"] = gr.Checkbox(first.invert, label=strings.INVERT, elem_id="u-invert")
    with gr.Row(elem_id="u-pair"):
        parts["inside"] = gr.Dropdown(
            choices["inside"], value=first.inside, label=strings.INSIDE, elem_id="u-inside", min_width=100
        )
        parts["rest"] = gr.Dropdown(
            choices["rest"], value=first.rest, label=strings.REST, elem_id="u-rest", min_width=100
        )
    parts["also_hide"] = gr.Dropdown(
        choices["also_hide"],
        value=list(first.also_hide),
        multiselect=True,
        label=strings.ALSO_HIDE,
        elem_id="u-also-hide",
    )
    return parts


def number_controls(context: Context) -> dict[str, Any]:
    """Epsilon, weights, length and the rarer settings."""
    first = context.first
    parts: dict[str, Any] = {}
    parts["epsilon"] = gr.Slider(
        *EPSILONS, first.epsilon, step=1, label=strings.EPSILON, buttons=[], elem_id="u-epsilon"
    )
    parts["keep"] = gr.Slider(*WEIGHTS, first.keep, step=0.1, label=strings.WEIGHT, buttons=[], elem_id="u-keep")
    gr.HTML(ends(), elem_id="u-ends")
    length = gr.Slider(*BUDGETS, first.budget, step=50, label=strings.BUDGET, buttons=[], elem_id="u-budget")
    parts["budget"] = length
    if device.FORKED:  # it takes of the visitor's daily time
        length.info = device.daily_time(first.budget)
        length.change(update_daily_time, length, length, **AT_ONCE)
    with gr.Accordion(strings.MORE, open=False, elem_id="u-more"), gr.Row():
        parts["preset"] = gr.Dropdown(
            list(PRESETS), value=first.preset, label=strings.PRESET, elem_id="u-preset", min_width=100
        )
        parts["seed"] = gr.Number(
            first.seed, label=strings.SEED, precision=0, minimum=0, elem_id="u-seed", min_width=100
        )
        parts["norm"] = gr.Dropdown(
            choices_from(strings.NORMS), value=first.norm, label=strings.NORM, elem_id="u-norm", min_width=200
        )
    return parts


def update_daily_time(length: float) -> dict[str, Any]:
    """Shows below the training length its share of the visitor's daily time on the GPU.

    Example:
        >>> update_daily_time(2000)["info"]
        'Start uses up to 40 s of the 120 s a day that you have on the GPU, or 300 s signed in.'
    """
    return gr.update(info=device.daily_time(length))


def ends() -> str:
    """The labels of both ends of the keep weight; the style sheet shows those of the goal.

    Example:
        >>> ends()[:11]
        '<p class="u'
    """
    return "".join(
        f'<p class="u-{goal}"><span>{low}</span><span>{high}</span></p>'
        for goal, (low, high) in strings.WEIGHT_ENDS.items()
    )


def choices_from(labels: dict[str, str]) -> list[tuple[str, str]]:
    """Converts labels by id to Gradio's choices: (label, id).

    Example:
        >>> choices_from({"png": "Perturbation (PNG)"})
        [('Perturbation (PNG)', 'png')]
    """
    return [(label, value) for value, label in labels.items()]
