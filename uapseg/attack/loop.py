"""The training loop: a generator of snapshots. Progress, previews, files and early stopping are up to its consumer."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from uapseg.attack.cuda import DevicePool
from uapseg.attack.data.augmentation import Augmentation, Moves, Pastes, random_moves
from uapseg.attack.data.cut_outs import CutOuts
from uapseg.attack.data.map_store import MapStore
from uapseg.attack.data.sampling import class_balanced_weights, first_places, picture_order
from uapseg.attack.distributed import SINGLE_PROCESS, Workers
from uapseg.attack.objective import Batch, Objective
from uapseg.attack.optimizer import OPTIMIZERS, normalize
from uapseg.attack.run_cache import RunCache
from uapseg.attack.settings import Settings
from uapseg.attack.state import Snapshot, State
from uapseg.attack.transforms import random_transform
from uapseg.attack.translations import average_translations
from uapseg.attack.validation import Validator, evenly_spaced
from uapseg.datasets import Dataset
from uapseg.datasets.crops import random_crops
from uapseg.datasets.packed import MappedSequence
from uapseg.errors import UapsegError
from uapseg.models import Segmenter
from uapseg.targets import Target
from uapseg.tensors import Delta, Images, Pictures

TRAINING_SAMPLE = 24
"""Training pictures that are evaluated beside the validation pictures, so that overfitting shows."""

PREFETCH = 16
"""Pictures that are loaded ahead: a GPU may process a batch in less time than it takes to decode one picture."""


def fit(
    model: Segmenter,
    train: Dataset,
    held_out: Dataset,
    target: Target,
    settings: Settings,
    *,
    extra_models: Sequence[Segmenter] = (),
    state: State | None = None,
    start: Delta | None = None,
    workers: Workers = SINGLE_PROCESS,
    cache: RunCache | None = None,
) -> Generator[Snapshot, None, None]:
    """Trains one perturbation that makes ``model`` predict ``target`` in every picture of ``train``.

    Args:
        model: The network, on the device to compute on.
        train: The training pictures.
        held_out: The validation pictures, which select the best iterate.
        target: What the network should predict.
        settings: The hyperparameters.
        extra_models: Further networks to attack at once, on the same device.
        state: The state of an interrupted search with the same arguments.
        start: The perturbation that a new search starts from, clamped to epsilon; None starts from zero.
        workers: The processes that share each batch.
        cache: What earlier searches with these networks and pictures have computed, to be shared.

    Returns:
        A generator of snapshots: one before the first step, then one for each step, or batch of an unfinished pass.

    Raises:
        UapsegError: At once, when target, networks, pictures and settings do not fit together; with the first
            snapshot, when no validation picture shows a class to be hidden.

    Example:
        >>> from uapseg.attack.settings import fast
        >>> from uapseg.datasets import load_dataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets.drawing import text_target
        >>> model, size = load_model("street:small", "cpu"), (96, 64)
        >>> train, held_out = (load_dataset("street?scenes=2", split, size) for split in ("train", "val"))
        >>> settings = fast(epsilon=10 / 255, budget=4, validation_pictures=1)
        >>> *_, last = fit(model, train, held_out, text_target("a", "Tree", "Building", size), settings)
        >>> last.state.image_gradients, last.state.best.shape
        (4, torch.Size([3, 64, 96]))
    """
    models = (model, *extra_models)
    for network in models:
        _check_target(network, target, settings.tile or train.size, add_name=bool(extra_models))
    if settings.paste and not target.takes_pasted_objects:
        raise UapsegError("Only objects of hidden classes can be pasted: leave paste at 0, or hide classes.")
    indices = evenly_spaced(len(train), settings.train_pictures)
    if settings.full_batch and settings.budget < len(indices):
        raise UapsegError(
            f"The preset {settings.preset} takes one step for each pass over the {len(indices)} training pictures: "
            f"set a budget of at least {len(indices)} image-gradients, or use fewer training pictures."
        )
    cache = cache or RunCache()
    search = Search(models, train, indices, target, settings, workers=workers, cache=cache)
    if start is not None and start.shape[1:] != search.tile[::-1]:
        height, width = start.shape[1:]
        raise UapsegError(
            f"The perturbation to start from is of {width} x {height} pixels, and the search is for one of "
            f"{search.tile[0]} x {search.tile[1]}: start from one of that size."
        )
    return _snapshots(search, held_out, state, start, cache)


def _check_target(model: Segmenter, target: Target, tile: tuple[int, int], *, add_name: bool) -> None:
    """Checks that a network has the classes of a target; the message names the network if there are several."""
    try:
        target.bind(model.classes, model.objects, tile)
    except UapsegError as error:
        if not add_name:
            raise
        raise UapsegError(f"The target does not fit the network {model.name}: {error}") from error


def _snapshots(
    search: "Search", held_out: Dataset, state: State | None, start: Delta | None, cache: RunCache
) -> Generator[Snapshot, None, None]:
    settings, validator = search.settings, _make_validator(search, held_out, cache)
    if state is None:
        state = State.initial(search.tile, validator.clean)
        if start is not None:
            state = state.restart(settings.ball.project(start.cpu()))
    state = state.to(search.device)
    noise = settings.ball.random_noise(search.tile, settings.seed).to(search.device)
    # After a change, the first step is shown at once; validation and its baseline, which take longer, follow the next
    is_first_after_change = state.image_gradients > 0 and not state.validation.each
    baselines = {"clean": validator.clean.scores}
    if not is_first_after_change:
        baselines["random_noise"] = validator.baseline(noise, settings.ball)
    zero = torch.zeros((), device=search.device)
    yield Snapshot(state, baselines, False, zero, zero)
    earlier_seconds, start_time = state.seconds, time.monotonic()
    while state.image_gradients < search.total:
        state, loss, success = search.advance(state)
        if search.validation_due(state) and not (is_first_after_change and state.image_gradients < search.total):
            baselines = {**baselines, "random_noise": validator.baseline(noise, settings.ball)}
            validation = validator.evaluate(state.delta, settings.ball, state.image_gradients)
            state = state.with_validation(validation)
        is_first_after_change = False
        state = replace(state, seconds=earlier_seconds + time.monotonic() - start_time)
        yield Snapshot(state, baselines, state.stalled_for >= search.total / 2, loss, success)


def _make_validator(search: "Search", held_out: Dataset, cache: RunCache) -> Validator:
    """Makes the validator for held-out pictures and, for comparison, some training pictures."""
    training = [search.indices[place] for place in first_places(len(search.indices), TRAINING_SAMPLE, search.settings)]
    validation = evenly_spaced(len(held_out), search.settings.validation_pictures)
    pictures = ((held_out, validation), (search.train, training))
    key = (search.models, held_out, (*validation,), search.train, (*training,), search.target, search.tile)
    validator = cache.get(
        "validator",
        key,
        lambda: Validator(
            search.models, *pictures, search.target, search.tile, workers=search.workers, on_disk=cache.on_disk
        ),
    )
    if all(share is None for share in validator.clean.each):
        raise UapsegError(
            f"The network sees no {' or '.join(search.target.source_classes)} in any of the {len(validation)} "
            "validation pictures: choose classes that appear, or use other or more pictures."
        )
    return validator


class Search:
    """Takes training steps: holds what stays the same between them. Each step maps a state to a new one.

    Args:
        models: The networks, on the device to compute on.
        train: The training pictures.
        indices: The indices of those to use.
        target: What the networks should predict.
        settings: The hyperparameters.
        workers: The processes that share each batch.
        cache: What earlier searches have computed, to be shared.

    Example:
        >>> from uapseg.attack.settings import fast
        >>> from uapseg.datasets import load_dataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets.drawing import text_target
        >>> model, train = load_model("street:small", "cpu"), load_dataset("street?scenes=2", "train", (96, 64))
        >>> target, settings = text_target("a", "Tree", "Road", (96, 64)), fast(epsilon=10 / 255, budget=4)
        >>> Search([model], train, [0, 1], target, settings, workers=SINGLE_PROCESS).total
        4
    """

    def __init__(
        self,
        models: Sequence[Segmenter],
        train: Dataset,
        indices: Sequence[int],
        target: Target,
        settings: Settings,
        *,
        workers: Workers,
        cache: RunCache | None = None,
    ) -> None:
        settings = settings.resolve_pasting(len(indices), pastable=target.takes_pasted_objects)
        self.models, self.train, self.indices, self.target, self.settings = models, train, indices, target, settings
        self.tile = settings.tile or train.size
        self.device = next(models[0].buffers()).device
        self.workers = workers
        cache = cache or RunCache()
        clean_maps = [cache.get("clean maps", (model, train, target, self.tile), MapStore) for model in models]
        self._objectives = [
            Objective(model, target, settings, self.tile, workers, maps)
            for model, maps in zip(models, clean_maps, strict=True)
        ]
        self._optimizer = OPTIMIZERS[settings.optimizer or target.defaults.optimizer]
        period = settings.translation_period
        self._translation_period = target.defaults.translation_period if period is None else period
        self._pictures = DevicePool(self.device)
        self._cut_outs = CutOuts(train, self._objectives[0].clean_maps, self.device)
        self._order = lru_cache(2)(self._draw_order)  # a batch may lie in two epochs
        epoch_length = len(indices)
        self.total = settings.budget // epoch_length * epoch_length if settings.full_batch else settings.budget

    def validation_due(self, state: State) -> bool:
        """Whether it is time to evaluate the validation pictures."""
        last_validation, interval = state.validation.image_gradients, self.settings.validate_every
        next_validation = last_validation + interval if last_validation else self.settings.first_validation or interval
        return state.image_gradients >= min(next_validation, self.total)

    def advance(self, state: State) -> tuple[State, Tensor, Tensor]:
        """Processes a batch, and takes a step if one is due; also returns the loss and success rate of the batch."""
        position = state.image_gradients
        indices = self._batch(position)
        gradient, loss, success = self._gradient(state.delta, indices, position)
        gradient = state.grad_sum + gradient
        state = replace(state, image_gradients=position + len(indices))
        if self.settings.full_batch and state.image_gradients % len(self.indices):
            return replace(state, grad_sum=gradient), loss, success
        gradient = average_translations(gradient, self._translation_period)
        return state.descend(gradient, self._optimizer, self.settings, position / self.total), loss, success

    def _batch(self, position: int) -> list[int]:
        """The indices of the next batch; each epoch has an order of its own, which is drawn from the seed."""
        size = len(self.indices)
        remaining_count = min(
            self.total - position, size - position % size if self.settings.full_batch else self.total
        )
        positions = range(position, position + min(self.settings.batch, remaining_count))
        orders = {epoch: self._order(epoch) for epoch in {place // size for place in positions}}
        return [self.indices[orders[place // size][place % size]] for place in positions]

    def _upcoming(self, position: int) -> list[int]:
        """This process's share of the next `PREFETCH` pictures or more, in the order in which they come."""
        upcoming_indices, end = list[int](), min(position + PREFETCH, self.total)
        while position < end:
            batch = self._batch(position)
            upcoming_indices += self.workers.shard(batch)
            position += len(batch)
        return upcoming_indices

    def _draw_order(self, epoch: int) -> Sequence[int]:
        """The order of an epoch: a permutation, or with balanced classes as many weighted samples."""
        weights = self._class_weights if self.settings.balanced else None
        return picture_order(len(self.indices), epoch, self.settings.seed, weights)

    @cached_property
    def _class_weights(self) -> Tensor:
        return class_balanced_weights(self.models[0], self.train, self.indices, self.workers)

    def _gradient(self, delta: Delta, indices: list[int], position: int) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient of a batch's loss, the loss, and the share of pixels at the goal, over all networks."""
        batch = self._augmented_batch(indices, position)
        upcoming_indices = self._pictures.missing(self._upcoming(position + len(indices)))
        self.train.prefetch(upcoming_indices, whole=bool(self.settings.crop))
        parts = [objective.gradient(batch, delta) for objective in self._objectives]
        if len(parts) == 1:
            return parts[0]
        gradients, losses, success = zip(*parts, strict=True)
        return (
            torch.stack([normalize(gradient) for gradient in gradients]).sum(0),
            torch.stack(losses).mean(),
            torch.stack(success).mean(),
        )

    def _augmented_batch(self, indices: list[int], position: int) -> Batch:
        """This process's share of a batch, augmented; it depends only on the settings and the position."""
        settings, own_indices = self.settings, self.workers.shard(indices)
        seed = settings.seed * 1_000_003 + position
        return Batch(
            own_indices,
            self._images(indices, seed) if own_indices else torch.zeros(0, 3, 1, 1, device=self.device),
            len(indices),
            self._augmentations(len(indices), position, seed) if own_indices else (),
            random_transform(seed) if settings.robust else None,
            cropped=bool(settings.crop),
        )

    def _images(self, indices: Sequence[int], seed: int) -> Images:
        """This process's share of some pictures, in [0, 1]; a GPU caches them in whole grey levels unless cropped."""
        own_indices = self.workers.shard(indices)

        def load(places: list[int]) -> Pictures:
            return self.train.pictures([own_indices[place] for place in places])

        if self.settings.crop:
            crops = self.workers.shard(random_crops(len(indices), seed=seed))
            return self.train.crops(own_indices, crops).to(self.device, non_blocking=True).float() / 255
        return self._pictures.stack(own_indices, load).float() / 255

    def _augmentations(self, count: int, position: int, seed: int) -> list[Augmentation]:
        """The augmentations of this process's share of ``count`` pictures; pasted objects come last, unmoved."""
        settings, augmentations = self.settings, list[Augmentation]()
        if settings.shift or settings.flip:
            moves = random_moves(count, settings.shift, flip=bool(settings.flip), seed=seed)
            augmentations.append(Moves(self.workers.shard(moves)))
        if settings.paste:
            pictures = self._pictures_so_far(position + count)
            generators = (torch.Generator().manual_seed(seed + place) for place in self.workers.shard(range(count)))
            pastes = [self._cut_outs.draw(settings.paste, pictures, generator) for generator in generators]
            augmentations.append(Pastes(pastes))
        return augmentations

    def _pictures_so_far(self, position: int) -> Sequence[int]:
        """The pictures of the batches so far, whose clean predictions are cached unless they were cropped."""
        if position >= len(self.indices):
            return self.indices
        return MappedSequence(self.indices.__getitem__, self._order(0)[:position])
