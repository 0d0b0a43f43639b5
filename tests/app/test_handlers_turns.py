"""Changing one's mind while a run goes on, or after it: nothing starts afresh but by Reset."""

import time
from collections.abc import Generator

import gradio as gr
import numpy as np
import pytest

from tests.app.test_drawings import sent
from tests.small_world import values, visitor
from uapseg.app import strings
from uapseg.app.handlers.context import CONTROLS, Context
from uapseg.app.handlers.training import change_controls, rewind_run, run_turn, start_run
from uapseg.app.runs import history
from uapseg.app.runs.device import Step, unpack_state
from uapseg.app.runs.run import Run
from uapseg.attack.run import Plan

pytestmark = pytest.mark.slow  # half a minute in all


def started(context: Context, **changes: object) -> Run:
    run = visitor(context)
    start_run(context, run.token, *values(context, **changes))
    return run


def finished(context: Context, **changes: object) -> Run:
    run = started(context, **{"budget": 640, **changes})
    list(run_turn(context, run.token))
    return run


def until(run: Run, driver: Generator, met) -> None:
    """Drives a run until a condition is met."""
    ends = time.monotonic() + 60
    while not met(run) and time.monotonic() < ends:
        next(driver)
    assert met(run)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Plan]]:
    """All steps of a run: the image-gradients, and the plan they were spent on."""
    made: list[tuple[int, Plan]] = []

    def apply_step(run: Run, step: Step, real=Run.apply_step) -> None:
        assert run.plan
        made.append((step["image_gradients"], run.plan))
        real(run, step)

    monkeypatch.setattr(Run, "apply_step", apply_step)
    return made


def chosen(image_gradients: int) -> gr.EventData:
    return gr.EventData(None, {"image_gradients": image_gradients})


def test_a_raised_budget_goes_on_exactly_where_the_run_stopped(context: Context):
    run = finished(context)
    before = unpack_state(run.checkpoint) if run.checkpoint else None
    start_run(context, run.token, *values(context, budget=1280))
    assert before
    assert run.checkpoint
    after = unpack_state(run.checkpoint)
    assert (after.image_gradients, after.validation.scores) == (640, before.validation.scores)
    list(run_turn(context, run.token))
    assert (run.status, run.image_gradients, run.plan_changes) == ("done", 1280, [])


def test_a_spent_budget_is_spent_once_more(context: Context):
    run = finished(context)
    start_run(context, run.token, *values(context, budget=640))
    assert (run.budget_start, run.total) == (640, 1280)
    list(run_turn(context, run.token))
    assert run.image_gradients == 1280


def test_a_smaller_epsilon_continues_from_the_same_perturbation_clamped(context: Context):
    run = finished(context, epsilon=12)
    assert run.checkpoint
    old = unpack_state(run.checkpoint).delta
    start_run(context, run.token, *values(context, budget=1280, epsilon=8))
    state = unpack_state(run.checkpoint)
    np.testing.assert_allclose(state.delta.numpy(), old.clamp(-8 / 255, 8 / 255).numpy())
    assert state.image_gradients == 640
    list(run_turn(context, run.token))
    assert (run.image_gradients, run.plan_changes) == (1280, [(640, "epsilon 8")])
    assert run.levels is not None
    assert np.abs(run.levels).max() <= 8
    assert [row[0] for row in run.curve] == sorted({row[0] for row in run.curve})
    assert run.curve[0][0] == 0


def test_another_target_keeps_the_perturbation_and_gets_a_budget_of_its_own(context: Context):
    run = finished(context, word="o")
    start_run(context, run.token, *values(context, budget=640, word="x"))
    assert run.checkpoint
    state = unpack_state(run.checkpoint)
    assert (state.image_gradients, run.total, run.validation) == (640, 1280, None)
    assert not state.momentum.any()
    assert state.delta.any()
    list(run_turn(context, run.token))
    assert run.plan_changes == [(640, "new target")]
    assert run.validation
    assert run.validation["scores"]["region_success"] > 0.9


def test_a_control_moved_while_the_run_goes_on_is_taken_up_without_a_stop(context: Context, monkeypatch):
    monkeypatch.setattr("uapseg.app.handlers.training.CHANGE_DELAY", 0.0)
    run = started(context, budget=8000)
    driver = run_turn(context, run.token)
    until(run, driver, lambda run: run.image_gradients > 100)
    change_controls(context, run.token, *values(context, budget=8000, epsilon=5))
    until(run, driver, lambda run: run.plan_changes and run.levels is not None and np.abs(run.levels).max() <= 5)
    assert run.status == "running"
    assert run.plan
    assert round(run.plan.settings.epsilon * 255) == 5
    assert run.image_gradients > 100
    driver.close()


def test_an_unfinished_choice_leaves_a_run_as_it_is(context: Context):
    run = started(context, budget=8000)
    driver = run_turn(context, run.token)
    until(run, driver, lambda run: run.image_gradients > 0)
    change_controls(context, run.token, *values(context, budget=8000, word=""))
    assert run.pending_change is None
    driver.close()


def test_going_back_to_a_moment_restores_what_was_there_then(context: Context):
    run = finished(context)
    assert len(run.history_points) > 4
    point = run.history_points[3]
    rewind_run(context, run.token, chosen(point.image_gradients))
    assert (run.status, run.image_gradients) == ("paused", point.image_gradients)
    assert (run.levels is point.levels, run.validation is point.validation) == (True, True)
    assert run.curve[-1][0] == run.history_points[-1].image_gradients == point.image_gradients
    assert run.checkpoint
    for moved in (unpack_state(run.checkpoint).delta, unpack_state(run.checkpoint).dual):
        np.testing.assert_allclose(moved.numpy() * 255, point.levels, atol=1e-3)
    start_run(context, run.token, *values(context, budget=640))
    list(run_turn(context, run.token))
    assert (run.status, run.image_gradients) == ("done", 640)


def test_a_running_search_continues_from_the_chosen_point(context: Context, monkeypatch, steps: list):
    monkeypatch.setattr("uapseg.app.handlers.training.HEARTBEAT_SECONDS", 0.02)
    run = started(context, budget=8000)
    driver = run_turn(context, run.token)
    until(run, driver, lambda run: len(run.history_points) > 4)
    image_gradients, ahead = (run.history_points[number].image_gradients for number in (1, 4))
    before = len(steps)
    rewind_run(context, run.token, chosen(image_gradients))
    until(run, driver, lambda run: any(image_gradients < step < ahead for step, _ in steps[before:]))
    assert run.status == "running"
    driver.close()


def test_what_a_moment_was_measured_at_comes_back_with_it(context: Context):
    run = finished(context)
    early, late = run.history_points[0], run.history_points[-1]
    rewind_run(context, run.token, chosen(early.image_gradients))
    assert run.checkpoint
    state = unpack_state(run.checkpoint)
    for prediction in (state.validation, state.best_validation):
        assert prediction.interval == tuple(early.validation["interval"]) != tuple(late.validation["interval"])
        assert prediction.training == early.validation["training"] != late.validation["training"]
    assert run.seconds == state.seconds == early.seconds < late.seconds


@pytest.mark.parametrize(
    "later",
    [
        {"epsilon": 4, "word": "x", "keep": 2.5},
        {"goal": strings.HIDDEN, "hide": ["dark"], "fill": "light", "epsilon": 20},
        {"source": strings.DRAW},
    ],
)
def test_going_on_from_a_moment_trains_what_was_trained_then(context: Context, later: dict):
    run = finished(context, word="o")
    first, baselines = run.plan, run.baselines
    assert first
    drawing = sent(np.full((64, 96), 1)) if later.get("source") == strings.DRAW else None
    start_run(context, run.token, *values(context, drawing, **{"budget": 640, "word": "o", **later}))
    list(run_turn(context, run.token))
    assert run.plan != first
    memory, *updates = rewind_run(context, run.token, chosen(run.history_points[3].image_gradients))
    controls = dict(zip(CONTROLS, updates, strict=False))
    plan_controls = {
        "goal": strings.STATIC,
        "source": strings.TYPE,
        "word": "o",
        "epsilon": 10,
        "keep": 1.0,
        "budget": 640,
    }
    assert (
        {name: controls[name] for name in plan_controls}
        == {name: memory[name] for name in plan_controls}
        == plan_controls
    )
    assert (run.plan, run.baselines, run.plan_changes) == (first, baselines, [])
    assert updates[len(CONTROLS)]["value"] == strings.RESUME
    start_run(context, run.token, *values(context, **memory))
    assert (run.plan, run.plan_changes, run.total) == (first, [], 640)


def test_a_moment_of_an_uploaded_mask_brings_that_mask_back(context: Context):
    run = visitor(context)
    one, other = (np.zeros((64, 96), np.bool_) for _ in range(2))
    one[8:24, 8:40], other[40:60, 8:90] = True, True
    run.publish(mask=("one.png", one))
    start_run(context, run.token, *values(context, source=strings.UPLOAD, invert=True, budget=640))
    list(run_turn(context, run.token))
    first = run.plan
    run.publish(mask=("other.png", other))
    start_run(context, run.token, *values(context, source=strings.UPLOAD, invert=True, budget=640))
    list(run_turn(context, run.token))
    memory = rewind_run(context, run.token, chosen(run.history_points[3].image_gradients))[0]
    assert run.mask
    assert run.mask[0] == "one.png"
    np.testing.assert_array_equal(run.mask[1], one)
    start_run(context, run.token, *values(context, **memory))
    assert (run.plan, run.plan_changes) == (first, [])


def test_a_control_moved_just_after_going_back_counts_and_the_moment_too(context: Context, monkeypatch, steps: list):
    monkeypatch.setattr("uapseg.app.handlers.training.HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr("uapseg.app.handlers.training.CHANGE_DELAY", 0.0)
    run = started(context, budget=8000, word="o")
    driver = run_turn(context, run.token)
    until(run, driver, lambda run: len(run.history_points) > 4)
    ahead, image_gradients = run.history_points[4].image_gradients, run.history_points[1].image_gradients
    change_controls(context, run.token, *values(context, budget=8000, word="x"))
    until(run, driver, lambda run: run.plan.target.caption == "x")
    with monkeypatch.context() as patch:  # the run is at a step for as long as both take
        patch.setattr("uapseg.app.handlers.training._is_change_due", lambda _: False)
        rewind_run(context, run.token, chosen(image_gradients))
        assert (run.controls.word, run.plan.target.caption if run.plan else "") == ("o", "x")
        change_controls(context, run.token, *values(context, budget=8000, word="o", epsilon=5))
    until(run, driver, lambda run: any(plan.settings.epsilon == 5 / 255 for _, plan in steps))
    step, plan = next((step, plan) for step, plan in steps if plan.settings.epsilon == 5 / 255)
    assert image_gradients <= step < ahead
    assert plan.target.caption == "o"
    driver.close()


def test_a_moment_that_is_not_kept_is_refused_in_a_sentence(context: Context):
    run = finished(context)
    with pytest.raises(gr.Error, match="no longer stored"):
        rewind_run(context, run.token, chosen(7))


def test_at_most_sixty_moments_are_kept_evenly_with_the_first_and_the_last():
    kept: list = []
    for image_gradients in range(0, 64 * 200, 64):
        kept = history.thin_history(kept, history.HistoryPoint(image_gradients, None, None, None))  # type: ignore[arg-type]
    gaps = np.diff([point.image_gradients for point in kept])
    assert (len(kept), kept[0].image_gradients, kept[-1].image_gradients) == (60, 0, 64 * 199)
    assert max(gaps) <= 64 * 8


def test_only_another_network_makes_start_begin_afresh(context: Context):
    run = finished(context)
    assert change_controls(context, run.token, *values(context, epsilon=4))[1]["value"] == strings.GO_ON
    rewind_run(context, run.token, chosen(run.history_points[2].image_gradients))
    assert change_controls(context, run.token, *values(context, epsilon=4))[1]["value"] == strings.RESUME
