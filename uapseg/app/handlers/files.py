"""Events of files: photos, masks and videos that a visitor brings, and what a run is exported as."""

import html
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from uapseg.app import messages, strings
from uapseg.app.exports.files import cached_file, export_run
from uapseg.app.exports.hub import publish_run
from uapseg.app.exports.links import to_query
from uapseg.app.frames import UploadedPhoto
from uapseg.app.gradio_private import upload_folder
from uapseg.app.handlers.context import (
    Context,
    Updates,
    browser_memory,
    control_updates,
    event_value,
    find_resting_run,
    find_run,
    resting_buttons,
    resting_page,
    running_buttons,
    start_label,
    workspace_of,
)
from uapseg.app.handlers.errors import user_error, user_errors
from uapseg.app.plan_controls import controls_from_plan
from uapseg.app.runs.import_run import check_pair, check_size, plan_for, start_from
from uapseg.app.runs.own_pictures import OwnPictures, is_own
from uapseg.app.runs.run import ACTIVE, OpenedExample, Run
from uapseg.app.runs.tray import drop_own, keep_run
from uapseg.app.server import DECODING
from uapseg.app.view.clip import perturb_clip
from uapseg.app.workspace import Workspace
from uapseg.attack.plan_file import MAX_BYTES, extract_plan, is_plan
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.io.files import read
from uapseg.io.images import decode, read_picture
from uapseg.results.perturbation_file import Perturbation, load
from uapseg.targets import Target
from uapseg.targets.drawing import read_mask

MAX_PHOTOS = 40
LAST_STEP_SECONDS = 20.0
"""How long to wait for the last step of a run whose pictures are to be forgotten."""

MAX_MASK_SIDE = 1024
"""Pixels of the longer side of a mask that is kept; all are stretched over the pictures anyway."""


def add_photos(context: Context, token: str | None, paths: list[str] | str) -> None:
    """Adds photos; shows the first new one large, and names those left out."""
    run = find_run(context, token)
    paths = paths if isinstance(paths, list) else [paths]
    run.uploads |= {Path(path) for path in paths}
    workspace = context.workspaces.of(run) or context.workspaces.first
    new_photos: list[UploadedPhoto] = []
    error_messages: list[str] = []
    try:
        for number, path in enumerate(paths[:MAX_PHOTOS]):
            run.publish(reading=(strings.PHOTOS_KIND, number / len(paths) if number else None))
            try:
                with DECODING:
                    new_photos.append(UploadedPhoto(workspace.fit(read_picture(path))))
            except UapsegError as error:
                error_messages.append(str(error))
    finally:
        run.publish(reading=None)
    if new_photos:
        photos = [*run.photos, *new_photos][-MAX_PHOTOS:]
        run.publish(photos=photos, view=("own", len(photos) - len(new_photos)))
    if len(paths) > MAX_PHOTOS:
        error_messages.append(strings.TOO_MANY_PHOTOS.format(most=MAX_PHOTOS))
    if error_messages:
        raise user_error(" ".join(error_messages))


def choose_picture(context: Context, token: str | None, event: gr.EventData) -> None:
    """Chooses the picture that is shown large."""
    run = find_run(context, token)
    kind, number = event_value(event, "kind"), event_value(event, "number")
    if kind in ("scene", "held_out", "own") and isinstance(number, int) and number >= 0:
        run.publish(view=(str(kind), number))


def remove_photos(context: Context, token: str | None) -> Updates:
    """Removes the visitor's pictures and the runs that were trained on them; returns memory, controls, buttons."""
    run = find_run(context, token)
    remove_uploads(run)
    if run.own_pictures:
        _forget_own(context, run, run.own_pictures)
    run.publish(photos=[], view=("scene", 0), footage=None, recording=None)
    run.frame_cache = {}
    return browser_memory(run), *control_updates(context, run), *_buttons(run)


def _forget_own(context: Context, run: Run, own_pictures: OwnPictures) -> None:
    """Removes the pictures that a visitor trains on; a run on them ends."""
    if run.trained_on:
        run.stop.set()
        context.runs.queue.leave(run)
        if run.status == "running" and run.worker_done and not run.worker_done.wait(LAST_STEP_SECONDS):
            raise user_error(strings.STILL_GOING)
        run.reset()
        context.runs.save(run)
    data = own_pictures.base if is_own(run.controls.data) else run.controls.data
    run.publish(own_pictures=None, controls=replace(run.controls, data=data))
    drop_own(run)


def _buttons(run: Run) -> Updates:
    return running_buttons() if run.status in ACTIVE else resting_buttons(run)


def upload_mask(context: Context, token: str | None, path: str) -> dict[str, Any]:
    """Reads an uploaded mask."""
    run = find_run(context, token)
    run.uploads.add(Path(path))
    with user_errors(), DECODING:
        mask = read_mask(decode(path, wide=True), max_side=MAX_MASK_SIDE)
    run.publish(mask=(Path(path).name, mask))
    return gr.update(value=start_label(run))


def remove_uploads(run: Run) -> None:
    """Deletes the files that a visitor has uploaded, as their content is in memory."""
    folder = upload_folder()
    while run.uploads:
        path = run.uploads.pop().resolve()
        if path.is_relative_to(folder):
            with suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()  # Gradio makes one for each file


def export_file(context: Context, token: str | None, kind: object) -> str:
    """Exports a file, and returns its path."""
    run = find_run(context, token)
    with user_errors():
        return export_run(kind, run, workspace_of(context, run))


def open_example(context: Context, token: str | None, event: gr.EventData) -> Updates:
    """Opens a ready perturbation."""
    run = find_resting_run(context, token)
    old_controls = run.current_example.controls_before if run.current_example else run.controls
    with user_errors():
        workspace = workspace_of(context, run)
        card, perturbation = workspace.load_example(event_value(event, "number"))
        _open_perturbation(context, run, perturbation, workspace)
    run.opened_example = OpenedExample(
        Path(card["file"]).stem, card["title"], run.controls, run.image_gradients, old_controls
    )
    return resting_page(context, run)


def perturb_video(context: Context, token: str | None, path: str) -> str:
    """Adds the perturbation to a video, with the predictions beside it, and returns the path."""
    run = find_run(context, token)
    if run.levels is None or not run.is_current:
        raise user_error(strings.NO_PERTURBATION)
    run.uploads.add(Path(path))
    run.publish(reading=(strings.CLIP_KIND, None))

    def report(share: float) -> None:
        run.publish(reading=(strings.CLIP_KIND, share))

    try:
        with user_errors():
            content = perturb_clip(Path(path), run.levels, workspace_of(context, run), report)
    finally:
        run.publish(reading=None)
    return cached_file(run, "uapseg-clip.mp4", lambda target: target.write_bytes(content))


def finish_recording(context: Context, token: str | None) -> str:
    """Ends the recording of the camera, and returns its path."""
    run = find_run(context, token)
    with run.frame_lock:  # a frame may still be on its way into it
        recording, run.recording = run.recording, None
    if recording is None:
        raise user_error(strings.NO_RECORDING)
    return cached_file(run, "uapseg-webcam.mp4", lambda target: target.write_bytes(recording.content()))


def make_link(context: Context, token: str | None) -> str:
    """The query of a link to the shown example or the current controls."""
    run = find_run(context, token)
    if run.current_example is None:
        return to_query(run.controls, context.first)
    pair = to_query(replace(context.first, model=run.controls.model, data=run.controls.data), context.first)
    return "&".join(filter(None, (pair, urlencode({"example": run.current_example.name}))))


def confirm_link(context: Context, token: str | None, address: str | None) -> None:
    """Tells the visitor what a link opens; ``address`` is the link if the browser could not copy it."""
    run = find_run(context, token)
    content = f"the example {run.current_example.title}" if run.current_example else messages.settings(run.controls)
    gr.Info(
        html.escape(
            messages.link(
                messages.name_classes(content),
                address,
                with_drawing=run.controls.source == strings.DRAW and run.current_example is None,
            )
        ),
        title=strings.LINK,
    )


def publish_to_hub(context: Context, token: str | None, repo: str, login: gr.OAuthToken | None = None) -> None:
    """Publishes the run in the name of the signed-in visitor."""
    run = find_run(context, token)
    with user_errors():
        url = publish_run(run, workspace_of(context, run), repo, login.token if login else None)
    gr.Info(html.escape(strings.PUBLISHED.format(url=url, repo=repo.strip())), title=strings.PUBLISH)


def open_file(context: Context, token: str | None, path: str) -> Updates:
    """Opens a perturbation or a plan; returns memory, controls, buttons."""
    run = find_resting_run(context, token)
    run.uploads.add(Path(path))
    with user_errors():
        _open(context, run, Path(path), workspace_of(context, run))
    return resting_page(context, run)


def _open(context: Context, run: Run, path: Path, workspace: Workspace) -> None:
    with DECODING:
        plan = extract_plan(read(path, MAX_BYTES)) if is_plan(path) else None
        perturbation = None if plan else load(path)
    if plan:
        check_pair(plan, workspace)
        _set_controls(run, plan, workspace)
    elif perturbation:
        _open_perturbation(context, run, perturbation, workspace)


def _open_perturbation(context: Context, run: Run, perturbation: Perturbation, workspace: Workspace) -> None:
    check_size(perturbation, workspace)
    old_workspace = context.workspaces.of(run, run.plan_controls)
    if perturbation.plan is None:
        plan = plan_for(perturbation, *_target_and_plan(context, run))
        keep_run(run, old_workspace)
    else:
        check_pair(perturbation.plan, workspace)
        controls = controls_from_plan(perturbation.plan, workspace)
        keep_run(run, old_workspace)  # with the controls that it had
        run.publish(controls=controls, drawing_version=run.drawing_version + 1)
        plan = _target_and_plan(context, run)[1]
    run.publish(note=strings.MEASURING)
    start_from(run, perturbation, plan, workspace)
    context.runs.save(run)


def _set_controls(run: Run, plan: Plan, workspace: Workspace) -> None:
    """Sets the controls to a plan. Nothing else in the file is used, as it may be a stranger's."""
    run.publish(controls=controls_from_plan(plan, workspace), drawing_version=run.drawing_version + 1)


def _target_and_plan(context: Context, run: Run) -> tuple[Target, Plan]:
    workspace = workspace_of(context, run)
    target = run.controls.target(workspace.size, run.mask, workspace.model.classes)
    return target, run.controls.plan(target)
