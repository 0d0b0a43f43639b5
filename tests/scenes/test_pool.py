"""Rendering in processes of their own gives the same scenes, and leaves nothing behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from uapseg.scenes import files, pool, render
from uapseg.scenes.files import MAX_STORED, read_scene, render_scene
from uapseg.scenes.pool import Worker, WorkerPool


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module", autouse=True)
def patient() -> Iterator[None]:
    """On a busy machine no process ends for want of work, or is killed as it takes too long to end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "IDLE_SECONDS", 600)
        patch.setattr(pool, "CLOSE_SECONDS", 60)
        yield


@pytest.fixture(scope="module")
def shared(patient) -> Iterator[WorkerPool]:
    """A pool of two processes, ready."""
    with_two = WorkerPool(2)
    with_two._take()  # starts them
    until(lambda: len(with_two._idle_workers) == 2)
    yield with_two
    with_two.close()


@pytest.fixture
def here(monkeypatch) -> list[int]:
    """The numbers of the scenes that the calling threads render."""
    numbers: list[int] = []

    def rendered(folder, split, number):
        numbers.append(number)
        return render_scene(folder, split, number)

    monkeypatch.setattr(pool, "render_scene", rendered)
    monkeypatch.setattr(pool, "PATIENCE_SECONDS", 60)
    return numbers


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_processes_render_the_same_scenes_each_once(shared, here, tmp_path):
    with ThreadPoolExecutor(4) as threads:
        scenes = list(threads.map(lambda number: shared.render(tmp_path, "val", number), range(6)))
    assert here == []
    for number, scene in enumerate(scenes):
        drawn = render("val", number)
        assert np.array_equal(scene, np.dstack([drawn.picture, drawn.labels]))
        assert np.array_equal(read_scene(tmp_path, number), scene)
    assert len(list(tmp_path.iterdir())) == 6
    assert len(shared.workers) == 2


def test_whoever_finds_no_idle_process_soon_renders(shared, here, monkeypatch, tmp_path):
    monkeypatch.setattr(pool, "PATIENCE_SECONDS", 0.01)
    taken = [shared._take(), shared._take()]
    assert None not in taken
    shared.render(tmp_path, "val", 3)
    assert here == [3]
    shared._idle_workers += taken


def test_a_killed_process_loses_nothing_and_is_replaced(shared, here, tmp_path):
    busy = shared._idle_workers[0]
    os.kill(busy.process.pid, signal.SIGSTOP)
    threading.Timer(0.1, busy.process.kill).start()  # while it renders
    scene = shared.render(tmp_path, "val", 4)
    assert np.array_equal(scene[..., :3], render("val", 4).picture)
    assert here == [4]
    assert shared._failures == 1
    shared.render(tmp_path, "val", 5)  # by the other one
    until(lambda: len(shared._idle_workers) == 2)
    assert busy not in shared.workers
    assert here == [4]
    assert shared._failures == 0


def test_where_processes_cannot_start_the_threads_render(monkeypatch, here, tmp_path):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    broken = WorkerPool(1)
    for number in range(5):
        assert broken.render(tmp_path, "val", number).shape == (256, 384, 4)
        until(lambda: not broken._starting_count)
    assert here == [0, 1, 2, 3, 4]
    assert broken._failures == pool.MAX_FAILURES
    assert not broken.workers


def test_idle_processes_end(monkeypatch, tmp_path):
    started = []

    class Noted(Worker):
        def __init__(self) -> None:
            super().__init__()
            started.append(self)

    monkeypatch.setattr(pool, "Worker", Noted)
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.1)
    short = WorkerPool(1)
    short.render(tmp_path, "val", 0)
    until(lambda: started and not short._starting_count and not short.workers)
    assert started[0].process.wait(60) == 0
    short.close()


def test_closing_ends_all_processes(tmp_path):
    closed = WorkerPool(1)
    closed.render(tmp_path, "val", 0)
    until(lambda: closed.workers)
    process = closed.workers[0].process
    closed.close()
    assert process.poll() == 0
    closed.render(tmp_path, "val", 0)
    assert not closed._starting_count


SCRIPT = """
import os, sys, time
from pathlib import Path
from uapseg.scenes.pool import shared_pool
import uapseg.scenes.pool as pool
pool.thread_count = lambda: 2
shared = shared_pool()
shared.render(Path(sys.argv[1]), "val", 0)
while not shared.workers:
    time.sleep(0.01)
print(shared.workers[0].process.pid, flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="looks for a process by its number")
@pytest.mark.parametrize("end", ["ends", "interrupted", "killed"])
def test_no_process_is_left_behind(end, tmp_path):
    """Not even by a script without a guard for __main__, which multiprocessing would run again."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script, tmp_path, "stop" if end == "ends" else "wait"]
    environment = {**os.environ, "PYTHONPATH": str(pool.ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        if end != "ends":
            parent.send_signal(signal.SIGINT if end == "interrupted" else signal.SIGKILL)
        parent.wait(120)
    until(lambda: not alive(child))
    assert not list(tmp_path.glob("*.part"))


def _in_a_fork(forked, folder, answers):
    scene = forked.render(folder, "val", 1)
    answers.put((len(forked.workers), int(scene.sum())))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs a system that forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_daemon_renders_by_itself(shared, monkeypatch, tmp_path):
    """The worker of ZeroGPU is one, and may have no processes of its own."""
    monkeypatch.setattr(pool, "thread_count", lambda: 3)
    pool.shared_pool.cache_clear()
    forking = pool.shared_pool()
    forking._take()
    until(lambda: len(forking._idle_workers) == 2)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=_in_a_fork, args=(forking, tmp_path, answers), daemon=True)
    child.start()
    drawn = render("val", 1)
    assert answers.get(timeout=120) == (0, int(drawn.picture.sum()) + int(drawn.labels.sum()))
    child.join(120)
    assert child.exitcode == 0
    assert forking.render(tmp_path / "more", "val", 2).shape == (256, 384, 4)  # the parent's still work
    assert len(forking.workers) == 2
    forking.close()
    pool.shared_pool.cache_clear()


@pytest.mark.parametrize(("cores", "processes", "limit"), [(1, 1, 0), (2, 1, 1), (8, 1, 7), (2, 2, 0), (8, 2, 3)])
def test_training_keeps_a_core(cores, processes, limit, monkeypatch):
    monkeypatch.setattr(pool, "thread_count", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    pool.shared_pool.cache_clear()
    assert pool.shared_pool().limit == limit
    pool.shared_pool.cache_clear()


def test_the_disk_holds_no_more_scenes_than_said(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "MAX_STORED", 3)
    for number in range(2, 5):
        render_scene(tmp_path, "val", number)
    assert [file.name for file in tmp_path.iterdir()] == ["0002.png"]
    assert MAX_STORED * render_scene(tmp_path, "val", 2).size < 2 << 30
