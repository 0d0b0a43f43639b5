"""A perturbation from elsewhere as a run: checked against the network and the pictures, and measured again."""

from dataclasses import replace
from typing import Any

import torch

from uapseg.app import messages, strings
from uapseg.app.runs.device import level_array, pack_state, validation_frame
from uapseg.app.runs.history import HistoryPoint
from uapseg.app.runs.own_pictures import is_own
from uapseg.app.runs.run import Run
from uapseg.app.workspace import Workspace
from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.attack.validation import EvalSet, Validation, evenly_spaced
from uapseg.errors import UapsegError
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets import Target
from uapseg.targets.bootstrap import bootstrap_interval
from uapseg.targets.metrics import Scores, find_collapse, per_image_success, scores
from uapseg.targets.selection import selection_counts


def check_pair(plan: Plan, workspace: Workspace) -> None:
    """Checks that a plan is for the network and the pictures of ``workspace``, whichever selection of them it names.

    Raises:
        UapsegError: It is for others.
    """
    model, data = workspace.pair
    same_data = is_own(plan.data) or plan.data.partition("?")[0] == data.partition("?")[0]
    if plan.model != model or not same_data:
        raise UapsegError(strings.OTHER_PAIR.format(model=plan.model, data=plan.data))


def check_size(perturbation: Perturbation, workspace: Workspace) -> None:
    """Checks that a perturbation has the size of the pictures of ``workspace``.

    Raises:
        UapsegError: It is not.
    """
    height, width = perturbation.levels.shape[1:]
    if (width, height) != tuple(workspace.size):
        raise UapsegError(strings.OTHER_SIZE.format(width=width, height=height))


def start_from(run: Run, perturbation: Perturbation, plan: Plan, workspace: Workspace) -> None:
    """Makes a perturbation the state of a run, with figures measured here rather than those of its file.

    Args:
        run: An inactive run, its controls set to the target of the perturbation.
        perturbation: The perturbation, of the size of the pictures.
        plan: Its plan.
        workspace: The network and the pictures.
    """
    ball, image_gradients = plan.settings.ball, max(1, perturbation.image_gradients or 0)
    validation, baselines = measure(perturbation, plan, workspace, image_gradients)
    delta = ball.quantize(perturbation.delta)
    state = replace(
        State.initial(workspace.size, validation).restart(delta),
        image_gradients=image_gradients,
        seconds=perturbation.seconds or 0.0,
    )
    figures, levels = validation_frame(validation), level_array(delta, ball)
    point = HistoryPoint(
        image_gradients,
        levels,
        figures,
        plan,
        controls=run.controls,
        budget_start=image_gradients,
        seconds=state.seconds,
        baselines=baselines,
    )
    run.reset()
    run.publish(
        status="paused",
        plan=plan,
        plan_controls=run.controls,
        budget_start=image_gradients,
        image_gradients=image_gradients,
        seconds=state.seconds,
        levels=levels,
        validation=figures,
        baselines=baselines,
        curve=[(0, baselines["clean"]), (image_gradients, figures["scores"])],
        history_points=[point],
        checkpoint=pack_state(state),
        note=messages.compare_with_claim(plan.target, validation.scores, perturbation.scores, run.controls.source),
    )


def measure(
    perturbation: Perturbation, plan: Plan, workspace: Workspace, image_gradients: int
) -> tuple[Validation, dict[str, dict[str, Any]]]:
    """The figures of a perturbation, and those of clean pictures and of random noise."""
    settings, target = plan.settings, plan.target
    indices = evenly_spaced(len(workspace.held_out), settings.validation_pictures)
    on_disk = not is_own(workspace.pair[1])
    eval_set = EvalSet(workspace.model, workspace.held_out, indices, target, workspace.size, on_disk=on_disk)
    noise = settings.ball.quantize(settings.ball.random_noise(workspace.size, settings.seed))
    levels = settings.ball.quantize(perturbation.delta)
    baselines = {
        name: scores(eval_set.predict(delta)[0], target) for name, delta in (("clean", None), ("random_noise", noise))
    }
    counts, predictions = eval_set.predict(levels)
    training_scores = perturbation.training or dict.fromkeys(baselines["clean"])
    validation = Validation(
        image_gradients,
        scores(counts, target),
        per_image_success(counts, target),
        predictions,
        training_scores,
        interval=bootstrap_interval(counts, target),
        collapse=find_collapse(counts, target, workspace.model.classes),
        counts=selection_counts(counts, target),
    )
    return validation, baselines


def measure_test(run: Run, workspace: Workspace) -> Scores | None:
    """The scores on the test split of a visitor's own pictures; None for a run on others."""
    own_pictures, plan, levels = run.trained_on, run.plan, run.levels
    if own_pictures is None or plan is None or levels is None:
        return None
    test = own_pictures.splits["test"]
    eval_set = EvalSet(workspace.model, test, range(len(test)), plan.target, workspace.size, on_disk=False)
    return scores(eval_set.predict(torch.as_tensor(levels).float() / 255)[0], plan.target)


def plan_for(perturbation: Perturbation, target: Target, plan: Plan) -> Plan:
    """The plan of a perturbation without one in its file: the target of the controls, with its own epsilon.

    Example:
        >>> from uapseg import Untargeted, fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> plan = Plan(model="street", data="street", target=Untargeted(), settings=settings)
        >>> new_plan = plan_for(Perturbation(torch.full((3, 16, 16), 5, dtype=torch.int16)), plan.target, plan)
        >>> round(new_plan.settings.epsilon * 255)
        5
    """
    return replace(
        plan, target=target, settings=replace(plan.settings, epsilon=max(1 / 255, perturbation.epsilon), norm="linf")
    )
