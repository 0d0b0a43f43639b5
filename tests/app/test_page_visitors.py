"""Visitors, tabs and reloads: whose run it is, and where it stands."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser import (  # noqa: F401
    PATIENT,
    Site,
    fixture_browser,
    fixture_small,
    fixture_small_site,
    ready,
    state,
    toasts,
    until,
)
from tests.crowd import crowd
from tests.hands import pause, start
from uapseg.app.runs.device_queue import Call

pytestmark = pytest.mark.browser


def test_a_reload_offers_resume_and_reset_forgets(small: Site):
    tab = small.visit()
    tab.locator("#u-word input, #u-word textarea").fill("ox")
    start(tab, 20_000)
    until(tab, "s.imageGradients > 200")
    tab.reload()
    ready(tab)
    until(tab, "s.status === 'paused'")
    expect(tab.locator("#u-start")).to_have_text("Resume")
    expect(tab.locator("#u-word input, #u-word textarea")).to_have_value("ox")
    before = state(tab, "s.imageGradients")
    assert before > 200
    tab.click("#u-start")
    until(tab, f"s.imageGradients > {before}")
    pause(tab)
    before = state(tab, "s.imageGradients")
    tab.click("#u-reset")
    until(tab, "s.status === 'idle' && s.imageGradients === 0")
    expect(tab.locator("#u-start")).to_have_text("Start")
    tab.get_by_role("button", name="Undo reset").click()
    until(tab, f"s.status === 'paused' && s.imageGradients === {before}")
    expect(tab.locator("#u-start")).to_have_text("Resume")


def test_a_second_tab_watches_and_is_refused_a_second_start(small: Site):
    tab = small.visit()
    other = small.tab(tab.context)
    start(tab, 20_000)
    until(tab, "s.frames > 1")
    until(other, "s.status === 'running' && s.frames > 1")
    other.click("#u-start")
    expect(other.locator(".toast-body").first).to_contain_text("another tab")
    assert small.run(other) is small.run(tab)
    third = small.tab(tab.context)
    pause(third)  # a tab that is opened during a run steers it
    expect(tab.locator("#u-start")).to_have_text("Resume")
    until(other, "s.status === 'paused'")
    expect(other.locator("#u-start")).to_have_text("Resume")


def test_a_second_visitor_waits_sees_the_place_and_nothing_else(small: Site):
    first, second = small.visit(), small.visit()
    start(first, 20_000)
    until(first, "s.frames > 1")
    start(second, 2000)
    until(second, "s.status === 'waiting'")
    expect(second.locator("[data-k=state]")).to_have_text("next in the queue")
    assert state(second, "s.frames") == 0
    moving = "() => document.getAnimations().some(each => each.animationName === 'u-begin')"
    assert second.evaluate(moving)
    assert not first.evaluate(moving)  # there the pictures themselves move
    assert small.run(first) is not small.run(second)
    pause(first)
    until(second, "s.status === 'running' || s.status === 'done'")
    assert state(first, "s.status") == "paused"


def test_pause_and_an_immediate_reload_offers_resume_that_works_at_once(small: Site):
    tab = small.visit()
    start(tab, 20_000)
    until(tab, "s.frames > 1")
    tab.click("#u-pause", no_wait_after=True)
    tab.reload()
    tab.wait_for_selector("#u-start:not([disabled]):visible")
    tab.click("#u-start")
    until(tab, "s.status === 'running' && s.frames > 0")
    assert not toasts(tab)
    pause(tab)


def test_a_visit_that_the_server_has_forgotten_goes_on_by_itself(small: Site):
    tab = small.visit()
    tab.locator("#u-word input, #u-word textarea").fill("ox")
    until(tab, "document.querySelector('[data-k=caption]').textContent.includes('ox')")
    forgotten = small.run(tab)
    del small.runs._runs[forgotten.token]
    ends = time.monotonic() + PATIENT / 1000
    while small.run(tab) is None and time.monotonic() < ends:
        tab.wait_for_timeout(100)
    assert small.run(tab) not in {None, forgotten}
    start(tab, 500)
    until(tab, "s.status === 'done'")
    assert small.run(tab).controls.word == "ox"


@pytest.mark.slow
def test_two_hundred_waiting_runs_leave_the_page_usable_and_start_tells_the_place(
    small: Site, monkeypatch: pytest.MonkeyPatch
):
    first, holder = small.visit(), Call()
    start(first, 20_000)
    until(first, "s.frames > 1")
    small.runs.queue._users.add(holder)  # nobody's turn comes, should the first run come to its end
    monkeypatch.setattr("uapseg.app.runs.run.ABSENT_SECONDS", 600)  # a busy machine may not ask for a while
    with crowd(small, 200):
        tab = small.visit()
        tab.locator("#u-word input, #u-word textarea").fill("ox")
        until(tab, "document.querySelector('[data-k=caption]').textContent.includes('ox')")
        start(tab, 500)
        until(tab, "s.status === 'waiting'")
        place = re.compile(r"place 201 in the queue")
        expect(tab.locator("[data-k=state]")).to_have_text(place)
        tab.reload()
        ready(tab)
        expect(tab.locator("[data-k=state]")).to_have_text(place)
    monkeypatch.undo()
    first.context.close()
    small.runs.queue.leave(holder)
    until(tab, "s.status === 'done'")  # whoever has gone is passed over


def test_a_closed_tab_ends_the_run_and_frees_the_device(small: Site):
    tab = small.visit()
    start(tab, 20_000)
    until(tab, "s.frames > 1")
    run = small.run(tab)
    watcher = small.visit()
    tab.close()
    start(watcher, 500)
    until(watcher, "s.status === 'done'")
    assert run.status == "paused"
    assert run.checkpoint is not None


def test_the_page_answers_while_a_run_goes_on(small: Site):
    tab = small.visit(reduced_motion="reduce")  # the line between before and after stays where it is put
    start(tab, 20_000)
    until(tab, "s.frames > 1")
    knob = tab.locator("[data-view=photo] [role=slider]")
    knob.focus()
    before = int(knob.get_attribute("aria-valuenow") or 0)
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    assert int(knob.get_attribute("aria-valuenow") or 0) == before + 10
    tab.locator("[data-view=perturbation] .u-enlarge").click()
    expect(tab.locator("[data-slot=left] [data-view=perturbation]")).to_be_visible()
    assert tab.evaluate("() => document.getElementById('u-workspace').inert")
