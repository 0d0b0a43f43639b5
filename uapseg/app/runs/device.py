"""The device: the worker that runs on it, and what the worker sends.

The worker is the one part of the page that needs the device. On ZeroGPU it is a forked process: all that crosses is
plain values and arrays, so that it pickles.
"""

import os
import time
from collections.abc import Callable, Generator
from dataclasses import asdict
from typing import Any, TypedDict

import gradio as gr
import numpy as np
import torch
from numpy.typing import NDArray

from uapseg.app import strings
from uapseg.app.runs.own_pictures import OwnPictures
from uapseg.attack.ball import Ball
from uapseg.attack.run import Plan, run
from uapseg.attack.run_cache import RunCache
from uapseg.attack.state import Snapshot, State
from uapseg.attack.validation import Validation
from uapseg.errors import UapsegError
from uapseg.targets.metrics import Scores
from uapseg.tensors import from_array

THUMB = 192
"""Label maps of held-out pictures are shown no wider than this, and travel no larger."""

LevelArray = NDArray[np.int16]
"""A perturbation in whole grey levels (3, h, w): from -255 to 255, and half as much again at the largest strength."""


class Checkpoint(TypedDict):
    """A `State` as plain arrays and JSON."""

    arrays: dict[str, NDArray[Any]]
    rest: str


class ValidationFrame(TypedDict):
    """Figures on validation pictures: see `uapseg.attack.validation.Validation`."""

    image_gradients: int
    scores: Scores
    each: list[float | None]
    interval: list[float]
    training: Scores
    collapse: dict[str, Any] | None
    counts: NDArray[np.int64]
    predictions: NDArray[np.uint8]


class Step(TypedDict):
    """The newest perturbation, sometimes with figures and a checkpoint."""

    image_gradients: int
    seconds: float
    levels: LevelArray
    validation: ValidationFrame | None
    baselines: dict[str, Scores]
    stalled: bool
    checkpoint: Checkpoint | None


def make_step(snapshot: Snapshot, ball: Ball, *, validation: bool, save: bool) -> Step:
    """Converts a snapshot to a step, with the perturbation in whole grey levels within the ball.

    Example:
        >>> none = torch.zeros(0, 32, 48, dtype=torch.uint8)
        >>> state = State.initial((48, 32), Validation(0, scores={}, each=(), predictions=none, training={}))
        >>> snapshot = Snapshot(state, {}, False, torch.tensor(0.5), torch.tensor(0.0))
        >>> make_step(snapshot, Ball(10 / 255), validation=False, save=False)["levels"].shape
        (3, 32, 48)
    """
    state = snapshot.state
    return {
        "image_gradients": state.image_gradients,
        "seconds": state.seconds,
        "levels": level_array(state.delta, ball),
        "validation": validation_frame(state.validation) if validation and state.validation.each else None,
        "baselines": snapshot.baselines,
        "stalled": snapshot.stalled,
        "checkpoint": pack_state(state) if save else None,
    }


def level_array(delta: torch.Tensor, ball: Ball) -> LevelArray:
    """A perturbation in whole grey levels within a ball.

    Example:
        >>> level_array(torch.full((3, 1, 1), 10 / 255), Ball(10 / 255)).ravel().tolist()
        [10, 10, 10]
    """
    return ball.to_levels(delta).cpu().numpy()


def validation_frame(validation: Validation) -> ValidationFrame:
    """The figures as plain values, and the predictions as thumbnails.

    Example:
        >>> none = torch.zeros(1, 32, 48, dtype=torch.uint8)
        >>> validation_frame(Validation(0, scores={"hidden": 0.5}, each=(0.5,), predictions=none, training={}))["each"]
        [0.5]
    """
    stride = -(-validation.predictions.shape[-1] // THUMB)
    return {
        "image_gradients": validation.image_gradients,
        "scores": validation.scores,
        "each": list(validation.each),
        "interval": list(validation.interval),
        "training": validation.training,
        "collapse": asdict(validation.collapse) if validation.collapse else None,
        "counts": validation.counts.numpy(),
        "predictions": np.ascontiguousarray(validation.predictions.numpy()[:, ::stride, ::stride]),
    }


def pack_state(state: State) -> Checkpoint:
    """A state as plain arrays and JSON.

    Example:
        >>> none = torch.zeros(0, 32, 48, dtype=torch.uint8)
        >>> state = State.initial((48, 32), Validation(0, scores={}, each=(), predictions=none, training={}))
        >>> pack_state(state)["arrays"]["delta"].shape
        (3, 32, 48)
    """
    tensors, rest = state.to_tensors()
    return {"arrays": {name: tensor.numpy() for name, tensor in tensors.items()}, "rest": rest}


def unpack_state(checkpoint: Checkpoint) -> State:
    """Restores a state from the result of `pack_state`.

    Example:
        >>> none = torch.zeros(0, 32, 48, dtype=torch.uint8)
        >>> state = State.initial((48, 32), Validation(0, scores={}, each=(), predictions=none, training={}))
        >>> unpack_state(pack_state(state)).image_gradients
        0
    """
    arrays = {name: from_array(array.copy()) for name, array in checkpoint["arrays"].items()}
    return State.from_tensors(arrays, checkpoint["rest"])


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


def requested_seconds(
    plan: Plan,
    checkpoint: Checkpoint | None,
    own: OwnPictures | None = None,  # noqa: ARG001  it gets what `run_steps` gets
) -> int:
    """The seconds to request from ZeroGPU: few, as these are granted sooner; longer runs continue with Resume.

    Args:
        plan: The run.
        checkpoint: The state to resume from; only the remaining budget is requested.
        own: The visitor's own training pictures, if any; their number does not matter.

    Example:
        >>> from uapseg import Untargeted, fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> requested_seconds(Plan(model="street", data="street", target=Untargeted(), settings=settings), None)
        24
    """
    image_gradients = unpack_state(checkpoint).image_gradients if checkpoint else 0
    return seconds_for(plan.settings.budget - image_gradients)


def seconds_for(image_gradients: int) -> int:
    """The seconds to request from ZeroGPU for the remaining budget of a run.

    Example:
        >>> seconds_for(400), seconds_for(20_000)
        (24, 60)
    """
    return min(60, 20 + max(0, image_gradients) // 100)


def daily_time(length: float) -> str:
    """The share of a visitor's daily time on ZeroGPU that a run of this length takes.

    Example:
        >>> daily_time(2000)
        'Start uses up to 40 s of the 120 s a day that you have on the GPU, or 300 s signed in.'
    """
    return strings.GPU_TIME.format(seconds=seconds_for(int(length)))


def on_device(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a function with `spaces.GPU` if available, otherwise returns it unchanged."""
    return spaces.GPU(duration=requested_seconds)(function) if spaces else function


@on_device
def run_steps(
    plan: Plan, checkpoint: Checkpoint | None, own: OwnPictures | None = None
) -> Generator[Step, None, None]:
    """Runs a plan; yields at most 8 steps a second, and besides the last one and all with new figures.

    Args:
        plan: The plan.
        checkpoint: The state to resume from, if any.
        own: The visitor's own pictures, if the plan is on these.

    Raises:
        gr.Error: The plan cannot run; the message says how to fix it.
    """
    if FORKED:
        torch.set_num_threads(1)  # the threads of the process that was forked are not there, and would be waited for
    try:
        yield from _steps(plan, checkpoint, own)
    except UapsegError as error:  # a gr.Error alone keeps its message on the way to another process
        raise gr.Error(str(error), print_exception=False) from error


def _steps(plan: Plan, checkpoint: Checkpoint | None, own: OwnPictures | None) -> Generator[Step, None, None]:
    ball = plan.settings.ball
    last_sent, last_saved, validated_at = 0.0, 0.0, -1
    snapshot: Snapshot | None = None
    state, pictures = unpack_state(checkpoint) if checkpoint else None, own.run_data if own else None
    for snapshot in run(plan, state=state, pictures=pictures, cache=own.cache if own else CACHE):
        time_now, validation_time = time.monotonic(), snapshot.state.validation.image_gradients
        if validation_time == validated_at and time_now - last_sent < FRAME_SECONDS:
            continue
        save = time_now - last_saved >= CHECKPOINT_SECONDS
        yield make_step(snapshot, ball, validation=validation_time != validated_at, save=save)
        last_sent, last_saved, validated_at = time_now, (time_now if save else last_saved), validation_time
    if snapshot:
        yield make_step(snapshot, ball, validation=True, save=True)
