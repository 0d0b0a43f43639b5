"""Universal adversarial perturbations against semantic segmentation: train, apply and measure them."""

from uapseg.attack.loop import fit
from uapseg.attack.perturbation import perturb
from uapseg.attack.run import Plan, run
from uapseg.attack.settings import Settings, fast, paper
from uapseg.attack.state import Snapshot, State
from uapseg.errors import UapsegError
from uapseg.models import Segmenter, load_model
from uapseg.results.evaluation import Report, evaluate
from uapseg.targets.drawing import drawn, mapped, written
from uapseg.targets.goals import Hidden, Static

__all__ = [
    "Hidden", "Plan", "Report", "Segmenter", "Settings", "Snapshot", "State", "Static", "UapsegError",
    "drawn", "evaluate", "fast", "fit", "load_model", "mapped", "paper", "perturb", "run", "written",
]  # fmt: skip
