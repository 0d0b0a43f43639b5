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

MAX_SAVED = 16 * 2**20
MAX_TOTAL = 64 * MAX_SAVED
KEY = "run"
PREDICTIONS = ".predictions"


class SavedRuns:
    """The files of saved runs.

    Args:
        expiry_seconds: Seconds without a visitor after which a file is deleted.

    Example:
        >>> print(SavedRuns(expiry_seconds=60).load("a"))
        None
    """

    def __init__(self, expiry_seconds: float) -> None:
        self._expiry_seconds = expiry_seconds
        self._folder = cache_folder() / "runs"
        self._sweep()

    def save(self, run: Run) -> None:
        """Writes the state of a run to disk, or deletes the file if there is none or it is too large."""
        content = content_of(run)
        with suppress(OSError, UapsegError):  # without room on the disk the page goes on as it is
            if content is None:
                self._path(run.token).unlink(missing_ok=True)
                return
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write(self._path(run.token), content)
        self._sweep()

    def load(self, token: str) -> Run | None:
        """Loads the run with this token, paused; None if there is none or it cannot be read."""
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
        """Notes that the visitors of these runs are present."""
        for token in tokens:
            with suppress(OSError):
                os.utime(self._path(token))

    def _path(self, token: str) -> Path:
        return self._folder / f"{sha256(token.encode()).hexdigest()}.safetensors"

    def _sweep(self) -> None:
        """Deletes expired files, and the oldest ones beyond the limit."""
        with suppress(OSError):
            files = sorted((-file.stat().st_mtime, file.stat().st_size, file) for file in self._folder.iterdir())
            total = 0
            for age, size, file in files:
                total += size
                if total > MAX_TOTAL or time.time() + age > self._expiry_seconds:
                    file.unlink(missing_ok=True)


def content_of(run: Run) -> bytes | None:
    """A run as a file of at most `MAX_SAVED` bytes; None if it has no state, or is larger.

    If the full state is too large, only the perturbation is saved, in whole grey levels and with a reset optimizer;
    its scores are the same.

    Example:
        >>> print(content_of(Run("a")))
        None
    """
    checkpoint, plan = run.checkpoint, run.plan
    if checkpoint is None or plan is None or is_own(plan.data):  # of a visitor's pictures nothing goes to the disk
        return None
    full_content = _pack(run, plan, checkpoint["arrays"], checkpoint["rest"])
    if len(full_content) <= MAX_SAVED:
        return full_content
    state = unpack_state(checkpoint)
    levels = level_array(state.best, plan.settings.ball)
    restarted = pack_state(state.restart(from_array(levels).float() / 255))
    arrays = {name: array for name, array in restarted["arrays"].items() if name not in TENSORS}
    reduced_content = _pack(run, plan, {"levels": levels, **arrays}, restarted["rest"])
    return reduced_content if len(reduced_content) <= MAX_SAVED else None


def _pack(run: Run, plan: Plan, arrays: dict[str, NDArray[Any]], state_json: str) -> bytes:
    prediction_arrays = {name: array for name, array in arrays.items() if name.endswith(PREDICTIONS)}
    compressed_arrays = {
        name: np.frombuffer(zlib.compress(array.tobytes(), 1), np.uint8) for name, array in prediction_arrays.items()
    }
    if run.mask:
        compressed_arrays["mask"] = run.mask[1].astype(np.uint8)
    facts = {
        "status": "done" if run.status == "done" else "paused", "plan": plan.to_dict(), "rest": state_json,
        "controls": _all_values(run.controls), "plan_controls": _all_values(run.plan_controls),
        "budget_start": run.budget_start, "image_gradients": run.image_gradients,
        "seconds": run.seconds, "baselines": run.baselines, "curve": run.curve, "plan_changes": run.plan_changes,
        "mask": run.mask[0] if run.mask else "",
        "shapes": {name: array.shape for name, array in prediction_arrays.items()},
    }  # fmt: skip
    all_arrays = {name: np.ascontiguousarray(array) for name, array in {**arrays, **compressed_arrays}.items()}
    return to_bytes(all_arrays, {KEY: to_json(facts)})


def _all_values(controls: ControlValues) -> dict[str, Any]:
    return {**controls.to_dict(), "drawing": controls.drawing}


def _run(token: str, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Run:
    """The run of a file, paused; its photos and its history are not stored."""
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
        plan_changes=[(image_gradients, description) for image_gradients, description in facts["plan_changes"]],
        drawing_version=1,
        **{name: facts[name] for name in ("status", "budget_start", "image_gradients", "seconds", "baselines")},
    )  # fmt: skip
    return run


EXPIRY_SECONDS = 30 * 60.0
MAX_VISITS = 2000
MAX_MEMORY = 2**30
SWEEP_SECONDS = 5.0
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class Registry:
    """All runs by token; inactive ones are dropped after half an hour without a visitor.

    Visits without any work are small, and never displace runs with work. If the latter take too much memory, the
    least recently used ones are dropped; they are read from disk again when their visitor returns.

    Args:
        expiry_seconds: Seconds without a visitor after which a run is dropped.
        max_visits: The most visits without work to remember.
        max_bytes: The most bytes that all inactive runs with work may take.

    Attributes:
        queue: The queue for the device.

    Example:
        >>> registry = Registry()
        >>> run = registry.new()
        >>> registry.get(run.token) is run, registry.get("unknown")
        (True, None)
    """

    def __init__(
        self, expiry_seconds: float = EXPIRY_SECONDS, max_visits: int = MAX_VISITS, max_bytes: int = MAX_MEMORY
    ) -> None:
        self.queue, self._saves = RunQueue(), SavedRuns(expiry_seconds)
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()
        self._expiry_seconds, self._max_visits, self._max_bytes = expiry_seconds, max_visits, max_bytes
        self._last_sweep = 0.0

    def new(self) -> Run:
        """Creates a run with a token that cannot be guessed."""
        return self._add(Run(secrets.token_urlsafe(16)))

    def open(self, token: object) -> Run:
        """The run with this token, created if it was dropped; a run with a new token if this one is invalid."""
        run = self.find(token)
        if run is None:
            run = self._add(Run(token)) if isinstance(token, str) and TOKEN.fullmatch(token) else self.new()
        return run

    def find(self, token: object) -> Run | None:
        """The run with this token, from memory or from disk, which may take a moment; None if there is none."""
        run = self.get(token)
        if run is None and isinstance(token, str) and TOKEN.fullmatch(token):
            saved_run = self._saves.load(token)
            run = self._add(saved_run) if saved_run else None
        return run

    def get(self, token: object) -> Run | None:
        """The run with this token if it is in memory; never reads from disk."""
        with self._lock:
            self._drop_old()
            run = self._runs.get(token) if isinstance(token, str) else None
            if run:
                self._runs.move_to_end(run.token)
            return run

    def save(self, run: Run) -> None:
        """Saves what a run needs to resume after a restart, or deletes the file if there is nothing to save."""
        self._saves.save(run)

    def sweep(self) -> None:
        """Drops expired runs, and the least recently used ones beyond the limits."""
        with self._lock:
            self._drop_old(force=True)
            resting_runs = [run for run in self._runs.values() if run.status not in ACTIVE]
            visits = [run for run in resting_runs if not run.has_work]
            self._drop(visits[: max(0, len(visits) - self._max_visits)])
            sizes = {run.token: run.size for run in resting_runs if run.has_work}
            total = sum(sizes.values())
            for run in resting_runs:
                if total <= self._max_bytes:
                    break
                if run.has_work and not run.is_present:
                    total -= sizes[run.token]
                    self._drop([run])

    def _add(self, run: Run) -> Run:
        with self._lock:
            run = self._runs.setdefault(run.token, run)
        self.sweep()
        return run

    def _drop_old(self, *, force: bool = False) -> None:
        time_now = time.monotonic()
        if force or time_now - self._last_sweep > SWEEP_SECONDS:
            self._last_sweep = time_now
            self._saves.touch([run.token for run in self._runs.values() if run.has_work and run.is_present])
            resting_runs = (
                run
                for run in self._runs.values()
                if run.status not in ACTIVE or run.is_unwatched(self._expiry_seconds)
            )
            self._drop([run for run in resting_runs if time_now - run.last_active > self._expiry_seconds])

    def _drop(self, runs: Sequence[Run]) -> None:
        for run in runs:
            del self._runs[run.token]
            self.queue.leave(run)
