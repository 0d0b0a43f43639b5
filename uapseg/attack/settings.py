"""The hyperparameters of a search, and presets of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, pi
from typing import Any, Literal

from uapseg.attack.ball import Ball
from uapseg.attack.losses import LOSSES, PIXEL_WEIGHTINGS
from uapseg.attack.optimizer import OPTIMIZERS
from uapseg.io.values import check_choice, check_range, check_types

MAX_KEEP_WEIGHT = 100.0
"""The largest keep weight."""

GREY_LEVEL = 1 / 255
"""One grey level, in the unit of images."""


PASTE = 1
"""The default number of pictures whose objects are pasted into each picture."""

PASTE_AFTER = 10
"""The number of epochs above which objects are pasted, with the defaults below: it helped with 40 photos and 30 epochs
and with 100 frames of videos and twelve. With 512 rendered scenes and three epochs, pasting alone made no difference.
"""

PASTE_OPTIMIZER = "dual_averaging"
"""The default optimizer with pasted objects. They differ from step to step, and dual averaging follows what most steps
ask for.
"""

PASTE_LOSS = "cosine"
"""The default loss with pasted objects. It is bounded, so that no single pixel outweighs the others."""

PASTE_KEEP_FACTOR = 2.0
"""The factor of the keep weight with `PASTE_LOSS`: its gradient is smaller than that of the cross-entropy, by which
hidden pixels lose their class.
"""

PASS_PICTURES = 512
"""The number of training pictures, out of thousands, if all of them are needed before the first step."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that determines a search except the network, the pictures and the target.

    Attributes:
        preset: The preset that these settings are based on, one of `PRESETS`.
        epsilon: The bound of the perturbation, in [0, 1]: 1 to 127 grey levels, divided by 255.
        norm: What epsilon bounds: the largest absolute value (``linf``), or the root mean square of all values
            (``l2``), see `uapseg.attack.ball.Ball`.
        budget: The image-gradients to spend; one is a forward and a backward pass of one picture.
        seed: The random seed of the order of pictures, their augmentation, and the random-noise baseline.
        tile: The (width, height) of the perturbation in pixels; None for the size of the dataset's pictures.
        train_pictures: The number of training pictures, evenly spaced over the dataset; None for all.
        batch: Pictures in a forward and backward pass.
        full_batch: Whether a step uses the mean gradient over all pictures instead of a batch.
        optimizer: A name in `uapseg.attack.optimizer.OPTIMIZERS`; None is `PASTE_OPTIMIZER` if objects are pasted, and
            the target's default otherwise.
        step_size: The size of the first step in (0, 1], averaged over the values.
        decay: Whether the step size decays to zero along a cosine.
        momentum: The momentum in [0, 1); gradients are normalized to unit mean magnitude first.
        loss: A name in `uapseg.attack.losses.LOSSES`; None is `PASTE_LOSS` if objects are pasted, with the keep weight
            times `PASTE_KEEP_FACTOR`, and the cross-entropy otherwise.
        loss_resolution: Where the loss is computed: at the size of the images (``full``), or at that of the logits
            before upsampling (``logits``), where each cell has the labels of all its pixels: cheaper, with almost the
            same gradient. None for the target's default.
        pixel_weighting: Which pixels count, a name in `uapseg.attack.losses.PIXEL_WEIGHTINGS`; None for the target's
            default.
        tau: Pixels that reach the goal with a confidence above this do not count, in [0.5, 1].
        translation_period: The step in pixels between the horizontal translations over which gradients are averaged,
            see `uapseg.attack.translations`; 0 for none, None for the target's default.
        omega: The weight of hidden pixels in [0, 1] in a sum over pixels; None averages over each group of pixels.
        keep_weight: With averages over groups, the factor of all groups but the first, in [0, 100].
        fill_weight: The share of the loss of hidden pixels that asks for the label of the nearest pixel that stays, in
            [0, 1]; the rest only asks for the absence of hidden classes. Ignored if the target has a fill class.
        balanced: Whether to sample training pictures so that object classes are balanced, see
            `uapseg.attack.data.sampling`.
        shift: The largest random translation of training pictures in each direction, in pixels.
        flip: Whether to flip training pictures horizontally at random; None flips them if objects are pasted.
        crop: Whether to crop training pictures at random, at their own resolution, to half to all of a side; None
            crops them if objects are pasted. Each crop costs a further forward pass for its clean prediction, unless
            the target is the same for all pictures.
        paste: The number of training pictures whose objects of hidden classes are pasted into each picture. None
            is `PASTE` if classes are hidden in mini-batches for more than `PASTE_AFTER` epochs, and 0 otherwise.
        robust: Whether to train through random transforms: JPEG, resizing, blur, brightness, shift and zoom.
        validate_every: Image-gradients between two validations.
        first_validation: Image-gradients before the first validation; None is as many as between two.
        validation_pictures: The number of validation pictures, which select the best iterate.

    Example:
        >>> settings = fast(epsilon=10 / 255, budget=400, loss="margin")
        >>> settings.preset, settings.loss
        ('fast', 'margin')
    """

    preset: str
    epsilon: float
    norm: Literal["linf", "l2"] = "linf"
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
    loss: str | None = None
    loss_resolution: Literal["full", "logits"] | None = "full"
    pixel_weighting: str | None = "tau"
    tau: float = 0.75
    translation_period: int | None = 0
    omega: float | None
    keep_weight: float = 1.0
    fill_weight: float = 1.0
    balanced: bool = False
    shift: int = 0
    flip: bool | None = None
    crop: bool | None = None
    paste: int | None = None
    robust: bool = False
    validate_every: int = 200
    first_validation: int | None = None
    validation_pictures: int = 32

    def __post_init__(self) -> None:
        """Checks the type and the range of each value.

        Raises:
            UapsegError: A value is invalid; the message names it and what it may be.
        """
        check_types(self)
        check_choice("preset", self.preset, PRESETS)
        check_choice("loss", self.loss or PASTE_LOSS, LOSSES)
        check_choice("optimizer", self.optimizer or "adam", OPTIMIZERS)
        check_choice("pixel weighting", self.pixel_weighting or "all", PIXEL_WEIGHTINGS)
        check_range("epsilon", self.epsilon * 255, 1, 127, "grey levels")  # what a file of 128 + level holds
        check_range("budget", self.budget, 1, 10**9, "image-gradients")
        check_range("seed", self.seed, -(10**12), 10**12, "as a number")  # times a million, it still fits 64 bits
        check_range("batch", self.batch, 1, 4096, "pictures")
        check_range("step size", self.step_size * 255, 0.01, 255, "grey levels")
        check_range("momentum", self.momentum, 0, 0.999, "as a share")
        check_range("tau", self.tau, 0.5, 1, "as a confidence")
        check_range("translation period", self.translation_period or 0, 0, 4096, "pixels")
        check_range("omega", self.omega or 0, 0, 1, "as a weight")
        check_range("keep weight", self.keep_weight, 0, MAX_KEEP_WEIGHT, "times the usual")
        check_range("fill weight", self.fill_weight, 0, 1, "as a share")
        check_range("shift", self.shift, 0, 4096, "pixels")
        check_range("paste", self.paste or 0, 0, 16, "pictures")
        for side in self.tile or ():
            check_range("tile", side, 8, 8192, "pixels a side")
        for name in ("train_pictures", "validate_every", "first_validation", "validation_pictures"):
            value = getattr(self, name)
            check_range(name, 1 if value is None else value, 1, 10**9, "as a number")

    @property
    def ball(self) -> Ball:
        """The perturbations that the search may choose from."""
        return Ball(self.epsilon, self.norm)

    def step_size_at(self, share: float) -> float:
        """Returns the step size after a share of the budget: constant, or decaying to zero along a cosine.

        Example:
            >>> settings = fast(epsilon=10 / 255, budget=1000, step_size=0.02)
            >>> [round(settings.step_size_at(share), 3) for share in (0, 0.5, 1)]
            [0.02, 0.01, 0.0]
        """
        return self.step_size * (0.5 * (1 + cos(pi * share)) if self.decay else 1.0)

    def resolve_pasting(self, pictures: int, *, pastable: bool) -> "Settings":
        """Returns the same settings with the number of pictures to paste from, and the defaults that come with it.

        Args:
            pictures: The number of training pictures.
            pastable: Whether the target allows pasted objects.

        Example:
            >>> settings = fast(epsilon=10 / 255, budget=1000)
            >>> [settings.resolve_pasting(pictures, pastable=True).paste for pictures in (40, 99, 100)]
            [1, 1, 0]
            >>> settings.resolve_pasting(40, pastable=True).loss
            'cosine'
        """
        few_pictures = pastable and not self.full_batch and self.budget > PASTE_AFTER * pictures
        paste = self.paste if self.paste is not None else PASTE * few_pictures
        if not paste:
            return replace(self, paste=0)
        factor = 1.0 if self.loss else PASTE_KEEP_FACTOR
        return replace(
            self,
            paste=paste,
            optimizer=self.optimizer or PASTE_OPTIMIZER,
            loss=self.loss or PASTE_LOSS,
            keep_weight=min(MAX_KEEP_WEIGHT, self.keep_weight * factor),
            flip=self.flip is not False,
            crop=self.crop is not False,
        )


def paper(*, epsilon: float, budget: int, omega: float = 0.9999, **overrides: Any) -> Settings:
    """Returns the settings of the published method: a sign step of one grey level after each epoch.

    Args:
        epsilon: The bound of the perturbation, in [0, 1].
        budget: The image-gradients to spend.
        omega: The weight of hidden pixels in [0, 1].
        overrides: Other fields of `Settings`.

    Source:
        Metzen et al., Universal Adversarial Perturbations Against Semantic Image Segmentation,
        https://arxiv.org/abs/1704.05712, section 4.

    Example:
        >>> paper(epsilon=10 / 255, budget=5120).optimizer
        'sign'
    """
    settings = Settings(
        preset="paper", epsilon=epsilon, budget=budget, batch=8, full_batch=True, optimizer="sign",
        step_size=GREY_LEVEL, decay=False, momentum=0.0, omega=omega, loss="cross-entropy", flip=False, crop=False,
    )  # fmt: skip
    return replace(settings, **overrides)


def fast(*, epsilon: float, budget: int, **overrides: Any) -> Settings:
    """Returns settings that need less work: small batches, normalized gradients, momentum and a decaying step size.

    Args:
        epsilon: The bound of the perturbation, in [0, 1].
        budget: The image-gradients to spend.
        overrides: Other fields of `Settings`.

    Source:
        Mini-batches after Shafahi et al., https://arxiv.org/abs/1811.11304; momentum on normalized gradients after
        Dong et al., https://arxiv.org/abs/1710.06081.

    Example:
        >>> fast(epsilon=10 / 255, budget=400, seed=1).batch
        4
    """
    settings = Settings(
        preset="fast", epsilon=epsilon, budget=budget, batch=4, full_batch=False, step_size=0.2 * epsilon, decay=True,
        momentum=0.9, loss_resolution=None, pixel_weighting=None, translation_period=None, omega=None, fill_weight=0.2,
    )  # fmt: skip
    return replace(settings, **overrides)


PRESETS: dict[str, Callable[..., Settings]] = {"fast": fast, "paper": paper}
