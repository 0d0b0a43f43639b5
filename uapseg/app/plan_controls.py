"""Controls from a plan: the inverse of what `uapseg.app.controls` does."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from uapseg.app import strings
from uapseg.app.controls import BUDGETS, EPSILONS, SEEDS, WEIGHTS, ControlValues
from uapseg.app.workspace import Workspace
from uapseg.attack.run import Plan
from uapseg.attack.settings import PRESETS
from uapseg.errors import UapsegError
from uapseg.targets import DrawAndHide, HideClasses, StaticTarget, SwapClasses, Untargeted
from uapseg.targets.drawing import text_target
from uapseg.targets.goals import UNLABELED, class_indices
from uapseg.targets.people import PEOPLE, names_people


def controls_from_plan(plan: Plan, workspace: Workspace) -> ControlValues:
    """The controls that describe a plan's target and settings on the network and the pictures of ``workspace``.

    Raises:
        UapsegError: The target does not fit the network, or a setting is outside the page's range.

    Example:
        >>> from uapseg import Untargeted, fast, load_model
        >>> from uapseg.datasets.reader import ImageDataset
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> plan = Plan(model="street", data="street", target=Untargeted(), settings=settings)
        >>> pictures = ImageDataset.from_pictures([Image.new("RGB", (64, 48))])
        >>> controls_from_plan(plan, Workspace(loaded=(load_model("street:small"), pictures))).goal
        'untargeted'
    """
    settings, target = plan.settings, plan.target
    target.bind(workspace.model.classes, workspace.model.objects, workspace.size)
    epsilon = round(settings.epsilon * 255)
    if not EPSILONS[0] <= epsilon <= EPSILONS[1]:
        raise UapsegError(strings.BAD_NUMBER)
    if not WEIGHTS[0] <= settings.keep_weight <= WEIGHTS[1]:
        raise UapsegError(strings.BAD_WEIGHT)
    if not SEEDS[0] <= settings.seed <= SEEDS[1]:
        raise UapsegError(strings.BAD_SEED)
    numbers = {
        "model": workspace.pair[0],
        "data": workspace.pair[1],
        "epsilon": epsilon,
        "keep": settings.keep_weight,
        "budget": min(BUDGETS[1], max(BUDGETS[0], settings.budget)),
        "seed": settings.seed,
        "norm": settings.norm,
        "preset": settings.preset if settings.preset in PRESETS else workspace.first.preset,
    }
    controls: dict[str, Any] = {**workspace.first.to_dict(), **numbers}
    if target.kind not in _CONTROLS:
        raise UapsegError(strings.NO_CONTROL)
    return ControlValues(**{**controls, **_CONTROLS[target.kind](target, workspace)})


def _hide_controls(target: HideClasses, workspace: Workspace) -> dict[str, Any]:
    fill = _canonical_name(target.fill, workspace) if target.fill else strings.NEAREST
    return {
        "goal": strings.HIDDEN,
        "hide": _names_to_hide(target.classes, workspace),
        "fill": fill,
    }


def _swap_controls(target: SwapClasses, workspace: Workspace) -> dict[str, Any]:
    source, into = (_canonical_name(name, workspace) for name in (target.source, target.into))
    return {"goal": strings.SWAP, "swap_from": source, "swap_into": into}


def _break_controls(target: Untargeted, workspace: Workspace) -> dict[str, Any]:  # noqa: ARG001  others need it
    return {"goal": strings.UNTARGETED}


def _static_controls(target: StaticTarget, workspace: Workspace) -> dict[str, Any]:
    rest = _canonical_name(target.rest, workspace) if target.rest else strings.KEEP
    values = {"goal": strings.STATIC, "rest": rest, "inside": _canonical_name(target.classes[0], workspace)}
    if _is_from_text(target, workspace):
        return {**values, "source": strings.TYPE, "word": target.caption}
    return {**values, "source": strings.DRAW, "drawing": _drawing(target, workspace)}


def _both_controls(target: DrawAndHide, workspace: Workspace) -> dict[str, Any]:
    if target.fill:
        raise UapsegError(strings.NO_CONTROL)
    hidden = _names_to_hide(target.hidden, workspace)
    return {**_static_controls(target.drawing_target, workspace), "also_hide": hidden}


_CONTROLS: dict[str, Callable[[Any, Workspace], dict[str, Any]]] = {
    "static": _static_controls,
    "hidden": _hide_controls,
    "swap": _swap_controls,
    "untargeted": _break_controls,
    "draw_and_hide": _both_controls,
}
"""From a target of each kind to the values of the controls that ask for it."""


def _names_to_hide(names: Sequence[str], workspace: Workspace) -> tuple[str, ...]:
    """The classes to hide as the controls name them: `PEOPLE` for all that are people."""
    classes = tuple(_canonical_name(name, workspace) for name in names)
    people = workspace.model.people if names_people(workspace.model.classes) else ()
    if not people or not set(people) <= set(classes):
        return classes
    return (PEOPLE, *(name for name in classes if name not in people))


def _canonical_name(name: str, workspace: Workspace) -> str:
    """The name of a class as the network spells it; plans may differ in case, controls may not."""
    return workspace.model.classes[class_indices((name,), workspace.model.classes)[0]]


def _is_from_text(target: StaticTarget, workspace: Workspace) -> bool:
    """Whether the page would draw the same mask from the text."""
    try:
        return text_target(target.caption, target.classes[0], target.rest, workspace.size) == target
    except UapsegError:
        return False


def _drawing(target: StaticTarget, workspace: Workspace) -> str:
    """A target as the stage sends a drawing."""
    numbers_by_name = {name.lower(): number for number, name in enumerate(workspace.model.classes)}
    table = np.full(256, UNLABELED, np.uint8)
    table[: len(target.classes)] = [numbers_by_name[name.lower()] for name in target.classes]
    labels = table[target.label_map()]
    labels = np.asarray(Image.fromarray(labels).resize(workspace.size, Image.Resampling.NEAREST))
    pixels = np.stack([labels, labels, labels, np.where(labels == UNLABELED, 0, 255).astype(np.uint8)], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
