"""What is asked for besides the newest frame."""

import asyncio
import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.small_world import SIZE, ran, registry
from uapseg.app import strings
from uapseg.app.frames import FrameOptions, Request, defend_photo, difference, perturb_photo, spectrum, stretch_levels
from uapseg.app.handlers.context import Context, class_choices
from uapseg.app.runs.run import Run
from uapseg.app.view.figures import heading
from uapseg.app.view.rendering import STEPS, Renderer, scale_levels
from uapseg.app.workspace_cache import WorkspaceCache


@pytest.fixture(scope="module")
def context(workspaces: WorkspaceCache) -> Context:
    return Context(workspaces, registry(), patience=600)


@pytest.fixture(scope="module")
def finished(context: Context) -> Run:
    return ran(context, budget=320)


def renderer(context: Context) -> Renderer:
    return Renderer(context.workspaces, context.runs)


def opened(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_class_has_another_name_on_the_page_and_keeps_its_own_elsewhere(
    context: Context, finished: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(strings.CLASS_NAMES, "light", "Pale grey")
    workspace = context.workspaces.first
    shown, plan = heading(finished, workspace), finished.plan
    assert plan
    assert shown["caption"] == "“o” in Pale grey on dark, epsilon 10"
    assert "of the letters seen as Pale grey" in shown["shares"][0]
    assert ("Pale grey", "light") in class_choices(workspace)["inside"]
    workspace.__dict__.pop("facts", None)
    assert [each["name"] for each in workspace.facts["classes"]] == ["dark", "Pale grey", "never"]
    workspace.__dict__.pop("facts", None)
    assert finished.controls.inside == "light"
    assert "Pale" not in json.dumps(plan.to_dict())


def test_a_frame_of_an_earlier_moment_is_what_was_seen_then(context: Context, finished: Run):
    first = asyncio.run(renderer(context).frame({"token": finished.token, "history_point": 0}))
    assert first["success"] == pytest.approx(finished.curve[0][1]["target_success"], abs=0.02)
    last = asyncio.run(
        renderer(context).frame(
            {"token": finished.token, "history_point": finished.history_points[-1].image_gradients}
        )
    )
    assert last["success"] > 0.95


def test_the_curve_of_strengths_rises_from_nothing(context: Context, finished: Run):
    rows = asyncio.run(renderer(context).strengths({"token": finished.token}))["rows"]
    reached = [scores["region_success"] for _, scores in rows]
    assert [strength for strength, _ in rows] == list(STEPS)
    assert reached[0] == 0
    assert reached == sorted(reached)
    assert reached[4] > 0.95


def test_the_held_out_pictures_follow_the_strength(context: Context, finished: Run):
    weak = asyncio.run(renderer(context).measure({"token": finished.token, "strength": 0.0}))
    full = asyncio.run(renderer(context).measure({"token": finished.token, "strength": 1.0}))
    assert weak["scores"]["region_success"] == 0
    assert full["scores"]["region_success"] > 0.95


def test_figures_with_a_defence_are_those_of_the_defended_pictures_and_of_their_baselines(
    context: Context,
):
    """A chessboard of light and dark pixels is even after a blur."""
    workspace = context.workspaces.first
    board = (np.indices(SIZE[::-1]).sum(0) % 2 * 24)[None].repeat(3, 0).astype(np.int16)
    run = ran(context, budget=64)
    run.publish(levels=board)
    found, bare = (
        asyncio.run(renderer(context).measure({"token": run.token, "defence": defence}))
        for defence in ("blur", "no such defence")
    )
    assert abs(found["scores"]["region_success"] - bare["scores"]["region_success"]) > 0.2
    assert found["baselines"].keys() == {"clean", "random_noise"}
    assert found["baselines"]["clean"]["region_success"] == 0
    shown = asyncio.run(renderer(context).frame({"token": run.token, "defence": "blur"}))
    defended = defend_photo(perturb_photo(workspace.scene.picture, board), "blur")
    assert np.abs(opened(shown["after"]).astype(int) - defended).mean() < 2
    photos = workspace.evaluate(workspace.held_out_photos, board, run.plan.target, defence="blur")
    assert photos["scores"] == found["scores"]


def test_confidence_and_difference_are_sent_on_request(context: Context, finished: Run):
    sent = {"token": finished.token, "confidence": True, "factor": 20}
    frame = asyncio.run(renderer(context).frame(sent))
    assert opened(frame["confidence"]).shape == (32, 48)
    assert opened(frame["confidence"]).min() > 100  # two classes: never less than a half
    assert "difference" in frame
    assert "confidence" not in asyncio.run(renderer(context).frame({"token": finished.token}))


@pytest.mark.parametrize("sent", [{}, {"token": "x"}, None, {"token": ["a"]}])
def test_a_stranger_sees_nothing(context: Context, sent: object):
    shown = renderer(context)
    for ask in (shown.frame, shown.measure, shown.strengths, shown.attribute):
        assert asyncio.run(ask(sent)) == {}


@pytest.mark.parametrize(
    "sent",
    [{"strength": 9, "factor": 0}, {"strength": "1", "factor": 1.5}, {"strength": float("nan")}, {"factor": 61}, 7],
)
def test_nonsense_asks_for_the_usual_frame(sent: object):
    assert Request.of(sent).options == FrameOptions()


def test_strengths_are_whole_grey_levels():
    levels = np.array([-10, 3, 5], np.int16).reshape(3, 1, 1)
    assert scale_levels(levels, 0.5).ravel().tolist() == [-5, 2, 2]  # to even, as everywhere


@pytest.mark.parametrize("level", [-255, -128, -100, 100, 140, 200, 255])
def test_large_changes_keep_their_sign_at_any_strength(level: int):
    levels, picture = np.full((3, 8, 6), level, np.int16), np.full((16, 12, 3), 100, np.uint8)
    for strength in STEPS:
        change = round(level * strength)
        applied_levels = stretch_levels(scale_levels(levels, strength), (12, 16))
        assert (applied_levels == change).all()
        for one in (scale_levels(levels, strength), applied_levels):
            assert (perturb_photo(picture, one) == min(255, max(0, 100 + change))).all()


def test_a_wave_is_two_dots_in_the_spectrum():
    wave = np.rint(10 * np.cos(2 * np.pi * np.arange(32) * 4 / 32)).astype(np.int16)
    found = spectrum(np.tile(wave, (3, 16, 1)))[..., 0]
    assert {(int(row), int(column)) for row, column in np.argwhere(found > 250)} == {(8, 12), (8, 20)}


def test_a_difference_is_amplified_about_grey():
    before, after = np.full((1, 1, 3), 100, np.uint8), np.array([[[98, 100, 103]]], np.uint8)
    assert difference(before, after, 10).tolist() == [[[108, 128, 158]]]
