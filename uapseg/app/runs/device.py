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
    """The newest perturbation, and now and then figures and a checkpoint."""

    image_gradients: int
    seconds: float
    levels: LevelArray
    validation: ValidationFrame | None
    baselines: dict[str, Scores]
    stalled: bool
    checkpoint: Checkpoint | None


def make_step(snapshot: Snapshot, ball: Ball, *, validation: bool, save: bool) -> Step:
    """What is sent of a snapshot, given the perturbations allowed.

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
    """Figures as plain values, and what is seen in thumbnail size.

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
    """The state that `pack_state` took apart.

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
    """How long to ask ZeroGPU for: little, as less is granted sooner; a run that needs more goes on with Resume.

    Args:
        plan: The run.
        checkpoint: Where it stopped, if it did: what was spent is not asked for again.
        own: The visitor's pictures that it trains on, if it does: their number changes nothing.

    Example:
        >>> from uapseg import Untargeted, fast
        >>> settings = fast(epsilon=10 / 255, budget=400)
        >>> requested_seconds(Plan(model="street", data="street", target=Untargeted(), settings=settings), None)
        24
    """
    image_gradients = unpack_state(checkpoint).image_gradients if checkpoint else 0
    return seconds_for(plan.settings.budget - image_gradients)


def seconds_for(image_gradients: int) -> int:
    """How long to ask ZeroGPU for, given what a run has left to spend.

    Example:
        >>> seconds_for(400), seconds_for(20_000)
        (24, 60)
    """
    return min(60, 20 + max(0, image_gradients) // 100)


def daily_time(length: float) -> str:
    """What a run of so many image-gradients takes of the time on ZeroGPU that a visitor has each day.

    Example:
        >>> daily_time(2000)
        'Start uses up to 40 s of the 120 s a day that you have on the GPU, or 300 s signed in.'
    """
    return strings.GPU_TIME.format(seconds=seconds_for(int(length)))


def on_device(function: Callable[..., Any]) -> Callable[..., Any]:
    """`spaces.GPU` where there is such a thing, else the function itself."""
    return spaces.GPU(duration=requested_seconds)(function) if spaces else function


@on_device
def run_steps(
    plan: Plan, checkpoint: Checkpoint | None, own: OwnPictures | None = None
) -> Generator[Step, None, None]:
    """Runs a plan and sends at most 8 steps a second, and besides the last one and all with new figures.

    Args:
        plan: The plan.
        checkpoint: Where it stopped, if it did.
        own: The visitor's pictures, where the plan names these; the worker has no others of theirs.

    Raises:
        gr.Error: The plan cannot run; the message says how to mend it.
    """
    if FORKED:
        torch.set_num_threads(1)  # the threads of the process that was forked are not there, and would be waited for
    try:
        yield from _steps(plan, checkpoint, own)
    except UapsegError as error:  # a gr.Error alone keeps its message on the way to another process
        raise gr.Error(str(error), print_exception=False) from error


def _steps(plan: Plan, checkpoint: Checkpoint | None, own: OwnPictures | None) -> Generator[Step, None, None]:
    ball = plan.settings.ball
    sent, saved, validated_at = 0.0, 0.0, -1
    waiting: Snapshot | None = None
    state, pictures = unpack_state(checkpoint) if checkpoint else None, own.run_data if own else None
    for waiting in run(plan, state=state, pictures=pictures, cache=own.cache if own else CACHE):
        now, newest = time.monotonic(), waiting.state.validation.image_gradients
        if newest == validated_at and now - sent < FRAME_SECONDS:
            continue
        save = now - saved >= CHECKPOINT_SECONDS
        yield make_step(waiting, ball, validation=newest != validated_at, save=save)
        sent, saved, validated_at = now, (now if save else saved), newest
    if waiting:
        yield make_step(waiting, ball, validation=True, save=True)
