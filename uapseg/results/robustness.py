"""Whether a perturbation survives what happens to pictures: what is left of its success after each process."""

import io
from collections.abc import Callable
from functools import partial, reduce
from operator import add

import numpy as np
import torch
from PIL import Image

from uapseg.attack.augmentation import Move, moved
from uapseg.attack.perturbation import eight_bit, perturb, quantise, random_signs
from uapseg.attack.transforms import blurred, resized
from uapseg.datasets import Dataset
from uapseg.io.images import to_picture
from uapseg.models import Segmenter
from uapseg.results.evaluation import BATCH, images_of
from uapseg.targets.goals import Goal, Target
from uapseg.targets.metrics import Counts, Scores, count, scores
from uapseg.tensors import Delta, Images

Change = Callable[[torch.Tensor], torch.Tensor]


def _encoded(images: Images, quality: int) -> Images:
    """Saved as JPEG by a real encoder, and read again."""
    again: list[torch.Tensor] = []
    for image in images:
        buffer = io.BytesIO()
        to_picture(image).save(buffer, "JPEG", quality=quality)
        values = np.asarray(Image.open(buffer), np.float32).transpose(2, 0, 1) / 255
        again.append(torch.from_numpy(values.copy()))
    return torch.stack(again).to(images.device)


def _coarse(images: Images, bits: int) -> Images:
    """With only so many bits a value."""
    most = 2**bits - 1
    return (images * most).round() / most


def _shifted(values: torch.Tensor) -> torch.Tensor:
    """Moved by a few pixels, as when the picture is framed anew."""
    return moved(values, [Move(5, 11)] * len(values))


def _cropped(values: torch.Tensor) -> torch.Tensor:
    """Without a sixteenth of each side at each edge."""
    height, width = values.shape[-2:]
    return values[..., height // 16 : height - height // 16, width // 16 : width - width // 16]


def _same(values: torch.Tensor) -> torch.Tensor:
    return values


PROCESSES: dict[str, tuple[Change, Change]] = {
    "nothing": (_same, _same),
    "JPEG 90": (partial(_encoded, quality=90), _same),
    "JPEG 75": (partial(_encoded, quality=75), _same),
    "JPEG 50": (partial(_encoded, quality=50), _same),
    "resize to 75 %": (partial(resized, factor=0.75), _same),
    "blur": (partial(blurred, sigma=0.8), _same),
    "5 bits": (partial(_coarse, bits=5), _same),
    "crop": (_cropped, _cropped),
    "shift": (_shifted, _shifted),
}
"""What happens to the pictures, and what then happens to the label maps that belong to them."""


def survival(
    model: Segmenter, dataset: Dataset, target: Target, delta: Delta, *, epsilon: float, seed: int = 0
) -> dict[str, dict[str, Scores]]:
    """The scores of a perturbation after each process, beside those of clean pictures and random noise after it.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures.
        target: What the network was meant to see.
        delta: The perturbation (3, h, w); it is rounded to whole grey levels first.
        epsilon: The largest change allowed, in [0, 1].
        seed: Draws the random noise.

    Returns:
        For each process ``perturbed``, ``clean`` and ``random_noise``. The reference stays what the network sees in
        the pictures as they are; where the process moves or crops the picture, it is moved and cropped alike.

    Raises:
        UapsegError: ``target`` does not fit the classes of ``model``.
    """
    device = next(model.buffers()).device
    size = (delta.shape[-1], delta.shape[-2])
    noise = quantise(random_signs(size, epsilon, seed).to(device), epsilon)
    deltas = {"perturbed": quantise(delta.to(device), epsilon), "clean": None, "random_noise": noise}
    goal_of = target.on(model.classes, model.objects, size)
    parts: dict[tuple[str, str], list[Counts]] = {}
    for start in range(0, len(dataset), BATCH):
        images = images_of(dataset, range(start, min(start + BATCH, len(dataset))), device)
        clean = model.predict(images)
        goal = goal_of(clean)
        for name, change in deltas.items():
            attacked = images if change is None else eight_bit(perturb(images, change))
            for process, (change_picture, change_map) in PROCESSES.items():
                seen = model.predict(eight_bit(change_picture(attacked)))
                wanted = Goal(change_map(goal.labels), change_map(goal.groups))
                counts = count(seen, change_map(clean), wanted, target, model.classes)
                parts.setdefault((process, name), []).append(counts)
    totals = {key: scores(reduce(add, part), target) for key, part in parts.items()}
    return {process: {name: totals[process, name] for name in deltas} for process in PROCESSES}
