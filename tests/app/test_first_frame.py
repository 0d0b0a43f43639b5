"""The command that measures how soon a changed setting shows."""

import pytest

from tests.first_frame import CHANGES, first_frames
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.training import CHANGE_DELAY


@pytest.mark.slow
def test_each_changed_setting_gets_a_trained_frame_after_the_delay(context: Context):
    found = first_frames(context)
    assert [change for change, _, _ in found] == CHANGES
    assert all(seconds > CHANGE_DELAY and computing < 5 for _, seconds, computing in found)
