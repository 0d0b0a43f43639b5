"""What a visitor does on the page."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser import point, until
from uapseg.app import strings


def start(tab: Page, budget: int | None = None) -> None:
    if budget:
        tab.locator("#u-budget input[type=number]").fill(str(budget))
        tab.locator("#u-budget input[type=number]").press("Tab")
    tab.click("#u-start")


def pause(tab: Page) -> None:
    tab.click("#u-pause")
    tab.wait_for_selector("#u-start:visible")
    until(tab, "s.status === 'paused'")


def draw(tab: Page) -> None:
    tab.locator("#u-source label", has_text="Draw").click()
    tab.wait_for_selector(".u-tools:visible")
    drag(tab, (0.3, 0.5), (0.7, 0.5))
    tab.wait_for_function("() => document.querySelector('[data-k=caption]').textContent.startsWith('A drawing')")


def save(tab: Page, kind: str, path: Path) -> Path:
    pick(tab, "#u-kind", strings.FILES[kind])
    with tab.expect_download() as coming:
        tab.click("#u-save-button:not([disabled])")
    coming.value.save_as(path)
    return path


def pick(tab: Page, control: str, name: str) -> None:
    tab.click(f"{control} input")
    tab.locator(control).get_by_role("option", name=name).click()  # the list of another control may still be closing


def tool(tab: Page, name: str) -> None:
    tab.locator(".u-tools").get_by_role("button", name=name, exact=True).click()


def drag(tab: Page, first: tuple[float, float], last: tuple[float, float]) -> None:
    place = point(tab)
    tab.mouse.move(*place(*first))
    tab.mouse.down()
    tab.mouse.move(*place(*last), steps=10)
    tab.mouse.up()


def see(tab: Page, x: float, y: float, expected: list[int], within: int = 2) -> None:
    """Waits until a place of the photo's view has a colour."""
    code = (
        "([x, y, expected, within]) => { const c = document.querySelector('[data-view=photo] .base');"
        " const seen = c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data;"
        " return expected.every((value, part) => Math.abs(value - seen[part]) <= within) }"
    )
    tab.wait_for_function(code, arg=[x, y, expected, within])


def hover(tab: Page, x: float, y: float) -> None:
    box = tab.locator("[data-view=prediction] .u-fit").bounding_box()
    assert box
    tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def colour(tab: Page, x: float, y: float) -> list[int]:
    """The colour of a place of the photo's view, once it no longer changes."""
    code = (
        "([x, y]) => { const c = document.querySelector('[data-view=photo] .base');"
        " return [...c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data].slice(0, 3) }"
    )
    last: list[int] = []
    while (now := tab.evaluate(code, [x, y])) != last:
        last = now
        tab.wait_for_timeout(600)
    return now
