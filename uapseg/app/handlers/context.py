"""What all handlers need: the visitors' runs, the networks and pictures on offer, and what the buttons say."""

from dataclasses import dataclass, field
from typing import Any, cast

import gradio as gr

from uapseg.app import messages, strings
from uapseg.app.controls import ControlValues
from uapseg.app.frames import to_values
from uapseg.app.handlers.errors import user_error, user_errors
from uapseg.app.runs.continuation import can_continue, find_budget_start
from uapseg.app.runs.registry import TOKEN, Registry
from uapseg.app.runs.run import ACTIVE, Run
from uapseg.app.runs.tray import run_before_reset
from uapseg.app.workspace import Workspace
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.io.environment import read_number
from uapseg.targets.people import PEOPLE, names_people

CONTROLS = (
    "model", "data", "goal", "source", "word", "invert", "inside", "rest", "also_hide", "hide", "fill",
    "swap_from", "swap_into", "epsilon", "keep", "budget", "seed", "preset", "norm",
)  # fmt: skip
CLASSES = ("inside", "rest", "also_hide", "hide", "fill", "swap_from", "swap_into")
"""The controls whose choices are the classes of the network."""

BUTTONS = ("start", "pause", "reset", "save")

Updates = tuple[Any, ...]
"""What a handler returns for the components that its event updates, in their order."""

Option = str | tuple[str, str]
"""What can be chosen: a class, or a label and the id that it stands for."""

_SKIP = gr.update()  # the same as `gr.skip()`, whose type is unknown

NO_UPDATE: Updates = (_SKIP,) * len(BUTTONS)


def default_patience() -> float:
    """Seconds after which a run that nobody watches is paused: ``UAPSEG_PATIENCE``, or 30.

    Example:
        >>> default_patience()
        30
    """
    return read_number("UAPSEG_PATIENCE", 30, 1)


@dataclass(frozen=True, eq=False)
class Context:
    """What every handler of one page works with.

    Attributes:
        workspaces: The networks and pictures.
        runs: The visitors' runs, and the queue in which they wait for the device.
        patience: Seconds after which a run that nobody watches is paused.
        tabs: The visitor's token of each open tab, by Gradio's session hash.
    """

    workspaces: WorkspaceCache
    runs: Registry
    patience: float = field(default_factory=default_patience)
    tabs: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    @property
    def first(self) -> ControlValues:
        """The default values of the controls."""
        return self.workspaces.first.first


def find_run(context: Context, token: str | None) -> Run:
    """The visitor's run.

    Raises:
        SentenceError: The page is still loading, or the token is not valid.
    """
    if not token:
        raise user_error(strings.LOADING)
    run = context.runs.find(token)
    if run is None:  # nothing was done yet, and the visit was forgotten: it begins again where it is
        if not TOKEN.fullmatch(str(token)):
            raise user_error(strings.GONE)
        run = context.runs.open(token)
        run.controls = context.first
    return run


def workspace_of(context: Context, run: Run) -> Workspace:
    """The network and the pictures that a visitor chose.

    Raises:
        UapsegError: It is not on offer, or not loaded yet.
    """
    if not context.workspaces.offers_to(run, run.controls.pair):
        raise UapsegError(strings.NOT_OFFERED)
    workspace = context.workspaces.of(run)
    if workspace is None:
        raise UapsegError(strings.NOT_READY)
    return workspace


def plan_of(context: Context, run: Run) -> tuple[Plan, int]:
    """The plan that the controls describe, and the image-gradients at which its budget starts.

    Raises:
        UapsegError: A value does not fit; the message says which.
    """
    workspace = workspace_of(context, run)
    target = run.controls.target(workspace.size, run.mask, workspace.model.classes)
    target.bind(workspace.model.classes, workspace.model.objects, workspace.size)
    start = find_budget_start(run, target)
    return run.controls.plan(target, start), start


def browser_memory(run: Run) -> dict[str, Any]:
    """What the browser stores: the token and the controls.

    Example:
        >>> browser_memory(Run("a"))["token"]
        'a'
    """
    return {"token": run.token, **run.controls.to_dict()}


def start_label(run: Run) -> str:
    """The label of the Start button: its current action.

    Example:
        >>> start_label(Run("a"))
        'Start'
    """
    if not can_continue(run):
        return strings.START
    return strings.GO_ON if run.status == "done" else strings.RESUME


def resting_buttons(run: Run) -> Updates:
    """The buttons while no run is active.

    Example:
        >>> [update["interactive"] for update in resting_buttons(Run("a")) if "interactive" in update]
        [True, False, False]
    """
    return (
        gr.update(visible=True, interactive=True, value=start_label(run)),
        gr.update(visible=False),
        gr.update(
            interactive=run.plan is not None or run_before_reset(run) is not None,
            value=strings.UNDO_RESET if run_before_reset(run) else strings.RESET,
        ),
        gr.update(interactive=run.validation is not None and run.status not in ACTIVE),
    )


def resting_page(context: Context, run: Run) -> Updates:
    """Browser memory, controls and buttons while no run is active."""
    return browser_memory(run), *control_updates(context, run), *resting_buttons(run)


def find_resting_run(context: Context, token: str | None) -> Run:
    """The visitor's run, unless it is active.

    Raises:
        SentenceError: It is active, the page is still loading, or the token is not valid.
    """
    run = find_run(context, token)
    if run.status in ACTIVE:
        raise user_error(strings.BUSY)
    return run


def read_controls(context: Context, values: tuple[Any, ...]) -> ControlValues:
    """Reads the controls from the browser's values, the value of the stage last.

    Raises:
        SentenceError: A value is of the wrong kind.
    """
    *controls, stage = values
    drawing = to_values(stage).get("drawing")
    return read_values(context, {**dict(zip(CONTROLS, controls, strict=True)), "drawing": drawing})


def read_values(context: Context, values: dict[str, Any]) -> ControlValues:
    """Reads the controls from values by name; missing ones become the default.

    Raises:
        SentenceError: A value is of the wrong kind.
    """
    with user_errors():
        return ControlValues.of(
            {**context.first.to_dict(), **{n: value for n, value in values.items() if value is not None}}
        )


def control_updates(context: Context, run: Run) -> Updates:
    """The controls with their values, and the classes to choose from."""
    workspace = context.workspaces.of(run)
    values = {name: _plain(getattr(run.controls, name)) for name in CONTROLS}
    values["data"] = gr.update(choices=data_choices(context, run), value=run.controls.data)
    if workspace is None:
        return tuple(_SKIP if name in CLASSES else value for name, value in values.items())
    choices = class_choices(workspace)
    return tuple(
        gr.update(choices=choices[name], value=value) if name in CLASSES else value for name, value in values.items()
    )


def data_choices(context: Context, run: Run) -> list[Option]:
    """The pictures that a visitor can choose."""
    options: list[Option] = [(offer.label, offer.name) for offer in context.workspaces.dataset_offers]
    return (
        [*options, (messages.own_pictures(run.own_pictures), run.own_pictures.name)] if run.own_pictures else options
    )


def class_choices(workspace: Workspace) -> dict[str, list[Option]]:
    """The choices of the controls that name classes."""
    classes: list[Option] = [(messages.name_classes(name), name) for name in workspace.model.classes]
    people: list[Option] = [(strings.PEOPLE, PEOPLE)] * names_people(workspace.model.classes)
    return {
        "inside": classes,
        "rest": [*classes, (strings.KEEP_LABEL, strings.KEEP)],
        "also_hide": [*people, *classes],
        "hide": [*people, *classes],
        "fill": [(strings.NEAREST_LABEL, strings.NEAREST), *classes],
        "swap_from": classes,
        "swap_into": classes,
    }


def _plain(value: Any) -> Any:
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def running_buttons() -> Updates:
    """The buttons while a run waits or runs.

    Example:
        >>> start, pause, *_ = running_buttons()
        >>> start["visible"], pause["visible"]
        (False, True)
    """
    return (
        gr.update(visible=False),
        gr.update(visible=True),
        gr.update(interactive=False),
        gr.update(interactive=False),
    )


def event_value(event: gr.EventData, name: str) -> Any:
    """The payload of an event of the stage; None without one.

    Example:
        >>> event_value(gr.EventData(None, {"number": 3}), "number")
        3
    """
    try:
        return getattr(event, name, None)
    except TypeError:  # an event without anything
        return None
