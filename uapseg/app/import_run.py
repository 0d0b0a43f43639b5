"""A perturbation from a file becomes a run: measured on the held-out pictures, shown, and ready to go on from."""

from dataclasses import replace
from typing import Any

from uapseg.app import messages, strings
from uapseg.app.history import Moment
from uapseg.app.progress import level_array, look_of, packed
from uapseg.app.runs import Run
from uapseg.app.workspace import Studio
from uapseg.attack.perturbation import levels, random_signs
from uapseg.attack.run import Plan
from uapseg.attack.state import State
from uapseg.attack.validation import HeldOut, Validation, spread
from uapseg.errors import UapsegError
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets.goals import Target
from uapseg.targets.metrics import collapse, each, interval, merit_counts, scores


def check_pair(plan: Plan, studio: Studio) -> None:
    """Makes sure that a plan is for the network and the pictures of ``studio``, whichever of them it chose.

    Raises:
        UapsegError: It is for others.
    """
    model, data = studio.pair
    if (plan.model, plan.data.partition("?")[0]) != (model, data.partition("?")[0]):
        raise UapsegError(strings.OTHER_PAIR.format(model=plan.model, data=plan.data))


def check_size(perturbation: Perturbation, studio: Studio) -> None:
    """Makes sure that a perturbation is as large as the pictures of ``studio``.

    Raises:
        UapsegError: It is not.
    """
    height, width = perturbation.levels.shape[1:]
    if (width, height) != tuple(studio.size):
        raise UapsegError(strings.OTHER_SIZE.format(width=width, height=height))


def adopt(run: Run, perturbation: Perturbation, plan: Plan, studio: Studio) -> None:
    """Makes a perturbation the state of a run, with figures that are measured here, whatever its file claims.

    Args:
        run: A run that rests, its controls set to what the perturbation is meant to do.
        perturbation: As large as the pictures.
        plan: What it is meant to do.
        studio: The network and the pictures.
    """
    epsilon, spent = plan.settings.epsilon, max(1, perturbation.image_gradients or 0)
    looks, floors = measured(perturbation, plan, studio, spent)
    delta = levels(perturbation.delta, epsilon).float() / 255
    state = replace(
        State.first(studio.size, looks).at(delta), image_gradients=spent, seconds=perturbation.seconds or 0.0
    )
    look, whole = look_of(looks), level_array(delta, epsilon)
    moment = Moment(
        spent, whole, look, plan, choice=run.choice, since=spent, seconds=state.seconds, floors=floors
    )  # fmt: skip
    run.forget()
    run.publish(
        status="paused", plan=plan, asked=run.choice, since=spent, spent=spent, seconds=state.seconds, levels=whole,
        look=look, floors=floors, curve=[(0, floors["clean"]), (spent, look["scores"])],
        moments=[moment], checkpoint=packed(state),
        note=messages.claim(plan.target, looks.scores, perturbation.scores, run.choice.source),
    )  # fmt: skip


def measured(
    perturbation: Perturbation, plan: Plan, studio: Studio, spent: int
) -> tuple[Validation, dict[str, dict[str, Any]]]:
    """The figures of a perturbation, and those of clean pictures and of random noise."""
    settings, target = plan.settings, plan.target
    numbers = spread(len(studio.held_out), settings.validation_pictures)
    judge = HeldOut(studio.model, studio.held_out, numbers, target, studio.size)
    noise = levels(random_signs(studio.size, settings.epsilon, settings.seed), settings.epsilon).float() / 255
    whole = levels(perturbation.delta, settings.epsilon).float() / 255
    floors = {name: scores(judge.see(delta)[0], target) for name, delta in (("clean", None), ("random_noise", noise))}
    counts, predictions = judge.see(whole)
    unknown = perturbation.training or dict.fromkeys(floors["clean"])
    looks = Validation(
        spent, scores(counts, target), each(counts, target), predictions, unknown,
        interval=interval(counts, target), collapse=collapse(counts, target, studio.model.classes),
        counts=merit_counts(counts, target),
    )  # fmt: skip
    return looks, floors


def aim(perturbation: Perturbation, target: Target, plan: Plan) -> Plan:
    """The plan of a perturbation that says nothing of itself: the target of the controls, and its own epsilon."""
    return replace(plan, target=target, settings=replace(plan.settings, epsilon=max(1 / 255, perturbation.epsilon)))
