"""Where a search stands: what resuming needs, and what is told of it after each batch."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from uapseg.attack.optimizer import Moments, Optimizer, normalize
from uapseg.attack.settings import Settings
from uapseg.attack.validation import UNCOUNTED, Validation
from uapseg.targets.metrics import Scores, selection_gain
from uapseg.tensors import Delta

TENSORS = ("delta", "dual", "momentum", "second_moment", "grad_sum", "best")

COUNTS = ("peak_counts", "improved_counts")
NUMBERS = ("image_gradients", "step", "seconds", "improved_at")

PARTS = ("predictions", "counts")
"""The tensors of a validation."""


@dataclass(frozen=True)
class State:
    """Where a search stands: all that it needs to go on exactly as if it had never stopped.

    Attributes:
        image_gradients: What has been spent.
        step: Steps taken since the search was last at rest.
        seconds: Time spent.
        delta: The perturbation, before rounding.
        dual: What the optimizer moves; ``delta`` is its projection into the ball of epsilon.
        momentum: The running mean of normalised gradients.
        second_moment: The running mean of their squares (zero where the rule needs none).
        grad_sum: The sum of the gradients of an unfinished pass (zero where each batch is a step).
        best: The perturbation to keep: the last one that did not distinctly worse on the validation pictures than the
            one that did best there.
        best_validation: What it did there.
        validation: The newest look at the validation pictures.
        peak_counts: The counts of the validation with the highest selection score so far.
        improved_counts: The counts of the last validation distinctly better than the one recorded before.
        improved_at: What had been spent then.
    """

    image_gradients: int
    step: int
    seconds: float
    delta: Delta
    dual: Tensor
    momentum: Delta
    second_moment: Delta
    grad_sum: Delta
    best: Delta
    best_validation: Validation
    validation: Validation
    peak_counts: Tensor = field(default_factory=lambda: UNCOUNTED)
    improved_counts: Tensor = field(default_factory=lambda: UNCOUNTED)
    improved_at: int = 0

    @classmethod
    def initial(cls, tile: tuple[int, int], clean: Validation) -> "State":
        """The state before the first step: no perturbation of this size (width, height), and what is seen without."""
        zero = torch.zeros(3, tile[1], tile[0])
        return cls(0, 0, 0.0, zero, zero, zero, zero, zero, zero, clean, clean, improved_counts=clean.counts)

    def to(self, device: torch.device) -> "State":
        """The same state with its tensors on a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in TENSORS})

    def with_validation(self, validation: Validation) -> "State":
        """This state after a look at the validation pictures with its perturbation.

        The last perturbation is kept unless the pictures tell that it is worse than the best: where they cannot, the
        one that did best did so by chance, and the last has learnt most. Looks are told apart by the 95 % bootstrap
        interval of the gain in merit.
        """
        peak = self.peak_counts if self.peak_counts.shape == validation.counts.shape else self.best_validation.counts
        gain, worse = 0.0, False
        if self.best_validation.image_gradients and peak.shape == validation.counts.shape:
            _, gain, high = selection_gain(validation.counts, peak)
            worse = high < 0
        elif self.best_validation.image_gradients:  # at other pictures
            worse = validation.selection_score < self.best_validation.selection_score
        kept = {} if worse else {"best": self.delta, "best_validation": validation}
        rose = (
            self.improved_counts.shape != validation.counts.shape
            or selection_gain(validation.counts, self.improved_counts)[0] > 0
        )
        marks = {"improved_counts": validation.counts, "improved_at": validation.image_gradients} if rose else {}
        return replace(
            self, validation=validation, peak_counts=validation.counts if gain >= 0 else peak, **kept, **marks
        )

    def descend(self, gradient: Tensor, optimizer: Optimizer, settings: Settings, share: float) -> "State":
        """This state one step further down.

        Args:
            gradient: What to descend against, of any size.
            optimizer: How.
            settings: How large steps are, and how much momentum and change there may be.
            share: The share of the budget that was spent before.
        """
        moments = Moments(self.momentum, self.second_moment)
        direction, moments = optimizer.rule(normalize(gradient), moments, self.step + 1, settings.momentum)
        bound = optimizer.radius * settings.epsilon
        dual = (self.dual - settings.step_size_at(share) * direction).clamp(-bound, bound)
        return replace(
            self,
            step=self.step + 1,
            dual=dual,
            delta=dual.clamp(-settings.epsilon, settings.epsilon),
            **moments._asdict(),
            grad_sum=torch.zeros_like(gradient),
        )

    @property
    def stalled_for(self) -> int:
        """The image-gradients since the validation pictures last told a gain."""
        return self.validation.image_gradients - self.improved_at

    def restarted(self, delta: Delta) -> "State":
        """This state with another perturbation, at rest: nothing of where the search was going is kept."""
        rest = torch.zeros_like(delta)
        rests = dict.fromkeys(("momentum", "second_moment", "grad_sum"), rest)
        uncounted = dict.fromkeys(("peak_counts", "improved_counts"), UNCOUNTED)
        return replace(self, step=0, delta=delta, dual=delta, best=delta, **rests, **uncounted)

    def with_settings(self, settings: Settings, *, same_target: bool) -> "State":
        """This state as the beginning of a search with other settings or another target.

        The perturbation is brought within the new epsilon. Nothing counts as looked at, as the figures would be of the
        old settings; the direction of travel, and what lies beyond epsilon, are kept where the target is the same.
        """
        delta = self.dual.clamp(-settings.epsilon, settings.epsilon)
        unseen = replace(
            self.validation,
            image_gradients=0,
            scores=dict.fromkeys(self.validation.scores),
            each=(),
            interval=(),
            collapse=None,
            counts=UNCOUNTED,
        )
        uncounted = dict.fromkeys(("peak_counts", "improved_counts"), UNCOUNTED)
        going = replace(self, delta=delta, best=delta, grad_sum=torch.zeros_like(delta), **uncounted)
        return replace(going if same_target else self.restarted(delta), best_validation=unseen, validation=unseen)

    def to_tensors(self) -> tuple[dict[str, Tensor], str]:
        """Tensors on the CPU by name, and the rest as JSON; what is zero throughout or repeats delta is left out."""
        tensors = {name: getattr(self, name).detach().cpu().contiguous() for name in TENSORS}
        tensors = {name: tensor for name, tensor in tensors.items() if name in ("delta", "dual") or tensor.any()}
        if torch.equal(tensors["dual"], tensors["delta"]):
            del tensors["dual"]
        validations = {name: getattr(self, name) for name in ("best_validation", "validation")}
        tensors |= {
            f"{name}.{part}": getattr(validation, part).contiguous()
            for name, validation in validations.items()
            for part in PARTS
        }
        tensors |= {"peak_counts": self.peak_counts, "improved_counts": self.improved_counts}
        rest: dict[str, object] = {
            name: getattr(self, name) for name in ("image_gradients", "step", "seconds", "improved_at")
        }
        rest |= {
            name: {k: v for k, v in asdict(validation).items() if k not in PARTS}
            for name, validation in validations.items()
        }
        return tensors, json.dumps(rest)

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], rest: str) -> "State":
        """The state that `to_tensors` took apart."""
        fields: dict[str, Any] = json.loads(rest)
        for name in ("best_validation", "validation"):
            fields[name] = Validation.from_dict(fields[name], *(tensors[f"{name}.{part}"] for part in PARTS))
        zero = torch.zeros_like(tensors["delta"])
        known = {"dual": tensors["delta"], **tensors}
        fields |= {name: known.get(name, zero) for name in TENSORS} | {
            name: tensors[name] for name in ("peak_counts", "improved_counts")
        }
        return cls(**fields)


@dataclass(frozen=True)
class Snapshot:
    """Where the search stands after a batch; it shares no memory with the search, and stays on the device until read.

    Attributes:
        state: All that resuming needs.
        baselines: The scores of the ``clean`` validation pictures, and with ``random_noise`` of the same epsilon.
        stalled: Whether the validation pictures have told no gain for half of the budget.
    """

    state: State
    baselines: dict[str, Scores]
    stalled: bool
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
