"""All runs by their secret tokens, in memory, and on disk to outlast a restart of the server. No Gradio here."""

import os
import re
import secrets
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from uapseg.app.controls import ControlValues
from uapseg.app.runs.device import Checkpoint, level_array, pack_state, unpack_state, validation_frame
from uapseg.app.runs.device_queue import RunQueue
from uapseg.app.runs.own_pictures import is_own
from uapseg.app.runs.run import ACTIVE, Run
from uapseg.attack.run import Plan
from uapseg.attack.state import TENSORS
from uapseg.errors import UapsegError
from uapseg.io.download import cache_folder
from uapseg.io.files import from_json, to_json, write
from uapseg.tensors import from_array

MOST_SAVED = 16 * 2**20
MOST_TOTAL = 64 * MOST_SAVED
KEY = "run"
PREDICTIONS = ".predictions"


class SavedRuns:
    """The files.

    Args:
        expiry_seconds: Seconds after which a file that nobody touches is removed.

    Example:
        >>> print(SavedRuns(expiry_seconds=60).load("a"))
        None
    """

    def __init__(self, expiry_seconds: float) -> None:
        self._expiry_seconds = expiry_seconds
        self._folder = cache_folder() / "runs"
        self._sweep()

    def save(self, run: Run) -> None:
        """Writes what a run needs to go on, or removes it where there is nothing, or too much of it."""
        content = content_of(run)
        with suppress(OSError, UapsegError):  # without room on the disk the page goes on as it is
            if content is None:
                self._path(run.token).unlink(missing_ok=True)
                return
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write(self._path(run.token), content)
        self._sweep()

    def load(self, token: str) -> Run | None:
        """The run that was saved under a token, at rest; None where there is none, or none that can be read."""
        path = self._path(token)
        try:
            if time.time() - path.stat().st_mtime > self._expiry_seconds:
                return None
            with cast("Any", safe_open)(path, framework="np") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is not a dict
                metadata: dict[str, str] = file.metadata() or {}
                facts = from_json(metadata.get(KEY, ""), "the run")
            run = _run(token, facts, arrays)
        except (OSError, SafetensorError, UapsegError, KeyError, TypeError, ValueError, zlib.error):
            return None
        self.touch([token])
        return run

    def touch(self, tokens: Iterable[str]) -> None:
        """Notes that the visitors of these runs are still there."""
        for token in tokens:
            with suppress(OSError):
                os.utime(self._path(token))

    def _path(self, token: str) -> Path:
        return self._folder / f"{sha256(token.encode()).hexdigest()}.safetensors"

    def _sweep(self) -> None:
        """Removes what is old, and of too much the oldest."""
        with suppress(OSError):
            files = sorted((-file.stat().st_mtime, file.stat().st_size, file) for file in self._folder.iterdir())
            total = 0
            for age, size, file in files:
                total += size
                if total > MOST_TOTAL or time.time() + age > self._expiry_seconds:
                    file.unlink(missing_ok=True)


def content_of(run: Run) -> bytes | None:
    """A run as a file of at most `MOST_BYTES`; None where it has nothing to go on from, or is larger.

    Where all of its state is too much, the perturbation in whole grey levels stays, at rest: its figures are the same.

    Example:
        >>> print(content_of(Run("a")))
        None
    """
    checkpoint, plan = run.checkpoint, run.plan
    if checkpoint is None or plan is None or is_own(plan.data):  # of a visitor's pictures nothing goes to the disk
        return None
    whole = _pack(run, plan, checkpoint["arrays"], checkpoint["rest"])
    if len(whole) <= MOST_SAVED:
        return whole
    state = unpack_state(checkpoint)
    levels = level_array(state.best, plan.settings.ball)
    rest = pack_state(state.restart(from_array(levels).float() / 255))
    arrays = {name: array for name, array in rest["arrays"].items() if name not in TENSORS}
    small = _pack(run, plan, {"levels": levels, **arrays}, rest["rest"])
    return small if len(small) <= MOST_SAVED else None


def _pack(run: Run, plan: Plan, arrays: dict[str, NDArray[Any]], rest: str) -> bytes:
    small = {name: array for name, array in arrays.items() if name.endswith(PREDICTIONS)}
    squeezed = {name: np.frombuffer(zlib.compress(array.tobytes(), 1), np.uint8) for name, array in small.items()}
    if run.mask:
        squeezed["mask"] = run.mask[1].astype(np.uint8)
    facts = {
        "status": "done" if run.status == "done" else "paused", "plan": plan.to_dict(), "rest": rest,
        "controls": _all_values(run.controls), "plan_controls": _all_values(run.plan_controls),
        "budget_start": run.budget_start, "image_gradients": run.image_gradients,
        "seconds": run.seconds, "baselines": run.baselines, "curve": run.curve, "plan_changes": run.plan_changes,
        "mask": run.mask[0] if run.mask else "", "shapes": {name: array.shape for name, array in small.items()},
    }  # fmt: skip
    whole = {name: np.ascontiguousarray(array) for name, array in {**arrays, **squeezed}.items()}
    return to_bytes(whole, {KEY: to_json(facts)})


def _all_values(controls: ControlValues) -> dict[str, Any]:
    return {**controls.to_dict(), "drawing": controls.drawing}


def _run(token: str, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Run:
    """The run of a file, at rest; its photos and its history are not stored."""
    for name, shape in facts["shapes"].items():
        arrays[name] = np.frombuffer(zlib.decompress(arrays[name].tobytes()), np.uint8).reshape(shape)
    mask, levels = arrays.pop("mask", None), arrays.pop("levels", None)
    if levels is not None:
        arrays["delta"] = levels.astype(np.float32) / 255
    checkpoint: Checkpoint = {"arrays": arrays, "rest": facts["rest"]}
    state, plan = unpack_state(checkpoint), Plan.from_dict(facts["plan"])
    if levels is not None:
        state = state.restart(state.delta)
    run = Run(token)
    run.publish(
        plan=plan, checkpoint=pack_state(state), levels=level_array(state.best, plan.settings.ball),
        validation=validation_frame(state.best_validation) if state.best_validation.each else None,
        controls=ControlValues.of(facts["controls"]), plan_controls=ControlValues.of(facts["plan_controls"]),
        mask=(facts["mask"], mask.astype(bool)) if mask is not None else None,
        curve=[(image_gradients, scores) for image_gradients, scores in facts["curve"]],
        plan_changes=[(image_gradients, what) for image_gradients, what in facts["plan_changes"]],
        drawing_version=1,
        **{name: facts[name] for name in ("status", "budget_start", "image_gradients", "seconds", "baselines")},
    )  # fmt: skip
    return run


EXPIRY_SECONDS = 30 * 60.0
MOST_VISITS = 2000
MOST_MEMORY = 2**30
SWEEP_SECONDS = 5.0
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class Registry:
    """All runs by token; those that rest are forgotten after half an hour without a visitor.

    What was only looked at holds next to nothing, and does not push out what someone has worked on. Of that only the
    longest unused leaves memory where there is too much of it; it is read again from disk when its visitor returns.

    Args:
        expiry_seconds: Seconds without a visitor after which a run is forgotten.
        most: Visits without any work that are remembered.
        most_bytes: What the runs that rest may take together.

    Attributes:
        queue: The queue for the device.

    Example:
        >>> registry = Registry()
        >>> run = registry.new()
        >>> registry.get(run.token) is run, registry.get("unknown")
        (True, None)
    """

    def __init__(
        self, expiry_seconds: float = EXPIRY_SECONDS, most: int = MOST_VISITS, most_bytes: int = MOST_MEMORY
    ) -> None:
        self.queue, self._saves = RunQueue(), SavedRuns(expiry_seconds)
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()
        self._expiry_seconds, self._most, self._most_bytes = expiry_seconds, most, most_bytes
        self._swept = 0.0

    def new(self) -> Run:
        """A fresh run under a token that nobody can guess."""
        return self._add(Run(secrets.token_urlsafe(16)))

    def open(self, token: object) -> Run:
        """The run with this token, which may have been forgotten here and not by the browser; else a fresh one."""
        run = self.find(token)
        if run is None:
            run = self._add(Run(token)) if isinstance(token, str) and TOKEN.fullmatch(token) else self.new()
        return run

    def find(self, token: object) -> Run | None:
        """The run with this token, in memory or on disk; reading it may take a moment."""
        run = self.get(token)
        if run is None and isinstance(token, str) and TOKEN.fullmatch(token):
            saved = self._saves.load(token)
            run = self._add(saved) if saved else None
        return run

    def get(self, token: object) -> Run | None:
        """The run with this token, if there is one in memory; this takes no time."""
        with self._lock:
            self._drop_old()
            run = self._runs.get(token) if isinstance(token, str) else None
            if run:
                self._runs.move_to_end(run.token)
            return run

    def save(self, run: Run) -> None:
        """Keeps on disk what a run needs to go on after a restart, or removes it where there is nothing to keep."""
        self._saves.save(run)

    def sweep(self) -> None:
        """Forgets what there is no room for."""
        with self._lock:
            self._drop_old(now=True)
            resting = [run for run in self._runs.values() if run.status not in ACTIVE]
            visits = [run for run in resting if not run.has_work]
            self._drop(visits[: max(0, len(visits) - self._most)])
            sizes = {run.token: run.size for run in resting if run.has_work}
            total = sum(sizes.values())
            for run in resting:
                if total <= self._most_bytes:
                    break
                if run.has_work and not run.is_present:
                    total -= sizes[run.token]
                    self._drop([run])

    def _add(self, run: Run) -> Run:
        with self._lock:
            run = self._runs.setdefault(run.token, run)
        self.sweep()
        return run

    def _drop_old(self, *, now: bool = False) -> None:
        time_now = time.monotonic()
        if now or time_now - self._swept > SWEEP_SECONDS:
            self._swept = time_now
            self._saves.touch([run.token for run in self._runs.values() if run.has_work and run.is_present])
            resting = (
                run
                for run in self._runs.values()
                if run.status not in ACTIVE or run.is_unwatched(self._expiry_seconds)
            )
            self._drop([run for run in resting if time_now - run.last_active > self._expiry_seconds])

    def _drop(self, runs: Sequence[Run]) -> None:
        for run in runs:
            del self._runs[run.token]
            self.queue.leave(run)
