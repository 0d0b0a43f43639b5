"""What the stage says of a run: what it is to do, and what it reaches."""

from typing import Any

import torch

from uapseg.app import messages, strings
from uapseg.app.progress import ValidationFrame
from uapseg.app.runs import Run
from uapseg.app.workspace import Workspace
from uapseg.errors import UapsegError
from uapseg.targets import Target
from uapseg.targets.metrics import groups_gone


def heading(run: Run, workspace: Workspace) -> dict[str, Any]:
    """What the controls ask for now, and the words for what runs."""
    chosen, names = run.choice, workspace.model.classes
    target, picture = _wanted(run, workspace)
    reply: dict[str, Any] = {
        "wanted": picture,
        "drawing": chosen.goal == strings.STATIC and chosen.source == strings.DRAW,
        "ink": names.index(chosen.inside) if chosen.inside in names else 0,
    }
    plan = run.plan if run.is_current else None
    target = plan.target if plan else target
    if target:
        epsilon = round(plan.settings.epsilon * 255) if plan else chosen.epsilon
        reply |= titles(target, epsilon, run.source if plan else chosen.source)
    return reply


def titles(target: Target, epsilon: float, source: str) -> dict[str, Any]:
    """What a target and its scores are called; epsilon in grey levels, ``source`` one of `strings.SOURCES`."""
    return {
        "shares": messages.shares(target, source),
        "here": messages.here(target),
        "amplified": f"{127.5 / epsilon:.3g}",
        "caption": messages.caption(target, epsilon),
    }


def _wanted(run: Run, workspace: Workspace) -> tuple[Target | None, str | None]:
    """The target that the controls describe, and its picture."""
    try:
        target = run.choice.target(workspace.size, run.mask, workspace.model.classes)
        return target, workspace.wanted(target)
    except UapsegError:
        return None, None


def figures(run: Run, workspace: Workspace) -> dict[str, Any]:
    """The newest figures, and all before."""
    look = run.look if run.is_current else None
    return {
        **measured(look, workspace),
        "floors": run.floors if run.is_current else {},
        "curve": run.curve if run.is_current else [],
        "legs": run.legs if run.is_current else [],
        **_moments(run),
        **_said(run, workspace),
    }


def measured(look: ValidationFrame | None, workspace: Workspace) -> dict[str, Any]:
    """The figures of one validation; nothing but names where there was none."""
    return {
        "scores": look and look["scores"],
        "each": look and look["each"][: len(look["predictions"])],
        "thumbs": look and workspace.thumbs(look["predictions"]),
        "looked": look and look["spent"],
        "judged": look and len(look["each"]),
    }


def _moments(run: Run) -> dict[str, Any]:
    """The kept moments, and the intervals of what they reached."""
    moments = run.moments if run.is_current else []
    return {
        "moments": [moment.spent for moment in moments],
        "bands": [[moment.spent, *moment.look["band"]] for moment in moments if moment.look["band"]],
        "banded": next(iter(moments[-1].look["scores"]), "") if moments else "",
    }


def _said(run: Run, workspace: Workspace) -> dict[str, Any]:
    """The figures in a sentence, and a warning where the network sees one class almost everywhere."""
    look, plan = run.look, run.plan
    if not run.is_current or look is None or plan is None:
        return {"plain": "", "warning": run.left_out}
    swallowed, gone = look["collapse"], groups_gone(torch.from_numpy(look["counts"]), plan.target)
    return {
        "plain": messages.plain(plan.target, look["scores"], run.floors, run.source, gone),
        "warning": run.left_out
        or (messages.collapsed(swallowed) if swallowed else messages.sisters(plan.target, workspace.model.people)),
    }
