"""What stays and what goes when the network or the connection changes."""

import pytest
from playwright.sync_api import expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site, toasts, until  # noqa: F401
from tests.hands import drag, draw, pick, start
from uapseg.app import strings

pytestmark = pytest.mark.browser


def test_a_drawing_goes_with_its_network(small: Site):
    tab = small.visit()
    draw(tab)
    tab.locator(".u-legend li").last.click()
    pick(tab, "#u-model", "hours")
    expect(tab.locator(".u-legend")).to_contain_text("noon")
    start(tab)
    tab.wait_for_selector(".toast-body")
    assert strings.NOT_DRAWN in toasts(tab)
    tab.wait_for_selector(".u-tools:visible")
    drag(tab, (0.3, 0.5), (0.7, 0.5))
    expect(tab.locator("[data-k=caption]")).to_contain_text("A drawing in ")
    start(tab, 64)
    until(tab, "s.status === 'done'")
    assert small.run(tab).plan.model == "hours"


def test_the_controls_of_a_finished_run_come_back_after_a_lost_connection(small: Site):
    tab = small.visit()
    start(tab, 64)
    until(tab, "s.status === 'done'")
    expect(tab.locator(".u-strength")).to_be_visible()
    tab.context.set_offline(True)
    expect(tab.locator("[data-k=state]")).to_have_text("connection lost, trying again")
    expect(tab.locator(".u-strength")).to_be_hidden()
    tab.context.set_offline(False)
    expect(tab.locator(".u-strength")).to_be_visible()


def test_figures_of_an_earlier_point_go_when_another_run_is_shown(small: Site):
    tab = small.visit()
    start(tab, 320)
    until(tab, "s.status === 'done'")
    tab.click("#u-reset")
    until(tab, "s.status === 'idle'")
    start(tab, 320)
    until(tab, "s.status === 'done'")
    tab.locator(".u-timeline").press("Home")
    expect(tab.locator(".u-then")).to_be_visible()
    tab.get_by_role("tab", name="Runs").click()
    tab.locator(".u-thumb").first.click()
    tab.get_by_role("button", name="Continue this run").click()
    expect(tab.locator(".u-then")).to_be_hidden()
    until(tab, "s.viewed === null && s.measuredAt === 320")
