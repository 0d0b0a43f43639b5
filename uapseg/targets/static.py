"""One label map for every image: a word, a mask, a drawing, or the scene of another image."""

import base64
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from uapseg.errors import UapsegError
from uapseg.io.images import decode
from uapseg.io.values import check_types
from uapseg.targets.base import Fraction, LabelTarget, ScoreLabel, SearchDefaults, Wording
from uapseg.targets.counts import Counts
from uapseg.targets.goals import UNLABELED, Goal, GoalFn, check_class_names, class_indices, repeat_tile
from uapseg.tensors import LabelMaps

LETTERS = "the letters"
"""What to call the region of a typed word."""

DRAWING = "drawing"
"""The default caption of a drawing."""

_UNREADABLE = "The drawing of the target cannot be read: it is not a grey PNG in base64, or the file was altered."


@dataclass(frozen=True, kw_only=True)
class StaticTarget(LabelTarget):
    """One label map for every image; it repeats with the perturbation's tile, from the top left corner.

    Its groups of pixels are the drawn region (0) and the rest (1).

    Attributes:
        drawing: A PNG in base64, mode L: indices into ``classes``, 255 where nothing is drawn.
        classes: The names of the drawn classes.
        rest: The class of everything not drawn; None keeps the network's own predictions there.
        caption: What to call it: the word, the file, the scene.

    Source:
        The static target of Metzen et al., https://arxiv.org/abs/1704.05712

    Example:
        >>> from uapseg.targets.drawing import text_target
        >>> target = text_target("foo", "Car", "Sky", size=(48, 32))
        >>> target.title, target.label_map().shape
        ('foo in Car on Sky', (32, 48))
    """

    drawing: str
    classes: tuple[str, ...]
    rest: str | None
    caption: str

    kind: Literal["static"] = "static"

    moves_with_image = False
    source_classes = ()
    takes_pasted_objects = False
    scores_miou = False
    defaults = SearchDefaults(optimizer="dual_averaging", pixel_weighting="all", loss_resolution="logits")
    selection = ("target_success", "region_success")
    collapse_threshold = None

    def __post_init__(self) -> None:
        """Checks the fields, and that the drawing is a PNG of indices into ``classes``.

        Raises:
            UapsegError: A field is invalid.
        """
        check_types(self, skip=("drawing",))
        check_class_names(self.classes)
        labels = self.label_map()
        used_labels = labels[labels != UNLABELED]
        if used_labels.size and used_labels.max() >= len(self.classes):
            raise UapsegError(
                f"The drawing holds the number {used_labels.max()}, but the target names {len(self.classes)} classes: "
                "name a class for each number, from 0."
            )

    @property
    def title(self) -> str:
        """The caption, followed by the two classes if there are only two."""
        if len(self.classes) != 1:
            return self.caption
        return f"{self.caption} in {self.classes[0]} on {self.rest or 'what is there'}"

    @property
    def needs_clean(self) -> bool:
        """Whether pixels outside the drawing keep the network's predictions."""
        return self.rest is None

    def label_map(self) -> NDArray[np.uint8]:
        """Decodes the drawing: indices into ``classes`` (h, w), 255 where nothing is drawn.

        Raises:
            UapsegError: The drawing is not a PNG of mode L in base64.
        """
        try:
            content = base64.b64decode(self.drawing, validate=True)
            picture = decode(content)
        except (TypeError, ValueError, UapsegError) as error:
            raise UapsegError(_UNREADABLE) from error
        if not content.startswith(b"\x89PNG") or picture.mode != "L":
            raise UapsegError(_UNREADABLE)
        return np.asarray(picture)

    def bind(self, classes: tuple[str, ...], objects: tuple[str, ...], tile: tuple[int, int]) -> GoalFn:
        """Stretches the drawing to the tile (width, height), in the network's classes.

        Raises:
            UapsegError: The network has no class of that name, or nothing is drawn.

        Example:
            >>> import numpy as np, torch
            >>> from uapseg.targets.drawing import mask_target
            >>> target = mask_target(np.array([[True, False]]), inside="Car", rest="Sky")
            >>> goal_fn = target.bind(("Sky", "Car"), objects=("Car",), tile=(4, 1))
            >>> goal_fn(torch.zeros(1, 1, 4, dtype=torch.uint8)).labels.tolist()
            [[[1, 1, 0, 0]]]
        """
        stretched = np.asarray(Image.fromarray(self.label_map()).resize(tile, Image.Resampling.NEAREST))
        if (stretched == UNLABELED).all():
            raise UapsegError("Nothing is drawn: draw, type or upload a region first.")
        table = np.full(256, UNLABELED, np.uint8)
        table[: len(self.classes)] = class_indices(self.classes, classes)
        region_labels = torch.as_tensor(table[stretched])
        rest = class_indices((self.rest,), classes)[0] if self.rest is not None else None

        def goal(clean: LabelMaps) -> Goal:
            region = repeat_tile(region_labels.to(clean.device), *clean.shape[1:]).expand_as(clean)
            outside = region == UNLABELED
            filling = clean if rest is None else torch.full_like(clean, rest)
            return Goal(torch.where(outside, filling, region), outside.to(torch.uint8))

        return goal

    def group_weights(self, keep_weight: float) -> tuple[float, ...]:
        """Weighs the rest slightly more than the region, which is learned sooner."""
        return (1.0, 1.2 * keep_weight)

    def omega_weights(self, omega: float | None) -> tuple[float, ...]:
        """Weighs all pixels alike: the published method uses omega only to hide classes."""
        return (1.0, 1.0)

    def score_fractions(self, counts: Counts) -> dict[str, Fraction]:
        """``target_success``: pixels at the goal, of all pixels; ``region_success``: the same in the drawn region."""
        return {
            "target_success": (counts.reached.sum(1), counts.pixels.sum(1)),
            "region_success": (counts.reached[:, 0], counts.pixels[:, 0]),
        }

    def wording(self, region: str) -> Wording:
        """How the page describes a drawing; a word is quoted.

        Example:
            >>> from uapseg.targets.drawing import text_target
            >>> text_target("foo", "Car", "Sky", size=(48, 32)).wording("the letters").description
            '“foo” in Car on Sky'
        """
        rest = f"on {self.rest}" if self.rest else "over what it sees"
        quoted_caption = f"“{self.caption}”"
        name = "A drawing" if self.caption == DRAWING else quoted_caption
        has_one_class = len(self.classes) == 1
        classes = self.classes[0] if has_one_class else f"{len(self.classes)} classes"
        return Wording(
            f"{name} in {classes} {rest}",
            (
                ScoreLabel(
                    "region_success", f"of {region} seen as {self.classes[0] if has_one_class else 'painted'}", region
                ),
                ScoreLabel("target_success", "of all pixels at the target", "all pixels"),
            ),
            "of the pixels at the target",
            f"of {quoted_caption if region == LETTERS else region} appears",
        )
