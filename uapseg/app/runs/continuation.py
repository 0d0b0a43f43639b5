"""How a run continues: with another plan, from a point of its history, or not at all."""

from typing import Any

from uapseg.app import messages, strings
from uapseg.app.controls import ControlValues
from uapseg.app.runs.device import level_array, pack_state, unpack_state, validation_frame
from uapseg.app.runs.history import HistoryPoint, rewind_checkpoint
from uapseg.app.runs.run import ACTIVE, Run
from uapseg.attack.run import Plan
from uapseg.targets.drawing import drawn_region


def can_continue(run: Run) -> bool:
    """Whether Start continues from the checkpoint: it does unless another network or other pictures are chosen.

    Example:
        >>> can_continue(Run("a"))
        False
    """
    return run.checkpoint is not None and run.is_current


def find_budget_start(run: Run, target: Any) -> int:
    """The image-gradients at which the budget starts: 0, the last change of the target, or the end of the last budget.

    Example:
        >>> from uapseg import Untargeted
        >>> find_budget_start(Run("a"), Untargeted())
        0
    """
    if not can_continue(run) or run.plan is None:
        return 0
    is_used_up = run.status not in ACTIVE and run.image_gradients >= run.budget_start + run.controls.budget
    return run.image_gradients if is_used_up or target != run.plan.target else run.budget_start


def apply_plan(run: Run, plan: Plan, budget_start: int, controls: ControlValues) -> None:
    """Continues a run with another plan of the same network and pictures.

    Args:
        run: The run.
        plan: The new plan.
        budget_start: The image-gradients after which the budget begins to count.
        controls: The controls that ask for the plan.

    Example:
        >>> from uapseg import Untargeted, fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> plan, run = Plan(model="street", data="street", target=Untargeted(), settings=settings), Run("a")
        >>> apply_plan(run, plan, 0, run.controls)
        >>> run.total
        400
    """
    old_plan = run.plan
    changes: dict[str, Any] = {
        "plan": plan,
        "budget_start": budget_start,
        "plan_controls": controls,
        "pending_change": None,
        "link_warning": "",
        "test_scores": None,
    }
    if old_plan and run.checkpoint and changes_objective(old_plan, plan):
        same_target = plan.target == old_plan.target
        state = unpack_state(run.checkpoint).with_settings(plan.settings, same_target=same_target)
        changes["checkpoint"] = pack_state(state)
        changes["plan_changes"] = [*run.plan_changes, (state.image_gradients, messages.change(old_plan, plan))]
        if not same_target:
            changes |= {"validation": None, "baselines": {}}
    run.publish(**changes)


def changes_objective(first: Plan, second: Plan) -> bool:
    """Whether two plans differ in target, bound or keep weight, so that their scores cannot be compared.

    Example:
        >>> from dataclasses import replace
        >>> from uapseg import Untargeted, fast
        >>> plan = Plan(model="street", data="street", target=Untargeted(), settings=fast(epsilon=0.04, budget=400))
        >>> changes_objective(plan, replace(plan, settings=fast(epsilon=0.04, budget=800)))
        False
    """
    first_objective, second_objective = (
        (plan.target, plan.settings.ball, plan.settings.keep_weight) for plan in (first, second)
    )
    return first_objective != second_objective


def restore(run: Run, point: HistoryPoint) -> None:
    """Sets the controls to those of a history point."""
    controls, mask = point.controls, run.mask
    region = drawn_region(point.plan.target)
    if region and controls.source == strings.UPLOAD:  # another one may have been uploaded since
        mask = (region[0], region[1] ^ controls.invert)
    run.publish(controls=controls, mask=mask, drawing_version=run.drawing_version + 1)


def rewind(run: Run, point: HistoryPoint) -> None:
    """Rewinds a run to a history point; everything after it is removed.

    Example:
        >>> run, point = Run("a"), HistoryPoint(200, levels=None, validation=None, plan=None)
        >>> rewind(run, point)  # a run that has not begun stays as it is
        >>> run.image_gradients
        0
    """
    if run.checkpoint is None:
        return
    run.publish(
        checkpoint=rewind_checkpoint(point, run.checkpoint),
        plan=point.plan,
        levels=point.levels,
        validation=point.validation,
        image_gradients=point.image_gradients,
        seconds=point.seconds,
        budget_start=point.budget_start,
        plan_controls=point.controls,
        baselines=point.baselines,
        test_scores=None,
        pending_change=None,
        curve=[row for row in run.curve if row[0] <= point.image_gradients],
        plan_changes=[change for change in run.plan_changes if change[0] < point.image_gradients],
        history_points=[
            earlier_point
            for earlier_point in run.history_points
            if earlier_point.image_gradients <= point.image_gradients
        ],
    )


def end_run(run: Run, *, finished: bool = False, note: str = "") -> None:
    """Ends a run, and shows the best perturbation so far with its own figures, as that is the one to be saved.

    Example:
        >>> run = Run("a")
        >>> end_run(run, note="paused by the visitor")
        >>> run.status
        'idle'
    """
    if run.checkpoint is None:
        run.reset()
        return
    changes: dict[str, Any] = {"status": "done" if finished else "paused", "note": note, "pending_change": None}
    state = unpack_state(run.checkpoint)
    if run.plan and state.validation.image_gradients:
        changes |= {
            "levels": level_array(state.best, run.plan.settings.ball),
            "validation": validation_frame(state.best_validation),
        }
    run.publish(**changes)
