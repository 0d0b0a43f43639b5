"""Universal adversarial perturbations against semantic segmentation: train, apply and measure them.

A public name is imported when it is first used, so that ``import uapseg`` and the command line's help load no torch.

Example:
    >>> from uapseg import Plan, fast, text_target
    >>> target = text_target("foo", "Tree", "Building", size=(384, 256))
    >>> plan = Plan(model="street", data="street", target=target, settings=fast(epsilon=10 / 255, budget=400))
    >>> plan.target.title
    'foo in Tree on Building'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uapseg.attack.loop import fit
    from uapseg.attack.perturbation import perturb
    from uapseg.attack.run import Plan, run
    from uapseg.attack.settings import Settings, fast, paper
    from uapseg.attack.state import Snapshot, State
    from uapseg.errors import UapsegError
    from uapseg.models import Segmenter, load_model
    from uapseg.results.evaluation import Report, evaluate
    from uapseg.targets import DrawAndHide, HideClasses, StaticTarget, SwapClasses, Untargeted
    from uapseg.targets.drawing import label_map_target, mask_target, text_target

__all__ = [
    "DrawAndHide",
    "HideClasses",
    "Plan",
    "Report",
    "Segmenter",
    "Settings",
    "Snapshot",
    "State",
    "StaticTarget",
    "SwapClasses",
    "UapsegError",
    "Untargeted",
    "evaluate",
    "fast",
    "fit",
    "label_map_target",
    "load_model",
    "mask_target",
    "paper",
    "perturb",
    "run",
    "text_target",
]

_MODULES = {
    "DrawAndHide": "targets",
    "HideClasses": "targets",
    "Plan": "attack.run",
    "Report": "results.evaluation",
    "Segmenter": "models",
    "Settings": "attack.settings",
    "Snapshot": "attack.state",
    "State": "attack.state",
    "StaticTarget": "targets",
    "SwapClasses": "targets",
    "UapsegError": "errors",
    "Untargeted": "targets",
    "evaluate": "results.evaluation",
    "fast": "attack.settings",
    "fit": "attack.loop",
    "label_map_target": "targets.drawing",
    "load_model": "models",
    "mask_target": "targets.drawing",
    "paper": "attack.settings",
    "perturb": "attack.perturbation",
    "run": "attack.run",
    "text_target": "targets.drawing",
}
"""The module of each public name."""


def __getattr__(name: str) -> object:
    """Imports a public name; Python calls this for a name that is not there yet."""
    if name not in _MODULES:
        raise AttributeError(f"module 'uapseg' has no attribute {name!r}")
    value = getattr(import_module(f"uapseg.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return [*globals(), *(name for name in __all__ if name not in globals())]
