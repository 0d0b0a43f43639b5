"""The objective for one network: goals, loss, and its gradient by the perturbation, for a batch of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import UInt8
from torch import Tensor

from uapseg.attack.cuda import DevicePool, GraphedFunction, can_record
from uapseg.attack.data.augmentation import Augmentation
from uapseg.attack.data.coarse_goal import CoarseGoal, cell_indices, cell_logits, coarsen
from uapseg.attack.data.map_store import MapStore
from uapseg.attack.distributed import Workers
from uapseg.attack.losses import (
    LOSSES,
    PIXEL_WEIGHTINGS,
    below_confidence,
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
from uapseg.tensors import Delta, Images, LabelMaps, Logits, PixelLoss


@dataclass(frozen=True)
class Batch:
    """The training pictures of a step, or this process's share of them.

    Attributes:
        indices: Their indices.
        images: The clean pictures in [0, 1] (n, 3, h, w).
        total: The number of pictures of all processes.
        augmentations: The augmentations of pictures and goals, in this order.
        transform: The transform of the perturbed pictures before the network; None for none.
        cropped: Whether the images are random crops, each of which is seen once.

    Example:
        >>> Batch(indices=[7], images=torch.zeros(1, 3, 4, 6), total=1).augmentations
        ()
    """

    indices: Sequence[int]
    images: Images
    total: int
    augmentations: Sequence[Augmentation] = ()
    transform: Transform | None = None
    cropped: bool = False


class WantedPixels(NamedTuple):
    """The goal of a batch with weights, at the resolution of the loss.

    Attributes:
        labels: The label that each pixel should have (n, h, w), or some pixels of a cell (m, 1, 1).
        groups: The group of each, of the same shape.
        weights: The weight of each in the loss, of the same shape.
        counts: How many pixels each stands for (m, 1, 1); None at the size of the images.
        cells: The index of its cell (m,), see `CoarseGoal`; None at the size of the images.

    Example:
        >>> maps = torch.zeros(1, 2, 3, dtype=torch.uint8)
        >>> WantedPixels(maps, maps, weights=torch.ones(1, 2, 3)).cells is None
        True
    """

    labels: LabelMaps
    groups: LabelMaps
    weights: PixelLoss
    counts: Tensor | None = None
    cells: Tensor | None = None


class Objective:
    """Loss and gradient of one network.

    Args:
        model: The network, on the device to compute on.
        target: What the network should predict.
        settings: The hyperparameters.
        tile: The (width, height) of the perturbation.
        workers: The processes that share each batch.
        map_store: A cache of clean predictions or goals, to be shared by objectives of the same network, pictures and
            target.

    Example:
        >>> from uapseg.attack.distributed import SINGLE_PROCESS
        >>> from uapseg.attack.settings import fast
        >>> from uapseg.models import load_model
        >>> from uapseg.targets.drawing import text_target
        >>> model, target = load_model("street:small", "cpu"), text_target("a", "Tree", "Building", (96, 64))
        >>> objective = Objective(model, target, fast(epsilon=10 / 255, budget=8), (96, 64), SINGLE_PROCESS)
        >>> batch = Batch([0], torch.rand(1, 3, 64, 96), total=1)
        >>> gradient, loss, success = objective.gradient(batch, torch.zeros(3, 64, 96))
        >>> gradient.shape, 0 <= success <= 1
        (torch.Size([3, 64, 96]), tensor(True))
    """

    def __init__(  # noqa: PLR0917  all of different types
        self,
        model: Segmenter,
        target: Target,
        settings: Settings,
        tile: tuple[int, int],
        workers: Workers,
        map_store: MapStore | None = None,
    ) -> None:
        self._model, self._target, self._settings, self._workers = model, target, settings, workers
        self._weighting = PIXEL_WEIGHTINGS[settings.pixel_weighting or target.defaults.pixel_weighting]
        self._loss_name = settings.loss or "cross-entropy"
        self._goal_of = target.bind(model.classes, model.objects, tile)
        self._map_store = MapStore() if map_store is None else map_store
        resolution = settings.loss_resolution or target.defaults.loss_resolution
        self._uses_logits_resolution = resolution == "logits"
        self._by_pixel = settings.full_batch or settings.omega is not None
        weights = (
            target.omega_weights(settings.omega) if self._by_pixel else target.group_weights(settings.keep_weight)
        )
        device = next(model.buffers()).device
        self._weights = torch.tensor(weights, device=device)
        self._maps = DevicePool(device)
        self._graphed = GraphedFunction(self._loss_gradient) if can_record(device) else None
        self._constant_goals: dict[tuple[int, ...], Goal] = {}
        self._coarse: tuple[Goal, CoarseGoal] | None = None
        self._cells: dict[tuple[int, ...], Tensor] = {}

    def gradient(self, batch: Batch, delta: Delta) -> tuple[Delta, Tensor, Tensor]:
        """Gradient of a batch's loss, the loss, and the share of pixels at the goal with a confidence above ``tau``.

        All three are of the whole batch, whatever share of it this process has.
        """
        if not batch.indices:
            return self._empty_gradient(delta)
        images = batch.images
        for augmentation in batch.augmentations:
            images = augmentation.images(images)
        goal = self._goals(batch)
        wanted_pixels = self._wanted_pixels(goal)
        # The random transforms differ from step to step, so that they cannot be recorded
        graphed = None if batch.transform else self._graphed
        gradient, loss, below = (
            graphed(images, delta, *wanted_pixels)
            if graphed
            else self._loss_gradient(images, delta, *wanted_pixels, transform=batch.transform)
        )
        share = (len(batch.indices) - below / goal.labels[0].numel()) / batch.total
        return self._workers.sum(gradient), self._workers.sum(loss), self._workers.sum(share)

    def _loss_gradient(
        self, images: Images, delta: Delta, *wanted_pixels: Tensor | None, transform: Transform | None = None
    ) -> tuple[Delta, Tensor, Tensor]:
        """The gradient of the loss by the perturbation, the loss, and how many pixels are below the threshold.

        Args:
            images: The clean pictures, augmented.
            delta: The perturbation.
            wanted_pixels: The fields of `WantedPixels`.
            transform: The transform of the perturbed pictures before the network.
        """
        labels, groups, weights, counts, cells = WantedPixels(*wanted_pixels)  # pyright: ignore[reportArgumentType]
        leaf = delta.detach().requires_grad_()
        with torch.enable_grad():
            perturbed = perturb(images, leaf)
            perturbed = transform.images(perturbed) if transform else perturbed
            logits = self._model.raw_output(perturbed) if self._uses_logits_resolution else self._model(perturbed)
            logits = logits if cells is None else cell_logits(logits, cells)
            pixels, entropy = self._pixel_losses(logits, Goal(labels, groups))
            loss = (pixels * (weights * self._weighting(entropy.detach(), self._settings.tau))).sum()
        gradient = torch.autograd.grad(loss, leaf)[0]
        below = below_confidence(entropy, self._settings.tau).float()
        return gradient, loss.detach(), (below if counts is None else below * counts).sum()

    def _wanted_pixels(self, goal: Goal) -> "WantedPixels":
        """A goal with the weight of each pixel, at the resolution of the loss."""
        height, width = goal.labels.shape[1:]
        if self._uses_logits_resolution and self._model.logits_size(width, height) != (height, width):
            coarse = self._coarse_goal(goal)
            weights = self._pixel_weights(coarse.goal, height * width, coarse.counts)
            return WantedPixels(coarse.goal.labels, coarse.goal.groups, weights, coarse.counts, coarse.cells)
        return WantedPixels(goal.labels, goal.groups, self._pixel_weights(goal, height * width))

    def _pixel_losses(self, logits: Logits, goal: Goal) -> tuple[PixelLoss, PixelLoss]:
        """The loss of each pixel, and the cross-entropy that decides by its confidence whether the goal is reached."""
        settings, classes = self._settings, self._model.classes
        loss_of = partial(self._target.pixel_loss, classes=classes, fill_weight=settings.fill_weight)
        pixels = loss_of(logits, goal, LOSSES[self._loss_name])
        is_cross_entropy = self._loss_name == "cross-entropy"
        return pixels, pixels if is_cross_entropy else loss_of(logits.detach(), goal, cross_entropy)

    def _coarse_goal(self, goal: Goal) -> CoarseGoal:
        """The goal at the resolution of the logits; computed once if it is the same for all images."""
        if self._coarse is None or self._coarse[0] is not goal:
            height, width = goal.labels.shape[1:]
            size = self._model.logits_size(width, height)
            if (height, width) not in self._cells:
                cells = cell_indices(*self._model.padded_size(width, height), size)[:height, :width]
                self._cells[height, width] = cells.to(goal.labels.device)
            coarse = coarsen(
                goal,
                self._cells[height, width],
                size,
                groups=len(self._weights),
                classes=len(self._model.classes),
                fixed_shape=self._graphed is not None and self._target.needs_clean,
            )
            self._coarse = goal, coarse
        return self._coarse[1]

    def _empty_gradient(self, delta: Delta) -> tuple[Delta, Tensor, Tensor]:
        """The contribution of a process without pictures in a small batch: it only takes part in the sums."""
        empty = torch.zeros(0, 1, 1, dtype=torch.uint8, device=delta.device)
        self._pixel_weights(Goal(empty, empty), 1)
        gradient, loss, share = torch.zeros_like(delta), delta.new_zeros(()), delta.new_zeros(())
        return self._workers.sum(gradient), self._workers.sum(loss), self._workers.sum(share)

    def _goals(self, batch: Batch) -> Goal:
        """The goals of a batch, zoomed and shifted with its pictures."""
        goal = self._unframed_goals(batch)
        if batch.transform is None:
            return goal
        framing = batch.transform.framing
        return Goal(framing.labels(goal.labels), framing.labels(goal.groups))

    def _unframed_goals(self, batch: Batch) -> Goal:
        """The goals before zoom and shift: augmented like the pictures, or if static, where the perturbation is."""
        if not self._target.needs_clean:
            shape = (len(batch.indices), *batch.images.shape[-2:])
            if shape not in self._constant_goals:
                self._constant_goals[shape] = self._goal_of(
                    torch.zeros(shape, dtype=torch.uint8, device=batch.images.device)
                )
            return self._constant_goals[shape]
        maps = self._clean_maps(batch.images) if batch.cropped else self.clean_maps(batch.indices, batch.images)
        for augmentation in batch.augmentations:
            maps = augmentation.maps(maps)
        return Goal(maps[:, 0], maps[:, 1]) if self._target.moves_with_image else self._goal_of(maps[:, 0])

    def clean_maps(self, indices: Sequence[int], images: Images) -> UInt8[Tensor, "n m h w"]:
        """Returns what is computed once for each clean picture (n, m, h, w): its prediction, or its goal and groups.

        It is stored compressed; on a GPU also as it is, as far as its memory allows.
        """
        return self._maps.stack(
            indices, lambda places: self._load_maps([indices[place] for place in places], images[places])
        )

    def _load_maps(self, indices: list[int], images: Images) -> UInt8[Tensor, "n m h w"]:
        missing_places = [place for place, index in enumerate(indices) if index not in self._map_store]
        if missing_places:
            for place, maps in zip(missing_places, self._clean_maps(images[missing_places]).cpu(), strict=True):
                self._map_store.add(indices[place], maps.numpy())
        shape = (-1, *images.shape[-2:])
        return torch.stack([torch.as_tensor(self._map_store.read(index).copy()).view(shape) for index in indices])

    def _clean_maps(self, images: Images) -> UInt8[Tensor, "n m h w"]:
        clean = self._model.predict(images)
        if not self._target.moves_with_image:
            return clean[:, None]
        goal = self._goal_of(clean)
        return torch.stack([goal.labels, goal.groups], dim=1)

    def _pixel_weights(self, goal: Goal, area: int, counts: Tensor | None = None) -> Tensor:
        """The weight of each pixel of the batch in the loss; with ``counts``, of all pixels with one label in a cell.

        Args:
            goal: The goal of the batch.
            area: The number of pixels of an image.
            counts: The counts of a `CoarseGoal`.
        """
        if self._by_pixel:
            weights = per_pixel_weights(goal.groups, self._weights, area)
        else:
            weights = self._region_weights(goal.groups, counts)
        return weights if counts is None else weights * counts

    def _region_weights(self, groups: LabelMaps, counts: Tensor | None) -> Tensor:
        sizes = self._workers.sum(group_sizes(groups, len(self._weights), counts))
        return region_weights(groups, sizes, self._weights)
