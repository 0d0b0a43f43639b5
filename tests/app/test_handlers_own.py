"""Pictures that a visitor brings to be trained on."""

import pickle
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from tests.small_world import values, visitor
from uapseg.app import strings
from uapseg.app.exports.command import to_command
from uapseg.app.exports.links import to_query
from uapseg.app.frames import UploadedPhoto, mp4
from uapseg.app.handlers.context import CONTROLS, Context
from uapseg.app.handlers.files import remove_photos
from uapseg.app.handlers.own_pictures import train_on_clip, train_on_own
from uapseg.app.handlers.training import choose_pair, finish_loading, load_page, pause_run, run_turn, start_run
from uapseg.app.runs.device import run_steps
from uapseg.app.runs.own_pictures import (
    FRAME_SECONDS,
    GAP,
    MIN_PHOTOS,
    Footage,
    Frame,
    from_frames,
    from_photos,
    is_own,
)
from uapseg.app.runs.registry import content_of
from uapseg.app.runs.run import Run
from uapseg.app.view.figures import figures
from uapseg.app.view.polling import _belongings
from uapseg.attack.run import Plan
from uapseg.errors import UapsegError

SIZE = (96, 64)


def grey(shade: int, size: tuple[int, int] = (80, 60)) -> np.ndarray:
    return np.full((size[1], size[0], 3), shade, np.uint8)


def source(name: str) -> gr.EventData:
    return gr.EventData(None, {"source": name})


def with_photos(context: Context, count: int = 12) -> Run:
    """A visitor who trains on photos that differ in a corner."""
    run = visitor(context)
    photos = [grey(102 + number % 6) for number in range(count)]
    for number, photo in enumerate(photos):
        photo[0, 0] = number
    run.publish(photos=[UploadedPhoto(photo) for photo in photos])
    train_on_own(context, run.token, source(strings.OWN_PHOTOS))
    return run


def trained(context: Context, run: Run, **changes: object) -> None:
    start_run(context, run.token, *values(context, **{"data": run.controls.data, "budget": 128, **changes}))
    list(run_turn(context, run.token))


def test_photos_are_split_by_their_content_and_no_split_is_empty():
    photos = [
        grey(shade, size) for shade, size in zip(range(90, 110), [(80, 60), (60, 80), (90, 60)] * 7, strict=False)
    ]
    own, again = from_photos(photos, "plain:x", SIZE), from_photos([*photos[::-1], photos[0]], "plain:x", SIZE)
    sizes = {split: len(part) for split, part in own.splits.items()}
    assert sizes == {"train": 14, "val": 3, "test": 3}
    keys = {split: {*part.keys} for split, part in own.splits.items()}
    assert keys == {split: {*part.keys} for split, part in again.splits.items()}
    assert not keys["train"] & (keys["val"] | keys["test"])
    (size,) = {part.size for part in own.splits.values()}
    assert size[0] / size[1] == pytest.approx(4 / 3, rel=0.1)
    assert size[0] * size[1] == pytest.approx(SIZE[0] * SIZE[1], rel=0.1)
    assert len(from_photos(photos[:MIN_PHOTOS], "plain:x", SIZE).splits["test"]) == 1


def test_too_few_pictures_are_one_sentence_that_says_how_many_are_needed(context: Context):
    run = visitor(context)
    run.publish(photos=[UploadedPhoto(grey(100)), UploadedPhoto(grey(100)), UploadedPhoto(grey(101))])
    with pytest.raises(gr.Error, match=r"Too few different photos to train on \(2\): at least 5 are needed"):
        train_on_own(context, run.token, source(strings.OWN_PHOTOS))
    assert run.own_pictures is None
    still = [Frame(number / 4, grey(100)) for number in range(40)]
    with pytest.raises(UapsegError, match=r"Only 1 of 40 frames can be trained on.*at least 5 are needed"):
        from_frames(still, strings.OWN_WEBCAM, "plain:x", SIZE)


def test_a_recording_is_split_by_time_with_a_gap():
    frames = [Frame(number / 10, grey(number * 2 % 200)) for number in range(101)]
    own = from_frames(frames, strings.OWN_WEBCAM, "plain:x", SIZE)
    shades = {split: [int(shade) // 2 / 10 for shade in part.pictures(range(len(part)))[:, 0, 0, 0]]
              for split, part in own.splits.items()}  # fmt: skip
    assert min(np.diff(shades["train"])) >= FRAME_SECONDS
    for before, after in (("train", "val"), ("val", "test")):
        assert max(shades[before]) + GAP * FRAME_SECONDS <= min(shades[after])
    assert {split: len(part) for split, part in own.splits.items()} == {"train": 24, "val": 4, "test": 4}


def test_a_run_on_photos_says_whether_it_generalizes_and_what_the_test_pictures_give(context: Context):
    run = with_photos(context)
    assert is_own(run.controls.data)
    trained(context, run, budget=320)
    assert (run.status, run.image_gradients) == ("done", 320)
    assert run.plan
    assert run.plan.data == run.own_pictures.name
    workspace = context.workspaces.of(run)
    assert workspace
    assert len(run.validation["each"]) == len(workspace.held_out) == 2
    plain = figures(run, workspace)["plain"]
    assert "It generalizes: " in plain
    assert "On 2 test pictures, used neither for training nor for selection: " in plain
    run.validation["training"]["region_success"] = 0.95
    run.validation["scores"]["region_success"] = 0.4
    assert (
        "It overfits: 95 % on the pictures it is trained on, 40 % on unseen ones." in figures(run, workspace)["plain"]
    )
    run.validation["image_gradients"] = 8
    assert "overfits" not in figures(run, workspace)["plain"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that nobody else writes to."""
    monkeypatch.setenv("UAPSEG_CACHE", str(tmp_path))
    return tmp_path


def test_nothing_of_own_pictures_is_on_the_disk_or_in_a_link(cache: Path, context: Context):
    run = with_photos(context)
    trained(context, run)
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert run.plan
    assert content_of(run) is None
    assert "data" not in to_query(run.controls, context.first)
    workspace = context.workspaces.of(run)
    assert workspace
    assert "--data FOLDER_OF_YOUR_PICTURES" in to_command(run.plan, workspace.size)


def test_forgetting_forgets_the_pictures_and_what_was_trained_on_them(context: Context):
    run = with_photos(context)
    trained(context, run)
    updates = remove_photos(context, run.token)
    assert (run.own_pictures, run.photos, run.plan, run.levels, run.checkpoint) == (None, [], None, None, None)
    assert run.controls.data == "plain:x"
    choices = updates[1 + CONTROLS.index("data")]["choices"]
    assert [name for _, name in choices] == ["plain:x"]


def test_forgetting_ends_a_run_on_them_that_is_going(context: Context):
    run = with_photos(context)
    start_run(context, run.token, *values(context, data=run.controls.data, budget=8000))
    driver = run_turn(context, run.token)
    while run.levels is None:
        next(driver)
    with pytest.raises(gr.Error, match="pause it first"):
        train_on_own(context, run.token, source(strings.OWN_PHOTOS))
    remove_photos(context, run.token)
    assert (run.status, run.own_pictures, run.levels) == ("idle", None, None)
    list(driver)
    assert (run.status, run.levels) == ("idle", None)


def test_what_crosses_to_a_forked_worker_is_the_pictures_and_not_what_was_computed(context: Context):
    run = with_photos(context)
    trained(context, run)
    sent = pickle.dumps((run.plan, run.checkpoint, run.own_pictures))
    assert len(sent) < 3 * (run.own_pictures.nbytes + sum(array.nbytes for array in run.checkpoint["arrays"].values()))
    plan, checkpoint, own = pickle.loads(sent)
    *_, last = run_steps(Plan.from_dict({**plan.to_dict()}), checkpoint, own)
    assert last["image_gradients"] == 128


def test_another_network_sees_the_same_pictures_and_the_data_set_comes_back(context: Context):
    run = with_photos(context)
    name = run.controls.data
    choose_pair(context, run.token, "hours", name)
    while context.workspaces.of(run) is None:
        context.workspaces.ask_for(run)
    finish_loading(context, run.token)
    assert run.controls.inside == "day"
    assert context.workspaces.of(run).pair == ("hours", name)
    fact = _belongings(run, -1, context.workspaces.of(run))["training_set"]
    assert fact == {"line": "your photos: 8 to train on, 2 for validation, 2 for the test", "chosen": True}
    train_on_own(context, run.token, source("data"))
    assert run.controls.pair == ("hours", "plain:x")
    assert run.own_pictures


def test_another_visitor_cannot_choose_them(context: Context):
    run, other = with_photos(context), visitor(context)
    with pytest.raises(gr.Error, match="does not offer"):
        choose_pair(context, other.token, "greys", run.controls.data)
    load_page(context, {"token": other.token, "data": run.controls.data})
    assert other.controls.data == "plain:x"


def test_a_clip_is_trained_on(context: Context, tmp_path: Path):
    frames = [np.asarray(Image.fromarray(grey(60 + 4 * number)).resize((64, 48))) for number in range(40)]
    (tmp_path / "clip.mp4").write_bytes(mp4(frames, 4))
    run = visitor(context)
    train_on_clip(context, run.token, str(tmp_path / "clip.mp4"))
    assert run.own_pictures
    assert {split: len(part) for split, part in run.own_pictures.splits.items()} == {"train": 28, "val": 4, "test": 4}
    start_run(context, run.token, *values(context, data=run.controls.data, budget=50))
    driver = run_turn(context, run.token)
    next(driver)
    pause_run(context, run.token)
    list(driver)
    assert run.plan
    assert run.plan.data == run.own_pictures.name


def test_footage_is_ten_seconds_and_longer_where_frames_come_slowly():
    quick, slow = Footage(1), Footage(1)
    for number in range(110):
        quick.add(grey(100), 5 + number / 10)
        slow.add(grey(100), 5 + number)
    assert quick.full
    assert quick.seconds == pytest.approx(10, abs=0.3)
    assert len(quick.frames) == pytest.approx(35, abs=3)
    assert (slow.seconds, len(slow.frames)) == (29, 30)
