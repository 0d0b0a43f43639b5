"""Presenting: two pictures, a sentence and a number, worked by keys."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site, settle, until  # noqa: F401
from tests.hands import start

pytestmark = pytest.mark.browser

FIGURE = ".u-first p"


def test_a_word_is_trained_live_and_shown_large_by_keys_alone(small: Site):
    tab = small.visit()
    tab.locator("#u-budget input[type=number]").fill("640")
    tab.locator("#u-budget input[type=number]").press("Tab")
    tab.evaluate("() => document.activeElement.blur()")
    tab.keyboard.press("f")
    stage = tab.locator(".u-stage")
    expect(stage).to_have_attribute("data-present", "")
    tab.keyboard.press("w")
    tab.keyboard.type("ox")
    tab.keyboard.press("Enter")
    until(tab, "s.status === 'done'")
    expect(tab.locator("[data-k=plain]")).to_contain_text("“ox” appears")
    line = tab.locator("[data-view=photo] [role=slider]")
    tab.keyboard.press("b")
    expect(line).to_have_attribute("aria-valuenow", "100")
    tab.keyboard.press("b")
    expect(line).to_have_attribute("aria-valuenow", "0")
    for _ in range(4):
        tab.keyboard.press("ArrowDown")
    expect(tab.locator("[data-k=plain]")).to_contain_text("at 80 % strength")
    tab.keyboard.press("PageDown")
    until(tab, "document.querySelector('.u-stage').dataset.kind === 'held_out'")
    tab.keyboard.press("Space")
    until(tab, "s.status === 'running' && s.imageGradients > 640")
    tab.keyboard.press("Space")
    until(tab, "s.status !== 'running'")
    tab.keyboard.press("Escape")
    expect(stage).not_to_have_attribute("data-present", "")
    expect(tab.locator("#u-start")).to_be_visible()


def test_groups_that_are_gone_are_counted_and_the_pictures_nobody_trained_on_fill_the_window(small: Site):
    tab = small.visit()
    tab.locator("#u-goal label").nth(1).click()
    tab.locator("#u-hide label", has_text="light").click()
    start(tab, 400)
    until(tab, "s.status === 'done'")
    tab.evaluate("() => document.activeElement.blur()")
    tab.keyboard.press("f")
    expect(tab.locator(FIGURE)).to_have_text(re.compile(r"^\d+%$"))
    tab.keyboard.press("p")
    expect(tab.locator(FIGURE)).to_have_text(re.compile(r"^\d+ of \d+$"))
    tab.keyboard.press("g")
    expect(tab.locator("[data-view=photo]")).to_be_hidden()
    settle(tab)
    for thumb in tab.locator(".u-thumb").all():
        box = thumb.bounding_box()
        assert box
        assert box["width"] > 200
        assert box["y"] + box["height"] <= 900
    tab.keyboard.press("Escape")
    expect(tab.locator(FIGURE)).to_have_text(re.compile(r"^\d+%$"))
    expect(tab.locator("[data-view=photo]")).to_be_visible()


@pytest.mark.parametrize("view", ["photo", "prediction"])
def test_a_view_fills_the_window_and_goes_back_to_its_place(small: Site, view: str):
    tab = small.visit()
    before = tab.locator(f"[data-view={view}] .u-frame").bounding_box()
    tab.locator(f"[data-view={view}] .u-fill").click()
    settle(tab)
    box = tab.locator(f"[data-view={view}] .u-frame").bounding_box()
    assert box
    assert box["height"] > 0.8 * 900
    assert box["width"] <= 1440
    tab.keyboard.press("Escape")
    settle(tab)
    assert tab.locator(f"[data-view={view}] .u-frame").bounding_box() == before


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (1280, 720), (1920, 1080), (3840, 2160)])
def test_on_every_screen_both_pictures_and_the_number_are_seen_whole(small: Site, width: int, height: int):
    tab = small.visit("?present", viewport={"width": width, "height": height})
    size = tab.evaluate(f"() => getComputedStyle(document.querySelector('{FIGURE}')).fontSize")
    assert float(size.removesuffix("px")) >= 96
    for place in ("[data-view=photo] .u-frame", "[data-view=prediction] .u-frame", FIGURE, "[data-k=plain]"):
        box = tab.locator(place).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    picture = tab.locator("[data-view=photo] .u-frame").bounding_box()
    assert picture
    assert picture["width"] > 0.3 * width
    tab.context.close()
