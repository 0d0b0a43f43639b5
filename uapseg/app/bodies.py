"""A limit on what a request says: as Python's objects, JSON takes twenty times as much memory as it has bytes."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 4 << 20


class BodyLimit:
    """Refuses requests with long bodies, but for uploads, which go to the disk and have a limit of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or scope["path"].rstrip("/").endswith("/upload"):
            await self._app(scope, receive, send)
            return
        said = dict(scope["headers"]).get(b"content-length", b"0")
        if not said.isdigit() or len(said) > 12 or int(said) > MOST_BODY:
            await PlainTextResponse("The request is too long.", 413)(scope, receive, send)
            return
        left = MOST_BODY

        async def limited() -> Message:
            """The next part, or, of a request that said nothing of its length, a break where it is too long."""
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            return message if left >= 0 else {"type": "http.disconnect"}

        await self._app(scope, limited, send)
