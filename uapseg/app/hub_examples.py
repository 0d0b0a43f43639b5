"""Examples from the Hugging Face Hub: those of the operator's list, each checked and measured on this machine."""

import logging
import threading
from collections.abc import Sequence

from uapseg.app import messages, strings
from uapseg.app.device import level_array
from uapseg.app.frames import label_png, perturb_photo
from uapseg.app.sharing import check_pair, check_size, controls_from_plan, measure
from uapseg.app.workspace import Example, Workspace
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError
from uapseg.results.hub import load_from_hub
from uapseg.results.perturbation_file import Perturbation
from uapseg.targets.metrics import Scores

LOG = logging.getLogger(__name__)

MARGIN = 0.1
"""By how much the headline score may stay below what the file claims, as that was measured on other pictures."""

THUMBNAIL_WIDTH = 112


def fetch_in_background(workspace: Workspace, repos: Sequence[str]) -> None:
    """Adds the examples of a list to a workspace, while the page is open already."""
    if repos:
        threading.Thread(target=add_examples, args=(workspace, repos), daemon=True).start()


def add_examples(workspace: Workspace, repos: Sequence[str]) -> None:
    """Adds the perturbations of repositories that keep what they claim; of the others the log says why not.

    Args:
        workspace: The network and the pictures that they must be for.
        repos: ``USER/NAME``, or with ``@REVISION``.
    """
    found: list[Example] = []
    for repo in repos:
        try:
            found.append(check_example(repo, workspace))
        except UapsegError as error:
            LOG.warning("The example %s is not listed: %s", repo, error)
        except Exception:
            LOG.exception("The example %s is not listed.", repo)
    workspace.add_examples(found)


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
    """What the browser shows of it, with scores that are measured here."""
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


def _check_claim(name: str, success: float | None, claimed: Scores | None) -> None:
    claim = (claimed or {}).get(name)
    if success is None:
        raise UapsegError("None of the pictures here shows what it is about.")
    if claim is not None and success < claim - MARGIN:
        raise UapsegError(f"It claims {messages.percent(claim)}, and is measured at {messages.percent(success)}.")
