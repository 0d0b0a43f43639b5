"""Changing, comparing and keeping what a run found."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site, site, state, until  # noqa: F401
from tests.hands import colour, hover, pause, pick, save, see, start
from tests.small_world import MIXED, small_world
from uapseg.app import strings
from uapseg.app.workspace_cache import WorkspaceCache

pytestmark = pytest.mark.browser


CHANGE = """(node, value) => {
    node.value = value;
    node.dispatchEvent(new Event('input', { bubbles: true }));
    return document.querySelector('[data-k=state]').textContent;
}"""
"""Changes a control, and gives what the page says in the same moment."""


def test_epsilon_is_changed_while_the_run_goes_on_and_a_moment_is_gone_back_to(small: Site):
    tab = small.visit()
    start(tab, 20_000)
    until(tab, "s.historyPoints && s.historyPoints.length > 5")
    said = tab.locator("#u-epsilon input[type=number]").evaluate(CHANGE, "4")
    assert said == "changing the settings"  # at once
    tab.locator("#u-epsilon input[type=number]").press("Tab")
    expect(tab.locator("[data-k=caption]")).to_contain_text("epsilon 4")
    expect(tab.locator("[data-k=state]")).not_to_have_text("changing the settings")
    assert state(tab, "s.status") == "running"
    pause(tab)
    timeline = tab.locator(".u-timeline")
    timeline.focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    until(tab, "s.historyPoint === s.historyPoints[1]")
    expect(tab.locator(".u-then span")).to_contain_text("at ")
    image_gradients = state(tab, "s.historyPoints[1]")
    tab.get_by_role("button", name="Continue from this point").click()
    until(tab, f"s.imageGradients === {image_gradients} && s.historyPoints.length === 2")
    expect(tab.locator("#u-start")).to_have_text("Resume")
    expect(tab.locator("#u-epsilon input[type=number]")).to_have_value("10")
    expect(tab.locator("[data-k=caption]")).to_contain_text("epsilon 10")
    expect(tab.locator(".u-first b")).to_have_text(f"{100 * state(tab, 's.curve[1][1]')['region_success']:.0f}")


def test_the_keep_weight_is_slid_while_the_run_goes_on(small: Site):
    tab = small.visit()
    start(tab, 20_000)
    until(tab, "s.updates > 2 && s.imageGradients > 300")
    before = state(tab, "s.imageGradients")
    tab.locator("#u-keep input[type=range]").focus()
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    run = small.run(tab)
    until(
        tab,
        "s.status === 'running' && s.changes.some(([, label]) => label === 'protect the rest x1.5')"
        f" && s.imageGradients > {before}",
    )
    assert run.plan.settings.keep_weight == pytest.approx(1.5)
    assert run.curve[0][0] == 0
    pause(tab)


def test_hiding_is_shown_as_a_trade_off_of_which_a_point_can_be_looked_at(browser: Browser):
    with small_world(), site(browser, WorkspaceCache(("greys",), (MIXED,))) as served:
        tab = served.visit()
        trade = tab.get_by_role("tab", name="Trade-off")
        expect(trade).to_be_hidden()
        tab.locator("#u-goal label", has_text="Hide").click()
        pick(tab, "#u-fill", "light")
        start(tab, 640)
        until(tab, "s.status === 'done' && s.historyPoints.length > 3")
        trade.click()
        scores = state(tab, "s.scores")
        assert scores["hidden"] > 0.9
        tab.wait_for_function(f"() => ({POINTS})() > 40")
        box = tab.locator(".u-timeline").bounding_box()
        assert box
        tab.mouse.click(box["x"] + 60, box["y"] + 15)  # nothing hidden, all kept: the clean pictures
        until(tab, "s.historyPoint === 0")
        expect(tab.locator(".u-then span")).to_have_text("at 0 image-gradients")
        tab.locator("#u-goal label", has_text="Show").click()
        tab.click("#u-reset")
        expect(trade).to_be_hidden()
        served.leave()


POINTS = """() => {
    const c = document.querySelector('.u-plot canvas');
    const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
    let found = 0;
    for (let at = 0; at < d.length; at += 4) found += d[at] > 150 && d[at + 2] < 60 && d[at + 3] > 200;
    return found;
}"""
"""How many pixels of the chart are of the accent colour."""


def test_after_the_run_it_is_looked_at_weaker_amplified_and_point_by_point(small: Site):
    tab = small.visit()
    start(tab, 640)
    until(tab, "s.status === 'done'")
    expect(tab.locator(".u-thumb b").first).to_have_text("100 %")
    tab.get_by_role("tab", name="Strength").click()
    until(tab, "s.strengths?.length === 7")
    reached = [scores["region_success"] for _, scores in state(tab, "s.strengths")]
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
    tab.locator("[data-view=prediction] .u-mode").select_option("confidence")
    tab.locator(".u-strength input").fill("0")
    expect(tab.locator(".u-strength output")).to_have_text("0 %")
    expect(tab.locator(".u-thumb b").first).not_to_have_text("100 %")
    hover(tab, 0.5, 0.4)
    expect(tab.locator(".u-tip")).to_have_text(re.compile(r"^dark, \d+ % sure$"))
    see(tab, 0.5, 0.5, [128] * 3)


def test_a_saved_perturbation_is_opened_by_another_visitor_and_a_link_sets_the_controls(small: Site, tmp_path: Path):
    tab = small.visit(accept_downloads=True)
    tab.locator("#u-word input, #u-word textarea").fill("ox")
    start(tab, 640)
    until(tab, "s.status === 'done'")
    kept = save(tab, strings.FILE_TENSORS, tmp_path / "kept.safetensors")
    tab.click("#u-link")
    tab.wait_for_url("**/?*word=ox*")
    expect(tab.locator(".toast-body")).to_contain_text(re.compile("opens these settings: .*“ox”.*length 640"))
    other = small.visit()
    other.set_input_files("#u-more-files input[type=file]", kept)
    expect(other.locator("[data-k=state]")).to_have_text("measured here: 100 %, as the file says")
    expect(other.locator("#u-word input, #u-word textarea")).to_have_value("ox")
    expect(other.locator("#u-start")).to_have_text("Resume")
    third = small.visit(path=tab.url.split("/", 3)[3])
    expect(third.locator("#u-word input, #u-word textarea")).to_have_value("ox")
    assert small.run(third).controls.budget == 640
