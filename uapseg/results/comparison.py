"""Comparison of two perturbations on the same pictures: the differences of their scores, with confidence intervals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

from torch import Tensor

from uapseg.attack.ball import Ball
from uapseg.datasets import Dataset
from uapseg.datasets.batches import image_batches
from uapseg.models import Segmenter
from uapseg.results.evaluation import predict_perturbed
from uapseg.targets import Target
from uapseg.targets.bootstrap import bootstrap_differences
from uapseg.targets.counts import Counts
from uapseg.targets.metrics import Scores, count_pixels, scores


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The scores of two perturbations on the same pictures.

    Attributes:
        model: The network.
        data: The dataset.
        split: The split.
        pictures: The number of pictures.
        first: The scores of the first perturbation, as in `uapseg.targets.metrics.scores`.
        second: The scores of the second perturbation.
        difference: The scores of the second minus those of the first.
        interval: 95 % bootstrap intervals of the differences, as [low, high]; both perturbations share each resample.

    Example:
        >>> both = Comparison(model="street", data="street", split="test", pictures=64, first={"hidden": 0.5},
        ...                   second={"hidden": 0.75}, difference={"hidden": 0.25}, interval={"hidden": [0.2, 0.3]})
        >>> both.to_dict()["difference"]
        {'hidden': 0.25}
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
        """Converts to plain values, ready for JSON."""
        return asdict(self)


def compare(
    model: Segmenter, dataset: Dataset, target: Target, first: Tensor, second: Tensor, *, seed: int = 0
) -> Comparison:
    """Compares two perturbations on every picture of a dataset.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures, used neither for training nor for selection.
        target: The target of both.
        first: A perturbation (3, h, w) in [-1, 1]; it is rounded to whole grey levels first.
        second: Another perturbation, of any size.
        seed: Random seed of the bootstrap.

    Raises:
        UapsegError: The target does not fit the classes of the network.

    Example:
        >>> import torch
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> none = torch.zeros(3, 48, 64)
        >>> compare(load_model("street:small"), dataset, Untargeted(), none, none).difference["fooled"]
        0.0
    """
    totals = count_each(model, dataset, target, [first, second])
    difference, interval = bootstrap_differences(totals[0], totals[1], target, seed)
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


def count_each(model: Segmenter, dataset: Dataset, target: Target, deltas: Sequence[Tensor]) -> list[Counts]:
    """Counts what each of some perturbations reaches on the same pictures, which are predicted clean only once.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures.
        target: The target of all perturbations.
        deltas: Perturbations (3, h, w) in [-1, 1], of any sizes; each is rounded to whole grey levels first.

    Returns:
        The counts over all pictures, for each perturbation.

    Raises:
        UapsegError: The target does not fit the classes of the network.

    Example:
        >>> import torch
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> (counts,) = count_each(load_model("street:small"), dataset, Untargeted(), [torch.zeros(3, 48, 64)])
        >>> scores(counts, Untargeted())["fooled"]
        0.0
    """
    device = next(model.buffers()).device
    deltas = [Ball(1.0).quantize(delta.to(device)) for delta in deltas]
    sizes = [(delta.shape[-1], delta.shape[-2]) for delta in deltas]
    goal_fns = {size: target.bind(model.classes, model.objects, size) for size in sizes}
    parts: list[list[Counts]] = [[] for _ in deltas]
    for _, images in image_batches(dataset, device):
        clean = model.predict(images)
        goals = {size: goal_of(clean) for size, goal_of in goal_fns.items()}
        for delta, size, part in zip(deltas, sizes, parts, strict=True):
            predictions = predict_perturbed(model, images, delta)
            part.append(count_pixels(predictions, clean, goals[size], target, model.classes))
    return [reduce(add, part) for part in parts]
