"""Universal segmenters, which predict queries: class scores for each pixel by their own semantic inference.

Source: Cheng et al., Per-Pixel Classification is Not All You Need for Semantic Segmentation,
https://arxiv.org/abs/2107.06278
"""

from math import ceil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FLOOR = 1e-30
"""What is added to a score before its logarithm is taken, so that it and its gradient are finite. It is far below the
scores of pixels that no query claims, as the order of these decides what is predicted there."""

MASK_SIZES = {"mask2former": (384, 384)}
"""(height, width) that the masks of a kind of network are enlarged to before they are combined, whatever the image's
size: the library does so in its own post-processing, with which predictions agree."""

WINDOWED = ("eomt", "eomt_dinov3")
"""The kinds that take squares of one size alone: an image is scaled and covered with overlapping ones."""

KINDS = ("mask2former", "maskformer", "oneformer", *WINDOWED)
"""The kinds of network, by their ``model_type`` in transformers."""


class UniversalNetwork(nn.Module):
    """A universal segmenter of transformers as a function from normalized images to logits of their size.

    The logits are the logarithm of the class scores, so that their softmax is the share of each class in them.

    Args:
        net: Takes ``pixel_values``, and returns ``class_queries_logits`` and ``masks_queries_logits``.
        task: The token ids of the task for a OneFormer (1, t); None for the other kinds.
    """

    def __init__(self, net: Any, task: Tensor | None = None) -> None:
        super().__init__()
        self.net = net
        self._mask_size = MASK_SIZES.get(net.config.model_type)
        self._side: int | None = net.config.image_size if net.config.model_type in WINDOWED else None
        self._task = None if task is None else nn.Buffer(task, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (n, k, h, w) of normalized images (n, 3, h, w)."""
        scores = (
            self._scores(pixels, self._mask_size) if self._side is None else self._window_scores(pixels, self._side)
        )
        scores = F.interpolate(scores, pixels.shape[-2:], mode="bilinear", align_corners=False)
        return (scores + FLOOR).log()

    def _scores(self, pixels: Tensor, mask_size: tuple[int, int] | None) -> Tensor:
        """The class scores (n, k, h', w') at a size of the masks, or at their own."""
        task = {} if self._task is None else {"task_inputs": self._task.expand(len(pixels), -1)}
        answer = self.net(pixel_values=pixels, **task)
        masks = answer.masks_queries_logits.float()
        if mask_size is not None:
            masks = F.interpolate(masks, mask_size, mode="bilinear", align_corners=False)
        return class_scores(answer.class_queries_logits.float(), masks)

    def _window_scores(self, pixels: Tensor, side: int) -> Tensor:
        """The class scores of images whose shorter side is scaled to ``side``, as means over overlapping squares."""
        height, width = pixels.shape[-2:]
        size = (max(side, side * height // width), max(side, side * width // height))
        resized = F.interpolate(pixels, size, mode="bilinear", align_corners=False, antialias=True)
        axis = 2 if height > width else 3
        starts = window_starts(max(size), side)
        windows = torch.cat([resized.narrow(axis, start, side) for start in starts])
        parts = self._scores(windows, (side, side)).chunk(len(starts))
        total = parts[0].new_zeros(len(pixels), parts[0].shape[1], *size)
        counts = parts[0].new_zeros(size)
        for start, part in zip(starts, parts, strict=True):
            margins = (0, 0, start, max(size) - start - side) if axis == 2 else (start, max(size) - start - side, 0, 0)
            total = total + F.pad(part, margins)
            counts.narrow(axis - 2, start, side).add_(1)
        return total / counts


def class_scores(classes: Tensor, masks: Tensor) -> Tensor:
    """The class scores of each pixel (n, k, h, w): class probability times mask probability, summed over queries.

    Args:
        classes: The logits of each query's class (n, q, k + 1); the last class is none.
        masks: The logits of each query's mask (n, q, h, w).

    Example:
        >>> classes, masks = torch.zeros(1, 2, 4), torch.zeros(1, 2, 1, 1)
        >>> class_scores(classes, masks).flatten().tolist()
        [0.25, 0.25, 0.25]
    """
    return torch.einsum("nqk,nqhw->nkhw", classes.softmax(dim=-1)[..., :-1], masks.sigmoid())


def window_starts(length: int, side: int) -> list[int]:
    """Where the fewest squares of a side begin that cover a length, evenly spread.

    Example:
        >>> window_starts(100, 64), window_starts(64, 64)
        ([0, 36], [0])
    """
    count = ceil(length / side)
    overlap = (count * side - length) / (count - 1) if count > 1 else 0
    return [int(index * (side - overlap)) for index in range(count)]
