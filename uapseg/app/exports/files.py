"""The files that a visitor can export from a run with scores, each made on request."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from uapseg.app import strings
from uapseg.app.exports.animation import encode_gif, encode_mp4
from uapseg.app.exports.command import PLAN_FILE
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.exports.report import report
from uapseg.app.frames import perturb_photo
from uapseg.app.runs.run import Run
from uapseg.app.view.rendering import shown_photo
from uapseg.app.workspace import Workspace
from uapseg.errors import UapsegError
from uapseg.io.files import to_json
from uapseg.io.images import encode_png
from uapseg.results.perturbation_file import save_png, save_safetensors


def export_run(kind: object, run: Run, workspace: Workspace) -> str:
    """Exports a file and returns its path; the file exists until the next export.

    Args:
        kind: A key of `strings.FILES`.
        run: A run that has figures.
        workspace: Its network and pictures.

    Raises:
        UapsegError: There is nothing to export yet, or no such kind.
    """
    if not isinstance(kind, str) or kind not in _MAKERS:
        raise UapsegError(strings.NO_SUCH_FILE)
    work = FinishedRun.of(run, workspace)
    name, write_file = _MAKERS[kind]
    return cached_file(
        run, name.format(epsilon=round(work.plan.settings.epsilon * 255)), lambda path: write_file(path, work)
    )


def cached_file(run: Run, name: str, write_file: Callable[[Path], Any]) -> str:
    """Writes a file to a folder that exists until the next export but one of the run, and returns its path.

    Example:
        >>> path = cached_file(Run("a"), "plan.json", lambda made: made.write_text("{}"))
        >>> Path(path).name
        'plan.json'
    """
    folder = tempfile.TemporaryDirectory(prefix="uapseg-")
    write_file(Path(folder.name) / name)
    run.files = (*run.files[-1:], folder)
    return str(Path(folder.name) / name)


def run_figures(work: FinishedRun) -> dict[str, Any]:
    """The plan and the figures of the validation pictures by which the perturbation was selected."""
    state = work.state
    return {
        "plan": work.plan.to_dict(),
        "split": "val",
        "pictures": len(state.best_validation.each),
        "perturbed": state.best_validation.scores,
        **work.run.baselines,
        "each": list(state.best_validation.each),
        "image_gradients": state.best_validation.image_gradients,
        "image_gradients_spent": state.image_gradients,
        "seconds": round(state.seconds, 3),
    }


def pictures(path: Path, work: FinishedRun) -> None:
    """The perturbed pictures as PNG: the one shown large, the held-out ones, and the visitor's own."""
    workspace = work.workspace
    photos = {"shown": shown_photo(work.run, workspace)}
    photos |= {f"held-out-{number}": photo for number, photo in enumerate(workspace.held_out_photos, 1)}
    photos |= {f"own-{number}": workspace.photo(own_photo) for number, own_photo in enumerate(work.run.photos, 1)}
    with zipfile.ZipFile(path, "w") as file:  # stored: a PNG does not shrink further
        for name, photo in photos.items():
            file.writestr(f"{name}.png", encode_png(Image.fromarray(perturb_photo(photo.picture, work.levels))))


def _writer(encode: Callable[[FinishedRun], bytes]) -> Callable[[Path, FinishedRun], Any]:
    return lambda path, work: path.write_bytes(encode(work))


_MAKERS: dict[str, tuple[str, Callable[[Path, FinishedRun], Any]]] = {
    strings.FILE_PNG: ("uapseg-epsilon{epsilon}.png", lambda path, work: save_png(path, work.perturbation)),
    strings.FILE_TENSORS: (
        "uapseg-epsilon{epsilon}.safetensors", lambda path, work: save_safetensors(path, work.perturbation)
    ),
    strings.FILE_PICTURES: ("uapseg-pictures.zip", pictures),
    strings.FILE_FIGURE: ("uapseg-figure.png", _writer(lambda work: work.figure("png"))),
    strings.FILE_PDF: ("uapseg-figure.pdf", _writer(lambda work: work.figure("pdf"))),
    strings.FILE_GIF: ("uapseg-animation.gif", _writer(encode_gif)),
    strings.FILE_MP4: ("uapseg-animation.mp4", _writer(encode_mp4)),
    strings.FILE_REPORT: ("uapseg-report.html", _writer(lambda work: report(work).encode())),
    strings.FILE_FIGURES: (
        "uapseg-figures.json", _writer(lambda work: to_json(run_figures(work), indent=2).encode())
    ),
    strings.FILE_PLAN: (PLAN_FILE, _writer(lambda work: to_json(work.plan.to_dict(), indent=2).encode())),
}  # fmt: skip
"""The name of each kind of file, and what writes it."""
