"""What one network adds to a step: its goals in a batch of training pictures, the loss, and the loss's gradient."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from uapseg.attack.augmentation import Augmentation
from uapseg.attack.distributed import Workers
from uapseg.attack.losses import (
    LOSSES,
    below_confidence,
    confidence_weights,
    cross_entropy,
    group_sizes,
    per_pixel_weights,
    region_weights,
)
from uapseg.attack.perturbation import perturb
from uapseg.attack.settings import Settings
from uapseg.attack.transforms import Transform
from uapseg.models import Segmenter
from uapseg.targets import Target
from uapseg.targets.goals import Goal
from uapseg.tensors import Delta, Images, Logits, PixelLoss


@dataclass(frozen=True)
class Batch:
    """The training pictures of a step, or this process's share of them.

    Attributes:
        numbers: Which they are.
        images: The clean pictures in [0, 1] (n, 3, h, w).
        whole: How many pictures all processes together have.
        augmentations: How the pictures and their goals are varied, one after the other.
        process: What happens to the perturbed pictures before the network sees them.
    """

    numbers: Sequence[int]
    images: Images
    whole: int
    augmentations: Sequence[Augmentation] = ()
    process: Transform | None = None


class Objective:
    """Loss and gradient of one network.

    Args:
        model: The network, on the device to compute on.
        target: What it is to see.
        settings: How to search.
        tile: (width, height) of the perturbation.
        workers: The processes that share each batch.
        kept: What earlier objectives of the same network, pictures and target have kept of the clean pictures.
    """

    def __init__(  # noqa: PLR0917
        self,
        model: Segmenter,
        target: Target,
        settings: Settings,
        tile: tuple[int, int],
        workers: Workers,
        kept: dict[int, bytes] | None = None,
    ) -> None:
        self._model, self._target, self._settings, self._workers = model, target, settings, workers
        self._focus = settings.focus or target.defaults.pixel_weighting
        self._goal_of = target.bind(model.classes, model.objects, tile)
        self._kept = {} if kept is None else kept

    def gradient(self, batch: Batch, delta: Delta) -> tuple[Delta, Tensor, Tensor]:
        """The gradient of the loss of a batch by the perturbation, the loss, and the share of pixels already won.

        All three are of the whole batch, whatever part of it this process has.
        """
        if not batch.numbers:
            return self._empty_gradient(delta)
        goal = self._goals(batch)
        weights = self._pixel_weights(goal)
        leaf = delta.expand(len(batch.images), *delta.shape) if self._settings.single else delta
        leaf = leaf.detach().requires_grad_()
        logits = self._logits(batch, leaf)
        with torch.enable_grad():
            pixels, entropy = self._pixel_losses(logits, goal)
            open_ = confidence_weights(entropy, self._focus, self._settings.tau)
            loss = (pixels * (weights * open_)).sum()
        gradient = torch.autograd.grad(loss, leaf)[0]
        if self._settings.single:
            gradient = normalize(gradient).sum(0)
        won = 1 - below_confidence(entropy, self._settings.tau).float().mean()
        share = won * len(batch.numbers) / batch.whole
        return self._workers.sum(gradient), self._workers.sum(loss.detach()), self._workers.sum(share)

    def _pixel_losses(self, logits: Logits, goal: Goal) -> tuple[PixelLoss, PixelLoss]:
        """How far each pixel is from its goal: by the loss to descend, and by the entropy that says when it is won."""
        settings, classes = self._settings, self._model.classes
        loss_of = partial(self._target.pixel_loss, classes=classes, fill_weight=settings.filling)
        pixels = loss_of(logits, goal, LOSSES[settings.loss])
        plain = settings.loss == "cross-entropy"
        return pixels, pixels if plain else loss_of(logits.detach(), goal, cross_entropy)

    def _empty_gradient(self, delta: Delta) -> tuple[Delta, Tensor, Tensor]:
        """What a process adds that has no picture in a small batch: it only takes part in the sums of the others."""
        empty = torch.zeros(0, 1, 1, dtype=torch.uint8, device=delta.device)
        self._pixel_weights(Goal(empty, empty))
        gradient, loss, share = torch.zeros_like(delta), delta.new_zeros(()), delta.new_zeros(())
        return self._workers.sum(gradient), self._workers.sum(loss), self._workers.sum(share)

    def _logits(self, batch: Batch, delta: Tensor) -> Logits:
        """What the network answers to the perturbed pictures."""
        images = batch.images
        for augmentation in batch.augmentations:
            images = augmentation.images(images)
        kind = batch.images.device.type
        with torch.enable_grad():
            attacked = perturb(images, delta)
            attacked = batch.process.images(attacked) if batch.process else attacked  # too exact for half precision
            with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
                return self._model(attacked)

    def _goals(self, batch: Batch) -> Goal:
        """The goals of a batch, framed anew where its pictures are."""
        goal = self._unframed_goals(batch)
        if batch.process is None:
            return goal
        framing = batch.process.framing
        return Goal(framing.labels(goal.labels), framing.labels(goal.groups))

    def _unframed_goals(self, batch: Batch) -> Goal:
        """The goals where the pictures lie; a static target lies where the perturbation does."""
        if not self._target.needs_clean:
            shape = (len(batch.numbers), *batch.images.shape[-2:])
            return self._goal_of(torch.zeros(shape, dtype=torch.uint8, device=batch.images.device))
        kept = self.clean_maps(batch.numbers, batch.images)
        for augmentation in batch.augmentations:
            kept = augmentation.maps(kept)
        return Goal(kept[:, 0], kept[:, 1]) if self._target.moves_with_image else self._goal_of(kept[:, 0])

    def clean_maps(self, numbers: Sequence[int], images: Images) -> UInt8[Tensor, "n m h w"]:
        """What is taken from each clean picture once and kept (n, m, h, w): its prediction, or goal and groups.

        Kept compressed: 5,000 pictures of 520x520 take tens of megabytes instead of gigabytes.
        """
        missing = [place for place, number in enumerate(numbers) if number not in self._kept]
        if missing:
            for place, maps in zip(missing, self._clean_maps(images[missing]), strict=True):
                self._kept[numbers[place]] = zlib.compress(maps.numpy().tobytes(), 1)
        shape = (-1, *images.shape[-2:])
        stored = [np.frombuffer(zlib.decompress(self._kept[number]), np.uint8) for number in numbers]
        return torch.stack([torch.from_numpy(maps.copy()).view(shape) for maps in stored]).to(images.device)

    def _clean_maps(self, images: Images) -> UInt8[Tensor, "n m h w"]:
        clean = self._model.predict(images)
        if not self._target.moves_with_image:
            return clean[:, None].cpu()
        goal = self._goal_of(clean)
        return torch.stack([goal.labels, goal.groups], dim=1).cpu()

    def _pixel_weights(self, goal: Goal) -> Tensor:
        """What each pixel of the batch counts for."""
        settings = self._settings
        if settings.whole_pass or settings.omega is not None:
            return per_pixel_weights(goal.groups, self._target.omega_weights(settings.omega))
        shares = self._target.group_weights(settings.keep)
        parts = goal.groups.split(1) if settings.single else (goal.groups,)
        sizes = (group_sizes(part, len(shares)) for part in parts)
        sums = (size if settings.single else self._workers.sum(size) for size in sizes)
        return torch.cat([region_weights(part, size, shares) for part, size in zip(parts, sums, strict=True)])


def normalize(gradient: Tensor) -> Tensor:
    """A gradient, or each of several (n, 3, h, w), brought to a mean absolute value of 1."""
    axes = tuple(range(gradient.dim() - 3, gradient.dim()))
    return gradient / gradient.abs().mean(dim=axes, keepdim=True).clamp(min=1e-30)
