"""Whose run is kept, in memory and on disk, and for how long."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from tests.small_world import ran, values, visitor
from uapseg.app import strings
from uapseg.app.handlers.context import Context, resting_buttons
from uapseg.app.handlers.training import change_controls, load_page, reset_run, run_turn, start_run
from uapseg.app.runs import registry
from uapseg.app.runs.device import level_array, unpack_state
from uapseg.app.runs.registry import Registry
from uapseg.app.workspace_cache import WorkspaceCache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the runs of these tests are saved."""
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path))
    return tmp_path / "runs"


def restarted(context: Context) -> Context:
    """The page after a restart of the server."""
    return Context(context.workspaces, Registry(), patience=600)


@pytest.fixture
def page(workspaces: WorkspaceCache) -> Context:
    return Context(workspaces, Registry(), patience=600)


def test_a_token_has_128_random_bits_and_is_the_only_way_to_a_run():
    runs = Registry()
    first, second = runs.new(), runs.new()
    assert first.token != second.token
    assert len(first.token) >= 22
    assert runs.get(first.token) is runs.find(first.token) is first
    for stranger in ("", "x" * 22, None, 7, ["a"], first.token.upper() + "x", "../" + first.token):
        assert runs.get(stranger) is runs.find(stranger) is None


def test_a_visit_that_was_forgotten_goes_on_under_the_token_that_the_browser_remembers():
    runs, token = Registry(), "AbcdefghijklmnopqrstuV"
    assert runs.open(token).token == token
    assert runs.open(token) is runs.get(token)
    for odd in ("", "short", None, 3, ["a"], token + "x", "../../../etc/passwd...."):
        assert len(runs.open(odd).token) == 22


def test_a_resting_run_is_forgotten_after_its_time_and_a_running_one_is_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "SWEEP_SECONDS", 0.0)
    runs = Registry(expiry_seconds=60)
    resting, running = runs.new(), runs.new()
    running.publish(status="running")
    resting.last_active -= 61
    running.last_active -= 61  # and somebody watches it
    assert runs.get(resting.token) is None
    assert runs.get(running.token) is running


def test_no_number_of_page_loads_pushes_out_what_someone_worked_on(page: Context):
    run = ran(page, budget=64)
    page.runs._max_visits = 70
    loads = [load_page(page, None)[0] for _ in range(80)]
    assert page.runs.get(run.token) is run
    assert [page.runs.get(token) is None for token in (loads[0], loads[9], loads[10], loads[-1])] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_page_that_was_forgotten_can_be_used_on(page: Context):
    token = load_page(page, None)[0]
    other = restarted(page)
    start_run(other, token, *values(page, budget=64))
    list(run_turn(other, token))
    run = other.runs.get(token)
    assert run
    assert (run.status, run.image_gradients) == ("done", 64)


def test_where_memory_is_short_the_longest_unused_work_goes_and_is_read_again(page: Context):
    old, new = ran(page, budget=64), ran(page, budget=64)
    for run in (old, new):
        run.mark_absent()
    page.runs.get(new.token)
    page.runs._max_bytes = old.size + new.size - 1
    visitor(page)
    assert [page.runs.get(run.token) for run in (old, new)] == [None, new]
    back = page.runs.find(old.token)
    assert back
    assert back is not old
    assert (back.image_gradients, back.status) == (64, "done")


@pytest.mark.slow
def test_a_restart_offers_resume_at_the_same_figures_and_with_the_same_controls(page: Context):
    run = ran(page, budget=640, epsilon=9, word="ox")
    change_controls(page, run.token, *values(page, budget=1280, epsilon=9, word="ox"))
    page.runs.save(run)
    other = restarted(page)
    token, *rest = load_page(other, {"token": run.token, "word": "other"})
    back = other.runs.get(token)
    assert token == run.token
    assert back
    assert run.validation
    assert back.validation
    for name in (
        "image_gradients",
        "seconds",
        "budget_start",
        "plan",
        "plan_controls",
        "controls",
        "status",
        "baselines",
        "curve",
        "plan_changes",
    ):
        assert getattr(back, name) == getattr(run, name), name
    assert (back.validation["scores"], back.validation["interval"]) == (
        run.validation["scores"],
        run.validation["interval"],
    )
    np.testing.assert_array_equal(back.levels, run.levels)
    np.testing.assert_array_equal(back.validation["predictions"], run.validation["predictions"])
    assert rest[-4]["value"] == resting_buttons(run)[0]["value"]
    assert back.checkpoint
    assert run.checkpoint
    for name, array in run.checkpoint["arrays"].items():
        np.testing.assert_array_equal(back.checkpoint["arrays"][name], array)
    assert unpack_state(back.checkpoint).to_tensors()[1] == unpack_state(run.checkpoint).to_tensors()[1]
    start_run(other, token, *values(page, budget=1280, epsilon=9, word="ox"))
    list(run_turn(other, token))
    assert (back.status, back.image_gradients) == ("done", 1280)


def test_a_server_that_is_killed_loses_seconds(page: Context, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("uapseg.app.handlers.training.SAVE_SECONDS", 0.0)
    run = visitor(page)
    start_run(page, run.token, *values(page, budget=8000))
    driver = run_turn(page, run.token)
    back = None
    while back is None or back.image_gradients == 0:
        next(driver)
        back = Registry().find(run.token)
    assert back.status == "paused"
    driver.close()


def test_reset_removes_the_file_and_no_file_names_its_token(page: Context, folder: Path):
    run = ran(page, budget=64)
    (file,) = folder.iterdir()
    assert run.token not in file.name
    assert run.token.encode() not in file.read_bytes()
    reset_run(page, run.token)
    assert not list(folder.iterdir())
    assert Registry().find(run.token) is None


def test_files_are_kept_for_half_an_hour_without_a_visitor(
    page: Context, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    run = ran(page, budget=64)
    (file,) = folder.iterdir()
    ago = time.time() - 31 * 60
    os.utime(file, (ago, ago))
    monkeypatch.setattr(registry, "SWEEP_SECONDS", 0.0)
    run.mark_watched()
    page.runs.get(run.token)  # whose visitor is still there
    assert time.time() - file.stat().st_mtime < 60
    os.utime(file, (ago, ago))
    other = Registry()
    assert other.find(run.token) is None
    assert not list(folder.iterdir())


def test_of_too_many_files_the_oldest_go(page: Context, folder: Path, monkeypatch: pytest.MonkeyPatch):
    first = ran(page, budget=64)
    (file,) = folder.iterdir()
    size = file.stat().st_size
    os.utime(file, (time.time() - 60,) * 2)
    monkeypatch.setattr(registry, "MAX_TOTAL", round(1.5 * size))
    second = ran(page, budget=64)
    assert [Registry().find(run.token) is None for run in (first, second)] == [True, False]


def test_what_is_too_large_is_kept_at_rest_with_the_same_figures(page: Context, monkeypatch: pytest.MonkeyPatch):
    run = ran(page, budget=640)
    whole = registry.content_of(run)
    assert whole
    monkeypatch.setattr(registry, "MAX_SAVED", len(whole) - 1)
    page.runs.save(run)
    back = Registry().find(run.token)
    assert back
    assert back.validation
    assert run.validation
    assert back.checkpoint
    assert run.plan
    np.testing.assert_array_equal(back.levels, run.levels)
    assert (back.image_gradients, back.validation["scores"]) == (640, run.validation["scores"])
    state = unpack_state(back.checkpoint)
    assert not state.momentum.any()
    np.testing.assert_array_equal(level_array(state.delta, run.plan.settings.ball), run.levels)
    monkeypatch.setattr(registry, "MAX_SAVED", 100)
    page.runs.save(run)
    assert Registry().find(run.token) is None


@pytest.mark.parametrize("damage", [lambda old: old[: len(old) // 2], lambda _: b"", lambda old: old[:8] + old[9:]])
def test_a_damaged_file_is_as_none(page: Context, folder: Path, damage):
    run = ran(page, budget=64)
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert Registry().find(run.token) is None


def test_an_uploaded_mask_survives_a_restart(page: Context):
    mask = np.zeros((64, 96), bool)
    mask[10:20, 10:30] = True
    run = visitor(page)
    run.publish(mask=("logo.png", mask))
    start_run(page, run.token, *values(page, budget=64, source=strings.UPLOAD))
    list(run_turn(page, run.token))
    back = Registry().find(run.token)
    assert back
    assert back.mask
    assert back.mask[0] == "logo.png"
    np.testing.assert_array_equal(back.mask[1], mask)


def test_a_full_disk_does_not_stop_a_run(page: Context, folder: Path):
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"in the way")
    assert ran(page, budget=64).status == "done"
