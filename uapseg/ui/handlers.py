"""What happens on the page's events. Each handler knows its visitor by the token alone."""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import gradio as gr

from uapseg.errors import UapsegError
from uapseg.pictures import decode, read_picture
from uapseg.run import Plan
from uapseg.targets import read_mask
from uapseg.ui import words
from uapseg.ui.choice import Choice
from uapseg.ui.downloads import files_of
from uapseg.ui.outcomes import continues, explained, settle, sorry
from uapseg.ui.runs import GOING, Registry, Run
from uapseg.ui.studio import Studio
from uapseg.ui.worker import optimise

CONTROLS = (
    "goal", "source", "word", "invert", "inside", "rest", "hide", "fill", "epsilon", "budget", "seed", "preset",
)  # fmt: skip
BUTTONS = ("start", "pause", "reset", "png", "tensors", "report")
BEAT_SECONDS = 0.5

Updates = tuple[Any, ...]
NOTHING: Updates = tuple(gr.skip() for _ in BUTTONS)


class Handlers:
    """The events of one page.

    Args:
        studio: The network and the scenes.
        runs: The visitors' runs.
        patience: Seconds after which a run that nobody watches is paused.
    """

    def __init__(self, studio: Studio, runs: Registry, patience: float | None = None) -> None:
        self.studio, self.runs = studio, runs
        self.patience = float(os.environ.get("UAPSEG_PATIENCE", "30")) if patience is None else patience
        inside, rest = studio.model.default_pair
        hide = "Pedestrian" if "Pedestrian" in studio.model.classes else studio.model.classes[0]
        self.first = Choice(inside=inside, rest=rest, hide=(hide,))
        self._tabs: dict[str, str] = {}

    def on_load(self, saved: object, request: gr.Request | None = None) -> Updates:
        """Finds the visitor's run again, or begins one: token, stage, memory, controls, buttons."""
        memory: dict[str, Any] = saved if isinstance(saved, dict) else {}
        run = self.runs.get(memory.get("token"))
        if run is None:
            run = self.runs.new()
            run.choice = self._remembered(memory)
        if request and request.session_hash:
            self._tabs[request.session_hash] = run.token
        choice = run.choice
        values = [list(value) if isinstance(value := getattr(choice, name), tuple) else value for name in CONTROLS]
        return run.token, gr.update(token=run.token), self._memory(run), *values, *self._resting(run)

    def on_leave(self, request: gr.Request) -> None:
        """A tab was closed or reloaded: Gradio dropped what it waited for, so its place in the queue is free."""
        token = self._tabs.pop(request.session_hash or "", None)
        run = self.runs.get(token)
        if run and run.status == "waiting" and token not in self._tabs.values():
            settle(run)

    def on_knob(self, token: str | None, *values: Any) -> Updates:
        """A control was moved: what the browser is to remember, and what Start will do now."""
        run = self._run(token)
        run.publish(choice=self._choice(values))
        return self._memory(run), gr.update(value=self._label(run))

    def on_ask(self, token: str | None, *values: Any) -> Updates:
        """Start was pressed: refuses at once what cannot run, and gets in line for the device."""
        run = self._run(token)
        if run.status in GOING:
            raise sorry(words.BUSY)
        choice = self._choice(values)
        try:
            plan = self._plan(choice, run)
        except UapsegError as error:
            raise sorry(str(error)) from error
        if not continues(run, plan):
            run.forget()
        run.publish(choice=choice, plan=plan, source=choice.source)
        self.runs.queue(run)
        return going()

    def on_run(self, token: str | None) -> Generator[Updates, None, None]:
        """The run's turn on the device: publishes its steps until it ends, is paused, or nobody watches any more."""
        run = self._run(token)
        if run.status != "waiting" or not run.busy.acquire(timeout=5):
            yield self._resting(run) if run.status not in GOING else NOTHING
            return
        run.watch()
        run.publish(status="running")
        try:
            yield from self._drive(run)
            yield self._resting(run)
        except GeneratorExit:  # the tab was closed; this runs where every visitor would feel a delay
            settle(run)
            raise
        except Exception as error:
            settle(run)
            yield self._resting(run)
            raise explained(error) from error
        finally:
            run.busy.release()

    def _drive(self, run: Run) -> Generator[Updates, None, None]:
        finished, beat = False, time.monotonic()
        steps = optimise(run.plan, run.checkpoint)
        try:
            for step in steps:
                run.take(step)
                if run.stop.is_set() or run.alone(self.patience):
                    break
                if time.monotonic() - beat > BEAT_SECONDS:
                    beat = time.monotonic()
                    yield NOTHING  # a place where Gradio can end the run
            else:
                finished = True
        finally:
            steps.close()
        settle(run, finished=finished, note=words.LEFT if run.alone(self.patience) else "")

    def on_pause(self, token: str | None) -> Updates:
        """Pause was pressed: the run stops at its next step, or leaves the line."""
        run = self._run(token)
        run.stop.set()
        if run.status == "waiting":
            settle(run)
        return NOTHING if run.status == "running" else self._resting(run)

    def on_reset(self, token: str | None) -> Updates:
        """Reset was pressed: the run is forgotten."""
        run = self._run(token)
        if run.status in GOING:
            return self.on_pause(token)
        run.forget()
        return self._resting(run)

    def on_settled(self, token: str | None) -> Updates:
        """The stage saw the run come to rest, maybe in another tab."""
        run = self._run(token)
        return NOTHING if run.status in GOING else self._resting(run)

    def on_failed(self, token: str | None) -> Updates:
        """The turn on the device failed, maybe before it began because the queue is full."""
        run = self._run(token)
        if run.status == "waiting":
            settle(run)
        return self.on_settled(token)

    def on_photo(self, token: str | None, path: str) -> None:
        """A photo was chosen, dropped or pasted."""
        run = self._run(token)
        try:
            picture = self.studio.shrunk(read_picture(path))
        except UapsegError as error:
            raise sorry(str(error)) from error
        run.publish(photo=self.studio.photo(picture))

    def on_scene(self, token: str | None) -> None:
        """Back to the scene of the data set."""
        self._run(token).publish(photo=None)

    def on_mask(self, token: str | None, path: str) -> dict[str, Any]:
        """A mask picture was chosen."""
        run = self._run(token)
        try:
            mask = read_mask(decode(path))
        except UapsegError as error:
            raise sorry(str(error)) from error
        run.publish(mask=(Path(path).name, mask))
        return gr.update(value=self._label(run))

    def _run(self, token: str | None) -> Run:
        if not token:
            raise sorry(words.LOADING)
        run = self.runs.get(token)
        if run is None:
            raise sorry(words.GONE)
        return run

    def _choice(self, values: tuple[Any, ...]) -> Choice:
        *controls, stage = values
        drawing = stage.get("drawing") if isinstance(stage, dict) else None
        try:
            return Choice.of({**dict(zip(CONTROLS, controls, strict=True)), "drawing": drawing})
        except UapsegError as error:
            raise sorry(str(error)) from error

    def _remembered(self, saved: dict[str, Any]) -> Choice:
        try:
            choice = Choice.of(
                {**self.first.kept(), **{name: saved.get(name) for name in CONTROLS if saved.get(name)}}
            )
        except (UapsegError, TypeError):
            return self.first
        known = set(self.studio.model.classes)
        return choice if {choice.inside, *choice.hide} <= known and choice.rest in {*known, words.KEEP} else self.first

    def _memory(self, run: Run) -> dict[str, Any]:
        return {"token": run.token, **run.choice.kept()}

    def _plan(self, choice: Choice, run: Run) -> Plan:
        target = choice.target(self.studio.size, run.mask)
        target.on(self.studio.model.classes, self.studio.model.objects, self.studio.size)
        return choice.plan(target, self.studio.model.name, self.studio.data)

    def _label(self, run: Run) -> str:
        try:
            plan = self._plan(run.choice, run)
        except UapsegError:
            return words.START
        if continues(run, plan):
            return words.RESUME
        return words.AGAIN if plan == run.plan else words.START

    def _resting(self, run: Run) -> Updates:
        files = files_of(run) if run.status not in GOING else None
        paths = files[:3] if files else (None, None, None)
        return (
            gr.update(visible=True, interactive=True, value=self._label(run)),
            gr.update(visible=False),
            gr.update(interactive=run.plan is not None),
            *(gr.update(interactive=path is not None, value=path) for path in paths),
        )


def going() -> Updates:
    """The buttons while a run waits or runs."""
    return (gr.update(visible=False), gr.update(visible=True), *[gr.update(interactive=False)] * 4)
