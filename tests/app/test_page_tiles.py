"""Which parts of the perturbation matter, on the page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site, until  # noqa: F401
from tests.hands import pause, start

pytestmark = pytest.mark.browser


def test_each_part_is_measured_once_a_run_rests_and_hidden_as_soon_as_it_goes_on(small: Site):
    tab = small.visit()
    button = tab.get_by_role("button", name="Which parts matter?")
    expect(button).to_be_hidden()
    start(tab, 640)
    until(tab, "s.status === 'done'")
    table, hint = tab.locator("table.u-parts"), tab.locator("[data-view=perturbation] figcaption > span")
    expect(table).to_be_hidden()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(table.locator("td", has_text=re.compile(r"\d"))).to_have_count(24)
    expect(table.locator("tr")).to_have_count(4)
    expect(table.locator("caption")).to_contain_text("on 12 unseen pictures")
    expect(hint).to_have_text("points lost, of 100 %")
    expect(tab.locator(".u-live")).to_have_text(
        re.compile(r"^Most is lost without the tile in row \d, column \d: \d+ percentage points of 100 %\.$")
    )
    assert tab.locator("[data-slot=left] [data-view=perturbation]").count() == 1
    tab.locator("#u-epsilon input[type=number]").fill("9")  # another heading comes
    expect(tab.locator(".u-wanted")).to_contain_text("9")
    expect(hint).to_have_text("points lost, of 100 %")
    button.click()
    expect(table).to_be_hidden()
    expect(hint).to_have_text(re.compile(r"12\.8$"))
    button.click()
    expect(table).to_be_visible()
    start(tab, 20_000)
    expect(table).to_be_hidden()
    expect(button).to_be_hidden()
    pause(tab)
    expect(button).to_be_visible()
    expect(table).to_be_hidden()
