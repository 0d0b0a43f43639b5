"""Universal adversarial perturbations against semantic segmentation: train, apply and measure them."""

from uapseg.drawings import drawn, mapped, written
from uapseg.errors import UapsegError
from uapseg.evaluate import Report, evaluate
from uapseg.fit import fit
from uapseg.models import Segmenter, load_model
from uapseg.perturbation import perturb
from uapseg.run import Plan, run
from uapseg.settings import Settings, fast, paper
from uapseg.state import Snapshot, State
from uapseg.targets import Hidden, Static

__all__ = [
    "Hidden", "Plan", "Report", "Segmenter", "Settings", "Snapshot", "State", "Static", "UapsegError",
    "drawn", "evaluate", "fast", "fit", "load_model", "mapped", "paper", "perturb", "run", "written",
]  # fmt: skip
