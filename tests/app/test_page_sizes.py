"""What is on the first screen of a phone, a tablet, a laptop and a large window."""

import pytest
from playwright.sync_api import expect

from tests.browser import (  # noqa: F401
    LEFT,
    RIGHT,
    Site,
    boxes,
    fixture_browser,
    fixture_small,
    fixture_small_site,
    resize,
    settle,
    until,
)
from tests.hands import start

pytestmark = pytest.mark.browser

START, GOAL = "#u-start", "#u-goal"
SIZES = (
    (390, 844),
    (844, 390),
    (1024, 768),
    (1280, 720),
    (1440, 900),
    (2560, 1440),
    (960, 540),
    (720, 450),
    (640, 360),
)
"""Of a phone, a tablet, laptops and a large window; the last three are laptops at a zoom of 200 %."""

TITLES = """() => [...document.querySelectorAll('.u-large figcaption > *')].filter(each => each.checkVisibility())
    .map(each => each.getBoundingClientRect()).map(({ left, right, top }) => [left, right, top])"""
"""What stands above the two pictures."""


def test_both_pictures_the_goal_and_start_are_on_the_first_screen_and_cover_nothing(small: Site):
    tab = small.visit(is_mobile=True)
    for width, height in SIZES:
        resize(tab, width, height)
        found = boxes(tab, LEFT, RIGHT, START, GOAL)
        for left, top, right, bottom in found.values():
            assert 0 <= left < right <= width, (width, height)
            assert 0 <= top < bottom <= height, (width, height)
        assert found[LEFT][3] <= found[RIGHT][1] or found[LEFT][2] <= found[RIGHT][0]
        assert all(found[START][1] >= found[one][3] or found[START][2] <= found[one][0] for one in (LEFT, RIGHT))
        top = "box => document.elementFromPoint((box[0] + box[2]) / 2, (box[1] + box[3]) / 2).id"
        assert tab.evaluate(top, found[START]) == "u-start"
        titles = tab.evaluate(TITLES)
        for number, (left, right, top) in enumerate(titles):
            others = [other for other in titles[number + 1 :] if abs(other[2] - top) < 20]
            assert all(right <= other[0] + 1 or other[1] <= left + 1 for other in others), (width, height)


SMALLEST = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const sizes = [];
    while (texts.nextNode()) {
        const { parentElement: holder, textContent } = texts.currentNode;
        const seen = holder.checkVisibility({ visibilityProperty: true, opacityProperty: true });
        if (seen && textContent.trim()) sizes.push([parseFloat(getComputedStyle(holder).fontSize), textContent]);
    }
    return sizes.sort(([one], [other]) => one - other)[0];
}"""
"""The size of the smallest text on the page in pixels, and the text."""


@pytest.mark.parametrize("goal", ["Hide", "Swap"])
def test_a_phone_shows_both_pictures_whole_for_every_goal(small: Site, goal: str):
    tab = small.visit(is_mobile=True, viewport={"width": 390, "height": 844})
    tab.locator("#u-goal label", has_text=goal).click()
    settle(tab)
    found = boxes(tab, LEFT, RIGHT, START)
    assert found[RIGHT][3] <= found[START][1] - 7


def test_on_a_phone_start_brings_both_pictures_into_sight_whole_beside_the_figures_of_a_run(small: Site):
    tab = small.visit(is_mobile=True, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    tab.locator("#u-goal label", has_text="Hide").click()
    tab.locator("#u-hide label", has_text="light").click()
    tab.locator("#u-links").scroll_into_view_if_needed()
    assert boxes(tab, LEFT)[LEFT][3] < 0
    start(tab, 200)
    until(tab, "s.status === 'done'")
    expect(tab.locator(".u-strength")).to_be_visible()
    found = boxes(tab, LEFT, RIGHT, START)
    assert found[LEFT][1] >= 0
    assert found[RIGHT][3] <= found[START][1]


@pytest.mark.parametrize("goal", ["Show a target", "Hide", "Swap", "Break all"])
def test_all_controls_of_a_goal_are_on_the_first_screen_of_a_laptop(small: Site, goal: str):
    tab = small.visit()
    tab.locator("#u-goal label", has_text=goal).click()
    for width, height in ((1440, 900), (1280, 720), (1024, 768)):
        resize(tab, width, height)
        found = boxes(tab, "#u-budget", "#u-more", START)
        assert found["#u-budget"][3] <= found["#u-more"][1] + 1
        assert found["#u-more"][3] <= found[START][1], (width, height)
        assert found[START][3] <= height


def test_a_warning_moves_nothing_and_can_be_closed(small: Site):
    places = "() => [...document.querySelectorAll('.u-frame')].map(each => each.getBoundingClientRect().top)"
    tab = small.visit("?epsilon=99")
    warning = tab.locator(".u-warning")
    expect(warning).to_be_visible()
    before = tab.evaluate(places)
    warning.get_by_role("button", name="Close").click()
    expect(warning).to_be_hidden()
    assert tab.evaluate(places) == before


def test_a_large_window_is_used_and_its_headline_is_larger(small: Site):
    size = "() => parseFloat(getComputedStyle(document.querySelector('.u-first p')).fontSize)"
    tab = small.visit(viewport={"width": 1440, "height": 900})
    usual = tab.evaluate(size)
    resize(tab, 2560, 1440)
    assert tab.evaluate(size) > usual
    found = boxes(tab, LEFT, RIGHT)
    assert found[RIGHT][2] - found[LEFT][0] > 0.7 * 2560
    assert tab.evaluate(SMALLEST) >= [14]
