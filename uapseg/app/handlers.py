"""Events of the controls and of Start, Pause, Reset and the timeline."""

import threading
import time
from collections.abc import Generator
from contextlib import closing
from contextvars import copy_context
from dataclasses import replace
from typing import Any

import gradio as gr

from uapseg.app import messages, strings
from uapseg.app.context import (
    CLASSES,
    CONTROLS,
    NO_UPDATE,
    Context,
    Updates,
    browser_memory,
    control_updates,
    event_value,
    find_run,
    plan_of,
    read_controls,
    read_values,
    resting_buttons,
    running_buttons,
    start_label,
)
from uapseg.app.controls import ControlValues
from uapseg.app.device import run_steps
from uapseg.app.errors import as_user_error, user_error
from uapseg.app.frames import to_values
from uapseg.app.handlers_files import remove_uploads
from uapseg.app.runs import GOING, PendingChange, Run, apply_plan, budget_start, can_continue, end_run, restore, rewind
from uapseg.app.sharing import parse_query
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError

CHANGE_DELAY = 0.7
"""A changed control waits this long for the next change before a run takes it up."""


def load_page(context: Context, saved: object, request: gr.Request | None = None) -> Updates:
    """Finds the visitor's run again, or begins one: token, stage, memory, controls, buttons."""
    memory = to_values(saved)
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
    return run.token, gr.update(token=run.token), browser_memory(run), *control_updates(context, run), *buttons


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
    return browser_memory(run), gr.update(value=start_label(run))


def change_word(context: Context, token: str | None, word: str) -> Updates:
    """The word is another one, however it came there."""
    run = find_run(context, token)
    if word != run.choice.word:
        run.publish(choice=read_values(context, {**run.choice.to_dict(), "drawing": run.choice.drawing, "word": word}))
        if run.status == "running":
            _request_change(context, run)
    return browser_memory(run), gr.update(value=start_label(run))


def choose_pair(context: Context, token: str | None, model: str, data: str) -> Updates:
    """Another network or other pictures were chosen: they are loaded while the visitor looks on."""
    run = find_run(context, token)
    choice = read_values(context, {**run.choice.to_dict(), "model": model, "data": data})
    if not context.workspaces.offers(choice.pair):
        raise user_error(strings.NOT_OFFERED)
    run.publish(choice=choice, view=("scene", 0), left_out="", unchecked=frozenset())
    return browser_memory(run), gr.update(value=start_label(run))


def finish_loading(context: Context, token: str | None) -> Updates:
    """What was chosen is loaded: the controls take up its classes."""
    run = find_run(context, token)
    workspace = context.workspaces.get(run.choice.pair)
    if workspace:
        of_classes = {name: getattr(run.choice, name) for name in CLASSES}
        first = replace(run.choice, **{name: getattr(workspace.first, name) for name in CLASSES})
        choice, unfit = first.updated(of_classes, workspace.model.classes)
        ignored = [name for name in unfit if name in run.unchecked]
        run.publish(choice=choice, left_out=messages.ignored_controls(ignored) or run.left_out, unchecked=frozenset())
    return browser_memory(run), *control_updates(context, run), *resting_buttons(run)


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
    moment = run.pending.moment if run.pending else None
    run.pending = PendingChange(time.monotonic() + CHANGE_DELAY, moment) if moment or plan != run.plan else None


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
    unchecked: frozenset[str] = frozenset() if workspace else frozenset(saved) & {*CLASSES}
    run.publish(choice=read, left_out=messages.ignored_controls([*unfit, *others]), unchecked=unchecked)


HEARTBEAT_SECONDS = 0.5
SAVE_SECONDS = 5.0
"""A run that goes on is saved this often: so much is lost where the server is killed."""

REST_SECONDS = 10.0
"""How long Start waits for the last step of a run that was paused just before."""


def start_run(context: Context, token: str | None, *values: Any) -> Updates:
    """Start was pressed: refuses at once what cannot run, and gets in line for the device."""
    run = find_run(context, token)
    if run.at_rest and run.stop.is_set():  # it was paused a moment ago, and its last step may still be going
        run.at_rest.wait(REST_SECONDS)
    if run.status in GOING:
        raise user_error(strings.BUSY)
    run.publish(choice=read_controls(context, values))
    try:
        plan, start = plan_of(context, run)
        run.watch()
        context.runs.queue.join(run)
    except UapsegError as error:
        raise user_error(str(error)) from error
    if not can_continue(run):
        run.reset()
    apply_plan(run, plan, start, run.choice)
    run.stop.clear()
    run.publish(status="waiting", note="", pending=None)
    context.runs.sweep()
    return running_buttons()


def run_turn(context: Context, token: str | None) -> Generator[Updates, None, None]:
    """The run's turn on the device, if it has come: beats until the run rests.

    A thread of its own works for the run. Gradio ends this generator when the tab is closed, and does so where
    every visitor would feel a delay; the thread alone waits for the last step then.
    """
    run = find_run(context, token)
    if run.status != "waiting" or not context.runs.queue.enter(run):
        yield resting_buttons(run) if run.status not in GOING else NO_UPDATE
        return
    run.at_rest = at_rest = threading.Event()
    run.watch()
    run.publish(status="running")
    faults: list[Exception] = []
    # In this event's context: ZeroGPU reads from it whose quota the run is on
    threading.Thread(target=copy_context().run, args=(_work, context, run, at_rest, faults), daemon=True).start()
    try:
        while not at_rest.wait(HEARTBEAT_SECONDS):
            yield NO_UPDATE  # a place where Gradio can end the run
    except GeneratorExit:
        if not at_rest.is_set():  # else it may have been started again since
            run.stop.set()
        raise
    yield resting_buttons(run)
    if faults:
        raise as_user_error(faults[0]) from faults[0]


def _work(context: Context, run: Run, at_rest: threading.Event, faults: list[Exception]) -> None:
    """Has the device work for a run until it rests, and tells by ``rested``; ``faults`` gets what went wrong."""
    try:
        _drive(context, run)
    except Exception as error:  # noqa: BLE001  the visitor is told of it by the event
        faults.append(error)
        end_run(run)
    finally:
        context.runs.queue.leave(run)
        context.runs.save(run)
        at_rest.set()


def _drive(context: Context, run: Run) -> None:
    finished = False
    while True:
        finished = _run_segment(context, run)
        pending = run.pending
        if pending is None or run.stop.is_set() or run.is_unwatched(context.patience):
            break
        _apply_change(context, run, pending)
    end_run(run, finished=finished, note=strings.LEFT if run.is_unwatched(context.patience) else "")


def _run_segment(context: Context, run: Run) -> bool:
    """Runs the plan until its end, a wish or a stop; whether it is finished."""
    assert run.plan  # noqa: S101  a run that was started has one
    with closing(run_steps(run.plan, run.checkpoint)) as steps:
        saved = time.monotonic()
        for step in steps:
            run.apply_step(step)
            if time.monotonic() - saved > SAVE_SECONDS:
                context.runs.save(run)
                saved = time.monotonic()
            if run.stop.is_set() or run.is_unwatched(context.patience) or _due(run):
                return False
    return True


def _apply_change(context: Context, run: Run, pending: PendingChange) -> None:
    """Takes up what was asked for while the run was going."""
    if pending.moment:
        rewind(run, pending.moment)
    plan = _plan_or_none(context, run)
    if plan:
        apply_plan(run, plan, budget_start(run, plan.target), run.choice)


def _plan_or_none(context: Context, run: Run) -> Plan | None:
    try:
        return plan_of(context, run)[0]
    except UapsegError:
        return None


def pause_run(context: Context, token: str | None) -> Updates:
    """Pause was pressed: the run stops at its next step, or leaves the line."""
    run = find_run(context, token)
    run.stop.set()
    _leave_queue(context, run)
    return NO_UPDATE if run.status == "running" else resting_buttons(run)


def reset_run(context: Context, token: str | None) -> Updates:
    """Reset was pressed: the run is forgotten."""
    run = find_run(context, token)
    if run.status in GOING:
        return pause_run(context, token)
    run.reset()
    context.runs.save(run)
    return resting_buttons(run)


def rewind_run(context: Context, token: str | None, event: gr.EventData) -> Updates:
    """A moment of the timeline was chosen to go on from."""
    run = find_run(context, token)
    spent = event_value(event, "spent")
    moment = next((moment for moment in run.moments if moment.spent == spent), None)
    if moment is None:
        raise user_error(strings.NO_MOMENT)
    restore(run, moment)
    if run.status == "running":
        run.pending = PendingChange(time.monotonic(), moment)
        return browser_memory(run), *control_updates(context, run), *NO_UPDATE
    rewind(run, moment)
    run.publish(status="paused", note="")
    context.runs.save(run)
    return browser_memory(run), *control_updates(context, run), *resting_buttons(run)


def refresh_buttons(context: Context, token: str | None) -> Updates:
    """The stage saw the run come to rest, maybe in another tab."""
    run = find_run(context, token)
    return NO_UPDATE if run.status in GOING else resting_buttons(run)


def fail_turn(context: Context, token: str | None) -> Updates:
    """The turn on the device failed, maybe before it began."""
    _leave_queue(context, find_run(context, token))
    return refresh_buttons(context, token)


def _leave_queue(context: Context, run: Run) -> None:
    """Takes a run that waits out of the line."""
    if run.status == "waiting":
        context.runs.queue.leave(run)
        end_run(run)


def _due(run: Run) -> bool:
    return run.pending is not None and time.monotonic() >= run.pending.due
