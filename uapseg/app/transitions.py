"""How a run comes to rest, how it goes on with other settings, and what is told when something went wrong."""

from typing import Any

import gradio as gr

from uapseg.app import messages, strings
from uapseg.app.controls import ControlValues
from uapseg.app.history import HistoryPoint, rewind_checkpoint
from uapseg.app.progress import level_array, pack_state, unpack_state, validation_frame
from uapseg.app.runs import GOING, Run
from uapseg.attack.run import Plan
from uapseg.targets.drawing import drawn_region


def can_continue(run: Run) -> bool:
    """Whether Start goes on from the run's checkpoint: it does unless another network or other pictures are chosen."""
    return run.checkpoint is not None and run.is_current


def budget_start(run: Run, target: Any) -> int:
    """From where on the budget counts: from the beginning, from the last change of the target, or from a spent one."""
    if not can_continue(run) or run.plan is None:
        return 0
    spent = run.status not in GOING and run.spent >= run.since + run.choice.budget
    return run.spent if spent or target != run.plan.target else run.since


def apply_plan(run: Run, plan: Plan, since: int, choice: ControlValues) -> None:
    """Goes on with another plan of the same network and pictures, from where the run stands.

    Args:
        run: The run.
        plan: What it is to do.
        since: The image-gradients after which the budget begins to count.
        choice: The controls that ask for the plan.
    """
    old = run.plan
    changes: dict[str, Any] = {"plan": plan, "since": since, "asked": choice, "wish": None, "left_out": ""}
    if old and run.checkpoint and describe_change(old, plan):
        same = plan.target == old.target
        state = unpack_state(run.checkpoint).with_settings(plan.settings, same_target=same)
        changes["checkpoint"] = pack_state(state)
        changes["legs"] = [*run.legs, (state.image_gradients, messages.change(old, plan))]
        if not same:
            changes |= {"look": None, "floors": {}}
    run.publish(**changes)


def describe_change(first: Plan, second: Plan) -> bool:
    """Whether what was best by one plan is not what the other looks for: budget, seed and preset apart."""
    one, other = ((plan.target, plan.settings.epsilon, plan.settings.keep_weight) for plan in (first, second))
    return one != other


def restore(run: Run, moment: HistoryPoint) -> None:
    """Sets the controls to those of a kept moment."""
    choice, mask = moment.choice, run.mask
    drawn = drawn_region(moment.plan.target)
    if drawn and choice.source == strings.UPLOAD:  # another one may have been uploaded since
        mask = (drawn[0], drawn[1] ^ choice.invert)
    run.publish(choice=choice, mask=mask, drawn=run.drawn + 1)


def rewind(run: Run, moment: HistoryPoint) -> None:
    """Goes back to a kept moment; what came later is forgotten."""
    if run.checkpoint is None:
        return
    run.publish(
        checkpoint=rewind_checkpoint(moment, run.checkpoint), plan=moment.plan, levels=moment.levels, look=moment.look,
        spent=moment.spent, seconds=moment.seconds, since=moment.since, asked=moment.choice, floors=moment.floors,
        wish=None,
        curve=[row for row in run.curve if row[0] <= moment.spent],
        legs=[leg for leg in run.legs if leg[0] < moment.spent],
        moments=[each for each in run.moments if each.spent <= moment.spent],
    )  # fmt: skip


def end_run(run: Run, *, finished: bool = False, note: str = "") -> None:
    """Brings a run to rest, showing the best perturbation so far with its own figures: it is the one to be saved."""
    if run.checkpoint is None:
        run.reset()
        return
    changes: dict[str, Any] = {"status": "done" if finished else "paused", "note": note, "wish": None}
    state = unpack_state(run.checkpoint)
    if run.plan and state.validation.image_gradients:
        changes |= {
            "levels": level_array(state.best, run.plan.settings.epsilon),
            "look": validation_frame(state.best_validation),
        }
    run.publish(**changes)


class SentenceError(gr.Error):
    """An error whose message is one plain sentence of the project's own."""


def user_error(sentence: str) -> SentenceError:
    """An error that the visitor sees as one plain sentence."""
    return SentenceError(sentence, print_exception=False)


def as_user_error(error: Exception) -> gr.Error:
    """What the visitor is told when a run breaks."""
    if isinstance(error, gr.Error) and "aborted" not in str(error):
        return user_error(error.message)
    return user_error(strings.EVICTED if "aborted" in str(error) else strings.BROKEN)
