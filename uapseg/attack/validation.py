"""Validation on held-out pictures during a search: the live figures, and the selection of the best iterate."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from uapseg.attack.ball import Ball
from uapseg.attack.distributed import SINGLE_PROCESS, Workers
from uapseg.attack.perturbation import perturb, quantize_images
from uapseg.datasets import Dataset
from uapseg.datasets.batches import image_batches
from uapseg.models import Segmenter
from uapseg.models.prediction_cache import predict_cached
from uapseg.targets import Target
from uapseg.targets.bootstrap import bootstrap_interval
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal
from uapseg.targets.metrics import Collapse, Scores, count_pixels, find_collapse, per_image_success, scores
from uapseg.targets.selection import SelectionCounts, selection_counts, selection_score
from uapseg.tensors import Delta, Images, LabelMaps

PREVIEW_IMAGES = 12
"""How many validation pictures have their predictions in a `Validation`."""

UNCOUNTED = torch.zeros(0, 0, 0, 2, dtype=torch.int64)
"""The counts of a validation on no pictures."""


@dataclass(frozen=True)
class Validation:
    """The validation of a perturbation in whole grey levels on held-out 8-bit pictures.

    Attributes:
        image_gradients: The image-gradients spent before it.
        scores: The scores, as in `uapseg.targets.metrics.scores`.
        each: The success rate in each picture, in [0, 1]; None if the target does not concern a picture.
        interval: The 95 % bootstrap interval of the first score over pictures, as (low, high); empty if the target
            concerns none of them.
        predictions: The predictions on the first few pictures (at most `PREVIEW_IMAGES`, h, w), on the CPU.
        training: The scores on some training pictures: far above the others, they reveal overfitting.
        others: The scores of further networks.
        collapse: The class that replaces others, if any.
        counts: The numerators and denominators of the selection score, on the CPU.

    Example:
        >>> none = torch.zeros(0, 32, 48, dtype=torch.uint8)
        >>> Validation(0, scores={"hidden": 0.5}, each=(0.5,), predictions=none, training={}).scores["hidden"]
        0.5
    """

    image_gradients: int
    scores: Scores
    each: tuple[float | None, ...]
    predictions: LabelMaps
    training: Scores
    interval: tuple[float, ...] = ()
    others: tuple[Scores, ...] = ()
    collapse: Collapse | None = None
    counts: SelectionCounts = field(default_factory=lambda: UNCOUNTED)

    @property
    def selection_score(self) -> float:
        """The score that selects the best iterate, in [0, 1]: the mean over all networks."""
        return selection_score(self.counts)

    @classmethod
    def from_dict(cls, fields: dict[str, Any], predictions: LabelMaps, counts: SelectionCounts) -> "Validation":
        """Creates a validation from the result of `dataclasses.asdict`, also after serialization as JSON."""
        return cls(
            fields["image_gradients"],
            fields["scores"],
            tuple(fields["each"]),
            predictions,
            fields["training"],
            tuple(fields["interval"]),
            tuple(fields["others"]),
            Collapse(**fields["collapse"]) if fields["collapse"] else None,
            counts,
        )


class Validator:
    """Evaluates perturbations on held-out pictures with each network, and on some training pictures.

    Args:
        models: The networks, on one device; the first one is displayed.
        held_out: The validation pictures, and their indices.
        training: Some training pictures, and their indices.
        target: The target.
        tile: The (width, height) of the perturbation.
        workers: The processes that share the pictures; each gets the same validation.
        on_disk: Whether predictions are cached on disk for later processes.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> pictures = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")]), [0]
        >>> validator = Validator([load_model("street:small")], pictures, pictures, Untargeted(), (64, 48))
        >>> validator.clean.scores["fooled"]
        0.0
    """

    def __init__(
        self,
        models: Sequence[Segmenter],
        held_out: tuple[Dataset, Sequence[int]],
        training: tuple[Dataset, Sequence[int]],
        target: Target,
        tile: tuple[int, int],
        *,
        workers: Workers = SINGLE_PROCESS,
        on_disk: bool = True,
    ) -> None:
        shared: dict[str, Any] = {"workers": workers, "on_disk": on_disk}
        self._first_set, *self._other_sets = (EvalSet(model, *held_out, target, tile, **shared) for model in models)
        self._training = EvalSet(models[0], *training, target, tile, **shared)
        self._baselines: dict[bytes, Scores] = {}

    def evaluate(self, delta: Delta | None, ball: Ball, image_gradients: int = 0) -> Validation:
        """Evaluates a perturbation in whole grey levels within a ball; None evaluates the clean pictures."""
        quantized = None if delta is None else ball.quantize(delta)
        counts, predictions = self._first_set.predict(quantized)
        target = self._first_set.target
        other_counts = [other.predict(quantized)[0] for other in self._other_sets]
        return Validation(
            image_gradients,
            scores(counts, target),
            per_image_success(counts, target),
            predictions,
            scores(self._training.predict(quantized)[0], target),
            bootstrap_interval(counts, target),
            tuple(scores(other, target) for other in other_counts),
            find_collapse(counts, target, self._first_set.model.classes),
            torch.cat([selection_counts(network_counts, target) for network_counts in (counts, *other_counts)]),
        )

    @cached_property
    def clean(self) -> Validation:
        """The validation of the clean pictures, computed once."""
        return self.evaluate(None, Ball(0.0))

    def baseline(self, delta: Delta, ball: Ball) -> Scores:
        """Returns the scores of a perturbation that is the same in every run, such as random noise; computed once."""
        quantized = ball.quantize(delta)
        key = hashlib.blake2b(quantized.cpu().numpy().tobytes(), digest_size=16).digest()
        if key not in self._baselines:
            self._baselines[key] = scores(self._first_set.predict(quantized, keep=True)[0], self._first_set.target)
        return self._baselines[key]


@dataclass(frozen=True)
class _Batch:
    images: Images
    clean: LabelMaps
    goal: Goal


class EvalSet:
    """Pictures of a dataset with their clean predictions and goals, computed once.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures.
        indices: The indices of the pictures.
        target: The target.
        tile: The (width, height) of the perturbation.
        workers: The processes that share the pictures.
        on_disk: Whether predictions are cached on disk for later processes.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> pictures = EvalSet(load_model("street:small"), dataset, [0], Untargeted(), (64, 48))
        >>> counts, predictions = pictures.predict(None)
        >>> len(counts), predictions.shape
        (1, torch.Size([1, 48, 64]))
    """

    def __init__(
        self,
        model: Segmenter,
        dataset: Dataset,
        indices: Sequence[int],
        target: Target,
        tile: tuple[int, int],
        *,
        workers: Workers = SINGLE_PROCESS,
        on_disk: bool = True,
    ) -> None:
        self.model, self.target, self._workers, self._on_disk = model, target, workers, on_disk
        indices = workers.shard(indices)
        device = next(model.buffers()).device
        goal_of = target.bind(model.classes, model.objects, tile)
        self._batches: list[_Batch] = []
        for _, images in image_batches(dataset, device, indices):
            clean = self._predict(images, keep=True)
            self._batches.append(_Batch(images, clean, goal_of(clean)))

    def predict(self, quantized: Delta | None, *, keep: bool = False) -> tuple[Counts, LabelMaps]:
        """Predicts and counts with a perturbation in whole grey levels; None counts the clean pictures.

        Args:
            quantized: The perturbation.
            keep: Whether to cache the predictions on disk for later runs.

        Returns:
            The counts, and the predictions on the first few pictures (`PREVIEW_IMAGES` at most, h, w), on the CPU.
        """
        rows: list[Counts] = []
        maps: list[Tensor] = []
        for batch in self._batches:
            predictions = batch.clean
            if quantized is not None:
                predictions = self._predict(quantize_images(perturb(batch.images, quantized)), keep=keep)
            rows += count_pixels(predictions, batch.clean, batch.goal, self.target, self.model.classes).rows()
            maps += predictions[: PREVIEW_IMAGES - len(maps)].cpu()
        return Counts.of(self._workers.gather(rows)), torch.stack(self._workers.gather(maps)[:PREVIEW_IMAGES])

    def _predict(self, images: Images, *, keep: bool) -> LabelMaps:
        return predict_cached(self.model, images) if keep and self._on_disk else self.model.predict(images)


def evenly_spaced(length: int, count: int | None) -> Sequence[int]:
    """Returns ``count`` evenly spaced indices below ``length``; all of them for None or if too many are wanted.

    Example:
        >>> evenly_spaced(10, 3), evenly_spaced(2, None)
        ([0, 3, 6], range(0, 2))
    """
    if count is None or count >= length:
        return range(length)
    return [number * length // count for number in range(count)]
