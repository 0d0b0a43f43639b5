"""The loop: a generator of snapshots. Progress, previews, files and stopping early belong to whoever consumes it."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from math import cos, pi

import torch
from torch import Tensor

from uapseg.datasets import Dataset
from uapseg.distributed import ALONE, Workers
from uapseg.errors import UapsegError
from uapseg.evaluate import images_of
from uapseg.losses import cross_entropy, group_sizes, omega_weights, region_weights, unwon
from uapseg.metrics import GROUPS
from uapseg.models import Segmenter
from uapseg.perturbation import perturb, random_signs
from uapseg.settings import Settings
from uapseg.state import Snapshot, State
from uapseg.targets import Goal, Target
from uapseg.tensors import Delta, Images
from uapseg.validation import HeldOut, spread

SHARES = {"static": (0.5, 0.5), "hidden": (1.0, 1.0, 1.0)}
"""What the mean over each region counts for in the loss."""


def fit(
    model: Segmenter,
    train: Dataset,
    held_out: Dataset,
    target: Target,
    settings: Settings,
    *,
    state: State | None = None,
    workers: Workers = ALONE,
) -> Generator[Snapshot, None, None]:
    """Searches for one perturbation that makes ``model`` see ``target`` in every picture of ``train``.

    Args:
        model: The network, on the device to compute on.
        train: The pictures to learn from.
        held_out: The pictures that choose the best iterate.
        target: What the network is to see.
        settings: How to search.
        state: Where an earlier search with the same arguments stopped.
        workers: The processes that share each batch.

    Returns:
        A generator of snapshots: one before the first step, then one for each batch.

    Raises:
        UapsegError: At once, when target, network, pictures and settings do not fit together.
    """
    target.on(model.classes, model.objects, settings.tile or train.size)
    numbers = spread(len(train), settings.train_pictures)
    if settings.whole_pass and settings.budget < len(numbers):
        raise UapsegError(
            f"The preset {settings.preset} takes one step for each pass over the {len(numbers)} training pictures: "
            f"set a budget of at least {len(numbers)} image-gradients, or use fewer training pictures."
        )
    search = _Search(model, train, numbers, target, settings, workers=workers)
    return _snapshots(search, held_out, state)


def _snapshots(search: "_Search", held_out: Dataset, state: State | None) -> Generator[Snapshot, None, None]:
    settings = search.settings
    chosen = spread(len(held_out), settings.validation_pictures)
    judge = HeldOut(search.model, held_out, chosen, search.target, search.tile)
    noise = random_signs(search.tile, settings.epsilon, settings.seed).to(search.device)
    clean = judge.look(None, settings.epsilon)
    floors = {"clean": clean.scores, "random_noise": judge.look(noise, settings.epsilon).scores}
    state = (state or State.first(search.tile, clean)).on(search.device)
    nothing = torch.zeros((), device=search.device)
    yield Snapshot(state, floors, nothing, nothing)
    before, began = state.seconds, time.monotonic()
    while state.image_gradients < search.total:
        state, loss, won = search.advance(state)
        if search.due(state):
            look = judge.look(state.delta, settings.epsilon, state.image_gradients)
            better = look.merit >= state.chosen.merit or not state.chosen.image_gradients
            state = replace(state, validation=look, **({"best": state.delta, "chosen": look} if better else {}))
        state = replace(state, seconds=before + time.monotonic() - began)
        yield Snapshot(state, floors, loss, won)


class _Search:
    """What stays the same from batch to batch; states go in and come out, none is changed."""

    def __init__(
        self,
        model: Segmenter,
        train: Dataset,
        numbers: list[int],
        target: Target,
        settings: Settings,
        *,
        workers: Workers,
    ) -> None:
        self.model, self.target, self.settings = model, target, settings
        self.tile = settings.tile or train.size
        self.device = next(model.buffers()).device
        self._train, self._numbers, self._workers = train, numbers, workers
        self._goal_of = target.on(model.classes, model.objects, self.tile)
        self._kept: dict[int, Tensor] = {}
        pass_ = len(numbers)
        self.total = settings.budget // pass_ * pass_ if settings.whole_pass else settings.budget

    def due(self, state: State) -> bool:
        """Whether it is time to look at the validation pictures."""
        since = state.image_gradients - state.validation.image_gradients
        return since >= self.settings.validate_every or state.image_gradients >= self.total

    def advance(self, state: State) -> tuple[State, Tensor, Tensor]:
        """Spends one batch, and takes a step where one is due."""
        numbers = self._batch(state.image_gradients)
        gradient, loss, won = self._gradient(state.delta, numbers)
        spent = state.image_gradients + len(numbers)
        if self.settings.whole_pass:
            gradient = state.gathered + gradient
            if spent % len(self._numbers):
                return replace(state, image_gradients=spent, gathered=gradient), loss, won
            state = replace(state, gathered=torch.zeros_like(gradient))
        delta, momentum = self._step(state, gradient)
        return replace(state, image_gradients=spent, step=state.step + 1, delta=delta, momentum=momentum), loss, won

    def _batch(self, spent: int) -> list[int]:
        """The pictures that come next: the whole set in a new order each time round, drawn from the seed."""
        size = len(self._numbers)
        left = min(self.total - spent, size - spent % size if self.settings.whole_pass else self.total)
        positions = range(spent, spent + min(self.settings.batch, left))
        orders = {turn: self._order(turn) for turn in {position // size for position in positions}}
        return [self._numbers[orders[position // size][position % size]] for position in positions]

    def _order(self, turn: int) -> list[int]:
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + turn)
        return torch.randperm(len(self._numbers), generator=generator).tolist()

    def _gradient(self, delta: Delta, numbers: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient of the loss of a batch, the loss, and the share of pixels already won."""
        mine = self._workers.mine(numbers)
        images = images_of(self._train, mine, self.device)
        goal = self._goals(mine, images)
        weights = self._weights(goal)
        delta = delta.detach().requires_grad_()
        with torch.enable_grad(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits = self.model(perturb(images, delta))
        with torch.enable_grad():
            pixels = cross_entropy(logits, goal.labels)
            open_ = unwon(pixels, self.settings.tau)
            loss = (pixels * (weights * open_)).sum()
        gradient = torch.autograd.grad(loss, delta)[0]
        share = (1 - open_.float().mean()) * len(mine) / len(numbers)
        return self._workers.sum(gradient), self._workers.sum(loss.detach()), self._workers.sum(share)

    def _goals(self, numbers: Sequence[int], images: Images) -> Goal:
        """The goals of some pictures: computed once each, kept as bytes, and built from the clean prediction."""
        if not self.target.needs_clean:
            return self._goal_of(torch.zeros(len(numbers), *images.shape[-2:], dtype=torch.uint8, device=self.device))
        missing = [place for place, number in enumerate(numbers) if number not in self._kept]
        if missing:
            goal = self._goal_of(self.model.predict(images[missing]))
            for place, *maps in zip(missing, goal.labels.cpu(), goal.groups.cpu(), strict=True):
                self._kept[numbers[place]] = torch.stack(maps)
        labels, groups = torch.stack([self._kept[number] for number in numbers], dim=1).to(self.device)
        return Goal(labels, groups)

    def _weights(self, goal: Goal) -> Tensor:
        """What each pixel of the batch counts for."""
        if self.settings.whole_pass or self.settings.omega is not None:
            return omega_weights(goal.groups, self.settings.omega if self.target.kind == "hidden" else None)
        sizes = self._workers.sum(group_sizes(goal.groups, GROUPS[self.target.kind]))
        return region_weights(goal.groups, sizes, SHARES[self.target.kind])

    def _step(self, state: State, gradient: Tensor) -> tuple[Delta, Delta]:
        """The perturbation one step further down, inside the ball of epsilon, and the momentum that took it there."""
        settings = self.settings
        momentum = settings.momentum * state.momentum + gradient / gradient.abs().mean().clamp(min=1e-30)
        left = 0.5 * (1 + cos(pi * state.image_gradients / self.total)) if settings.decay else 1.0
        delta = (state.delta - left * settings.step * momentum.sign()).clamp(-settings.epsilon, settings.epsilon)
        return delta, momentum
