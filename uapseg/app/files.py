"""Files go out and come in: what a run is taken away as, and perturbations and plans that are brought."""

from pathlib import Path
from typing import Any

import gradio as gr

from uapseg.app import strings
from uapseg.app.clip import perturb_clip
from uapseg.app.context import Updates, event_value
from uapseg.app.examples import ready
from uapseg.app.exports import cached_file, export_run
from uapseg.app.import_run import check_pair, check_size, plan_for, start_from
from uapseg.app.links import controls_from_plan, to_query
from uapseg.app.memory import DECODING
from uapseg.app.runs import GOING, Run
from uapseg.app.transitions import user_error
from uapseg.app.uploads import Uploads
from uapseg.app.workspace import Workspace
from uapseg.attack.plan_file import MOST_BYTES, extract_plan, is_plan
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
            return export_run(kind, run, self._workspace(run.choice))
        except UapsegError as error:
            raise user_error(str(error)) from error

    def on_noise(self, token: str | None, event: gr.EventData) -> Updates:
        """One of the perturbations that come with the project was chosen."""
        run = self._run(token)
        if run.status in GOING:
            raise user_error(strings.BUSY)
        try:
            workspace = self._workspace(run.choice)
            self._adopt(run, ready(workspace.pair, event_value(event, "number")), workspace)
        except UapsegError as error:
            raise user_error(str(error)) from error
        return self._memory(run), *self._controls(run), *self._resting(run)

    def on_clip(self, token: str | None, path: str) -> str:
        """A video was brought: the path of the same with the perturbation, and what is seen in it."""
        run = self._run(token)
        if run.levels is None or not run.is_current:
            raise user_error(strings.NO_NOISE)
        run.uploads.add(Path(path))
        try:
            content = perturb_clip(Path(path), run.levels, self._workspace(run.choice))
        except UapsegError as error:
            raise user_error(str(error)) from error
        return cached_file(run, "uapseg-clip.mp4", lambda made: made.write_bytes(content))

    def on_reel(self, token: str | None) -> str:
        """The recording of the camera is over: its path."""
        run = self._run(token)
        with run.looking:  # a frame may still be on its way into it
            reel, run.reel = run.reel, None
        if reel is None:
            raise user_error(strings.NO_REEL)
        return cached_file(run, "uapseg-webcam.mp4", lambda made: made.write_bytes(reel.content()))

    def on_link(self, token: str | None) -> str:
        """What a link says of the controls, without the page's own address."""
        return to_query(self._run(token).choice, self.first)

    def on_open(self, token: str | None, path: str) -> Updates:
        """A perturbation or a plan was brought: memory, controls, buttons."""
        run = self._run(token)
        if run.status in GOING:
            raise user_error(strings.BUSY)
        run.uploads.add(Path(path))
        try:
            self._opened(run, Path(path), self._workspace(run.choice))
        except UapsegError as error:
            raise user_error(str(error)) from error
        return self._memory(run), *self._controls(run), *self._resting(run)

    def _opened(self, run: Run, path: Path, workspace: Workspace) -> None:
        with DECODING:
            plan = extract_plan(read(path, MOST_BYTES)) if is_plan(path) else None
            perturbation = None if plan else load(path)
        if plan:
            check_pair(plan, workspace)
            self._choose(run, plan, workspace)
        elif perturbation:
            self._adopt(run, perturbation, workspace)

    def _adopt(self, run: Run, perturbation: Perturbation, workspace: Workspace) -> None:
        check_size(perturbation, workspace)
        if perturbation.plan is None:
            plan = plan_for(perturbation, *self._asked_for(run))
        else:
            check_pair(perturbation.plan, workspace)
            self._choose(run, perturbation.plan, workspace)
            plan = self._asked_for(run)[1]
        run.publish(note=strings.MEASURING)
        start_from(run, perturbation, plan, workspace)
        self.runs.save(run)

    def _choose(self, run: Run, plan: Plan, workspace: Workspace) -> None:
        """Sets the controls to a plan. Of a stranger's file nothing else is used: names of files in it, for one."""
        run.publish(choice=controls_from_plan(plan, workspace), drawn=run.drawn + 1)

    def _asked_for(self, run: Run) -> tuple[Any, Plan]:
        workspace = self._workspace(run.choice)
        target = run.choice.target(workspace.size, run.mask, workspace.model.classes)
        return target, run.choice.plan(target)
