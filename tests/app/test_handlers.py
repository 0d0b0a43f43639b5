"""The context as plain functions: no server, no browser."""

import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from tests.small_world import registry, values, visitor
from uapseg.app import messages, strings
from uapseg.app.controls import ControlValues
from uapseg.app.exports.command import to_command
from uapseg.app.exports.files import export_run
from uapseg.app.exports.links import parse_query, to_query
from uapseg.app.frames import jpeg
from uapseg.app.handlers.context import BUTTONS, CONTROLS, Context
from uapseg.app.handlers.files import upload_mask
from uapseg.app.handlers.training import (
    change_controls,
    change_word,
    leave_page,
    load_page,
    pause_run,
    reset_run,
    run_turn,
    start_run,
)
from uapseg.app.plan_controls import controls_from_plan
from uapseg.app.runs.device import unpack_state
from uapseg.app.runs.run import Run
from uapseg.app.view.figures import figures, heading
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.targets import DrawAndHide, HideClasses, SwapClasses, Untargeted
from uapseg.targets.drawing import drawn_region, text_target


def label(updates: tuple) -> str | None:
    return updates[0].get("value")


def drain(context: Context, token: str) -> list[tuple]:
    return list(run_turn(context, token))


def going(context: Context, run: Run, beyond: int = 0) -> Generator[tuple, None, None]:
    """The run's driver, once it has spent more than ``beyond`` and looked at the validation pictures."""
    driver = run_turn(context, run.token)
    while run.image_gradients <= beyond or run.validation is None or run.validation["image_gradients"] == 0:
        next(driver)
    return driver


def started(context: Context, **changes: object) -> Run:
    run = visitor(context)
    start_run(context, run.token, *values(context, **changes))
    return run


def test_start_alone_runs_the_notebooks_experiment(context: Context):
    run = visitor(context)
    assert context.first.word == "foo"
    start_run(context, run.token, *values(context, word="foo"))
    assert run.plan
    assert (run.plan.target.caption, run.plan.target.classes, run.plan.target.rest) == ("foo", ("light",), "dark")
    assert (round(run.plan.settings.epsilon * 255), run.plan.settings.preset) == (10, "fast")


def test_a_run_goes_from_its_floor_to_its_end(context: Context):
    run = started(context, budget=640)
    assert (run.status, context.runs.queue.place(run)) == ("waiting", 1)
    last = drain(context, run.token)[-1]
    assert (run.status, run.image_gradients) == ("done", 640)
    assert run.validation
    noise = run.baselines["random_noise"]["region_success"]
    assert noise is not None
    assert 0.05 < noise < 0.2
    assert run.validation["scores"]["region_success"] > 0.95
    assert run.curve[0] == (0, run.baselines["clean"])
    assert label(last) == strings.GO_ON
    assert not context.runs.queue.has(run)


def test_pause_keeps_a_checkpoint_and_resume_continues_from_it(context: Context):
    run = started(context, budget=8000)
    driver = going(context, run)
    pause_run(context, run.token)
    *_, last = driver
    assert run.status == "paused"
    assert label(last) == strings.RESUME
    first = run.image_gradients
    assert 0 < first < 8000
    assert run.checkpoint
    assert sum(array.nbytes for array in run.checkpoint["arrays"].values()) < 16 * 2**20
    start_run(context, run.token, *values(context, budget=8000))
    driver = going(context, run, beyond=first)
    assert run.curve[0][0] == 0
    driver.close()


def test_a_closed_tab_frees_the_device_and_keeps_the_checkpoint(context: Context):
    run = started(context, budget=8000)
    driver = going(context, run)
    assert context.runs.queue.has(run)
    driver.close()  # what Gradio does when the tab is closed
    assert run.worker_done
    assert run.worker_done.wait(60)
    assert (run.status, context.runs.queue.has(run)) == ("paused", False)
    assert run.checkpoint is not None


def test_a_run_that_nobody_watches_is_paused(workspaces: WorkspaceCache):
    context = Context(workspaces, registry(), patience=0.3)
    run = started(context, budget=8000)
    drain(context, run.token)
    assert (run.status, run.note) == ("paused", strings.LEFT)
    assert run.image_gradients < 8000


def test_a_second_start_is_refused_in_a_sentence(context: Context):
    run = started(context, budget=8000)
    driver = going(context, run)
    with pytest.raises(gr.Error, match="in progress in another tab"):
        start_run(context, run.token, *values(context))
    driver.close()


def test_the_keep_weight_is_slid_while_a_run_goes_on(context: Context):
    run = started(context, goal=strings.HIDDEN, hide=["dark"], fill="light", budget=8000)
    driver = going(context, run)
    before = run.image_gradients
    assert run.plan
    assert run.plan.settings.keep_weight == 1
    change_controls(context, run.token, *values(context, **{**run.controls.to_dict(), "keep": 2.5}))
    while run.plan.settings.keep_weight == 1:
        next(driver)
    assert (run.status, run.plan.settings.keep_weight, run.budget_start) == ("running", 2.5, 0)
    assert run.image_gradients >= before
    assert run.curve[0][0] == 0
    assert [label for _, label in run.plan_changes] == ["protect the rest x2.5"]
    assert run.checkpoint
    assert unpack_state(run.checkpoint).image_gradients >= before
    driver.close()


def test_leaving_the_queue_gives_up_the_place(context: Context):
    run = started(context)
    pause_run(context, run.token)
    assert (run.status, context.runs.queue.place(run)) == ("idle", 0)
    drain(context, run.token)
    assert run.levels is None


def test_a_waiting_run_is_skipped_once_the_last_tab_is_closed_and_a_reload_keeps_its_position(context: Context):
    queue, tabs = context.runs.queue, [gr.Request(session_hash=name, query_params={}) for name in ("first", "second")]
    token = load_page(context, None, tabs[0])[0]
    load_page(context, {"token": token}, tabs[1])
    start_run(context, token, *values(context))
    run, other = context.runs.get(token), started(context)
    assert run
    leave_page(context, tabs[1])
    assert [queue.turn(run), queue.turn(other)] == [True, False]
    leave_page(context, tabs[0])
    queue.leave(visitor(context))  # anything that happens in the queue has it look who is there
    assert [queue.turn(run), queue.turn(other)] == [False, True]
    *_, start, pause, _, _ = load_page(context, {"token": token}, tabs[0])
    assert (start["visible"], pause["visible"]) == (False, True)
    run.mark_watched()
    queue.leave(visitor(context))
    assert [queue.place(run), queue.place(other)] == [1, 2]


def test_a_run_is_paused_when_its_last_tab_is_closed_and_start_waits_for_its_last_step(context: Context):
    tab = gr.Request(session_hash="tab", query_params={})
    run = context.runs.get(load_page(context, None, tab)[0])
    assert run
    start_run(context, run.token, *values(context, budget=8000))
    driver = going(context, run)
    leave_page(context, tab)  # and Gradio has not noticed yet that the stream of its events is closed
    start_run(context, run.token, *values(context, budget=8000))
    assert run.status == "waiting"
    driver.close()  # now it has
    assert not run.stop.is_set()


def test_reset_forgets_the_run_but_not_the_visitor(context: Context):
    run = started(context, budget=640)
    drain(context, run.token)
    assert label(reset_run(context, run.token)[-4:]) == strings.START
    assert (run.status, run.plan, run.checkpoint) == ("idle", None, None)
    assert context.runs.get(run.token) is run


def test_a_reload_finds_run_controls_and_resume_again(context: Context):
    run = started(context, budget=4000, epsilon=7, word="ox")
    going(context, run).close()
    assert run.worker_done
    assert run.worker_done.wait(60)
    token, _, memory, *rest = load_page(context, {"token": run.token})
    controls, buttons = rest[: -len(BUTTONS)], rest[-len(BUTTONS) :]
    assert token == run.token == memory["token"]
    found = dict(zip(CONTROLS, controls, strict=True))
    assert (found["word"], found["epsilon"], found["budget"]) == ("ox", 7, 4000)
    assert label(tuple(buttons)) == strings.RESUME


@pytest.mark.parametrize("saved", [None, 7, [], "x", {}, {"token": 3}, {"token": ["x"], "word": ""}])
def test_a_browser_that_remembers_nothing_opens_the_page_without_a_word(context: Context, saved: object):
    assert visitor(context, saved).controls == context.first  # type: ignore[arg-type]


NAMES = [7, True, ["x"], {"a": 1}, "elephant", "<img src=//other.host>", "x" * 10_000]
NUMBERS = ["y", "", True, [], {"a": 1}, -1, 10**400, 2**60, float("nan"), float("inf")]
LISTS = ["x", 7, {"a": 1}, [3], [[]], ["elephant"], ["light"] * 300]
WRONG = {
    **dict.fromkeys(
        ("model", "data", "goal", "source", "inside", "rest", "fill", "preset", "swap_from", "swap_into", "norm"),
        NAMES,
    ),
    **dict.fromkeys(("epsilon", "keep", "budget", "seed"), NUMBERS),
    "word": [7, ["x"], {"a": 1}, "x" * 25],
    "invert": [1, "yes", []],
    **dict.fromkeys(("also_hide", "hide"), LISTS),
}
"""What each control does not hold."""


@pytest.mark.parametrize("name", CONTROLS)
def test_a_remembered_value_that_does_not_fit_is_left_out_said_once_and_not_kept(context: Context, name: str):
    fitting = {"word": "ox"} if name == "epsilon" else {"epsilon": 7}
    for value in WRONG[name]:
        token, _, memory, *_ = load_page(context, {name: value, **fitting})
        run = context.runs.get(token)
        assert run
        assert run.link_warning == (
            "Values from the link or from this browser do not fit this page, so these are at their defaults: "
            f"{strings.CONTROLS[name]}."
        )
        assert run.controls == replace(context.first, **fitting)
        load_page(context, memory)
        assert run.link_warning == ""  # it was said
        assert visitor(context, {**memory, "token": "gone"}).link_warning == ""


def test_of_the_classes_to_hide_those_are_kept_that_the_network_has(context: Context):
    run = visitor(context, {"epsilon": 99, "hide": ["light", "elephant"], "rest": strings.KEEP})  # type: ignore[arg-type]
    assert (run.controls.hide, run.controls.rest, run.controls.epsilon) == (("light",), strings.KEEP, 10)
    assert "at their defaults: classes to hide and epsilon." in run.link_warning


def test_a_link_changes_what_fits_in_a_run_that_rests_and_nothing_else(context: Context):
    run = visitor(context, {"epsilon": 7, "word": "ox"})  # type: ignore[arg-type]
    link = {"goal": "bogus", "source": "nope", "preset": "x", "epsilon": "99", "seed": "-5", "keep": "9", "word": "at"}
    load_page(context, {"token": run.token}, gr.Request(session_hash="s", query_params=link))
    assert "at their defaults: goal, target, epsilon, protection of the rest, seed and preset." in run.link_warning
    assert run.controls == replace(context.first, epsilon=7, word="at")
    start_run(context, run.token, *values(context, **run.controls.to_dict()))
    assert run.link_warning == ""


@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "invert"])
def test_a_control_that_holds_another_kind_of_value_is_refused_in_a_sentence(context: Context, name: str):
    run = visitor(context)
    for value in ([[]], {"a": 1}, "x" * 10_000):
        with pytest.raises(gr.Error) as refused:
            start_run(context, run.token, *values(context, **{name: value}))
        assert refused.value.message.endswith(".")
    assert run.controls == context.first


def test_a_class_is_swapped_for_another_and_the_page_says_so(context: Context):
    run = started(context, goal=strings.SWAP, swap_from="dark", swap_into="light", budget=64)
    drain(context, run.token)
    assert run.plan
    assert run.plan.target == SwapClasses(source="dark", into="light")
    assert set(run.baselines["random_noise"]) == {"swapped", "kept", "kept_objects", "miou"}
    reply = heading(run, context.workspaces.first)
    assert reply["caption"] == "Show dark as light, epsilon 10"
    assert reply["shares"][0][:2] == ("swapped", "of dark pixels seen as light")
    assert controls_from_plan(run.plan, context.workspaces.first).goal == strings.SWAP
    assert "--swap dark light" in to_command(run.plan, (96, 64))


def test_every_class_is_broken_and_the_page_says_so(context: Context):
    run = started(context, goal=strings.UNTARGETED, budget=64)
    drain(context, run.token)
    assert run.plan
    assert run.plan.target == Untargeted()
    workspace = context.workspaces.first
    reply = heading(run, workspace)
    assert reply["caption"] == "Change every class, epsilon 10"
    assert reply["avoided"]
    assert [key for key, *_ in reply["shares"]] == ["fooled", "pixel_accuracy"]
    assert "of all pixels change class; random noise" in figures(run, workspace)["plain"]
    assert controls_from_plan(run.plan, workspace).goal == strings.UNTARGETED
    assert "--break" in to_command(run.plan, (96, 64))
    assert parse_query(dict(parse_qsl(to_query(run.controls, context.first))))["goal"] == strings.UNTARGETED
    assert "Break all (every pixel another class)" in messages.settings(run.controls)
    assert "of all pixels change class" in Path(export_run(strings.FILE_REPORT, run, workspace)).read_text()


def test_a_word_is_shown_while_a_class_is_hidden_elsewhere(context: Context):
    run = started(context, inside="light", rest=strings.KEEP, also_hide=("dark",), budget=64)
    drain(context, run.token)
    assert run.plan
    workspace = context.workspaces.first
    word = text_target("o", "light", None, workspace.size)
    assert run.plan.target == DrawAndHide.of(word, HideClasses(classes=("dark",)))
    reply = heading(run, workspace)
    assert reply["caption"] == "“o” in light over what it sees, and hide dark, epsilon 10"
    assert [key for key, *_ in reply["shares"]][:3] == ["changed", "region_success", "hidden"]
    assert reply["keeps"]
    assert "of the letters and of dark is as it should be, 48 of 48 groups" in figures(run, workspace)["plain"]
    assert controls_from_plan(run.plan, workspace) == run.controls
    assert (
        to_command(run.plan, workspace.size).count("--text o --region-class light --rest-class keep --hide dark") == 1
    )
    linked = parse_query(dict(parse_qsl(to_query(run.controls, context.first))))
    assert linked["also_hide"] == ["dark"]
    assert "(“o”, without dark)" in messages.settings(run.controls)
    region = drawn_region(run.plan.target)
    assert region
    assert region[0] == "o"


def test_a_class_name_with_a_comma_stays_one_in_a_link():
    link = to_query(ControlValues(hide=("rock, stone", "sky"), also_hide=('12" pipe',)), ControlValues())
    linked = parse_query(dict(parse_qsl(link)))
    assert linked == {"hide": ["rock, stone", "sky"], "also_hide": ['12" pipe']}


def test_epsilon_bounds_the_root_mean_square_where_that_is_chosen(context: Context):
    run = started(context, norm="l2", budget=64)
    drain(context, run.token)
    assert run.plan
    assert run.plan.settings.norm == "l2"
    workspace = context.workspaces.first
    assert heading(run, workspace)["caption"].endswith(", epsilon 10 (L2)")
    assert controls_from_plan(run.plan, workspace) == run.controls
    assert "--norm l2" in to_command(run.plan, workspace.size)
    assert parse_query(dict(parse_qsl(to_query(run.controls, context.first))))["norm"] == "l2"
    assert "epsilon 10 (L2)" in messages.settings(run.controls)
    assert np.sqrt(np.mean(np.square(run.levels.astype(float)))) <= 10


def test_classes_to_hide_elsewhere_do_not_count_where_nothing_else_is_kept(context: Context):
    run = started(context, inside="light", rest="dark", also_hide=("dark",), budget=64)
    assert run.plan
    assert run.plan.target == text_target("o", "light", "dark", context.workspaces.first.size)
    assert not heading(run, context.workspaces.first)["keeps"]


def test_what_is_drawn_cannot_be_hidden_elsewhere(context: Context):
    with pytest.raises(gr.Error, match="light cannot be drawn and hidden at once"):
        started(context, inside="light", rest=strings.KEEP, also_hide=("light",))


def test_a_pasted_word_counts_like_a_typed_one(context: Context):
    run = visitor(context)
    assert change_word(context, run.token, "ox")[0]["word"] == run.controls.word == "ox"


def test_visitors_do_not_share_anything(context: Context):
    first, second = started(context, budget=640), visitor(context)
    drain(context, first.token)
    assert (second.status, second.levels, second.plan) == ("idle", None, None)
    assert first.token != second.token


def test_without_a_target_the_heading_says_what_to_do(context: Context):
    run = visitor(context)
    run.controls = replace(run.controls, goal=strings.HIDDEN, hide=())
    reply = heading(run, context.workspaces.first)
    assert (reply["target"], reply["caption"][:25]) == (None, "Choose at least one class")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"word": "  "}, "Type a word"),
        ({"inside": "dark"}, "two different"),
        ({"goal": strings.HIDDEN, "hide": []}, "at least one class"),
        ({"source": strings.DRAW}, "Nothing is drawn"),
        ({"source": strings.UPLOAD}, "Choose a mask"),
        ({"epsilon": 64}, "between 1 and 32"),
        ({"budget": 10**9}, "between 50 and 40,000"),
        ({"epsilon": "many"}, "between 1 and 32"),
        ({"keep": 4.5}, "between 0.1 and 4\\."),
        ({"keep": "nan"}, "between 1 and 32"),
        ({"keep": 2, "preset": "paper"}, "paper weights all pixels alike"),
        ({"inside": "elephant"}, "no class 'elephant'"),
    ],
)
def test_an_invalid_setting_is_reported_in_a_sentence_before_anything_starts(
    context: Context, changes: dict, sentence: str
):
    run = visitor(context)
    with pytest.raises(gr.Error, match=sentence):
        start_run(context, run.token, *values(context, **changes))
    assert run.status == "idle"


@pytest.mark.parametrize(
    "drawing", ["x", "data:image/png;base64,????", "data:image/png;base64,aGVsbG8=", "," + "A" * 3_000_000]
)
def test_a_drawing_that_is_none_is_refused(context: Context, drawing: str):
    run = visitor(context)
    with pytest.raises(gr.Error, match="could not be read"):
        start_run(context, run.token, *values(context, drawing, source=strings.DRAW))


def test_an_unknown_visitor_is_asked_to_reload(context: Context):
    with pytest.raises(gr.Error, match="reload"):
        start_run(context, "nobody", *values(context))
    with pytest.raises(gr.Error, match="loading"):
        start_run(context, None, *values(context))


def test_an_uploaded_mask_becomes_the_target(context: Context, tmp_path: Path):
    run = visitor(context)
    mask = np.full((30, 40), 255, np.uint8)
    mask[10:20, 10:20] = 0
    Image.fromarray(mask).save(tmp_path / "square.png")
    assert upload_mask(context, run.token, str(tmp_path / "square.png"))["value"] == strings.START
    start_run(context, run.token, *values(context, source=strings.UPLOAD))
    assert run.plan
    assert run.plan.target.caption == "square.png"
    assert (run.plan.target.label_map() == 0).sum() == 100


def test_a_failing_worker_leaves_resting_buttons_and_a_sentence(context: Context, monkeypatch: pytest.MonkeyPatch):
    run = started(context, budget=8000)

    def breaks(plan, checkpoint):
        yield from ()
        raise RuntimeError("cuda")

    monkeypatch.setattr("uapseg.app.handlers.training.run_steps", breaks)
    driver = run_turn(context, run.token)
    assert label(next(driver)) == strings.START
    with pytest.raises(gr.Error, match="press Resume"):
        next(driver)
    assert not context.runs.queue.has(run)


def test_a_generator_may_change_threads_without_changing_gradients_for_others(context: Context):
    run = started(context, budget=8000)
    driver = run_turn(context, run.token)
    for _ in range(2):
        thread = threading.Thread(target=next, args=(driver,))
        thread.start()
        thread.join()
    assert torch.is_grad_enabled()
    driver.close()


def test_pictures_travel_as_jpeg():
    assert jpeg(np.zeros((4, 4, 3), np.uint8)).startswith("data:image/jpeg;base64,")
