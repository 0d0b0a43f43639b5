"""Long requests are refused before they are taken apart."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from uapseg.app import launch_options
from uapseg.app.bodies import MOST_BODY, BodyLimit


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
    assert client.post("/gradio_api/queue/join", content=b"x" * MOST_BODY).text == str(MOST_BODY)
    assert client.post("/gradio_api/queue/join", content=b"x" * (MOST_BODY + 1)).status_code == 413
    assert client.post("/gradio_api/queue/join", content=parts(4)).text == str(MOST_BODY)
    assert client.post("/gradio_api/queue/join", content=parts(5)).text == "broken off"
    assert client.post("/gradio_api/upload", content=b"x" * (MOST_BODY + 1)).text == str(MOST_BODY + 1)


def test_the_page_has_the_limit():
    assert any(layer.cls is BodyLimit for layer in launch_options()["app_kwargs"]["middleware"])
