"""A run as a link, a command or a file, and back."""

import base64
import io
import shlex
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np
import torch
from PIL import Image

from uapseg.app import messages, strings
from uapseg.app.controls import BUDGETS, EPSILONS, LISTED, SEEDS, WEIGHTS, ControlValues
from uapseg.app.runs.device import level_array, pack_state, validation_frame
from uapseg.app.runs.history import HistoryPoint
from uapseg.app.runs.own_pictures import is_own
from uapseg.app.runs.run import Run
from uapseg.app.workspace import Workspace
from uapseg.attack.run import Plan
from uapseg.attack.settings import PRESETS, Settings
from uapseg.attack.state import State
from uapseg.attack.validation import EvalSet, Validation, evenly_spaced
from uapseg.datasets import load_dataset
from uapseg.errors import UapsegError
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets import DrawAndHide, HideClasses, StaticTarget, SwapClasses, Target, Untargeted
from uapseg.targets.bootstrap import bootstrap_interval
from uapseg.targets.drawing import text_target
from uapseg.targets.goals import UNLABELED, class_indices
from uapseg.targets.metrics import Scores, find_collapse, per_image_success, scores
from uapseg.targets.selection import selection_counts

Flags = list[tuple[str, ...]]
"""Flags of the command line, without dashes, and their values."""

PLAN_FILE = "uapseg-plan.json"
"""The name of an exported plan."""

YOUR_PICTURES = "FOLDER_OF_YOUR_PICTURES"
"""What a command names in place of pictures that were brought to the page, which have no name elsewhere."""

KEEP = "keep"
"""How the command line asks for what the network sees, in place of a class."""

FLAGGED = (
    "norm", "train_pictures", "balanced", "crop", "paste", "robust", "tile", "validate_every", "first_validation",
    "validation_pictures",
)  # fmt: skip
"""Settings that have a flag, besides those that every command names."""

NOT_LINKED = ("drawing",)
"""Too long for a link: a plan's JSON has it."""


def to_query(controls: ControlValues, first: ControlValues) -> str:
    """The query of a link: the controls that differ from those of a new visitor.

    Example:
        >>> to_query(ControlValues(word="ox", hide=("Car", "Tree")), ControlValues())
        'word=ox&hide=Car%2CTree'
    """
    changed = {f.name: getattr(controls, f.name) for f in fields(controls) if f.name not in NOT_LINKED}
    changed = {name: value for name, value in changed.items() if value != getattr(first, name)}
    if is_own(controls.data):  # they are nobody else's
        del changed["data"]
    return urlencode({name: ",".join(value) if name in LISTED else value for name, value in changed.items()})


def parse_query(query: Mapping[str, str]) -> dict[str, Any]:
    """The values of the controls that a link names; other names are ignored.

    Example:
        >>> parse_query({"hide": "Car,Tree", "example": "foo"})
        {'hide': ['Car', 'Tree']}
    """
    known = {f.name for f in fields(ControlValues)} - {*NOT_LINKED}
    values: dict[str, Any] = {name: value for name, value in query.items() if name in known}
    for listed in {*LISTED} & {*values}:
        values[listed] = [name for name in values[listed].split(",") if name]
    if "invert" in values:
        values["invert"] = {"True": True, "False": False}.get(values["invert"], values["invert"])
    return values


def to_command(plan: Plan, size: tuple[int, int] | None = None) -> str:
    """The command that repeats a run: with flags where they can express all of it, else with the plan's file.

    Args:
        plan: What the search does.
        size: (width, height) of the data set's pictures, where it is known; else the data set is opened for it.

    Example:
        >>> from uapseg import fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> target = HideClasses(classes=("Car",))
        >>> to_command(Plan(model="street", data="street", target=target, settings=settings))[:58]
        'python -m uapseg train --model street --data street --hide'
    """
    flags = _target_flags(plan, size)
    number_flags = _number_flags(plan.settings)
    if flags is None or number_flags is None:
        return shlex.join(["python", "-m", "uapseg", "train", "--plan", PLAN_FILE])
    sides = None if plan.size is None else f"{plan.size[0]}x{plan.size[1]}"
    named = {
        "model": plan.model,
        "weights": plan.weights,
        "data": YOUR_PICTURES if is_own(plan.data) else plan.data,
        "size": sides,
        "eval-data": plan.eval_data,
    }
    flags = [(name, value) for name, value in named.items() if value is not None] + flags + number_flags
    flags += [("also", name) for name in plan.also]
    parts = (_typed_flag(*flag) for flag in flags)
    return shlex.join(["python", "-m", "uapseg", "train", *(part for flag in parts for part in flag)])


def _target_flags(plan: Plan, size: tuple[int, int] | None) -> Flags | None:
    """The flags of a target; None for one that only a plan's file holds."""
    flags_of = _FLAGS.get(plan.target.kind)
    return flags_of(plan.target, plan, size) if flags_of else None


def _hide_flags(target: HideClasses, plan: Plan, size: tuple[int, int] | None) -> Flags | None:  # noqa: ARG001  a word needs it
    filling = [("fill", target.fill)] if target.fill else []
    return [("hide", name) for name in target.classes] + filling if target.classes else None


def _swap_flags(target: SwapClasses, plan: Plan, size: tuple[int, int] | None) -> Flags | None:  # noqa: ARG001  a word needs it
    names = (target.source, target.into)
    return None if any(name.startswith("-") for name in names) else [("swap", *names)]


def _break_flags(target: Untargeted, plan: Plan, size: tuple[int, int] | None) -> Flags | None:  # noqa: ARG001  a word needs it
    return [("break", "")]


def _static_flags(target: StaticTarget, plan: Plan, size: tuple[int, int] | None) -> Flags | None:
    """The flags of a word; None for a drawing."""
    if len(target.classes) != 1:
        return None
    inside, rest = target.classes[0], target.rest
    if rest is not None and rest.lower() in {inside.lower(), KEEP}:  # the flags cannot mean such a class
        return None
    try:
        size = plan.settings.tile or plan.size or size or load_dataset(plan.data, "train").size
        if text_target(target.caption, inside, rest, size) != target:
            return None
    except UapsegError:
        return None
    return [("text", target.caption), ("region-class", inside), ("rest-class", rest or KEEP)]


def _both_flags(target: DrawAndHide, plan: Plan, size: tuple[int, int] | None) -> Flags | None:
    drawn, hidden = _static_flags(target.drawing_target, plan, size), _hide_flags(target.hide_target, plan, size)
    return drawn + hidden if drawn and hidden else None


_FLAGS: dict[str, Callable[[Any, Plan, tuple[int, int] | None], Flags | None]] = {
    "static": _static_flags,
    "hidden": _hide_flags,
    "swap": _swap_flags,
    "untargeted": _break_flags,
    "draw_and_hide": _both_flags,
}
"""From a target of each kind to its flags, given its plan and the size of the data set's pictures."""


def _number_flags(settings: Settings) -> list[tuple[str, str]] | None:
    """The flags of the settings; None where the presets of the command line do not give the same."""
    candidates = (float(f"{settings.epsilon * 255:.{digits}g}") for digits in range(1, 18))
    texts = (str(int(number)) if number.is_integer() else repr(number) for number in candidates)
    epsilon = next((text for text in texts if float(text) / 255 == settings.epsilon), None)
    if epsilon is None or not 0 <= settings.seed < 10**12:
        return None
    names = ("keep_weight" if settings.preset == "fast" else "omega", *FLAGGED)
    fields_ = {name: getattr(settings, name) for name in names}
    defaults = PRESETS[settings.preset](epsilon=settings.epsilon, budget=settings.budget, seed=settings.seed)
    changed = {name: value for name, value in fields_.items() if value != getattr(defaults, name)}
    if None in changed.values() or replace(defaults, **changed) != settings:
        return None
    flags = {"epsilon": epsilon, "budget": str(settings.budget), "seed": str(settings.seed), "preset": settings.preset}
    return [*flags.items(), *((name.replace("_", "-"), _flag_text(value)) for name, value in changed.items())]


def _flag_text(value: str | float | bool | tuple[int, int]) -> str:  # noqa: FBT001  a value of a setting
    """A setting as a flag takes it; nothing for one that is on."""
    if isinstance(value, tuple):
        return f"{value[0]}x{value[1]}"
    return "" if value is True else str(value)


def _typed_flag(name: str, value: str, *more: str) -> list[str]:
    """A flag and its values; one together with it where it could be taken for a flag."""
    if not value:
        return [f"--{name}"]
    return [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value, *more]


def controls_from_plan(plan: Plan, workspace: Workspace) -> ControlValues:
    """The controls that ask for a plan's target and for its numbers, on the network and the pictures of ``workspace``.

    Raises:
        UapsegError: Its target does not fit the network, or a number is beyond what the page allows.

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
        "hide": tuple(_canonical_name(name, workspace) for name in target.classes),
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
    if _is_typed(target, workspace):
        return {**values, "source": strings.TYPE, "word": target.caption}
    return {**values, "source": strings.DRAW, "drawing": _drawing(target, workspace)}


def _both_controls(target: DrawAndHide, workspace: Workspace) -> dict[str, Any]:
    if target.fill:
        raise UapsegError(strings.NO_CONTROL)
    hidden = tuple(_canonical_name(name, workspace) for name in target.hidden)
    return {**_static_controls(target.drawing_target, workspace), "also_hide": hidden}


_CONTROLS: dict[str, Callable[[Any, Workspace], dict[str, Any]]] = {
    "static": _static_controls,
    "hidden": _hide_controls,
    "swap": _swap_controls,
    "untargeted": _break_controls,
    "draw_and_hide": _both_controls,
}
"""From a target of each kind to the values of the controls that ask for it."""


def _canonical_name(name: str, workspace: Workspace) -> str:
    """A class as the network spells it: plans may write it otherwise, controls may not."""
    return workspace.model.classes[class_indices((name,), workspace.model.classes)[0]]


def _is_typed(target: StaticTarget, workspace: Workspace) -> bool:
    """Whether the page would write the same by itself."""
    try:
        return text_target(target.caption, target.classes[0], target.rest, workspace.size) == target
    except UapsegError:
        return False


def _drawing(target: StaticTarget, workspace: Workspace) -> str:
    """A target as the stage sends a drawing."""
    known = {name.lower(): number for number, name in enumerate(workspace.model.classes)}
    table = np.full(256, UNLABELED, np.uint8)
    table[: len(target.classes)] = [known[name.lower()] for name in target.classes]
    labels = table[target.label_map()]
    labels = np.asarray(Image.fromarray(labels).resize(workspace.size, Image.Resampling.NEAREST))
    pixels = np.stack([labels, labels, labels, np.where(labels == UNLABELED, 0, 255).astype(np.uint8)], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def check_pair(plan: Plan, workspace: Workspace) -> None:
    """Makes sure that a plan is for the network and the pictures of ``workspace``, whichever of them it chose.

    Raises:
        UapsegError: It is for others.
    """
    model, data = workspace.pair
    alike = is_own(plan.data) or plan.data.partition("?")[0] == data.partition("?")[0]
    if plan.model != model or not alike:
        raise UapsegError(strings.OTHER_PAIR.format(model=plan.model, data=plan.data))


def check_size(perturbation: Perturbation, workspace: Workspace) -> None:
    """Makes sure that a perturbation is as large as the pictures of ``workspace``.

    Raises:
        UapsegError: It is not.
    """
    height, width = perturbation.levels.shape[1:]
    if (width, height) != tuple(workspace.size):
        raise UapsegError(strings.OTHER_SIZE.format(width=width, height=height))


def start_from(run: Run, perturbation: Perturbation, plan: Plan, workspace: Workspace) -> None:
    """Makes a perturbation the state of a run, with figures that are measured here, whatever its file claims.

    Args:
        run: A run that rests, its controls set to what the perturbation is meant to do.
        perturbation: As large as the pictures.
        plan: What it is meant to do.
        workspace: The network and the pictures.
    """
    ball, image_gradients = plan.settings.ball, max(1, perturbation.image_gradients or 0)
    validation, baselines = measure(perturbation, plan, workspace, image_gradients)
    delta = ball.quantize(perturbation.delta)
    state = replace(
        State.initial(workspace.size, validation).restarted(delta),
        image_gradients=image_gradients,
        seconds=perturbation.seconds or 0.0,
    )
    figures, levels = validation_frame(validation), level_array(delta, ball)
    point = HistoryPoint(
        image_gradients,
        levels,
        figures,
        plan,
        controls=run.controls,
        budget_start=image_gradients,
        seconds=state.seconds,
        baselines=baselines,
    )
    run.reset()
    run.publish(
        status="paused",
        plan=plan,
        plan_controls=run.controls,
        budget_start=image_gradients,
        image_gradients=image_gradients,
        seconds=state.seconds,
        levels=levels,
        validation=figures,
        baselines=baselines,
        curve=[(0, baselines["clean"]), (image_gradients, figures["scores"])],
        history_points=[point],
        checkpoint=pack_state(state),
        note=messages.claim(plan.target, validation.scores, perturbation.scores, run.controls.source),
    )


def measure(
    perturbation: Perturbation, plan: Plan, workspace: Workspace, image_gradients: int
) -> tuple[Validation, dict[str, dict[str, Any]]]:
    """The figures of a perturbation, and those of clean pictures and of random noise."""
    settings, target = plan.settings, plan.target
    indices = evenly_spaced(len(workspace.held_out), settings.validation_pictures)
    on_disk = not is_own(workspace.pair[1])
    eval_set = EvalSet(workspace.model, workspace.held_out, indices, target, workspace.size, on_disk=on_disk)
    noise = settings.ball.quantize(settings.ball.random_noise(workspace.size, settings.seed))
    levels = settings.ball.quantize(perturbation.delta)
    baselines = {
        name: scores(eval_set.predict(delta)[0], target) for name, delta in (("clean", None), ("random_noise", noise))
    }
    counts, predictions = eval_set.predict(levels)
    unknown = perturbation.training or dict.fromkeys(baselines["clean"])
    validation = Validation(
        image_gradients,
        scores(counts, target),
        per_image_success(counts, target),
        predictions,
        unknown,
        interval=bootstrap_interval(counts, target),
        collapse=find_collapse(counts, target, workspace.model.classes),
        counts=selection_counts(counts, target),
    )
    return validation, baselines


def measure_test(run: Run, workspace: Workspace) -> Scores | None:
    """The scores on the test split of a visitor's own pictures; None for a run on others."""
    own, plan, levels = run.trained_on, run.plan, run.levels
    if own is None or plan is None or levels is None:
        return None
    test = own.splits["test"]
    eval_set = EvalSet(workspace.model, test, range(len(test)), plan.target, workspace.size, on_disk=False)
    return scores(eval_set.predict(torch.as_tensor(levels).float() / 255)[0], plan.target)


def plan_for(perturbation: Perturbation, target: Target, plan: Plan) -> Plan:
    """The plan of a perturbation that says nothing of itself: the target of the controls, and its own epsilon.

    Example:
        >>> from uapseg import Untargeted, fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> plan = Plan(model="street", data="street", target=Untargeted(), settings=settings)
        >>> found = plan_for(Perturbation(torch.full((3, 16, 16), 5, dtype=torch.int16)), plan.target, plan)
        >>> round(found.settings.epsilon * 255)
        5
    """
    return replace(
        plan, target=target, settings=replace(plan.settings, epsilon=max(1 / 255, perturbation.epsilon), norm="linf")
    )
