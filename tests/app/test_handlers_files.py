"""Pictures that a visitor brings."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from tests.small_world import values, visitor
from uapseg.app import gradio_private
from uapseg.app.drawings import MAX_DRAWING
from uapseg.app.frames import FrameOptions, perturb_photo
from uapseg.app.handlers import files as handlers_files
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.files import MAX_PHOTOS, add_photos, choose_picture, open_file, remove_photos, upload_mask
from uapseg.app.handlers.training import change_controls, leave_page, run_turn, start_run
from uapseg.app.view.rendering import frame, shown_photo
from uapseg.app.workspace_cache import WorkspaceCache


def view(kind: object, number: object) -> gr.EventData:
    return gr.EventData(None, {"kind": kind, "number": number})


def pictures(folder: Path, *sizes: tuple[int, int]) -> list[str]:
    paths = [folder / f"{number}.png" for number, _ in enumerate(sizes)]
    for path, size in zip(paths, sizes, strict=True):
        Image.new("L", size, 106).save(path)
    return list(map(str, paths))


def test_photos_are_made_to_fit_and_take_the_perturbation_tiled(
    context: Context, workspaces: WorkspaceCache, tmp_path: Path
):
    run = visitor(context)
    start_run(context, run.token, *values(context, budget=640))
    list(run_turn(context, run.token))
    add_photos(context, run.token, pictures(tmp_path, (1250, 500), (80, 60)))
    assert run.view == ("own", 0)
    photo = shown_photo(run, workspaces.first)
    assert photo.size == (124, 49)  # of no more pixels than 96 x 64
    assert run.levels is not None
    changed = perturb_photo(photo.picture, run.levels).astype(int) - 106
    np.testing.assert_array_equal(changed[:, :96], run.levels.transpose(1, 2, 0)[:49])
    np.testing.assert_array_equal(changed[:, 96:], run.levels.transpose(1, 2, 0)[:49, :28])
    assert run.plan
    assert frame(workspaces.first, photo, run.levels, run.plan, FrameOptions())["success"] > 0.95
    assert workspaces.first.photo(run.photos[1]).size == (80, 60)
    both = [workspaces.first.photo(brought) for brought in run.photos]
    judged = workspaces.first.evaluate(both, run.levels, run.plan.target)
    assert judged["scores"]["region_success"] > 0.95
    assert len(judged["each"]) == len(judged["thumbs"]) == 2


def test_the_large_picture_is_chosen_among_all(context: Context, workspaces: WorkspaceCache, tmp_path: Path):
    run = visitor(context)
    add_photos(context, run.token, pictures(tmp_path, (80, 60), (70, 50)))
    choose_picture(context, run.token, view("own", 1))
    assert shown_photo(run, workspaces.first).size == (70, 50)
    choose_picture(context, run.token, view("held_out", 2))
    assert shown_photo(run, workspaces.first) is workspaces.first.held_out_photos[2]
    for wrong in (view("own", 99), view("scene", 0)):
        choose_picture(context, run.token, wrong)
        assert shown_photo(run, workspaces.first) is workspaces.first.scene
    for nonsense in (view("other", 0), view("own", -1), view("own", "1"), gr.EventData(None, None)):
        choose_picture(context, run.token, nonsense)
        assert run.view == ("scene", 0)


def test_only_the_last_few_photos_stay_and_all_are_forgotten_on_demand(context: Context, tmp_path: Path):
    run = visitor(context)
    paths = pictures(tmp_path, *[(40 + number, 40) for number in range(24)])
    for _ in range(2):
        add_photos(context, run.token, paths)
    assert len(run.photos) == MAX_PHOTOS
    assert run.view == ("own", MAX_PHOTOS - 24)
    remove_photos(context, run.token)
    assert (run.photos, run.view) == ([], ("scene", 0))


def test_of_several_photos_the_damaged_are_named_and_the_others_taken(context: Context, tmp_path: Path):
    run = visitor(context)
    one, two, three, four = pictures(tmp_path, (40, 40), (40, 40), (50, 40), (8, 8))
    Path(two).write_text("no picture")
    with pytest.raises(gr.Error, match=r"picture 1\.png could not be read.*picture 3\.png is only 8 x 8"):
        add_photos(context, run.token, [one, two, three, four])
    assert [photo.picture.shape for photo in run.photos] == [(40, 40, 3), (40, 50, 3)]
    assert run.view == ("own", 0)


def test_photos_beyond_the_most_are_said_to_be_left_out(context: Context, tmp_path: Path):
    run = visitor(context)
    with pytest.raises(gr.Error, match="At most 40 photos"):
        add_photos(context, run.token, pictures(tmp_path, *[(40, 40)] * 42))
    assert len(run.photos) == MAX_PHOTOS


def test_what_is_decoded_takes_turns(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Six masks at once take the memory of one."""
    at_once, most, lock = 0, 0, threading.Lock()

    def slow(picture: object, **_: object) -> np.ndarray:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        return np.eye(4, dtype=bool)

    monkeypatch.setattr(handlers_files, "read_mask", slow)
    (path,) = pictures(tmp_path, (40, 40))
    waiting = [threading.Thread(target=upload_mask, args=(context, visitor(context).token, path)) for _ in range(6)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert most == 1


def test_a_large_mask_is_kept_small(context: Context, tmp_path: Path):
    run, drawing = visitor(context), Image.new("I;16", (3000, 1500), 1000)
    drawing.paste(40_000, (750, 500, 1500, 1000))
    drawing.save(tmp_path / "mask.png")
    upload_mask(context, run.token, str(tmp_path / "mask.png"))
    assert run.mask
    name, mask = run.mask
    assert (name, mask.shape) == ("mask.png", (512, 1024))
    assert mask.mean() == pytest.approx(1 / 12, abs=0.002)
    assert mask[256, 384]
    assert not mask[256, 640]


@pytest.mark.parametrize("end", ["forget", "leave"])
def test_nothing_that_was_uploaded_stays_on_the_disk(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
):
    monkeypatch.setattr(gradio_private, "get_upload_folder", lambda: str(tmp_path / "uploaded"))
    run, elsewhere = visitor(context), pictures(tmp_path, (40, 40))
    brought = []
    for number, upload in enumerate((add_photos, upload_mask, open_file)):
        (folder := tmp_path / "uploaded" / str(number)).mkdir(parents=True)
        brought += pictures(folder, (40, 40))
        with suppress(gr.Error):
            upload(context, run.token, brought[-1])
    add_photos(context, run.token, elsewhere)
    assert all(Path(path).is_file() for path in brought)
    if end == "forget":
        remove_photos(context, run.token)
    else:
        context.tabs["tab"] = run.token
        leave_page(context, SimpleNamespace(session_hash="tab"))
    assert not list((tmp_path / "uploaded").iterdir())
    assert Path(*elsewhere).is_file()
    assert len(run.photos) == (0 if end == "forget" else 2)


def test_a_drawing_that_is_too_long_is_not_kept(context: Context):
    run = visitor(context)
    with pytest.raises(Exception, match="drawing could not be read"):
        change_controls(context, run.token, *values(context, drawing="data:image/png;base64," + "A" * MAX_DRAWING))
    assert run.controls.drawing is None


def test_a_bad_upload_changes_nothing(context: Context, tmp_path: Path):
    run = visitor(context)
    good = pictures(tmp_path, (40, 40))
    add_photos(context, run.token, good)
    before = run.photos
    (tmp_path / "bad.png").write_bytes(b"no picture")
    Image.new("RGB", (40, 40)).save(tmp_path / "plain.png")
    with pytest.raises(gr.Error):
        add_photos(context, run.token, [str(tmp_path / "bad.png")])
    with pytest.raises(gr.Error, match="a single tone"):
        upload_mask(context, run.token, str(tmp_path / "plain.png"))
    assert run.photos is before
    assert run.mask is None
