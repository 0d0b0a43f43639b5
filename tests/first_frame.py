"""How soon a changed setting shows: ``python -m tests.first_frame [--world street]``.

It changes settings of a run that goes on, each after the figures of the one before, and prints the seconds until a
frame that was trained for it can be sent to the browser. The page waits `CHANGE_DELAY` of these for the next change.
The processor's time from then on says how long it would take on a machine with nothing else to do.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.small_world import registry, small_world, values, visitor
from uapseg.app.frames import FrameOptions
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.training import CHANGE_DELAY, change_controls, pause_run, run_turn, start_run
from uapseg.app.runs.run import Run
from uapseg.app.view.rendering import frame
from uapseg.app.workspace_cache import WorkspaceCache

CHANGES: list[dict[str, Any]] = [{"epsilon": 8}, {"keep": 1.5}, {"word": "x"}, {"word": "x", "epsilon": 12}]
BUDGET = 8000
PATIENCE = 120.0


def main() -> None:
    """Prints a line for each change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", choices=("small", "street"), default="small")
    if parser.parse_args().world == "street":
        report(WorkspaceCache(("street",), ("street",)))
    else:
        with small_world() as workspaces:
            report(workspaces)


def report(workspaces: WorkspaceCache) -> None:
    sys.stdout.write(f"seconds until a trained frame, {CHANGE_DELAY} of them the delay; processor seconds after it\n")
    for change, seconds, computing in first_frames(Context(workspaces, registry(), patience=600)):
        sys.stdout.write(f"{seconds:6.2f} {computing:6.2f}  {change}\n")


def first_frames(context: Context) -> list[tuple[dict[str, Any], float, float]]:
    """Each change, the seconds from it to a frame that was trained for it, and the processor's after the delay."""
    run = visitor(context)
    start_run(context, run.token, *values(context, budget=BUDGET))
    worker = threading.Thread(target=lambda: list(run_turn(context, run.token)))
    worker.start()
    try:
        return [(change, *first_frame(context, run, change)) for change in CHANGES]
    finally:
        pause_run(context, run.token)
        worker.join()


def first_frame(context: Context, run: Run, change: dict[str, Any]) -> tuple[float, float]:
    start = max(1, run.image_gradients)
    wait(lambda: run.validation is not None and run.validation["image_gradients"] >= start)
    old, began = run.plan, time.monotonic()
    change_controls(context, run.token, *values(context, budget=BUDGET, **change))
    wait(lambda: run.plan != old)
    before, computed = run.image_gradients, time.process_time()
    wait(lambda: run.image_gradients > before)
    assert run.plan
    assert run.levels is not None
    frame(context.workspaces.first, context.workspaces.first.scene, run.levels, run.plan, FrameOptions())
    return time.monotonic() - began, time.process_time() - computed


def wait(met: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not met() and time.monotonic() < ends:
        time.sleep(0.005)
    assert met()


if __name__ == "__main__":
    main()
