"""A perturbation from a file becomes a run: measured on the held-out pictures, shown, and ready to go on from."""

from dataclasses import replace
from typing import Any

from uapseg.app import messages, strings
from uapseg.app.history import HistoryPoint
from uapseg.app.progress import level_array, pack_state, validation_frame
from uapseg.app.runs import Run
from uapseg.app.workspace import Workspace
from uapseg.attack.perturbation import random_signs, to_levels
from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.attack.validation import EvalSet, Validation, evenly_spaced
from uapseg.errors import UapsegError
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets import Target
from uapseg.targets.metrics import bootstrap_interval, find_collapse, per_image_success, scores, selection_counts


def check_pair(plan: Plan, workspace: Workspace) -> None:
    """Makes sure that a plan is for the network and the pictures of ``workspace``, whichever of them it chose.

    Raises:
        UapsegError: It is for others.
    """
    model, data = workspace.pair
    if (plan.model, plan.data.partition("?")[0]) != (model, data.partition("?")[0]):
        raise UapsegError(strings.OTHER_PAIR.format(model=plan.model, data=plan.data))


def check_size(perturbation: Perturbation, workspace: Workspace) -> None:
    """Makes sure that a perturbation is as large as the pictures of ``workspace``.

    Raises:
        UapsegError: It is not.
    """
    height, width = perturbation.levels.shape[1:]
    if (width, height) != tuple(workspace.size):
        raise UapsegError(strings.OTHER_SIZE.format(width=width, height=height))


def start_from(run: Run, perturbation: Perturbation, plan: Plan, workspace: Workspace) -> None:
    """Makes a perturbation the state of a run, with figures that are measured here, whatever its file claims.

    Args:
        run: A run that rests, its controls set to what the perturbation is meant to do.
        perturbation: As large as the pictures.
        plan: What it is meant to do.
        workspace: The network and the pictures.
    """
    epsilon, spent = plan.settings.epsilon, max(1, perturbation.image_gradients or 0)
    looks, floors = measure(perturbation, plan, workspace, spent)
    delta = to_levels(perturbation.delta, epsilon).float() / 255
    state = replace(
        State.initial(workspace.size, looks).restarted(delta),
        image_gradients=spent,
        seconds=perturbation.seconds or 0.0,
    )
    look, whole = validation_frame(looks), level_array(delta, epsilon)
    moment = HistoryPoint(
        spent, whole, look, plan, choice=run.choice, since=spent, seconds=state.seconds, floors=floors
    )  # fmt: skip
    run.reset()
    run.publish(
        status="paused", plan=plan, asked=run.choice, since=spent, spent=spent, seconds=state.seconds, levels=whole,
        look=look, floors=floors, curve=[(0, floors["clean"]), (spent, look["scores"])],
        moments=[moment], checkpoint=pack_state(state),
        note=messages.claim(plan.target, looks.scores, perturbation.scores, run.choice.source),
    )  # fmt: skip


def measure(
    perturbation: Perturbation, plan: Plan, workspace: Workspace, spent: int
) -> tuple[Validation, dict[str, dict[str, Any]]]:
    """The figures of a perturbation, and those of clean pictures and of random noise."""
    settings, target = plan.settings, plan.target
    numbers = evenly_spaced(len(workspace.held_out), settings.validation_pictures)
    judge = EvalSet(workspace.model, workspace.held_out, numbers, target, workspace.size)
    noise = to_levels(random_signs(workspace.size, settings.epsilon, settings.seed), settings.epsilon).float() / 255
    whole = to_levels(perturbation.delta, settings.epsilon).float() / 255
    floors = {
        name: scores(judge.predict(delta)[0], target) for name, delta in (("clean", None), ("random_noise", noise))
    }
    counts, predictions = judge.predict(whole)
    unknown = perturbation.training or dict.fromkeys(floors["clean"])
    looks = Validation(
        spent, scores(counts, target), per_image_success(counts, target), predictions, unknown,
        interval=bootstrap_interval(counts, target), collapse=find_collapse(counts, target, workspace.model.classes),
        counts=selection_counts(counts, target),
    )  # fmt: skip
    return looks, floors


def plan_for(perturbation: Perturbation, target: Target, plan: Plan) -> Plan:
    """The plan of a perturbation that says nothing of itself: the target of the controls, and its own epsilon."""
    return replace(plan, target=target, settings=replace(plan.settings, epsilon=max(1 / 255, perturbation.epsilon)))
