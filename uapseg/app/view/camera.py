"""The frames of a camera, with and without the perturbation."""

import base64
import time
from typing import Any

from uapseg.app import strings
from uapseg.app.frames import FrameOptions, Photo, Picture, Recording, to_values
from uapseg.app.runs.own_pictures import Footage
from uapseg.app.runs.registry import Registry
from uapseg.app.runs.run import Run
from uapseg.app.server import call_in_thread
from uapseg.app.view.clip import side_by_side
from uapseg.app.view.rendering import frame_payload, render_frame, viewed_perturbation
from uapseg.app.workspace import Workspace
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.errors import UapsegError
from uapseg.io.images import read_picture, size_of

MAX_LETTERS = 1_000_000
MAX_DECODED = 1_000_000
"""Pixels of a frame as it comes: frames of all visitors are decoded at once."""


class Camera:
    """Predicts the frames of cameras."""

    def __init__(self, workspaces: WorkspaceCache, runs: Registry) -> None:
        self._workspaces, self._runs = workspaces, runs

    async def camera_frame(self, payload: object) -> dict[str, Any]:
        """The predictions for a camera frame without and with the perturbation; empty while another is in progress.

        Raises:
            UapsegError: The frame is not a picture.
        """
        values = to_values(payload)
        run = self._runs.get(values.get("token"))
        workspace = run and self._workspaces.of(run)
        if not run or not workspace or not run.frame_lock.acquire(blocking=False):
            return {}
        run.mark_watched()
        try:
            return await call_in_thread(_process_frame, run, workspace, values)
        finally:
            run.frame_lock.release()


def _process_frame(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    picture = workspace.fit(read_picture(_content(values.get("picture"))))
    photo = Photo(picture, workspace.predict(picture))
    reply, photo_after = {"photo": workspace.clean(photo)}, photo
    (levels, plan), options = viewed_perturbation(run, values), FrameOptions.of(values)
    if run.is_current and levels is not None and plan is not None:
        rendered_frame = render_frame(workspace, photo, levels, options)
        reply |= frame_payload(workspace, photo, rendered_frame, plan, options)
        photo_after = rendered_frame.photo
    number, footage = values.get("record"), values.get("footage")
    reply |= _add_footage(run, picture, footage) if isinstance(footage, int) else {}
    return reply | (_record(run, workspace, photo_after, number) if isinstance(number, int) else {})


def _content(uri: object) -> bytes:
    """The bytes of a picture in a data URI."""
    encoded_content = uri.partition(",")[2] if isinstance(uri, str) else ""
    if len(encoded_content) > MAX_LETTERS:
        raise UapsegError(strings.BAD_CAMERA_FRAME)
    try:
        content = base64.b64decode(encoded_content, validate=True)
    except ValueError as error:
        raise UapsegError(strings.BAD_CAMERA_FRAME) from error
    width, height = size_of(content) or (0, 0)
    if width * height > MAX_DECODED:
        raise UapsegError(strings.BAD_CAMERA_FRAME)
    return content


def _add_footage(run: Run, picture: Picture, number: int) -> dict[str, Any]:
    """Adds a frame to the recording to train on; returns its length, and whether it is long enough."""
    if run.footage is None or run.footage.number != number:
        run.footage = Footage(number)
    run.footage.add(picture, time.monotonic())
    return {"filmed": run.footage.seconds, "enough": run.footage.full}


def _record(run: Run, workspace: Workspace, photo: Photo, number: int) -> dict[str, Any]:
    """Adds the shown frame to the recording with that number; returns its length."""
    if run.recording is None or run.recording.number != number:
        run.recording = Recording(number)
    run.recording.add(side_by_side(photo.picture, photo.prediction, workspace))
    return {"recorded": run.recording.seconds, "full": run.recording.full}
