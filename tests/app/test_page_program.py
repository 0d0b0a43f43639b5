"""The dialog that says how a program uses the page."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import Site, fixture_browser, fixture_small, fixture_small_site  # noqa: F401
from tests.reach import findings
from uapseg.app import has_mcp

pytestmark = pytest.mark.browser

OUTSIDE = "() => document.activeElement !== document.body && !document.activeElement.closest('dialog')"
"""Whether something of the page below the dialog has the focus."""

PRINTED = '\nprint(figures["perturbed"]["region_success"], changed["width"], changed["changed"])'


def test_the_code_that_is_shown_runs_and_is_copied_and_the_dialog_keeps_the_focus(small: Site, tmp_path: Path):
    tab = small.visit()
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opener, dialog = tab.get_by_role("button", name="Use from a program"), tab.get_by_role("dialog")
    opener.click()
    expect(dialog).to_have_accessible_name("Use from a program")
    tools = dialog.get_by_text(f"the MCP server at {small.url}gradio_api/mcp/")
    expect(tools).to_be_visible(visible=has_mcp())
    assert findings(tab) == []
    dialog.get_by_role("button", name="Copy the code").click()
    expect(dialog.get_by_role("status")).to_have_text("Copied.")
    code = tab.evaluate("() => navigator.clipboard.readText()")
    assert f'Client("{small.url}")' in code
    tab.keyboard.press("f")  # presents nothing while the dialog is open
    for _ in range(6):
        tab.keyboard.press("Tab")
        assert tab.evaluate(OUTSIDE) is False
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    expect(tab.locator(".u-stage")).not_to_have_attribute("data-present", "")
    Image.new("RGB", (120, 50), (104, 104, 104)).save(tmp_path / "photo.jpg")
    ran = subprocess.run(
        [sys.executable, "-c", code + PRINTED], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    success, width, changed = ran.stdout.splitlines()[-1].split()
    assert (float(success) > 0.9, width, float(changed) > 0.1) == (True, "120", True)


def test_where_the_browser_copies_nothing_the_code_is_selected(small: Site):
    tab = small.visit()
    tab.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    tab.get_by_role("button", name="Use from a program").click()
    tab.get_by_role("button", name="Copy the code").click()
    expect(tab.get_by_role("dialog").get_by_role("status")).to_contain_text("copy it with Ctrl+C")
    assert tab.evaluate("() => String(getSelection())").startswith("# pip install")
