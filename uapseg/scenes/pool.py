"""Processes that render scenes at low priority, so that rendering takes no time from the thread that trains.

They are programs of their own at the other end of a pipe, not those of ``multiprocessing``, which would import the
user's script again in each.
"""

import atexit
import json
import math
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, cast

import numpy as np

from uapseg.io.environment import read_number, thread_count
from uapseg.scenes.files import SHAPE, Pixels, render_scene
from uapseg.scenes.worker import READY

ROOT = Path(__file__).parents[2]
"""Where the package lies, for the processes to import it from."""

IDLE_SECONDS = 20.0
"""After so long without a scene to render, a process ends and gives its memory back."""

CLOSE_SECONDS = 5.0
"""How long a process may take to end by itself; it takes as long as a scene."""

PATIENCE_SECONDS = 0.1
"""How long to wait for an idle process before the calling thread renders the scene: a little longer than one takes."""

MAX_FAILURES = 3
"""Processes that may end unasked, one after the other, before no more are started."""


class WorkerError(Exception):
    """A rendering process has ended."""


class Worker:
    """A rendering process; the call returns when it is ready.

    Raises:
        OSError: It cannot be started.
        WorkerError: It has ended at once.
    """

    def __init__(self) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "uapseg.scenes.worker"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._streams = cast("tuple[IO[bytes], IO[bytes]]", (self.process.stdin, self.process.stdout))
        self.last_used = time.monotonic()
        if self._read(len(READY)) != READY:
            raise WorkerError

    def render(self, folder: Path, split: str, number: int) -> Pixels:
        """Has a scene rendered and stored.

        Raises:
            WorkerError: The process has ended.
        """
        try:
            self._streams[0].write(json.dumps([str(folder), split, number]).encode() + b"\n")
        except (OSError, ValueError) as error:
            raise WorkerError from error
        scene = np.frombuffer(self._read(math.prod(SHAPE)), np.uint8).reshape(SHAPE)
        self.last_used = time.monotonic()
        return scene

    def close(self) -> None:
        """Ends the process: by itself, as its input ends, or killed if it does not."""
        self.close_pipes()
        try:
            self.process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close_pipes(self) -> None:
        """Lets go of the process without ending it, which in a forked process is for the parent to do."""
        for pipe in self._streams:
            with suppress(OSError):
                pipe.close()

    def _read(self, count: int) -> bytes:
        content = bytearray()
        while len(content) < count:
            try:
                part = self._streams[1].read(count - len(content))
            except (OSError, ValueError) as error:  # another thread has closed it
                raise WorkerError from error
            if not part:
                raise WorkerError
            content += part
        return bytes(content)


class WorkerPool:
    """Renders each scene in the next idle process, or in the calling thread where none is idle soon.

    Processes start when the first scene is asked for. When one ends unasked, its scene is rendered by the calling
    thread, and another process starts.

    Args:
        limit: How many processes there may be.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     WorkerPool(0).render(Path(folder), "val", 2).shape
        (256, 384, 4)
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.workers: list[Worker] = []
        self._idle_workers: list[Worker] = []
        self._starting_count = 0
        self._failures = 0
        self._condition = threading.Condition()

    def render(self, folder: Path, split: str, number: int) -> Pixels:
        """Renders and stores a scene (h, w, 4): picture and labels."""
        worker = self._take()
        if worker is None:
            return render_scene(folder, split, number)
        try:
            scene = worker.render(folder, split, number)
        except WorkerError:
            self._discard(worker, failures=1)
            return render_scene(folder, split, number)
        with self._condition:
            self._idle_workers.append(worker)
            self._failures = 0
            self._condition.notify()
        return scene

    def close(self) -> None:
        """Ends all processes and starts no more."""
        self.limit = 0
        for worker in tuple(self.workers):
            self._discard(worker)

    def _take(self) -> Worker | None:
        """Takes an idle process; None if none becomes idle soon."""
        if multiprocessing.current_process().daemon:  # the worker of ZeroGPU, which may have no processes of its own
            return None
        with self._condition:
            max_workers = self.limit if self._failures < MAX_FAILURES else 0
            for _ in range(max_workers - len(self.workers) - self._starting_count):
                self._starting_count += 1
                threading.Thread(target=self._start, name="renderer", daemon=True).start()
            if self.workers:
                self._condition.wait_for(lambda: self._idle_workers or not self.workers, PATIENCE_SECONDS)
            return self._idle_workers.pop(0) if self._idle_workers else None

    def _start(self) -> None:
        """Starts a process, and ends it after it has been idle for a while."""
        worker = None
        with suppress(OSError, WorkerError):
            worker = Worker()
        with self._condition:
            self._starting_count -= 1
            self._failures += worker is None
            if worker is None:
                return
            self.workers.append(worker)
            self._idle_workers.append(worker)
            self._condition.notify()
        while self.limit and worker in self.workers:
            time.sleep(IDLE_SECONDS / 4)
            with self._condition:
                is_unused = worker in self._idle_workers and time.monotonic() - worker.last_used > IDLE_SECONDS
                if is_unused:
                    self._idle_workers.remove(worker)
            if is_unused:
                self._discard(worker)
        if not self.limit:  # closed while it started
            self._discard(worker)

    def _discard(self, worker: Worker, failures: int = 0) -> None:
        with self._condition:
            self.workers = [other for other in self.workers if other is not worker]
            self._idle_workers = [other for other in self._idle_workers if other is not worker]
            self._failures += failures
            self._condition.notify_all()
        worker.close()

    def after_fork(self) -> None:
        """Resets the pool in a forked process, as the workers belong to its parent."""
        for worker in self.workers:
            worker.close_pipes()
        self.workers, self._idle_workers, self._starting_count = [], [], 0
        self._condition = threading.Condition()


@cache
def shared_pool() -> WorkerPool:
    """Returns the pool that all datasets of this process share: one worker for each core that training leaves free.

    The processes of a ``torchrun`` share the cores. On a single core scenes are rendered by the calling thread.

    Example:
        >>> shared_pool() is shared_pool()
        True
    """
    pool = WorkerPool(max(0, thread_count() // read_number("LOCAL_WORLD_SIZE", 1, 1) - 1))
    atexit.register(pool.close)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=pool.after_fork)
    return pool
