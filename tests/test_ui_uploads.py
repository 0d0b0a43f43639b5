"""Pictures that a visitor brings."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from tests.small_world import values, visitor
from uapseg.ui.frames import perturbed
from uapseg.ui.handlers import Handlers
from uapseg.ui.looks import frame, shown
from uapseg.ui.requests import Wanted
from uapseg.ui.studios import Studios
from uapseg.ui.uploads import MOST_PHOTOS


def view(kind: object, number: object) -> gr.EventData:
    return gr.EventData(None, {"kind": kind, "number": number})


def pictures(folder: Path, *sizes: tuple[int, int]) -> list[str]:
    paths = [folder / f"{number}.png" for number, _ in enumerate(sizes)]
    for path, size in zip(paths, sizes, strict=True):
        Image.new("L", size, 106).save(path)
    return list(map(str, paths))


def test_photos_are_made_to_fit_and_take_the_perturbation_tiled(handlers: Handlers, studios: Studios, tmp_path: Path):
    run = visitor(handlers)
    handlers.on_ask(run.token, *values(handlers, budget=640))
    list(handlers.on_run(run.token))
    handlers.on_photos(run.token, pictures(tmp_path, (1250, 500), (80, 60)))
    assert run.view == ("own", 0)
    photo = shown(run, studios.first)
    assert photo.size == (124, 49)  # of no more pixels than 96 x 64
    assert run.levels is not None
    changed = perturbed(photo.picture, run.levels).astype(int) - 106
    np.testing.assert_array_equal(changed[:, :96], run.levels.transpose(1, 2, 0)[:49])
    np.testing.assert_array_equal(changed[:, 96:], run.levels.transpose(1, 2, 0)[:49, :28])
    assert run.plan
    assert frame(studios.first, photo, run.levels, run.plan, Wanted())["reached"] > 0.95
    assert studios.first.photo(run.photos[1]).size == (80, 60)
    both = [studios.first.photo(brought) for brought in run.photos]
    judged = studios.first.judge(both, run.levels, run.plan.target)
    assert judged["scores"]["region_success"] > 0.95
    assert len(judged["each"]) == len(judged["thumbs"]) == 2


def test_the_large_picture_is_chosen_among_all(handlers: Handlers, studios: Studios, tmp_path: Path):
    run = visitor(handlers)
    handlers.on_photos(run.token, pictures(tmp_path, (80, 60), (70, 50)))
    handlers.on_view(run.token, view("own", 1))
    assert shown(run, studios.first).size == (70, 50)
    handlers.on_view(run.token, view("unseen", 2))
    assert shown(run, studios.first) is studios.first.strip[2]
    for wrong in (view("own", 99), view("scene", 0)):
        handlers.on_view(run.token, wrong)
        assert shown(run, studios.first) is studios.first.scene
    for nonsense in (view("other", 0), view("own", -1), view("own", "1"), gr.EventData(None, None)):
        handlers.on_view(run.token, nonsense)
        assert run.view == ("scene", 0)


def test_only_the_last_few_photos_stay_and_all_are_forgotten_on_demand(handlers: Handlers, tmp_path: Path):
    run = visitor(handlers)
    paths = pictures(tmp_path, *[(40 + number, 40) for number in range(8)])
    for _ in range(2):
        handlers.on_photos(run.token, paths)
    assert len(run.photos) == MOST_PHOTOS
    assert run.view == ("own", MOST_PHOTOS - 8)
    handlers.on_forget(run.token)
    assert (run.photos, run.view) == ([], ("scene", 0))


def test_a_bad_upload_changes_nothing(handlers: Handlers, tmp_path: Path):
    run = visitor(handlers)
    good = pictures(tmp_path, (40, 40))
    handlers.on_photos(run.token, good)
    before = run.photos
    (tmp_path / "bad.png").write_bytes(b"no picture")
    Image.new("RGB", (40, 40)).save(tmp_path / "plain.png")
    with pytest.raises(gr.Error):
        handlers.on_photos(run.token, [*good, str(tmp_path / "bad.png")])
    with pytest.raises(gr.Error, match="one tone"):
        handlers.on_mask(run.token, str(tmp_path / "plain.png"))
    assert run.photos is before
    assert run.mask is None
