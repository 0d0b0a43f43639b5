"""The visitor's camera: what the network sees in it, live, and a recording of that."""

import base64
from typing import Any

from uapseg.app import strings
from uapseg.app.clip import side_by_side
from uapseg.app.computing import call_in_thread
from uapseg.app.frame_options import FrameOptions
from uapseg.app.frames import Photo
from uapseg.app.recording import Recording
from uapseg.app.registry import Registry
from uapseg.app.rendering import frame_payload, moment_of, render_frame
from uapseg.app.runs import Run
from uapseg.app.workspace import Workspace
from uapseg.app.workspaces import WorkspaceCache
from uapseg.errors import UapsegError
from uapseg.io.images import read_picture, size_of

MOST_LETTERS = 1_000_000
MOST_DECODED = 1_000_000
"""Pixels of a frame as it comes: frames of all visitors are decoded at once."""


class Camera:
    """Answers the frames of cameras."""

    def __init__(self, workspaces: WorkspaceCache, runs: Registry) -> None:
        self._workspaces, self._runs = workspaces, runs

    async def shot(self, sent: object) -> dict[str, Any]:
        """What the network sees in a frame, without and with the perturbation; nothing while one is being made.

        Raises:
            UapsegError: The frame is no picture.
        """
        values = sent if isinstance(sent, dict) else {}
        run = self._runs.get(values.get("token"))
        workspace = run and self._workspaces.get(run.choice.pair)
        if not run or not workspace or not run.looking.acquire(blocking=False):
            return {}
        run.watch()
        try:
            return await call_in_thread(_shot, run, workspace, values)
        finally:
            run.looking.release()


def _shot(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    picture = workspace.fit(read_picture(_content(values.get("picture"))))
    photo = Photo(picture, workspace.predict(picture))
    reply, now = {"photo": workspace.clean(photo)}, photo
    (levels, plan), wanted = moment_of(run, values), FrameOptions.of(values)
    if run.is_current and levels is not None and plan is not None:
        sight = render_frame(workspace, photo, levels, wanted)
        reply |= frame_payload(workspace, photo, sight, plan, wanted)
        now = sight.photo
    number = values.get("record")
    return reply | (_recorded(run, workspace, now, number) if isinstance(number, int) else {})


def _content(uri: object) -> bytes:
    """The bytes of a picture that was sent as a data URI."""
    coded = uri.partition(",")[2] if isinstance(uri, str) else ""
    if len(coded) > MOST_LETTERS:
        raise UapsegError(strings.BAD_SHOT)
    try:
        content = base64.b64decode(coded, validate=True)
    except ValueError as error:
        raise UapsegError(strings.BAD_SHOT) from error
    width, height = size_of(content) or (0, 0)
    if width * height > MOST_DECODED:
        raise UapsegError(strings.BAD_SHOT)
    return content


def _recorded(run: Run, workspace: Workspace, photo: Photo, number: int) -> dict[str, Any]:
    """Adds what is shown to the recording of that number; how long it is."""
    if run.reel is None or run.reel.number != number:
        run.reel = Recording(number)
    run.reel.add(side_by_side(photo.picture, photo.seen, workspace))
    return {"recorded": run.reel.seconds, "full": run.reel.full}
