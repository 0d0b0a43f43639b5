"""The order of training pictures: a permutation for each epoch, or sampling that balances classes."""

from array import array
from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from uapseg.attack.distributed import SINGLE_PROCESS, Workers
from uapseg.attack.settings import Settings
from uapseg.attack.validation import evenly_spaced
from uapseg.datasets import Dataset
from uapseg.datasets.batches import image_batches
from uapseg.models import Segmenter

SHOWN = 0.002
"""The share of pixels from which on a picture counts as showing a class."""


def picture_order(length: int, epoch: int, seed: int, weights: Float64[Tensor, " n"] | None = None) -> Sequence[int]:
    """Returns the order of an epoch: a permutation of the pictures; or, with weights, as many weighted samples.

    Args:
        length: The number of pictures.
        epoch: The index of the epoch.
        seed: The random seed.
        weights: The sampling weight of each picture.

    Example:
        >>> sorted(picture_order(5, epoch=0, seed=1))
        [0, 1, 2, 3, 4]
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    if weights is not None:
        order = torch.multinomial(weights, length, replacement=True, generator=generator)
    else:
        order = torch.randperm(length, generator=generator)
    return array("i", order.int().numpy().tobytes())  # a list would take ten times the memory


def first_places(length: int, count: int, settings: Settings) -> Sequence[int]:
    """Returns the pictures that a run trains on first; evenly spaced ones if the order is not known yet.

    Example:
        >>> from uapseg.attack.settings import fast
        >>> settings = fast(epsilon=10 / 255, budget=8)
        >>> first_places(100, 3, settings) == list(picture_order(100, 0, settings.seed)[:3])
        True
    """
    return evenly_spaced(length, count) if settings.balanced else list(picture_order(length, 0, settings.seed)[:count])


def class_balanced_weights(
    model: Segmenter, dataset: Dataset, indices: Sequence[int], workers: Workers = SINGLE_PROCESS
) -> Float64[Tensor, " n"]:
    """Computes sampling weights of pictures that balance object classes.

    Each class of `model.objects` that appears in any picture has the same total weight, divided evenly between the
    pictures that show it; so have all pictures without objects together.

    Args:
        model: The network, on the device to compute on; its predictions on the clean pictures decide.
        dataset: The pictures.
        indices: The indices of the pictures (n).
        workers: The processes that share them; each gets all weights.

    Returns:
        A weight for each picture; they sum to 1.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> from uapseg.models import load_model
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "gray")])
        >>> class_balanced_weights(load_model("street:small"), dataset, [0])
        tensor([1.], dtype=torch.float64)
    """
    device = next(model.buffers()).device
    objects = [model.classes.index(name) for name in model.objects]
    own_indices = workers.shard(indices)
    rows: list[Tensor] = []
    for _, images in image_batches(dataset, device, own_indices):
        predictions = model.predict(images)
        sums = [(predictions == number).sum((1, 2)).cpu() for number in objects]
        rows += torch.stack(sums, dim=1) if sums else torch.zeros(len(predictions), 0)
    pixels = dataset.size[0] * dataset.size[1]
    # On the CPU: Apple's MPS has no float64
    has_class = (torch.stack(workers.gather(rows)) >= SHOWN * pixels).double()
    has_class = torch.cat([has_class, (has_class.sum(1, keepdim=True) == 0).double()], dim=1)
    weights = (has_class / has_class.sum(0).clamp(min=1)).sum(1)
    return weights / weights.sum()
