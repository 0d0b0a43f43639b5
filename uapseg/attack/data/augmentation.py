"""Augmentation of training pictures: pictures and goals change together, never the perturbation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from uapseg.tensors import Images, to_integers, to_list

PASTE_SCALES = (0.5, 1.2)
"""The smallest and the largest scale of a cut-out: people are seldom nearer than in the pictures."""

Maps = UInt8[Tensor, "n m h w"]
"""Label maps of n clean pictures: their predictions, or the labels and groups of their goals."""


@runtime_checkable
class Augmentation(Protocol):
    """A change of the pictures of a batch before the perturbation is added.

    Example:
        >>> isinstance(Moves([Move(0, 1)]), Augmentation)
        True
    """

    def images(self, images: Images) -> Images:
        """Transforms the pictures."""
        ...

    def maps(self, maps: Maps) -> Maps:
        """Transforms their label maps alike."""
        ...


@dataclass(frozen=True)
class Move:
    """A translation with mirrored edges, after an optional flip.

    Attributes:
        down: Pixels downwards.
        right: Pixels to the right.
        flip: Whether to flip horizontally first.

    Example:
        >>> Move(down=0, right=1).flip
        False
    """

    down: int
    right: int
    flip: bool = False


@dataclass(frozen=True)
class Moves:
    """Moves each picture of a batch by its own of n moves.

    Example:
        >>> import torch
        >>> Moves([Move(0, 1)]).maps(torch.tensor([[[[1, 2, 3]]]], dtype=torch.uint8)).flatten().tolist()
        [1, 1, 2]
    """

    moves: Sequence[Move]

    def images(self, images: Images) -> Images:
        """Moves the pictures."""
        return apply_moves(images, self.moves)

    def maps(self, maps: Maps) -> Maps:
        """Moves the label maps."""
        return apply_moves(maps, self.moves)


@dataclass(frozen=True)
class CutOut:
    """The objects of a picture, cut out of it.

    Attributes:
        image: Their common bounding box in [0, 1].
        mask: The pixels of the box that belong to them.

    Example:
        >>> CutOut(torch.zeros(3, 2, 4), torch.ones(2, 4, dtype=torch.bool)).mask.sum()
        tensor(8)
    """

    image: Float[Tensor, "3 h w"]
    mask: Bool[Tensor, "h w"]


@dataclass(frozen=True)
class Paste:
    """A cut-out of another picture, and its position.

    Attributes:
        cut_out: The cut-out, at its final size.
        top: The row of its top edge; negative if it begins above the picture.
        left: The column of its left edge.

    Example:
        >>> Paste(CutOut(torch.zeros(3, 2, 4), torch.ones(2, 4, dtype=torch.bool)), top=-1, left=0).top
        -1
    """

    cut_out: CutOut
    top: int
    left: int


@dataclass(frozen=True)
class Pastes:
    """Pastes objects of hidden classes into each picture of a batch.

    The label wanted of the covered pixels stays that of the picture without the object, so that the network need not
    predict again. The pixels count as hidden, that is as group 0 of `uapseg.targets.goals.Goal`.

    Attributes:
        pastes: The cut-outs for each of n pictures; later ones cover earlier ones.

    Example:
        >>> white = CutOut(torch.ones(3, 1, 2), torch.ones(1, 2, dtype=torch.bool))
        >>> Pastes([[Paste(white, top=0, left=1)]]).images(torch.zeros(1, 3, 1, 4))[0, 0].tolist()
        [[0.0, 1.0, 1.0, 0.0]]
    """

    pastes: Sequence[Sequence[Paste]]

    def images(self, images: Images) -> Images:
        """Pastes the objects into the pictures."""
        images = images.clone()
        for image, pastes in zip(images, self.pastes, strict=True):
            for paste in pastes:
                target_slices, source_slices = _overlap(paste, image)
                image[:, *target_slices] = torch.where(
                    paste.cut_out.mask[source_slices], paste.cut_out.image[:, *source_slices], image[:, *target_slices]
                )
        return images

    def maps(self, maps: Maps) -> Maps:
        """Moves the pixels of the objects to group 0, given labels and groups (n, 2, h, w)."""
        maps = maps.clone()
        for clean_map, pastes in zip(maps, self.pastes, strict=True):
            for paste in pastes:
                target_slices, source_slices = _overlap(paste, clean_map)
                clean_map[1, *target_slices].masked_fill_(paste.cut_out.mask[source_slices], 0)
        return maps


def _overlap(paste: Paste, picture: Tensor) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The rows and columns of a picture (…, h, w) that the box of a cut-out covers, and those of the box."""
    target_slices, source_slices = list[slice](), list[slice]()
    for start, length, end in zip((paste.top, paste.left), paste.cut_out.mask.shape, picture.shape[-2:], strict=True):
        target_slices.append(slice(max(start, 0), max(min(start + length, end), 0)))
        source_slices.append(slice(max(-start, 0), max(min(length, end - start), 0)))
    return (target_slices[0], target_slices[1]), (source_slices[0], source_slices[1])


def random_moves(count: int, shift: int, *, flip: bool, seed: int) -> list[Move]:
    """Draws moves for a batch of pictures.

    Args:
        count: The number of pictures.
        shift: The largest translation in each direction, in pixels.
        flip: Whether to flip every second picture, on average.
        seed: The random seed.

    Example:
        >>> random_moves(2, shift=4, flip=False, seed=0) == random_moves(2, shift=4, flip=False, seed=0)
        True
    """
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.randint(-shift, shift + 1, (count, 2), generator=generator)
    turns = torch.randint(2, (count,), generator=generator)
    rows = zip(*map(to_integers, (*offsets.unbind(1), turns)), strict=True)
    return [Move(down, right, flip and bool(is_flipped)) for down, right, is_flipped in rows]


def random_paste(cut_out: CutOut, size: tuple[int, int], generator: torch.Generator) -> Paste:
    """Resizes a cut-out, flips it at random, and puts its centre anywhere in a picture.

    Args:
        cut_out: The cut-out.
        size: The (width, height) of the picture.
        generator: The source of randomness.

    Example:
        >>> cut_out = CutOut(torch.ones(3, 8, 8), torch.ones(8, 8, dtype=torch.bool))
        >>> paste = random_paste(cut_out, (40, 20), torch.Generator().manual_seed(0))
        >>> 4 <= paste.cut_out.mask.shape[0] <= 10
        True
    """
    share, mirrored, down, right = to_list(torch.rand(4, generator=generator))
    low, high = PASTE_SCALES
    height, width = (max(1, round(side * (low + (high - low) * share))) for side in cut_out.mask.shape)
    image, mask = _resize(cut_out, height, width, mirrored=mirrored < 0.5)
    top, left = int(down * size[1]) - height // 2, int(right * size[0]) - width // 2
    return Paste(CutOut(image, mask), top, left)


def _resize(cut_out: CutOut, height: int, width: int, *, mirrored: bool) -> tuple[Tensor, Tensor]:
    image = F.interpolate(cut_out.image[None], (height, width), mode="bilinear", align_corners=False, antialias=True)[
        0
    ].clamp(0, 1)
    mask = F.interpolate(cut_out.mask[None, None].float(), (height, width), mode="nearest-exact")[0, 0] > 0
    return (image.flip(-1), mask.flip(-1)) if mirrored else (image, mask)


def apply_moves(values: Tensor, moves: Sequence[Move]) -> Tensor:
    """Moves pictures or label maps (n, …, h, w), each by its own of n moves.

    Example:
        >>> apply_moves(torch.tensor([[[1, 2, 3]]]), [Move(0, 0, flip=True)]).tolist()
        [[[3, 2, 1]]]
    """
    return torch.stack([_apply_move(value, move) for value, move in zip(values, moves, strict=True)])


def _apply_move(value: Tensor, move: Move) -> Tensor:
    value = value.flip(-1) if move.flip else value
    for axis, by in ((-2, move.down), (-1, move.right)):
        length = value.shape[axis]
        places = (torch.arange(length, device=value.device) - by) % (2 * length)
        value = value.index_select(axis, torch.where(places < length, places, 2 * length - 1 - places))
    return value
