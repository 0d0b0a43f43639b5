"""The page on a world whose answers are known: grey pictures and a network of two greys, too small to need time."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.conftest import Greys, Plain, greys
from uapseg.app import catalogue, launch_options, messages, strings
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.frames import FrameOptions
from uapseg.app.handlers.context import CONTROLS, Context
from uapseg.app.handlers.training import load_page, run_turn, start_run
from uapseg.app.page import page
from uapseg.app.runs.registry import Registry
from uapseg.app.runs.run import Run
from uapseg.app.view.polling import Polling
from uapseg.app.view.rendering import frame
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.datasets import registry as datasets
from uapseg.io.download import Download
from uapseg.models import Segmenter
from uapseg.models import registry as models
from uapseg.results.perturbation_file import save_png

SIZE = (96, 64)
SHADES = [102, 104, 106, 107]
"""Seen as dark; a change of 10 grey levels makes all of them light, random signs of 10 an eighth of the pixels."""


MIXED = "mixed:x"
"""Pictures of which every fourth is light already: there is something to keep while the dark is hidden."""

FAR = "far:x"
"""Pictures that have to be fetched first, from the address given to `small_world`."""


@contextmanager
def small_world(url: str = "", folder: Path | None = None) -> Iterator[WorkspaceCache]:
    """Registers two networks and three sets of pictures, and gives workspaces of ``greys``, ``hours`` and ``plain:x``.

    Args:
        url: Where a file is that the pictures ``far:x`` need; without one there are no such pictures.
        folder: Where that file goes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # pictures this small gain nothing from more, and lose much on a busy machine
    file = Download(url=url, path=(folder or Path()) / "far.bin", size=200_000)
    missing = lambda *_: [] if file.path.is_file() else [file]  # noqa: E731
    modules = {
        "greys": _module(load=lambda *_: greys(), info=list),
        "hours": _module(load=lambda *_: hours(), info=list),
        "plain": _module(load=lambda _, split, size: Plain(SHADES * 16, split, SIZE), info=list),
        "mixed": _module(load=lambda _, split, size: Plain([102, 114, 104, 106] * 16, split, SIZE), info=list),
        "far": _module(
            load=lambda _, split, size: Plain(SHADES * 8, split, (48, 48)),
            info=list,
            missing_files=missing,
            attribution=str,
        ),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, f"small_{name}", module)
            network, place = name in {"greys", "hours"}, f"small_{name}"
            kind = models.Kind(place) if network else datasets.Kind(place, downloads=name == "far")
            patch.setitem((models if network else datasets).KINDS, name, kind)
        yield WorkspaceCache(("greys", "hours"), ("plain:x", FAR) if url else ("plain:x",))
    torch.set_num_threads(threads)


@contextmanager
def served(context: Context) -> Iterator[str]:
    """Serves the page in this process, and gives its address."""
    blocks = page(context, Polling(context.workspaces, context.runs))
    options = {**launch_options(), "prevent_thread_lock": True, "quiet": True, "server_name": "127.0.0.1"}
    _, url, _ = blocks.launch(**options, _frontend=False)  # it would give up where the page took three seconds
    yield url
    blocks.close()


def hours() -> Segmenter:
    """The network ``greys`` with other names for what it sees."""
    known = greys()
    return Segmenter(
        Greys(), name="hours", classes=("night", "day", "noon"), palette=((20, 20, 60), (250, 230, 90), (255, 60, 0)),
        objects=("day",), pair=("day", "night"), source=known.source, licence=known.licence,
    )  # fmt: skip


def _module(**names: object) -> ModuleType:
    module = ModuleType("small")
    module.__dict__.update(names)
    return module


@contextmanager
def stocked(workspaces: WorkspaceCache, folder: Path) -> Iterator[None]:
    """Puts a ready noise, one that hides, and a recorded run with an ending on the shelf of a small world."""
    run = trained(workspaces)
    work = FinishedRun.of(run, workspaces.first)
    save_png(folder / "o.png", work.perturbation)
    _, label, _ = messages.score_labels(work.plan.target, strings.TYPE)[0]
    prediction = workspaces.first.facts["scene"]["prediction"]
    card = {
        "file": "o.png", "title": "o", "label": label, "hides": False, "epsilon": 10, "success": 1.0, "noise": 0.1,
        "interval": [0.9, 1.0], "pictures": 64, "image_gradients": 320, "prediction": prediction,
    }  # fmt: skip
    frames = [
        frame(workspaces.first, workspaces.first.scene, point.levels, work.plan, FrameOptions())
        for point in run.history_points
    ]
    stalled = {"each": [1.0] * 6, "thumbs": [prediction] * 6, "plain": ""}
    rows = [
        {**pictures, **stalled, "image_gradients": point.image_gradients, "scores": point.validation["scores"]}
        for pictures, point in zip(frames, run.history_points, strict=True)
    ]
    recorded = {
        "caption": "recorded", "shares": messages.score_labels(work.plan.target, strings.TYPE), "here": "",
        "total": 320, "baselines": run.baselines, "frames": rows,
    }  # fmt: skip
    heading = {**recorded, "frames": [], "caption": "the ending", "target": prediction}
    recorded["ending"] = {**rows[0], "heading": heading}
    pair = {"pair": workspaces.first.pair}
    (folder / "index.json").write_text(json.dumps({**pair, "cards": [card, {**card, "hides": True}]}))
    (folder / "recorded.json").write_text(json.dumps({**pair, **recorded}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "EXAMPLES", folder)
        forget_shelf(workspaces)
        yield
    forget_shelf(workspaces)


def forget_shelf(workspaces: WorkspaceCache) -> None:
    """Makes the page look at the shelf again."""
    catalogue.example_cards.cache_clear()
    catalogue.recorded_run.cache_clear()
    workspaces.first.__dict__.pop("facts", None)


def trained(workspaces: WorkspaceCache) -> Run:
    """A finished run of the usual plan."""
    context = Context(workspaces, registry(), patience=600)
    run = visitor(context)
    start_run(context, run.token, *values(context, budget=320))
    list(run_turn(context, run.token))
    return run


def visitor(context: Context, saved: dict | None = None) -> Run:
    """Someone who opens the page."""
    run = context.runs.get(load_page(context, saved)[0])
    assert run
    return run


def values(context: Context, drawing: str | None = None, **changes: object) -> list[object]:
    """The controls as the browser sends them: the default but for ``changes``."""
    kept = {**context.first.to_dict(), "word": "o", **changes}
    return [*(kept[name] for name in CONTROLS), {"drawing": drawing}]


def registry() -> Registry:
    return Registry()


def ran(context: Context, **changes: object) -> Run:
    """A run that has come to its end; the controls are the default but for ``changes``."""
    run = visitor(context)
    start_run(context, run.token, *values(context, **changes))
    list(run_turn(context, run.token))
    return run
