"""The page as tools of an agent, as the official client of MCP calls them over a real socket."""

import base64
import io
import json
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import anyio
import numpy as np
import pytest
from PIL import Image

from tests.small_world import registry, served, small_world
from uapseg.app import has_mcp
from uapseg.app.handlers.context import Context

pytest.importorskip("mcp")

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

TOOLS = {"train", "evaluate", "apply", "models"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    assert has_mcp()
    with small_world() as workspaces, served(Context(workspaces, registry())) as url:
        yield f"{url}gradio_api/mcp/"


async def ignore(*_: Any) -> None:
    """Progress is of no interest here."""


def asked(address: str, name: str, **arguments: Any) -> Any:
    """What a tool answers; without a name, the list of tools."""

    async def ask() -> Any:
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            if not name:
                return await session.list_tools()
            return await session.call_tool(name, arguments, progress_callback=ignore)  # as agents do

    return anyio.run(ask)


def test_there_are_four_tools_whose_parameters_are_described(address: str):
    tools = {tool.name: tool for tool in asked(address, "").tools}
    assert set(tools) == TOOLS
    assert tools["evaluate"].inputSchema["required"] == ["perturbation"]
    for name, tool in tools.items():
        assert len(tool.description) > 40, name
        assert all(len(each["description"]) > 15 for each in tool.inputSchema["properties"].values()), name
        assert "Returns: " in tool.description


@pytest.mark.slow
def test_an_agent_trains_measures_and_applies(address: str):
    assert "light" in asked(address, "models").content[0].text
    figures, file = (part.text for part in asked(address, "train", text="o", budget=320).content)
    trained = literal_eval(figures)
    assert trained["perturbed"]["region_success"] > 0.9
    again = literal_eval(asked(address, "evaluate", perturbation=file).content[0].text)
    assert again["perturbed"] == trained["perturbed"]
    buffer = io.BytesIO()
    Image.new("RGB", (96, 64), (104, 104, 104)).save(buffer, "PNG")
    picture = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    answer = asked(address, "apply", perturbation=file, picture=picture)
    images = [part for part in answer.content if part.type == "image"]
    after = np.asarray(Image.open(io.BytesIO(base64.b64decode(images[0].data)))).astype(int)
    assert 0 < np.abs(after - 104).max() <= 10
    assert len(images) == 2


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("train", {"budget": 5000}, "at most 2000"),
        ("evaluate", {"perturbation": "http://127.0.0.1:9/x.png"}, ""),
        ("evaluate", {"perturbation": "/etc/passwd"}, "provide a url"),
    ],
)
def test_a_mistake_is_an_error_of_the_tool(address: str, name: str, arguments: dict, sentence: str):
    answer = asked(address, name, **arguments)
    assert answer.isError
    assert sentence in json.dumps([part.text for part in answer.content])
