"""Robustness of a perturbation to transforms of the pictures, such as recompression: its scores after each."""

import io
import math
from collections.abc import Callable
from functools import lru_cache, partial, reduce
from operator import add

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from uapseg.attack.ball import Ball
from uapseg.attack.data.augmentation import Move, apply_moves
from uapseg.attack.perturbation import perturb, quantize_images
from uapseg.attack.transforms import TO_YCC, blur, resize
from uapseg.datasets import Dataset
from uapseg.datasets.batches import image_batches
from uapseg.io.images import to_picture
from uapseg.models import Segmenter
from uapseg.targets import Target
from uapseg.targets.counts import Counts
from uapseg.targets.goals import Goal
from uapseg.targets.metrics import Scores, count_pixels, scores
from uapseg.tensors import Delta, Images

TensorFn = Callable[[torch.Tensor], torch.Tensor]

POINTS = 6
"""The points along each side of a printed pixel."""


def _recompress(images: Images, kind: str, quality: int) -> Images:
    """Encodes and decodes with a real encoder of ``JPEG`` or ``WEBP``."""
    recompressed_images: list[torch.Tensor] = []
    for image in images:
        buffer = io.BytesIO()
        to_picture(image).save(buffer, kind, quality=quality)
        values = np.asarray(Image.open(buffer).convert("RGB"), np.float32).transpose(2, 0, 1) / 255
        recompressed_images.append(torch.as_tensor(values.copy()))
    return torch.stack(recompressed_images).to(images.device)


def _reduce_bits(images: Images, bits: int) -> Images:
    """Quantizes to a number of bits."""
    max_value = 2**bits - 1
    return (images * max_value).round() / max_value


def _take_median(images: Images) -> Images:
    """Replaces each value by the median of the 3 x 3 pixels around it."""
    wide = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return wide.unfold(2, 3, 1).unfold(3, 3, 1).flatten(4).median(dim=4).values


def _adjust_contrast(images: Images, factor: float) -> Images:
    """Multiplies the differences from the mean grey of each picture by a factor."""
    mean = _grey(images).mean(dim=(2, 3), keepdim=True)
    return (mean + factor * (images - mean)).clamp(0, 1)


def _adjust_saturation(images: Images, factor: float) -> Images:
    """Multiplies the differences of each pixel's colours from its grey by a factor."""
    grey = _grey(images)
    return (grey + factor * (images - grey)).clamp(0, 1)


def _grey(images: Images) -> torch.Tensor:
    """The luma of each pixel (n, 1, h, w), in [0, 1]."""
    return (images * images.new_tensor(TO_YCC[0]).view(3, 1, 1)).sum(dim=1, keepdim=True)


def _add_noise(images: Images, sigma: float) -> Images:
    """Adds Gaussian noise of ``sigma`` grey levels, the same each time."""
    noise = torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(0))
    return (images + noise.to(images.device) * sigma / 255).clamp(0, 1)


def _halftone(images: Images) -> Images:
    """Prints pictures in dots, one a pixel, and scans them: each colour has a screen of dots at its own angle.

    A pixel is made of `POINTS` times `POINTS` points that are ink or paper, and is scanned as their mean.
    """
    height, width = images.shape[-2:]
    points = F.interpolate(images, scale_factor=POINTS, mode="nearest") > _screens(height, width).to(images.device)
    return F.avg_pool2d(points.float(), POINTS)


@lru_cache(maxsize=2)
def _screens(height: int, width: int) -> torch.Tensor:
    """The grey level from which each point of a picture is paper, for each colour (3, h, w), in [0, 1]."""
    rows, columns = (torch.arange(side * POINTS) / POINTS for side in (height, width))
    screens: list[torch.Tensor] = []
    for degrees in (15, 75, 0):
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        across, down = columns * cos + rows[:, None] * sin, rows[:, None] * cos - columns * sin
        spots = torch.cos(2 * math.pi * across) + torch.cos(2 * math.pi * down)
        ranks = spots.flatten().argsort().argsort().view_as(spots)  # so that each grey level has as many points
        screens.append((ranks + 0.5) / ranks.numel())
    return torch.stack(screens)


def _enlarge(images: torch.Tensor, factor: float) -> torch.Tensor:
    """Enlarges pictures, as a screenshot at a scale of more than 100 % does."""
    return F.interpolate(images, scale_factor=factor, mode="bilinear", align_corners=False)


def _enlarge_labels(labels: torch.Tensor, factor: float) -> torch.Tensor:
    """Enlarges label maps as `_enlarge` does pictures."""
    return F.interpolate(labels[:, None].float(), scale_factor=factor, mode="nearest-exact")[:, 0].to(labels.dtype)


def _shift(values: torch.Tensor) -> torch.Tensor:
    """Shifts by a few pixels, as if the picture were framed differently."""
    return apply_moves(values, [Move(5, 11)] * len(values))


def _crop(values: torch.Tensor) -> torch.Tensor:
    """Removes a sixteenth of each side at each edge."""
    height, width = values.shape[-2:]
    return values[..., height // 16 : height - height // 16, width // 16 : width - width // 16]


def _identity(values: torch.Tensor) -> torch.Tensor:
    return values


TRANSFORMS: dict[str, tuple[TensorFn, TensorFn]] = {
    "nothing": (_identity, _identity),
    "JPEG 90": (partial(_recompress, kind="JPEG", quality=90), _identity),
    "JPEG 75": (partial(_recompress, kind="JPEG", quality=75), _identity),
    "JPEG 50": (partial(_recompress, kind="JPEG", quality=50), _identity),
    "WebP 75": (partial(_recompress, kind="WEBP", quality=75), _identity),
    "resize to 75 %": (partial(resize, factor=0.75), _identity),
    "blur": (partial(blur, sigma=0.8), _identity),
    "5 bits": (partial(_reduce_bits, bits=5), _identity),
    "median of 3 x 3": (_take_median, _identity),
    "contrast 70 %": (partial(_adjust_contrast, factor=0.7), _identity),
    "saturation 50 %": (partial(_adjust_saturation, factor=0.5), _identity),
    "Gaussian noise of 8": (partial(_add_noise, sigma=8), _identity),
    "halftone": (_halftone, _identity),
    "screenshot at 125 %": (partial(_enlarge, factor=1.25), partial(_enlarge_labels, factor=1.25)),
    "crop": (_crop, _crop),
    "shift": (_shift, _shift),
}
"""The transform of the pictures, and that of the label maps that belong to them."""

DEFENCES = ("JPEG 75", "JPEG 50", "blur", "median of 3 x 3", "5 bits", "resize to 75 %")
"""Transforms that are put before a network to remove a perturbation; each leaves pixels where they are."""


def defend(images: Images, name: str) -> Images:
    """Returns 8-bit pictures after a transform that is put before a network.

    Args:
        images: The pictures (n, 3, h, w), in [0, 1].
        name: One of `DEFENCES`.

    Example:
        >>> defend(torch.full((1, 3, 16, 16), 0.5), "5 bits")[0, 0, 0, 0] * 255
        tensor(132.)
    """
    return quantize_images(TRANSFORMS[name][0](images))


def evaluate_robustness(
    model: Segmenter, dataset: Dataset, target: Target, delta: Delta, *, ball: Ball, seed: int = 0
) -> dict[str, dict[str, Scores]]:
    """Evaluates a perturbation after each transform, beside clean pictures and random noise.

    Args:
        model: The network, on the device to compute on.
        dataset: The pictures.
        target: The target of the perturbation.
        delta: The perturbation (3, h, w); it is rounded to whole grey levels first.
        ball: The bound of the perturbation; random noise as large as that is the baseline.
        seed: Random seed of the noise.

    Returns:
        For each transform the scores as ``perturbed``, ``clean`` and ``random_noise``. The reference remains the
        prediction on the original pictures, shifted or cropped along with them.

    Raises:
        UapsegError: The target does not fit the classes of the network.

    Example:
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> from uapseg.targets import Untargeted
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> none = torch.zeros(3, 48, 64)
        >>> results = evaluate_robustness(load_model("street:small"), dataset, Untargeted(), none, ball=Ball(10 / 255))
        >>> results["nothing"]["perturbed"]["fooled"]
        0.0
    """
    device = next(model.buffers()).device
    size = (delta.shape[-1], delta.shape[-2])
    noise = ball.quantize(ball.random_noise(size, seed).to(device))
    deltas = {"perturbed": ball.quantize(delta.to(device)), "clean": None, "random_noise": noise}
    goal_of = target.bind(model.classes, model.objects, size)
    parts: dict[tuple[str, str], list[Counts]] = {}
    for _, images in image_batches(dataset, device):
        clean = model.predict(images)
        goal = goal_of(clean)
        for name, change in deltas.items():
            pictures = images if change is None else quantize_images(perturb(images, change))
            for process, (change_picture, change_map) in TRANSFORMS.items():
                predictions = model.predict(quantize_images(change_picture(pictures)))
                transformed_goal = Goal(change_map(goal.labels), change_map(goal.groups))
                counts = count_pixels(predictions, change_map(clean), transformed_goal, target, model.classes)
                parts.setdefault((process, name), []).append(counts)
    totals = {key: scores(reduce(add, part), target) for key, part in parts.items()}
    return {process: {name: totals[process, name] for name in deltas} for process in TRANSFORMS}
