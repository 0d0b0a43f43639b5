"""The wheel has all that the command and the page need, away from the sources."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uapseg", "app", "--port", str(port)]
    page = subprocess.Popen(command, cwd=tmp_path, env=environment(installed))
    yield f"http://127.0.0.1:{port}"
    page.terminate()
    page.wait(20)


def test_the_page_opens(address: str):
    for _ in range(120):
        time.sleep(0.5)
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert "u-stage" in answer.read().decode()
                return
        except OSError:
            continue
    pytest.fail("no page after a minute")
