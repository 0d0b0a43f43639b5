"""What the browser gets when it pulls: only what is newer than what it has, and no more frames than it can show."""

import asyncio
import time
from dataclasses import replace
from typing import Any

from uapseg.app import messages
from uapseg.app.computing import call_in_thread
from uapseg.app.frame_options import Request
from uapseg.app.registry import Registry
from uapseg.app.rendering import frame, shown_photo
from uapseg.app.runs import GOING, Run
from uapseg.app.view_model import figures, heading
from uapseg.app.workspace import Workspace
from uapseg.app.workspaces import LoadStatus, WorkspaceCache

LONGEST_WAIT = 8.0
FRAME_SECONDS = 1 / 8
COMING_SECONDS = 0.4
LOOK_SECONDS = {"running": 0.02, "waiting": 0.25}
REST_SECONDS = 0.05
"""How often a poll looks for news: of runs that wait there may be hundreds."""
IDLE_SHARE = 4
"""After a frame the page leaves the machine alone for this many times as long as it took to make."""

HEADING = ("choice", "mask", "plan")
FIGURES = ("look", "curve", "legs", "moments", "left_out")


class Polling:
    """Answers the browser's long polls."""

    def __init__(self, workspaces: WorkspaceCache, runs: Registry) -> None:
        self._workspaces, self._runs = workspaces, runs

    async def pull(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Waits until there is something new, at most 8 seconds, and answers with it; holds no thread meanwhile."""
        request = Request.of(sent)
        run = self._runs.get(request.token)
        if run is None:
            return {"gone": True}
        run.watch()
        workspace = self._workspaces.get(run.choice.pair)
        if workspace is None:
            return await self._coming(run)
        await self._wait(run, request, workspace)
        workspace = self._workspaces.get(run.choice.pair)
        if workspace is None:
            return await self._coming(run)
        return await self._reply(run, request, workspace)

    async def _coming(self, run: Run) -> dict[str, Any]:
        """How far the network and the pictures are that the visitor chose."""
        pair = run.choice.pair
        coming = await asyncio.to_thread(self._workspaces.ask, pair, run.token)
        details = await asyncio.to_thread(self._workspaces.details, pair)
        await asyncio.sleep(COMING_SECONDS)
        return {
            "coming": messages.loading_message(coming, pair, details),
            "state": coming.state,
            "share": _share(coming),
        }

    async def _wait(self, run: Run, request: Request, workspace: Workspace) -> None:
        queue = self._runs.queue
        until, place = time.monotonic() + LONGEST_WAIT, queue.place(run)
        pair = run.choice.pair
        while time.monotonic() < until and run.choice.pair == pair:
            if self._news(run, request, workspace) or queue.place(run) != place or self._called(run, request):
                break
            run.watch()
            await asyncio.sleep(LOOK_SECONDS.get(run.status, REST_SECONDS))
        run.watch()

    async def _reply(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        if _other(request, workspace):
            request = replace(request, seq=-1, frame=-1, mine=-1)
        apart = call_in_thread if run.photos else asyncio.to_thread  # the network looks at photos that are new
        reply = await apart(self._facts, run, request, workspace)
        if self._due(run, request):
            reply |= await call_in_thread(self._frame, run, request, workspace)
        if self._mine_due(run, request):
            reply |= await call_in_thread(self._mine, run, request, workspace)
        return reply

    def _news(self, run: Run, request: Request, workspace: Workspace) -> bool:
        parts = ("status", "note", "view", "photos", "drawn", *HEADING, *FIGURES)
        return (
            request.seq < 0
            or _other(request, workspace)
            or run.newer(request.seq, *parts)
            or self._due(run, request)
            or self._mine_due(run, request)
        )

    def _called(self, run: Run, request: Request) -> bool:
        """Whether it is the run's turn, and the browser does not know it yet."""
        return request.turn != run.ticket and self._runs.queue.turn(run)

    def _due(self, run: Run, request: Request) -> bool:
        if request.hidden or run.levels is None or not run.is_current:
            return False
        if run.newer(request.seq, "view"):  # another picture is shown with the perturbation on it at once
            return True
        return run.newer(request.frame, "levels", "view") and time.monotonic() >= run.shown.get("next", 0)

    def _mine_due(self, run: Run, request: Request) -> bool:
        if not request.own or not run.photos or run.levels is None or not run.is_current:
            return False
        return run.newer(request.mine, "look", "photos") and time.monotonic() >= run.shown.get("next", 0)

    def _facts(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        seq = run.seq
        reply: dict[str, Any] = {
            "seq": seq,
            "status": run.status if run.is_current or run.status in GOING else "idle",
            "note": run.note,
            "place": self._runs.queue.place(run),
            "turn": run.ticket if self._runs.queue.turn(run) else 0,
            "spent": run.spent if run.is_current else 0,
            "total": run.total if run.is_current else run.choice.budget,
            "seconds": run.seconds,
        }
        fresh = request.seq < 0
        if _other(request, workspace):
            reply["world"] = workspace.facts
        if fresh or run.newer(request.seq, "view"):
            photo = shown_photo(run, workspace)
            reply["photo"] = {"view": run.view, **({} if photo is workspace.scene else workspace.clean(photo))}
        if fresh or run.newer(request.seq, "photos"):
            reply["photos"] = [workspace.small(workspace.photo(photo)) for photo in run.photos]
        if fresh or run.newer(request.seq, *HEADING):
            reply |= heading(run, workspace)
        if run.choice.drawing and (fresh or run.newer(request.seq, "drawn")):
            reply["strokes"] = run.choice.drawing
        if fresh or run.newer(request.seq, *FIGURES):
            reply |= figures(run, workspace)
        return reply

    def _frame(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        version = max(run.versions.get(name, 0) for name in ("levels", "view"))  # read first: older is drawn again
        photo, levels, plan = shown_photo(run, workspace), run.levels, run.plan
        key = (version, request.wanted)
        if levels is None or plan is None:  # reset in the meantime
            return {}
        if run.shown.get("key") != key:
            began = time.monotonic()
            pictures = frame(workspace, photo, levels, plan, request.wanted)
            run.shown = {"key": key, "pictures": pictures, "next": _rested(began)}
        return {"frame": version, **run.shown["pictures"]}

    def _mine(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        """The figures of the visitor's own photos."""
        version = max(run.versions.get(name, 0) for name in ("look", "photos"))
        levels, plan = run.levels, run.plan
        if levels is None or plan is None:
            return {}
        began = time.monotonic()
        photos = [workspace.photo(photo) for photo in run.photos]
        judged = workspace.judge(photos, levels, plan.target, stretch=request.wanted.stretch)
        run.shown["next"] = _rested(began)
        return {"mine": {"version": version, **judged}}


def _other(request: Request, workspace: Workspace) -> bool:
    """Whether the browser still shows another network or other pictures."""
    return request.world != workspace.facts["key"]


def _rested(began: float) -> float:
    """When the page may compute again, after work that began then."""
    now = time.monotonic()
    return now + max(FRAME_SECONDS - (now - began), IDLE_SHARE * (now - began))


def _share(coming: LoadStatus) -> float | None:
    return coming.received / coming.total if coming.state == "fetching" and coming.total else None
