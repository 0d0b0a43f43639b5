"""Universal adversarial perturbations against semantic segmentation: train, apply and measure them."""

from uapseg.attack.loop import fit
from uapseg.attack.perturbation import perturb
from uapseg.attack.run import Plan, run
from uapseg.attack.settings import Settings, fast, paper
from uapseg.attack.state import Snapshot, State
from uapseg.errors import UapsegError
from uapseg.models import Segmenter, load_model
from uapseg.results.evaluation import Report, evaluate
from uapseg.targets.drawing import label_map_target, mask_target, text_target
from uapseg.targets.goals import HideClasses, StaticTarget

__all__ = [
    "HideClasses",
    "Plan",
    "Report",
    "Segmenter",
    "Settings",
    "Snapshot",
    "State",
    "StaticTarget",
    "UapsegError",
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
]  # fmt: skip
