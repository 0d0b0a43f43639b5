"""The long polls of the browser while the page is open."""

import asyncio
import time
from dataclasses import replace
from typing import Any

from uapseg.app import messages
from uapseg.app.catalogue import LoadStatus, loading_message
from uapseg.app.frames import Request
from uapseg.app.runs.registry import Registry
from uapseg.app.runs.run import ACTIVE, Run
from uapseg.app.server import call_in_thread
from uapseg.app.view.figures import figures, heading
from uapseg.app.view.rendering import frame, shown_photo
from uapseg.app.workspace import Workspace
from uapseg.app.workspace_cache import WorkspaceCache

MAX_WAIT = 8.0
FRAME_SECONDS = 1 / 8
COMING_SECONDS = 0.4
POLL_SECONDS = {"running": 0.02, "waiting": 0.25}
REST_SECONDS = 0.05
"""Seconds between two checks of a poll: hundreds of runs may be waiting."""
IDLE_SHARE = 4
"""After a frame the page leaves the machine alone for this many times as long as it took to make."""

HEADING = ("controls", "mask", "plan")
FIGURES = ("validation", "curve", "plan_changes", "history_points", "link_warning", "test_scores")


class Polling:
    """Answers the browser's long polls."""

    def __init__(self, workspaces: WorkspaceCache, runs: Registry) -> None:
        self._workspaces, self._runs = workspaces, runs

    async def poll(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Waits for news, at most 8 seconds, and returns them; occupies no thread while waiting."""
        request = Request.of(payload)
        run = self._runs.get(request.token)
        if run is None:
            return {"gone": True}
        run.mark_watched()
        workspace = self._workspaces.of(run)
        if workspace is None:
            return await self._loading_reply(run)
        await self._wait(run, request, workspace)
        workspace = self._workspaces.of(run)
        if workspace is None:
            return await self._loading_reply(run)
        return await self._reply(run, request, workspace)

    async def _loading_reply(self, run: Run) -> dict[str, Any]:
        """The progress of loading the network and the pictures that the visitor chose."""
        pair = run.controls.pair
        status = await asyncio.to_thread(self._workspaces.ask_for, run)
        details = await asyncio.to_thread(self._workspaces.details, pair)
        await asyncio.sleep(COMING_SECONDS)
        return {
            "loading": loading_message(status, pair, details),
            "state": status.state,
            "share": _share(status),
        }

    async def _wait(self, run: Run, request: Request, workspace: Workspace) -> None:
        queue = self._runs.queue
        deadline, place = time.monotonic() + MAX_WAIT, queue.place(run)
        pair = run.controls.pair
        while time.monotonic() < deadline and run.controls.pair == pair:
            if (
                self._has_news(run, request, workspace)
                or queue.place(run) != place
                or self._has_new_turn(run, request)
            ):
                break
            run.mark_watched()
            await asyncio.sleep(POLL_SECONDS.get(run.status, REST_SECONDS))
        run.mark_watched()

    async def _reply(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        if _shows_other_pair(request, workspace):
            request = replace(request, seq=-1, frame=-1, own_version=-1)
        call = call_in_thread if run.photos else asyncio.to_thread  # the network looks at photos that are new
        reply = await call(self._run_reply, run, request, workspace)
        if self._frame_due(run, request):
            reply |= await call_in_thread(self._frame, run, request, workspace)
        if self._own_figures_due(run, request):
            reply |= await call_in_thread(self._own_figures, run, request, workspace)
        return reply

    def _has_news(self, run: Run, request: Request, workspace: Workspace) -> bool:
        parts = (
            "status",
            "note",
            "reading",
            "view",
            "photos",
            "own_pictures",
            "kept_runs",
            "drawing_version",
            *HEADING,
            *FIGURES,
        )
        return (
            request.seq < 0
            or _shows_other_pair(request, workspace)
            or run.changed_since(request.seq, *parts)
            or self._frame_due(run, request)
            or self._own_figures_due(run, request)
        )

    def _has_new_turn(self, run: Run, request: Request) -> bool:
        """Whether it is the run's turn and the browser does not know yet."""
        return request.turn != run.ticket and self._runs.queue.turn(run)

    def _frame_due(self, run: Run, request: Request) -> bool:
        if request.hidden or run.levels is None or not run.is_current:
            return False
        if run.changed_since(request.seq, "view"):  # another picture is shown with the perturbation on it at once
            return True
        return run.changed_since(request.frame, "levels", "view") and time.monotonic() >= run.frame_cache.get(
            "next", 0
        )

    def _own_figures_due(self, run: Run, request: Request) -> bool:
        if not request.wants_own or not run.photos or run.levels is None or not run.is_current:
            return False
        return run.changed_since(
            request.own_version, "validation", "photos"
        ) and time.monotonic() >= run.frame_cache.get("next", 0)

    def _run_reply(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        seq = run.seq
        reply: dict[str, Any] = {
            "seq": seq,
            "status": run.status if run.is_current or run.status in ACTIVE else "idle",
            "note": run.note,
            "reading": run.reading,
            "place": self._runs.queue.place(run),
            "turn": run.ticket if self._runs.queue.turn(run) else 0,
            "image_gradients": run.image_gradients if run.is_current else 0,
            "total": run.total if run.is_current else run.controls.budget,
            "seconds": run.seconds,
            "perturbation_version": run.versions.get("levels", 0),
        }
        is_first = request.seq < 0
        if _shows_other_pair(request, workspace):
            reply["workspace"] = workspace.facts
        if is_first or run.changed_since(request.seq, "view"):
            photo = shown_photo(run, workspace)
            reply["photo"] = {"view": run.view, **({} if photo is workspace.scene else workspace.clean(photo))}
        reply |= _belongings(run, request.seq, workspace)
        if is_first or run.changed_since(request.seq, *HEADING):
            reply |= heading(run, workspace)
        if run.controls.drawing and (is_first or run.changed_since(request.seq, "drawing_version")):
            reply["strokes"] = run.controls.drawing
        if is_first or run.changed_since(request.seq, *FIGURES):
            reply |= figures(run, workspace)
        return reply

    def _frame(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        version = max(run.versions.get(name, 0) for name in ("levels", "view"))  # read first: older is drawn again
        photo, levels, plan = shown_photo(run, workspace), run.levels, run.plan
        key = (version, request.options)
        if levels is None or plan is None:  # reset in the meantime
            return {}
        if run.frame_cache.get("key") != key:
            start_time = time.monotonic()
            pictures = frame(workspace, photo, levels, plan, request.options)
            run.frame_cache = {"key": key, "pictures": pictures, "next": _next_frame_time(start_time)}
        return {"frame": version, **run.frame_cache["pictures"]}

    def _own_figures(self, run: Run, request: Request, workspace: Workspace) -> dict[str, Any]:
        """The figures of the visitor's own photos."""
        version = max(run.versions.get(name, 0) for name in ("validation", "photos"))
        levels, plan = run.levels, run.plan
        if levels is None or plan is None:
            return {}
        start_time = time.monotonic()
        photos = [workspace.photo(photo) for photo in run.photos]
        evaluation = workspace.evaluate(
            photos, levels, plan.target, stretch=request.options.stretch, defence=request.options.defence
        )
        run.frame_cache["next"] = _next_frame_time(start_time)
        return {"own": {"version": version, **evaluation}}


def _belongings(run: Run, seq: int, workspace: Workspace) -> dict[str, Any]:
    """Changes of a visitor's photos, of their own training pictures, and of the runs of this visit."""
    reply: dict[str, Any] = {}
    if seq < 0 or run.changed_since(seq, "photos"):
        reply["photos"] = [workspace.small(workspace.photo(photo)) for photo in run.photos]
    if seq < 0 or run.changed_since(seq, "own_pictures", "controls"):
        is_chosen = run.own_pictures is not None and run.controls.data == run.own_pictures.name
        reply["training_set"] = {"line": messages.own_pictures(run.own_pictures), "chosen": is_chosen}
    if seq < 0 or run.changed_since(seq, "kept_runs"):
        reply["runs"] = [kept_run.card for kept_run in run.kept_runs]
    return reply


def _shows_other_pair(request: Request, workspace: Workspace) -> bool:
    """Whether the browser still shows another network or other pictures."""
    return request.workspace != workspace.facts["key"]


def _next_frame_time(start_time: float) -> float:
    """The earliest time of the next frame, given the start time of the last one."""
    time_now = time.monotonic()
    return time_now + max(FRAME_SECONDS - (time_now - start_time), IDLE_SHARE * (time_now - start_time))


def _share(status: LoadStatus) -> float | None:
    return status.received / status.total if status.state == "fetching" and status.total else None
