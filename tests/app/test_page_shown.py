"""What is said always belongs to what is shown: headline, figures and pictures."""

import random
import re

import pytest
from playwright.sync_api import expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site, state, until  # noqa: F401
from tests.hands import colour, see, start

pytestmark = pytest.mark.browser

BLINKS = """() => {
    window.pictures = [];
    const canvas = document.querySelector('[data-view=prediction] .base');
    const record = () => {
        const middle = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
        window.pictures.push(middle.slice(0, 3).join());
        requestAnimationFrame(record);
    };
    record();
}"""
"""Writes down the colour in the middle of what the network sees, at each frame of the screen."""


def test_the_strength_that_was_set_last_is_shown_with_its_own_figures(small: Site):
    tab = small.visit()
    start(tab, 640)
    until(tab, "s.status === 'done' && s.sure")  # the last frame of all
    full = colour(tab, 0.5, 0.5)
    slider, chance = tab.locator(".u-strength input"), random.Random(1)
    for last in ("0", "50", "0", "100"):
        for _ in range(12):
            slider.fill(str(chance.randrange(0, 151, 5)))
            tab.wait_for_timeout(chance.choice((0, 5, 30, 90)))
        slider.fill(last)
        expect(tab.locator("[data-k=plain]")).to_contain_text(f"at {last} %" if last != "100" else "Unseen pictures")
        expect(tab.locator(".u-stage")).not_to_have_attribute("data-measuring", "")
        if last == "0":
            see(tab, 0.5, 0.5, [102] * 3)  # the clean picture
            expect(tab.locator(".u-first b")).to_have_text("0")
            expect(tab.locator("[data-k=pictures]")).to_have_text("12 pictures")
    see(tab, 0.5, 0.5, full, within=0)
    expect(tab.locator(".u-first b")).to_have_text("100")


def test_a_moment_has_the_caption_and_the_figures_of_that_moment(small: Site):
    tab = small.visit()
    start(tab, 20_000)
    until(tab, "s.historyPoints.length > 3")
    tab.locator("#u-epsilon input[type=number]").fill("4")
    tab.locator("#u-epsilon input[type=number]").press("Tab")
    expect(tab.locator("[data-k=caption]")).to_contain_text("epsilon 4")
    tab.click("#u-pause")
    until(tab, "s.status === 'paused'")
    tab.locator(".u-timeline").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    expect(tab.locator("[data-k=caption]")).to_contain_text("epsilon 10")
    expect(tab.locator("[data-k=plain]")).to_have_text(re.compile(r"^at \d+ image-gradients$"))
    scores = state(tab, "s.curve.find(([spent]) => spent === s.historyPoint)[1]")
    expect(tab.locator(".u-first b")).to_have_text(f"{100 * scores['region_success']:.0f}")
    tab.keyboard.press("Escape")
    expect(tab.locator("[data-k=caption]")).to_contain_text("epsilon 4")


def test_another_picture_is_never_shown_without_the_perturbation(small: Site):
    tab = small.visit()
    start(tab, 640)
    until(tab, "s.status === 'done' && s.sure")  # the last frame of all
    tab.evaluate(BLINKS)
    for number in (2, 3):
        tab.get_by_role("button", name=f"Show picture {number} large").click()
        expect(tab.locator("[data-view=photo] figcaption b")).to_have_text("Unseen picture")
        tab.wait_for_timeout(1500)
    assert len(set(tab.evaluate("() => window.pictures"))) <= 3


def test_the_line_starts_at_the_left_and_sweeps_over_the_picture_once(small: Site):
    for motion, moves in (("no-preference", True), ("reduce", False)):
        tab = small.visit(reduced_motion=motion)
        line = tab.locator("[data-view=photo] [role=slider]")
        expect(line).to_have_attribute("aria-valuenow", "0")
        expect(line).to_be_hidden()  # there is nothing to compare yet
        expect(tab.get_by_text("drag to compare")).to_be_hidden()
        tab.evaluate("""() => {
            const line = document.querySelector('[data-view=photo] [role=slider]');
            window.furthest = 0;
            const note = () => { window.furthest = Math.max(window.furthest, Number(line.ariaValueNow)); };
            new MutationObserver(note).observe(line, { attributes: true });
        }""")
        tab.evaluate("() => document.getElementById('u-start').click()")
        until(tab, "s.frames > 0")
        if moves:
            tab.wait_for_function("window.furthest > 50")
        else:
            tab.wait_for_timeout(4000)  # longer than a sweep
            assert tab.evaluate("() => window.furthest") == 0
        expect(line).to_have_attribute("aria-valuenow", "0")
        expect(tab.locator("[data-view=photo] .u-wipe em", has_text="after")).to_be_visible()
        tab.context.close()
