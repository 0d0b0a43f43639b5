"""Public names have examples in their docstrings, and these do what they say."""

import ast
import doctest
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import uapseg

MODULES = sorted(
    name
    for name in ("uapseg", *(module.name for module in pkgutil.walk_packages(uapseg.__path__, "uapseg.")))
    if not name.endswith("__main__")
)


class Finder(doctest.DocTestFinder):
    """Finds functions that a decorator has wrapped, as jaxtyping's checks of types do, by where they come from."""

    def _from_module(self, module: ModuleType, object: object) -> bool:  # noqa: A002  doctest's own name
        return super()._from_module(module, inspect.unwrap(object) if callable(object) else object)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # inside pycocotools
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what an example writes
    module = import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in Finder(exclude_empty=True).find(module, name):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_wrapped_functions_are_found():
    from uapseg.targets import goals

    assert "uapseg.targets.goals.repeat_tile" in {test.name for test in Finder(exclude_empty=False).find(goals)}


ROOMS = ("io", "scenes", "targets", "models", "datasets", "attack", "results", "cli", "app")
"""The rooms whose public functions and classes all have examples."""

WITHOUT_EXAMPLES = {
    "uapseg.io.download": {"UnreachableError": "an exception"},
    "uapseg.io.partial_download": {
        "Part": "talks to a server", "InterruptedDownloadError": "an exception", "NoConnectionError": "an exception",
        "DiskError": "an exception", "WrongContentError": "an exception",
    },
    "uapseg.scenes.pool": {"WorkerError": "an exception", "Worker": "starts a process"},
    "uapseg.scenes.objects.vehicles": {"Patch": "a protocol of functions", "Place": "a protocol of functions"},
    "uapseg.scenes.worker": {"main": "reads standard input"},
    "uapseg.models.hub": {"check_connection": "talks to a server"},
    "uapseg.models.huggingface": {"load": "downloads"},
    "uapseg.models.smp": {"load": "downloads"},
    "uapseg.models.torchvision": {"load": "downloads"},
    "uapseg.models.universal": {"UniversalNetwork": "wraps a network of transformers, which may be missing"},
    "uapseg.attack.cuda": {"record_cuda_graph": "needs a GPU"},
    "uapseg.datasets.coco.dataset": {"load": "downloads", "missing_files": "downloads", "attribution": "downloads"},
    "uapseg.datasets.coco.files": {"download_pictures": "downloads", "update_attribution": "writes beside downloads"},
    "uapseg.datasets.coco.mini": {"load": "downloads"},
    "uapseg.datasets.street": {"load_scene": "renders for most of a second"},
    "uapseg.results.benchmark": {"run_variant": "trains", "LeaderboardRow": "what leaderboard returns"},
    "uapseg.results.hub": {"push_to_hub": "needs an account", "load_from_hub": "downloads"},
    "uapseg.results.smallest": {"EpsilonSearch": "trains"},
    "uapseg.results.model_card": {"model_card": "needs the report of a run"},
    "uapseg.results.speed": {
        "StepCost": "what measure_step returns", "measure_step": "trains", "PublishedLoop": "trains",
    },
    "uapseg.cli.app": {"app": "serves until it is interrupted"},
    "uapseg.cli.attribute": {"attribute": "needs a run"},
    "uapseg.cli.bench": {"BenchReport": "what bench prints", "bench": "trains"},
    "uapseg.cli.compare": {"compare": "needs two runs"},
    "uapseg.cli.pictures": {"figure": "needs a run"},
    "uapseg.cli.push": {"push": "needs an account"},
    "uapseg.cli.race": {"race": "trains"},
    "uapseg.cli.smallest": {"SmallestReport": "what smallest prints", "smallest": "trains"},
    "uapseg.cli.targets": {"choose_word_pair": "trains"},
    "uapseg.cli.train": {"train": "trains", "resume": "trains"},
    "uapseg.cli.transfer": {"Cell": "what transfer prints", "transfer": "needs a run"},
    "uapseg.app": {"build": "loads a network and renders pictures"},
    "uapseg.app.catalogue": {"Fetch": "downloads"},
    "uapseg.app.runs.import_run": {
        "check_pair": "checks", "check_size": "checks", "start_from": "needs a perturbation for the pictures",
        "measure": "needs a perturbation for the pictures", "measure_test": "needs a run",
    },
    "uapseg.app.gradio_private": {"add_endpoint": "needs a page"},
    "uapseg.app.handlers.errors": {"Page": "is a page"},
    "uapseg.app.runs.device": {
        "Checkpoint": "what pack_state returns", "ValidationFrame": "what validation_frame returns",
        "Step": "what make_step returns", "on_device": "needs ZeroGPU", "run_steps": "trains",
    },
    "uapseg.app.runs.device_queue": {"Waiter": "a protocol"},
    "uapseg.app.runs.history": {"rewind_checkpoint": "needs a run"},
    "uapseg.app.runs.continuation": {"restore": "needs a run"},
    "uapseg.app.server": {"BodyLimit": "needs a server"},
    "uapseg.app.view.attribution": {"Attributions": "needs a run"},
    "uapseg.app.view.decoder": {"main": "a program", "limit": "ends the process", "frames": "needs a clip"},
    "uapseg.app.view.figures": dict.fromkeys(("figures", "sentences", "validation_figures"), "needs a run"),
    "uapseg.app.workspace": {"overlay_classes": "needs a workspace"},
    "uapseg.app.workspace_cache": {"WorkspaceCache": "loads a network and renders pictures"},
}  # fmt: skip
"""The exceptions, each with its reason."""

NEED_A_RUN = ("animation", "files", "finished_run", "hub", "report")
NEED_A_PAGE = {
    "uapseg.app.api", "uapseg.app.layout", "uapseg.app.page", "uapseg.app.view.camera", "uapseg.app.view.clip",
    "uapseg.app.view.polling", "uapseg.app.view.rendering",
    *(f"uapseg.app.handlers.{name}" for name in ("context", "files", "own_pictures", "training")),
    *(f"uapseg.app.exports.{name}" for name in NEED_A_RUN),
}  # fmt: skip
"""The modules of which some functions need the page, or a run on it, and have no example."""


def public_names(module: str) -> Iterator[tuple[str, str]]:
    """The public functions and classes that a module defines, with their docstrings."""
    source = Path(inspect.getfile(import_module(module))).read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[1:2] and name.split(".")[1] in ROOMS])
def test_every_public_name_has_an_example_or_a_reason(name):
    without = {public for public, text in public_names(name) if ">>> " not in text}
    assert name in NEED_A_PAGE or without == set(WITHOUT_EXAMPLES.get(name, {}))


def test_the_first_sentence_of_every_docstring_ends_and_fits_a_line():
    wrong = [
        f"{name}.{public}"
        for name in MODULES
        if name.split(".")[1:2] and name.split(".")[1] in ROOMS
        for public, text in public_names(name)
        if not text.partition("\n")[0].endswith((".", "``", "`"))
    ]
    assert wrong == []
