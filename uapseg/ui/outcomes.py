"""How a run comes to rest, whether it can go on, and what the visitor is told when something went wrong."""

from typing import Any

import gradio as gr

from uapseg.run import Plan
from uapseg.ui import words
from uapseg.ui.choice import same_but_budget
from uapseg.ui.runs import Run
from uapseg.ui.steps import levels8, look_of, unpacked


def continues(run: Run, plan: Plan) -> bool:
    """Whether starting ``plan`` goes on from the run's checkpoint."""
    if run.checkpoint is None or run.plan is None or not same_but_budget(run.plan, plan):
        return False
    return run.status == "paused" or plan.settings.budget > run.total


def settle(run: Run, *, finished: bool = False, note: str = "") -> None:
    """Brings a run to rest, showing the best perturbation so far with its own figures: it is the one to be saved."""
    if run.checkpoint is None:
        run.forget()
        return
    changes: dict[str, Any] = {"status": "done" if finished else "paused", "note": note}
    state = unpacked(run.checkpoint)
    if run.plan and state.validation.image_gradients:
        changes |= {"levels": levels8(state.best, run.plan.settings.epsilon), "look": look_of(state.chosen)}
    run.publish(**changes)


def sorry(sentence: str) -> gr.Error:
    """An error that the visitor sees as one plain sentence."""
    return gr.Error(sentence, print_exception=False)


def explained(error: Exception) -> gr.Error:
    """What the visitor is told when a run breaks."""
    if isinstance(error, gr.Error) and "aborted" not in str(error):
        return error
    return sorry(words.EVICTED if "aborted" in str(error) else words.BROKEN)
