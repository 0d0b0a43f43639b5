"""Where a search stands: what resuming needs, and what is told of it after each batch."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from uapseg.attack.settings import Settings
from uapseg.attack.validation import UNCOUNTED, Validation
from uapseg.targets.metrics import Scores, selection_gain
from uapseg.tensors import Delta

TENSORS = ("delta", "loose", "momentum", "square", "gathered", "best")

COUNTS = ("peak", "mark")
NUMBERS = ("image_gradients", "step", "seconds", "marked")

PARTS = ("predictions", "counts")
"""The tensors of a look."""


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
        best: The perturbation to keep: the last one that did not distinctly worse on the validation pictures than the
            one that did best there.
        chosen: What it did there.
        validation: The newest look at the validation pictures.
        peak: The counts of the look with the most merit so far.
        mark: The counts of the last look that was distinctly better than the mark before it.
        marked: What had been spent then.
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
    peak: Tensor = field(default_factory=lambda: UNCOUNTED)
    mark: Tensor = field(default_factory=lambda: UNCOUNTED)
    marked: int = 0

    @classmethod
    def initial(cls, tile: tuple[int, int], clean: Validation) -> "State":
        """The state before the first step: no perturbation of this size (width, height), and what is seen without."""
        zero = torch.zeros(3, tile[1], tile[0])
        return cls(0, 0, 0.0, zero, zero, zero, zero, zero, zero, clean, clean, mark=clean.counts)

    def to(self, device: torch.device) -> "State":
        """The same state with its tensors on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in TENSORS})

    def with_validation(self, look: Validation) -> "State":
        """This state after a look at the validation pictures with its perturbation.

        The last perturbation is kept unless the pictures tell that it is worse than the best: where they cannot, the
        one that did best did so by chance, and the last has learnt most. Looks are told apart by the 95 % bootstrap
        interval of the gain in merit.
        """
        peak = self.peak if self.peak.shape == look.counts.shape else self.chosen.counts
        gain, worse = 0.0, False
        if self.chosen.image_gradients and peak.shape == look.counts.shape:
            _, gain, high = selection_gain(look.counts, peak)
            worse = high < 0
        elif self.chosen.image_gradients:  # at other pictures
            worse = look.selection_score < self.chosen.selection_score
        kept = {} if worse else {"best": self.delta, "chosen": look}
        rose = self.mark.shape != look.counts.shape or selection_gain(look.counts, self.mark)[0] > 0
        marks = {"mark": look.counts, "marked": look.image_gradients} if rose else {}
        return replace(self, validation=look, peak=look.counts if gain >= 0 else peak, **kept, **marks)

    @property
    def stalled_for(self) -> int:
        """The image-gradients since the validation pictures last told a gain."""
        return self.validation.image_gradients - self.marked

    def restarted(self, delta: Delta) -> "State":
        """This state with another perturbation, at rest: nothing of where the search was going is kept."""
        rest = torch.zeros_like(delta)
        rests = dict.fromkeys(("momentum", "square", "gathered"), rest)
        looks = dict.fromkeys(("peak", "mark"), UNCOUNTED)
        return replace(self, step=0, delta=delta, loose=delta, best=delta, **rests, **looks)

    def with_settings(self, settings: Settings, *, same_target: bool) -> "State":
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
            counts=UNCOUNTED,
        )
        looks = dict.fromkeys(("peak", "mark"), UNCOUNTED)
        going = replace(self, delta=delta, best=delta, gathered=torch.zeros_like(delta), **looks)
        return replace(going if same_target else self.restarted(delta), chosen=unseen, validation=unseen)

    def to_tensors(self) -> tuple[dict[str, Tensor], str]:
        """Tensors on the CPU by name, and the rest as JSON; what is zero throughout or repeats delta is left out."""
        tensors = {name: getattr(self, name).detach().cpu().contiguous() for name in TENSORS}
        tensors = {name: tensor for name, tensor in tensors.items() if name in ("delta", "loose") or tensor.any()}
        if torch.equal(tensors["loose"], tensors["delta"]):
            del tensors["loose"]
        looks = {name: getattr(self, name) for name in ("chosen", "validation")}
        tensors |= {
            f"{name}.{part}": getattr(look, part).contiguous() for name, look in looks.items() for part in PARTS
        }
        tensors |= {"peak": self.peak, "mark": self.mark}
        rest: dict[str, object] = {
            name: getattr(self, name) for name in ("image_gradients", "step", "seconds", "marked")
        }
        rest |= {name: {k: v for k, v in asdict(look).items() if k not in PARTS} for name, look in looks.items()}
        return tensors, json.dumps(rest)

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], rest: str) -> "State":
        """The state that `to_tensors` took apart."""
        fields: dict[str, Any] = json.loads(rest)
        for name in ("chosen", "validation"):
            fields[name] = Validation.from_dict(fields[name], *(tensors[f"{name}.{part}"] for part in PARTS))
        zero = torch.zeros_like(tensors["delta"])
        known = {"loose": tensors["delta"], **tensors}
        fields |= {name: known.get(name, zero) for name in TENSORS} | {
            name: tensors[name] for name in ("peak", "mark")
        }
        return cls(**fields)


@dataclass(frozen=True)
class Snapshot:
    """Where the search stands after a batch; it shares no memory with the search, and stays on the device until read.

    Attributes:
        state: All that resuming needs.
        floors: The scores of the ``clean`` validation pictures, and with ``random_noise`` of the same epsilon.
        still: Whether the validation pictures have told no gain for half of the budget.
    """

    state: State
    floors: dict[str, Scores]
    still: bool
    _loss: Tensor
    _won: Tensor

    @property
    def loss(self) -> float:
        """What is descended, before the step; reading it waits for the device."""
        return self._loss.item()

    @property
    def success_rate(self) -> float:
        """The share of the batch's pixels at the goal with a confidence above tau, in [0, 1], before the step."""
        return self._won.item()
