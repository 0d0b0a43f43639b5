"""Other networks, other pictures, the camera."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site, site, state, until  # noqa: F401
from tests.hands import pick, start
from tests.reach import findings
from tests.server import serving
from tests.small_world import FAR, small_world
from uapseg.app.frames import mp4
from uapseg.app.view.clip import decode_clip

pytestmark = pytest.mark.browser


def test_another_network_is_downloaded_on_the_page_and_attacked(browser: Browser, tmp_path: Path):
    with serving() as server:
        url = server.add("far.bin", b"x" * 200_000, at_once=100_000, pause=1.0)
        with small_world(url, tmp_path) as workspaces, site(browser, workspaces) as served:
            tab = served.visit()
            pick(tab, "#u-data", FAR)
            panel = tab.locator(".u-loading")
            expect(panel).to_contain_text("To download now: 200 kB")
            assert findings(tab) == []
            panel.get_by_role("button", name="Cancel").click()
            expect(panel).to_be_hidden()
            expect(tab.locator("#u-data input")).to_have_value("plain:x")
            pick(tab, "#u-data", FAR)
            panel.get_by_role("button", name="Download").click()
            meter = "document.querySelector('.u-loading progress')"
            tab.wait_for_function(f"() => {meter}.value >= 0.5 && {meter}.value < 1")
            server.files["/far.bin"].pause = 0.0
            expect(panel).to_be_hidden()
            pick(tab, "#u-model", "hours")
            expect(tab.locator(".u-legend")).to_contain_text("noon")
            expect(tab.locator("#u-inside input")).to_have_value("day")
            start(tab, 640)
            until(tab, "s.status === 'done'")
            expect(tab.locator("[data-k=caption]")).to_have_text("“foo” in day on night, epsilon 10")
            assert state(tab, "s.scores.region_success") > 0.9
            assert served.run(tab).plan.data == FAR
            served.leave()


def test_photos_of_any_size_get_figures_of_their_own_and_a_bad_one_is_refused(small: Site, tmp_path: Path):
    tab = small.visit()
    Image.new("RGB", (170, 301), (105, 105, 105)).save(tmp_path / "mine.png")
    Image.new("RGB", (90, 80), (104, 104, 104)).save(tmp_path / "other.png")
    (tmp_path / "bad.png").write_text("no picture")
    start(tab, 640)
    until(tab, "s.status === 'done'")
    tab.locator("#u-bring input[type=file]").first.set_input_files([tmp_path / "mine.png", tmp_path / "other.png"])
    title = tab.locator("[data-view=photo] figcaption b")
    expect(title).to_have_text("Your photo")
    tab.get_by_role("tab", name="Your photos (2)").click()
    expect(tab.locator(".u-strip h3")).to_contain_text("in your photos, 100 % in the dataset")
    assert state(tab, "s.own.region_success") > 0.9
    expect(tab.locator(".u-thumb b").nth(1)).to_contain_text("%")
    tab.locator("#u-bring input[type=file]").first.set_input_files(tmp_path / "bad.png")
    expect(tab.locator(".toast-body").first).to_contain_text("could not be read")
    width = "() => document.querySelector('[data-view=photo] .base').width"
    assert tab.evaluate(width) == 59  # made to fit: of no more pixels than 96 x 64
    tab.get_by_role("button", name="Show picture 2 large").click()
    tab.wait_for_function(f"() => ({width})() === 83")
    tab.get_by_role("button", name="Back to the scene").click()
    expect(title).to_have_text("Photo")


def test_photos_are_trained_on_a_defence_is_tried_and_everything_forgotten(small: Site, tmp_path: Path):
    tab = small.visit()
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        Image.new("RGB", (90, 60), (102 + number % 5,) * 3).resize((90, 60 + number)).save(path)
    photos, mine = tab.locator("#u-bring input[type=file]").first, tab.get_by_role("tab", name="Your photos")
    photos.set_input_files(paths[:2])
    mine.click()
    train = tab.get_by_role("button", name="Train on these photos")
    train.click()
    expect(tab.locator(".toast-body").first).to_contain_text(
        "Too few different photos to train on (2): at least 5 are needed"
    )
    photos.set_input_files(paths[2:])
    expect(mine).to_have_text("Your photos (8)")
    train.click()
    line = tab.locator(".u-train-line")
    expect(line).to_contain_text("Trains on your photos: 6 to train on, 1 for validation, 1 for the test.")
    for _ in range(40):  # the answer that brings the line may still set the goal as it was
        tab.locator("#u-goal label", has_text="Break all").click()
        tab.wait_for_timeout(500)
        if tab.locator("#u-keep").is_hidden():
            break
    expect(tab.locator("#u-keep")).to_be_hidden()
    start(tab, 64)
    until(tab, "s.status === 'done'")
    plain = tab.locator("[data-k=plain]")
    expect(plain).to_contain_text(re.compile("of all pixels change class.*It generalizes: .*On 1 test picture"))
    assert small.run(tab).plan.data == small.run(tab).own_pictures.name
    tab.get_by_label("Defence before the network").select_option("blur")
    expect(plain).to_have_text("with the defence blur")
    until(tab, "s.viewed?.baselines?.clean?.fooled === 0")
    tab.get_by_label("Defence before the network").select_option("no defence")
    expect(plain).to_contain_text("It generalizes")
    mine.click()
    tab.get_by_role("button", name="Forget your photos").click()
    expect(line).to_be_hidden()
    expect(mine).to_have_text("Your photos")
    assert (small.run(tab).own_pictures, small.run(tab).plan, small.run(tab).controls.data) == (None, None, "plain:x")


def test_the_camera_is_seen_live_and_a_clip_comes_back(small: Site, tmp_path: Path):
    tab = small.visit(accept_downloads=True)
    start(tab, 640)
    until(tab, "s.status === 'done'")
    tab.get_by_role("button", name="Webcam", exact=True).click()
    until(tab, "s.cameraFrames > 2")
    title = tab.locator("[data-view=photo] figcaption b")
    expect(title).to_have_text("Webcam")
    assert tab.evaluate("() => document.querySelector('[data-view=photo] .base').width") == 91
    record = tab.locator(".u-record")
    expect(record).to_have_text("Record")
    with tab.expect_download() as recorded:
        record.click()
        first = state(tab, "s.cameraFrames")
        until(tab, f"s.cameraFrames > {first + 5}")
        expect(record).to_have_text(re.compile(r"Stop recording, [2-9] s"))  # ten frames a second are decoded
        record.click()
    frames = list(decode_clip(recorded.value.path()))
    assert len(frames) > 3
    assert frames[0].shape == (66, 182, 3)  # picture and what is seen in it, side by side
    expect(record).to_have_text("Record")
    tab.get_by_role("button", name="Webcam off").click()
    expect(title).to_have_text("Photo")
    expect(record).to_be_hidden()
    (tmp_path / "clip.mp4").write_bytes(mp4([np.full((64, 96, 3), 104, np.uint8)] * 10, 10))
    with tab.expect_download() as coming:
        tab.locator("#u-bring input[type=file]").nth(1).set_input_files(tmp_path / "clip.mp4")
    assert len(list(decode_clip(coming.value.path()))) == 10


def test_ten_seconds_of_the_camera_become_pictures_to_train_on(small: Site):
    tab = small.visit()
    tab.get_by_role("button", name="Webcam", exact=True).click()
    film, line = tab.locator(".u-film"), tab.locator(".u-train-line")
    expect(film).to_have_text("Train on 10 seconds")
    film.click()
    expect(film).to_have_text(re.compile(r"Recording, \d+ s"))
    expect(line).to_contain_text(re.compile(r"Trains on your webcam recording: \d+ to train on"))
    expect(tab.locator("[data-view=photo] figcaption b")).to_have_text("Photo")
    start(tab, 200)
    until(tab, "s.status === 'done'")
    expect(tab.locator("[data-k=plain]")).to_contain_text(
        re.compile(r"It (generalizes|overfits): .*On \d+ test picture")
    )
    own = small.run(tab).trained_on
    assert own.source == "webcam"
    assert all(len(part) for part in own.splits.values())


def test_a_pasted_photo_is_taken_too(small: Site):
    tab = small.visit()
    tab.evaluate(
        """async () => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 60, height: 50 });
            const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([blob], 'pasted.png', { type: 'image/png' }));
            document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
        }"""
    )
    expect(tab.locator("[data-view=photo] figcaption b")).to_have_text("Your photo")
