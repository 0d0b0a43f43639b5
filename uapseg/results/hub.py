"""Perturbations on the Hugging Face Hub, each in a repository with its plan, its report and a model card.

Anyone may have uploaded them: only PNG and safetensors are read, their size is checked before they are fetched, and
their metadata is checked as in any file.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import constants, errors

from uapseg.errors import UapsegError, one_line
from uapseg.io.files import to_json, write
from uapseg.results.evaluation import perturbation_hash
from uapseg.results.importers import MAX_BYTES
from uapseg.results.model_card import model_card
from uapseg.results.perturbation_file import MAX_TEXT, Perturbation, load, save_png, save_safetensors
from uapseg.results.run_folder import PLAN, PNG, REPORT, SAFETENSORS, RunFolder

PREFIX = "hf-hub:"
CARD = "README.md"
MAX_FILE = MAX_BYTES + MAX_TEXT
"""The largest file that is fetched, in bytes: its values and its text."""


def is_on_hub(name: str | Path) -> bool:
    """Whether a name is that of a repository rather than of a file.

    Example:
        >>> is_on_hub("hf-hub:someone/foo"), is_on_hub("foo.png")
        (True, False)
    """
    return str(name).startswith(PREFIX)


def push_to_hub(
    folder: RunFolder, repo: str, *, licence: str = "other", private: bool = False, token: str | None = None
) -> str:
    """Uploads a finished run to a repository, which is created if it does not exist.

    Args:
        folder: The folder of the run.
        repo: USER/NAME.
        licence: The licence of the perturbation, as an identifier of the Hub.
        private: Whether only the owner can see a new repository.
        token: In whose name; None takes the login of this machine.

    Returns:
        The address of the repository.

    Raises:
        UapsegError: The run is not finished, its files do not belong together, or the Hub refuses.
    """
    repo, revision = parse_repo(repo)
    if revision is not None:
        raise UapsegError("A push goes to the main branch: leave out @ and the revision.")
    report = folder.report()
    if report is None:
        raise UapsegError(f"The run in {folder.path} has no report yet: resume it first.")
    with TemporaryDirectory(prefix="uapseg-") as place:
        _write_files(Path(place), repo, folder, report, licence)
        with _plain_errors(repo, write=True):
            api = huggingface_hub.HfApi(library_name="uapseg", token=token)
            url = api.create_repo(repo, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo, folder_path=place, commit_message=f"Upload {folder.plan.target.title}")
    return str(url)


def load_from_hub(name: str) -> Perturbation:
    """Fetches the perturbation of a repository, unless the Hub's library has it in its cache.

    Args:
        name: ``hf-hub:USER/NAME``, or ``hf-hub:USER/NAME@REVISION`` with a branch, a tag or a commit.

    Raises:
        UapsegError: There is no such repository, no connection, no perturbation in it, or one that cannot be read.
    """
    repo, revision = parse_repo(name.removeprefix(PREFIX))
    with _plain_errors(repo):
        file = _fetch(repo, revision)
    try:
        return load(file, arrays=False)
    except UapsegError as error:
        raise UapsegError(f"{PREFIX}{repo} cannot be used. {error}") from error


def parse_repo(text: str) -> tuple[str, str | None]:
    """Splits ``USER/NAME@REVISION`` into the repository and the revision, which is None if it is left out.

    Raises:
        UapsegError: The text is not such a name.

    Example:
        >>> parse_repo("someone/foo"), parse_repo("someone/foo@v1")
        (('someone/foo', None), ('someone/foo', 'v1'))
    """
    repo, at, revision = text.partition("@")
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repo, re.ASCII) or bool(at) != bool(revision):
        raise UapsegError(f"{text!r} is not a repository of the Hub: write USER/NAME.")
    return repo, revision or None


def _write_files(place: Path, repo: str, folder: RunFolder, report: dict[str, Any], licence: str) -> None:
    """Writes everything that a repository holds into a folder."""
    perturbation = folder.perturbation()
    try:
        if report["hashes"]["perturbation"] != perturbation_hash(perturbation.delta):
            raise UapsegError(
                f"The report in {folder.path} is not about the perturbation beside it: resume the run, which measures "
                "it again."
            )
        perturbation = replace(perturbation, fingerprint=report["hashes"]["weights"])
        card = model_card(repo, perturbation, report, licence)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UapsegError(
            f"The report in {folder.path} was altered: resume the run, which writes it again."
        ) from error
    save_png(place / PNG, perturbation)
    save_safetensors(place / SAFETENSORS, perturbation)
    for name, fields in ((PLAN, {"plan": folder.plan.to_dict()}), (REPORT, report)):
        write(place / name, (to_json(fields, indent=2) + "\n").encode())
    write(place / CARD, card.encode())


def _fetch(repo: str, revision: str | None) -> Path:
    """Fetches the file of a perturbation, if the Hub says that it is not too large."""
    api = huggingface_hub.HfApi(library_name="uapseg")
    for name in (SAFETENSORS, PNG):
        try:
            url = huggingface_hub.hf_hub_url(repo, name, revision=revision, endpoint=api.endpoint)
            metadata = api.get_hf_file_metadata(url=url)
        except errors.EntryNotFoundError:
            continue
        except errors.HfHubHTTPError:
            raise
        except Exception as error:  # noqa: BLE001  no connection, which the library tells in many ways
            return _find_cached(repo, revision, error)
        if metadata.size is None or metadata.size > MAX_FILE:
            raise UapsegError(
                f"The file {name} of {PREFIX}{repo} has more than {MAX_FILE >> 20} MiB: it is not a perturbation."
            )
        return Path(cast("Any", api).hf_hub_download(repo, name, revision=revision))
    raise UapsegError(f"{PREFIX}{repo} holds no perturbation: there is neither {SAFETENSORS} nor {PNG} in it.")


def _find_cached(repo: str, revision: str | None, error: Exception) -> Path:
    """The file that an earlier call has fetched, if there is no connection now."""
    for name in (SAFETENSORS, PNG):
        cached = huggingface_hub.try_to_load_from_cache(repo, name, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
    raise error


@contextmanager
def _plain_errors(repo: str, *, write: bool = False) -> Generator[None]:
    """Turns the errors of the Hub into one sentence each."""
    try:
        yield
    except UapsegError:
        raise
    except errors.GatedRepoError as error:
        raise UapsegError(
            f"{PREFIX}{repo} requires you to accept its terms: accept them on its page, then log in with "
            "hf auth login."
        ) from error
    except errors.HfHubHTTPError as error:
        raise UapsegError(_refusal(repo, error, write=write)) from error
    except Exception as error:  # the Hub's library raises almost anything without a connection
        host = urlsplit(constants.ENDPOINT).netloc
        raise UapsegError(f"{host} cannot be reached ({one_line(error)}): check the internet connection.") from error


def _refusal(repo: str, error: errors.HfHubHTTPError, *, write: bool) -> str:
    status = error.response.status_code
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and write:
        return f"The Hub does not let you write to {repo}: log in with hf auth login as a user who may."
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{PREFIX}{repo} has no such revision: leave it out, or name a branch, a tag or a commit."
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
        return f"There is no {PREFIX}{repo}, or it is private: check the name, or log in with hf auth login."
    return f"The Hub answers {status} for {repo}: try again later."
