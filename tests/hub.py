"""A server on this machine that speaks as much of the Hugging Face Hub's protocol as pushing and fetching need."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import huggingface_hub
import pytest

TOKEN = "hf_of_the_test"


class Hub(ThreadingHTTPServer):
    """Its repositories, and what was asked of it.

    Attributes:
        repos: The files of each repository by its id.
        private: The repositories that were made private.
        asked: Each request, as method and path.
        claimed: The sizes that it claims of files, where they are not theirs.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repos: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.asked: list[str] = []
        self.claimed: dict[str, int] = {}
        self.objects: dict[str, bytes] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repo: str) -> str:
        """The name of a repository's newest commit: another one whenever a file is another one."""
        files = b"".join(name.encode() + content for name, content in sorted(self.repos[repo].items()))
        return sha256(files).hexdigest()[:40]


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"POST {self.path}")
        if self.path == "/api/validate-yaml":
            return self._say({"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401)
        if self.path == "/api/repos/create":
            return self._create(json.loads(content))
        if self.path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(content))
        _, _, _, user, name, action, *_ = self.path.split("/")
        if action == "preupload":
            kinds = {".png": "lfs", ".safetensors": "lfs"}
            paths = [file["path"] for file in json.loads(content)["files"]]
            modes = {path: kinds.get(path[path.rfind(".") :], "regular") for path in paths}
            files = [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in modes.items()]
            return self._say({"files": files})
        assert action == "commit"
        return self._commit(f"{user}/{name}", content)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.objects[sha256(content).hexdigest()] = content
        self._say({})

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        self._file(body=True)

    def _create(self, wanted: dict) -> None:
        repo = f"{wanted['organization']}/{wanted['name']}"
        if wanted["organization"] != "me":
            return self._refuse(403)
        if repo in self.server.repos:
            return self._say({"error": "it is there", "url": f"{self.server.address}/{repo}"}, 409)
        self.server.repos[repo] = {}
        if wanted.get("private") or wanted.get("visibility") == "private":
            self.server.private.add(repo)
        return self._say({"url": f"{self.server.address}/{repo}"})

    def _batch(self, wanted: dict) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.server.address}/lfs/{each['oid']}"}}}
            for each in wanted["objects"]
        ]
        self._say({"transfer": "basic", "objects": objects})

    def _commit(self, repo: str, content: bytes) -> None:
        for line in map(json.loads, content.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.repos[repo][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.repos[repo][value["path"]] = self.server.objects[value["oid"]]
        commit = self.server.commit(repo)
        address = f"{self.server.address}/{repo}/commit/{commit}"
        self._say({"success": True, "commitOid": commit, "commitUrl": address, "hookOutput": ""})

    def _file(self, *, body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        path = unquote(self.path.partition("?")[0])
        repo, resolve, rest = path.strip("/").partition("/resolve/")
        if not resolve or repo not in self.server.repos:
            return self._refuse(401, "RepoNotFound")
        revision, _, name = rest.partition("/")
        commit = self.server.commit(repo)
        if revision not in {"main", commit}:
            return self._refuse(404, "RevisionNotFound")
        if name not in self.server.repos[repo]:
            return self._refuse(404, "EntryNotFound", commit)
        content = self.server.repos[repo][name]
        self.send_response(200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(self.server.claimed.get(name, len(content))))
        self.end_headers()
        self.wfile.write(content if body else b"")
        return None

    def _refuse(self, status: int, code: str = "", commit: str = "") -> None:
        self._say({"error": "refused"}, status, {"X-Error-Code": code, "X-Repo-Commit": commit})

    def _say(self, fields: dict, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(fields).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Such a server, while it runs."""
    with Hub() as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        try:
            yield hub
        finally:
            hub.shutdown()


def go_to(address: str, cache: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the Hub's library of this process use another server and an empty cache, as HF_ENDPOINT and HF_HOME would.

    The library reads those when it is imported.
    """
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its servers speak another protocol
    monkeypatch.setenv("HF_TOKEN", TOKEN)
