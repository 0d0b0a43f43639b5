"""The short form of ``python -m tests.visitors --visitors 8 --minutes 6``."""

import pytest

from tests import visitors


@pytest.mark.slow
def test_a_small_crowd_is_answered_and_its_memory_comes_back(capsys):
    words = ["--visitors", "2", "--minutes", "0.5", "--rest", "45"]
    assert visitors.main(words) == 0, capsys.readouterr().out
    assert "0 answers were faults" in capsys.readouterr().out
