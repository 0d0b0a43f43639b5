"""A visitor of a served page without a browser: the same requests as the page's, over HTTP."""

import json
import queue
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 120.0
"""Seconds that an answer may take."""


class Visit:
    """One tab that looks at the page.

    Args:
        url: The page's address.

    Attributes:
        session: By which Gradio knows the tab.
        token: By which the page knows the visitor.
        status: Where the run stands, as far as was pulled.
        seen: What was pulled last.
    """

    def __init__(self, url: str) -> None:
        self.session, self.token, self.status = secrets.token_hex(6), "", "idle"
        self.seen = {"seq": -1, "frame": -1, "own_version": -1, "turn": -1, "workspace": ""}
        kept = httpx.Limits(keepalive_expiry=1.0)  # the server closes what rests for five seconds
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(PATIENCE, pool=None), limits=kept)
        self._config: dict[str, Any] = {}
        self._values: dict[int, Any] = {}
        self._left, self._lock = threading.Event(), threading.Lock()
        self._last: dict[str, queue.Queue[dict[str, Any]]] = {}
        self._pending, self._reading = 0, False

    def load(self) -> None:
        """Opens the page, as a new visitor."""
        self._http.get("/").raise_for_status()
        self._config = self._http.get("/config").raise_for_status().json()
        self._values = {part["id"]: part["props"].get("value") for part in self._config["components"]}
        threading.Thread(target=self._beat, daemon=True).start()
        self._send(self._event("load", None))

    def click(self, name: str) -> None:
        """Presses the button with this ``elem_id``, and what follows goes on by itself."""
        self._send(self._event("click", self._part(name)))

    def put(self, name: str, value: Any) -> None:
        """Writes a value into a control."""
        self._values[self._part(name)] = value

    def upload(self, name: str, files: list[Path]) -> None:
        """Brings files by the upload button with this ``elem_id``."""
        sent = [("files", (file.name, file.read_bytes(), "image/png")) for file in files]
        paths = self._http.post("/gradio_api/upload", files=sent).raise_for_status().json()
        data = [
            {"path": path, "orig_name": file.name, "size": file.stat().st_size, "meta": {"_type": "gradio.FileData"}}
            for path, file in zip(paths, files, strict=True)
        ]
        self.put(name, data)
        self._send(self._event("upload", self._part(name)))

    def poll(self, *, afresh: bool = False) -> dict[str, Any]:
        """What is new on the stage, or ``afresh`` all of it, which is answered at once."""
        known = dict.fromkeys(self.seen, -1) | {"workspace": self.seen["workspace"]} if afresh else self.seen
        reply = self.ask("poll", known)
        if reply.get("gone"):
            raise RuntimeError("the page has forgotten the run")
        self.status = reply.get("status", self.status)
        if not afresh:
            called = bool(reply.get("turn")) and reply["turn"] != self.seen["turn"]
            news = {name: reply[name] for name in ("seq", "frame", "turn") if name in reply}
            news |= {"workspace": reply["workspace"]["key"]} if "workspace" in reply else {}
            self.seen |= news | ({"own_version": reply["own"]["version"]} if "own" in reply else {})
            if called:
                self._join(self._body(self._event("turn", self._part("u-stage"))))
        return reply

    def ask(self, function: str, values: dict[str, Any]) -> Any:
        """Calls a function that the page offers to its scripts."""
        body = {
            "session_hash": self.session, "component_id": self._part("u-stage"), "fn_name": function,
            "data": {"token": self.token, **values},
        }  # fmt: skip
        return self._http.post("/gradio_api/component_server", json=body).raise_for_status().json()

    def leave(self) -> None:
        """Closes the tab."""
        self._left.set()

    def _beat(self) -> None:
        """The connection by which the server knows that the tab is open."""
        address, forever = f"/gradio_api/heartbeat/{self.session}", httpx.Timeout(None)
        with suppress(httpx.HTTPError), self._http.stream("GET", address, timeout=forever) as beats:
            for _ in beats.iter_bytes():
                if self._left.is_set():
                    return

    def _part(self, name: str) -> int:
        return next(part["id"] for part in self._config["components"] if part["props"].get("elem_id") == name)

    def _event(self, kind: str, part: int | None) -> dict[str, Any]:
        """What the page sends at an event of a part, or of the page itself."""
        return next(
            event
            for event in self._config["dependencies"]
            if any(how == kind and part in {None, of} for of, how in event["targets"])
        )

    def _send(self, event: dict[str, Any]) -> None:
        """Sends an event as the page does, and those that follow its success, whose end nobody waits for."""
        body = self._body(event)
        if event["queue"]:
            output = self._answer(self._join(body).get(timeout=PATIENCE))
        else:
            output = self._http.post("/gradio_api/run/predict", json=body).raise_for_status().json()["data"]
        for number, value in zip(event["outputs"], output, strict=False):
            self._take(number, value)
        for later in self._config["dependencies"]:
            if later["trigger_after"] == event["id"] and later["trigger_only_on_success"]:
                self._join(self._body(later))

    def _body(self, event: dict[str, Any]) -> dict[str, Any]:
        return {
            "data": [self._values.get(number) for number in event["inputs"]], "fn_index": event["id"],
            "session_hash": self.session, "trigger_id": None, "event_data": None,
        }  # fmt: skip

    def _join(self, body: dict[str, Any]) -> "queue.Queue[dict[str, Any]]":
        """Puts an event into Gradio's queue: where its last message will come."""
        with self._lock:
            self._pending += 1
            if not self._reading:
                self._reading = True
                threading.Thread(target=self._read, daemon=True).start()
        answer = self._http.post("/gradio_api/queue/join", json=body).raise_for_status().json()
        return self._last.setdefault(answer["event_id"], queue.Queue())

    def _read(self) -> None:
        """Hands out the messages of all events of this tab; it has one such connection, while it waits for any."""
        address, forever = f"/gradio_api/queue/data?session_hash={self.session}", httpx.Timeout(None)
        while True:
            with suppress(httpx.HTTPError), self._http.stream("GET", address, timeout=forever) as answer:
                for line in answer.iter_lines():
                    message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                    if message.get("msg") == "process_completed":
                        with self._lock:
                            self._pending -= 1
                        self._last.setdefault(message["event_id"], queue.Queue()).put(message)
                    if self._left.is_set():
                        return
            with self._lock:
                if self._pending <= 0:
                    self._reading = False
                    return
            time.sleep(0.05)

    def _answer(self, message: dict[str, Any]) -> list[Any]:
        if not message["success"]:
            raise RuntimeError(f"an event failed: {message['output']}")
        return message["output"]["data"]

    def _take(self, number: int, value: Any) -> None:
        update = isinstance(value, dict) and value.get("__type__") == "update"
        if isinstance(value, dict) and "model" in value:  # what the browser is to remember
            self.token = value["token"]
        if not update or "value" in value:
            self._values[number] = value["value"] if update else value
