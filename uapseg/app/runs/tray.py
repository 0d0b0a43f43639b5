"""The runs of this visit that were replaced by another: kept to be viewed, compared and resumed."""

from itertools import count
from typing import Any

from uapseg.app import messages
from uapseg.app.frames import label_png, webp
from uapseg.app.runs.own_pictures import is_own
from uapseg.app.runs.run import ACTIVE, KeptRun, Run
from uapseg.app.workspace import Workspace

MAX_KEPT_RUNS = 6

FIELDS = (
    "status", "plan", "plan_controls", "budget_start", "image_gradients", "seconds", "levels", "validation",
    "baselines", "curve", "plan_changes", "history_points", "checkpoint", "mask", "test_scores",
)  # fmt: skip
"""The attributes of a `Run` that going on needs."""

THUMBNAIL_WIDTH = 144

_keys = count(1)


def keep_run(run: Run, workspace: Workspace | None, *, by_reset: bool = False) -> None:
    """Puts a run into the tray before another replaces it, unless it has no figures or is an unchanged example.

    Args:
        run: The run.
        workspace: Its network and pictures; None if they are no longer loaded, so that it cannot be drawn.
        by_reset: Whether Reset was pressed.

    Example:
        >>> run = Run("a")
        >>> keep_run(run, None)
        >>> run.kept_runs
        []
    """
    if workspace is None or run.status in ACTIVE or run.checkpoint is None or run.current_example:
        return
    card = _card(run, workspace)
    if card is None:
        return
    fields = {name: getattr(run, name) for name in FIELDS}
    kept_run = KeptRun(card["key"], run.controls, card, fields, by_reset)
    run.publish(kept_runs=[*map(_without_history, run.kept_runs), kept_run][-MAX_KEPT_RUNS:])


def restore_run(run: Run, key: object, workspace: Workspace | None) -> bool:
    """Resumes a run from the tray, and puts the current one there instead; returns whether it was found.

    Args:
        run: The visitor's run.
        key: The key of the run in the tray.
        workspace: The network and pictures of the current run.

    Example:
        >>> restore_run(Run("a"), key=1, workspace=None)
        False
    """
    match = next((kept_run for kept_run in run.kept_runs if kept_run.key == key), None)
    if match is None:
        return False
    keep_run(run, workspace)
    run.publish(
        **match.fields,
        controls=match.controls,
        kept_runs=[kept_run for kept_run in run.kept_runs if kept_run.key != match.key],
        drawing_version=run.drawing_version + 1,
        note="",
        pending_change=None,
        strengths=None,
        files=None,
    )
    return True


def run_before_reset(run: Run) -> KeptRun | None:
    """The run before a reset, as long as no other was started since.

    Example:
        >>> run_before_reset(Run("a")) is None
        True
    """
    last = run.kept_runs[-1] if run.kept_runs else None
    return last if last and last.by_reset and run.plan is None and last.controls.pair == run.controls.pair else None


def drop_own(run: Run) -> None:
    """Drops the runs that were trained on the visitor's own pictures.

    Example:
        >>> run = Run("a")
        >>> drop_own(run)
        >>> run.kept_runs
        []
    """
    run.publish(kept_runs=[kept_run for kept_run in run.kept_runs if not is_own(kept_run.controls.data)])


def _without_history(kept_run: KeptRun) -> KeptRun:
    """The run without the earlier points of its history, which take most of the memory."""
    fields = {**kept_run.fields, "history_points": kept_run.fields["history_points"][-1:]}
    return KeptRun(kept_run.key, kept_run.controls, kept_run.card, fields)


def _card(run: Run, workspace: Workspace) -> dict[str, Any] | None:
    plan, validation = run.plan, run.validation
    if plan is None or validation is None or not workspace.held_out_photos:
        return None
    headline = plan.target.wording("").scores[0].name
    palette = workspace.model.palette
    return {
        "key": next(_keys),
        "title": messages.name_classes(messages.caption(plan.target, plan.settings.ball)),
        "summary": messages.name_classes(
            messages.summary(plan.target, validation["scores"], run.baselines, run.source)
        ),
        "success": validation["scores"].get(headline),
        "image_gradients": run.image_gradients,
        "photo": webp(workspace.held_out_photos[0].picture, 50, THUMBNAIL_WIDTH),
        "prediction": label_png(validation["predictions"][0], palette, THUMBNAIL_WIDTH),
    }
