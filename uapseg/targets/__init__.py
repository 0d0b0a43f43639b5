"""Targets: what the network should predict on perturbed images, one file for each kind."""

from uapseg.targets.base import Target
from uapseg.targets.combined import DrawAndHide
from uapseg.targets.hide import HideClasses
from uapseg.targets.static import StaticTarget
from uapseg.targets.swap import SwapClasses
from uapseg.targets.untargeted import Untargeted

TARGETS: dict[str, type[Target]] = {
    "static": StaticTarget,
    "hidden": HideClasses,
    "swap": SwapClasses,
    "untargeted": Untargeted,
    "draw_and_hide": DrawAndHide,
}
"""The dataclass of each kind of target, by its name in files."""

__all__ = ["TARGETS", "DrawAndHide", "HideClasses", "StaticTarget", "SwapClasses", "Target", "Untargeted"]
