"""Whether a perturbation survives what happens to pictures: what is left of its success after each process."""

import io
from collections.abc import Callable
from functools import partial, reduce
from operator import add

import numpy as np
import torch
from PIL import Image

from uapseg.attack.augmentation import Move, apply_moves
from uapseg.attack.perturbation import perturb, quantize, quantize_images, random_signs
from uapseg.attack.transforms import blur, resize
from uapseg.datasets import Dataset
from uapseg.io.images import to_picture
from uapseg.models import Segmenter
from uapseg.results.evaluation import BATCH_SIZE, load_images
from uapseg.targets import Target
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal
from uapseg.targets.metrics import Scores, count_pixels, scores
from uapseg.tensors import Delta, Images

Transform = Callable[[torch.Tensor], torch.Tensor]


def _jpeg_file(images: Images, quality: int) -> Images:
    """Saved as JPEG by a real encoder, and read again."""
    again: list[torch.Tensor] = []
    for image in images:
        buffer = io.BytesIO()
        to_picture(image).save(buffer, "JPEG", quality=quality)
        values = np.asarray(Image.open(buffer), np.float32).transpose(2, 0, 1) / 255
        again.append(torch.as_tensor(values.copy()))
    return torch.stack(again).to(images.device)


def _reduce_bits(images: Images, bits: int) -> Images:
    """With only so many bits a value."""
    most = 2**bits - 1
    return (images * most).round() / most


def _shift(values: torch.Tensor) -> torch.Tensor:
    """Moved by a few pixels, as when the picture is framed anew."""
    return apply_moves(values, [Move(5, 11)] * len(values))


def _crop(values: torch.Tensor) -> torch.Tensor:
    """Without a sixteenth of each side at each edge."""
    height, width = values.shape[-2:]
    return values[..., height // 16 : height - height // 16, width // 16 : width - width // 16]


def _identity(values: torch.Tensor) -> torch.Tensor:
    return values


TRANSFORMS: dict[str, tuple[Transform, Transform]] = {
    "nothing": (_identity, _identity),
    "JPEG 90": (partial(_jpeg_file, quality=90), _identity),
    "JPEG 75": (partial(_jpeg_file, quality=75), _identity),
    "JPEG 50": (partial(_jpeg_file, quality=50), _identity),
    "resize to 75 %": (partial(resize, factor=0.75), _identity),
    "blur": (partial(blur, sigma=0.8), _identity),
    "5 bits": (partial(_reduce_bits, bits=5), _identity),
    "crop": (_crop, _crop),
    "shift": (_shift, _shift),
}
"""What happens to the pictures, and what then happens to the label maps that belong to them."""


def evaluate_robustness(
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
    noise = quantize(random_signs(size, epsilon, seed).to(device), epsilon)
    deltas = {"perturbed": quantize(delta.to(device), epsilon), "clean": None, "random_noise": noise}
    goal_of = target.bind(model.classes, model.objects, size)
    parts: dict[tuple[str, str], list[Counts]] = {}
    for start in range(0, len(dataset), BATCH_SIZE):
        images = load_images(dataset, range(start, min(start + BATCH_SIZE, len(dataset))), device)
        clean = model.predict(images)
        goal = goal_of(clean)
        for name, change in deltas.items():
            attacked = images if change is None else quantize_images(perturb(images, change))
            for process, (change_picture, change_map) in TRANSFORMS.items():
                seen = model.predict(quantize_images(change_picture(attacked)))
                wanted = Goal(change_map(goal.labels), change_map(goal.groups))
                counts = count_pixels(seen, change_map(clean), wanted, target, model.classes)
                parts.setdefault((process, name), []).append(counts)
    totals = {key: scores(reduce(add, part), target) for key, part in parts.items()}
    return {process: {name: totals[process, name] for name in deltas} for process in TRANSFORMS}
