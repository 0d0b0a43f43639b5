"""The runs of this visit: kept when another one takes their place, compared, and taken up again."""

import asyncio

import gradio as gr
import pytest

from tests.small_world import ran, values
from uapseg.app import strings
from uapseg.app.handlers.context import BUTTONS, Context
from uapseg.app.handlers.training import pause_run, reset_run, run_turn, start_run, take_up_run
from uapseg.app.runs.tray import FIELDS, MAX_KEPT_RUNS, keep_run
from uapseg.app.view.rendering import Renderer
from uapseg.app.workspace_cache import WorkspaceCache


def key(number: object) -> gr.EventData:
    return gr.EventData(None, {"key": number})


def test_reset_is_undone_and_what_was_reset_stays_in_the_tray(context: Context):
    run = ran(context, budget=128)
    before = {name: getattr(run, name) for name in FIELDS}
    buttons = reset_run(context, run.token)[-len(BUTTONS) :]
    assert (run.status, run.plan, buttons[2]["value"]) == ("idle", None, strings.UNDO_RESET)
    (kept,) = run.kept_runs
    assert kept.card["title"].startswith("“o” in light on dark, epsilon 10")
    assert kept.card["success"] == before["validation"]["scores"]["target_success"]
    buttons = reset_run(context, run.token)[-len(BUTTONS) :]
    assert {name: getattr(run, name) for name in FIELDS} == before
    assert (run.kept_runs, buttons[2]["value"], buttons[0]["value"]) == ([], strings.RESET, strings.GO_ON)
    reset_run(context, run.token)
    start_run(context, run.token, *values(context, budget=50, epsilon=4))
    driver = run_turn(context, run.token)
    next(driver)
    pause_run(context, run.token)
    list(driver)
    assert len(run.kept_runs) == 1  # it can be taken up, although Reset is Reset again


def test_two_runs_are_seen_side_by_side_and_one_is_taken_up_again(context: Context, workspaces: WorkspaceCache):
    run = ran(context, budget=128)
    reset_run(context, run.token)
    first = run.kept_runs[0].card["key"]
    start_run(context, run.token, *values(context, goal=strings.UNTARGETED, budget=64, epsilon=4))
    list(run_turn(context, run.token))
    renderer = Renderer(workspaces, context.runs)
    now, then = asyncio.run(renderer.pair({"token": run.token, "keys": [0, first]}))["pair"]
    assert now["title"] == "Change every class, epsilon 4"
    assert then["title"].endswith("epsilon 10")
    assert then["success"] > 0.9
    assert now["after"] != then["after"]
    assert asyncio.run(renderer.pair({"token": run.token, "keys": "nonsense"})) == {"pair": []}
    updates = take_up_run(context, run.token, key(first))
    assert run.plan
    assert (round(run.plan.settings.epsilon * 255), run.controls.goal) == (10, strings.STATIC)
    assert updates[0]["epsilon"] == 10
    assert [kept.controls.goal for kept in run.kept_runs] == [strings.UNTARGETED]
    with pytest.raises(gr.Error, match="no longer stored"):
        take_up_run(context, run.token, key(first))


def test_the_tray_is_bounded_and_a_run_that_is_going_is_not_left(context: Context, workspaces: WorkspaceCache):
    run = ran(context, budget=64)
    for _ in range(MAX_KEPT_RUNS + 3):
        keep_run(run, workspaces.first)
    assert len(run.kept_runs) == MAX_KEPT_RUNS
    assert len({kept.key for kept in run.kept_runs}) == MAX_KEPT_RUNS
    assert [len(kept.fields["history_points"]) for kept in run.kept_runs[:-1]] == [1] * (MAX_KEPT_RUNS - 1)
    run.publish(status="running")
    with pytest.raises(gr.Error, match="pause it first"):
        take_up_run(context, run.token, key(run.kept_runs[0].key))
