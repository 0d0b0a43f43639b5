"""The short form of ``python -m tests.kills --kills 20``."""

import pytest

from tests import kills


@pytest.mark.slow
def test_a_killed_run_ends_as_if_it_had_never_been_stopped(capsys):
    assert kills.main(["--kills", "2", "--budget", "120"]) == 0, capsys.readouterr().out
    assert "After 2 kills the run has ended as the one that was never stopped" in capsys.readouterr().out
