"""What the stage shows of a run: frames and scores of any history point, at any strength."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from uapseg.app import messages
from uapseg.app.catalogue import recorded_run
from uapseg.app.frames import (
    FrameOptions,
    LabelMap,
    Photo,
    defend_photo,
    difference,
    grey_png,
    jpeg,
    label_png,
    perturb_photo,
    spectrum,
    stretch_levels,
    to_values,
)
from uapseg.app.runs.device import LevelArray, level_array
from uapseg.app.runs.history import HistoryPoint
from uapseg.app.runs.registry import Registry
from uapseg.app.runs.run import ACTIVE, Run
from uapseg.app.server import call_in_thread
from uapseg.app.view.attribution import Attributions
from uapseg.app.view.figures import sentences, titles, validation_figures
from uapseg.app.workspace import Workspace
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.attack.run import Plan
from uapseg.results.figures import amplify
from uapseg.targets.metrics import Scores
from uapseg.tensors import from_array

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""The strengths on the curve."""


class Renderer:
    """Renders what the browser requests besides the newest frame."""

    def __init__(self, workspaces: WorkspaceCache, runs: Registry) -> None:
        self._workspaces, self._runs, self._attributions = workspaces, runs, Attributions()

    async def frame(self, payload: object) -> dict[str, Any]:
        """A frame of a history point or of another strength; empty while another one is being rendered."""
        return await self._answer(payload, _frame)

    async def strengths(self, payload: object) -> dict[str, Any]:
        """The scores of the perturbation at each strength, on the held-out pictures on the page."""
        return await self._answer(payload, _strengths)

    async def attribute(self, payload: object) -> dict[str, Any]:
        """The loss of success without each tile measured so far; each request measures another tile.

        Empty while the run is active.
        """
        return await self._answer(payload, self._attribute)

    async def measure(self, payload: object) -> dict[str, Any]:
        """The scores of a history point or another strength, with the predictions for the held-out pictures."""
        return await self._answer(payload, _figures)

    async def pair(self, payload: object) -> dict[str, Any]:
        """Two runs of this visit on the shown picture, by their keys; 0 is the current run."""
        return await self._answer(payload, _pair)

    async def recorded(self, payload: object) -> dict[str, Any]:
        """The recorded run, which is played to a visitor without a run of their own."""
        values = to_values(payload)
        run = self._runs.get(values.get("token"))
        return await asyncio.to_thread(recorded_run, run.controls.pair) if run else {}

    def _attribute(self, run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
        levels, plan = viewed_perturbation(run, values)
        if levels is None or plan is None or run.status in ACTIVE:
            return {}
        return self._attributions.measure_next(run, workspace, levels, plan)

    async def _answer(self, payload: object, render: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        values = to_values(payload)
        run = self._runs.get(values.get("token"))
        workspace = run and self._workspaces.of(run)
        current = run and (run.is_current or render is _pair)
        if not run or not workspace or not current or not run.frame_lock.acquire(blocking=False):
            return {}
        try:
            return await call_in_thread(render, run, workspace, values)
        finally:
            run.frame_lock.release()


def _frame(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    levels, plan = viewed_perturbation(run, values)
    return (
        {}
        if levels is None or plan is None
        else frame(workspace, shown_photo(run, workspace), levels, plan, FrameOptions.of(values))
    )


def _strengths(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    levels, plan = viewed_perturbation(run, values)
    if levels is None or plan is None:
        return {}
    if run.strengths is None or run.strengths[0] is not levels:
        rows = [
            (by, workspace.evaluate(workspace.held_out_photos, scale_levels(levels, by), plan.target)["scores"])
            for by in STEPS
        ]
        run.strengths = levels, rows
    return {"rows": run.strengths[1]}


def _pair(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    keys = cast("list[object]", values["keys"]) if isinstance(values.get("keys"), list) else []
    columns = [_column(run, workspace, key) for key in keys[:2]]
    return {"pair": columns}


def _column(run: Run, workspace: Workspace, key: object) -> dict[str, Any]:
    """A run of this visit: its card, and the shown picture with its perturbation."""
    kept_run = next((kept_run for kept_run in run.kept_runs if kept_run.key == key), None)
    fields: dict[str, Any] = kept_run.fields if kept_run else {"plan": run.plan, "levels": run.levels}
    card: dict[str, Any] = kept_run.card if kept_run else {"key": 0, "title": "", "summary": ""}
    plan, levels = fields["plan"], fields["levels"]
    if plan is None or levels is None:
        return card
    if kept_run is None:
        title = messages.name_classes(messages.caption(plan.target, plan.settings.ball))
        card = {**card, "title": title, "summary": sentences(run, workspace)["plain"]}
    if (plan.model, plan.data) != workspace.pair:
        return card
    payload = frame(workspace, shown_photo(run, workspace), levels, plan, FrameOptions())
    return {**card, **{name: payload[name] for name in ("after", "prediction", "success")}}


def _figures(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    """The scores of the run's validation at full strength; otherwise those on the held-out pictures on the page."""
    levels, plan = viewed_perturbation(run, values)
    if levels is None or plan is None:
        return {}
    strength, point = FrameOptions.of(values).strength, _history_point(run, values)
    defence = FrameOptions.of(values).defence
    words = _heading_of(run, workspace, point)
    if point and strength == 1 and not defence:
        return {**validation_figures(point.validation, workspace), "baselines": point.baselines, **words}
    evaluation = workspace.evaluate(
        workspace.held_out_photos, scale_levels(levels, strength), plan.target, defence=defence
    )
    return {
        **evaluation,
        **({"baselines": _baselines(workspace, plan, defence)} if defence else {}),
        "pictures": len(evaluation["each"]),
        "measured_at": point and point.image_gradients,
        **words,
    }


def _baselines(workspace: Workspace, plan: Plan, defence: str) -> dict[str, Scores]:
    """The scores of clean pictures and of random noise with a defence."""
    ball = plan.settings.ball
    noise = level_array(ball.random_noise(workspace.size, plan.settings.seed), ball)
    pairs = {"clean": np.zeros_like(noise), "random_noise": noise}
    return {
        name: workspace.evaluate(workspace.held_out_photos, levels, plan.target, defence=defence)["scores"]
        for name, levels in pairs.items()
    }


def _heading_of(run: Run, workspace: Workspace, point: HistoryPoint | None) -> dict[str, Any]:
    """The heading of a history point whose plan is not the run's present one."""
    if point is None or point.plan == run.plan:
        return {}
    target = point.plan.target
    texts = titles(target, point.plan.settings.ball, point.controls.source)
    return {"heading": {"target": workspace.target_png(target), **texts}}


def _history_point(run: Run, values: dict[str, Any]) -> HistoryPoint | None:
    return next((point for point in run.history_points if point.image_gradients == values.get("history_point")), None)


def viewed_perturbation(run: Run, values: dict[str, Any]) -> tuple[LevelArray | None, Plan | None]:
    """The perturbation and the plan of the requested history point, or the newest where none is requested.

    Example:
        >>> viewed_perturbation(Run("a"), {})
        (None, None)
    """
    point = _history_point(run, values)
    return (point.levels, point.plan) if point else (run.levels, run.plan)


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """A photo with a perturbation on it.

    Attributes:
        photo: The perturbed picture and its prediction.
        levels: The perturbation at the requested strength.
        applied_levels: The same as it is added to the picture, stretched if requested.
        confidence: The network's confidence (h, w) from 0 to 255; None unless requested.
    """

    photo: Photo
    levels: LevelArray = field(repr=False)
    applied_levels: LevelArray = field(repr=False)
    confidence: LabelMap | None = field(repr=False)


def render_frame(workspace: Workspace, photo: Photo, levels: LevelArray, options: FrameOptions) -> RenderedFrame:
    """Adds a perturbation to a photo, and predicts its classes.

    Example:
        >>> from PIL import Image
        >>> from uapseg import load_model
        >>> from uapseg.datasets.reader import ImageDataset
        >>> pictures = ImageDataset.from_pictures([Image.new("RGB", (64, 48))])
        >>> workspace = Workspace(loaded=(load_model("street:small"), pictures))
        >>> levels = np.full((3, 48, 64), 10, np.int16)
        >>> render_frame(workspace, workspace.scene, levels, FrameOptions(strength=0.5)).levels.max()
        np.int16(5)
    """
    levels = scale_levels(levels, options.strength)
    applied_levels = stretch_levels(levels, photo.size) if options.stretch else levels
    perturbed_picture = defend_photo(perturb_photo(photo.picture, applied_levels), options.defence)
    prediction, confidence = workspace.predict_perturbed(perturbed_picture, with_confidence=options.confidence)
    return RenderedFrame(Photo(perturbed_picture, prediction), levels, applied_levels, confidence)


def frame_payload(
    workspace: Workspace, photo: Photo, rendered_frame: RenderedFrame, plan: Plan, options: FrameOptions
) -> dict[str, Any]:
    """A frame as sent to the browser: picture, prediction, perturbation, and what else is requested."""
    slow, levels, perturbed_picture = options.slow, rendered_frame.levels, rendered_frame.photo.picture
    pattern = spectrum(levels) if options.spectrum else amplify(from_array(levels) / 255, plan.settings.epsilon)
    pictures: dict[str, Any] = {
        "after": jpeg(perturbed_picture, 70 if slow else 85, 256 if slow else None),
        "prediction": label_png(rendered_frame.photo.prediction, workspace.model.palette),
        "perturbation": jpeg(pattern, 70, 192 if slow else None),
        "success": workspace.success_in(
            photo, rendered_frame.photo.prediction, rendered_frame.applied_levels, plan.target
        ),
    }
    if options.factor:
        pictures["difference"] = jpeg(difference(photo.picture, perturbed_picture, options.factor), 85)
    if rendered_frame.confidence is not None:
        pictures["confidence"] = grey_png(rendered_frame.confidence)
    return pictures


def frame(workspace: Workspace, photo: Photo, levels: LevelArray, plan: Plan, options: FrameOptions) -> dict[str, Any]:
    """Renders a photo with the perturbation, as sent to the browser."""
    return frame_payload(workspace, photo, render_frame(workspace, photo, levels, options), plan, options)


def scale_levels(levels: LevelArray, strength: float) -> LevelArray:
    """A perturbation of another strength, in whole grey levels.

    Example:
        >>> scale_levels(np.array([[[10]], [[-10]], [[3]]], np.int16), 0.5).ravel().tolist()
        [5, -5, 2]
    """
    return levels if strength == 1 else np.rint(levels * strength).astype(np.int16)


def shown_photo(run: Run, workspace: Workspace) -> Photo:
    """The picture that is shown large."""
    kind, number = run.view
    if kind == "own" and number < len(run.photos):
        return workspace.photo(run.photos[number])
    if kind == "held_out" and number < len(workspace.held_out_photos):
        return workspace.held_out_photos[number]
    return workspace.scene
