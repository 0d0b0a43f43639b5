"""A page in a server of this process, and a real browser to look at it."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.small_world import served, small_world
from uapseg.app.handlers.context import Context
from uapseg.app.runs.registry import Registry
from uapseg.app.server import MODULES
from uapseg.app.workspace_cache import WorkspaceCache

CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""A camera that shows a moving test picture, and may be used."""

PATIENT = 300_000
"""Milliseconds that a condition may take on a busy machine."""

STATE = f"""async () => {{
    const state = await import('{MODULES}/context.js');
    const {{ poll, metrics, images, history, camera, recorded, gallery }} = state;
    return {{ ...poll, ...metrics, frames: images.frames, historyPoint: history.shownPoint,
      strength: history.strength, cameraFrames: camera.frames,
      recorded: recorded.imageGradients, own: gallery.own?.scores, sure: Boolean(images.confidence) }};
}}"""
"""What the page's own modules hold of the run and of what is shown."""

SETTLED = """async () => {
  await document.fonts.ready;
  for (let frames = 0; frames < 4; frames++) {
    await new Promise(requestAnimationFrame);
    for (const each of document.getAnimations()) {
      if (each.effect.getComputedTiming().endTime < 1000) each.finish(); // colours fade, and parts slide
    }
  }
}"""

LEFT, RIGHT = '[data-slot="left"] .u-frame', '[data-slot="right"] .u-frame'
"""The two large pictures."""

BOXES = """selectors => Object.fromEntries(selectors.map(selector => {
    const box = document.querySelector(selector).getBoundingClientRect();
    return [selector, [box.left, box.top, box.right, box.bottom]];
}))"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine; without one the test is skipped, but on a CI machine it fails."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium here: install the package chromium")
    expect.set_options(timeout=PATIENT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", *CAMERA])
        yield browser
        browser.close()


@dataclass
class Site:
    """A served page, with its context and its registry at hand."""

    url: str
    context: Context
    browser: Browser
    faults: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def runs(self) -> Registry:
        return self.context.runs

    def visit(self, path: str = "", **options: Any) -> Page:
        """A new visitor, with a browser profile of their own, who opens the page or an address below it."""
        context = self.browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(PATIENT)
        self.contexts.append(context)
        return self.tab(context, path)

    def tab(self, context: BrowserContext, path: str = "") -> Page:
        """Another tab of a visitor."""
        tab = context.new_page()
        tab.on("pageerror", lambda error: self._note("page error", str(error)))
        tab.on("request", lambda request: self._note_request(request.url))
        tab.goto(self.url + path)
        ready(tab)
        return tab

    def run(self, tab: Page) -> Any:
        """What the server knows of a tab's run."""
        return self.runs.get(state(tab, "s.token"))

    def leave(self) -> None:
        """Closes all tabs, and tells what went wrong in them."""
        for context in self.contexts:
            context.close()
        faults, self.faults, self.contexts = self.faults, [], []
        assert not faults

    def _note(self, kind: str, what: str) -> None:
        if "AbortError" not in what:  # a reload ends the polls
            self.faults.append(f"{kind}: {what}")

    def _note_request(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self._note("request to another host", url)


@contextmanager
def site(browser: Browser, workspaces: WorkspaceCache, patience: float = 30) -> Iterator[Site]:
    """Serves the page with a registry of its own."""
    context = Context(workspaces, Registry(), patience)
    with served(context) as url:
        yield Site(url, context, browser)


def ready(tab: Page) -> None:
    """Waits until the page can be used."""
    until(tab, "s.seq >= 0")
    tab.wait_for_selector("#u-start:not([disabled]):visible, #u-pause:visible")
    settle(tab)


def settle(tab: Page) -> None:
    """Waits until the page is laid out anew, and ends what fades or slides."""
    tab.evaluate(SETTLED)


def resize(tab: Page, width: int, height: int) -> None:
    """Makes the window another size."""
    tab.set_viewport_size({"width": width, "height": height})
    tab.wait_for_function("([width, height]) => innerWidth === width && innerHeight === height", arg=[width, height])
    settle(tab)


def state(tab: Page, expression: str) -> Any:
    """The value of an expression on the page's state ``s``."""
    return tab.evaluate(f"async () => {{ const s = await ({STATE})(); return {expression}; }}")


def until(tab: Page, condition: str) -> None:
    """Waits for a condition on the page's state ``s``: ``status``, ``frames``, ``updates``, ``spent``, …"""
    end = time.monotonic() + PATIENT / 1000
    while not state(tab, condition):
        assert time.monotonic() < end, f"{condition} never came true: {tab.evaluate(STATE)}"
        tab.wait_for_timeout(50)


def point(tab: Page) -> Callable[[float, float], tuple[float, float]]:
    """Where a place of the photo, in shares of its sides, is on the screen."""
    box = tab.locator("[data-view=photo] .u-fit").bounding_box()
    assert box
    return lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])


def boxes(tab: Page, *selectors: str) -> dict[str, list[float]]:
    """The left, top, right and bottom of parts of the page, in pixels of the window."""
    return tab.evaluate(BOXES, [*selectors])


def toasts(tab: Page) -> str:
    """The messages on the page."""
    return " ".join(tab.locator(".toast-body").all_inner_texts())


@pytest.fixture(scope="module", name="browser")
def fixture_browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module", name="small_site")
def fixture_small_site(browser: Browser) -> Iterator[Site]:
    with small_world() as workspaces, site(browser, workspaces) as opened:
        yield opened


@pytest.fixture(name="small")
def fixture_small(small_site: Site) -> Iterator[Site]:
    yield small_site
    small_site.leave()
