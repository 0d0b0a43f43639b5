"""The Hugging Face Hub: runs published in the name of a visitor, and the examples of the operator's list."""

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from uapseg.app import messages, strings
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.frames import label_png, perturb_photo
from uapseg.app.plan_controls import controls_from_plan
from uapseg.app.runs.device import level_array
from uapseg.app.runs.import_run import check_pair, check_size, measure
from uapseg.app.runs.run import Run
from uapseg.app.workspace import Example, Workspace
from uapseg.attack.run import Plan
from uapseg.datasets import Dataset, load_dataset
from uapseg.errors import UapsegError
from uapseg.results.full_report import full_report
from uapseg.results.hub import load_from_hub, push_to_hub
from uapseg.results.perturbation_file import Perturbation, save_png, save_safetensors
from uapseg.results.run_folder import PNG, SAFETENSORS, RunFolder
from uapseg.targets.metrics import Scores

LOG = logging.getLogger(__name__)

MARGIN = 0.1
"""By how much the headline score may stay below what the file claims, as that was measured on other pictures."""

THUMBNAIL_WIDTH = 112


def fetch_in_background(workspace: Workspace, repos: Sequence[str]) -> None:
    """Adds the operator's list of examples to a workspace in the background."""
    if repos:
        threading.Thread(target=add_examples, args=(workspace, repos), daemon=True).start()


def add_examples(workspace: Workspace, repos: Sequence[str]) -> None:
    """Adds the perturbations of repositories whose claims hold; for the others the reason is logged.

    Args:
        workspace: The network and the pictures that they must be for.
        repos: ``USER/NAME``, or with ``@REVISION``.
    """
    examples: list[Example] = []
    for repo in repos:
        try:
            examples.append(check_example(repo, workspace))
        except UapsegError as error:
            LOG.warning("The example %s is not listed: %s", repo, error)
        except Exception:  # a fault in one of them must not take away the others
            LOG.exception("The example %s is not listed.", repo)
    workspace.add_examples(examples)


def check_example(repo: str, workspace: Workspace) -> Example:
    """Fetches the perturbation of a repository, and measures it.

    Raises:
        UapsegError: It cannot be fetched or read, is for another network or other pictures, or claims too much.
    """
    perturbation = load_from_hub(repo)
    plan = perturbation.plan
    if plan is None:
        raise UapsegError(strings.NO_PLAN)
    check_pair(plan, workspace)
    check_size(perturbation, workspace)
    controls_from_plan(plan, workspace)  # a target that the page has controls for, and numbers in their ranges
    if perturbation.fingerprint != workspace.model.fingerprint:
        raise UapsegError("Its file does not name the weights of this network: train it against these.")
    return Example(_card(repo, perturbation, plan, workspace), perturbation)


def _card(repo: str, perturbation: Perturbation, plan: Plan, workspace: Workspace) -> dict[str, object]:
    """The card of a perturbation, with scores measured here."""
    image_gradients = max(1, perturbation.image_gradients or 0)
    validation, baselines = measure(perturbation, plan, workspace, image_gradients)
    label = messages.score_labels(plan.target, strings.TYPE)[0]
    success = validation.scores.get(label.name)
    _check_claim(label.name, success, perturbation.scores)
    levels = level_array(perturbation.delta, perturbation.ball)
    prediction = workspace.predict(perturb_photo(workspace.scene.picture, levels))
    return {
        "file": f"{repo.replace('/', '--')}.png",
        "title": f"{messages.caption(plan.target, plan.settings.ball)} ({repo})",
        "label": label.text,
        "hides": plan.target.kind == strings.HIDDEN,
        "epsilon": round(plan.settings.epsilon * 255),
        "success": success,
        "interval": list(validation.interval) or None,
        "noise": baselines["random_noise"].get(label.name),
        "pictures": len(validation.each),
        "image_gradients": image_gradients,
        "prediction": label_png(prediction, workspace.model.palette, THUMBNAIL_WIDTH),
    }


def _check_claim(name: str, success: float | None, claimed_scores: Scores | None) -> None:
    claimed_success = (claimed_scores or {}).get(name)
    if success is None:
        raise UapsegError("None of the pictures here shows what its target is about.")
    if claimed_success is not None and success < claimed_success - MARGIN:
        raise UapsegError(
            f"Its file claims {messages.percent(claimed_success)}; measured here, it is {messages.percent(success)}."
        )


def can_sign_in() -> bool:
    """Whether visitors can sign in with Hugging Face: the page is a Space with ``hf_oauth``.

    Example:
        >>> can_sign_in()
        False
    """
    return "SPACE_ID" in os.environ and "OAUTH_CLIENT_ID" in os.environ


def publish_run(run: Run, workspace: Workspace, repo: str, token: str | None) -> str:
    """Measures a run on the test pictures, pushes it with a model card, and returns the address of the repository.

    Args:
        run: A run that has figures.
        workspace: Its network and pictures.
        repo: USER/NAME.
        token: The visitor's token of the Hub; None if not signed in.

    Raises:
        UapsegError: The visitor is not signed in, there is nothing to publish yet, or the Hub refuses.
    """
    work = FinishedRun.of(run, workspace)
    if token is None:
        raise UapsegError(strings.SIGN_IN if can_sign_in() else strings.PUBLISH_COMMAND)
    plan, perturbation = work.plan, work.perturbation
    with TemporaryDirectory(prefix="uapseg-") as place:
        folder = RunFolder.create(Path(place) / "run", plan)
        save_png(folder.path / PNG, perturbation)
        save_safetensors(folder.path / SAFETENSORS, perturbation)
        test, training_data = _pictures(run, work)
        report = full_report(perturbation, workspace.model, test, plan.target, training_data=training_data)
        folder.write_report(report.to_dict() | {"plan": plan.to_dict()})
        return push_to_hub(folder, repo.strip(), token=token)


def _pictures(run: Run, work: FinishedRun) -> tuple[Dataset, Sequence[Dataset]]:
    """The test pictures, and the datasets used for training and validation."""
    own_pictures = run.trained_on
    if own_pictures:
        return own_pictures.splits["test"], own_pictures.run_data
    return load_dataset(work.plan.data, "test"), (work.workspace.held_out,)
