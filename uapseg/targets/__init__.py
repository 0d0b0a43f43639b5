"""What the network is to see instead, and how far it is from that: a file for each kind of target."""

from uapseg.targets.base import Target
from uapseg.targets.hide import HideClasses
from uapseg.targets.static import StaticTarget
from uapseg.targets.swap import SwapClasses
from uapseg.targets.untargeted import Untargeted

TARGETS: dict[str, type[Target]] = {
    "static": StaticTarget,
    "hidden": HideClasses,
    "swap": SwapClasses,
    "untargeted": Untargeted,
}
"""The dataclass of each kind of target, by the name that files give it."""

__all__ = ["TARGETS", "HideClasses", "StaticTarget", "SwapClasses", "Target", "Untargeted"]
