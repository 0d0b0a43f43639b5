"""What the browser asks for while the page is open: long polls, webcam frames, and clips."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from uapseg.app import messages, strings
from uapseg.app.catalogue import LoadStatus, loading_message
from uapseg.app.frames import (
    RATE,
    FrameOptions,
    LabelMap,
    Photo,
    Picture,
    Recording,
    Request,
    mp4,
    perturb_photo,
    to_values,
)
from uapseg.app.runs.device import LevelArray
from uapseg.app.runs.own_pictures import Footage
from uapseg.app.runs.registry import Registry
from uapseg.app.runs.run import ACTIVE, Run
from uapseg.app.server import DECODING, call_in_thread
from uapseg.app.view.figures import figures, heading
from uapseg.app.view.rendering import frame, frame_payload, render_frame, shown_photo, viewed_perturbation
from uapseg.app.workspace import Workspace, overlay_classes
from uapseg.app.workspace_cache import WorkspaceCache
from uapseg.errors import UapsegError
from uapseg.io.images import read_picture, size_of

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


MAX_SECONDS = 6
MAX_SIDE = 512
"""The longer side of the frames that are decoded; they are then made to fit as every other picture."""

DECODER = Path(__file__).with_name("decoder.py")
DECODER_PATIENCE = 60.0
"""Seconds after which the decoder is ended; on a free core it takes three at most."""


def perturb_clip(
    path: Path, levels: LevelArray, workspace: Workspace, report: Callable[[float], None] = lambda _: None
) -> bytes:
    """Adds the perturbation to every frame of a clip, with the predictions beside it, as MP4.

    Args:
        path: The clip.
        levels: The perturbation.
        workspace: The network.
        report: Called with the share of finished frames.

    Raises:
        UapsegError: The file is not a video that can be read.
    """
    with DECODING:
        pictures = decode_clip(path)
    frames: list[Picture] = []
    for picture in pictures:
        frames.append(_perturbed_frame(workspace.fit(Image.fromarray(picture)), levels, workspace))
        report(len(frames) / len(pictures))
    return mp4(frames, RATE)


def decode_clip(
    path: Path, seconds: float = MAX_SECONDS, rate: float = RATE, max_side: int = MAX_SIDE
) -> list[Picture]:
    """Decodes the first seconds of a video: upright frames at a limited rate and size.

    A separate process decodes them, as a stranger's video may take any memory and time, or crash FFmpeg.

    Args:
        path: The video.
        seconds: The length to decode.
        rate: Frames a second.
        max_side: The longer side of the frames.

    Raises:
        UapsegError: The file is not a video that can be read, or its frames are too large or too small.
    """
    arguments = [path, _format(path), seconds, rate, max_side]
    command = [sys.executable, "-P", DECODER, *arguments]
    try:
        process = subprocess.run(  # noqa: S603  a file of the project, and no shell
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DECODER_PATIENCE,
            check=False,
        )
        head, _, content = process.stdout.partition(b"\n")
        header = json.loads(head)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UapsegError(strings.NO_CLIP) from error
    if "refused" in header:
        raise UapsegError(strings.CLIP_SIZE if header["refused"] == "size" else strings.NO_CLIP)
    size = header["height"] * header["width"] * 3
    frames = np.frombuffer(content[: len(content) // size * size], np.uint8)
    return list(frames.reshape(-1, header["height"], header["width"], 3))


def _format(path: Path) -> str:
    """The container format, by its first bytes; others are refused, as some (playlists) refer to further files."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    raise UapsegError(strings.NO_CLIP)


def _perturbed_frame(picture: Picture, levels: LevelArray, workspace: Workspace) -> Picture:
    after = perturb_photo(picture, levels)
    return side_by_side(after, workspace.predict(after), workspace)


def side_by_side(picture: Picture, prediction: LabelMap, workspace: Workspace) -> Picture:
    """A picture, and beside it the same with its predictions overlaid."""
    return np.hstack([picture, overlay_classes(picture, prediction, workspace)])


MAX_LETTERS = 1_000_000
MAX_DECODED = 1_000_000
"""Pixels of a frame as it comes: frames of all visitors are decoded at once."""


class Camera:
    """Predicts the frames of cameras."""

    def __init__(self, workspaces: WorkspaceCache, runs: Registry) -> None:
        self._workspaces, self._runs = workspaces, runs

    async def camera_frame(self, payload: object) -> dict[str, Any]:
        """The predictions for a camera frame without and with the perturbation; empty while another is in progress.

        Raises:
            UapsegError: The frame is not a picture.
        """
        values = to_values(payload)
        run = self._runs.get(values.get("token"))
        workspace = run and self._workspaces.of(run)
        if not run or not workspace or not run.frame_lock.acquire(blocking=False):
            return {}
        run.mark_watched()
        try:
            return await call_in_thread(_process_frame, run, workspace, values)
        finally:
            run.frame_lock.release()


def _process_frame(run: Run, workspace: Workspace, values: dict[str, Any]) -> dict[str, Any]:
    picture = workspace.fit(read_picture(_content(values.get("picture"))))
    photo = Photo(picture, workspace.predict(picture))
    reply, photo_after = {"photo": workspace.clean(photo)}, photo
    (levels, plan), options = viewed_perturbation(run, values), FrameOptions.of(values)
    if run.is_current and levels is not None and plan is not None:
        rendered_frame = render_frame(workspace, photo, levels, options)
        reply |= frame_payload(workspace, photo, rendered_frame, plan, options)
        photo_after = rendered_frame.photo
    number, footage = values.get("record"), values.get("footage")
    reply |= _add_footage(run, picture, footage) if isinstance(footage, int) else {}
    return reply | (_record(run, workspace, photo_after, number) if isinstance(number, int) else {})


def _content(uri: object) -> bytes:
    """The bytes of a picture in a data URI."""
    encoded_content = uri.partition(",")[2] if isinstance(uri, str) else ""
    if len(encoded_content) > MAX_LETTERS:
        raise UapsegError(strings.BAD_CAMERA_FRAME)
    try:
        content = base64.b64decode(encoded_content, validate=True)
    except ValueError as error:
        raise UapsegError(strings.BAD_CAMERA_FRAME) from error
    width, height = size_of(content) or (0, 0)
    if width * height > MAX_DECODED:
        raise UapsegError(strings.BAD_CAMERA_FRAME)
    return content


def _add_footage(run: Run, picture: Picture, number: int) -> dict[str, Any]:
    """Adds a frame to the recording to train on; returns its length, and whether it is long enough."""
    if run.footage is None or run.footage.number != number:
        run.footage = Footage(number)
    run.footage.add(picture, time.monotonic())
    return {"filmed": run.footage.seconds, "enough": run.footage.full}


def _record(run: Run, workspace: Workspace, photo: Photo, number: int) -> dict[str, Any]:
    """Adds the shown frame to the recording with that number; returns its length."""
    if run.recording is None or run.recording.number != number:
        run.recording = Recording(number)
    run.recording.add(side_by_side(photo.picture, photo.prediction, workspace))
    return {"recorded": run.recording.seconds, "full": run.recording.full}
