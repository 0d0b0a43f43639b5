"""How training pictures are varied: each augmentation changes pictures and goals together, never the perturbation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from uapseg.tensors import Images

CROP_SCALES = (0.5, 1.0)
"""The smallest and the largest share of a side that a random crop keeps."""

PASTE_SCALES = (0.5, 1.2)
"""The smallest and the largest factor that a pasted object is resized by: people are seldom nearer than they were."""

Maps = UInt8[Tensor, "n m h w"]
"""What is known of n clean pictures: their predictions, or the labels wanted and the groups of the pixels."""


@runtime_checkable
class Augmentation(Protocol):
    """What happens to the pictures of a batch before the perturbation is added."""

    def images(self, images: Images) -> Images:
        """The pictures afterwards."""
        ...

    def maps(self, maps: Maps) -> Maps:
        """Their label maps afterwards, in the same frame."""
        ...


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
        """The pictures, moved."""
        return apply_moves(images, self.moves)

    def maps(self, maps: Maps) -> Maps:
        """The label maps, moved."""
        return apply_moves(maps, self.moves)


@dataclass(frozen=True)
class Crop:
    """A part of a picture.

    Attributes:
        top: Its first row.
        left: Its first column.
        height: Its rows.
        width: Its columns.
    """

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Crops:
    """Takes a part of each picture of a batch, by its own of n crops, and resizes it to the whole.

    Example:
        >>> import torch
        >>> Crops([Crop(0, 1, 2, 2)]).maps(torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4))[0, 0, 0].tolist()
        [1, 1, 2, 2]
    """

    crops: Sequence[Crop]

    def images(self, images: Images) -> Images:
        """The parts, resized by bilinear interpolation."""
        size = images.shape[-2:]
        parts = (_cut(image, crop) for image, crop in zip(images, self.crops, strict=True))
        return torch.cat([F.interpolate(part, size, mode="bilinear", align_corners=False) for part in parts])

    def maps(self, maps: Maps) -> Maps:
        """The parts, each pixel the one nearest."""
        size = maps.shape[-2:]
        parts = (_cut(one, crop).float() for one, crop in zip(maps, self.crops, strict=True))
        return torch.cat([F.interpolate(part, size, mode="nearest-exact") for part in parts]).to(torch.uint8)


def _cut(value: Tensor, crop: Crop) -> Tensor:
    return value[None, :, crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]


@dataclass(frozen=True)
class CutOut:
    """An object of a picture.

    Attributes:
        image: Its bounding box in [0, 1].
        mask: Which pixels of the box belong to it.
    """

    image: Float[Tensor, "3 h w"]
    mask: Bool[Tensor, "h w"]


@dataclass(frozen=True)
class Paste:
    """An object of another picture, and where it is put.

    Attributes:
        cut_out: The object, of its final size.
        top: The row of its first one; negative where it begins above the picture.
        left: The column of its first one.
    """

    cut_out: CutOut
    top: int
    left: int


@dataclass(frozen=True)
class Pastes:
    """Puts objects of hidden classes into each picture of a batch.

    The label wanted of the pixels that an object covers stays what it was: what the picture shows without the object.
    No network has to be asked. The pixels count as hidden ones, that is as group 0 of `uapseg.targets.goals.Goal`.

    Attributes:
        pastes: The objects of each of n pictures; a later one covers an earlier one.
    """

    pastes: Sequence[Sequence[Paste]]

    def images(self, images: Images) -> Images:
        """The pictures with the objects."""
        images = images.clone()
        for image, pastes in zip(images, self.pastes, strict=True):
            for paste in pastes:
                there, here = _overlap(paste, image)
                image[:, *there] = torch.where(
                    paste.cut_out.mask[here], paste.cut_out.image[:, *here], image[:, *there]
                )
        return images

    def maps(self, maps: Maps) -> Maps:
        """Labels and groups (n, 2, h, w) with the pixels of the objects in group 0."""
        maps = maps.clone()
        for one, pastes in zip(maps, self.pastes, strict=True):
            for paste in pastes:
                there, here = _overlap(paste, one)
                one[1, *there].masked_fill_(paste.cut_out.mask[here], 0)
        return maps


def _overlap(paste: Paste, picture: Tensor) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The rows and columns of a picture (…, h, w) that a cut-out's box covers, and those of the box."""
    there, here = [], []
    for start, length, end in zip((paste.top, paste.left), paste.cut_out.mask.shape, picture.shape[-2:], strict=True):
        there.append(slice(max(start, 0), max(min(start + length, end), 0)))
        here.append(slice(max(-start, 0), max(min(length, end - start), 0)))
    return (there[0], there[1]), (here[0], here[1])


def random_moves(count: int, shift: int, *, flip: bool, seed: int) -> list[Move]:
    """Moves for ``count`` pictures, of up to ``shift`` pixels each way; every second flipped where ``flip`` is set."""
    generator = torch.Generator().manual_seed(seed)
    ways = torch.randint(-shift, shift + 1, (count, 2), generator=generator).tolist()
    flips = torch.randint(2, (count,), generator=generator).tolist()
    return [Move(down, right, bool(turned) and flip) for (down, right), turned in zip(ways, flips, strict=True)]


def random_crops(count: int, size: tuple[int, int], *, seed: int) -> list[Crop]:
    """Crops for ``count`` pictures of a size (width, height): half to all of each side, anywhere.

    Example:
        >>> crop, = random_crops(1, (40, 20), seed=0)
        >>> crop == random_crops(1, (40, 20), seed=0)[0], 10 <= crop.height <= 20, 20 <= crop.width <= 40
        (True, True, True)
    """
    generator = torch.Generator().manual_seed(seed)
    low, high = CROP_SCALES
    crops: list[Crop] = []
    for share, down, right in torch.rand(count, 3, generator=generator).tolist():
        width, height = (max(1, round(side * (low + (high - low) * share))) for side in size)
        crops.append(Crop(round(down * (size[1] - height)), round(right * (size[0] - width)), height, width))
    return crops


def random_paste(cut_out: CutOut, size: tuple[int, int], generator: torch.Generator) -> Paste:
    """An object resized, perhaps mirrored, and put anywhere into a picture of a size (width, height).

    Its centre lies in the picture.
    """
    share, mirrored, down, right = torch.rand(4, generator=generator).tolist()
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
    """Pictures or label maps (n, …, h, w), each moved by its own of n moves."""
    return torch.stack([_apply_move(value, move) for value, move in zip(values, moves, strict=True)])


def _apply_move(value: Tensor, move: Move) -> Tensor:
    value = value.flip(-1) if move.flip else value
    for axis, by in ((-2, move.down), (-1, move.right)):
        length = value.shape[axis]
        places = (torch.arange(length, device=value.device) - by) % (2 * length)
        value = value.index_select(axis, torch.where(places < length, places, 2 * length - 1 - places))
    return value
