"""A run's folder: everything that a run leaves behind, and all that resuming it needs."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from uapseg.errors import UapsegError
from uapseg.export import KEY, Perturbation, finished, load, save_png, save_safetensors
from uapseg.files import from_json, read, to_json, write
from uapseg.plans import read_plan
from uapseg.run import Plan
from uapseg.state import Snapshot, State

PLAN = "plan.json"
STATE = "state.safetensors"
HISTORY = "history.json"
PNG = "perturbation.png"
SAFETENSORS = "perturbation.safetensors"
REPORT = "report.json"
FILES = (PLAN, STATE, HISTORY, PNG, SAFETENSORS, REPORT)


class RunFolder:
    """A folder with a plan, and with what its run has reached.

    Attributes:
        path: Where it is.
        plan: What its run does.
    """

    def __init__(self, path: Path, plan: Plan, looks: list[dict[str, Any]]) -> None:
        self.path, self.plan = path, plan
        self._looks = looks
        self._floors: dict[str, Any] = {}

    @classmethod
    def create(cls, path: Path, plan: Plan, *, overwrite: bool = False) -> "RunFolder":
        """Makes a folder for a new run, and leaves the plan there.

        Args:
            path: Where; its parents are made too.
            plan: What the run does.
            overwrite: Whether the run that is already there may go; files of other names stay.

        Raises:
            UapsegError: The folder is not empty, or cannot be written.
        """
        check_vacant(path, overwrite=overwrite)
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                (path / name).unlink(missing_ok=True)
        except OSError as error:
            raise UapsegError(f"The folder {path} cannot be written: {error.strerror}.") from error
        write(path / PLAN, _json({"plan": plan.to_dict()}))
        return cls(path, plan, [])

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Opens the folder of an earlier run.

        Raises:
            UapsegError: It holds no run of this version.
        """
        if not (path / PLAN).is_file():
            raise UapsegError(f"{path} is not the folder of a run: there is no {PLAN} in it.")
        plan = read_plan(_read(path / PLAN).get("plan", {}))
        history = _read(path / HISTORY) if (path / HISTORY).is_file() else {}
        folder = cls(path, plan, list(history.get("looks", [])))
        folder._floors = dict(history.get("floors", {}))
        return folder

    @property
    def history(self) -> dict[str, Any]:
        """The looks at the validation pictures, oldest first, and the floors to compare them with.

        Returns:
            ``floors``: the scores of the ``clean`` pictures and of ``random_noise`` of the same epsilon; ``looks``: a
            list of ``image_gradients``, ``seconds`` and ``scores``.
        """
        return {"floors": self._floors, "looks": list(self._looks)}

    def note(self, snapshot: Snapshot) -> None:
        """Remembers a new look at the validation pictures, to be written by the next save."""
        self._floors = dict(snapshot.floors)
        look, seconds = snapshot.state.validation, round(snapshot.state.seconds, 3)
        # a history that is newer than the state resumed from is cut back to it
        self._looks = [old for old in self._looks if old["image_gradients"] < look.image_gradients] + [
            next((old for old in self._looks if old["image_gradients"] == look.image_gradients), None)
            or {"image_gradients": look.image_gradients, "seconds": seconds, "scores": dict(look.scores)}
        ]

    def save(self, snapshot: Snapshot) -> None:
        """Writes where the run stands, each file whole or not at all.

        Raises:
            UapsegError: A file cannot be written.
        """
        self.note(snapshot)
        write(self.path / HISTORY, _json(self.history))
        tensors, rest = snapshot.state.to_tensors()
        apart = {name: tensor.clone() for name, tensor in tensors.items()}  # two looks may be one
        write(self.path / STATE, save_tensors(apart, metadata={KEY: to_json({"state": rest})}))
        perturbation = finished(self.plan, snapshot.state)
        save_png(self.path / PNG, perturbation)
        save_safetensors(self.path / SAFETENSORS, perturbation)

    def load_state(self) -> State | None:
        """Where the run stopped; None where it had not begun.

        Raises:
            UapsegError: The state cannot be read.
        """
        file = self.path / STATE
        if not file.is_file():
            return None
        try:
            with safe_open(file, "pt") as stored:
                text = (stored.metadata() or {})[KEY]
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            return State.from_tensors(tensors, from_json(text, f"The state in {self.path}")["state"])
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise UapsegError(f"The state in {self.path} cannot be read: train again with --overwrite.") from error

    def perturbation(self) -> Perturbation:
        """What the run has found.

        Raises:
            UapsegError: There is none yet.
        """
        if not (self.path / SAFETENSORS).is_file():
            raise UapsegError(f"The run in {self.path} has found no perturbation yet: resume it first.")
        return load(self.path / SAFETENSORS)

    def write_report(self, report: dict[str, Any]) -> None:
        """Writes the run's final report.

        Raises:
            UapsegError: It cannot be written.
        """
        write(self.path / REPORT, _json(report))

    def report(self) -> dict[str, Any] | None:
        """The run's final report; None where it has not come to its end.

        Raises:
            UapsegError: It cannot be read.
        """
        return _read(self.path / REPORT) if (self.path / REPORT).is_file() else None


def check_vacant(path: Path, *, overwrite: bool = False) -> None:
    """Makes sure that a new run may have this folder.

    Raises:
        UapsegError: It is a file, or it is not empty and may not be overwritten.
    """
    if path.exists() and not path.is_dir():
        raise UapsegError(f"{path} is a file: choose another folder with --out.")
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise UapsegError(f"The folder {path} is not empty: resume the run in it, choose another, or add --overwrite.")


def _json(fields: dict[str, Any]) -> bytes:
    return (to_json(fields, indent=2) + "\n").encode()


def _read(file: Path) -> dict[str, Any]:
    return from_json(read(file), f"The file {file}")
