"""A run as a command that repeats it."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from uapseg.app.runs.own_pictures import is_own
from uapseg.attack.run import Plan
from uapseg.attack.settings import PRESETS, Settings
from uapseg.datasets import load_dataset
from uapseg.errors import UapsegError
from uapseg.targets import DrawAndHide, HideClasses, StaticTarget, SwapClasses, Untargeted
from uapseg.targets.drawing import text_target

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


def to_command(plan: Plan, size: tuple[int, int] | None = None) -> str:
    """The command that repeats a run: with flags if they can express all of it, otherwise with a plan file.

    Args:
        plan: The plan of the run.
        size: The (width, height) of the dataset's pictures; None to open the dataset for it.

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
    names = {
        "model": plan.model,
        "weights": plan.weights,
        "data": YOUR_PICTURES if is_own(plan.data) else plan.data,
        "size": sides,
        "eval-data": plan.eval_data,
    }
    flags = [(name, value) for name, value in names.items() if value is not None] + flags + number_flags
    flags += [("also", name) for name in plan.also]
    parts = (_typed_flag(*flag) for flag in flags)
    return shlex.join(["python", "-m", "uapseg", "train", *(part for flag in parts for part in flag)])


def _target_flags(plan: Plan, size: tuple[int, int] | None) -> Flags | None:
    """The flags of a target; None if only a plan file can express it."""
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
    drawing_flags, hide_flags = (
        _static_flags(target.drawing_target, plan, size),
        _hide_flags(target.hide_target, plan, size),
    )
    return drawing_flags + hide_flags if drawing_flags and hide_flags else None


_FLAGS: dict[str, Callable[[Any, Plan, tuple[int, int] | None], Flags | None]] = {
    "static": _static_flags,
    "hidden": _hide_flags,
    "swap": _swap_flags,
    "untargeted": _break_flags,
    "draw_and_hide": _both_flags,
}
"""From a target of each kind to its flags, given its plan and the size of the dataset's pictures."""


def _number_flags(settings: Settings) -> list[tuple[str, str]] | None:
    """The flags of the settings; None if the presets of the command line cannot express them."""
    candidates = (float(f"{settings.epsilon * 255:.{digits}g}") for digits in range(1, 18))
    texts = (str(int(number)) if number.is_integer() else repr(number) for number in candidates)
    epsilon = next((text for text in texts if float(text) / 255 == settings.epsilon), None)
    if epsilon is None or not 0 <= settings.seed < 10**12:
        return None
    names = ("keep_weight" if settings.preset == "fast" else "omega", *FLAGGED)
    fields_ = {name: getattr(settings, name) for name in names}
    defaults = PRESETS[settings.preset](epsilon=settings.epsilon, budget=settings.budget, seed=settings.seed)
    changed_fields = {name: value for name, value in fields_.items() if value != getattr(defaults, name)}
    if None in changed_fields.values() or replace(defaults, **changed_fields) != settings:
        return None
    flags = {"epsilon": epsilon, "budget": str(settings.budget), "seed": str(settings.seed), "preset": settings.preset}
    return [*flags.items(), *(_flag(name.replace("_", "-"), value) for name, value in changed_fields.items())]


def _flag(name: str, value: str | float | bool | tuple[int, int]) -> tuple[str, str]:  # noqa: FBT001  a value of a setting
    """The flag of a setting and its value; a switch has none, and a name of its own where it is off."""
    if isinstance(value, bool):
        return (name, "") if value else (f"no-{name}", "")
    return name, f"{value[0]}x{value[1]}" if isinstance(value, tuple) else str(value)


def _typed_flag(name: str, value: str, *more_values: str) -> list[str]:
    """A flag and its values; joined by = if the value could be taken for a flag."""
    if not value:
        return [f"--{name}"]
    return [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value, *more_values]
