"""The folder of a run: everything it produces, and what resuming needs."""

from pathlib import Path
from typing import Any

from uapseg.attack.checkpoint import pack, unpack
from uapseg.attack.run import Plan
from uapseg.attack.state import Snapshot, State
from uapseg.errors import UapsegError
from uapseg.io.files import create_folder, from_json, read, remove_parts, to_json, write
from uapseg.io.values import is_dict, is_list
from uapseg.results.perturbation_file import (
    Perturbation,
    are_scores,
    best_perturbation,
    is_cost,
    load,
    save_png,
    save_safetensors,
)

PLAN = "plan.json"
STATE = "state.safetensors"
HISTORY = "history.json"
PNG = "perturbation.png"
SAFETENSORS = "perturbation.safetensors"
REPORT = "report.json"
START = "start.safetensors"
FILES = (PLAN, STATE, HISTORY, PNG, SAFETENSORS, REPORT)


class RunFolder:
    """A folder with the plan, the state and the results of a run.

    Attributes:
        path: The folder.
        plan: The plan of the run.

    Example:
        >>> from uapseg import fast, text_target
        >>> plan = Plan(model="street", data="street", target=text_target("o", "Car", "Sky", (32, 32)),
        ...             settings=fast(epsilon=10 / 255, budget=400))
        >>> folder = RunFolder.create(Path("run"), plan)
        >>> RunFolder.open(Path("run")).plan == plan, folder.load_state()
        (True, None)
    """

    def __init__(self, path: Path, plan: Plan, validations: list[dict[str, Any]]) -> None:
        self.path, self.plan = path, plan
        self._validations = validations
        self._baselines: dict[str, Any] = {}

    @classmethod
    def create(cls, path: Path, plan: Plan, *, overwrite: bool = False) -> "RunFolder":
        """Creates the folder of a new run, with its plan.

        Args:
            path: The folder; its parents are created too.
            plan: The plan of the run.
            overwrite: Whether to replace an earlier run; other files stay.

        Raises:
            UapsegError: The folder is not empty, or cannot be written.
        """
        check_vacant(path, overwrite=overwrite)
        create_folder(path)
        try:
            for name in (*FILES, START):
                (path / name).unlink(missing_ok=True)
            remove_parts(path)
        except OSError as error:
            raise UapsegError(f"The folder {path} cannot be written: {error.strerror}.") from error
        folder = cls(path, plan, [])
        folder._restore()
        return folder

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Opens the folder of an earlier run.

        Raises:
            UapsegError: It holds no run of this version.
        """
        if not (path / PLAN).is_file():
            raise UapsegError(f"{path} is not the folder of a run: there is no {PLAN} in it.")
        plan = Plan.from_dict(_read(path / PLAN).get("plan", {}))
        baselines, validations = _read_history(path / HISTORY) if (path / HISTORY).is_file() else ({}, [])
        folder = cls(path, plan, validations)
        folder._baselines = baselines
        return folder

    @property
    def history(self) -> dict[str, Any]:
        """The validations, oldest first, and the baselines.

        Returns:
            ``baselines``: the scores of the ``clean`` pictures and of ``random_noise`` of the same epsilon;
            ``validations``: a list of ``image_gradients``, ``seconds`` and ``scores``.
        """
        return {"baselines": self._baselines, "validations": list(self._validations)}

    def append_history(self, snapshot: Snapshot) -> None:
        """Appends the newest validation to the history, which the next save writes."""
        self._baselines = dict(snapshot.baselines)
        validation, seconds = snapshot.state.validation, round(snapshot.state.seconds, 3)
        # a history that is newer than the state resumed from is cut back to it
        self._validations = [
            saved for saved in self._validations if saved["image_gradients"] < validation.image_gradients
        ] + [
            next(
                (saved for saved in self._validations if saved["image_gradients"] == validation.image_gradients), None
            )
            or {"image_gradients": validation.image_gradients, "seconds": seconds, "scores": dict(validation.scores)}
        ]

    def save(self, snapshot: Snapshot) -> None:
        """Saves the state of the run, each file atomically; a deleted folder is created again.

        Raises:
            UapsegError: A file cannot be written; the previous save stays intact.
        """
        self.append_history(snapshot)
        try:
            self._restore()
            write(self.path / HISTORY, _json(self.history))  # before the state, which cuts it back
            write(self.path / STATE, pack(snapshot.state, self.plan))
            perturbation = best_perturbation(self.plan, snapshot.state)
            save_png(self.path / PNG, perturbation)
            save_safetensors(self.path / SAFETENSORS, perturbation)
        except UapsegError as error:
            raise UapsegError(f"{str(error).removesuffix('.')}; the previous save is kept.") from error

    def load_state(self) -> State | None:
        """Loads the saved state; None if nothing has been saved yet.

        Raises:
            UapsegError: The state is missing, damaged, or belongs to another plan.
        """
        file = self.path / STATE
        if file.is_file():
            return unpack(read(file), self.plan, f"The state {file}")
        if any((self.path / name).is_file() for name in (PNG, SAFETENSORS, REPORT)):  # written after it
            raise UapsegError(
                f"{file} is missing, and the run cannot continue without it: restore it, or train again with "
                "--overwrite."
            )
        return None

    def perturbation(self) -> Perturbation:
        """Loads the best perturbation of the run.

        Raises:
            UapsegError: There is none yet, or it belongs to another run.
        """
        if not (self.path / SAFETENSORS).is_file():
            raise UapsegError(f"The run in {self.path} has found no perturbation yet: resume it first.")
        perturbation = load(self.path / SAFETENSORS)
        if perturbation.plan != self.plan:
            raise UapsegError(
                f"The perturbation in {self.path} belongs to another plan than the one beside it: resume the "
                "run, which saves it again."
            )
        return perturbation

    def write_start(self, start: Perturbation) -> None:
        """Saves the perturbation that the run starts from.

        Raises:
            UapsegError: It cannot be written.
        """
        save_safetensors(self.path / START, start)

    def start(self) -> Perturbation | None:
        """Loads the perturbation that the run started from; None if it started from zero.

        Raises:
            UapsegError: It cannot be read.
        """
        return load(self.path / START) if (self.path / START).is_file() else None

    def write_report(self, report: dict[str, Any]) -> None:
        """Saves the final report of the run.

        Raises:
            UapsegError: It cannot be written.
        """
        self._restore()
        write(self.path / REPORT, _json(report))

    def report(self) -> dict[str, Any] | None:
        """Loads the final report; None if the run has not finished.

        Raises:
            UapsegError: It cannot be read.
        """
        return _read(self.path / REPORT) if (self.path / REPORT).is_file() else None

    def _restore(self) -> None:
        """Creates the folder and its plan again if they were deleted during the run."""
        create_folder(self.path)
        if not (self.path / PLAN).is_file():
            write(self.path / PLAN, _json({"plan": self.plan.to_dict()}))


def check_vacant(path: Path, *, overwrite: bool = False) -> None:
    """Checks that a new run may use this folder.

    Args:
        path: The folder.
        overwrite: Whether it may hold an earlier run.

    Raises:
        UapsegError: It is a file, or it is not empty and may not be overwritten.

    Example:
        >>> check_vacant(Path("new"))
    """
    if path.exists() and not path.is_dir():
        raise UapsegError(f"{path} is a file: choose another folder with --out.")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise UapsegError(f"The folder {path} is not empty: resume the run in it, choose another, or add --overwrite.")


def _json(fields: dict[str, Any]) -> bytes:
    return (to_json(fields, indent=2) + "\n").encode()


def _read(file: Path) -> dict[str, Any]:
    return from_json(read(file), f"The file {file}")


def _read_history(file: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The baselines and the validations in a file, which anyone may have edited."""
    history = _read(file)
    baselines, validations = history.get("baselines"), history.get("validations")
    if not is_dict(baselines) or not is_list(validations) or not _are_sound(baselines, validations):
        raise UapsegError(
            f"The file {file} was altered: delete it, and the run continues without its earlier figures."
        )
    return baselines, validations


def _are_sound(baselines: dict[str, Any], validations: list[Any]) -> bool:
    return all(map(are_scores, baselines.values())) and all(map(_is_validation, validations))


def _is_validation(validation: Any) -> bool:
    """Whether a value from a file is a validation, as in `RunFolder.history`."""
    return (
        is_dict(validation)
        and validation.keys() == {"image_gradients", "seconds", "scores"}
        and is_cost(validation["image_gradients"])
        and is_cost(validation["seconds"])
        and are_scores(validation["scores"])
    )
