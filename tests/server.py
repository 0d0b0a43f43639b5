"""A server of files on a real socket, with the faults that real ones have."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """A file and how it is sent.

    Attributes:
        content: What is in it.
        status: The answer; of all but 200 nothing else is sent.
        ranges: Whether a part can be asked for.
        etag: The version that is named; empty names none.
        length: Whether the length is announced.
        cut: Bytes after which each answer breaks off.
        cuts: How many answers break off, before the server recovers.
        silent: Whether nothing comes after the headers, as long as the server runs.
        pause: Seconds before each thousand bytes.
        at_once: Bytes that come before the first pause.
        together: Where the answers wait for each other, after the headers.
        shift: How far beside the asked position a part begins.
    """

    content: bytes
    status: int = 200
    ranges: bool = True
    etag: str = '"1"'
    length: bool = True
    cut: int | None = None
    cuts: int = 1_000_000
    silent: bool = False
    pause: float = 0.0
    at_once: int = 0
    together: threading.Barrier | None = None
    shift: int = 0


@dataclass
class Server:
    """What is served, and what was asked for.

    Attributes:
        address: Where it is.
        files: What there is.
        asked: Of each question the path, and the headers Range and If-Range.
        sent: Bytes that were sent of each path.
        closing: Set at the end.
        busy: Who is sending a file, until just before the end of it: upon that the client may ask for the next.
        most: How many were at once.
        lock: Guards these two.
    """

    address: str
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    closing: threading.Event = field(default_factory=threading.Event)
    busy: set["Handler"] = field(default_factory=set)
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, path: str, content: bytes, **how: object) -> str:
        """Serves a file, and gives its address."""
        self.files[f"/{path}"] = Served(content, **how)
        return f"{self.address}/{path}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server that has nothing yet."""
    http = ManyAtOnce(("127.0.0.1", 0), Handler)
    http.here = Server(f"http://127.0.0.1:{http.server_address[1]}")
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield http.here
    finally:
        http.here.closing.set()
        http.shutdown()
        http.server_close()


class ManyAtOnce(ThreadingHTTPServer):
    """With the usual queue of five, the sixth who knocks waits for a second."""

    daemon_threads = True
    request_queue_size = 64


class Handler(BaseHTTPRequestHandler):
    """Sends the file that is asked for, in the way it is said to be sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        here: Server = self.server.here
        here.asked.append((self.path, self.headers["Range"], self.headers["If-Range"]))
        file = here.files.get(self.path)
        if file is None or file.status != 200:
            self.send_error(file.status if file else 404)
            return
        start = self.start_of(file)
        if start > len(file.content) or (start == len(file.content) and start):
            self.send_error(416)
            return
        with here.lock:
            here.busy.add(self)
            here.most = max(here.most, len(here.busy))
        self.send_headers(file, start)
        self.send_body(here, file, file.content[start + (file.shift if start else 0) :])
        self.end(here)

    def end(self, here: Server) -> None:
        with here.lock:
            here.busy.discard(self)

    def start_of(self, file: Served) -> int:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        same = self.headers["If-Range"] in {None, file.etag}
        return int(asked[1]) if asked and file.ranges and same else 0

    def send_headers(self, file: Served, start: int) -> None:
        self.send_response(206 if start else 200)
        if start:
            first = start + file.shift
            self.send_header("Content-Range", f"bytes {first}-{len(file.content) - 1}/{len(file.content)}")
        if file.etag:
            self.send_header("ETag", file.etag)
        if file.length:
            self.send_header("Content-Length", str(len(file.content) - start - (file.shift if start else 0)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def send_body(self, here: Server, file: Served, body: bytes) -> None:
        if file.silent:
            here.closing.wait(60)
        if file.together:
            file.together.wait(60)
        if file.cut is not None and file.cuts > 0:
            file.cuts -= 1
            body = body[: file.cut]
        for at in range(0, len(body), 1000):
            time.sleep(file.pause if at >= file.at_once else 0)
            here.sent[self.path] += len(body[at : at + 1000])  # before they arrive, for whoever then counts them
            if at + 1000 >= len(body):
                self.end(here)
            try:
                self.wfile.write(body[at : at + 1000])
            except OSError:  # who asked has gone
                return

    def log_message(self, *_: object) -> None:
        """Says nothing."""
