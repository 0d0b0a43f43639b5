"""What all targets share: goals, groups of pixels, and classes by name."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.tensors import LabelMaps

UNLABELED = 255
"""The label of a pixel without a class."""


@dataclass(frozen=True)
class Goal:
    """What the network should predict in a batch of images.

    Attributes:
        labels: The wanted class of each pixel (n, h, w), uint8.
        groups: The group of each pixel (n, h, w), uint8, from 0. Group 0 holds the pixels that the target changes; the
            others depend on the target.

    Example:
        >>> import torch
        >>> labels = torch.zeros(1, 2, 2, dtype=torch.uint8)
        >>> Goal(labels, groups=torch.ones_like(labels)).labels.shape
        torch.Size([1, 2, 2])
    """

    labels: LabelMaps
    groups: LabelMaps


GoalFn = Callable[[LabelMaps], Goal]
"""Maps the predictions on clean images (n, h, w) to the goal."""


def class_indices(names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[int, ...]:
    """Finds classes by name, ignoring case.

    Args:
        names: The classes to find.
        classes: All classes of the network, in order.

    Returns:
        The index of each name in ``classes``.

    Raises:
        UapsegError: There is no such class; the message lists all classes.

    Example:
        >>> class_indices(("car", "Sky"), ("Sky", "Road", "Car"))
        (2, 0)
    """
    index_of = {name.lower(): index for index, name in enumerate(classes)}
    for name in names:
        if name.lower() not in index_of:
            raise UapsegError(f"The network has no class {name!r}: choose from {', '.join(classes)}.")
    return tuple(index_of[name.lower()] for name in names)


def check_class_names(names: tuple[str, ...]) -> None:
    """Checks the class names of a target, before the network is known.

    Raises:
        UapsegError: A name is blank, or there are more than a label map can hold.

    Example:
        >>> check_class_names(("Car", "Sky"))
    """
    if len(names) > UNLABELED or not all(name.strip() for name in names):
        raise UapsegError(f"A target can name at most {UNLABELED} classes, and no name may be blank.")


def repeat_tile(tile: Tensor, height: int, width: int) -> Tensor:
    """Repeats a tile (…, h, w) from the top left corner to (…, height, width).

    Example:
        >>> import torch
        >>> repeat_tile(torch.tensor([[1, 2]]), 2, 3).tolist()
        [[1, 2, 1], [1, 2, 1]]
    """
    h, w = tile.shape[-2:]
    if (h, w) == (height, width):
        return tile
    down, across = -(-height // h), -(-width // w)
    return tile.repeat(*[1] * (tile.dim() - 2), down, across)[..., :height, :width]
