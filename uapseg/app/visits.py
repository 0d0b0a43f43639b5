"""A visitor comes, chooses, and leaves."""

import time
from dataclasses import replace
from typing import Any

import gradio as gr

from uapseg.app import messages, strings
from uapseg.app.context import CLASSES, CONTROLS, Desk, Updates, running_buttons
from uapseg.app.controls import ControlValues
from uapseg.app.links import parse_query
from uapseg.app.runs import GOING, PendingChange, Run
from uapseg.app.transitions import user_error
from uapseg.app.workspace import Workspace
from uapseg.errors import UapsegError

CHANGE_DELAY = 0.7
"""A changed control waits this long for the next change before a run takes it up."""


class Visits(Desk):
    """Events of the controls and of the page itself."""

    def on_load(self, saved: object, request: gr.Request | None = None) -> Updates:
        """Finds the visitor's run again, or begins one: token, stage, memory, controls, buttons."""
        memory: dict[str, Any] = saved if isinstance(saved, dict) else {}
        query = parse_query(request.query_params) if request else {}
        run = self.runs.find(memory.get("token"))
        if run is None:
            run = self.runs.open(memory.get("token"))
            if {"model", "data"} & {*query}:  # the classes are those of another network
                memory = {name: value for name, value in memory.items() if name not in CLASSES}
            self._remember(run, self.first, {**memory, **query})
        else:
            self._remember(run, run.choice, query if run.status not in GOING else {})
        if request and request.session_hash:
            self._tabs[request.session_hash] = run.token
        buttons = running_buttons() if run.status in GOING and not run.stop.is_set() else self._resting(run)
        return run.token, gr.update(token=run.token), self._memory(run), *self._controls(run), *buttons

    def on_leave(self, request: gr.Request) -> None:
        """A tab was closed or reloaded: its run is paused. Who waits is passed over until a tab looks again."""
        token = self._tabs.pop(request.session_hash or "", None)
        run = self.runs.get(token)
        if run is None or token in self._tabs.values():
            return
        if run.status == "running":
            run.stop.set()
        run.gone()

    def on_control(self, token: str | None, *values: Any) -> Updates:
        """A control was moved: what the browser is to remember, and what Start will do now."""
        run = self._run(token)
        run.publish(choice=self._choice(values))
        if run.status == "running":
            self._wish(run)
        return self._memory(run), gr.update(value=self._label(run))

    def on_word(self, token: str | None, word: str) -> Updates:
        """The word is another one, however it came there."""
        run = self._run(token)
        if word != run.choice.word:
            run.publish(choice=self._read({**run.choice.to_dict(), "drawing": run.choice.drawing, "word": word}))
            if run.status == "running":
                self._wish(run)
        return self._memory(run), gr.update(value=self._label(run))

    def on_pair(self, token: str | None, model: str, data: str) -> Updates:
        """Another network or other pictures were chosen: they are loaded while the visitor looks on."""
        run = self._run(token)
        choice = self._read({**run.choice.to_dict(), "model": model, "data": data})
        if not self.workspaces.offers(choice.pair):
            raise user_error(strings.NOT_OFFERED)
        run.publish(choice=choice, view=("scene", 0), left_out="", unchecked=frozenset())
        return self._memory(run), gr.update(value=self._label(run))

    def on_ready(self, token: str | None) -> Updates:
        """What was chosen is loaded: the controls take up its classes."""
        run = self._run(token)
        workspace = self.workspaces.get(run.choice.pair)
        if workspace:
            of_classes = {name: getattr(run.choice, name) for name in CLASSES}
            first = replace(run.choice, **{name: getattr(workspace.first, name) for name in CLASSES})
            choice, unfit = first.updated(of_classes, workspace.model.classes)
            told = [name for name in unfit if name in run.unchecked]
            run.publish(choice=choice, left_out=messages.left_out(told) or run.left_out, unchecked=frozenset())
        return self._memory(run), *self._controls(run), *self._resting(run)

    def on_fetch(self, token: str | None) -> None:
        """The visitor agreed to a download."""
        run = self._run(token)
        self.workspaces.ask(run.choice.pair, run.token, fetch=True)

    def on_cancel(self, token: str | None) -> Updates:
        """The visitor does not want to wait: back to the network and pictures of the run, or the first ones."""
        run = self._run(token)
        self.workspaces.leave(run.choice.pair, run.token)
        plan, first = run.plan, self.first
        model, data = (plan.model, plan.data) if plan else first.pair
        run.publish(choice=replace(run.choice, model=model, data=data))
        return self.on_ready(token)

    def _wish(self, run: Run) -> None:
        try:
            plan, _ = self._plan(run)
        except UapsegError:  # not finished: the run goes on as it is
            return
        moment = run.wish.moment if run.wish else None
        run.wish = PendingChange(time.monotonic() + CHANGE_DELAY, moment) if moment or plan != run.plan else None

    def _choice(self, values: tuple[Any, ...]) -> ControlValues:
        *controls, stage = values
        drawing = stage.get("drawing") if isinstance(stage, dict) else None
        return self._read({**dict(zip(CONTROLS, controls, strict=True)), "drawing": drawing})

    def _read(self, values: dict[str, Any]) -> ControlValues:
        try:
            return ControlValues.of(
                {**self.first.to_dict(), **{n: value for n, value in values.items() if value is not None}}
            )
        except UapsegError as error:
            raise user_error(str(error)) from error

    def _remember(self, run: Run, choice: ControlValues, saved: dict[str, Any]) -> None:
        """Sets the controls to a choice with what was saved or a link asks for; what does not fit is left out."""
        saved = {name: saved[name] for name in CONTROLS if saved.get(name) is not None}
        offered = {"model": self.workspaces.models, "data": self.workspaces.datasets}
        names = {name: saved.pop(name) for name in offered if name in saved}
        unfit = [name for name, value in names.items() if value not in offered[name]]
        named = replace(choice, **{name: value for name, value in names.items() if name not in unfit})
        workspace = self.workspaces.get(named.pair)
        if named.pair != choice.pair and workspace:
            named = replace(named, **{name: getattr(workspace.first, name) for name in CLASSES})
        read, others = named.updated(saved, workspace.model.classes if workspace else None)
        unchecked = frozenset() if workspace else frozenset(saved) & {*CLASSES}
        run.publish(choice=read, left_out=messages.left_out([*unfit, *others]), unchecked=unchecked)

    def _controls(self, run: Run) -> Updates:
        """The controls with their values, and the classes to choose from."""
        workspace = self.workspaces.get(run.choice.pair)
        values = {name: _plain(getattr(run.choice, name)) for name in CONTROLS}
        if workspace is None:
            return tuple(gr.skip() if name in CLASSES else value for name, value in values.items())
        choices = choices_of(workspace)
        return tuple(
            gr.update(choices=choices[name], value=value) if name in CLASSES else value
            for name, value in values.items()
        )


def choices_of(workspace: Workspace) -> dict[str, list[str]]:
    """What can be chosen in the controls that name classes."""
    classes = list(workspace.model.classes)
    return {
        "inside": classes,
        "rest": [*classes, strings.KEEP],
        "hide": classes,
        "fill": [strings.NEAREST, *classes],
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
