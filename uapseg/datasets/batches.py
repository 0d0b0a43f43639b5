"""Pictures of a dataset as images on a device, one by one or in batches."""

from collections.abc import Iterator, Sequence

import torch

from uapseg.datasets.registry import Dataset
from uapseg.tensors import Images

BATCH_SIZE = 8
"""Pictures that are evaluated at a time."""


def load_images(dataset: Dataset, indices: Sequence[int], device: torch.device) -> Images:
    """Loads pictures of a dataset as images in [0, 1] on a device.

    Args:
        dataset: The dataset.
        indices: The indices of the pictures.
        device: The device.

    Example:
        >>> from PIL import Image
        >>> from uapseg.datasets.reader import ImageDataset
        >>> dataset = ImageDataset.from_pictures([Image.new("RGB", (64, 48), "white")])
        >>> load_images(dataset, [0], torch.device("cpu")).max()
        tensor(1.)
    """
    return dataset.pictures(indices).to(device, non_blocking=True).float() / 255


def image_batches(
    dataset: Dataset, device: torch.device, indices: Sequence[int] | None = None
) -> Iterator[tuple[Sequence[int], Images]]:
    """Iterates over the pictures of a dataset in batches of `BATCH_SIZE`, the last of which may be smaller.

    Args:
        dataset: The dataset.
        device: The device.
        indices: The indices of the pictures; None for all.

    Yields:
        The indices and the images of each batch.

    Example:
        >>> from uapseg.datasets import load_dataset
        >>> dataset = load_dataset("street?scenes=10", "train", (48, 32))
        >>> [len(images) for _, images in image_batches(dataset, torch.device("cpu"))]
        [8, 2]
    """
    indices = range(len(dataset)) if indices is None else indices
    for start in range(0, len(indices), BATCH_SIZE):
        batch = indices[start : start + BATCH_SIZE]
        yield batch, load_images(dataset, batch, device)
