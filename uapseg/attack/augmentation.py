"""How training pictures are varied: moved and mirrored, together with what should be seen in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Move:
    """Where a picture lies: moved by pixels, what enters at an edge being its mirror image, and perhaps flipped.

    Attributes:
        down: Pixels downwards.
        right: Pixels to the right.
        flip: Whether left and right change places first.
    """

    down: int
    right: int
    flip: bool = False


def random_moves(count: int, shift: int, *, flip: bool, seed: int) -> list[Move]:
    """Moves for ``count`` pictures, of up to ``shift`` pixels each way; every second flipped where ``flip`` is set."""
    generator = torch.Generator().manual_seed(seed)
    ways = torch.randint(-shift, shift + 1, (count, 2), generator=generator).tolist()
    flips = torch.randint(2, (count,), generator=generator).tolist()
    return [Move(down, right, bool(turned) and flip) for (down, right), turned in zip(ways, flips, strict=True)]


def apply_moves(values: Tensor, moves: Sequence[Move]) -> Tensor:
    """Pictures or label maps (n, …, h, w), each moved by its own of n moves."""
    return torch.stack([_apply_move(value, move) for value, move in zip(values, moves, strict=True)])


def _apply_move(value: Tensor, move: Move) -> Tensor:
    value = value.flip(-1) if move.flip else value
    for axis, by in ((-2, move.down), (-1, move.right)):
        length = value.shape[axis]
        places = (torch.arange(length, device=value.device) - by) % (2 * length)
        value = value.index_select(axis, torch.where(places < length, places, 2 * length - 1 - places))
    return value
