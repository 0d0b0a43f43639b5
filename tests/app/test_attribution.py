"""What each tile of a perturbation adds, as the browser asks for it: one tile at a time."""

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.small_world import ran, registry
from uapseg.app import strings
from uapseg.app.handlers.context import Context
from uapseg.app.runs.device import LevelArray
from uapseg.app.runs.run import Run
from uapseg.app.view.rendering import Renderer
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.errors import UapsegError
from uapseg.targets import HideClasses


@pytest.fixture(scope="module")
def context(workspaces: WorkspaceCache) -> Context:
    return Context(workspaces, registry(), patience=600)


@pytest.fixture(scope="module")
def finished(context: Context) -> Run:
    return ran(context, budget=320, inside="light", rest="dark")


def ask(renderer: Renderer, run: Run, **sent: object) -> dict[str, Any]:
    return asyncio.run(renderer.attribute({"token": run.token, **sent}))


def middle(run: Run) -> LevelArray:
    """A perturbation that makes four tiles in the middle light, the last of them by too little."""
    levels = np.zeros_like(run.levels)
    levels[:, 16:48, 32:64] = 10
    levels[:, 32:48, 48:64] = 1
    return levels


def test_each_request_measures_one_more_tile_until_all_are(context: Context, finished: Run):
    finished.publish(levels=middle(finished))
    renderer = Renderer(context.workspaces, context.runs)
    replies = [ask(renderer, finished) for _ in range(26)]
    assert [len(reply["lost"]) for reply in replies] == [*range(25), 24]
    last = replies[-1]
    lost = np.array(last["lost"]).reshape(last["rows"], last["columns"])
    assert last["pictures"] == len(context.workspaces.first.held_out_photos)
    assert (lost[1:3, 2:4] > 0).tolist() == [[True, True], [True, False]]
    assert np.delete(lost.ravel(), [8, 9, 14]).tolist() == [0] * 21
    assert lost.sum() == pytest.approx(last["success"])


def test_another_perturbation_begins_anew_and_an_earlier_moment_has_tiles_of_its_own(context: Context, finished: Run):
    renderer = Renderer(context.workspaces, context.runs)
    ask(renderer, finished)
    assert len(ask(renderer, finished)["lost"]) == 1
    finished.publish(levels=middle(finished))
    assert ask(renderer, finished)["lost"] == ()
    assert len(ask(renderer, finished)["lost"]) == 1
    assert ask(renderer, finished, history_point=0) == {**ask(renderer, finished, history_point=0), "lost": ()}
    assert ask(renderer, finished)["lost"] == ()


@pytest.mark.parametrize("status", ["waiting", "running"])
def test_nothing_is_measured_while_the_run_goes_on(context: Context, finished: Run, status: Any):
    finished.publish(status=status)
    assert ask(Renderer(context.workspaces, context.runs), finished) == {}
    finished.publish(status="done")


def test_pictures_without_a_pixel_that_counts_are_named(context: Context, finished: Run):
    plan = finished.plan
    assert plan
    finished.publish(plan=replace(plan, target=HideClasses(classes=("light",))))
    with pytest.raises(UapsegError, match=strings.NOTHING_TO_ATTRIBUTE):
        ask(Renderer(context.workspaces, context.runs), finished)
    finished.publish(plan=plan)
