"""Two perturbations on the same pictures: by how much their scores differ, and whether that is more than chance."""

from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

from torch import Tensor

from uapseg.attack.perturbation import quantize
from uapseg.datasets import Dataset
from uapseg.models import Segmenter
from uapseg.results.evaluation import BATCH_SIZE, load_images, predict_perturbed
from uapseg.targets import Target
from uapseg.targets.counts import Counts
from uapseg.targets.metrics import Scores, bootstrap_differences, count_pixels, scores


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The scores of two perturbations on the same pictures.

    Attributes:
        model: The network.
        data: The data set.
        split: Its split.
        pictures: How many pictures were measured.
        first: The scores of the first perturbation, as `uapseg.targets.metrics.scores` defines them.
        second: Those of the second one.
        difference: The scores of the second less those of the first.
        interval: 95 % bootstrap intervals of the differences, as [low, high]; each drawn set of pictures is the same
            for both.
    """

    model: str
    data: str
    split: str
    pictures: int
    first: Scores
    second: Scores
    difference: dict[str, float]
    interval: dict[str, list[float]]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, ready for JSON."""
        return asdict(self)


def compare(
    model: Segmenter, dataset: Dataset, target: Target, first: Tensor, second: Tensor, *, seed: int = 0
) -> Comparison:
    """Measures two perturbations on every picture of a data set.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures; those that neither perturbation was trained on nor chosen by.
        target: What the network was meant to see.
        first: A perturbation (3, h, w) in [-1, 1]; it is rounded to whole grey levels first.
        second: Another one, of any size.
        seed: Draws the bootstrap.

    Raises:
        UapsegError: ``target`` does not fit the classes of ``model``.
    """
    device = next(model.buffers()).device
    deltas = [quantize(delta.to(device), 1.0) for delta in (first, second)]
    goals = [target.bind(model.classes, model.objects, (delta.shape[-1], delta.shape[-2])) for delta in deltas]
    parts: tuple[list[Counts], list[Counts]] = ([], [])
    for start in range(0, len(dataset), BATCH_SIZE):
        images = load_images(dataset, range(start, min(start + BATCH_SIZE, len(dataset))), device)
        clean = model.predict(images)
        for delta, goal_of, part in zip(deltas, goals, parts, strict=True):
            seen = predict_perturbed(model, images, delta)
            part.append(count_pixels(seen, clean, goal_of(clean), target, model.classes))
    totals = (reduce(add, parts[0]), reduce(add, parts[1]))
    difference, interval = bootstrap_differences(*totals, target, seed)
    return Comparison(
        model=model.name,
        data=dataset.name,
        split=dataset.split,
        pictures=len(dataset),
        first=scores(totals[0], target),
        second=scores(totals[1], target),
        difference=difference,
        interval=interval,
    )
