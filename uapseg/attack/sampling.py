"""Which training pictures come next: a new order for each round, or drawn so that rare classes are as frequent."""

from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from uapseg.attack.distributed import SINGLE_PROCESS, Workers
from uapseg.attack.settings import Settings
from uapseg.attack.validation import evenly_spaced
from uapseg.datasets import Dataset
from uapseg.models import Segmenter
from uapseg.results.evaluation import BATCH_SIZE, load_images

SHOWN = 0.002
"""The share of a picture's pixels from which on it counts as showing a class."""


def picture_order(length: int, turn: int, seed: int, weights: Float64[Tensor, " n"] | None = None) -> list[int]:
    """The order of a round: each of ``length`` pictures once; or, with weights, as many drawn by them.

    Example:
        >>> sorted(picture_order(5, turn=0, seed=1))
        [0, 1, 2, 3, 4]
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + turn)
    if weights is not None:
        return torch.multinomial(weights, length, replacement=True, generator=generator).tolist()
    return torch.randperm(length, generator=generator).tolist()


def first_places(length: int, count: int, settings: Settings) -> list[int]:
    """The pictures that a run meets first; evenly spread ones where that is not known before it starts.

    Example:
        >>> from uapseg.attack.settings import fast
        >>> settings = fast(epsilon=10 / 255, budget=8)
        >>> first_places(100, 3, settings) == picture_order(100, 0, settings.seed)[:3]
        True
    """
    return evenly_spaced(length, count) if settings.balanced else picture_order(length, 0, settings.seed)[:count]


def class_balanced_weights(
    model: Segmenter, dataset: Dataset, numbers: Sequence[int], workers: Workers = SINGLE_PROCESS
) -> Float64[Tensor, " n"]:
    """How likely each of some pictures is to be drawn, so that each object class is drawn as often as any other.

    Each class of `model.objects` that any picture shows has the same odds, shared evenly by the pictures that show it;
    so have the pictures without objects, together.

    Args:
        model: The network, on the device to compute on; what it sees in the clean pictures decides.
        dataset: The pictures.
        numbers: Which of them (n).
        workers: The processes that share them; each has all odds in the end.

    Returns:
        One number for each picture; they sum to 1.
    """
    device = next(model.buffers()).device
    objects = [model.classes.index(name) for name in model.objects]
    mine = workers.shard(numbers)
    rows: list[Tensor] = []
    for start in range(0, len(mine), BATCH_SIZE):
        seen = model.predict(load_images(dataset, mine[start : start + BATCH_SIZE], device))
        sums = [(seen == number).sum((1, 2)).cpu() for number in objects]
        rows += torch.stack(sums, dim=1) if sums else torch.zeros(len(seen), 0)
    pixels = dataset.size[0] * dataset.size[1]
    shown = (torch.stack(workers.gather(rows)) >= SHOWN * pixels).double()  # on the CPU: Apple's MPS has no float64
    shown = torch.cat([shown, (shown.sum(1, keepdim=True) == 0).double()], dim=1)
    odds = (shown / shown.sum(0).clamp(min=1)).sum(1)
    return odds / odds.sum()
