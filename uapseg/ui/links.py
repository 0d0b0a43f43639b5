"""A run in a few words: a link to this page, a command, and the controls that a plan came from."""

import base64
import io
import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image

from uapseg.drawings import written
from uapseg.errors import UapsegError
from uapseg.run import Plan
from uapseg.targets import UNDRAWN, Hidden, Static
from uapseg.ui import words
from uapseg.ui.choice import BUDGETS, EPSILONS, USUAL, WEIGHTS, Choice
from uapseg.ui.studio import Studio

LISTED = ("hide",)
KEPT_BACK = ("drawing",)
"""Too long for a link: a plan's JSON has it."""


def query_of(choice: Choice, first: Choice) -> str:
    """What a link says of a choice: what differs from the first choice of a new visitor."""
    changed = {f.name: getattr(choice, f.name) for f in fields(choice) if f.name not in KEPT_BACK}
    changed = {name: value for name, value in changed.items() if value != getattr(first, name)}
    return urlencode({name: ",".join(value) if name in LISTED else value for name, value in changed.items()})


def asked_by(query: Mapping[str, str]) -> dict[str, Any]:
    """The values of the controls that a link names."""
    known = {f.name for f in fields(Choice)} - {*KEPT_BACK}
    values: dict[str, Any] = {name: value for name, value in query.items() if name in known}
    if "hide" in values:
        values["hide"] = [name for name in values["hide"].split(",") if name]
    if "invert" in values:
        values["invert"] = values["invert"] == "True"
    return values


def command_of(plan: Plan) -> str:
    """The command that starts the same search; a drawing has to be saved as a picture first."""
    settings, target = plan.settings, plan.target
    parts = ["python", "-m", "uapseg", "train", "--model", plan.model, "--data", plan.data]
    if isinstance(target, Hidden):
        for name in target.classes:
            parts += ["--hide", name]
        parts += ["--fill", target.fill] if target.fill else []
    else:
        typed = target.caption != words.DRAWN
        parts += ["--text", target.caption] if typed else ["--mask", "drawing.png"]
        parts += ["--region-class", target.classes[0], "--rest-class", target.rest or "keep"]
    parts += ["--epsilon", f"{settings.epsilon * 255:g}", "--budget", str(settings.budget)]
    parts += ["--keep", f"{settings.keep:g}"] if settings.keep != USUAL else []
    parts += ["--seed", str(settings.seed), "--preset", settings.preset]
    return shlex.join(parts)


def choice_of(plan: Plan, studio: Studio) -> Choice:
    """The controls that ask for a plan's target and for its numbers, on the network and the pictures of ``studio``.

    Raises:
        UapsegError: Its target does not fit the network, or a number is beyond what the page allows.
    """
    settings, target = plan.settings, plan.target
    target.on(studio.model.classes, studio.model.objects, studio.size)
    epsilon = round(settings.epsilon * 255)
    if not EPSILONS[0] <= epsilon <= EPSILONS[1]:
        raise UapsegError(words.BAD_NUMBER)
    if not WEIGHTS[0] <= settings.keep <= WEIGHTS[1]:
        raise UapsegError(words.BAD_WEIGHT)
    numbers = {
        "model": studio.pair[0],
        "data": studio.pair[1],
        "epsilon": epsilon,
        "keep": settings.keep,
        "budget": min(BUDGETS[1], max(BUDGETS[0], settings.budget)),
        "seed": settings.seed,
        "preset": settings.preset,
    }
    kept = {**studio.first.kept(), **numbers}
    if isinstance(target, Hidden):
        kept |= {"goal": words.HIDDEN, "hide": target.classes, "fill": target.fill or words.NEAREST}
        return Choice(**kept)
    kept |= {"goal": words.STATIC, "rest": target.rest or words.KEEP, "inside": target.classes[0]}
    if _typed(target, studio):
        return Choice(**{**kept, "source": words.TYPE, "word": target.caption})
    return Choice(**{**kept, "source": words.DRAW, "drawing": _drawing(target, studio)})


def _typed(target: Static, studio: Studio) -> bool:
    """Whether the page would write the same by itself."""
    try:
        return written(target.caption, target.classes[0], target.rest, studio.size) == target
    except UapsegError:
        return False


def _drawing(target: Static, studio: Studio) -> str:
    """A target as the stage sends a drawing."""
    known = {name.lower(): number for number, name in enumerate(studio.model.classes)}
    table = np.full(256, UNDRAWN, np.uint8)
    table[: len(target.classes)] = [known[name.lower()] for name in target.classes]
    numbers = table[target.numbers()]
    numbers = np.asarray(Image.fromarray(numbers).resize(studio.size, Image.Resampling.NEAREST))
    pixels = np.stack([numbers, numbers, numbers, np.where(numbers == UNDRAWN, 0, 255).astype(np.uint8)], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
