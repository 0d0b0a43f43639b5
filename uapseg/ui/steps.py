"""What travels between the worker and the page: plain values and arrays, so that all of it pickles."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from uapseg.metrics import Scores
from uapseg.perturbation import levels
from uapseg.state import Snapshot, State
from uapseg.validation import Validation

THUMB = 192
"""Label maps of held-out pictures are shown no wider than this, and travel no larger."""

Levels8 = NDArray[np.int8]
"""A perturbation in whole grey levels (3, h, w); the page allows no more than 32, so a byte holds them."""


class Checkpoint(TypedDict):
    """A `State` as plain arrays and JSON."""

    arrays: dict[str, NDArray[Any]]
    rest: str


class Look(TypedDict):
    """Figures on validation pictures: see `uapseg.validation.Validation`."""

    spent: int
    scores: Scores
    each: list[float | None]
    band: list[float]
    collapse: dict[str, Any] | None
    predictions: NDArray[np.uint8]


class Step(TypedDict):
    """The newest perturbation, and now and then figures and a checkpoint."""

    spent: int
    seconds: float
    levels: Levels8
    look: Look | None
    floors: dict[str, Scores]
    checkpoint: Checkpoint | None


def step_of(snapshot: Snapshot, epsilon: float, *, look: bool, save: bool) -> Step:
    """What is sent of a snapshot; epsilon in [0, 1]."""
    state = snapshot.state
    return {
        "spent": state.image_gradients,
        "seconds": state.seconds,
        "levels": levels8(state.delta, epsilon),
        "look": look_of(state.validation) if look and state.validation.each else None,
        "floors": snapshot.floors,
        "checkpoint": packed(state) if save else None,
    }


def levels8(delta: torch.Tensor, epsilon: float) -> Levels8:
    """A perturbation in whole grey levels within epsilon (in [0, 1])."""
    return levels(delta, epsilon).to(torch.int8).cpu().numpy()


def look_of(validation: Validation) -> Look:
    """Figures as plain values, and what is seen in thumbnail size."""
    stride = -(-validation.predictions.shape[-1] // THUMB)
    return {
        "spent": validation.image_gradients,
        "scores": validation.scores,
        "each": list(validation.each),
        "band": band(validation.each),
        "collapse": asdict(validation.collapse) if validation.collapse else None,
        "predictions": np.ascontiguousarray(validation.predictions.numpy()[:, ::stride, ::stride]),
    }


def band(each: Sequence[float | None], draws: int = 1000) -> list[float]:
    """A 95 % bootstrap interval of the mean over pictures, as [low, high]; empty where fewer than two say anything.

    Source:
        Efron, Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval.
    """
    known = np.array([share for share in each if share is not None])
    if len(known) < 2:
        return []
    chosen = np.random.default_rng(0).integers(len(known), size=(draws, len(known)))
    return np.quantile(known[chosen].mean(axis=1), [0.025, 0.975]).tolist()


def packed(state: State) -> Checkpoint:
    """A state as plain arrays and JSON."""
    tensors, rest = state.to_tensors()
    return {"arrays": {name: tensor.numpy() for name, tensor in tensors.items()}, "rest": rest}


def unpacked(checkpoint: Checkpoint) -> State:
    """The state that `packed` took apart."""
    arrays = {name: torch.from_numpy(array.copy()) for name, array in checkpoint["arrays"].items()}
    return State.from_tensors(arrays, checkpoint["rest"])
