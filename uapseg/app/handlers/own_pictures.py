"""Events of a visitor's own pictures as a dataset: photos, a webcam recording or a clip to train on."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np

from uapseg.app import strings
from uapseg.app.handlers.context import (
    Context,
    Updates,
    browser_memory,
    control_updates,
    event_value,
    find_run,
    resting_buttons,
)
from uapseg.app.handlers.errors import user_error
from uapseg.app.runs.own_pictures import (
    FRAME_SECONDS,
    MAX_FRAMES,
    Frame,
    OwnPictures,
    from_frames,
    from_photos,
    is_own,
)
from uapseg.app.runs.run import ACTIVE, Run
from uapseg.app.runs.tray import drop_own
from uapseg.app.server import DECODING
from uapseg.app.view.clip import decode_clip
from uapseg.app.workspace import Workspace
from uapseg.errors import UapsegError

MAX_SIDE = 384
"""The longer side of the frames of a clip that is trained on."""


def train_on_own(context: Context, token: str | None, event: gr.EventData) -> Updates:
    """Trains on photos, on the webcam's recording, or on the dataset again; returns memory, controls, buttons."""
    run = find_run(context, token)
    source = event_value(event, "source")
    makers: dict[object, Callable[[Workspace, str], OwnPictures]] = {
        strings.OWN_PHOTOS: lambda base, data: from_photos([photo.picture for photo in run.photos], data, base.size),
        strings.OWN_WEBCAM: lambda base, data: _from_footage(run, base, data),
    }
    if source in makers:
        _adopt(context, run, makers[source])
    elif run.own_pictures and run.controls.data == run.own_pictures.name:
        _refuse_going(run)
        run.publish(controls=replace(run.controls, data=run.own_pictures.base), view=("scene", 0))
    return browser_memory(run), *control_updates(context, run), *resting_buttons(run)


def train_on_clip(context: Context, token: str | None, path: str) -> Updates:
    """Trains on a clip; returns memory, controls, buttons."""
    run = find_run(context, token)
    run.uploads.add(Path(path))
    _adopt(context, run, lambda base, data: from_frames(_frames_of(path), strings.OWN_CLIP, data, base.size))
    return browser_memory(run), *control_updates(context, run), *resting_buttons(run)


def _adopt(context: Context, run: Run, collect: Callable[[Workspace, str], OwnPictures]) -> None:
    """Makes a visitor's pictures their training set, and drops runs on an earlier set of theirs."""
    _refuse_going(run)
    data = run.own_pictures.base if run.own_pictures and is_own(run.controls.data) else run.controls.data
    base = context.workspaces.get((run.controls.model, data))
    if base is None:
        raise user_error(strings.NOT_READY)
    try:
        own_pictures = collect(base, data)
    except UapsegError as error:
        raise user_error(str(error)) from error
    context.workspaces.prepare(own_pictures, base)
    if run.plan and is_own(run.plan.data):
        run.reset()
    drop_own(run)
    run.publish(
        own_pictures=own_pictures,
        controls=replace(run.controls, data=own_pictures.name),
        view=("scene", 0),
        link_warning="",
    )
    context.runs.sweep()


def _refuse_going(run: Run) -> None:
    if run.status in ACTIVE:
        raise user_error(strings.PAUSE_FIRST)


def _from_footage(run: Run, base: Workspace, data: str) -> OwnPictures:
    with run.frame_lock:  # a frame may still be on its way into it
        footage, run.footage = run.footage, None
    if footage is None or not footage.frames:
        raise UapsegError(strings.NO_RECORDING)
    return from_frames(footage.frames, strings.OWN_WEBCAM, data, base.size)


def _frames_of(path: str) -> list[Frame]:
    with DECODING:
        pictures = decode_clip(Path(path), MAX_FRAMES * FRAME_SECONDS, 1 / FRAME_SECONDS, MAX_SIDE)
    return [Frame(number * FRAME_SECONDS, np.array(picture)) for number, picture in enumerate(pictures)]
