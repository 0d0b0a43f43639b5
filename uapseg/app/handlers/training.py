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

CHANGE_DELAY = 0.25
"""Seconds that a run waits for the next change before it takes one up: a slider passes many values."""


def load_page(context: Context, saved_values: object, request: gr.Request | None = None) -> Updates:
    """Finds or creates the visitor's run; returns token, stage, memory, controls, buttons."""
    memory = to_values(saved_values)
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
    """Handles a closed or reloaded tab: deletes its uploads, and pauses the run with the visitor's last tab.

    A run that waits is skipped until a tab polls again.
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
    """Handles a changed control: updates the browser's memory and the label of Start."""
    run = find_run(context, token)
    run.publish(controls=read_controls(context, values))
    if run.status == "running":
        _request_change(context, run)
    return browser_memory(run), gr.update(value=start_label(run))


def change_word(context: Context, token: str | None, word: str) -> Updates:
    """Handles a changed word, whether typed or pasted."""
    run = find_run(context, token)
    if word != run.controls.word:
        run.publish(
            controls=read_values(context, {**run.controls.to_dict(), "drawing": run.controls.drawing, "word": word})
        )
        if run.status == "running":
            _request_change(context, run)
    return browser_memory(run), gr.update(value=start_label(run))


def choose_pair(context: Context, token: str | None, model: str, data: str) -> Updates:
    """Loads another network or other pictures in the background."""
    run = find_run(context, token)
    controls = read_values(context, {**run.controls.to_dict(), "model": model, "data": data})
    if not context.workspaces.offers_to(run, controls.pair):
        raise user_error(strings.NOT_OFFERED)
    run.publish(controls=controls, view=("scene", 0), link_warning="", unchecked_controls=frozenset())
    return browser_memory(run), gr.update(value=start_label(run))


def finish_loading(context: Context, token: str | None) -> Updates:
    """Updates the controls with the classes of the loaded network."""
    run = find_run(context, token)
    workspace = context.workspaces.of(run)
    if workspace:
        of_classes = {name: getattr(run.controls, name) for name in CLASSES}
        first = replace(run.controls, **{name: getattr(workspace.first, name) for name in CLASSES})
        controls, invalid_names = first.with_values(of_classes, workspace.model.classes)
        ignored_names = [name for name in invalid_names if name in run.unchecked_controls]
        run.publish(
            controls=controls,
            link_warning=messages.ignored_controls(ignored_names) or run.link_warning,
            unchecked_controls=frozenset(),
        )
    return resting_page(context, run)


def start_download(context: Context, token: str | None) -> None:
    """Starts a download that the visitor agreed to."""
    run = find_run(context, token)
    context.workspaces.ask_for(run, fetch=True)


def cancel_loading(context: Context, token: str | None) -> Updates:
    """Cancels loading: returns to the network and pictures of the run, or to the default ones."""
    run = find_run(context, token)
    context.workspaces.leave_for(run)
    plan, first = run.plan, context.first
    model, data = (plan.model, plan.data) if plan else first.pair
    run.publish(controls=replace(run.controls, model=model, data=data))
    return finish_loading(context, token)


def _request_change(context: Context, run: Run) -> None:
    try:
        plan, _ = plan_of(context, run)
    except UapsegError:  # incomplete input: the run continues unchanged
        return
    point = run.pending_change.point if run.pending_change else None
    run.pending_change = PendingChange(time.monotonic() + CHANGE_DELAY, point) if point or plan != run.plan else None


def _restore_controls(context: Context, run: Run, controls: ControlValues, saved_values: dict[str, Any]) -> None:
    """Sets the controls to saved values or those of a link; what does not fit is ignored and named."""
    saved_values = {name: saved_values[name] for name in CONTROLS if saved_values.get(name) is not None}
    own_names = [run.own_pictures.name] if run.own_pictures else []
    offered_names = {"model": context.workspaces.models, "data": [*context.workspaces.datasets, *own_names]}
    names = {name: saved_values.pop(name) for name in offered_names if name in saved_values}
    invalid_names = [name for name, value in names.items() if value not in offered_names[name]]
    new_controls = replace(controls, **{name: value for name, value in names.items() if name not in invalid_names})
    workspace = context.workspaces.of(run, new_controls)
    if new_controls.pair != controls.pair and workspace:
        new_controls = replace(new_controls, **{name: getattr(workspace.first, name) for name in CLASSES})
    restored_controls, other_invalid_names = new_controls.with_values(
        saved_values, workspace.model.classes if workspace else None
    )
    unchecked_controls: frozenset[str] = frozenset() if workspace else frozenset(saved_values) & {*CLASSES}
    run.publish(
        controls=restored_controls,
        link_warning=messages.ignored_controls([*invalid_names, *other_invalid_names]),
        unchecked_controls=unchecked_controls,
    )


HEARTBEAT_SECONDS = 0.5
SAVE_SECONDS = 5.0
"""Seconds between two saves of an active run: the most that is lost if the server is killed."""

REST_SECONDS = 10.0
"""How long Start waits for the last step of a run that was paused just before."""


def start_run(context: Context, token: str | None, *values: Any) -> Updates:
    """Handles Start: refuses an invalid plan at once, and joins the queue for the device."""
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
    """Takes the run's turn on the device, if it has come; yields until the run is inactive.

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
    """Trains a run until it is inactive, and then sets ``worker_done``; errors are added to ``faults``."""
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
        last_save = time.monotonic()
        for step in steps:
            run.apply_step(step)
            if time.monotonic() - last_save > SAVE_SECONDS:
                context.runs.save(run)
                last_save = time.monotonic()
            if run.stop.is_set() or run.is_unwatched(context.patience) or _is_change_due(run):
                return False
    return True


def _apply_change(context: Context, run: Run, pending_change: PendingChange) -> None:
    """Applies a change that was made while the run was active."""
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
    """Handles Pause: the run stops at its next step, or leaves the queue."""
    run = find_run(context, token)
    run.stop.set()
    _leave_queue(context, run)
    return NO_UPDATE if run.status == "running" else resting_buttons(run)


def reset_run(context: Context, token: str | None) -> Updates:
    """Handles Reset: moves the run to the tray, or back if pressed again; returns memory, controls, buttons.

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
        run.publish(controls=example.controls_before, drawing_version=run.drawing_version + 1)
    context.runs.save(run)
    return resting_page(context, run)


def take_up_run(context: Context, token: str | None, event: gr.EventData) -> Updates:
    """Resumes a run of the tray; returns memory, controls, buttons."""
    run = find_run(context, token)
    if run.status in ACTIVE:
        raise user_error(strings.PAUSE_FIRST)
    if not restore_run(run, event_value(event, "key"), context.workspaces.of(run, run.plan_controls)):
        raise user_error(strings.NO_RUN)
    context.runs.save(run)
    return browser_memory(run), *control_updates(context, run), *resting_buttons(run)


def rewind_run(context: Context, token: str | None, event: gr.EventData) -> Updates:
    """Rewinds the run to a history point."""
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
    """Updates controls and buttons after the run has become inactive, possibly in another tab."""
    run = find_run(context, token)
    return NO_UPDATE if run.status in ACTIVE else resting_buttons(run)


def fail_turn(context: Context, token: str | None) -> Updates:
    """Handles an error of a turn on the device, possibly before it started."""
    _leave_queue(context, find_run(context, token))
    return refresh_buttons(context, token)


def _leave_queue(context: Context, run: Run) -> None:
    """Removes a waiting run from the queue."""
    if run.status == "waiting":
        context.runs.queue.leave(run)
        end_run(run)


def _is_change_due(run: Run) -> bool:
    return run.pending_change is not None and time.monotonic() >= run.pending_change.due
