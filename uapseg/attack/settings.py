"""How to search: every setting of the optimiser, and the presets that name good ones."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Literal

from uapseg.attack.losses import LOSSES, PIXEL_WEIGHTINGS
from uapseg.attack.optimizer import OPTIMIZERS
from uapseg.io.values import check_choice, check_range, check_types

GREY_LEVEL = 1 / 255
"""One grey level, in image units."""


PASTE = 2
"""How many objects are pasted into each picture where the settings leave it open."""

PASTE_AFTER = 10
"""How often training pictures are met before pasting pays: it helped with 40 photos, each met 30 times, and did not
with 512 rendered scenes, each met three times."""

PASS_PICTURES = 512
"""Training pictures, where there are thousands to be had, if each is looked at before the first step."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides a search but the network, the pictures and the target.

    Attributes:
        preset: The name of the preset these settings were made from, one of `PRESETS`.
        epsilon: The largest change of a value, in units of [0, 1]: 1 to 127 grey levels, divided by 255.
        budget: How many image-gradients to spend; one is a forward and a backward pass of one picture.
        seed: Draws the order of the pictures, how they are varied, and the random noise of the floors.
        tile: (width, height) of the perturbation in pixels; None takes the size of the data set's pictures.
        train_pictures: How many training pictures to use, evenly spread over the set; None takes all.
        batch: Pictures in one forward and backward pass.
        full_batch: Whether a step waits for the mean gradient over all pictures, or is taken after each batch.
        optimizer: A name in `uapseg.attack.optimizer.OPTIMIZERS`; None takes the target's default.
        step_size: The size of the first step in (0, 1], on average over the values.
        decay: Whether the steps shrink along a cosine, to nothing when the budget is spent.
        momentum: How much of the past directions stays, in [0, 1); gradients are brought to unit mean size first.
        loss: A name in `uapseg.attack.losses.LOSSES`.
        loss_resolution: Where the loss is taken: at the size of the images (``full``), or at that of the logits before
            they are enlarged (``logits``), where each cell is asked for the labels of all its pixels: less work, and
            almost the same gradient; None takes that of the target's defaults.
        pixel_weighting: Which pixels count, a name in `uapseg.attack.losses.PIXEL_WEIGHTINGS`; None takes the target's
            default.
        tau: Pixels won with more confidence than this do not count, in [0.5, 1].
        omega: The weight of hidden pixels in [0, 1] in a sum over pixels, or None for means by region.
        keep_weight: With means by region, multiplies the weight of all but the drawn region, or all but the hidden
            pixels, in [0, 100].
        fill_weight: The share of the loss of hidden pixels that asks for the label of the nearest pixel that stays, in
            [0, 1]; the rest asks only that they carry no hidden class. Ignored where the target names a class.
        balanced: Whether training pictures are drawn so that each object class is met as often as any other, as
            `uapseg.attack.sampling` says, instead of each picture as often as any other.
        shift: How far training pictures are moved at random, in pixels each way.
        flip: Whether training pictures are mirrored at random.
        crop: Whether a random part of each training picture, half to all of a side, is taken for the whole.
        paste: How many objects of the hidden classes, from other training pictures, are pasted into each picture; None
            takes `PASTE` where classes are hidden in mini-batches and the budget meets each training picture more than
            `PASTE_AFTER` times, else none.
        robust: Whether the perturbed pictures are recompressed, resized, blurred, relit, moved and zoomed at random.
        validate_every: Image-gradients between two looks at the validation pictures.
        validation_pictures: How many validation pictures choose the best iterate.
    """

    preset: str
    epsilon: float
    budget: int
    seed: int = 0
    tile: tuple[int, int] | None = None
    train_pictures: int | None = None
    batch: int
    full_batch: bool
    optimizer: str | None = None
    step_size: float
    decay: bool
    momentum: float
    loss: str = "cross-entropy"
    loss_resolution: Literal["full", "logits"] | None = "full"
    pixel_weighting: str | None = "tau"
    tau: float = 0.75
    omega: float | None
    keep_weight: float = 1.0
    fill_weight: float = 1.0
    balanced: bool = False
    shift: int = 0
    flip: bool = False
    crop: bool = False
    paste: int | None = None
    robust: bool = False
    validate_every: int = 200
    validation_pictures: int = 32

    def __post_init__(self) -> None:
        """Checks that each value is of its type and in its range.

        Raises:
            UapsegError: A value is not; it is named, with what it may be.
        """
        check_types(self)
        check_choice("preset", self.preset, PRESETS)
        check_choice("loss", self.loss, LOSSES)
        check_choice("optimizer", self.optimizer or "adam", OPTIMIZERS)
        check_choice("pixel weighting", self.pixel_weighting or "all", PIXEL_WEIGHTINGS)
        check_range("epsilon", self.epsilon * 255, 1, 127, "grey levels")  # what a file of 128 + level holds
        check_range("budget", self.budget, 1, 10**9, "image-gradients")
        check_range("seed", self.seed, -(10**12), 10**12, "as a number")  # times a million, it still fits 64 bits
        check_range("batch", self.batch, 1, 4096, "pictures")
        check_range("step size", self.step_size * 255, 0.01, 255, "grey levels")
        check_range("momentum", self.momentum, 0, 0.999, "as a share")
        check_range("tau", self.tau, 0.5, 1, "as a confidence")
        check_range("omega", self.omega or 0, 0, 1, "as a weight")
        check_range("keep weight", self.keep_weight, 0, 100, "times the usual")
        check_range("fill weight", self.fill_weight, 0, 1, "as a share")
        check_range("shift", self.shift, 0, 4096, "pixels")
        check_range("paste", self.paste or 0, 0, 16, "objects")
        for side in self.tile or ():
            check_range("tile", side, 8, 8192, "pixels a side")
        for name in ("train_pictures", "validate_every", "validation_pictures"):
            value = getattr(self, name)
            check_range(name, 1 if value is None else value, 1, 10**9, "as a number")

    def step_size_at(self, share: float) -> float:
        """The size of a step when a share of the budget is spent: along a cosine to nothing, or always the same.

        Example:
            >>> settings = fast(epsilon=10 / 255, budget=1000, step_size=0.02)
            >>> [round(settings.step_size_at(share), 3) for share in (0, 0.5, 1)]
            [0.02, 0.01, 0.0]
        """
        return self.step_size * (0.5 * (1 + cos(pi * share)) if self.decay else 1.0)

    def objects_to_paste(self, pictures: int, *, pastable: bool) -> int:
        """How many objects are pasted into each picture, of so many to train on, where the target can have them.

        Example:
            >>> settings = fast(epsilon=10 / 255, budget=1000)
            >>> [settings.objects_to_paste(pictures, pastable=True) for pictures in (40, 99, 100)]
            [2, 2, 0]
        """
        if self.paste is not None:
            return self.paste
        return PASTE if pastable and not self.full_batch and self.budget > PASTE_AFTER * pictures else 0


def paper(*, epsilon: float, budget: int, omega: float = 0.9999, **others: Any) -> Settings:
    """The method as published: one sign step of a grey level for each pass over all training pictures.

    Source:
        Metzen et al., Universal Adversarial Perturbations Against Semantic Image Segmentation,
        https://arxiv.org/abs/1704.05712, section 4.
    """
    fixed = {
        "batch": 8,
        "full_batch": True,
        "optimizer": "sign",
        "step_size": GREY_LEVEL,
        "decay": False,
        "momentum": 0.0,
    }
    return Settings(preset="paper", epsilon=epsilon, budget=budget, **{**fixed, "omega": omega, **others})


def fast(*, epsilon: float, budget: int, **others: Any) -> Settings:
    """Small batches, dual averaging or Adam on normalized gradients, a decaying step size, and means by region.

    Source:
        Mini-batches after Shafahi et al., https://arxiv.org/abs/1811.11304; momentum on normalised gradients after
        Dong et al., https://arxiv.org/abs/1710.06081.
    """
    fixed = {"batch": 4, "full_batch": False, "step_size": 0.2 * epsilon, "decay": True, "momentum": 0.9}
    weights = {"loss_resolution": None, "pixel_weighting": None, "omega": None, "fill_weight": 0.2}
    return Settings(preset="fast", epsilon=epsilon, budget=budget, **{**fixed, **weights, **others})


PRESETS: dict[str, Callable[..., Settings]] = {"fast": fast, "paper": paper}
