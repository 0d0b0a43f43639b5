"""What programs call: the same as the page, without it. Their docstrings are what the page of the API says."""

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from itertools import product
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import gradio as gr
import numpy as np
from PIL import Image

from uapseg.app import strings
from uapseg.app.controls import ControlValues
from uapseg.app.frames import STRENGTHS, perturb_photo, stretch_levels, to_values
from uapseg.app.gradio_private import upload_folder
from uapseg.app.handlers.errors import as_user_error, user_error, user_errors
from uapseg.app.runs.device import level_array, run_steps, unpack_state, validation_frame
from uapseg.app.runs.device_queue import Call, RunQueue
from uapseg.app.runs.import_run import check_pair, check_size, measure
from uapseg.app.server import DECODING
from uapseg.app.view.rendering import scale_levels
from uapseg.app.workspace import Workspace, overlay_classes
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.attack.perturbation import fit_picture
from uapseg.errors import UapsegError
from uapseg.io.images import encode_png, read_picture
from uapseg.results.perturbation_file import Perturbation, best_perturbation, load, save_safetensors

MAX_BUDGET = 2000
"""Image-gradients of one call: programs wait in line with the visitors of the page."""

FILE_SECONDS = 600
"""How long the files of an answer stay; Gradio has copied them by then."""


P = ParamSpec("P")
R = TypeVar("R")


def _in_turn(answer: Callable[Concatenate["Endpoints", P], R]) -> Callable[Concatenate["Endpoints", P], R]:
    """Makes an endpoint wait in the queue for the device."""

    @wraps(answer)
    def answer_in_turn(self: "Endpoints", *args: P.args, **kwargs: P.kwargs) -> R:
        with user_errors(), self.queue.turn_of(Call()):
            return answer(self, *args, **kwargs)

    return answer_in_turn


class Endpoints:
    """The endpoints of a page.

    Args:
        workspaces: Its networks and pictures.
        queue: The queue for the device, which API calls share with the page's visitors.
    """

    def __init__(self, workspaces: WorkspaceCache, queue: RunQueue) -> None:
        self._workspaces, self.queue = workspaces, queue
        self._folder = tempfile.TemporaryDirectory(prefix="uapseg-api-")
        weakref.finalize(self, self._folder.cleanup)

    def models(self) -> dict[str, Any]:
        """Lists the networks and the pictures that this page offers, and the classes of those that are loaded.

        Returns:
            Names, what each is, and classes by network; the first network and pictures are the defaults elsewhere.
        """
        models, pictures = self._workspaces.model_offers, self._workspaces.dataset_offers
        models_by_name = {
            pair[0]: workspace.model for pair in self._pairs() if (workspace := self._workspaces.get(pair))
        }
        return {
            "models": {offer.name: offer.details for offer in models},
            "data": {offer.name: offer.details for offer in pictures},
            "classes": {name: list(model.classes) for name, model in models_by_name.items()},
        }

    @_in_turn
    def train(  # noqa: PLR0917  programs name what they send
        self,
        text: str = "foo",
        region_class: str = "",
        rest_class: str = "",
        hide: list[str] = [],  # noqa: B006  Gradio shows it as the default, and nothing changes it
        epsilon: int = 10,
        budget: int = 400,
        seed: int = 0,
        model: str = "",
        data: str = "",
        keep: float = 1.0,
    ) -> tuple[dict[str, Any], gr.FileData]:
        """Trains a perturbation: a word that the network is to see in every picture, or classes that it is to miss.

        Args:
            text: A word of 1 to 24 letters; it counts where `hide` is empty.
            region_class: The class of its letters; empty takes the network's own choice.
            rest_class: The class of everything else, or "keep" for what the network sees.
            hide: Classes to hide instead of showing a word; people stands for all that are people.
            epsilon: The largest change, 1 to 32 grey levels of 255.
            budget: Image-gradients, 50 to 2000.
            seed: The random seed of the order of the pictures.
            model: The network; empty takes the page's first.
            data: The pictures; empty takes the page's first.
            keep: What the rest counts beside the target, times the usual: 0.1 to 4.

        Returns:
            Scores on held-out pictures beside their baselines, and the perturbation as safetensors.
        """
        try:
            workspace = self._workspace(model, data)
            controls = _controls_from_call(workspace, text, region_class, rest_class, hide)
            numbers = {"epsilon": epsilon, "budget": budget, "seed": seed, "keep": keep}
            controls = ControlValues.of({**controls.to_dict(), **numbers})
            _check_budget(controls.budget)
            plan = controls.plan(controls.target(workspace.size, None, workspace.model.classes))
            *_, last = run_steps(plan, None)
        except Exception as error:
            raise user_error(str(error)) if isinstance(error, UapsegError) else as_user_error(error) from error
        assert last["checkpoint"]  # noqa: S101  the last step of a run has one
        state = unpack_state(last["checkpoint"])
        path = self._path("perturbation.safetensors")
        save_safetensors(path, best_perturbation(plan, state))
        figures = {
            "perturbed": state.best_validation.scores,
            **last["baselines"],
            "each": list(state.best_validation.each),
        }
        return {**figures, "image_gradients": state.image_gradients}, gr.FileData(path=str(path))

    @_in_turn
    def evaluate(self, perturbation: gr.FileData, model: str = "", data: str = "") -> dict[str, Any]:
        """Measures a perturbation on pictures that it was not trained on, whatever its file claims.

        Args:
            perturbation: What train gave, or another PNG or safetensors file of this project with its plan.
            model: The network; empty takes the page's first.
            data: The pictures; empty takes the page's first.

        Returns:
            Scores with the perturbation, on the clean pictures, and with random noise of the same size.
        """
        with user_errors():
            workspace = self._workspace(model, data)
            perturbation_content = _read(perturbation)
            if perturbation_content.plan is None:
                raise UapsegError(strings.NO_PLAN)
            check_pair(perturbation_content.plan, workspace)
            check_size(perturbation_content, workspace)
            validation, baselines = measure(
                perturbation_content,
                perturbation_content.plan,
                workspace,
                max(1, perturbation_content.image_gradients or 0),
            )
        figures = validation_frame(validation)
        return {
            "perturbed": figures["scores"],
            **baselines,
            "each": figures["each"],
            "claimed": perturbation_content.scores,
        }

    @_in_turn
    def apply(  # noqa: PLR0917  programs name what they send
        self,
        perturbation: gr.FileData,
        picture: gr.FileData,
        strength: float = 1.0,
        stretch: bool = False,  # noqa: FBT001, FBT002  as a program sends it
        model: str = "",
        data: str = "",
    ) -> tuple[gr.FileData, gr.FileData, dict[str, Any]]:
        """Adds a perturbation to a picture of any size; one larger than those trained on is scaled down first.

        Args:
            perturbation: What train gave, or another PNG or safetensors file of this project.
            picture: A picture of any size; one with more pixels than those trained on is scaled down.
            strength: What the perturbation is multiplied by, 0 to 1.5.
            stretch: Whether it is stretched over the picture, instead of repeated from the top left corner.
            model: The network that looks; empty takes the page's first.
            data: The pictures it is shown with; empty takes the page's first.

        Returns:
            The perturbed picture without loss, what the network sees in it, and the share of pixels it sees otherwise,
            with the picture's width and height.
        """
        with user_errors():
            workspace, perturbation_content = self._workspace(model, data), _read(perturbation)
            with DECODING:
                image = np.array(fit_picture(read_picture(_upload_path(picture)), perturbation_content.picture_size))
        _check_strength(strength)
        levels = scale_levels(level_array(perturbation_content.delta, perturbation_content.ball), strength)
        levels = stretch_levels(levels, (image.shape[1], image.shape[0])) if stretch else levels
        after = perturb_photo(image, levels)
        prediction = workspace.predict(after)
        changed_share = float((prediction != workspace.predict(image)).mean())
        files = {"perturbed.png": after, "seen.png": overlay_classes(after, prediction, workspace)}
        outputs = [self._save_file(name, encode_png(Image.fromarray(array))) for name, array in files.items()]
        return outputs[0], outputs[1], {"changed": changed_share, "width": image.shape[1], "height": image.shape[0]}

    def _pairs(self) -> Iterator[tuple[str, str]]:
        return product(self._workspaces.models, self._workspaces.datasets)

    def _workspace(self, model: str, data: str) -> Workspace:
        first = self._workspaces.first.pair
        pair = (model or first[0], data or first[1])
        if not self._workspaces.offers(pair):
            raise UapsegError(strings.NOT_OFFERED)
        workspace = self._workspaces.get(pair)
        if workspace is None:
            self._workspaces.ask(pair, "")
            raise UapsegError(strings.NOT_READY)
        return workspace

    def _path(self, name: str) -> Path:
        """A path for a file in a reply; files of earlier replies are deleted after a while."""
        for folder in Path(self._folder.name).iterdir():
            with suppress(FileNotFoundError):  # another call may delete it meanwhile
                if time.time() - folder.stat().st_mtime > FILE_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=self._folder.name)) / name

    def _save_file(self, name: str, content: bytes) -> gr.FileData:
        path = self._path(name)
        path.write_bytes(content)
        return gr.FileData(path=str(path))


def _controls_from_call(workspace: Workspace, text: str, inside: str, rest: str, hide: list[str]) -> ControlValues:
    first = workspace.first
    if hide:
        return replace(first, goal=strings.HIDDEN, hide=hide)
    rest = rest or first.rest
    return replace(first, word=text, inside=inside or first.inside, rest=rest)


def _check_strength(strength: object) -> None:
    if not isinstance(strength, int | float) or not STRENGTHS[0] <= strength <= STRENGTHS[1]:
        raise user_error(strings.BAD_STRENGTH)


def _check_budget(budget: int) -> None:
    if budget > MAX_BUDGET:
        raise UapsegError(strings.BUDGET_TOO_LARGE.format(most=MAX_BUDGET))


def _read(file: Any) -> Perturbation:
    with DECODING:
        return load(_upload_path(file))


def _upload_path(file: Any) -> Path:
    """The path of an uploaded file; any other path is refused, as a request may contain any."""
    path = Path(str(to_values(file).get("path") or getattr(file, "path", ""))).resolve()
    if not path.is_relative_to(upload_folder()) or not path.is_file():
        raise UapsegError(strings.NOT_UPLOADED)
    return path
