"""Painting the target on the stage."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import PATIENT, Site, fixture_browser, fixture_small, fixture_small_site, point, ready  # noqa: F401
from tests.hands import drag, pick, tool
from uapseg.app import strings
from uapseg.app.drawings import decode_drawing

pytestmark = pytest.mark.browser


def test_classes_to_hide_elsewhere_are_offered_where_the_background_is_left_as_it_is(small: Site):
    tab = small.visit()
    also = tab.locator("#u-also-hide")
    expect(also).to_be_hidden()
    pick(tab, "#u-rest", strings.KEEP_LABEL)
    pick(tab, "#u-inside", "light")
    pick(tab, "#u-also-hide", "dark")
    expect(tab.locator("[data-k=caption]")).to_contain_text("and hide dark")
    assert small.run(tab).controls.also_hide == ("dark",)
    tab.keyboard.press("Escape")
    tab.click("#u-link")
    tab.wait_for_url("**/?*also_hide=dark*")
    other = small.visit(path=tab.url.split("/", 3)[3])
    expect(other.locator("#u-also-hide .token")).to_have_text("dark")
    pick(other, "#u-rest", "dark")
    expect(other.locator("#u-also-hide")).to_be_hidden()
    expect(other.locator("[data-k=caption]")).not_to_contain_text("hide")


def test_a_target_is_painted_with_every_tool_and_survives_a_reload(small: Site, tmp_path: Path):
    tab = small.visit()
    tab.locator("#u-source label", has_text="Draw").click()
    expect(tab.locator("[data-k=caption]")).to_have_text(strings.NOT_DRAWN)
    expect(tab.locator(".u-figures")).to_be_hidden()  # those of the word
    tool(tab, "Rectangle")
    for name, value in {"Left": 10, "Top": 8, "Width": 20, "Height": 16}.items():
        tab.locator(".u-tools").get_by_role("spinbutton", name=name).fill(str(value))
    tab.locator(".u-tools").get_by_role("button", name="Add").click()
    rectangle = np.full((64, 96), 255, np.uint8)
    rectangle[8:24, 10:30] = 1
    assert_painted(small, tab, rectangle)

    tab.locator(".u-legend").get_by_role("button", name="never").click()
    tool(tab, "Fill")
    place = point(tab)
    tab.mouse.click(*place(0.9, 0.9))
    assert_painted(small, tab, np.where(rectangle == 1, 1, 2))
    tab.keyboard.press("Control+z")
    assert_painted(small, tab, rectangle)
    tool(tab, "Redo")
    tool(tab, "Mirror")
    assert_painted(small, tab, np.where(rectangle == 1, 1, 2)[:, ::-1])
    tool(tab, "Invert")
    tab.wait_for_function("() => !document.querySelector('[data-k=caption]').textContent.startsWith('A drawing')")

    for name, text in (("Text", "letters"), ("Ellipse", None), ("Line", None)):
        tool(tab, name)
        if text:
            tab.fill(".u-tools [name=letters]", "ox")
        drag(tab, (0.3, 0.3), (0.6, 0.6))
    stencil = np.full((40, 40), 255, np.uint8)
    stencil[10:30, 10:30] = 0
    Image.fromarray(stencil).save(tmp_path / "stencil.png")
    tool(tab, "Mask from a picture")
    tab.set_input_files(".u-tools [name=file]", tmp_path / "stencil.png")
    expect(tab.locator(".u-live")).to_contain_text("The mask is ready")
    tab.locator("canvas.paint").focus()
    tab.keyboard.press("Space")
    tab.wait_for_function("() => document.querySelector('canvas.paint').width === 96")
    until_sent(small, tab)
    drawn = painted_on(small, tab)
    assert 0.2 < (drawn == 2).mean() < 0.8
    tab.reload()
    ready(tab)
    assert_painted(small, tab, drawn)
    tab.wait_for_function("() => document.querySelector('canvas.paint').width === 96")
    until_sent(small, tab)


def painted_on(served: Site, tab: Page) -> np.ndarray:
    """What the server holds of the drawing: class numbers, 255 where nothing is drawn."""
    drawing = served.run(tab).controls.drawing
    return decode_drawing(drawing, (96, 64)) if drawing else np.full((64, 96), 255, np.uint8)


def assert_painted(served: Site, tab: Page, expected: np.ndarray) -> None:
    ends = time.monotonic() + PATIENT / 1000
    while not np.array_equal(painted_on(served, tab), expected) and time.monotonic() < ends:
        tab.wait_for_timeout(100)
    np.testing.assert_array_equal(painted_on(served, tab), expected)


def until_sent(served: Site, tab: Page) -> None:
    """Waits until the server holds of the drawing what the page shows of it."""
    shown = "() => [...document.querySelector('canvas.paint').getContext('2d').getImageData(0, 0, 96, 64).data]"
    ends = time.monotonic() + PATIENT / 1000
    while True:
        alpha = np.array(tab.evaluate(shown)).reshape(64, 96, 4)[..., 3]
        if np.array_equal(alpha > 0, painted_on(served, tab) != 255):
            return
        assert time.monotonic() < ends
        tab.wait_for_timeout(100)
