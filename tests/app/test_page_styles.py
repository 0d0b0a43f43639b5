"""The style sheets: what they rest on in Gradio's own pages is still there."""

import re

import pytest
from playwright.sync_api import Page

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site  # noqa: F401
from uapseg.app.server import STYLES, read_static

pytestmark = pytest.mark.browser

MAX_IMPORTANT = 25
"""Declarations that have to outdo others at all costs, mostly what Gradio writes into elements."""

UNMATCHED = r"""css => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    const rules = [...sheet.cssRules].flatMap(rule => [...(rule.cssRules?.length ? rule.cssRules : [rule])]);
    const selectors = rules.flatMap(rule => rule.selectorText.split(/,\s*(?![^()]*\))/));
    const state = /^\.dark |:(hover|disabled|focus-visible)|::\w+/g;
    const stateless = text => text.replace(state, '').replace(':has(input)', '');
    return [...new Set(selectors)].filter(text => !document.querySelector(stateless(text)));
}"""
"""The selectors of a style sheet that match nothing on the page as it is."""


def unmatched(tab: Page) -> set[str]:
    return set(tab.evaluate(UNMATCHED, read_static("gradio.css")))


def test_every_name_of_gradio_that_the_styles_use_is_on_the_page(small: Site):
    tab = small.visit()
    left = unmatched(tab)
    for source, part in (("Draw", ".u-tools"), ("Type", "#u-word")):
        tab.locator("#u-source label", has_text=source).click()
        tab.locator(part).wait_for()
        left &= unmatched(tab)
    tab.locator("#u-goal label").nth(1).click()
    tab.locator("#u-hide").wait_for()
    left &= unmatched(tab)
    tab.locator("#u-hide label", has_text="dark").click()
    tab.click("#u-start")  # refused with a message, as no class is chosen
    tab.wait_for_selector(".toast-body")
    left &= unmatched(tab)
    assert left == set()


def test_few_declarations_have_to_outdo_others():
    assert len(re.findall("!important", read_static(*STYLES))) <= MAX_IMPORTANT
