"""What comes from outside, and what goes wrong, as a browser shows it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from playwright.sync_api import expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site, toasts, until  # noqa: F401
from tests.hands import start
from uapseg.app import strings
from uapseg.results.perturbation_file import Perturbation, save_png

pytestmark = pytest.mark.browser


def test_a_link_that_asks_for_what_the_page_does_not_have_is_said_once_and_opens_the_page(small: Site):
    tab = small.visit("?goal=%3Cimg+src%3Dhttp://other.host/x.png%3E&epsilon=99&preset=x&inside=elephant&seed=-5")
    expect(tab.locator(".u-warning")).to_contain_text(
        "at their defaults: goal, class of the region, epsilon, seed and preset."
    )
    start(tab, 200)
    until(tab, "s.status === 'done'")
    expect(tab.locator(".u-warning")).to_be_hidden()
    assert not toasts(tab)
    again = small.tab(tab.context)
    expect(again.locator(".u-warning")).to_be_hidden()
    assert again.locator("#u-epsilon input[type=number]").input_value() == "10"


def test_a_name_in_a_file_is_text_in_the_message(small: Site, tmp_path: Path):
    tab = small.visit()
    start(tab, 200)
    until(tab, "s.status === 'done'")
    plan = small.run(tab).plan
    hostile = "<img src=http://other.host/x.png><form action=http://other.host><button>"
    levels = torch.ones(3, 64, 96, dtype=torch.int16)
    save_png(tmp_path / "x.png", Perturbation(levels, replace(plan, model=hostile)))
    tab.set_input_files("#u-more-files input[type=file]", str(tmp_path / "x.png"))
    expect(tab.locator(".toast-body")).to_contain_text(f"The file was made for {hostile} on plain:x")
    assert not tab.locator(".toast-body img, .toast-body form").count()


def test_an_error_in_an_event_is_shown_as_a_sentence(small: Site, monkeypatch: pytest.MonkeyPatch):
    tab = small.visit()
    monkeypatch.setattr("uapseg.app.handlers.files.to_query", lambda *_: 1 // 0)
    tab.click("#u-link")
    expect(tab.locator(".toast-body")).to_contain_text(strings.FAILED)
