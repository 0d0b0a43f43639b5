"""The one part of the page that needs the device. On ZeroGPU it is a forked process: all that crosses pickles."""

import os
import time
from collections.abc import Callable, Generator
from typing import Any

import gradio as gr
import torch

from uapseg.app.progress import Checkpoint, Step, progress_of, unpack_state
from uapseg.attack.run import Plan, run
from uapseg.attack.run_cache import RunCache
from uapseg.attack.state import Snapshot
from uapseg.errors import UapsegError

try:
    import spaces
except ImportError:  # only Hugging Face Spaces needs it
    spaces = None

FORKED = bool(os.environ.get("SPACES_ZERO_GPU"))
FRAME_SECONDS = 1 / 8
CHECKPOINT_SECONDS = 1.0 if FORKED else 0.0
"""Between processes a checkpoint is copied, inside one it costs nothing."""


CACHE = RunCache()
"""What a changed setting finds loaded: networks, pictures, and the figures of clean pictures."""


def seconds_asked(plan: Plan, checkpoint: Checkpoint | None) -> int:  # noqa: ARG001  called with the worker's arguments
    """How long to ask ZeroGPU for: little, as less is granted sooner; a run that needs more goes on with Resume."""
    return min(60, 20 + plan.settings.budget // 100)


def on_device(function: Callable[..., Any]) -> Callable[..., Any]:
    """`spaces.GPU` where there is such a thing, else the function itself."""
    return spaces.GPU(duration=seconds_asked)(function) if spaces else function


@on_device
def run_steps(plan: Plan, checkpoint: Checkpoint | None) -> Generator[Step, None, None]:
    """Runs a plan and sends at most 8 steps a second, and besides the last one and all with new figures.

    Raises:
        gr.Error: The plan cannot run; the message says how to mend it.
    """
    if FORKED:
        torch.set_num_threads(1)  # the threads of the process that was forked are not there, and would be waited for
    try:
        yield from _steps(plan, checkpoint)
    except UapsegError as error:  # a gr.Error alone keeps its message on the way to another process
        raise gr.Error(str(error), print_exception=False) from error


def _steps(plan: Plan, checkpoint: Checkpoint | None) -> Generator[Step, None, None]:
    epsilon = plan.settings.epsilon
    sent, saved, looked = 0.0, 0.0, -1
    waiting: Snapshot | None = None
    for waiting in run(plan, state=unpack_state(checkpoint) if checkpoint else None, cache=CACHE):
        now, newest = time.monotonic(), waiting.state.validation.image_gradients
        if newest == looked and now - sent < FRAME_SECONDS:
            continue
        save = now - saved >= CHECKPOINT_SECONDS
        yield progress_of(waiting, epsilon, look=newest != looked, save=save)
        sent, saved, looked = now, (now if save else saved), newest
    if waiting:
        yield progress_of(waiting, epsilon, look=True, save=True)
