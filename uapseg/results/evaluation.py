"""Evaluation of a perturbation on a dataset: on 8-bit pictures, beside clean pictures and random noise."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add

import torch
from jaxtyping import Float
from torch import Tensor

from uapseg.attack.ball import Ball, root_mean_square
from uapseg.attack.perturbation import perturb, quantize_images
from uapseg.datasets import Dataset
from uapseg.datasets.batches import BATCH_SIZE, image_batches, load_images
from uapseg.models import Segmenter
from uapseg.targets import Target
from uapseg.targets.bootstrap import bootstrap_intervals, lost_objects
from uapseg.targets.counts import Counts, truth_overlap
from uapseg.targets.goals import class_indices
from uapseg.targets.metrics import Collapse, Scores, count_pixels, find_collapse, mean_iou, pixel_accuracy, scores
from uapseg.targets.selection import selection_counts, selection_score
from uapseg.tensors import Delta, Images, LabelMaps, to_integers, to_list

MIN_TARGET_SHARE = 0.01
"""The share of pixels of a class above which a picture counts as showing it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The scores of a perturbation, as in `uapseg.targets.metrics.scores`.

    Attributes:
        model: The network.
        data: The dataset.
        split: The split: ``val`` selects, ``test`` reports.
        pictures: The number of pictures.
        epsilon: The bound of the perturbation, in grey levels of 255.
        norm: What epsilon bounds: the largest absolute value (``linf``), or the root mean square (``l2``).
        perturbed: The scores with the perturbation, rounded to whole grey levels.
        clean: The scores of the clean pictures.
        random_noise: The scores with random noise as large as epsilon allows: random signs, or with ``l2`` normally
            distributed values.
        selection_score: The mean of scores that orders iterates and leaderboards, in [0, 1].
        interval: 95 % bootstrap intervals over pictures of the scores with the perturbation, as [low, high].
        lost_objects: The share of other objects' pixels lost beyond what random noise loses; None for a target without
            such objects. Its interval is among those of the scores.
        truth: The mean IoU against the ground truth under the same three names; empty without ground truth.
        truth_accuracy: The share of labelled pixels that are predicted as in the ground truth, likewise.
        collapse: The class that replaces others, as in `uapseg.targets.metrics.Collapse`; None without collapse.
        linf: The largest absolute value of the perturbation, in grey levels.
        l2: The Euclidean norm of the change in [0, 1] units, averaged over pictures.
        rms: The root mean square of the perturbation, in grey levels.
        multiple: What the network's sides must be multiples of; pictures are padded inside.
        hashes: What was evaluated: ``weights``, ``pictures``, ``target`` and ``perturbation``, up to 16 hexadecimal
            digits each.
        measuring_seconds: The duration of the evaluation.

    Example:
        >>> scores = {"hidden": 0.852}
        >>> report = Report(
        ...     model="street", data="street", split="test", pictures=64, epsilon=10, perturbed=scores, clean=scores,
        ...     random_noise=scores, selection_score=0.9, interval={"hidden": [0.82, 0.881]}, truth={},
        ...     truth_accuracy={}, collapse=None, linf=10, l2=1.5, rms=9, hashes={}, measuring_seconds=9,
        ... )
        >>> print(report.table().splitlines()[1])
        hidden                  85.2     82.0 to 88.1     85.2          85.2
    """

    model: str
    data: str
    split: str
    pictures: int
    epsilon: float
    perturbed: Scores
    clean: Scores
    random_noise: Scores
    selection_score: float
    interval: dict[str, list[float]]
    truth: dict[str, float | None]
    truth_accuracy: dict[str, float | None]
    collapse: Collapse | None
    linf: float
    l2: float
    rms: float
    hashes: dict[str, str]
    measuring_seconds: float
    norm: str = "linf"
    multiple: int = 1
    lost_objects: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Converts to plain values, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """Formats the report as a text table, in per cent."""
        lines = [f"{'':<18}{'perturbed':>10}{'95 % interval':>17}{'clean':>9}{'random noise':>14}"]
        for name, value in self.perturbed.items():
            interval = " to ".join(map(format_percent, self.interval.get(name, [None])))
            cells = [f"{format_percent(value):>10}", f"{interval:>17}"]
            cells += [f"{format_percent(self.clean[name]):>9}", f"{format_percent(self.random_noise[name]):>14}"]
            lines.append(f"{name.replace('_', ' '):<18}" + "".join(cells))
        if self.lost_objects is not None:
            interval = " to ".join(map(format_percent, self.interval["lost_objects"]))
            lines.append(
                f"{'objects lost':<18}{format_percent(self.lost_objects):>10}{interval:>17}  beyond random noise"
            )
        for label, values in (("mIoU against truth", self.truth), ("accuracy (truth)", self.truth_accuracy)):
            if values:
                cells = [f"{format_percent(values['perturbed']):>10}", " " * 17]
                cells += [f"{format_percent(values['clean']):>9}", f"{format_percent(values['random_noise']):>14}"]
                lines.append(f"{label:<18}" + "".join(cells))
        kind = f"all {self.pictures}" if self.split == "all" else f"{self.pictures} {self.split}"
        context = f"{kind} pictures of {self.data}, network {self.model}"
        lines.append(f"{context}; largest change {self.linf:.0f} grey levels of 255, root mean square {self.rms:.1f}")
        if self.multiple > 1:
            lines.append(
                f"The network takes sides of multiples of {self.multiple}: pictures are padded inside, and cut again."
            )
        return "\n".join([*lines, *([collapse_warning(self.collapse)] if self.collapse else [])])


def format_percent(share: float | None) -> str:
    """Formats a share in per cent, or a dash for None.

    Example:
        >>> format_percent(0.852), format_percent(None)
        ('85.2', '-')
    """
    return "-" if share is None else f"{100 * share:.1f}"


def collapse_warning(collapse: Collapse) -> str:
    """Explains in one sentence that the network no longer distinguishes classes.

    Example:
        >>> collapse_warning(Collapse("Road", clean=0.2, goal=0.25, perturbed=0.75)).partition(":")[0]
        'Collapse'
    """
    return (
        f"Collapse: {collapse.name} fills {format_percent(collapse.perturbed)} % of the pictures, of which it had "
        f"{format_percent(collapse.clean)} % and should have {format_percent(collapse.goal)} %: the "
        "network no longer tells things apart."
    )


def target_shares(predictions: LabelMaps, target: Target, classes: Sequence[str]) -> Float[Tensor, " n"]:
    """Computes the share of each picture's pixels that a target concerns: its source classes, or everything.

    Args:
        predictions: The predictions on the clean pictures (n, h, w).
        target: The target.
        classes: The classes of the network.

    Example:
        >>> from uapseg.targets import HideClasses
        >>> predictions = torch.tensor([[[0, 1, 1, 0]]], dtype=torch.uint8)
        >>> target_shares(predictions, HideClasses(classes=("Car",)), ("Road", "Car"))
        tensor([0.5000])
    """
    if not target.source_classes:
        return torch.ones(len(predictions))
    sources = torch.tensor(class_indices(target.source_classes, tuple(classes)), device=predictions.device)
    return torch.isin(predictions.long(), sources).float().mean((1, 2)).cpu()


def indices_showing_target(model: Segmenter, dataset: Dataset, target: Target, count: int) -> list[int]:
    """Returns the indices of the first pictures that clearly show what a target concerns, then of those that do less.

    Args:
        model: The network, on the device to compute on; its predictions on the clean pictures decide.
        dataset: The pictures.
        target: The target.
        count: The most pictures.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> indices_showing_target(load_model("street:small"), dataset, Untargeted(), count=4)
        [0]
    """
    device, shares = next(model.buffers()).device, list[float]()
    while len(shares) < len(dataset) and sum(share >= MIN_TARGET_SHARE for share in shares) < count:
        indices = range(len(shares), min(len(shares) + BATCH_SIZE, len(dataset)))
        if target.source_classes:
            predictions = model.predict(load_images(dataset, indices, device))
            shares += to_list(target_shares(predictions, target, model.classes))
        else:
            shares += [1.0] * len(indices)
    return sorted(range(len(shares)), key=lambda number: -min(shares[number], MIN_TARGET_SHARE))[:count]


def predict_perturbed(model: Segmenter, images: Images, delta: Delta) -> LabelMaps:
    """Predicts the classes in the 8-bit pictures that a perturbation makes (n, h, w).

    Args:
        model: The network, on the device to compute on.
        images: Images (n, 3, h, w) in [0, 1].
        delta: The perturbation.

    Example:
        >>> from uapseg.models import load_model
        >>> predict_perturbed(load_model("street:small"), torch.zeros(1, 3, 48, 64), torch.zeros(3, 48, 64)).shape
        torch.Size([1, 48, 64])
    """
    return model.predict(quantize_images(perturb(images, delta)))


def evaluate(model: Segmenter, dataset: Dataset, target: Target, delta: Delta, *, ball: Ball, seed: int = 0) -> Report:
    """Evaluates a perturbation on every picture of a dataset.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures, used neither for training nor for selection.
        target: The target of the perturbation.
        delta: The perturbation (3, h, w); it is rounded to whole grey levels within the ball first.
        ball: The bound of the perturbation; random noise as large as that is the baseline.
        seed: Random seed of the noise and the bootstrap.

    Raises:
        UapsegError: The target does not fit the classes of the network.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> model, none = load_model("street:small"), torch.zeros(3, 48, 64)
        >>> report = evaluate(model, dataset, Untargeted(), none, ball=Ball(10 / 255))
        >>> report.perturbed["fooled"], report.linf
        (0.0, 0.0)
    """
    start_time = time.monotonic()
    device = next(model.buffers()).device
    delta = ball.quantize(delta.to(device))
    size = (delta.shape[-1], delta.shape[-2])
    noise = ball.quantize(ball.random_noise(size, seed).to(device))
    tally, norms = _Totals(model, dataset, target, size), list[torch.Tensor]()
    for indices, images in image_batches(dataset, device):
        clean = model.predict(images)
        predictions = {"perturbed": predict_perturbed(model, images, delta), "clean": clean}
        tally.add(indices, clean, {**predictions, "random_noise": predict_perturbed(model, images, noise)})
        norms.append((quantize_images(perturb(images, delta)) - images).square().sum((1, 2, 3)).sqrt())
    totals = tally.totals()
    interval = bootstrap_intervals(totals["perturbed"], target, seed)
    lost_share = lost_objects(totals["perturbed"], totals["random_noise"], target, seed)
    if lost_share:
        interval["lost_objects"] = lost_share[1]
    return Report(
        model=model.name,
        data=dataset.name,
        split=dataset.split,
        pictures=len(dataset),
        epsilon=round(ball.epsilon * 255, 3),
        norm=ball.norm,
        perturbed=scores(totals["perturbed"], target),
        clean=scores(totals["clean"], target),
        random_noise=scores(totals["random_noise"], target),
        selection_score=selection_score(selection_counts(totals["perturbed"], target)),
        interval=interval,
        lost_objects=lost_share[0] if lost_share else None,
        truth=tally.truth(),
        truth_accuracy=tally.truth_accuracy(),
        collapse=find_collapse(totals["perturbed"], target, model.classes),
        linf=round(delta.abs().amax().item() * 255, 3),  # not 10.0000004
        l2=torch.cat(norms).mean().item(),
        rms=round(root_mean_square(delta).item() * 255, 3),
        hashes=_hashes(model, dataset, target, delta),
        measuring_seconds=round(time.monotonic() - start_time, 3),
        multiple=model.multiple,
    )


class _Totals:
    """Counts of predictions with and without the perturbation, against the goal and the ground truth."""

    def __init__(self, model: Segmenter, dataset: Dataset, target: Target, tile: tuple[int, int]) -> None:
        self._model, self._dataset, self._target = model, dataset, target
        self._goal_of = target.bind(model.classes, model.objects, tile)
        self._parts: dict[str, list[Counts]] = {}
        self._truth_counts: dict[str, list[tuple[Tensor, Tensor]]] = {}
        names = {name.lower(): number for number, name in enumerate(model.classes)}
        table = [names.get(name.lower(), 255) for name in dataset.classes]
        self._table = torch.tensor([*table, *[255] * (256 - len(table))], dtype=torch.uint8)
        self._has_truth = any(number != 255 for number in table)

    def add(self, indices: Sequence[int], clean: LabelMaps, predictions: dict[str, LabelMaps]) -> None:
        """Counts the predictions on some pictures, given by name."""
        goal, classes = self._goal_of(clean), self._model.classes
        truth = self._table[self._dataset.truth(indices).long()].to(clean.device) if self._has_truth else None
        for name, labels in predictions.items():
            self._parts.setdefault(name, []).append(count_pixels(labels, clean, goal, self._target, classes))
            if truth is not None:
                self._truth_counts.setdefault(name, []).append(truth_overlap(labels, truth, len(classes)))

    def totals(self) -> dict[str, Counts]:
        """The counts over all pictures, by name."""
        return {name: reduce(add, parts) for name, parts in self._parts.items()}

    def truth(self) -> dict[str, float | None]:
        """The mean IoU against the ground truth, by name, over classes that both the network and the dataset know."""
        known_labels = sorted(set(to_integers(self._table)) - {255})
        return {
            name: mean_iou(*(torch.cat(batches)[:, known_labels] for batches in zip(*pairs, strict=True)))
            for name, pairs in self._truth_counts.items()
        }

    def truth_accuracy(self) -> dict[str, float | None]:
        """The share of labelled pixels that are predicted as in the ground truth, by name."""
        return {
            name: pixel_accuracy(*(torch.cat(batches) for batches in zip(*pairs, strict=True)))
            for name, pairs in self._truth_counts.items()
        }


def _hashes(model: Segmenter, dataset: Dataset, target: Target, delta: Delta) -> dict[str, str]:
    contents = {
        "pictures": "\n".join(dataset.keys).encode(),
        "target": json.dumps(asdict(target)).encode(),
    }
    hashes = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in contents.items()}
    return {"weights": model.fingerprint, **hashes, "perturbation": perturbation_hash(delta)}


def perturbation_hash(delta: Delta) -> str:
    """Hashes a perturbation in whole grey levels (int16, 3 x h x w): the first 16 hexadecimal digits of its SHA-256.

    Example:
        >>> perturbation_hash(torch.zeros(3, 4, 6))
        '81c611f35bff7949'
    """
    levels = (delta * 255).round().to(torch.int16).cpu().numpy()
    return hashlib.sha256(levels.tobytes()).hexdigest()[:16]
