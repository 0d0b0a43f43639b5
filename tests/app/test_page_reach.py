"""What a visitor reaches by keyboard, hears from a screen reader, and finds by pointing."""

import io
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import PATIENT, Site, fixture_browser, fixture_small, fixture_small_site, state, until  # noqa: F401
from tests.hands import draw, pause, start
from tests.reach import DARK
from uapseg.app.runs.device import Step
from uapseg.app.runs.run import Run

pytestmark = pytest.mark.browser

FOCUSED = "() => document.activeElement.closest('label, button')?.textContent.trim()"
HEARD = """() => {
    const live = document.querySelector('.u-live');
    window.heard = [];
    new MutationObserver(() => heard.push(live.textContent)).observe(live, { childList: true });
}"""
TENTH = r"^\d0 % of the run\. Unseen pictures"
SHADED = """id => {
    const canvas = document.querySelector(`[data-view=${id}] .highlight`);
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, at) => at % 4 === 3 && value).length / (data.length / 4);
}"""
"""The share of a view that is darkened."""
DROP = """async place => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 60, height: 50 });
    const blob = await new Promise(done => canvas.toBlob(done, 'image/png'));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([blob], 'dropped.png', { type: 'image/png' }));
    document.querySelector(place).dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
    return !document.querySelector('.u-reading').hidden;
}"""


def until_shaded(tab: Page, view: str, condition: str) -> None:
    """Waits for a condition on the ``share`` of a view that is darkened."""
    tab.wait_for_function(f"id => {{ const share = ({SHADED})(id); return {condition}; }}", arg=view)


def description(tab: Page, view: str) -> str:
    return tab.locator(f"[data-view={view}] canvas.base").get_attribute("aria-label") or ""


def test_groups_are_one_stop_for_tab_and_arrows_move_in_them(small: Site):
    tab = small.visit()
    tab.locator("#u-goal input").first.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(FOCUSED) == "Hide"
    expect(tab.locator("#u-goal input").nth(1)).to_be_checked()
    expect(tab.locator("#u-hide")).to_be_visible()
    tab.keyboard.press("Tab")
    assert tab.evaluate(FOCUSED) == "dark"
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(FOCUSED) == "light"
    expect(tab.locator("#u-hide input").nth(1)).not_to_be_checked()
    tab.keyboard.press("Space")
    expect(tab.locator("#u-hide input").nth(1)).to_be_checked()
    tab.keyboard.press("Tab")
    assert not tab.evaluate("() => document.activeElement.closest('#u-hide')")
    tab.get_by_role("tab", name="Success").focus()
    tab.keyboard.press("ArrowRight")
    expect(tab.get_by_role("tab", name="Strength")).to_have_attribute("aria-selected", "true")
    tab.locator("#u-goal input").first.focus()
    tab.keyboard.press("Space")
    draw(tab)
    tab.evaluate("() => document.activeElement.blur()")
    undone = "() => [...document.querySelectorAll('[data-tool=undo], [data-tool=redo]')].map(each => each.disabled)"
    tab.keyboard.press("Control+z")
    assert tab.evaluate(undone) == [True, False]
    tab.keyboard.press("Control+y")
    assert tab.evaluate(undone) == [False, True]


def test_a_screen_reader_says_what_is_seen_and_how_far_the_run_is(small: Site, monkeypatch: pytest.MonkeyPatch):
    heard = threading.Event()

    def apply_step(run: Run, step: Step, real=Run.apply_step) -> None:
        real(run, step)
        if step["image_gradients"] > 500:
            heard.wait(PATIENT / 1000)  # a quick run would pass all tenths between two polls

    monkeypatch.setattr(Run, "apply_step", apply_step)
    tab = small.visit()
    tab.evaluate(HEARD)
    start(tab, 1000)
    tab.wait_for_function(f"() => heard.some(text => /{TENTH}/.test(text))")
    heard.set()
    until(tab, "s.status === 'done'")
    expect(tab.locator(".u-thumb").first).to_have_accessible_name(re.compile(r"^Show picture 1 large: 100 % "))
    said = re.compile(r"^What the network sees: (dark|light) \d+ %, was \d+ %, (dark|light) \d+ %, was \d+ %$")
    expect(tab.locator("[data-view=prediction] canvas.base")).to_have_accessible_name(said)
    assert re.match(r"^Target: (dark|light) \d+ %, (dark|light) \d+ %$", description(tab, "target"))
    assert description(tab, "photo") == "Photo, with the perturbation"
    tenths = [text for text in tab.evaluate("() => heard") if re.match(TENTH, text)]
    assert len(tenths) == len(set(tenths))


def test_a_class_lights_up_a_place_is_marked_and_epsilon_is_dragged_in_its_sentence(small: Site):
    tab = small.visit()
    tab.locator(".u-legend li").first.hover()
    for view in ("photo", "prediction", "target"):
        expect(tab.locator(f"[data-view={view}] .highlight")).to_be_visible()
    until_shaded(tab, "prediction", "share === 0")  # all of it is dark
    tab.locator(".u-legend li").nth(1).hover()
    until_shaded(tab, "prediction", "share === 1")
    until_shaded(tab, "target", "share > 0 && share < 1")
    tab.locator("[data-view=photo] .u-fit").hover(position={"x": 90, "y": 60})
    until_shaded(tab, "prediction", "share === 0")
    for mark in tab.locator(".u-mark").all():
        expect(mark).to_be_visible()
    number, control = tab.locator(".u-number"), tab.locator("#u-epsilon input[type=number]")
    number.focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("PageUp")
    expect(control).to_have_value("16")
    expect(tab.locator("[data-k=caption]")).to_have_text("“foo” in light on dark, epsilon 16")
    box = number.bounding_box()
    assert box
    tab.mouse.move(box["x"] + 4, box["y"] + 8)
    tab.mouse.down()
    tab.mouse.move(box["x"] - 36, box["y"] + 8, steps=4)
    tab.mouse.up()
    expect(control).to_have_value("11")
    expect(tab.locator("[data-k=caption]")).to_have_text("“foo” in light on dark, epsilon 11")
    tab.locator("#u-budget input[type=number]").fill("20000")
    tab.locator("#u-budget input[type=number]").press("Tab")
    tab.get_by_role("button", name="One step").click()
    until(tab, "s.status === 'paused' && s.imageGradients > 0")
    top = tab.locator(".u-run button").first
    expect(top).to_have_accessible_name("Resume")
    top.click()
    until(tab, "s.status === 'running'")
    expect(top).to_have_accessible_name("Pause")
    pause(tab)


def test_what_is_chosen_shows_in_both_themes_and_a_clip_can_be_tried_from_the_start(small: Site, tmp_path: Path):
    tab = small.visit()
    expect(tab.get_by_role("button", name="Try a clip")).to_be_visible()
    for dark in (False, True):
        tab.evaluate(DARK, dark)
        chosen, other = (tab.locator("#u-goal label").nth(number).screenshot() for number in (0, 1))
        assert abs(brightness(chosen) - brightness(other)) > 10
    Image.new("RGB", (90, 60), (104, 104, 104)).save(tmp_path / "mine.png")
    tab.locator("#u-bring input[type=file]").first.set_input_files(tmp_path / "mine.png")
    tab.get_by_role("tab", name="Your photos (1)").click()
    box = tab.get_by_role("checkbox", name="stretch")
    before = box.screenshot()
    box.check()
    assert box.screenshot() != before  # a tick


def brightness(png: bytes) -> float:
    """The usual grey level of a picture: that of its ground."""
    return float(np.median(np.asarray(Image.open(io.BytesIO(png)).convert("L"))))


def test_a_photo_is_dropped_beside_the_pictures_and_a_frame_around_the_page_can_be_left_out(small: Site):
    tab = small.visit("?embed")
    for left_out in ("#u-title", "#u-save", ".u-strip"):
        expect(tab.locator(left_out)).to_be_hidden()
    expect(tab.locator("#u-start")).to_be_visible()
    assert tab.evaluate(DROP, "#u-side")
    expect(tab.locator("[data-view=photo] figcaption b")).to_have_text("Your photo")
    expect(tab.locator(".u-reading")).to_be_hidden()
    assert state(tab, "s.status") == "idle"
