"""Connected components of pixels: objects, or groups of them, in label maps without instances."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64
from scipy.ndimage import label
from torch import Tensor

MIN_SHARE = 0.001
"""Components below this share of the picture are noise of the prediction rather than objects."""

GONE, PARTLY_GONE = 0.05, 0.5
"""A component is gone if less than the first share of its pixels still has a hidden class, as nobody recognizes a
person in a few pixels, and partly gone if less than the second share has."""


def connected_components(mask: Bool[np.ndarray, "h w"]) -> tuple[Int32[np.ndarray, "h w"], int]:
    """Numbers the connected components of a mask that cover at least a thousandth of the picture.

    Args:
        mask: Which pixels belong to any component.

    Returns:
        The number of the component of each pixel, from 1, with 0 where there is none, and how many there are. Pixels
        are connected along sides and corners.

    Example:
        >>> import numpy as np
        >>> mask = np.array([[True, False, False], [False, True, False], [False, False, False], [True, True, True]])
        >>> numbers, count = connected_components(mask)
        >>> count, numbers[1, 1], numbers[3].tolist()
        (2, np.int32(1), [2, 2, 2])
    """
    result: Any = label(mask, structure=np.ones((3, 3)))
    components: np.ndarray = result[0]
    sizes = np.bincount(components.ravel())
    large = sizes >= MIN_SHARE * mask.size
    large[0] = False
    renumbered = np.where(large, large.cumsum(), 0).astype(np.int32)
    return renumbered[components], int(large.sum())


def count_components(
    clean_masks: Bool[Tensor, "n h w"], perturbed_masks: Bool[Tensor, "n h w"]
) -> Int64[Tensor, "n 3"]:
    """Counts for each mask how many of its connected components are gone, partly gone and still there.

    Args:
        clean_masks: Pixels of a hidden class in the clean prediction.
        perturbed_masks: Pixels of any hidden class in the new prediction.

    Returns:
        The three counts for each of the n masks.

    Example:
        >>> import torch
        >>> before = torch.tensor([[[True, True, False, True, False, True, True]]])
        >>> after = torch.tensor([[[False, False, True, True, False, True, True]]])
        >>> count_components(before, after).tolist()
        [[1, 0, 2]]
    """
    return torch.stack(
        [_count(*masks) for masks in zip(clean_masks.cpu().numpy(), perturbed_masks.cpu().numpy(), strict=True)]
    )


def _count(clean_mask: Bool[np.ndarray, "h w"], perturbed_mask: Bool[np.ndarray, "h w"]) -> Int64[Tensor, " 3"]:
    numbers, count = connected_components(clean_mask)
    sizes, remaining_sizes = (
        np.bincount(numbers[mask], minlength=count + 1)[1:] for mask in (clean_mask, clean_mask & perturbed_mask)
    )
    shares = remaining_sizes / sizes
    gone_count, below_partly_count = (int((shares < threshold).sum()) for threshold in (GONE, PARTLY_GONE))
    return torch.tensor([gone_count, below_partly_count - gone_count, count - below_partly_count])
