"""Where a search stands: what resuming needs, and what is told of it after each batch."""

import json
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from uapseg.metrics import Scores
from uapseg.tensors import Delta
from uapseg.validation import Validation

TENSORS = ("delta", "momentum", "gathered", "best")


@dataclass(frozen=True)
class State:
    """Where a search stands: all that it needs to go on exactly as if it had never stopped.

    Attributes:
        image_gradients: What has been spent.
        step: Steps taken.
        seconds: Time spent.
        delta: The perturbation, before rounding.
        momentum: The running mean of normalised gradients.
        gathered: The sum of the gradients of an unfinished pass (zero where each batch is a step).
        best: The perturbation that did best on the validation pictures so far.
        chosen: What it did there.
        validation: The newest look at the validation pictures.
    """

    image_gradients: int
    step: int
    seconds: float
    delta: Delta
    momentum: Delta
    gathered: Delta
    best: Delta
    chosen: Validation
    validation: Validation

    @classmethod
    def first(cls, tile: tuple[int, int], clean: Validation) -> "State":
        """The state before the first step: no perturbation of this size (width, height), and what is seen without."""
        zero = torch.zeros(3, tile[1], tile[0])
        return cls(0, 0, 0.0, zero, zero, zero, zero, clean, clean)

    def on(self, device: torch.device) -> "State":
        """The same state with its tensors on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in TENSORS})

    def to_tensors(self) -> tuple[dict[str, Tensor], str]:
        """Tensors on the CPU by name, and the rest as JSON."""
        tensors = {name: getattr(self, name).detach().cpu().contiguous() for name in TENSORS}
        looks = {name: getattr(self, name) for name in ("chosen", "validation")}
        tensors |= {f"{name}.predictions": look.predictions.contiguous() for name, look in looks.items()}
        rest: dict[str, object] = {name: getattr(self, name) for name in ("image_gradients", "step", "seconds")}
        rest |= {name: {k: v for k, v in look.__dict__.items() if k != "predictions"} for name, look in looks.items()}
        return tensors, json.dumps(rest)

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], rest: str) -> "State":
        """The state that `to_tensors` took apart."""
        fields: dict[str, Any] = json.loads(rest)
        for name in ("chosen", "validation"):
            look = {**fields[name], "each": tuple(fields[name]["each"])}
            fields[name] = Validation(**look, predictions=tensors[f"{name}.predictions"])
        fields |= {name: value for name, value in tensors.items() if "." not in name}
        return cls(**fields)


@dataclass(frozen=True)
class Snapshot:
    """Where the search stands after a batch; it shares no memory with the search, and stays on the device until read.

    Attributes:
        state: All that resuming needs.
        floors: The scores of the ``clean`` validation pictures, and with ``random_noise`` of the same epsilon.
    """

    state: State
    floors: dict[str, Scores]
    _loss: Tensor
    _won: Tensor

    @property
    def loss(self) -> float:
        """What is descended, before the step; reading it waits for the device."""
        return self._loss.item()

    @property
    def won(self) -> float:
        """The share of the batch's pixels that are at the goal with a confidence above tau, before the step."""
        return self._won.item()
