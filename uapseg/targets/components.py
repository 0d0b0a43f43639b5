"""Connected components of pixels: how a label map without instances tells one person, or one group of them, apart."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int32
from scipy.ndimage import label

MIN_SHARE = 0.001
"""Components smaller than this share of a picture are debris of a prediction rather than objects."""


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
    found: Any = label(mask, structure=np.ones((3, 3)))
    numbers: np.ndarray = found[0]
    sizes = np.bincount(numbers.ravel())
    large = sizes >= MIN_SHARE * mask.size
    large[0] = False
    renumbered = np.where(large, large.cumsum(), 0).astype(np.int32)
    return renumbered[numbers], int(large.sum())
