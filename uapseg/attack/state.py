"""The state of a search: what resuming needs, and what is reported after each batch."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from uapseg.attack.optimizer import Moments, Optimizer, normalize
from uapseg.attack.settings import Settings
from uapseg.attack.validation import UNCOUNTED, Validation
from uapseg.targets.metrics import Scores
from uapseg.targets.selection import selection_gain
from uapseg.tensors import Delta

TENSORS = ("delta", "dual", "momentum", "second_moment", "grad_sum", "best")

NUMBERS = ("image_gradients", "step", "seconds", "improved_at")
COUNTS = ("peak_counts", "improved_counts")
VALIDATIONS = ("best_validation", "validation")

PARTS = ("predictions", "counts")
"""The tensors of a validation."""


@dataclass(frozen=True)
class State:
    """The state of a search: everything needed to resume it exactly.

    Attributes:
        image_gradients: The image-gradients spent.
        step: Steps since the optimizer was last reset.
        seconds: The time spent.
        delta: The perturbation, before rounding.
        dual: What the optimizer updates; ``delta`` is its projection into the epsilon ball.
        momentum: The decaying sum or, with Adam, the moving average of normalized gradients.
        second_moment: The moving average of their squares (zero if the optimizer does not need it).
        grad_sum: The sum of the gradients of an unfinished epoch (zero with mini-batches).
        best: The best perturbation: the last one that was not significantly worse on the validation pictures than the
            one with the highest score.
        best_validation: Its validation.
        validation: The newest validation.
        peak_counts: The counts of the validation with the highest selection score so far.
        improved_counts: The counts of the last validation significantly better than the one recorded before.
        improved_at: The image-gradients spent at that validation.

    Example:
        >>> from uapseg.attack.validation import Validation
        >>> none = torch.zeros(0, 32, 48, dtype=torch.uint8)
        >>> state = State.initial((48, 32), Validation(0, scores={}, each=(), predictions=none, training={}))
        >>> state.delta.shape, state.image_gradients
        (torch.Size([3, 32, 48]), 0)
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
        """Returns the state before the first step, without a perturbation.

        Args:
            tile: The (width, height) of the perturbation.
            clean: The validation of the clean pictures.
        """
        zero = torch.zeros(3, tile[1], tile[0])
        return cls(0, 0, 0.0, zero, zero, zero, zero, zero, zero, clean, clean, improved_counts=clean.counts)

    def to(self, device: torch.device) -> "State":
        """Moves the tensors to a device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in TENSORS})

    def with_validation(self, validation: Validation) -> "State":
        """Returns this state after a validation of its perturbation.

        The last perturbation becomes the best unless it is significantly worse than the previous best: if the
        difference is not significant, the previous best was so by chance, and the last one has been trained longest.
        Significance is decided by the 95 % bootstrap interval of the gain in selection score.
        """
        peak_counts = (
            self.peak_counts if self.peak_counts.shape == validation.counts.shape else self.best_validation.counts
        )
        gain, is_worse = 0.0, False
        if self.best_validation.image_gradients and peak_counts.shape == validation.counts.shape:
            _, gain, high = selection_gain(validation.counts, peak_counts)
            is_worse = high < 0
        elif self.best_validation.image_gradients:  # at other pictures
            is_worse = validation.selection_score < self.best_validation.selection_score
        new_best = {} if is_worse else {"best": self.delta, "best_validation": validation}
        is_improved = (
            self.improved_counts.shape != validation.counts.shape
            or selection_gain(validation.counts, self.improved_counts)[0] > 0
        )
        marks = (
            {"improved_counts": validation.counts, "improved_at": validation.image_gradients} if is_improved else {}
        )
        return replace(
            self,
            validation=validation,
            peak_counts=validation.counts if gain >= 0 else peak_counts,
            **new_best,
            **marks,
        )

    def descend(self, gradient: Tensor, optimizer: Optimizer, settings: Settings, share: float) -> "State":
        """Returns this state after an optimizer step.

        Args:
            gradient: The gradient, of any magnitude.
            optimizer: The update rule.
            settings: Step size, momentum, epsilon and norm.
            share: The share of the budget spent before.
        """
        moments = Moments(self.momentum, self.second_moment)
        direction, moments = optimizer.rule(normalize(gradient), moments, self.step + 1, settings.momentum)
        ball = settings.ball
        moved_dual = self.dual - settings.step_size_at(share) * ball.normalize_step(direction)
        dual = ball.project(moved_dual, optimizer.radius)
        return replace(
            self,
            step=self.step + 1,
            dual=dual,
            delta=ball.project(dual),
            **moments._asdict(),
            grad_sum=torch.zeros_like(gradient),
        )

    @property
    def stalled_for(self) -> int:
        """The image-gradients since the last significant improvement on the validation pictures."""
        return self.validation.image_gradients - self.improved_at

    def restart(self, delta: Delta) -> "State":
        """Returns this state with another perturbation and a reset optimizer."""
        zero = torch.zeros_like(delta)
        zeros = dict.fromkeys(("momentum", "second_moment", "grad_sum"), zero)
        uncounted = dict.fromkeys(("peak_counts", "improved_counts"), UNCOUNTED)
        return replace(self, step=0, delta=delta, dual=delta, best=delta, **zeros, **uncounted)

    def with_settings(self, settings: Settings, *, same_target: bool) -> "State":
        """Returns this state as the start of a search with other settings or another target.

        The perturbation is projected into the new epsilon ball. Validations are dropped, as they belong to the old
        settings. For the same target, the moments of the optimizer and what lies beyond epsilon are kept.

        Args:
            settings: The new settings.
            same_target: Whether the target stays the same.
        """
        delta = settings.ball.project(self.dual)
        empty_validation = replace(
            self.validation,
            image_gradients=0,
            scores=dict.fromkeys(self.validation.scores),
            each=(),
            interval=(),
            collapse=None,
            counts=UNCOUNTED,
        )
        uncounted = dict.fromkeys(("peak_counts", "improved_counts"), UNCOUNTED)
        continued_state = replace(self, delta=delta, best=delta, grad_sum=torch.zeros_like(delta), **uncounted)
        return replace(
            continued_state if same_target else self.restart(delta),
            best_validation=empty_validation,
            validation=empty_validation,
        )

    def to_tensors(self) -> tuple[dict[str, Tensor], str]:
        """Serializes to tensors on the CPU by name, and JSON; tensors that are zero or equal to delta are omitted."""
        tensors = {name: getattr(self, name).detach().cpu().contiguous() for name in TENSORS}
        tensors = {name: tensor for name, tensor in tensors.items() if name in ("delta", "dual") or tensor.any()}
        if torch.equal(tensors["dual"], tensors["delta"]):
            del tensors["dual"]
        validations = {name: getattr(self, name) for name in VALIDATIONS}
        tensors |= {
            f"{name}.{part}": getattr(validation, part).contiguous()
            for name, validation in validations.items()
            for part in PARTS
        }
        tensors |= {name: getattr(self, name) for name in COUNTS}
        fields: dict[str, object] = {name: getattr(self, name) for name in NUMBERS}
        fields |= {
            name: {k: v for k, v in asdict(validation).items() if k not in PARTS}
            for name, validation in validations.items()
        }
        return tensors, json.dumps(fields)

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], state_json: str) -> "State":
        """Deserializes the result of `to_tensors`."""
        fields: dict[str, Any] = json.loads(state_json)
        for name in VALIDATIONS:
            fields[name] = Validation.from_dict(fields[name], *(tensors[f"{name}.{part}"] for part in PARTS))
        zero = torch.zeros_like(tensors["delta"])
        known_tensors = {"dual": tensors["delta"], **tensors}
        fields |= {name: known_tensors.get(name, zero) for name in TENSORS} | {name: tensors[name] for name in COUNTS}
        return cls(**fields)


@dataclass(frozen=True)
class Snapshot:
    """The state after a batch. It shares no memory with the search, and stays on the device until read.

    Attributes:
        state: Everything that resuming needs.
        baselines: The validation scores of the ``clean`` pictures, and with ``random_noise`` of the same epsilon; the
            latter come, after a changed setting, only with the first validation.
        stalled: Whether validation has shown no significant improvement for half of the budget.

    Example:
        >>> from uapseg.attack.validation import Validation
        >>> none = torch.zeros(0, 32, 48, dtype=torch.uint8)
        >>> state = State.initial((48, 32), Validation(0, scores={}, each=(), predictions=none, training={}))
        >>> Snapshot(state, {}, False, torch.tensor(0.5), torch.tensor(0.0)).loss
        0.5
    """

    state: State
    baselines: dict[str, Scores]
    stalled: bool
    _loss: Tensor
    _success_rate: Tensor

    @property
    def loss(self) -> float:
        """The loss before the step; reading it waits for the device."""
        return self._loss.item()

    @property
    def success_rate(self) -> float:
        """The share of the batch's pixels at the goal with a confidence above tau, in [0, 1], before the step."""
        return self._success_rate.item()
