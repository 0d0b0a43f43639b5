"""What all handlers need: the visitors' runs, the networks and pictures on offer, and what the buttons say."""

from typing import Any

import gradio as gr

from uapseg.app import strings
from uapseg.app.controls import ControlValues
from uapseg.app.registry import TOKEN, Registry
from uapseg.app.runs import GOING, Run
from uapseg.app.transitions import budget_start, can_continue, user_error
from uapseg.app.workspace import Workspace
from uapseg.app.workspaces import WorkspaceCache
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.io.environment import read_number

CONTROLS = (
    "model", "data", "goal", "source", "word", "invert", "inside", "rest", "hide", "fill", "epsilon", "keep", "budget",
    "seed", "preset",
)  # fmt: skip
CLASSES = ("inside", "rest", "hide", "fill")
"""The controls whose choices are the classes of the network."""

BUTTONS = ("start", "pause", "reset", "save")

Updates = tuple[Any, ...]
NO_UPDATE: Updates = tuple(gr.skip() for _ in BUTTONS)


class Desk:
    """Where the handlers find what they need.

    Args:
        workspaces: The networks and pictures.
        runs: The visitors' runs.
        patience: Seconds after which a run that nobody watches is paused; None takes ``UAPSEG_PATIENCE``, or 30.
    """

    def __init__(self, workspaces: WorkspaceCache, runs: Registry, patience: float | None = None) -> None:
        self.workspaces, self.runs = workspaces, runs
        self.patience = read_number("UAPSEG_PATIENCE", 30, 1) if patience is None else patience
        self.first = workspaces.first.first
        self._tabs: dict[str, str] = {}

    def _run(self, token: str | None) -> Run:
        if not token:
            raise user_error(strings.LOADING)
        run = self.runs.find(token)
        if run is None:  # nothing was done yet, and the visit was forgotten: it begins again where it is
            if not TOKEN.fullmatch(str(token)):
                raise user_error(strings.GONE)
            run = self.runs.open(token)
            run.choice = self.first
        return run

    def _workspace(self, choice: ControlValues) -> Workspace:
        """The workspace of what is chosen.

        Raises:
            UapsegError: It is not on offer, or not loaded yet.
        """
        if not self.workspaces.offers(choice.pair):
            raise UapsegError(strings.NOT_OFFERED)
        workspace = self.workspaces.get(choice.pair)
        if workspace is None:
            raise UapsegError(strings.NOT_READY)
        return workspace

    def _plan(self, run: Run) -> tuple[Plan, int]:
        """What the controls ask for, and from where on its budget counts.

        Raises:
            UapsegError: Something does not fit; the message says what.
        """
        workspace = self._workspace(run.choice)
        target = run.choice.target(workspace.size, run.mask, workspace.model.classes)
        target.bind(workspace.model.classes, workspace.model.objects, workspace.size)
        start = budget_start(run, target)
        return run.choice.plan(target, start), start

    def _memory(self, run: Run) -> dict[str, Any]:
        return {"token": run.token, **run.choice.to_dict()}

    def _label(self, run: Run) -> str:
        if not can_continue(run):
            return strings.START
        return strings.GO_ON if run.status == "done" else strings.RESUME

    def _resting(self, run: Run) -> Updates:
        return (
            gr.update(visible=True, interactive=True, value=self._label(run)),
            gr.update(visible=False),
            gr.update(interactive=run.plan is not None),
            gr.update(interactive=run.look is not None and run.status not in GOING),
        )


def running_buttons() -> Updates:
    """The buttons while a run waits or runs."""
    return (
        gr.update(visible=False),
        gr.update(visible=True),
        gr.update(interactive=False),
        gr.update(interactive=False),
    )


def event_value(event: gr.EventData, name: str) -> Any:
    """What the stage sent along with an event; None where it sent nothing."""
    try:
        return getattr(event, name, None)
    except TypeError:  # an event without anything
        return None
