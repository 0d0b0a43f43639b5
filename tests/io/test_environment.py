"""Numbers in the environment are read, or refused in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from uapseg.attack.distributed import init_distributed
from uapseg.datasets.cache import memory_limit
from uapseg.errors import UapsegError
from uapseg.io.environment import read_number


@pytest.mark.parametrize(("setting", "read"), [("", 7), ("  ", 7), ("12", 12), (" 3 ", 3), ("0", 0)])
def test_a_number_is_read_and_nothing_is_the_usual(setting, read, monkeypatch):
    monkeypatch.setenv("UAPSEG_TEST", setting)
    assert read_number("UAPSEG_TEST", 7) == read


@pytest.mark.parametrize("setting", ["abc", "-5", "1.5", "1e3", "²", "٣", "1" * 5000, "inf", "1"])
def test_anything_else_is_one_sentence_with_an_example(setting, monkeypatch):
    monkeypatch.setenv("UAPSEG_TEST", setting)
    with pytest.raises(UapsegError, match=r"^UAPSEG_TEST is .* whole number of MiB from 2 on, such as 7\.$"):
        read_number("UAPSEG_TEST", 7, 2, "MiB")


@pytest.mark.parametrize("name", ["UAPSEG_MEMORY", "LOCAL_WORLD_SIZE", "WORLD_SIZE"])
def test_every_number_is_checked(name, monkeypatch):
    monkeypatch.setenv(name, "abc")
    read = init_distributed().__enter__ if name == "WORLD_SIZE" else memory_limit
    with pytest.raises(UapsegError, match=name):
        read()


@pytest.mark.slow
def test_a_wrong_number_ends_the_page_with_a_sentence(tmp_path):
    told = {**os.environ, "UAPSEG_PATIENCE": "soon", "UAPSEG_CACHE": str(tmp_path)}
    page = [sys.executable, str(Path(__file__).parents[2] / "app.py")]
    ended = subprocess.run(page, env=told, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("UAPSEG_PATIENCE is 'soon': give it as a whole number")
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_an_option_of_the_page_is_refused_with_the_command_that_has_it():
    page = [sys.executable, str(Path(__file__).parents[2] / "app.py"), "--port", "8000"]
    ended = subprocess.run(page, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "python app.py takes no options: use python -m uapseg app, which has --host and --port.\n"
