"""Events of the controls and of Start, Pause, Reset and the timeline."""

import threading
import time
from collections.abc import Generator
from contextlib import closing
from contextvars import copy_context
from dataclasses import replace
from typing import Any, cast

import gradio as gr

from uapseg.app import messages, strings
from uapseg.app.controls import ControlValues
from uapseg.app.exports.links import parse_query
from uapseg.app.frames import to_values
from uapseg.app.handlers.context import (
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
    resting_page,
    running_buttons,
    start_label,
)
from uapseg.app.handlers.errors import as_user_error, user_error, user_errors
from uapseg.app.handlers.files import remove_uploads
from uapseg.app.runs.continuation import apply_plan, can_continue, end_run, find_budget_start, restore, rewind
from uapseg.app.runs.device import run_steps
from uapseg.app.runs.import_run import measure_test
from uapseg.app.runs.run import ACTIVE, PendingChange, Run
from uapseg.app.runs.tray import keep_run, restore_run, run_before_reset
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError

CHANGE_DELAY = 0.4
"""Seconds that a run waits for the next change before it takes one up: a slider passes many values."""


def load_page(context: Context, saved: object, request: gr.Request | None = None) -> Updates:
    """Finds the visitor's run again, or begins one: token, stage, memory, controls, buttons."""
    memory = to_values(saved)
    query = parse_query(cast("Any", request).query_params) if request else {}
    run = context.runs.find(memory.get("token"))
    if run is None:
        run = context.runs.open(memory.get("token"))
        if {"model", "data"} & {*query}:  # the classes are those of another network
            memory = {name: value for name, value in memory.items() if name not in CLASSES}
        _restore_controls(context, run, context.first, {**memory, **query})
    else:
        _restore_controls(context, run, run.controls, query if run.status not in ACTIVE else {})
    if request and request.session_hash:
        context.tabs[request.session_hash] = run.token
    buttons = running_buttons() if run.status in ACTIVE and not run.stop.is_set() else resting_buttons(run)
    return run.token, gr.update(token=run.token), browser_memory(run), *control_updates(context, run), *buttons


def leave_page(context: Context, request: gr.Request) -> None:
    """A tab was closed or reloaded: what it uploaded is removed from the disk, and the last tab pauses the run.

    A run that waits is passed over until a tab polls again.
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
    run.mark_absent()


def change_controls(context: Context, token: str | None, *values: Any) -> Updates:
    """A control was changed: updates what the browser stores and the label of Start."""
    run = find_run(context, token)
    run.publish(controls=read_controls(context, values))
    if run.status == "running":
        _request_change(context, run)
    return browser_memory(run), gr.update(value=start_label(run))


def change_word(context: Context, token: str | None, word: str) -> Updates:
    """The word was changed, by typing or otherwise."""
    run = find_run(context, token)
    if word != run.controls.word:
        run.publish(
            controls=read_values(context, {**run.controls.to_dict(), "drawing": run.controls.drawing, "word": word})
        )
        if run.status == "running":
            _request_change(context, run)
    return browser_memory(run), gr.update(value=start_label(run))


def choose_pair(context: Context, token: str | None, model: str, data: str) -> Updates:
    """Another network or other pictures were chosen: they are loaded in the background."""
    run = find_run(context, token)
    controls = read_values(context, {**run.controls.to_dict(), "model": model, "data": data})
    if not context.workspaces.offers_to(run, controls.pair):
        raise user_error(strings.NOT_OFFERED)
    run.publish(controls=controls, view=("scene", 0), link_warning="", unchecked_controls=frozenset())
    return browser_memory(run), gr.update(value=start_label(run))


def finish_loading(context: Context, token: str | None) -> Updates:
    """What was chosen is loaded: the controls take up its classes."""
    run = find_run(context, token)
    workspace = context.workspaces.of(run)
    if workspace:
        of_classes = {name: getattr(run.controls, name) for name in CLASSES}
        first = replace(run.controls, **{name: getattr(workspace.first, name) for name in CLASSES})
        controls, unfit = first.with_values(of_classes, workspace.model.classes)
        ignored = [name for name in unfit if name in run.unchecked_controls]
        run.publish(
            controls=controls,
            link_warning=messages.ignored_controls(ignored) or run.link_warning,
            unchecked_controls=frozenset(),
        )
    return resting_page(context, run)


def start_download(context: Context, token: str | None) -> None:
    """The visitor agreed to a download."""
    run = find_run(context, token)
    context.workspaces.ask_for(run, fetch=True)


def cancel_loading(context: Context, token: str | None) -> Updates:
    """The visitor does not want to wait: back to the network and pictures of the run, or the first ones."""
    run = find_run(context, token)
    context.workspaces.leave_for(run)
    plan, first = run.plan, context.first
    model, data = (plan.model, plan.data) if plan else first.pair
    run.publish(controls=replace(run.controls, model=model, data=data))
    return finish_loading(context, token)


def _request_change(context: Context, run: Run) -> None:
    try:
        plan, _ = plan_of(context, run)
    except UapsegError:  # not finished: the run goes on as it is
        return
    point = run.pending_change.point if run.pending_change else None
    run.pending_change = PendingChange(time.monotonic() + CHANGE_DELAY, point) if point or plan != run.plan else None


def _restore_controls(context: Context, run: Run, controls: ControlValues, saved: dict[str, Any]) -> None:
    """Sets the controls to saved values or those of a link; what does not fit is ignored and named."""
    saved = {name: saved[name] for name in CONTROLS if saved.get(name) is not None}
    own = [run.own.name] if run.own else []
    offered = {"model": context.workspaces.models, "data": [*context.workspaces.datasets, *own]}
    names = {name: saved.pop(name) for name in offered if name in saved}
    unfit = [name for name, value in names.items() if value not in offered[name]]
    named = replace(controls, **{name: value for name, value in names.items() if name not in unfit})
    workspace = context.workspaces.of(run, named)
    if named.pair != controls.pair and workspace:
        named = replace(named, **{name: getattr(workspace.first, name) for name in CLASSES})
    read, others = named.with_values(saved, workspace.model.classes if workspace else None)
    unchecked_controls: frozenset[str] = frozenset() if workspace else frozenset(saved) & {*CLASSES}
    run.publish(
        controls=read, link_warning=messages.ignored_controls([*unfit, *others]), unchecked_controls=unchecked_controls
    )


HEARTBEAT_SECONDS = 0.5
SAVE_SECONDS = 5.0
"""A run that goes on is saved this often: so much is lost where the server is killed."""

REST_SECONDS = 10.0
"""How long Start waits for the last step of a run that was paused just before."""


def start_run(context: Context, token: str | None, *values: Any) -> Updates:
    """Start was pressed: refuses at once what cannot run, and gets in line for the device."""
    run = find_run(context, token)
    if run.worker_done and run.stop.is_set():  # it was paused a moment ago, and its last step may still be going
        run.worker_done.wait(REST_SECONDS)
    if run.status in ACTIVE:
        raise user_error(strings.BUSY)
    run.publish(controls=read_controls(context, values))
    with user_errors():
        plan, start = plan_of(context, run)
        run.mark_watched()
        context.runs.queue.join(run)
    if not can_continue(run):
        keep_run(run, context.workspaces.of(run, run.plan_controls))
        run.reset()
    apply_plan(run, plan, start, run.controls)
    run.stop.clear()
    run.publish(status="waiting", note="", pending_change=None)
    context.runs.sweep()
    return running_buttons()


def run_turn(context: Context, token: str | None) -> Generator[Updates, None, None]:
    """The run's turn on the device, if it has come: beats until the run rests.

    A thread of its own works for the run. Gradio ends this generator when the tab is closed, and does so where
    every visitor would feel a delay; the thread alone waits for the last step then.
    """
    run = find_run(context, token)
    if run.status != "waiting" or not context.runs.queue.enter(run):
        yield resting_buttons(run) if run.status not in ACTIVE else NO_UPDATE
        return
    run.worker_done = worker_done = threading.Event()
    run.mark_watched()
    run.publish(status="running")
    faults: list[Exception] = []
    # In this event's context: ZeroGPU reads from it whose quota the run is on
    threading.Thread(
        target=copy_context().run, args=(_run_worker, context, run, worker_done, faults), daemon=True
    ).start()
    try:
        while not worker_done.wait(HEARTBEAT_SECONDS):
            yield NO_UPDATE  # a place where Gradio can end the run
    except GeneratorExit:
        if not worker_done.is_set():  # else it may have been started again since
            run.stop.set()
        raise
    yield resting_buttons(run)
    if faults:
        raise as_user_error(faults[0]) from faults[0]


def _run_worker(context: Context, run: Run, worker_done: threading.Event, faults: list[Exception]) -> None:
    """Has the device work for a run until it rests, and then sets ``worker_done``; ``faults`` gets what went wrong."""
    try:
        _run_until_stopped(context, run)
    except Exception as error:  # noqa: BLE001  the visitor is told of it by the event
        faults.append(error)
        end_run(run)
    finally:
        context.runs.queue.leave(run)
        context.runs.save(run)
        worker_done.set()


def _run_until_stopped(context: Context, run: Run) -> None:
    finished = False
    while True:
        finished = _run_segment(context, run)
        pending_change = run.pending_change
        if pending_change is None or run.stop.is_set() or run.is_unwatched(context.patience):
            break
        _apply_change(context, run, pending_change)
    end_run(run, finished=finished, note=strings.LEFT if run.is_unwatched(context.patience) else "")
    workspace = context.workspaces.of(run)
    if finished and workspace and run.is_current:
        run.publish(test_scores=measure_test(run, workspace))


def _run_segment(context: Context, run: Run) -> bool:
    """Runs the plan until its end, a change or a stop; returns whether it is finished."""
    assert run.plan  # noqa: S101  a run that was started has one
    with closing(run_steps(run.plan, run.checkpoint, run.trained_on)) as steps:
        saved = time.monotonic()
        for step in steps:
            run.apply_step(step)
            if time.monotonic() - saved > SAVE_SECONDS:
                context.runs.save(run)
                saved = time.monotonic()
            if run.stop.is_set() or run.is_unwatched(context.patience) or _is_change_due(run):
                return False
    return True


def _apply_change(context: Context, run: Run, pending_change: PendingChange) -> None:
    """Takes up a change that was made while the run was active."""
    if pending_change.point:
        rewind(run, pending_change.point)
    plan = _plan_or_none(context, run)
    if plan:
        apply_plan(run, plan, find_budget_start(run, plan.target), run.controls)


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
    """Reset was pressed: the run goes into the tray; pressed again, it comes back: memory, controls, buttons.

    After an example, the controls are again as they were before it.
    """
    run = find_run(context, token)
    if run.status in ACTIVE:
        return browser_memory(run), *control_updates(context, run), *pause_run(context, token)
    last, example = run_before_reset(run), run.current_example
    if last:
        restore_run(run, last.key, None)
    else:
        keep_run(run, context.workspaces.of(run, run.plan_controls), by_reset=True)
        run.reset()
    if example:
        run.publish(controls=example.before, drawing_version=run.drawing_version + 1)
    context.runs.save(run)
    return resting_page(context, run)


def take_up_run(context: Context, token: str | None, event: gr.EventData) -> Updates:
    """A run of the tray is to be taken up again: memory, controls, buttons."""
    run = find_run(context, token)
    if run.status in ACTIVE:
        raise user_error(strings.PAUSE_FIRST)
    if not restore_run(run, event_value(event, "key"), context.workspaces.of(run, run.plan_controls)):
        raise user_error(strings.NO_RUN)
    context.runs.save(run)
    return browser_memory(run), *control_updates(context, run), *resting_buttons(run)


def rewind_run(context: Context, token: str | None, event: gr.EventData) -> Updates:
    """A history point was chosen to continue from."""
    run = find_run(context, token)
    image_gradients = event_value(event, "image_gradients")
    point = next((point for point in run.history_points if point.image_gradients == image_gradients), None)
    if point is None:
        raise user_error(strings.NO_HISTORY_POINT)
    restore(run, point)
    if run.status == "running":
        run.pending_change = PendingChange(time.monotonic(), point)
        return browser_memory(run), *control_updates(context, run), *NO_UPDATE
    rewind(run, point)
    run.publish(status="paused", note="")
    context.runs.save(run)
    return resting_page(context, run)


def refresh_buttons(context: Context, token: str | None) -> Updates:
    """The stage saw the run come to rest, maybe in another tab."""
    run = find_run(context, token)
    return NO_UPDATE if run.status in ACTIVE else resting_buttons(run)


def fail_turn(context: Context, token: str | None) -> Updates:
    """The turn on the device failed, maybe before it began."""
    _leave_queue(context, find_run(context, token))
    return refresh_buttons(context, token)


def _leave_queue(context: Context, run: Run) -> None:
    """Takes a run that waits out of the line."""
    if run.status == "waiting":
        context.runs.queue.leave(run)
        end_run(run)


def _is_change_due(run: Run) -> bool:
    return run.pending_change is not None and time.monotonic() >= run.pending_change.due
