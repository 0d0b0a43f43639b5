"""Held-out pictures that a search looks at now and then: the live figures, and what chooses the best iterate."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import torch

from uapseg.datasets import Dataset
from uapseg.evaluate import BATCH, images_of, seen_with
from uapseg.metrics import Counts, Scores, count, each, merit, scores
from uapseg.models import Segmenter
from uapseg.perturbation import quantise
from uapseg.targets import Goal, Target
from uapseg.tensors import Delta, Images, LabelMaps

SHOWN = 6


@dataclass(frozen=True)
class Validation:
    """How a perturbation in whole grey levels does on held-out 8-bit pictures.

    Attributes:
        image_gradients: What had been spent when it was measured.
        scores: As `uapseg.metrics.scores` defines them.
        each: The success in each picture, in [0, 1]; None where a picture shows none of the hidden classes.
        predictions: What the network sees in the first few pictures (6 at most, h, w), uint8, on the CPU.
    """

    image_gradients: int
    scores: Scores
    each: tuple[float | None, ...]
    predictions: LabelMaps

    @property
    def merit(self) -> float:
        """One number to choose by, in [0, 1]."""
        return merit(self.scores)


@dataclass(frozen=True)
class _Batch:
    images: Images
    clean: LabelMaps
    goal: Goal


class HeldOut:
    """Some pictures of a data set with their clean predictions and goals, computed once.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures.
        numbers: Which of them.
        target: What the network is to see.
        tile: (width, height) of the perturbation.
    """

    def __init__(
        self, model: Segmenter, dataset: Dataset, numbers: Sequence[int], target: Target, tile: tuple[int, int]
    ) -> None:
        self._model, self._target = model, target
        device = next(model.buffers()).device
        goal_of = target.on(model.classes, model.objects, tile)
        self._batches: list[_Batch] = []
        for start in range(0, len(numbers), BATCH):
            images = images_of(dataset, numbers[start : start + BATCH], device)
            clean = model.predict(images)
            self._batches.append(_Batch(images, clean, goal_of(clean)))

    def look(self, delta: Delta | None, epsilon: float, image_gradients: int = 0) -> Validation:
        """Measures a perturbation in whole grey levels within ``epsilon``; None measures the clean pictures."""
        whole = None if delta is None else quantise(delta, epsilon)
        parts: list[Counts] = []
        maps: list[LabelMaps] = []
        for batch in self._batches:
            seen = batch.clean if whole is None else seen_with(self._model, batch.images, whole)
            parts.append(count(seen, batch.clean, batch.goal, self._target, self._model.classes))
            maps.append(seen[:SHOWN].cpu())
        counts = reduce(add, parts)
        return Validation(
            image_gradients,
            scores(counts, self._target),
            each(counts, self._target),
            torch.cat(maps[:1])[:SHOWN].clone(),
        )


def spread(length: int, wanted: int | None) -> list[int]:
    """``wanted`` numbers below ``length``, evenly spread; all of them where None or too many are wanted."""
    if wanted is None or wanted >= length:
        return list(range(length))
    return [number * length // wanted for number in range(wanted)]
