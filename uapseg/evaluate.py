"""What a perturbation does on a whole data set: on 8-bit pictures, beside the clean pictures and random noise."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add

import torch

from uapseg.datasets import Dataset
from uapseg.metrics import Counts, Scores, count, intervals, scores
from uapseg.models import Segmenter
from uapseg.perturbation import eight_bit, perturb, quantise, random_signs
from uapseg.targets import Target
from uapseg.tensors import Delta, Images, LabelMaps

BATCH = 8


@dataclass(frozen=True, kw_only=True)
class Report:
    """The scores of a perturbation, as `uapseg.metrics.scores` defines them.

    Attributes:
        model: The network.
        data: The data set.
        split: Its split: ``val`` chooses, ``test`` reports.
        pictures: How many pictures were measured.
        epsilon: The largest change allowed, in grey levels of 255.
        perturbed: The scores with the perturbation, rounded to whole grey levels.
        clean: The scores of the pictures as they are.
        random_noise: The scores with random signs of the same epsilon.
        interval: 95 % bootstrap intervals over pictures of the scores with the perturbation, as [low, high].
        linf: The largest change that the perturbation makes, in grey levels.
        l2: The Euclidean norm of the change in [0, 1] units, mean over pictures.
        seconds: How long measuring took.
    """

    model: str
    data: str
    split: str
    pictures: int
    epsilon: float
    perturbed: Scores
    clean: Scores
    random_noise: Scores
    interval: dict[str, list[float]]
    linf: float
    l2: float
    seconds: float

    def to_dict(self) -> dict[str, object]:
        """All of it as plain values, ready for JSON."""
        return asdict(self)

    def table(self) -> str:
        """All of it as a text table, shares in per cent."""
        lines = [f"{'':<18}{'perturbed':>10}{'95 % interval':>17}{'clean':>9}{'random noise':>14}"]
        for name, value in self.perturbed.items():
            low, high = (f"{100 * v:.1f}" for v in self.interval.get(name, [float("nan")] * 2))
            cells = [f"{percent(value):>10}", f"{f'{low} to {high}':>17}"]
            cells += [f"{percent(self.clean[name]):>9}", f"{percent(self.random_noise[name]):>14}"]
            lines.append(f"{name.replace('_', ' '):<18}" + "".join(cells))
        where = f"{self.pictures} {self.split} pictures of {self.data}, network {self.model}"
        return "\n".join([*lines, f"{where}; largest change {self.linf:.0f} grey levels of 255"])


def percent(share: float | None) -> str:
    """A share in per cent, or a dash where there is none."""
    return "-" if share is None else f"{100 * share:.1f}"


def images_of(dataset: Dataset, numbers: Sequence[int], device: torch.device) -> Images:
    """Pictures of a data set as images in [0, 1] on a device."""
    return dataset.pictures(numbers).to(device, non_blocking=True).float() / 255


def seen_with(model: Segmenter, images: Images, delta: Delta) -> LabelMaps:
    """What the network sees in the 8-bit pictures that the perturbation makes (n, h, w)."""
    return model.predict(eight_bit(perturb(images, delta)))


def evaluate(
    model: Segmenter, dataset: Dataset, target: Target, delta: Delta, *, epsilon: float, seed: int = 0
) -> Report:
    """Measures a perturbation on every picture of a data set.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures; those that the perturbation was not trained on nor chosen by.
        target: What the network was meant to see.
        delta: The perturbation (3, h, w) in [-epsilon, epsilon]; it is rounded to whole grey levels first.
        epsilon: The largest change allowed, in [0, 1]; random noise of this size is measured beside it.
        seed: Draws the random noise and the bootstrap.

    Raises:
        UapsegError: ``target`` does not fit the classes of ``model``.
    """
    began = time.monotonic()
    device = next(model.buffers()).device
    delta = quantise(delta.to(device), epsilon)
    size = (delta.shape[-1], delta.shape[-2])
    noise = quantise(random_signs(size, epsilon, seed).to(device), epsilon)
    goal_of = target.on(model.classes, model.objects, size)
    parts: dict[str, list[Counts]] = {"clean": [], "random_noise": [], "perturbed": []}
    norms: list[torch.Tensor] = []
    for start in range(0, len(dataset), BATCH):
        images = images_of(dataset, range(start, min(start + BATCH, len(dataset))), device)
        clean = model.predict(images)
        goal = goal_of(clean)
        seen = (clean, seen_with(model, images, noise), seen_with(model, images, delta))
        for part, labels in zip(parts.values(), seen, strict=True):
            part.append(count(labels, clean, goal, target, model.classes))
        norms.append((eight_bit(perturb(images, delta)) - images).flatten(1).norm(dim=1))
    totals = {name: reduce(add, part) for name, part in parts.items()}
    return Report(
        model=model.name,
        data=dataset.name,
        split=dataset.split,
        pictures=len(dataset),
        epsilon=round(epsilon * 255, 3),
        **{name: scores(total, target) for name, total in totals.items()},
        interval=intervals(totals["perturbed"], target, seed),
        linf=delta.abs().amax().item() * 255,
        l2=torch.cat(norms).mean().item(),
        seconds=time.monotonic() - began,
    )
