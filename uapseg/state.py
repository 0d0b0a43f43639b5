"""Where a search stands: what resuming needs, and what is told of it after each batch."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from uapseg.metrics import Scores
from uapseg.settings import Settings
from uapseg.tensors import Delta
from uapseg.validation import Validation

TENSORS = ("delta", "loose", "momentum", "square", "gathered", "best")


@dataclass(frozen=True)
class State:
    """Where a search stands: all that it needs to go on exactly as if it had never stopped.

    Attributes:
        image_gradients: What has been spent.
        step: Steps taken since the search was last at rest.
        seconds: Time spent.
        delta: The perturbation, before rounding.
        loose: What the search moves, of which ``delta`` is the part within epsilon (the rule lazy goes beyond).
        momentum: The running mean of normalised gradients.
        square: The running mean of their squares (zero where the rule needs none).
        gathered: The sum of the gradients of an unfinished pass (zero where each batch is a step).
        best: The perturbation that did best on the validation pictures so far.
        chosen: What it did there.
        validation: The newest look at the validation pictures.
    """

    image_gradients: int
    step: int
    seconds: float
    delta: Delta
    loose: Tensor
    momentum: Delta
    square: Delta
    gathered: Delta
    best: Delta
    chosen: Validation
    validation: Validation

    @classmethod
    def first(cls, tile: tuple[int, int], clean: Validation) -> "State":
        """The state before the first step: no perturbation of this size (width, height), and what is seen without."""
        zero = torch.zeros(3, tile[1], tile[0])
        return cls(0, 0, 0.0, zero, zero, zero, zero, zero, zero, clean, clean)

    def on(self, device: torch.device) -> "State":
        """The same state with its tensors on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in TENSORS})

    def at(self, delta: Delta) -> "State":
        """This state with another perturbation, at rest: nothing of where the search was going is kept."""
        rest = torch.zeros_like(delta)
        return replace(self, step=0, delta=delta, loose=delta, best=delta, momentum=rest, square=rest, gathered=rest)

    def under(self, settings: Settings, *, same_target: bool) -> "State":
        """This state as the beginning of a search with other settings or another target.

        The perturbation is brought within the new epsilon. Nothing counts as looked at, as the figures would be of the
        old settings; the direction of travel, and what lies beyond epsilon, are kept where the target is the same.
        """
        delta = self.loose.clamp(-settings.epsilon, settings.epsilon)
        unseen = replace(
            self.validation,
            image_gradients=0,
            scores=dict.fromkeys(self.validation.scores),
            each=(),
            interval=(),
            collapse=None,
        )
        going = replace(self, delta=delta, best=delta, gathered=torch.zeros_like(delta))
        return replace(going if same_target else self.at(delta), chosen=unseen, validation=unseen)

    def to_tensors(self) -> tuple[dict[str, Tensor], str]:
        """Tensors on the CPU by name, and the rest as JSON; what is zero throughout or repeats delta is left out."""
        tensors = {name: getattr(self, name).detach().cpu().contiguous() for name in TENSORS}
        tensors = {name: tensor for name, tensor in tensors.items() if name in ("delta", "loose") or tensor.any()}
        if torch.equal(tensors["loose"], tensors["delta"]):
            del tensors["loose"]
        looks = {name: getattr(self, name) for name in ("chosen", "validation")}
        tensors |= {f"{name}.predictions": look.predictions.contiguous() for name, look in looks.items()}
        rest: dict[str, object] = {name: getattr(self, name) for name in ("image_gradients", "step", "seconds")}
        rest |= {name: {k: v for k, v in asdict(look).items() if k != "predictions"} for name, look in looks.items()}
        return tensors, json.dumps(rest)

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], rest: str) -> "State":
        """The state that `to_tensors` took apart."""
        fields: dict[str, Any] = json.loads(rest)
        for name in ("chosen", "validation"):
            fields[name] = Validation.from_dict(fields[name], tensors[f"{name}.predictions"])
        zero = torch.zeros_like(tensors["delta"])
        known = {"loose": tensors["delta"], **tensors}
        fields |= {name: known.get(name, zero) for name in TENSORS}
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
        """The share of the batch's pixels at the goal with a confidence above tau, in [0, 1], before the step."""
        return self._won.item()
