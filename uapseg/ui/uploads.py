"""A visitor brings pictures. They stay in memory, for this visit only."""

from pathlib import Path
from typing import Any

import gradio as gr

from uapseg.drawings import read_mask
from uapseg.errors import UapsegError
from uapseg.pictures import decode, read_picture
from uapseg.ui.desk import told
from uapseg.ui.frames import Brought
from uapseg.ui.outcomes import sorry
from uapseg.ui.turns import Turns

MOST_PHOTOS = 12


class Uploads(Turns):
    """Events of what is uploaded, and of the choice between pictures."""

    def on_photos(self, token: str | None, paths: list[str] | str) -> None:
        """Photos were chosen, dropped or pasted: the first new one is shown large."""
        run = self._run(token)
        paths = paths if isinstance(paths, list) else [paths]
        try:
            studio = self.studios.get(run.choice.pair) or self.studios.first
            brought = [Brought(studio.fit(read_picture(path))) for path in paths[:MOST_PHOTOS]]
        except UapsegError as error:
            raise sorry(str(error)) from error
        photos = [*run.photos, *brought][-MOST_PHOTOS:]
        run.publish(photos=photos, view=("own", len(photos) - len(brought)))

    def on_view(self, token: str | None, event: gr.EventData) -> None:
        """A picture was chosen to be shown large."""
        run = self._run(token)
        kind, number = told(event, "kind"), told(event, "number")
        if kind in ("scene", "unseen", "own") and isinstance(number, int) and number >= 0:
            run.publish(view=(str(kind), number))

    def on_forget(self, token: str | None) -> None:
        """The visitor's photos are to be forgotten."""
        self._run(token).publish(photos=[], view=("scene", 0))

    def on_mask(self, token: str | None, path: str) -> dict[str, Any]:
        """A mask picture was chosen."""
        run = self._run(token)
        try:
            mask = read_mask(decode(path, wide=True))
        except UapsegError as error:
            raise sorry(str(error)) from error
        run.publish(mask=(Path(path).name, mask))
        return gr.update(value=self._label(run))
