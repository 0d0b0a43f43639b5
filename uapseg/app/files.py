"""Files go out and come in: what a run is taken away as, and perturbations and plans that are brought."""

from pathlib import Path
from typing import Any

import gradio as gr

from uapseg.app import strings
from uapseg.app.clip import attacked
from uapseg.app.context import Updates, told
from uapseg.app.examples import ready
from uapseg.app.exports import kept, taken
from uapseg.app.import_run import adopt, aim, check_pair, check_size
from uapseg.app.links import choice_of, query_of
from uapseg.app.memory import DECODING
from uapseg.app.runs import GOING, Run
from uapseg.app.transitions import sorry
from uapseg.app.uploads import Uploads
from uapseg.app.workspace import Studio
from uapseg.attack.plan_file import MOST_BYTES, is_plan, plan_in
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.io.files import read
from uapseg.results.perturbation_file import Perturbation, load


class Files(Uploads):
    """Events of files and links."""

    def on_save(self, token: str | None, kind: object) -> str:
        """A file is to be made: its path."""
        run = self._run(token)
        try:
            return taken(kind, run, self._studio(run.choice))
        except UapsegError as error:
            raise sorry(str(error)) from error

    def on_noise(self, token: str | None, event: gr.EventData) -> Updates:
        """One of the perturbations that come with the project was chosen."""
        run = self._run(token)
        if run.status in GOING:
            raise sorry(strings.BUSY)
        try:
            studio = self._studio(run.choice)
            self._adopt(run, ready(studio.pair, told(event, "number")), studio)
        except UapsegError as error:
            raise sorry(str(error)) from error
        return self._memory(run), *self._controls(run), *self._resting(run)

    def on_clip(self, token: str | None, path: str) -> str:
        """A video was brought: the path of the same with the perturbation, and what is seen in it."""
        run = self._run(token)
        if run.levels is None or not run.here:
            raise sorry(strings.NO_NOISE)
        run.uploads.add(Path(path))
        try:
            content = attacked(Path(path), run.levels, self._studio(run.choice))
        except UapsegError as error:
            raise sorry(str(error)) from error
        return kept(run, "uapseg-clip.mp4", lambda made: made.write_bytes(content))

    def on_reel(self, token: str | None) -> str:
        """The recording of the camera is over: its path."""
        run = self._run(token)
        with run.looking:  # a frame may still be on its way into it
            reel, run.reel = run.reel, None
        if reel is None:
            raise sorry(strings.NO_REEL)
        return kept(run, "uapseg-webcam.mp4", lambda made: made.write_bytes(reel.content()))

    def on_link(self, token: str | None) -> str:
        """What a link says of the controls, without the page's own address."""
        return query_of(self._run(token).choice, self.first)

    def on_open(self, token: str | None, path: str) -> Updates:
        """A perturbation or a plan was brought: memory, controls, buttons."""
        run = self._run(token)
        if run.status in GOING:
            raise sorry(strings.BUSY)
        run.uploads.add(Path(path))
        try:
            self._opened(run, Path(path), self._studio(run.choice))
        except UapsegError as error:
            raise sorry(str(error)) from error
        return self._memory(run), *self._controls(run), *self._resting(run)

    def _opened(self, run: Run, path: Path, studio: Studio) -> None:
        with DECODING:
            plan = plan_in(read(path, MOST_BYTES)) if is_plan(path) else None
            perturbation = None if plan else load(path)
        if plan:
            check_pair(plan, studio)
            self._choose(run, plan, studio)
        elif perturbation:
            self._adopt(run, perturbation, studio)

    def _adopt(self, run: Run, perturbation: Perturbation, studio: Studio) -> None:
        check_size(perturbation, studio)
        if perturbation.plan is None:
            plan = aim(perturbation, *self._asked_for(run))
        else:
            check_pair(perturbation.plan, studio)
            self._choose(run, perturbation.plan, studio)
            plan = self._asked_for(run)[1]
        run.publish(note=strings.MEASURING)
        adopt(run, perturbation, plan, studio)
        self.runs.save(run)

    def _choose(self, run: Run, plan: Plan, studio: Studio) -> None:
        """Sets the controls to a plan. Of a stranger's file nothing else is used: names of files in it, for one."""
        run.publish(choice=choice_of(plan, studio), drawn=run.drawn + 1)

    def _asked_for(self, run: Run) -> tuple[Any, Plan]:
        studio = self._studio(run.choice)
        target = run.choice.target(studio.size, run.mask, studio.model.classes)
        return target, run.choice.plan(target)
