"""The page in a real browser. All waits are on conditions; the figures are those that the page itself shows."""

import json
import re
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import (  # noqa: F401
    Site,
    fixture_browser,
    fixture_small,
    fixture_small_site,
    ready,
    resize,
    site,
    state,
    toasts,
    until,
)
from tests.hands import draw, pause, save, start
from uapseg.app import strings
from uapseg.app.controls import VALIDATION
from uapseg.app.workspace import Workspace
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.attack.validation import EvalSet, evenly_spaced
from uapseg.results.perturbation_file import load
from uapseg.targets.metrics import scores

pytestmark = pytest.mark.browser

WEIGHT = """() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
  .filter(entry => !entry.name.includes('component_server'))
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""
"""Bytes of the page itself, before the recorded run and frames are asked for."""

ANSWERS = """() => performance.getEntriesByType('resource')
  .filter(entry => entry.name.includes('component_server'))
  .map(entry => [entry.startTime, entry.responseEnd, entry.transferSize])"""
"""When each frame was asked for and had come, in milliseconds, and its bytes."""


def test_from_a_drawn_mask_to_a_download_that_scores_the_same(browser: Browser, tmp_path: Path):
    workspaces = WorkspaceCache(("street",), ("street",))
    with site(browser, workspaces) as served:
        tab = served.visit(accept_downloads=True)
        assert tab.evaluate(WEIGHT) < 700_000
        assert tab.evaluate("() => document.documentElement.scrollHeight") <= 900
        draw(tab)
        start(tab)
        until(tab, "s.status === 'running' && s.frames > 1")
        until(
            tab, "s.baselines.random_noise && s.scores.region_success > s.baselines.random_noise.region_success + 0.04"
        )
        pause(tab)
        assert tab.inner_text("#u-start") == "Resume"
        shown = state(tab, "({ scores: s.scores, baselines: s.baselines, spent: s.imageGradients })")
        check_download(workspaces.first, save(tab, strings.FILE_PNG, tmp_path / "kept.png"), shown)
        told = save(tab, strings.FILE_FIGURES, tmp_path / "told.json")
        assert json.loads(told.read_text())["perturbed"] == shown["scores"]
        tab.reload()
        ready(tab)
        assert tab.inner_text("#u-start") == "Resume"
        tab.click("#u-start")
        until(tab, f"s.imageGradients > {shown['spent']}")
        tab.context.close()
        served.leave()


def test_on_a_slow_link_what_is_shown_is_younger_than_two_seconds(browser: Browser):
    """A frame is made when it is asked for, one at a time, and over 2 Mbit/s it is on its way for a moment only."""
    with site(browser, WorkspaceCache(("street",), ("street",))) as served:
        tab = served.visit()
        wire = tab.context.new_cdp_session(tab)
        link = {"offline": False, "latency": 40, "downloadThroughput": 250_000, "uploadThroughput": 250_000}
        wire.send("Network.emulateNetworkConditions", link)
        start(tab)
        until(tab, "s.status === 'running' && s.frames > 1")
        tab.evaluate("() => performance.clearResourceTimings()")
        frames = state(tab, "s.frames")
        until(tab, f"s.frames > {frames + 12}")
        answers = tab.evaluate(ANSWERS)
        assert len(answers) >= 12
        assert all(ended <= began + 1 for (_, ended, _), (began, *_) in pairwise(answers))
        assert median(size for *_, size in answers) < link["downloadThroughput"] / 2  # of a second
        tab.context.close()
        served.leave()


def check_download(workspace: Workspace, path: Path, shown: dict) -> None:
    kept = load(path)
    assert kept.plan
    numbers = evenly_spaced(len(workspace.held_out), VALIDATION["validation_pictures"])
    judge = EvalSet(workspace.model, workspace.held_out, numbers, kept.plan.target, workspace.size)
    assert scores(judge.predict(kept.delta)[0], kept.plan.target) == pytest.approx(shown["scores"], abs=1e-3)
    inside = kept.plan.target.label_map() == 0
    rows, columns = np.nonzero(inside)
    assert abs(columns.min() - (0.3 * 384 - 14)) < 3
    assert abs(columns.max() - (0.7 * 384 + 14)) < 3
    assert abs(rows.mean() - 128) < 2


def test_a_run_ends_with_figures_above_their_floor(small: Site):
    tab = small.visit()
    start(tab, 2000)
    until(tab, "s.status === 'done'")
    tab.wait_for_selector("#u-start:visible")
    expect(tab.locator("#u-start")).to_have_text("Train longer")
    assert state(tab, "s.scores.region_success") > 0.95
    expect(tab.locator(".u-first b")).to_have_text("100")
    expect(tab.locator(".u-interval")).to_have_text("95 % interval")
    expect(tab.locator(".u-first .u-baselines")).to_contain_text("random noise 1")
    expect(tab.locator("[data-k=plain]")).to_contain_text("Unseen pictures: 100 % of “foo” appears; random noise")
    chosen = re.compile(r"saved: after [\d\u202f]+ of 2\u202f000, best on 24 pictures")
    expect(tab.locator("[data-k=pictures]")).to_have_text(chosen)


def test_an_error_is_shown_as_a_sentence_and_the_page_keeps_working(small: Site):
    tab = small.visit()
    tab.locator("#u-goal label", has_text="Hide").click()
    tab.locator("#u-hide label", has_text="dark").click()
    start(tab)
    expect(tab.locator(".toast-body").first).to_contain_text("at least one class")
    tab.locator("#u-hide label", has_text="dark").click()
    start(tab, 200)
    until(tab, "s.status === 'done'")
    assert "Error" not in toasts(tab).replace("Error\n", "", 1)


def test_the_page_fits_the_screen_before_and_after_a_run(small: Site):
    tab = small.visit(is_mobile=True)
    check_fit(tab)
    start(tab, 400)
    until(tab, "s.status === 'done'")
    check_fit(tab)


def check_fit(tab: Page) -> None:
    sizes = "() => { const d = document.documentElement; return [d.scrollWidth, d.scrollHeight] }"
    for width, height in ((1920, 1080), (390, 844), (1440, 900)):
        resize(tab, width, height)
        wide, high = tab.evaluate(sizes)
        assert wide <= width
        assert width < 500 or high <= height
