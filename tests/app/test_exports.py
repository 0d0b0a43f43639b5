"""What is taken away and what is brought."""

import base64
import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import av
import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from tests.app.test_drawings import sent
from tests.small_world import SIZE, ran, registry, stocked, values, visitor
from uapseg.app import strings
from uapseg.app.controls import BUDGETS
from uapseg.app.exports.animation import encode_gif, encode_mp4
from uapseg.app.exports.command import to_command
from uapseg.app.exports.finished_run import FinishedRun
from uapseg.app.exports.links import to_query
from uapseg.app.handlers.context import CONTROLS, Context
from uapseg.app.handlers.files import confirm_link, export_file, make_link, open_example, open_file
from uapseg.app.handlers.training import (
    change_controls,
    choose_pair,
    finish_loading,
    load_page,
    pause_run,
    refresh_buttons,
    run_turn,
    start_run,
)
from uapseg.app.page import copy_script
from uapseg.app.plan_controls import controls_from_plan
from uapseg.app.runs.device import unpack_state
from uapseg.app.runs.run import Run
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.attack.ball import Ball
from uapseg.attack.plan_file import extract_plan
from uapseg.attack.validation import EvalSet, evenly_spaced
from uapseg.cli import main
from uapseg.datasets.batches import BATCH_SIZE
from uapseg.errors import UapsegError
from uapseg.results.perturbation_file import MAX_SPENT, Perturbation, load, save_png
from uapseg.targets import HideClasses, StaticTarget
from uapseg.targets.metrics import scores


@pytest.fixture(scope="module")
def context(workspaces: WorkspaceCache) -> Context:
    return Context(workspaces, registry(), patience=600)


@pytest.fixture(autouse=True)
def empty_line(context: Context) -> Iterator[None]:
    """No test leaves a run in the line that all of them share."""
    yield
    for run in [run for run in context.runs._runs.values() if run.status == "waiting"]:
        pause_run(context, run.token)


@pytest.fixture(scope="module")
def finished(context: Context) -> Run:
    return ran(context, budget=640)


def saved(context: Context, run: Run, kind: str) -> Path:
    return Path(export_file(context, run.token, kind))


def judge(workspaces: WorkspaceCache, run: Run) -> EvalSet:
    assert run.plan
    numbers = evenly_spaced(len(workspaces.first.held_out), run.plan.settings.validation_pictures)
    assert len(numbers) > BATCH_SIZE  # more than one batch is scored
    return EvalSet(workspaces.first.model, workspaces.first.held_out, numbers, run.plan.target, SIZE)


@pytest.mark.parametrize("kind", [strings.FILE_PNG, strings.FILE_TENSORS])
def test_a_saved_perturbation_scores_what_the_page_says(context, workspaces, finished: Run, kind: str):
    read = load(saved(context, finished, kind))
    assert read.plan == finished.plan
    assert finished.validation
    assert (
        scores(judge(workspaces, finished).predict(read.delta)[0], read.plan.target) == finished.validation["scores"]
    )


def test_the_figures_are_those_of_the_page(context: Context, finished: Run):
    figures = json.loads(saved(context, finished, strings.FILE_FIGURES).read_text())
    assert finished.validation
    assert (figures["split"], figures["perturbed"]) == ("val", finished.validation["scores"])
    assert figures["random_noise"] == finished.baselines["random_noise"]


def test_perturbed_pictures_lose_nothing(context: Context, finished: Run):
    finished.publish(view=("held_out", 2))
    with zipfile.ZipFile(saved(context, finished, strings.FILE_PICTURES)) as file:
        assert len(file.namelist()) == 1 + len(context.workspaces.first.held_out_photos)
        shown, same = (np.asarray(Image.open(io.BytesIO(file.read(name)))) for name in ("shown.png", "held-out-3.png"))
    clean = context.workspaces.first.held_out_photos[2].picture
    assert finished.levels is not None
    np.testing.assert_array_equal(shown.astype(int) - clean, finished.levels.transpose(1, 2, 0))
    np.testing.assert_array_equal(shown, same)


@pytest.mark.slow
def test_figure_animation_and_report_open(context: Context, finished: Run):
    assert Image.open(saved(context, finished, strings.FILE_FIGURE)).width > 1500
    assert saved(context, finished, strings.FILE_PDF).read_bytes().startswith(b"%PDF")
    page = saved(context, finished, strings.FILE_REPORT).read_text()
    assert "http" not in page  # nothing is fetched
    assert "--text o --region-class light" in page
    assert "Unseen pictures: 100 %" in page
    assert page.count("<td>") == 3 * len(finished.baselines["clean"])


def test_a_report_holds_the_perturbation_and_says_when_and_with_what_it_was_made(context, finished: Run, tmp_path):
    page = saved(context, finished, strings.FILE_REPORT).read_text()
    inside = re.search(r'download="uapseg-epsilon10.png" href="data:image/png;base64,([^"]+)"', page)
    assert inside
    (tmp_path / "inside.png").write_bytes(base64.b64decode(inside[1]))
    found = load(tmp_path / "inside.png")
    assert np.array_equal(found.levels.numpy(), FinishedRun.of(finished, context.workspaces.first).levels)
    assert found.plan == finished.plan
    assert f"{datetime.now(UTC):%B %Y}" in page
    assert f"torch {torch.__version__.partition('+')[0]}" in page
    assert "<details><summary>Plan and hashes (JSON)</summary><pre>{" in page
    chart = page[page.index("<svg") : page.index("</svg>")]
    assert re.findall(r">([^<>]+)</text>", chart) == [
        *(f"{share} %" for share in (0, 25, 50, 75, 100)), "0", "320", "640", "random noise", "image-gradients",
    ]  # fmt: skip
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


@pytest.mark.slow
@pytest.mark.parametrize("history_points", [60, 1])
def test_the_animation_of_a_run_or_an_example_takes_a_few_seconds(
    context: Context, finished: Run, history_points: int
):
    run = copy(finished)
    run.history_points = [
        replace(finished.history_points[-1], image_gradients=image_gradients + 1)
        for image_gradients in range(history_points)
    ]
    work = FinishedRun.of(run, context.workspaces.first)
    moving = Image.open(io.BytesIO(encode_gif(work)))
    assert moving.size == (996, 378)
    assert 3 <= sum(frame.info["duration"] for frame in ImageSequence.Iterator(moving)) / 1000 <= 6
    with av.open(io.BytesIO(encode_mp4(work))) as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert (times[0], moving.n_frames > 20) == (0, True)
    assert 3 <= times[-1] <= 6


def test_no_colour_of_an_animation_fades_as_others_come(context: Context, finished: Run, monkeypatch):
    shades = [(90, 140, 220), (40, 160, 60), (190, 60, 70), (120, 110, 100)]
    frames = [np.full((40, 60, 3), shade, np.uint8) for shade in shades for _ in range(6)]
    monkeypatch.setattr("uapseg.app.exports.animation._draw", lambda _: frames)
    moving = Image.open(io.BytesIO(encode_gif(FinishedRun.of(finished, context.workspaces.first))))
    shown = [np.asarray(frame.convert("RGB")).mean((0, 1)) for frame in ImageSequence.Iterator(moving)]
    assert np.abs(np.array(shown) - np.array(shades)).max() <= 2  # frames that are alike are one of a GIF


@pytest.mark.slow
def test_a_word_of_marks_is_text_in_every_file(context: Context):
    word = "<img src=$x^>$&amp;"
    run = ran(context, budget=64, word=word)
    page = saved(context, run, strings.FILE_REPORT).read_text()
    assert page.count("<img") == page.count(' src="data:image/') == 2
    assert html.escape(word) in page
    assert saved(context, run, strings.FILE_PDF).read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("kind", ["", None, "../x", 7])
def test_only_the_listed_files_are_made(context: Context, finished: Run, kind: object):
    with pytest.raises(gr.Error, match="one from the list"):
        export_file(context, finished.token, kind)


def test_there_is_nothing_to_take_away_before_the_first_figures(context: Context):
    run = visitor(context)
    assert refresh_buttons(context, run.token)[3]["interactive"] is False
    with pytest.raises(gr.Error, match="nothing to export"):
        export_file(context, run.token, strings.FILE_PNG)


def test_an_opened_perturbation_is_measured_again_and_goes_on(context: Context, finished: Run):
    path = saved(context, finished, strings.FILE_PNG)
    other = visitor(context)
    memory, *updates = open_file(context, other.token, str(path))
    controls = dict(zip(CONTROLS, updates, strict=False))
    assert (controls["word"], controls["epsilon"], memory["budget"]) == ("o", 10, 640)
    assert other.validation
    assert finished.validation
    assert other.validation["scores"] == finished.validation["scores"]
    assert (other.note, other.baselines) == ("measured here: 100 %, as the file says", finished.baselines)
    start_run(context, other.token, *values(context, budget=640))
    assert other.checkpoint
    state = unpack_state(other.checkpoint)
    assert state.image_gradients == 640
    assert torch.equal(state.dual, load(path).delta)
    list(run_turn(context, other.token))
    assert (other.status, other.image_gradients) == ("done", 1280)


def test_a_file_can_be_resumed_whatever_budget_it_claims_to_have_used(context: Context, finished: Run, tmp_path: Path):
    made = replace(load(saved(context, finished, strings.FILE_PNG)), image_gradients=MAX_SPENT)
    save_png(tmp_path / "noise.png", made)
    run = visitor(context)
    open_file(context, run.token, str(tmp_path / "noise.png"))
    start_run(context, run.token, *values(context, budget=BUDGETS[1]))
    assert (run.status, run.total) == ("waiting", MAX_SPENT + BUDGETS[1])


def test_a_false_claim_is_reported(context: Context, finished: Run, tmp_path: Path):
    read = load(saved(context, finished, strings.FILE_PNG))
    weak = Perturbation(read.levels // 4, read.plan, {**(read.scores or {}), "region_success": 0.99}, 640)
    save_png(tmp_path / "weak.png", weak)
    run = visitor(context)
    open_file(context, run.token, str(tmp_path / "weak.png"))
    assert run.note.endswith("(on other pictures: 99 %)")
    assert not run.note.startswith("measured 99 %")


def test_a_perturbation_without_a_plan_is_measured_by_the_controls(context: Context, finished: Run, tmp_path: Path):
    assert finished.levels is not None
    np.save(tmp_path / "other.npy", finished.levels.astype(np.float32))
    run = visitor(context)
    change_controls(context, run.token, *values(context))
    open_file(context, run.token, str(tmp_path / "other.npy"))
    assert run.note == "measured here: 100 %"


def test_a_plan_sets_the_controls_and_no_file_is_opened_for_a_stranger(context, finished: Run, tmp_path: Path):
    figures = json.loads(saved(context, finished, strings.FILE_PLAN).read_text())
    figures |= {"also": ["evil.py:net"], "weights": "/etc/passwd"}
    (tmp_path / "plan.json").write_text(json.dumps(figures))
    run = visitor(context)
    open_file(context, run.token, str(tmp_path / "plan.json"))
    assert (run.controls.word, run.controls.budget) == ("o", 640)
    start_run(context, run.token, *values(context, **run.controls.to_dict()))
    assert run.plan
    assert (run.plan.also, run.plan.weights) == ((), None)


def test_what_was_learnt_from_a_choice_of_the_same_pictures_opens_and_from_others_does_not(
    context: Context, finished: Run, tmp_path: Path
):
    known = load(saved(context, finished, strings.FILE_PNG))
    assert known.plan
    run = visitor(context)
    save_png(tmp_path / "more.png", replace(known, plan=replace(known.plan, data="plain:x?count=9")))
    open_file(context, run.token, str(tmp_path / "more.png"))
    assert run.plan
    assert (run.plan.data, run.validation and run.validation["scores"]) == (
        "plain:x",
        finished.validation and finished.validation["scores"],
    )
    save_png(tmp_path / "other.png", replace(known, plan=replace(known.plan, data="plain:y")))
    with pytest.raises(gr.Error, match="was made for greys on plain:y"):
        open_file(context, run.token, str(tmp_path / "other.png"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty|neither|cannot"),
        (b"{", "cannot be read"),
        (b'{"format": 1}', "cannot be read"),
        (b"text", "neither"),
    ],
)
def test_a_file_that_is_neither_is_refused(context: Context, tmp_path: Path, content: bytes, sentence: str):
    (tmp_path / "file").write_bytes(content)
    run = visitor(context)
    with pytest.raises(gr.Error, match=sentence):
        open_file(context, run.token, str(tmp_path / "file"))
    assert run.status == "idle"


def test_a_perturbation_of_another_size_or_for_others_is_refused(context: Context, finished: Run, tmp_path: Path):
    run = visitor(context)
    np.save(tmp_path / "small.npy", np.ones((3, 8, 8), np.float32))
    with pytest.raises(gr.Error, match="has 8 x 8 pixels"):
        open_file(context, run.token, str(tmp_path / "small.npy"))
    path = saved(context, finished, strings.FILE_PNG)
    choose_pair(context, run.token, "hours", "plain:x")
    while context.workspaces.get(run.controls.pair) is None:
        context.workspaces.ask(run.controls.pair, run.token)
    with pytest.raises(gr.Error, match="made for greys on plain:x"):
        open_file(context, run.token, str(path))


def test_a_link_sets_what_it_names_and_nothing_that_is_not_offered(context: Context):
    run = visitor(context)
    change_controls(
        context, run.token, *values(context, goal=strings.HIDDEN, hide=["light"], fill="dark", epsilon=7, keep=0.3)
    )
    query = make_link(context, run.token)
    assert query == to_query(run.controls, context.first)
    fields = dict(pair.split("=") for pair in query.replace("+", " ").split("&"))
    assert by_link(context, fields).controls == run.controls
    for wrong in ({"model": "evil.py:net"}, {"inside": "elephant"}, {"epsilon": "x"}, {"invert": "maybe"}):
        other = by_link(context, wrong)
        assert (other.controls, bool(other.link_warning)) == (context.first, True)


def test_a_link_names_the_example_that_is_shown_until_something_changes(context: Context, tmp_path, monkeypatch):
    with stocked(context.workspaces, tmp_path):
        run, said = visitor(context), []
        monkeypatch.setattr(gr, "Info", lambda text, **_: said.append(text))
        open_example(context, run.token, gr.EventData(None, {"number": 0}))
        assert make_link(context, run.token) == "example=o"
        confirm_link(context, run.token, "")
        assert said == ["Copied. It opens the example o."]
        change_controls(context, run.token, *values(context, epsilon=7))
        assert make_link(context, run.token) == to_query(run.controls, context.first)
        confirm_link(context, run.token, "http://here/?epsilon=7")
        assert said[1].startswith("The link could not be copied: http://here/?epsilon=7 opens these settings: ")
        assert "epsilon 7" in said[1]
        change_controls(context, run.token, *values(context, source=strings.DRAW))
        confirm_link(context, run.token, "")
        assert said[2].endswith("The link does not contain the drawing: export the plan to share it.")


def test_on_a_space_a_link_is_to_the_space(monkeypatch):
    assert "const address = location.origin + location.pathname + '?'" in copy_script()
    monkeypatch.setenv("SPACE_HOST", "me-uapseg.hf.space,uapseg.example.org")
    assert "const address = \"https://me-uapseg.hf.space/\" + '?'" in copy_script()


def by_link(context: Context, query: dict[str, str]) -> Run:
    run = context.runs.get(load_page(context, None, gr.Request(session_hash="link", query_params=query))[0])
    assert run
    return run


def test_a_class_that_a_network_does_not_have_is_said_when_the_network_has_come(context: Context):
    context.workspaces._workspaces.clear()
    run = by_link(context, {"model": "hours", "inside": "elephant", "rest": "night", "goal": strings.HIDDEN})
    assert run.link_warning == ""
    while context.workspaces.get(run.controls.pair) is None:
        context.workspaces.ask(run.controls.pair, run.token)
    finish_loading(context, run.token)
    assert (run.controls.inside, run.controls.rest, run.controls.hide) == ("day", "night", ("night",))
    assert "at their defaults: class of the region." in run.link_warning
    choose_pair(context, run.token, "greys", "plain:x")
    finish_loading(context, run.token)
    assert (run.controls.inside, run.controls.rest, run.link_warning) == ("light", "dark", "")


def test_the_classes_of_a_plan_become_those_of_the_controls_however_they_are_written(
    finished: Run, workspaces: WorkspaceCache
):
    assert finished.plan
    assert isinstance(finished.plan.target, StaticTarget)
    shouted = replace(finished.plan, target=replace(finished.plan.target, classes=("LIGHT",), rest="Dark"))
    controls = controls_from_plan(shouted, workspaces.first)
    assert (controls.inside, controls.rest) == ("light", "dark")
    hidden = replace(finished.plan, target=HideClasses(classes=("DARK",), fill="Light"))
    controls = controls_from_plan(hidden, workspaces.first)
    assert (controls.hide, controls.fill) == (("dark",), "light")


def test_a_keep_weight_goes_into_plan_command_and_report(context: Context, workspaces: WorkspaceCache):
    run = ran(context, budget=64, keep=1.5)
    figures = json.loads(saved(context, run, strings.FILE_PLAN).read_text())
    assert figures["settings"]["keep_weight"] == 1.5
    assert run.plan
    assert controls_from_plan(run.plan, workspaces.first) == run.controls
    assert "--keep-weight 1.5" in saved(context, run, strings.FILE_REPORT).read_text()
    heavy = replace(run.plan, settings=replace(run.plan.settings, keep_weight=50.0))
    with pytest.raises(UapsegError, match="Protect the rest” must be between"):
        controls_from_plan(heavy, workspaces.first)


@pytest.mark.slow
def test_the_plan_of_page_and_report_is_taken_by_the_command_line_too(context: Context, finished: Run, tmp_path: Path):
    page = html.unescape(saved(context, finished, strings.FILE_REPORT).read_text())
    facts = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)[-1]
    assert extract_plan(facts.encode()) == finished.plan
    file = saved(context, finished, strings.FILE_PLAN)
    assert extract_plan(file.read_bytes()) == finished.plan
    out = tmp_path / "run"
    assert main(["train", "--plan", str(file), "--out", str(out)]) == 0
    again = load(out / "perturbation.png")
    assert again.plan == finished.plan
    assert again.scores == load(saved(context, finished, strings.FILE_PNG)).scores


def test_a_painted_plan_comes_back_as_the_same_drawing(context: Context, workspaces: WorkspaceCache):
    numbers = np.full((64, 96), 255, np.uint8)
    numbers[10:30, 20:60], numbers[40:50] = 1, 2
    run = visitor(context)
    start_run(context, run.token, *values(context, sent(numbers), source=strings.DRAW))
    assert run.plan
    controls = controls_from_plan(run.plan, workspaces.first)
    assert controls.source == strings.DRAW
    assert controls.target(SIZE, None, workspaces.first.model.classes) == run.plan.target
    assert to_command(run.plan, SIZE) == "python -m uapseg train --plan uapseg-plan.json"
    pause_run(context, run.token)


def test_the_levels_of_an_opened_perturbation_are_kept_exactly(context: Context, finished: Run):
    run = visitor(context)
    open_file(context, run.token, str(saved(context, finished, strings.FILE_TENSORS)))
    assert run.checkpoint
    assert finished.levels is not None
    np.testing.assert_array_equal(Ball(10 / 255).to_levels(unpack_state(run.checkpoint).best).numpy(), finished.levels)


def test_the_figure_of_a_run_that_hides_begins_with_pictures_that_show_the_class(
    workspaces: WorkspaceCache, finished: Run
):
    """Of three pictures the last is full of it, the second shows a speck that is too small to see."""
    prediction = np.zeros((3, 64, 96), np.uint8)
    prediction[1, 0, :3], prediction[2] = 1, 1
    held_out_photos = [SimpleNamespace(prediction=each) for each in prediction]
    workspace = SimpleNamespace(model=workspaces.first.model, held_out_photos=held_out_photos)
    assert finished.plan
    for target, order in ((HideClasses(classes=("light",)), [2, 1, 0]), (finished.plan.target, [0, 1, 2])):
        work = FinishedRun(finished, replace(finished.plan, target=target), None, workspace)
        assert [
            next(n for n, one in enumerate(held_out_photos) if one is photo) for photo in work._clearest_photos
        ] == order
