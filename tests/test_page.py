"""The page in a real browser. All waits are on conditions; the figures are those that the page itself shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import Site, chromium, point, ready, site, toasts, until
from tests.server import serving
from tests.small_world import FAR, small_world
from uapseg.export import load
from uapseg.metrics import scores
from uapseg.ui import words
from uapseg.ui.choice import VALIDATION
from uapseg.ui.clip import mp4, pictures_of
from uapseg.ui.drawing import numbers_of
from uapseg.ui.studio import Studio
from uapseg.ui.studios import Studios
from uapseg.validation import HeldOut, spread

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def small_site(browser: Browser) -> Iterator[Site]:
    with small_world() as studios, site(browser, studios) as served:
        yield served


@pytest.fixture
def small(small_site: Site) -> Iterator[Site]:
    yield small_site
    small_site.leave()


def start(tab: Page, budget: int | None = None) -> None:
    if budget:
        tab.locator("#u-budget input[type=number]").fill(str(budget))
        tab.locator("#u-budget input[type=number]").press("Tab")
    tab.click("#u-start")


def pause(tab: Page) -> None:
    tab.click("#u-pause")
    tab.wait_for_selector("#u-start:visible")
    until(tab, "s.status === 'paused'")


def draw(tab: Page) -> None:
    tab.locator("#u-source label", has_text="Draw").click()
    tab.wait_for_selector(".u-tools:visible")
    drag(tab, (0.3, 0.5), (0.7, 0.5))
    tab.wait_for_function("() => document.querySelector('[data-k=caption]').textContent.startsWith('A drawing')")


def test_from_a_drawn_mask_to_a_download_that_scores_the_same(browser: Browser, tmp_path: Path):
    studios = Studios(("street",), ("street",))
    with site(browser, studios) as served:
        tab = served.visit(accept_downloads=True)
        draw(tab)
        start(tab)
        until(tab, "s.status === 'running' && s.frames > 1")
        until(tab, "s.floors.random_noise && s.scores.region_success > s.floors.random_noise.region_success + 0.04")
        pause(tab)
        assert tab.inner_text("#u-start") == "Resume"
        shown = tab.evaluate("() => ({ scores: __stage.scores, floors: __stage.floors, spent: __stage.spent })")
        check_download(studios.first, save(tab, words.FILE_PNG, tmp_path / "kept.png"), shown)
        told = save(tab, words.FILE_FIGURES, tmp_path / "told.json")
        assert json.loads(told.read_text())["perturbed"] == shown["scores"]
        tab.reload()
        ready(tab)
        assert tab.inner_text("#u-start") == "Resume"
        tab.click("#u-start")
        until(tab, f"s.spent > {shown['spent']}")
        tab.context.close()
        served.leave()


def save(tab: Page, kind: str, path: Path) -> Path:
    pick(tab, "#u-kind", kind)
    with tab.expect_download() as coming:
        tab.click("#u-save-button:not([disabled])")
    coming.value.save_as(path)
    return path


def check_download(studio: Studio, path: Path, shown: dict) -> None:
    kept = load(path)
    assert kept.plan
    numbers = spread(len(studio.held_out), VALIDATION["validation_pictures"])
    judge = HeldOut(studio.model, studio.held_out, numbers, kept.plan.target, studio.size)
    assert scores(judge.see(kept.delta)[0], kept.plan.target) == pytest.approx(shown["scores"], abs=1e-3)
    inside = kept.plan.target.numbers() == 0
    rows, columns = np.nonzero(inside)
    assert abs(columns.min() - (0.3 * 384 - 14)) < 3
    assert abs(columns.max() - (0.7 * 384 + 14)) < 3
    assert abs(rows.mean() - 128) < 2


def test_a_run_ends_with_figures_above_their_floor(small: Site):
    tab = small.visit()
    start(tab, 2000)
    until(tab, "s.status === 'done'")
    tab.wait_for_selector("#u-start:visible")
    expect(tab.locator("#u-start")).to_have_text("Go on")
    assert tab.evaluate("() => __stage.scores.region_success") > 0.95
    expect(tab.locator(".u-first b")).to_have_text("100")
    expect(tab.locator(".u-first .u-floors")).to_contain_text("random noise 1")
    expect(tab.locator("[data-k=plain]")).to_contain_text("Unseen pictures: 100 % of “foo” appears; random noise")
    expect(tab.locator("[data-k=judged]")).to_contain_text("24 pictures, best at")


def test_a_reload_offers_resume_and_reset_forgets(small: Site):
    tab = small.visit()
    tab.locator("#u-word input, #u-word textarea").fill("ox")
    start(tab, 8000)
    until(tab, "s.spent > 200")
    tab.reload()
    ready(tab)
    until(tab, "s.status === 'paused'")
    expect(tab.locator("#u-start")).to_have_text("Resume")
    expect(tab.locator("#u-word input, #u-word textarea")).to_have_value("ox")
    before = tab.evaluate("() => __stage.spent")
    assert before > 200
    tab.click("#u-start")
    until(tab, f"s.spent > {before}")
    pause(tab)
    tab.click("#u-reset")
    until(tab, "s.status === 'idle' && s.spent === 0")
    expect(tab.locator("#u-start")).to_have_text("Start")


def test_a_second_tab_watches_and_is_refused_a_second_start(small: Site):
    tab = small.visit()
    start(tab, 8000)
    until(tab, "s.frames > 1")
    other = small.tab(tab.context)
    until(other, "s.status === 'running' && s.frames > 1")
    other.click("#u-start")
    expect(other.locator(".toast-body").first).to_contain_text("another tab")
    assert small.run(other) is small.run(tab)
    pause(tab)
    until(other, "s.status === 'paused'")
    expect(other.locator("#u-start")).to_have_text("Resume")


def test_a_second_visitor_waits_sees_the_place_and_nothing_else(small: Site):
    first, second = small.visit(), small.visit()
    start(first, 8000)
    until(first, "s.frames > 1")
    start(second, 2000)
    until(second, "s.status === 'waiting'")
    expect(second.locator("[data-k=state]")).to_have_text("next in the queue")
    assert second.evaluate("() => __stage.frames") == 0
    assert small.run(first) is not small.run(second)
    pause(first)
    until(second, "s.status === 'running' || s.status === 'done'")
    assert first.evaluate("() => __stage.status") == "paused"


def test_a_closed_tab_ends_the_run_and_frees_the_device(small: Site):
    tab = small.visit()
    start(tab, 8000)
    until(tab, "s.frames > 1")
    run = small.run(tab)
    watcher = small.visit()
    tab.close()
    start(watcher, 500)
    until(watcher, "s.status === 'done'")
    assert run.status == "paused"
    assert run.checkpoint is not None


def test_the_page_answers_while_a_run_goes_on(small: Site):
    tab = small.visit()
    start(tab, 8000)
    until(tab, "s.frames > 1")
    knob = tab.locator("[data-view=photo] [role=slider]")
    knob.focus()
    before = int(knob.get_attribute("aria-valuenow") or 0)
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    assert int(knob.get_attribute("aria-valuenow") or 0) == before + 10
    tab.locator("[data-view=noise] .u-enlarge").click()
    expect(tab.locator("[data-slot=left] [data-view=noise]")).to_be_visible()
    assert tab.evaluate("() => document.getElementById('u-world').inert")


def test_a_target_is_painted_with_every_tool_and_survives_a_reload(small: Site, tmp_path: Path):
    tab = small.visit()
    tab.locator("#u-source label", has_text="Draw").click()
    tool(tab, "Rectangle")
    for name, value in {"Left": 10, "Top": 8, "Width": 20, "Height": 16}.items():
        tab.locator(".u-tools").get_by_role("spinbutton", name=name).fill(str(value))
    tab.locator(".u-tools").get_by_role("button", name="Add").click()
    rectangle = np.full((64, 96), 255, np.uint8)
    rectangle[8:24, 10:30] = 1
    assert_painted(small, tab, rectangle)

    tab.locator(".u-legend").get_by_role("button", name="never").click()
    tool(tab, "Fill")
    place = point(tab)
    tab.mouse.click(*place(0.9, 0.9))
    assert_painted(small, tab, np.where(rectangle == 1, 1, 2))
    tab.keyboard.press("Control+z")
    assert_painted(small, tab, rectangle)
    tool(tab, "Redo")
    tool(tab, "Mirror")
    assert_painted(small, tab, np.where(rectangle == 1, 1, 2)[:, ::-1])
    tool(tab, "Invert")
    tab.wait_for_function("() => !document.querySelector('[data-k=caption]').textContent.startsWith('A drawing')")

    for name, text in (("Text", "letters"), ("Ellipse", None), ("Line", None)):
        tool(tab, name)
        if text:
            tab.fill(".u-tools [name=letters]", "ox")
        drag(tab, (0.3, 0.3), (0.6, 0.6))
    stencil = np.full((40, 40), 255, np.uint8)
    stencil[10:30, 10:30] = 0
    Image.fromarray(stencil).save(tmp_path / "stencil.png")
    tool(tab, "Mask from a picture")
    tab.set_input_files(".u-tools [name=file]", tmp_path / "stencil.png")
    expect(tab.locator(".u-live")).to_contain_text("The mask is ready")
    tab.locator("canvas.paint").focus()
    tab.keyboard.press("Space")
    tab.wait_for_timeout(300)
    drawn = painted_on(small, tab)
    assert 0.2 < (drawn == 2).mean() < 0.8
    tab.reload()
    ready(tab)
    assert_painted(small, tab, drawn)
    tab.wait_for_function("() => document.querySelector('canvas.paint').width === 96")
    shown = tab.evaluate(
        "() => [...document.querySelector('canvas.paint').getContext('2d').getImageData(0, 0, 96, 64).data]"
    )
    np.testing.assert_array_equal(np.array(shown).reshape(64, 96, 4)[..., 3] > 0, drawn != 255)


def tool(tab: Page, name: str) -> None:
    tab.locator(".u-tools").get_by_role("button", name=name, exact=True).click()


def drag(tab: Page, first: tuple[float, float], last: tuple[float, float]) -> None:
    place = point(tab)
    tab.mouse.move(*place(*first))
    tab.mouse.down()
    tab.mouse.move(*place(*last), steps=10)
    tab.mouse.up()


def painted_on(served: Site, tab: Page) -> np.ndarray:
    """What the server holds of the drawing: class numbers, 255 where nothing is drawn."""
    drawing = served.run(tab).choice.drawing
    return numbers_of(drawing, (96, 64)) if drawing else np.full((64, 96), 255, np.uint8)


def assert_painted(served: Site, tab: Page, expected: np.ndarray) -> None:
    for _ in range(40):
        if np.array_equal(painted_on(served, tab), expected):
            return
        tab.wait_for_timeout(100)
    np.testing.assert_array_equal(painted_on(served, tab), expected)


def test_epsilon_is_changed_while_the_run_goes_on_and_a_moment_is_gone_back_to(small: Site):
    tab = small.visit()
    start(tab, 8000)
    until(tab, "s.moments && s.moments.length > 5")
    tab.locator("#u-epsilon input[type=number]").fill("4")
    tab.locator("#u-epsilon input[type=number]").press("Tab")
    expect(tab.locator("[data-k=caption]")).to_contain_text("epsilon 4")
    assert tab.evaluate("() => __stage.status") == "running"
    pause(tab)
    timeline = tab.locator(".u-timeline")
    timeline.focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    until(tab, "s.looked === s.moments[1]")
    expect(tab.locator(".u-then span")).to_contain_text("at ")
    spent = tab.evaluate("() => __stage.moments[1]")
    tab.get_by_role("button", name="Go on from here").click()
    until(tab, f"s.spent === {spent} && s.moments.length === 2")
    expect(tab.locator("#u-start")).to_have_text("Resume")


def test_after_the_run_it_is_looked_at_weaker_amplified_and_point_by_point(small: Site):
    tab = small.visit()
    start(tab, 640)
    until(tab, "s.status === 'done'")
    expect(tab.locator(".u-thumb b").first).to_have_text("100 %")
    tab.get_by_role("tab", name="Strength").click()
    until(tab, "s.reaches && s.reaches.length === 7")
    reached = [scores["region_success"] for _, scores in tab.evaluate("() => __stage.reaches")]
    assert reached[0] == 0
    assert reached == sorted(reached)
    assert reached[-1] == 1
    hover(tab, 0.5, 0.5)
    expect(tab.locator(".u-tip")).to_have_text(re.compile(r"^dark → light, \d+ % sure$"))
    tab.locator("[data-view=photo] .u-mode").select_option("difference")
    tab.wait_for_function("() => document.querySelector('.u-stage').dataset.photoMode === 'difference'")
    inside, outside = colour(tab, 0.5, 0.5), colour(tab, 0.02, 0.02)
    assert min(inside) > 200
    assert max(outside) < 140
    tab.locator("[data-view=seen] .u-mode").select_option("sure")
    tab.locator(".u-strength input").fill("0")
    expect(tab.locator(".u-strength output")).to_have_text("0 %")
    expect(tab.locator(".u-thumb b").first).not_to_have_text("100 %")
    hover(tab, 0.5, 0.4)
    expect(tab.locator(".u-tip")).to_have_text(re.compile(r"^dark, \d+ % sure$"))
    assert colour(tab, 0.5, 0.5) == pytest.approx([128] * 3, abs=2)


def test_a_saved_perturbation_is_opened_by_another_visitor_and_a_link_sets_the_controls(small: Site, tmp_path: Path):
    tab = small.visit(accept_downloads=True)
    tab.locator("#u-word input, #u-word textarea").fill("ox")
    start(tab, 640)
    until(tab, "s.status === 'done'")
    kept = save(tab, words.FILE_TENSORS, tmp_path / "kept.safetensors")
    tab.click("#u-link")
    tab.wait_for_url("**/?*word=ox*")
    other = small.visit()
    other.set_input_files("#u-more-files input[type=file]", kept)
    expect(other.locator("[data-k=state]")).to_have_text("measured 100 %, as the file claims")
    expect(other.locator("#u-word input, #u-word textarea")).to_have_value("ox")
    expect(other.locator("#u-start")).to_have_text("Resume")
    third = small.visit(path=tab.url.split("/", 3)[3])
    expect(third.locator("#u-word input, #u-word textarea")).to_have_value("ox")
    assert small.run(third).choice.budget == 640


def hover(tab: Page, x: float, y: float) -> None:
    box = tab.locator("[data-view=seen] .u-fit").bounding_box()
    assert box
    tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def colour(tab: Page, x: float, y: float) -> list[int]:
    """The colour of a place of the photo's view, once it no longer changes."""
    code = (
        "([x, y]) => { const c = document.querySelector('[data-view=photo] .base');"
        " return [...c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data].slice(0, 3) }"
    )
    last: list[int] = []
    while (now := tab.evaluate(code, [x, y])) != last:
        last = now
        tab.wait_for_timeout(600)
    return now


def test_another_network_is_downloaded_on_the_page_and_attacked(browser: Browser, tmp_path: Path):
    with serving() as server:
        url = server.add("far.bin", b"x" * 200_000, pause=0.005)
        with small_world(url, tmp_path) as studios, site(browser, studios) as served:
            tab = served.visit()
            pick(tab, "#u-data", FAR)
            panel = tab.locator(".u-coming")
            expect(panel).to_contain_text("To download now: 200 kB")
            panel.get_by_role("button", name="Cancel").click()
            expect(panel).to_be_hidden()
            expect(tab.locator("#u-data input")).to_have_value("plain:x")
            pick(tab, "#u-data", FAR)
            panel.get_by_role("button", name="Download").click()
            tab.wait_for_function("() => { const c = __stage.coming; return c && c.share > 0.1 && c.share < 1 }")
            expect(panel).to_be_hidden()
            pick(tab, "#u-model", "hours")
            expect(tab.locator(".u-legend")).to_contain_text("noon")
            expect(tab.locator("#u-inside input")).to_have_value("day")
            start(tab, 640)
            until(tab, "s.status === 'done'")
            expect(tab.locator("[data-k=caption]")).to_have_text("“foo” in day on night, epsilon 10")
            assert tab.evaluate("() => __stage.scores.region_success") > 0.9
            assert served.run(tab).plan.data == FAR
            served.leave()


def pick(tab: Page, control: str, name: str) -> None:
    tab.click(f"{control} input")
    tab.get_by_role("option", name=name).click()


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
    expect(tab.locator(".u-strip h3")).to_contain_text("in your photos, 100 % in the data set")
    assert tab.evaluate("() => __stage.mine.region_success") > 0.9
    expect(tab.locator(".u-thumb b").nth(1)).to_contain_text("%")
    tab.locator("#u-bring input[type=file]").first.set_input_files(tmp_path / "bad.png")
    expect(tab.locator(".toast-body").first).to_contain_text("could not be read")
    width = "() => document.querySelector('[data-view=photo] .base').width"
    assert tab.evaluate(width) == 170
    tab.get_by_role("button", name="Show picture 2 large").click()
    tab.wait_for_function(f"() => ({width})() === 90")
    tab.get_by_role("button", name="Back to the scene").click()
    expect(title).to_have_text("Photo")


def test_the_camera_is_seen_live_and_a_clip_comes_back(small: Site, tmp_path: Path):
    tab = small.visit(accept_downloads=True)
    start(tab, 640)
    until(tab, "s.status === 'done'")
    tab.get_by_role("button", name="Webcam", exact=True).click()
    until(tab, "s.shots > 2")
    title = tab.locator("[data-view=photo] figcaption b")
    expect(title).to_have_text("Webcam")
    assert tab.evaluate("() => document.querySelector('[data-view=photo] .base').width") == 384
    tab.get_by_role("button", name="Webcam off").click()
    expect(title).to_have_text("Photo")
    (tmp_path / "clip.mp4").write_bytes(mp4([np.full((64, 96, 3), 104, np.uint8)] * 10, 10))
    with tab.expect_download() as coming:
        tab.locator("#u-bring input[type=file]").nth(1).set_input_files(tmp_path / "clip.mp4")
    assert len(list(pictures_of(coming.value.path()))) == 10


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


def test_a_mistake_is_told_in_a_sentence_and_the_page_goes_on(small: Site):
    tab = small.visit()
    tab.locator("#u-goal label", has_text="Hide").click()
    tab.locator("#u-hide label", has_text="dark").click()
    start(tab)
    expect(tab.locator(".toast-body").first).to_contain_text("at least one class")
    tab.locator("#u-hide label", has_text="dark").click()
    start(tab, 200)
    until(tab, "s.status === 'done'")
    assert "Error" not in toasts(tab).replace("Error\n", "", 1)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1920, 1080), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_the_screen(small: Site, width: int, height: int, scheme: str):
    tab = small.visit(viewport={"width": width, "height": height}, color_scheme=scheme, is_mobile=width < 500)
    sizes = "() => { const d = document.documentElement; return [d.scrollWidth, d.scrollHeight] }"
    wide, high = tab.evaluate(sizes)
    assert wide <= width
    assert width < 500 or high <= height
    start(tab, 400)
    until(tab, "s.status === 'done'")
    assert tab.evaluate(sizes)[0] <= width
    assert width < 500 or tab.evaluate(sizes)[1] <= height
