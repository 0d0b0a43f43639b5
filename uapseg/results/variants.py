"""Named settings to compare: each variant is a preset with a few changes, such as ``fast+margin+tile-128``."""

from collections.abc import Callable
from typing import Any

from uapseg.attack.settings import GREY_LEVEL, PRESETS, Settings
from uapseg.errors import UapsegError

CHANGES: dict[str, dict[str, Any]] = {
    "sign": {"optimizer": "sign", "momentum": 0.0, "decay": False, "step_size": GREY_LEVEL},
    "decay": {"optimizer": "sign", "momentum": 0.0},
    "momentum": {"optimizer": "sign"},
    "dual-averaging": {"optimizer": "dual_averaging"},
    "constant": {"decay": False, "step_size": GREY_LEVEL},
    "adam": {"optimizer": "adam"},
    "cross-entropy": {"loss": "cross-entropy"},
    "margin": {"loss": "margin"},
    "cosine": {"loss": "cosine"},
    "all": {"pixel_weighting": "all"},
    "balanced": {"balanced": True},
    "flip": {"flip": True},
    "crop": {"crop": True},
    "paste": {"paste": 1},
    "robust": {"robust": True},
    "full": {"loss_resolution": "full"},
    "logits": {"loss_resolution": "logits"},
    "l2": {"norm": "l2"},
}
"""The fields that each change without a number sets."""

NUMBERED: dict[str, Callable[[float], dict[str, Any]]] = {
    "omega": lambda value: {"omega": value},
    "keep": lambda value: {"keep_weight": value},
    "fill": lambda value: {"fill_weight": value},
    "tau": lambda value: {"pixel_weighting": "tau", "tau": value},
    "tile": lambda value: {"tile": (int(value), int(value))},
    "shift": lambda value: {"shift": int(value)},
    "flip": lambda value: {"flip": bool(value)},
    "crop": lambda value: {"crop": bool(value)},
    "paste": lambda value: {"paste": int(value)},
    "period": lambda value: {"translation_period": int(value)},
    "pictures": lambda value: {"train_pictures": int(value)},
    "batch": lambda value: {"batch": int(value)},
    "momentum": lambda value: {"momentum": value},
    "step": lambda value: {"step_size": value * GREY_LEVEL},
}
"""The fields that each change with a number sets; steps are in grey levels."""

DEFAULT_VARIANTS = (
    "paper", "fast", "fast+sign", "fast+decay", "fast+momentum", "fast+dual-averaging", "fast+adam", "fast+constant",
    "fast+margin", "fast+cosine", "fast+tau-0.75", "fast+all", "fast+omega-0.9", "fast+omega-0.9999",
    "fast+fill-1", "fast+tile-64", "fast+tile-128", "fast+tile-256", "fast+balanced", "fast+shift-16", "fast+flip",
    "fast+pictures-8", "fast+pictures-64",
)  # fmt: skip
"""The variants that ``race`` compares by default: one change at a time."""


def variant_settings(variant: str, *, epsilon: float, budget: int, seed: int, **overrides: Any) -> Settings:
    """Returns the settings of a variant.

    Args:
        variant: ``PRESET``, or ``PRESET+CHANGE+…`` with changes such as ``margin`` or ``tile-128``.
        epsilon: The bound of the perturbation, in [0, 1].
        budget: The image-gradients to spend.
        seed: The random seed.
        overrides: Other fields of `Settings`.

    Raises:
        UapsegError: There is no such preset or change, or a number is out of range.

    Example:
        >>> settings = variant_settings("fast+margin+tile-128", epsilon=10 / 255, budget=400, seed=0)
        >>> settings.loss, settings.tile
        ('margin', (128, 128))
    """
    preset, *changes = variant.split("+")
    if preset not in PRESETS:
        raise UapsegError(f"The variant {variant!r} must begin with {' or '.join(PRESETS)}, as fast+margin does.")
    fields: dict[str, Any] = {}
    for change in changes:
        fields |= _fields(change, variant)
    return PRESETS[preset](epsilon=epsilon, budget=budget, seed=seed, **{**overrides, **fields})


def _fields(change: str, variant: str) -> dict[str, Any]:
    name, _, number = change.partition("-")
    try:
        return CHANGES[change] if change in CHANGES or not number else NUMBERED[name](float(number))
    except (KeyError, ValueError, OverflowError) as error:
        names = ", ".join([*CHANGES, *(f"{prefix}-NUMBER" for prefix in NUMBERED)])
        raise UapsegError(
            f"There is no change {change!r} for the variant {variant!r}: choose from {names}."
        ) from error
