"""The three files that a run leaves: the perturbation as PNG and as safetensors, and a report."""

import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from uapseg.export import finished, save_png, save_safetensors
from uapseg.metrics import Scores
from uapseg.run import Plan
from uapseg.state import State
from uapseg.ui.runs import Run
from uapseg.ui.steps import unpacked


class Files(NamedTuple):
    """Paths of the files of a run; they last as long as this object."""

    png: str
    tensors: str
    report: str
    folder: Any


def files_of(run: Run) -> Files | None:
    """The files of a run that rests, written once for each checkpoint; None where there are no figures yet."""
    if run.checkpoint is None or run.plan is None:
        return None
    version = run.versions["checkpoint"]
    if run.files is None or run.files[0] != version:
        state = unpacked(run.checkpoint)
        if state.validation.image_gradients == 0:
            return None
        run.files = version, _write(run.plan, state, run.floors)
    return run.files[1]


def _write(plan: Plan, state: State, floors: dict[str, Scores]) -> Files:
    folder = tempfile.TemporaryDirectory(prefix="uapseg-")
    stem = Path(folder.name) / f"uapseg-epsilon{plan.settings.epsilon * 255:.0f}"
    png, tensors, report = (stem.with_suffix(f".{kind}") for kind in ("png", "safetensors", "json"))
    kept = finished(plan, state)
    save_png(png, kept)
    save_safetensors(tensors, kept)
    report.write_text(json.dumps(report_of(plan, state, floors), indent=2))
    return Files(str(png), str(tensors), str(report), folder)


def report_of(plan: Plan, state: State, floors: dict[str, Scores]) -> dict[str, Any]:
    """Plan and figures; they are those of the validation pictures that chose the perturbation, and say so."""
    return {
        "plan": plan.to_dict(),
        "split": "val",
        "pictures": len(state.chosen.each),
        "perturbed": state.chosen.scores,
        **floors,
        "each": list(state.chosen.each),
        "image_gradients": state.chosen.image_gradients,
        "image_gradients_spent": state.image_gradients,
        "seconds": round(state.seconds, 3),
    }
