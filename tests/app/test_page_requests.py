"""What anyone can send to a served page, past its scripts: over a real socket."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from tests.small_world import ran, registry, small_world, values
from tests.small_world import served as small_served
from uapseg.app.api import Endpoints
from uapseg.app.handlers.context import Context
from uapseg.app.handlers.training import load_page, pause_run
from uapseg.app.runs.device_queue import Call, RunQueue
from uapseg.app.workspace_cache import WorkspaceCache


@dataclass
class Served:
    """A page, and the way to it."""

    context: Context
    web: httpx.Client
    events: dict[str, int]

    def send(self, event: str, *data: object, session: str = "nobody") -> dict:
        """Sends an event through the queue; how it ended."""
        sent = {"fn_index": self.events[event], "data": data, "session_hash": session}
        self.web.post("gradio_api/queue/join", json=sent).raise_for_status()
        with self.web.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as lines:
            for line in lines.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("msg") == "process_completed":
                    return message
        raise AssertionError("no answer")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with small_world() as workspaces:
        context = Context(workspaces, registry(), patience=600)
        with small_served(context) as url, httpx.Client(base_url=url, timeout=120) as web:
            config = web.get("config").json()
            yield Served(context, web, {each["api_name"]: each["id"] for each in config["dependencies"]})


@pytest.mark.parametrize("route", ["run", "api"])
@pytest.mark.parametrize(
    "name", ["train", "evaluate", "apply", "start_run", "run_turn", "load_page", "open_file", "perturb_video"]
)
def test_nothing_that_is_to_take_turns_can_be_asked_for_past_the_queue(served: Served, route: str, name: str):
    for path in (f"gradio_api/{route}/{name}", f"gradio_api/{route}/{name}/"):
        assert served.web.post(path, json={"data": []}).status_code == 404


@pytest.mark.parametrize("path", ["monitoring", "monitoring/summary", "monitoring/x"])
def test_what_visitors_do_is_not_shown_to_others(served: Served, path: str):
    assert served.web.get(path).status_code == 403


def test_a_session_that_the_server_has_lost_goes_on_by_the_token(served: Served):
    context, pair = served.context, ("hours", "plain:x")
    context.workspaces.ask(pair, "")
    ends = time.monotonic() + 60
    while context.workspaces.get(pair) is None and time.monotonic() < ends:
        time.sleep(0.01)
    token = load_page(context, None)[0]
    data = values(context, model="hours", inside="day", rest="night", hide=["noon"])
    assert served.send("start_run", token, *data)["success"]
    run = context.runs.get(token)
    assert run
    assert run.plan
    assert (run.status, run.plan.model, run.plan.target.classes) == ("waiting", "hours", ("day",))
    pause_run(context, token)


def test_a_stranger_cannot_have_a_turn_that_has_not_come(served: Served):
    context = served.context
    token, first = load_page(context, None)[0], Call()
    context.runs.queue.join(first)
    assert context.runs.queue.enter(first)
    served.send("start_run", token, *values(context))
    served.send("run_turn", token)
    run = context.runs.get(token)
    assert run
    assert (run.status, run.image_gradients) == ("waiting", 0)
    context.runs.queue.leave(first)
    pause_run(context, token)


def test_a_program_waits_for_the_device_as_visitors_do(workspaces: WorkspaceCache):
    line, holder = RunQueue(1), Call()
    line.join(holder)
    assert line.enter(holder)
    answers: list[dict] = []
    call = threading.Thread(target=lambda: answers.append(Endpoints(workspaces, line).train(text="o", budget=64)[0]))
    call.start()
    call.join(1)
    assert not answers
    line.leave(holder)
    call.join(120)
    assert answers[0]["image_gradients"] == 64
    assert line.turn(holder) is False
    line.join(holder)
    assert line.enter(holder)  # the program has left


@pytest.mark.parametrize("odd", [7, ["a"], {"a": 1}, None, "x"])
def test_controls_of_another_kind_leave_a_sentence_or_the_default(served: Served, odd: Any):
    context = served.context
    run = ran(context, budget=64)
    for number, name in enumerate(("goal", "word", "inside", "hide", "epsilon", "preset")):
        data = values(context, **{name: odd})
        ended = served.send("start_run", run.token, *data, session=f"odd{number}")
        assert ended["success"] or len(ended["output"]["error"]) > 20, name
        pause_run(context, run.token)
    run.controls = replace(context.first)
