"""A run as a repository of the Hugging Face Hub, in the name of the visitor who signed in."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from uapseg.app import strings
from uapseg.app.finished_run import FinishedRun
from uapseg.app.runs import Run
from uapseg.app.workspace import Workspace
from uapseg.datasets import Dataset, load_dataset
from uapseg.errors import UapsegError
from uapseg.results.full_report import full_report
from uapseg.results.hub import push_to_hub
from uapseg.results.perturbation_file import save_png, save_safetensors
from uapseg.results.run_folder import PNG, SAFETENSORS, RunFolder


def can_sign_in() -> bool:
    """Whether visitors can sign in with Hugging Face: the page is a Space with ``hf_oauth``."""
    return "SPACE_ID" in os.environ and "OAUTH_CLIENT_ID" in os.environ


def publish_run(run: Run, workspace: Workspace, repo: str, token: str | None) -> str:
    """Measures a run on the test pictures, and pushes it with a model card; the address of the repository.

    Args:
        run: A run that has figures.
        workspace: Its network and pictures.
        repo: USER/NAME.
        token: What the visitor signed in with; None where nobody did.

    Raises:
        UapsegError: Nobody signed in, there is nothing to publish yet, or the Hub refuses.
    """
    work = FinishedRun.of(run, workspace)
    if token is None:
        raise UapsegError(strings.SIGN_IN if can_sign_in() else strings.PUBLISH_COMMAND)
    plan, perturbation = work.plan, work.perturbation
    with TemporaryDirectory(prefix="uapseg-") as place:
        folder = RunFolder.create(Path(place) / "run", plan)
        save_png(folder.path / PNG, perturbation)
        save_safetensors(folder.path / SAFETENSORS, perturbation)
        test, used = _pictures(run, work)
        report = full_report(perturbation, workspace.model, test, plan.target, used=used)
        folder.write_report(report.to_dict() | {"plan": plan.to_dict()})
        return push_to_hub(folder, repo.strip(), token=token)


def _pictures(run: Run, work: FinishedRun) -> tuple[Dataset, Sequence[Dataset]]:
    """The test pictures, and those that were used before."""
    own = run.trained_on
    if own:
        return own.splits["test"], own.run_data
    return load_dataset(work.plan.data, "test"), (work.workspace.held_out,)
