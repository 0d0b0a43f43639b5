"""Visitors without a browser: they send what the page's scripts send, over a real socket."""

import asyncio
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

from tests.browser import Site
from tests.small_world import values, visitor
from uapseg.app.handlers.training import load_page, start_run
from uapseg.app.runs.run import Run

SOCKETS = 40
"""Of a crowd no more than these come through a socket: enough to fill a queue of Gradio's, few enough to be fast."""


@contextmanager
def crowd(site: Site, number: int) -> Iterator[None]:
    """As many visitors who have pressed Start, and look on until the end."""
    context, ready, over = site.context, threading.Event(), threading.Event()
    runs = [visitor(context) for _ in range(number - SOCKETS)]
    with ThreadPoolExecutor(2) as threads:
        looking = threads.submit(_look_on, runs, over)
        going = threads.submit(lambda: asyncio.run(_crowd(site, SOCKETS, ready, over)))
        try:
            for run in runs:
                start_run(context, run.token, *values(context))
            while not ready.wait(0.1):
                assert not going.done(), going.result()
            yield
        finally:
            over.set()
            going.result(300)
            looking.result(300)


def _look_on(runs: list[Run], over: threading.Event) -> None:
    """What the polls of these visitors do."""
    while not over.wait(0.5):
        for run in runs:
            run.mark_watched()


async def _crowd(site: Site, number: int, ready: threading.Event, over: threading.Event) -> None:
    limits = httpx.Limits(max_connections=number + 10)
    async with httpx.AsyncClient(base_url=site.url + "gradio_api/", limits=limits, timeout=300) as web:
        config = (await web.get(site.url + "config")).json()
        door, controls = asyncio.Semaphore(8), values(site.context)
        visitors = [_Visitor(web, config, load_page(site.context, None)[0], controls, door) for _ in range(number)]
        polls = await asyncio.gather(*(visitor.start() for visitor in visitors))
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.1)
        for poll in polls:
            poll.cancel()


class _Visitor:
    def __init__(
        self,
        web: httpx.AsyncClient,
        config: dict[str, Any],
        token: str,
        controls: list[object],
        door: asyncio.Semaphore,
    ) -> None:
        self.web, self.token, self.session = web, token, secrets.token_hex(5)
        self.events = {each["api_name"]: each["id"] for each in config["dependencies"]}
        self.stage = next(each["id"] for each in config["components"] if each["props"].get("elem_id") == "u-stage")
        self.controls, self.door = controls, door

    async def start(self) -> asyncio.Task[None]:
        """Presses Start, waits until the run is in line, and looks on."""
        async with self.door:
            await self._send("start_run", [self.token, *self.controls])
            while (await self._pull(seq=0))["status"] == "idle":
                await asyncio.sleep(0.05)
            await self._send("run_turn", [self.token])
            return asyncio.create_task(self._look_on())

    async def _look_on(self) -> None:
        while True:
            await self._pull(seq=1_000_000)

    async def _send(self, name: str, data: list[Any]) -> None:
        event = {"fn_index": self.events[name], "data": data, "session_hash": self.session}
        (await self.web.post("queue/join", json=event)).raise_for_status()

    async def _pull(self, **has: Any) -> dict[str, Any]:
        sent = {"token": self.token, "workspace": "greys plain:x", "hidden": True, "turn": 1_000_000, **has}
        call = {"data": sent, "component_id": self.stage, "fn_name": "poll", "session_hash": self.session}
        return (await self.web.post("component_server", json=call)).json()
