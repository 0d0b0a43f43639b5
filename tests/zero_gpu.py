"""ZeroGPU without a GPU: the real `spaces`, a really forked worker and real pickling, against a device API of our own.

Run as a program, with a folder as its argument: `spaces` must be imported before torch. Prints what it found as JSON.
Replaced are the service that lends devices, and the two calls that would touch one.
"""

import json
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI


def device_api() -> tuple[int, list[str]]:
    """Serves the device API; the port, and the names of the calls that came."""
    calls: list[str] = []
    app = FastAPI()

    @app.post("/{name}")
    def answer(name: str) -> dict[str, Any]:
        calls.append(name)
        lent = {"idle": False, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": f"token{len(calls)}"}
        return lent if name == "schedule" else {}

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        threading.Event().wait(0.02)
    return server.servers[0].sockets[0].getsockname()[1], calls


def steps_of(run: Any) -> list[int]:
    """The image-gradients of each step that a run takes from now on."""
    taken, apply_step = [], run.apply_step

    def noted(step: dict[str, Any]) -> None:
        taken.append(step["image_gradients"])
        apply_step(step)

    run.apply_step = noted
    return taken


def main(folder: Path) -> dict[str, Any]:
    """Runs, pauses, resumes, fails and survives the loss of its worker."""
    port, calls = device_api()
    cgroup = folder / "cgroup"
    cgroup.write_text("0::/here")
    os.environ |= {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{port}",
        "ZEROGPU_PROC_SELF_CGROUP_PATH": str(cgroup),
        "ZEROGPU_OFFLOAD_DIR": str(folder / "offload"),
    }
    import spaces  # noqa: F401
    from spaces.zero import torch as device

    device.init = lambda _: None
    device.move = lambda callback=None: None

    import gradio as gr

    from tests.small_world import registry, small_world, values, visitor
    from uapseg.app.handlers.context import Context
    from uapseg.app.handlers.training import pause_run, run_turn, start_run
    from uapseg.app.runs.device import unpack_state

    with small_world() as workspaces:
        workspaces.first.predict(workspaces.first.scene.picture)  # the process that is forked has computed before
        context = Context(workspaces, registry(), patience=600)
        run = visitor(context)
        found: dict[str, Any] = {}

        start_run(context, run.token, *values(context, budget=8000))
        driver = run_turn(context, run.token)
        while run.image_gradients == 0:
            next(driver)
        found["workers"] = len(multiprocessing.active_children())
        pause_run(context, run.token)
        list(driver)
        found["paused"] = [run.status, run.image_gradients, unpack_state(run.checkpoint).image_gradients]

        seen = steps_of(run)
        start_run(context, run.token, *values(context, budget=8000))
        driver = run_turn(context, run.token)
        while not seen:
            next(driver)
        found["resumed"] = [run.status, seen[0]]
        for worker in multiprocessing.active_children():
            os.kill(worker.pid or 0, signal.SIGKILL)  # what ZeroGPU does to a run that takes too long
        try:
            list(driver)
        except gr.Error as error:
            found["killed"] = [run.status, error.message]

        run = visitor(context)
        start_run(context, run.token, *values(context, budget=640, epsilon=9))
        list(run_turn(context, run.token))
        found["done"] = [
            run.status,
            run.image_gradients,
            run.validation and run.validation["scores"]["region_success"],
        ]

        run = visitor(context)
        start_run(context, run.token, *values(context, budget=50, preset="paper"))
        try:
            list(run_turn(context, run.token))
        except gr.Error as error:
            found["refused"] = [run.status, error.message]
        found["calls"] = [calls.count(name) for name in ("schedule", "allow")]
    return found


if __name__ == "__main__":
    result = main(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    for child in multiprocessing.active_children():
        os.kill(child.pid or 0, signal.SIGKILL)
    os._exit(0)
