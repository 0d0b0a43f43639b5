"""The wheel has all that the command and the page need, away from the sources."""

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.visitors import page_of

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but what the wheel unpacks to."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True, cwd=folder)
    with zipfile.ZipFile(next(folder.glob("uapseg-*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def environment(installed: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed)}


def output(installed: Path, folder: Path, *words: str) -> str:
    """What Python prints, run in another folder."""
    command = [sys.executable, *words]
    ran = subprocess.run(command, check=True, cwd=folder, env=environment(installed), capture_output=True, text=True)
    return ran.stdout


def test_the_command_finds_its_network(installed: Path, tmp_path: Path):
    assert str(installed) in output(installed, tmp_path, "-c", "import uapseg; print(uapseg.__file__)")
    cards = json.loads(output(installed, tmp_path, "-m", "uapseg", "models", "street", "--json"))
    assert "Pedestrian" in json.dumps(cards)


def test_the_examples_and_the_list_of_photos_are_there(installed: Path, tmp_path: Path):
    code = "from uapseg.datasets.coco.mini import read_manifest; from uapseg.app.catalogue import example_cards; "
    code += "print(len(read_manifest()), len(example_cards(('street', 'street'))))"
    photos, examples = output(installed, tmp_path, "-c", code).split()
    assert (int(photos), int(examples)) == (200, 10)


@pytest.fixture
def address(installed: Path, tmp_path: Path) -> Iterator[str]:
    """Where the installed page is served."""
    command = [sys.executable, "-m", "uapseg", "app"]
    with page_of(command, tmp_path, environment(installed), tmp_path / "log") as (url, _):
        yield url


def test_the_page_opens(address: str):
    with urllib.request.urlopen(address, timeout=120) as answer:
        assert "u-stage" in answer.read().decode()
