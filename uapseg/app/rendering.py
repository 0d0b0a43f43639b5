"""What the stage shows of a run: frames of any moment, at any strength, titles and figures."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from uapseg.app import messages, strings
from uapseg.app.catalogue import recorded_run
from uapseg.app.device import LevelArray, ValidationFrame
from uapseg.app.frames import (
    FrameOptions,
    LabelMap,
    Photo,
    amplify_levels,
    difference,
    grey_png,
    jpeg,
    label_png,
    perturb_photo,
    spectrum,
    stretch_levels,
)
from uapseg.app.registry import Registry
from uapseg.app.runs import HistoryPoint, Run
from uapseg.app.server import call_in_thread
from uapseg.app.workspace import Workspace, WorkspaceCache
from uapseg.attack.run import Plan
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
        return {"plain": "", "warning": run.left_out, "groups": None}
    swallowed, gone = look["collapse"], groups_gone(torch.from_numpy(look["counts"]), plan.target)
    return {
        "groups": gone if gone[1] else None,
        "plain": messages.plain(plan.target, look["scores"], run.floors, run.source, gone),
        "warning": run.left_out
        or (messages.collapsed(swallowed) if swallowed else messages.sisters(plan.target, workspace.model.people)),
    }


STEPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""The strengths on the curve."""


class Renderer:
    """Answers what the browser asks for besides the newest frame."""

    def __init__(self, workspaces: WorkspaceCache, runs: Registry) -> None:
        self._workspaces, self._runs = workspaces, runs

    async def look(self, sent: object) -> dict[str, Any]:
        """A frame of an earlier moment or of another strength, at once; nothing while one is being made."""
        return await self._made(sent, _look)

    async def strengths(self, sent: object) -> dict[str, Any]:
        """What the perturbation reaches at each strength on the held-out pictures that are shown."""
        return await self._made(sent, _strengths)

    async def strip(self, sent: object) -> dict[str, Any]:
        """The figures at an earlier moment or another strength, and what is seen in the held-out pictures below."""
        return await self._made(sent, _figures)

    async def recorded(self, sent: object) -> dict[str, Any]:
        """The run that is played to a visitor who has none; it is read once."""
        values = sent if isinstance(sent, dict) else {}
        run = self._runs.get(values.get("token"))
        return await asyncio.to_thread(recorded_run, run.choice.pair) if run else {}

    async def _made(self, sent: object, make: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        values = sent if isinstance(sent, dict) else {}
        run = self._runs.get(values.get("token"))
        workspace = run and self._workspaces.get(run.choice.pair)
        if not run or not workspace or not run.is_current or not run.looking.acquire(blocking=False):
            return {}
        try:
            return await call_in_thread(make, run, workspace, values)
        finally:
            run.looking.release()


def _look(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    levels, plan = moment_of(run, values)
    return (
        {}
        if levels is None or plan is None
        else frame(workspace, shown_photo(run, workspace), levels, plan, FrameOptions.of(values))
    )


def _strengths(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    levels, plan = moment_of(run, values)
    if levels is None or plan is None:
        return {}
    if run.strengths is None or run.strengths[0] is not levels:
        rows = [
            (by, workspace.judge(workspace.strip, scale_levels(levels, by), plan.target)["scores"]) for by in STEPS
        ]
        run.strengths = levels, rows
    return {"rows": run.strengths[1]}


def _figures(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    """Those that the run has measured itself, at full strength; else measured on the pictures that are shown."""
    levels, plan = moment_of(run, values)
    if levels is None or plan is None:
        return {}
    strength, moment = FrameOptions.of(values).strength, _moment(run, values)
    words = _words(run, workspace, moment)
    if moment and strength == 1:
        return {**measured(moment.look, workspace), "floors": moment.floors, **words}
    judged = workspace.judge(workspace.strip, scale_levels(levels, strength), plan.target)
    return {
        **judged,
        "judged": len(judged["each"]),
        "looked": moment and moment.spent,
        **_words(run, workspace, moment),
    }


def _words(run: Run, workspace: Workspace, moment: HistoryPoint | None) -> dict[str, Any]:
    """The heading of a moment that was trained for something else than the run is now."""
    if moment is None or moment.plan == run.plan:
        return {}
    target, epsilon = moment.plan.target, round(moment.plan.settings.epsilon * 255)
    return {"heading": {"wanted": workspace.wanted(target), **titles(target, epsilon, moment.choice.source)}}


def _moment(run: Run, values: dict[str, Any]) -> HistoryPoint | None:
    return next((moment for moment in run.moments if moment.spent == values.get("moment")), None)


def moment_of(run: Run, values: dict[str, Any]) -> tuple[LevelArray | None, Plan | None]:
    """The perturbation of the moment that was asked for, the newest where none was, and what it was trained for."""
    moment = _moment(run, values)
    return (moment.levels, moment.plan) if moment else (run.levels, run.plan)


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """A photo with a perturbation on it.

    Attributes:
        photo: The perturbed picture, and what is seen in it.
        levels: The perturbation, of the strength that is wanted.
        laid: The same as it lies on the picture.
        sure: How sure the network is (h, w), 255 being certain; None where nobody asked.
    """

    photo: Photo
    levels: LevelArray = field(repr=False)
    laid: LevelArray = field(repr=False)
    sure: LabelMap | None = field(repr=False)


def render_frame(workspace: Workspace, photo: Photo, levels: LevelArray, wanted: FrameOptions) -> RenderedFrame:
    """Lays a perturbation on a photo, and asks the network."""
    levels = scale_levels(levels, wanted.strength)
    laid = stretch_levels(levels, photo.size) if wanted.stretch else levels
    attacked = perturb_photo(photo.picture, laid)
    seen, sure = workspace.predict_perturbed(attacked, sure=wanted.sure)
    return RenderedFrame(Photo(attacked, seen), levels, laid, sure)


def frame_payload(
    workspace: Workspace, photo: Photo, sight: RenderedFrame, plan: Plan, wanted: FrameOptions
) -> dict[str, Any]:
    """What the browser is told of it: the picture, what is seen in it, the noise; and what else is wanted."""
    slow, epsilon, attacked = wanted.slow, round(plan.settings.epsilon * 255), sight.photo.picture
    pattern = spectrum(sight.levels) if wanted.spectrum else amplify_levels(sight.levels, epsilon)
    pictures: dict[str, Any] = {
        "after": jpeg(attacked, 70 if slow else 85, 256 if slow else None),
        "seen": label_png(sight.photo.seen, workspace.model.palette),
        "noise": jpeg(pattern, 70, 192 if slow else None),
        "reached": workspace.success_by_strength(photo, sight.photo.seen, sight.laid, plan.target),
    }
    if wanted.factor:
        pictures["difference"] = jpeg(difference(photo.picture, attacked, wanted.factor), 85)
    if sight.sure is not None:
        pictures["sure"] = grey_png(sight.sure)
    return pictures


def frame(workspace: Workspace, photo: Photo, levels: LevelArray, plan: Plan, wanted: FrameOptions) -> dict[str, Any]:
    """The photo with the perturbation as the browser is told of it."""
    return frame_payload(workspace, photo, render_frame(workspace, photo, levels, wanted), plan, wanted)


def scale_levels(levels: LevelArray, strength: float) -> LevelArray:
    """A perturbation of another strength, in whole grey levels."""
    return levels if strength == 1 else np.rint(levels * strength).astype(np.int16)


def shown_photo(run: Run, workspace: Workspace) -> Photo:
    """The picture that is shown large."""
    kind, number = run.view
    if kind == "own" and number < len(run.photos):
        return workspace.photo(run.photos[number])
    if kind == "unseen" and number < len(workspace.strip):
        return workspace.strip[number]
    return workspace.scene
