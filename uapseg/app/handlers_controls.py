"""Events of the page itself and of its controls: a visitor comes, chooses and leaves."""

import time
from dataclasses import replace
from typing import Any

import gradio as gr

from uapseg.app import messages, strings
from uapseg.app.context import (
    CLASSES,
    CONTROLS,
    Context,
    Updates,
    control_updates,
    find_run,
    memory_of,
    plan_of,
    read_controls,
    read_values,
    resting_buttons,
    running_buttons,
    start_label,
)
from uapseg.app.controls import ControlValues
from uapseg.app.handlers_files import remove_uploads
from uapseg.app.links import parse_query
from uapseg.app.runs import GOING, PendingChange, Run
from uapseg.app.transitions import user_error
from uapseg.errors import UapsegError

CHANGE_DELAY = 0.7
"""A changed control waits this long for the next change before a run takes it up."""


def load_page(context: Context, saved: object, request: gr.Request | None = None) -> Updates:
    """Finds the visitor's run again, or begins one: token, stage, memory, controls, buttons."""
    memory: dict[str, Any] = saved if isinstance(saved, dict) else {}
    query = parse_query(request.query_params) if request else {}
    run = context.runs.find(memory.get("token"))
    if run is None:
        run = context.runs.open(memory.get("token"))
        if {"model", "data"} & {*query}:  # the classes are those of another network
            memory = {name: value for name, value in memory.items() if name not in CLASSES}
        _restore_controls(context, run, context.first, {**memory, **query})
    else:
        _restore_controls(context, run, run.choice, query if run.status not in GOING else {})
    if request and request.session_hash:
        context.tabs[request.session_hash] = run.token
    buttons = running_buttons() if run.status in GOING and not run.stop.is_set() else resting_buttons(run)
    return run.token, gr.update(token=run.token), memory_of(run), *control_updates(context, run), *buttons


def leave_page(context: Context, request: gr.Request) -> None:
    """A tab was closed or reloaded: what it uploaded is removed from the disk, and the last tab pauses the run.

    A run that waits is passed over until a tab looks again.
    """
    token = context.tabs.pop(request.session_hash or "", None)
    run = context.runs.get(token)
    if run is None:
        return
    remove_uploads(run)
    if token in context.tabs.values():
        return
    if run.status == "running":
        run.stop.set()
    run.gone()


def change_controls(context: Context, token: str | None, *values: Any) -> Updates:
    """A control was moved: what the browser is to remember, and what Start will do now."""
    run = find_run(context, token)
    run.publish(choice=read_controls(context, values))
    if run.status == "running":
        _request_change(context, run)
    return memory_of(run), gr.update(value=start_label(run))


def change_word(context: Context, token: str | None, word: str) -> Updates:
    """The word is another one, however it came there."""
    run = find_run(context, token)
    if word != run.choice.word:
        run.publish(choice=read_values(context, {**run.choice.to_dict(), "drawing": run.choice.drawing, "word": word}))
        if run.status == "running":
            _request_change(context, run)
    return memory_of(run), gr.update(value=start_label(run))


def choose_pair(context: Context, token: str | None, model: str, data: str) -> Updates:
    """Another network or other pictures were chosen: they are loaded while the visitor looks on."""
    run = find_run(context, token)
    choice = read_values(context, {**run.choice.to_dict(), "model": model, "data": data})
    if not context.workspaces.offers(choice.pair):
        raise user_error(strings.NOT_OFFERED)
    run.publish(choice=choice, view=("scene", 0), left_out="", unchecked=frozenset())
    return memory_of(run), gr.update(value=start_label(run))


def finish_loading(context: Context, token: str | None) -> Updates:
    """What was chosen is loaded: the controls take up its classes."""
    run = find_run(context, token)
    workspace = context.workspaces.get(run.choice.pair)
    if workspace:
        of_classes = {name: getattr(run.choice, name) for name in CLASSES}
        first = replace(run.choice, **{name: getattr(workspace.first, name) for name in CLASSES})
        choice, unfit = first.updated(of_classes, workspace.model.classes)
        told = [name for name in unfit if name in run.unchecked]
        run.publish(choice=choice, left_out=messages.left_out(told) or run.left_out, unchecked=frozenset())
    return memory_of(run), *control_updates(context, run), *resting_buttons(run)


def start_download(context: Context, token: str | None) -> None:
    """The visitor agreed to a download."""
    run = find_run(context, token)
    context.workspaces.ask(run.choice.pair, run.token, fetch=True)


def cancel_loading(context: Context, token: str | None) -> Updates:
    """The visitor does not want to wait: back to the network and pictures of the run, or the first ones."""
    run = find_run(context, token)
    context.workspaces.leave(run.choice.pair, run.token)
    plan, first = run.plan, context.first
    model, data = (plan.model, plan.data) if plan else first.pair
    run.publish(choice=replace(run.choice, model=model, data=data))
    return finish_loading(context, token)


def _request_change(context: Context, run: Run) -> None:
    try:
        plan, _ = plan_of(context, run)
    except UapsegError:  # not finished: the run goes on as it is
        return
    moment = run.wish.moment if run.wish else None
    run.wish = PendingChange(time.monotonic() + CHANGE_DELAY, moment) if moment or plan != run.plan else None


def _restore_controls(context: Context, run: Run, choice: ControlValues, saved: dict[str, Any]) -> None:
    """Sets the controls to a choice with what was saved or a link asks for; what does not fit is left out."""
    saved = {name: saved[name] for name in CONTROLS if saved.get(name) is not None}
    offered = {"model": context.workspaces.models, "data": context.workspaces.datasets}
    names = {name: saved.pop(name) for name in offered if name in saved}
    unfit = [name for name, value in names.items() if value not in offered[name]]
    named = replace(choice, **{name: value for name, value in names.items() if name not in unfit})
    workspace = context.workspaces.get(named.pair)
    if named.pair != choice.pair and workspace:
        named = replace(named, **{name: getattr(workspace.first, name) for name in CLASSES})
    read, others = named.updated(saved, workspace.model.classes if workspace else None)
    unchecked = frozenset() if workspace else frozenset(saved) & {*CLASSES}
    run.publish(choice=read, left_out=messages.left_out([*unfit, *others]), unchecked=unchecked)
