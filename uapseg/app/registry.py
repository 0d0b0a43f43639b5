"""All visitors' runs, by their secret tokens. No Gradio here."""

import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from uapseg.app.run_queue import RunQueue
from uapseg.app.runs import GOING, Run
from uapseg.app.saved_runs import SavedRuns

KEPT_FOR = 30 * 60.0
MOST_VISITS = 2000
MOST_MEMORY = 2**30
SWEEP_SECONDS = 5.0
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class Registry:
    """All runs by token; those that rest are forgotten after half an hour without a visitor.

    What was only looked at holds next to nothing, and does not push out what someone has worked on. Of that only the
    longest unused leaves memory where there is too much of it; it is read again from disk when its visitor returns.

    Args:
        kept_for: Seconds without a visitor after which a run is forgotten.
        most: Visits without any work that are remembered.
        most_bytes: What the runs that rest may take together.

    Attributes:
        queue: The queue for the device.
    """

    def __init__(self, kept_for: float = KEPT_FOR, most: int = MOST_VISITS, most_bytes: int = MOST_MEMORY) -> None:
        self.queue, self._saves = RunQueue(), SavedRuns(kept_for)
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lock = threading.Lock()
        self._kept_for, self._most, self._most_bytes = kept_for, most, most_bytes
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
            resting = [run for run in self._runs.values() if run.status not in GOING]
            visits = [run for run in resting if not run.worked]
            self._drop(visits[: max(0, len(visits) - self._most)])
            sizes = {run.token: run.size for run in resting if run.worked}
            total = sum(sizes.values())
            for run in resting:
                if total <= self._most_bytes:
                    break
                if run.worked and not run.present:
                    total -= sizes[run.token]
                    self._drop([run])

    def _add(self, run: Run) -> Run:
        with self._lock:
            run = self._runs.setdefault(run.token, run)
        self.sweep()
        return run

    def _drop_old(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if now or moment - self._swept > SWEEP_SECONDS:
            self._swept = moment
            self._saves.touch([run.token for run in self._runs.values() if run.worked and run.present])
            resting = (
                run for run in self._runs.values() if run.status not in GOING or run.is_unwatched(self._kept_for)
            )
            self._drop([run for run in resting if moment - run.touched > self._kept_for])

    def _drop(self, runs: Sequence[Run]) -> None:
        for run in runs:
            del self._runs[run.token]
            self.queue.leave(run)
