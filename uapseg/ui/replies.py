"""What the browser gets when it pulls: only what is newer than what it has, and no more frames than it can show."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from uapseg.errors import UapsegError
from uapseg.targets import Target
from uapseg.ui import words
from uapseg.ui.runs import Registry, Run
from uapseg.ui.studio import Studio

LONGEST_WAIT = 8.0
FRAME_SECONDS = 1 / 8
IDLE_SHARE = 4
"""After a frame the page leaves the machine alone for this many times as long as it took to make."""


@dataclass(frozen=True)
class Request:
    """What the browser has: the `seq` it saw last, the version of its frame, and how it wants the next one."""

    token: str
    seq: int = -1
    frame: int = -1
    slow: bool = False
    hidden: bool = False

    @classmethod
    def of(cls, sent: object) -> "Request":
        """A request from whatever was sent."""
        values = sent if isinstance(sent, dict) else {}
        numbers = {name: values.get(name) for name in ("seq", "frame")}
        return cls(
            str(values.get("token", "")),
            **{name: number if isinstance(number, int) else -1 for name, number in numbers.items()},
            **{name: values.get(name) is True for name in ("slow", "hidden")},
        )


class Replies:
    """Answers the browser's long polls."""

    def __init__(self, studio: Studio, runs: Registry) -> None:
        self._studio, self._runs = studio, runs

    async def pull(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Waits until there is something new, at most 8 seconds, and answers with it; holds no thread meanwhile."""
        request = Request.of(sent)
        run = self._runs.get(request.token)
        if run is None:
            return {"gone": True}
        until = time.monotonic() + LONGEST_WAIT
        place = self._runs.place(run)
        while not self._news(run, request) and self._runs.place(run) == place and time.monotonic() < until:
            run.watch()
            await asyncio.sleep(0.02)
        run.watch()
        reply = self._facts(run, request)
        if self._due(run, request):
            reply |= await asyncio.to_thread(self._frame, run, request)
        return reply

    def _news(self, run: Run, request: Request) -> bool:
        parts = ("status", "note", "choice", "mask", "plan", "photo", "look", "curve")
        return request.seq < 0 or run.newer(request.seq, *parts) or self._due(run, request)

    def _due(self, run: Run, request: Request) -> bool:
        if request.hidden or run.levels is None or run.plan is None:
            return False
        return run.newer(request.frame, "levels", "photo") and time.monotonic() >= run.shown.get("next", 0)

    def _facts(self, run: Run, request: Request) -> dict[str, Any]:
        seq = run.seq
        reply: dict[str, Any] = {
            "seq": seq,
            "status": run.status,
            "note": run.note,
            "place": self._runs.place(run),
            "spent": run.spent,
            "total": run.total,
            "seconds": run.seconds,
        }
        if run.newer(request.seq, "photo") or request.seq < 0:
            reply["photo"] = self._studio.clean(run.photo) if run.photo else None  # the page has the scene
        if run.newer(request.seq, "choice", "mask", "plan") or request.seq < 0:
            reply |= self._heading(run)
        if request.seq < 0 and run.choice.drawing:
            reply["strokes"] = run.choice.drawing
        if run.newer(request.seq, "look", "curve") or request.seq < 0:
            reply |= self._figures(run)
        return reply

    def _heading(self, run: Run) -> dict[str, Any]:
        chosen = run.choice
        try:
            wanted = chosen.target(self._studio.size, run.mask)
            picture = self._studio.wanted(wanted)
        except UapsegError:
            wanted, picture = None, None
        names = self._studio.model.classes
        heading: dict[str, Any] = {
            "wanted": picture,
            "drawing": chosen.goal == words.STATIC and chosen.source == words.DRAW,
            "ink": names.index(chosen.inside) if chosen.inside in names else 0,
        }
        target: Target | None = run.plan.target if run.plan else wanted
        if target:
            epsilon = round(run.plan.settings.epsilon * 255) if run.plan else chosen.epsilon
            source = run.source if run.plan else chosen.source
            heading["shares"] = words.shares(target, source)
            heading["here"] = words.here(target)
            heading["amplified"] = f"{127.5 / epsilon:.3g}"
            heading["caption"] = words.caption(target, epsilon)
        return heading

    def _figures(self, run: Run) -> dict[str, Any]:
        look = run.look
        return {
            "scores": look and look["scores"],
            "each": look and look["each"][: len(look["predictions"])],
            "thumbs": look and self._studio.thumbs(look["predictions"]),
            "looked": look and look["spent"],
            "floors": run.floors,
            "curve": run.curve,
        }

    def _frame(self, run: Run, request: Request) -> dict[str, Any]:
        version = max(run.versions.get(name, 0) for name in ("levels", "photo"))  # read first: older is drawn again
        photo, levels, plan = run.photo or self._studio.scene, run.levels, run.plan
        key = (version, request.slow)
        if levels is None or plan is None:  # reset in the meantime
            return {}
        if run.shown.get("key") != key:
            began = time.monotonic()
            pictures = self._studio.frame(photo, levels, plan, slow=request.slow)
            took = time.monotonic() - began
            wait = max(FRAME_SECONDS - took, IDLE_SHARE * took)
            run.shown = {"key": key, "pictures": pictures, "next": time.monotonic() + wait}
        return {"frame": version, **run.shown["pictures"]}
