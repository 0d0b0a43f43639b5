"""What the stage says of a run: its heading, its figures, and the sentences about them."""

from typing import Any

from uapseg.app import messages, strings
from uapseg.app.runs.device import ValidationFrame
from uapseg.app.runs.run import Run
from uapseg.app.workspace import Workspace
from uapseg.attack.ball import Ball
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.targets import Target
from uapseg.targets.selection import groups_gone
from uapseg.tensors import from_array

FIRST_PASSES = 2
"""The number of passes over few training pictures after which overfitting shows."""


def heading(run: Run, workspace: Workspace) -> dict[str, Any]:
    """The heading of the stage: the caption of the controls, and the titles of the run.

    Example:
        >>> from PIL import Image
        >>> from uapseg import load_model
        >>> from uapseg.datasets.reader import ImageDataset
        >>> pictures = ImageDataset.from_pictures([Image.new("RGB", (64, 48))])
        >>> workspace = Workspace(loaded=(load_model("street:small"), pictures))
        >>> heading(Run("a", controls=workspace.first), workspace)["caption"]
        '“foo” in Tree on Building, epsilon 10'
    """
    controls, names = run.controls, workspace.model.classes
    target, picture, missing = _target_and_png(run, workspace)
    reply: dict[str, Any] = {
        "target": picture,
        "caption": missing,
        "drawing": controls.goal == strings.STATIC and controls.source == strings.DRAW,
        "keeps": controls.goal == strings.STATIC and controls.rest == strings.KEEP,
        "ink": names.index(controls.inside) if controls.inside in names else 0,
    }
    plan = run.plan if run.is_current else None
    target = plan.target if plan else target
    if target:
        ball = plan.settings.ball if plan else controls.ball
        reply |= titles(target, ball, run.source if plan else controls.source) | {"asked": controls.epsilon}
    return reply


def titles(target: Target, ball: Ball, source: str) -> dict[str, Any]:
    """The titles of a target and its scores; ``source`` is a key of `strings.SOURCES`.

    Example:
        >>> from uapseg import Untargeted
        >>> titles(Untargeted(), Ball(10 / 255), strings.TYPE)["amplified"]
        '12.8'
    """
    return {
        "shares": [tuple(map(messages.name_classes, label)) for label in messages.score_labels(target, source)],
        "here": messages.name_classes(messages.image_share_label(target)),
        "amplified": f"{127.5 / (ball.epsilon * 255):.3g}",
        "caption": messages.name_classes(messages.caption(target, ball)),
        "epsilon": round(ball.epsilon * 255, 2),
        "avoided": target.kind == strings.UNTARGETED,  # its picture shows what is not to be predicted
    }


def _target_and_png(run: Run, workspace: Workspace) -> tuple[Target | None, str | None, str]:
    """The target that the controls describe and its picture as PNG; without one, what the visitor has to do."""
    try:
        target = run.controls.target(workspace.size, run.mask, workspace.model.classes)
        return target, workspace.target_png(target), ""
    except UapsegError as error:
        return None, None, str(error)


def figures(run: Run, workspace: Workspace) -> dict[str, Any]:
    """The newest figures of a run, those of its history, and the sentences about them."""
    validation = run.validation if run.is_current else None
    return {
        **validation_figures(validation, workspace),
        "baselines": run.baselines if run.is_current else {},
        "curve": run.curve if run.is_current else [],
        "plan_changes": run.plan_changes if run.is_current else [],
        **_history(run),
        **sentences(run, workspace),
    }


def validation_figures(validation: ValidationFrame | None, workspace: Workspace) -> dict[str, Any]:
    """The figures of a validation; None for each without one."""
    return {
        "scores": validation and validation["scores"],
        "each": validation and validation["each"][: len(validation["predictions"])],
        "thumbs": validation and workspace.thumbs(validation["predictions"]),
        "measured_at": validation and validation["image_gradients"],
        "pictures": validation and len(validation["each"]),
    }


def _history(run: Run) -> dict[str, Any]:
    """The history points, and the confidence intervals of their scores."""
    history_points = run.history_points if run.is_current else []
    return {
        "history_points": [point.image_gradients for point in history_points],
        "intervals": [
            [point.image_gradients, *point.validation["interval"]]
            for point in history_points
            if point.validation["interval"]
        ],
        "interval_score": next(iter(history_points[-1].validation["scores"]), "") if history_points else "",
    }


def sentences(run: Run, workspace: Workspace) -> dict[str, Any]:
    """The figures in a sentence, and a warning if the network predicts one class almost everywhere."""
    validation, plan = run.validation, run.plan
    if not run.is_current or validation is None or plan is None:
        return {"plain": "", "warning": run.link_warning, "groups": None}
    collapse, gone_groups = validation["collapse"], groups_gone(from_array(validation["counts"]), plan.target)
    return {
        "groups": gone_groups if gone_groups[1] else None,
        "plain": messages.name_classes(
            " ".join(
                filter(
                    None,
                    (
                        messages.summary(plan.target, validation["scores"], run.baselines, run.source, gone_groups),
                        *_own_sentences(run, validation, plan),
                    ),
                )
            )
        ),
        "warning": run.link_warning
        or messages.name_classes(
            messages.collapse_warning(collapse)
            if collapse
            else messages.people_warning(plan.target, workspace.model.people)
        ),
    }


def _own_sentences(run: Run, validation: ValidationFrame, plan: Plan) -> list[str]:
    """Sentences on a run on a visitor's own pictures: whether it generalizes, and its score on the test split."""
    own_pictures = run.trained_on
    if own_pictures is None or validation["image_gradients"] < FIRST_PASSES * len(own_pictures.splits["train"]):
        return []
    sentences = [messages.generalization(plan.target, validation["scores"], validation["training"])]
    if run.test_scores:
        sentences.append(messages.test_result(plan.target, run.test_scores, len(own_pictures.splits["test"])))
    return sentences
