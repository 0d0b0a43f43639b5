"""Named settings to compare: each arm is a preset with a few changes, such as ``fast+margin+tile-128``."""

from typing import Any

from uapseg.attack.settings import GREY_LEVEL, PRESETS, Settings
from uapseg.errors import UapsegError

CHANGES: dict[str, dict[str, Any]] = {
    "sign": {"rule": "sign", "momentum": 0.0, "decay": False, "step": GREY_LEVEL},
    "decay": {"rule": "sign", "momentum": 0.0},
    "momentum": {"rule": "sign"},
    "lazy": {"rule": "lazy"},
    "constant": {"decay": False, "step": GREY_LEVEL},
    "single": {"single": True},
    "adam": {"rule": "adam"},
    "gather": {"batch": 2, "gather": 4},
    "wide": {"wide": True},
    "margin": {"loss": "margin"},
    "cosine": {"loss": "cosine"},
    "smooth": {"focus": "smooth"},
    "all": {"focus": "all"},
    "balanced": {"balanced": True},
    "flip": {"flip": True},
    "crop": {"crop": True},
    "paste": {"paste": 2},
    "robust": {"robust": True},
    "full": {"loss_resolution": "full"},
    "logits": {"loss_resolution": "logits"},
}
"""What each change without a number sets."""

NUMBERED = {
    "omega": lambda value: {"omega": value},
    "keep": lambda value: {"keep": value},
    "filling": lambda value: {"filling": value},
    "tau": lambda value: {"focus": "tau", "tau": value},
    "tile": lambda value: {"tile": (int(value), int(value))},
    "shift": lambda value: {"shift": int(value)},
    "paste": lambda value: {"paste": int(value)},
    "pictures": lambda value: {"train_pictures": int(value)},
    "batch": lambda value: {"batch": int(value)},
    "momentum": lambda value: {"momentum": value},
    "step": lambda value: {"step": value * GREY_LEVEL},
}
"""What each change with a number sets; steps are in grey levels."""

DEFAULT_VARIANTS = (
    "paper", "fast", "fast+sign", "fast+decay", "fast+momentum", "fast+lazy", "fast+adam", "fast+constant",
    "fast+single", "fast+gather", "fast+wide", "fast+margin", "fast+cosine", "fast+smooth", "fast+tau-0.75",
    "fast+all", "fast+omega-0.9", "fast+omega-0.9999", "fast+filling-1", "fast+tile-64", "fast+tile-128",
    "fast+tile-256", "fast+balanced", "fast+shift-16", "fast+flip", "fast+pictures-8", "fast+pictures-64",
)  # fmt: skip
"""The arms that a race runs when none are named: one change at a time."""


def variant_settings(arm: str, *, epsilon: float, budget: int, seed: int, **others: Any) -> Settings:
    """The settings of an arm.

    Args:
        arm: ``PRESET``, or ``PRESET+CHANGE+…`` with changes such as ``margin`` or ``tile-128``.
        epsilon: The largest change of a value, in [0, 1].
        budget: How many image-gradients to spend.
        seed: Draws the order of the pictures.
        others: Further fields of `Settings`.

    Raises:
        UapsegError: There is no such preset or change, or a number is outside its range.
    """
    preset, *changes = arm.split("+")
    if preset not in PRESETS:
        raise UapsegError(f"The arm {arm!r} must begin with {' or '.join(PRESETS)}, as fast+margin does.")
    fields: dict[str, Any] = {}
    for change in changes:
        fields |= _fields(change, arm)
    return PRESETS[preset](epsilon=epsilon, budget=budget, seed=seed, **{**others, **fields})


def _fields(change: str, arm: str) -> dict[str, Any]:
    name, _, number = change.partition("-")
    try:
        return NUMBERED[name](float(number)) if number else CHANGES[name]
    except (KeyError, ValueError, OverflowError) as error:
        known = ", ".join([*CHANGES, *(f"{one}-NUMBER" for one in NUMBERED)])
        raise UapsegError(f"There is no change {change!r} for the arm {arm!r}: choose from {known}.") from error
