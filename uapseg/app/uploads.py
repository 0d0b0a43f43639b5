"""A visitor brings pictures. They stay in memory, for this visit only."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from uapseg.app import strings
from uapseg.app.context import event_value
from uapseg.app.frames import UploadedPhoto
from uapseg.app.memory import DECODING
from uapseg.app.runs import Run
from uapseg.app.transitions import user_error
from uapseg.app.turns import Turns
from uapseg.errors import UapsegError
from uapseg.io.images import decode, read_picture
from uapseg.targets.drawing import read_mask

MOST_PHOTOS = 12
LONGEST_MASK = 1024
"""Pixels of the longer side of a mask that is kept; all are stretched over the pictures anyway."""


class Uploads(Turns):
    """Events of what is uploaded, and of the choice between pictures."""

    def on_photos(self, token: str | None, paths: list[str] | str) -> None:
        """Photos were chosen, dropped or pasted: the first new one is shown large, and those left out are named."""
        run = self._run(token)
        paths = paths if isinstance(paths, list) else [paths]
        run.uploads |= {Path(path) for path in paths}
        workspace, brought, refused = self.workspaces.get(run.choice.pair) or self.workspaces.first, [], []
        for path in paths[:MOST_PHOTOS]:
            try:
                with DECODING:
                    brought.append(UploadedPhoto(workspace.fit(read_picture(path))))
            except UapsegError as error:
                refused.append(str(error))
        if brought:
            photos = [*run.photos, *brought][-MOST_PHOTOS:]
            run.publish(photos=photos, view=("own", len(photos) - len(brought)))
        if len(paths) > MOST_PHOTOS:
            refused.append(strings.MOST_PHOTOS.format(most=MOST_PHOTOS))
        if refused:
            raise user_error(" ".join(refused))

    def on_leave(self, request: gr.Request) -> None:
        """A tab was closed or reloaded: nothing of what it brought stays on the disk."""
        run = self.runs.get(self._tabs.get(request.session_hash or ""))
        super().on_leave(request)
        if run:
            remove_uploads(run)

    def on_view(self, token: str | None, event: gr.EventData) -> None:
        """A picture was chosen to be shown large."""
        run = self._run(token)
        kind, number = event_value(event, "kind"), event_value(event, "number")
        if kind in ("scene", "unseen", "own") and isinstance(number, int) and number >= 0:
            run.publish(view=(str(kind), number))

    def on_forget(self, token: str | None) -> None:
        """The visitor's photos are to be forgotten."""
        run = self._run(token)
        run.publish(photos=[], view=("scene", 0))
        remove_uploads(run)

    def on_mask(self, token: str | None, path: str) -> dict[str, Any]:
        """A mask picture was chosen."""
        run = self._run(token)
        run.uploads.add(Path(path))
        try:
            with DECODING:
                mask = read_mask(decode(path, wide=True), longest=LONGEST_MASK)
        except UapsegError as error:
            raise user_error(str(error)) from error
        run.publish(mask=(Path(path).name, mask))
        return gr.update(value=self._label(run))


def remove_uploads(run: Run) -> None:
    """Removes the files that a visitor has uploaded: what is still needed of them is in memory."""
    folder = Path(get_upload_folder()).resolve()
    while run.uploads:
        path = run.uploads.pop().resolve()
        if path.is_relative_to(folder):
            with suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()  # Gradio makes one for each file
