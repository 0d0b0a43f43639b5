"""Pictures of a dataset as images on a device, one by one or in batches."""

from collections.abc import Iterator, Sequence

import torch

from uapseg.datasets.registry import Dataset
from uapseg.tensors import Images

BATCH_SIZE = 8
"""Pictures that are evaluated at a time."""


def load_images(dataset: Dataset, numbers: Sequence[int], device: torch.device) -> Images:
    """Loads pictures of a dataset as images in [0, 1] on a device.

    Args:
        dataset: The dataset.
        numbers: The indices of the pictures.
        device: The device.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "white")])
        >>> load_images(dataset, [0], torch.device("cpu")).max()
        tensor(1.)
    """
    return dataset.pictures(numbers).to(device, non_blocking=True).float() / 255


def image_batches(
    dataset: Dataset, device: torch.device, numbers: Sequence[int] | None = None
) -> Iterator[tuple[Sequence[int], Images]]:
    """Iterates over the pictures of a dataset in batches of `BATCH_SIZE`, the last of which may be smaller.

    Args:
        dataset: The dataset.
        device: The device.
        numbers: The indices of the pictures; None for all.

    Yields:
        The indices and the images of each batch.

    Example:
        >>> from uapseg.datasets import load_dataset
        >>> dataset = load_dataset("street?scenes=10", "train", (48, 32))
        >>> [len(images) for _, images in image_batches(dataset, torch.device("cpu"))]
        [8, 2]
    """
    numbers = range(len(dataset)) if numbers is None else numbers
    for start in range(0, len(numbers), BATCH_SIZE):
        batch = numbers[start : start + BATCH_SIZE]
        yield batch, load_images(dataset, batch, device)
