"""The server beside Gradio: the page's scripts, a limit on requests, memory and threads."""

import asyncio
import ctypes
import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import cache, partial
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
STYLES = (
    "theme.css",
    "gradio.css",
    "controls.css",
    "stage.css",
    "parts.css",
    "panels.css",
    "small.css",
    "present.css",
)
FOREVER = "public, max-age=31536000, immutable"
"""How long a browser keeps a script: another version has another address."""


def read_static(*names: str) -> str:
    """The text of files in ``static``, one after the other.

    Example:
        >>> read_static("stage.html")[:4]
        '<sec'
    """
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def _modules_path() -> str:
    """The address of the scripts, which differs between versions, so that no cache is ever stale."""
    scripts = "".join(read_static(file.name) for file in sorted(STATIC.glob("*.js")))
    return f"/scripts-{hashlib.sha256(scripts.encode()).hexdigest()[:12]}"


MODULES = _modules_path()


async def _script(request: Request) -> FileResponse:
    name = request.path_params["name"]
    if name not in {file.name for file in STATIC.glob("*.js")}:
        raise HTTPException(404)
    return FileResponse(STATIC / name, media_type="text/javascript", headers={"Cache-Control": FOREVER})


def routes() -> list[BaseRoute]:
    """The routes that the page needs besides Gradio's own.

    Example:
        >>> [route.path.endswith("/{name}") for route in routes()]
        [True]
    """
    return [Route(f"{MODULES}/{{name}}", _script)]  # a mount of files would not know a root_path


MAX_BODY = 4 << 20


class BodyLimit:
    """Refuses requests with long bodies, except uploads, which go to disk and have a limit of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request."""
        if scope["type"] != "http" or scope["path"].rstrip("/").endswith("/upload"):
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 12 or int(length) > MAX_BODY:
            await PlainTextResponse("The request is too long.", 413)(scope, receive, send)
            return
        remaining_bytes = MAX_BODY

        async def limited() -> Message:
            """The next message; a disconnect once a body of undeclared length is too long."""
            nonlocal remaining_bytes
            message = await receive()
            remaining_bytes -= len(message.get("body", b""))
            return message if remaining_bytes >= 0 else {"type": "http.disconnect"}

        await self._app(scope, limited, send)


DECODING = threading.Lock()
"""Held while an upload is decoded: one file at a time, however many come at once."""

ARENAS = 2
"""Heaps that threads share. By default there are eight for each core, and each keeps the most that it ever held."""

TRIM_SECONDS = 15.0

_ARENA_MAX = -8
"""What ``malloc.h`` calls M_ARENA_MAX."""


@cache
def limit_arenas() -> None:
    """Makes the threads of this process share few heaps, and returns free memory to the system every few seconds.

    Does nothing unless the C library is glibc. Call it before any thread starts.

    Example:
        >>> limit_arenas()
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  others have none
        libc.mallopt(_ARENA_MAX, ARENAS)
        threading.Thread(target=_trim, args=(libc,), name="trim", daemon=True).start()


def _trim(libc: ctypes.CDLL) -> None:
    pause = threading.Event()
    while not pause.wait(TRIM_SECONDS):
        libc.malloc_trim(0)


_THREADS = ThreadPoolExecutor(max(2, (os.cpu_count() or 2) // 2), thread_name_prefix="uapseg")
"""What asks the network goes here: it takes turns, and does not hold up what takes a few milliseconds."""


async def call_in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Calls a function that runs the network, in a small pool of threads.

    Example:
        >>> asyncio.run(call_in_thread(sum, (1, 2)))
        3
    """
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(context.run, function, *args))
