"""What travels between the worker and the page: plain values and arrays, so that all of it pickles."""

from dataclasses import asdict
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from uapseg.attack.perturbation import to_levels
from uapseg.attack.state import Snapshot, State
from uapseg.attack.validation import Validation
from uapseg.targets.metrics import Scores

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

    spent: int
    scores: Scores
    each: list[float | None]
    band: list[float]
    training: Scores
    collapse: dict[str, Any] | None
    counts: NDArray[np.int64]
    predictions: NDArray[np.uint8]


class Step(TypedDict):
    """The newest perturbation, and now and then figures and a checkpoint."""

    spent: int
    seconds: float
    levels: LevelArray
    look: ValidationFrame | None
    floors: dict[str, Scores]
    still: bool
    checkpoint: Checkpoint | None


def progress_of(snapshot: Snapshot, epsilon: float, *, look: bool, save: bool) -> Step:
    """What is sent of a snapshot; epsilon in [0, 1]."""
    state = snapshot.state
    return {
        "spent": state.image_gradients,
        "seconds": state.seconds,
        "levels": level_array(state.delta, epsilon),
        "look": validation_frame(state.validation) if look and state.validation.each else None,
        "floors": snapshot.baselines,
        "still": snapshot.stalled,
        "checkpoint": pack_state(state) if save else None,
    }


def level_array(delta: torch.Tensor, epsilon: float) -> LevelArray:
    """A perturbation in whole grey levels within epsilon (in [0, 1])."""
    return to_levels(delta, epsilon).cpu().numpy()


def validation_frame(validation: Validation) -> ValidationFrame:
    """Figures as plain values, and what is seen in thumbnail size."""
    stride = -(-validation.predictions.shape[-1] // THUMB)
    return {
        "spent": validation.image_gradients,
        "scores": validation.scores,
        "each": list(validation.each),
        "band": list(validation.interval),
        "training": validation.training,
        "collapse": asdict(validation.collapse) if validation.collapse else None,
        "counts": validation.counts.numpy(),
        "predictions": np.ascontiguousarray(validation.predictions.numpy()[:, ::stride, ::stride]),
    }


def pack_state(state: State) -> Checkpoint:
    """A state as plain arrays and JSON."""
    tensors, rest = state.to_tensors()
    return {"arrays": {name: tensor.numpy() for name, tensor in tensors.items()}, "rest": rest}


def unpack_state(checkpoint: Checkpoint) -> State:
    """The state that `pack_state` took apart."""
    arrays = {name: torch.from_numpy(array.copy()) for name, array in checkpoint["arrays"].items()}
    return State.from_tensors(arrays, checkpoint["rest"])
