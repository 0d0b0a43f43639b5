"""What the network is to see instead: one label map for every picture, or the scene without some classes."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from uapseg.errors import UapsegError
from uapseg.io.images import decode
from uapseg.io.values import check_types
from uapseg.tensors import LabelMaps

UNLABELED = 255


@dataclass(frozen=True)
class Goal:
    """What the network should see in some pictures.

    Attributes:
        labels: The class wanted of each pixel (n, h, w), uint8.
        groups: The number of the group that each pixel counts in (n, h, w), uint8: for a static target 0 the drawn
            region and 1 the rest; for hidden classes 0 the hidden pixels, 1 other objects, 2 everything else.
    """

    labels: LabelMaps
    groups: LabelMaps


GoalFn = Callable[[LabelMaps], Goal]
"""Maps what the network sees in clean pictures (n, h, w) to what it should see."""


@dataclass(frozen=True, kw_only=True)
class StaticTarget:
    """One label map for all pictures; it repeats with the perturbation's tile, from the top left corner.

    Attributes:
        drawing: A PNG in base64, mode L: numbers into ``classes``, 255 where nothing is drawn.
        classes: The names of the drawn classes.
        rest: The class of everything not drawn; None keeps what the network sees there.
        caption: What to call it: the word, the file, the scene.

    Source:
        The static target of Metzen et al., https://arxiv.org/abs/1704.05712
    """

    drawing: str
    classes: tuple[str, ...]
    rest: str | None
    caption: str

    kind: Literal["static"] = "static"

    def __post_init__(self) -> None:
        """Checks the texts, and that the drawing is a picture of numbers into ``classes``.

        Raises:
            UapsegError: They are not what they should be.
        """
        check_types(self, but=("drawing",))
        _check_names(self.classes, UNLABELED)
        numbers = self.label_map()
        drawn = numbers[numbers != UNLABELED]
        if drawn.size and drawn.max() >= len(self.classes):
            raise UapsegError(
                f"The drawing holds the number {drawn.max()}, but the target names {len(self.classes)} classes: "
                "name a class for each number, from 0."
            )

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        if len(self.classes) != 1:
            return self.caption
        return f"{self.caption} in {self.classes[0]} on {self.rest or 'what is there'}"

    @property
    def needs_clean(self) -> bool:
        """Whether the goal depends on what the network sees in the clean picture."""
        return self.rest is None

    def label_map(self) -> NDArray[np.uint8]:
        """The drawing: numbers into ``classes`` (h, w), 255 where nothing is drawn.

        Raises:
            UapsegError: It is no PNG of mode L in base64.
        """
        try:
            content = base64.b64decode(self.drawing, validate=True)
            picture = decode(content)
        except (TypeError, ValueError, UapsegError) as error:
            raise UapsegError(_NO_DRAWING) from error
        if not content.startswith(b"\x89PNG") or picture.mode != "L":
            raise UapsegError(_NO_DRAWING)
        return np.asarray(picture)

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:  # noqa: ARG002
        """Binds the target to a network and a tile (width, height).

        Raises:
            UapsegError: The network has no class of that name, or nothing is drawn.
        """
        stretched = np.asarray(Image.fromarray(self.label_map()).resize(tile, Image.Resampling.NEAREST))
        if (stretched == UNLABELED).all():
            raise UapsegError("Nothing is drawn: draw, type or upload a region first.")
        table = np.full(256, UNLABELED, np.uint8)
        table[: len(self.classes)] = class_indices(self.classes, classes)
        drawn = torch.from_numpy(table[stretched])
        rest = class_indices((self.rest,), classes)[0] if self.rest is not None else None

        def goal(clean: LabelMaps) -> Goal:
            region = repeat_tile(drawn.to(clean.device), *clean.shape[1:]).expand_as(clean)
            outside = region == UNLABELED
            filling = clean if rest is None else torch.full_like(clean, rest)
            return Goal(torch.where(outside, filling, region), outside.to(torch.uint8))

        return goal


@dataclass(frozen=True, kw_only=True)
class HideClasses:
    """The scene without some classes.

    Attributes:
        classes: The names of the classes to hide.
        fill: The class that hidden pixels take; None gives each the label of the nearest pixel of no hidden class
            (and, where a picture shows nothing else, the network's first class that is not hidden).

    Source:
        The dynamic target of Metzen et al., https://arxiv.org/abs/1704.05712
    """

    classes: tuple[str, ...]
    fill: str | None = None

    kind: Literal["hidden"] = "hidden"

    def __post_init__(self) -> None:
        """Checks the names.

        Raises:
            UapsegError: They are no texts.
        """
        check_types(self)
        _check_names(self.classes, UNLABELED)

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return "without " + ", ".join(self.classes)

    @property
    def needs_clean(self) -> bool:
        """Whether the goal depends on what the network sees in the clean picture."""
        return True

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:  # noqa: ARG002
        """Binds the target to a network.

        Raises:
            UapsegError: A class is not known, none is chosen, all are, or the filling itself is hidden.
        """
        hidden = class_indices(self.classes, classes)
        others = [number for number in range(len(classes)) if number not in hidden]
        if not hidden or not others:
            raise UapsegError("Choose at least one class to hide, and leave at least one.")
        fill = class_indices((self.fill,), classes)[0] if self.fill is not None else None
        if fill in hidden:
            raise UapsegError(
                f"The hidden pixels cannot become {self.fill}, which is hidden too: choose another filling."
            )
        group = torch.full((256,), 2, dtype=torch.uint8)
        group[list(class_indices(objects, classes))] = 1
        group[list(hidden)] = 0

        def goal(clean: LabelMaps) -> Goal:
            groups = group.to(clean.device)[clean.long()]
            filling = (
                torch.full_like(clean, fill) if fill is not None else fill_from_nearest(clean, groups == 0, others[0])
            )
            return Goal(torch.where(groups == 0, filling, clean), groups)

        return goal


Target = StaticTarget | HideClasses


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the rest of the package knows of a kind of target.

    Attributes:
        target: The dataclass, whose ``kind`` is the name of the kind.
        shares: What the mean over each group of pixels counts for in the loss, in the order of `Goal.groups`.
        rule: The rule of the steps where the settings leave it open: what did best in a long search (README).
        focus: Which pixels count where the settings leave it open.
    """

    target: type[Any]
    shares: tuple[float, ...]
    rule: Literal["lazy", "sign", "adam"]
    focus: Literal["tau", "smooth", "all"]


KINDS = {
    "static": Kind(target=StaticTarget, shares=(1.0, 1.2), rule="lazy", focus="all"),
    "hidden": Kind(target=HideClasses, shares=(1.0, 0.9, 0.8), rule="adam", focus="tau"),
}
"""All kinds of targets by name."""

_NO_DRAWING = "The drawing of the target cannot be read: it is no grey PNG in base64, or the file was altered."


def _check_names(classes: tuple[str, ...], most: int) -> None:
    """Makes sure that the names of classes are no blanks, and no more than ``most``."""
    if len(classes) > most or not all(name.strip() for name in classes):
        raise UapsegError(f"The classes of a target are at most {most} names, none of them blank.")


def class_indices(names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers of classes by name, upper and lower case alike.

    Raises:
        UapsegError: There is no such class; the message lists those there are.
    """
    known = {name.lower(): number for number, name in enumerate(classes)}
    for name in names:
        if name.lower() not in known:
            raise UapsegError(f"The network has no class {name!r}: choose from {', '.join(classes)}.")
    return tuple(known[name.lower()] for name in names)


def repeat_tile(tile: Tensor, height: int, width: int) -> Tensor:
    """A tile (…, h, w) repeated from the top left corner to (…, height, width)."""
    h, w = tile.shape[-2:]
    if (h, w) == (height, width):
        return tile
    down, across = -(-height // h), -(-width // w)
    return tile.repeat(*[1] * (tile.dim() - 2), down, across)[..., :height, :width]


def fill_from_nearest(labels: LabelMaps, hidden: Tensor, otherwise: int) -> LabelMaps:
    """Gives each hidden pixel the label of the nearest pixel that is not hidden, by Euclidean distance.

    Args:
        labels: What the network sees (n, h, w).
        hidden: Which pixels are hidden (n, h, w), bool.
        otherwise: The label where all of a picture is hidden.
    """
    filled = labels.cpu().clone()
    for number, mask in enumerate(hidden.cpu().numpy()):
        if mask.all():
            filled[number] = otherwise
        elif mask.any():
            found: Any = distance_transform_edt(mask, return_distances=False, return_indices=True)
            rows, columns = found
            filled[number] = filled[number][torch.from_numpy(rows).long(), torch.from_numpy(columns).long()]
    return filled.to(labels.device)
