"""A small web site and a collector that remembers, both on one port of this machine.

It hands out pages, the files that `ethogram.web.snippet` names and the settings document, and speaks the collector's
contract: 200 with a small JSON body, errors as JSON, `Retry-After`, and what browsers ask across origins.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ethogram.web.snippet import FILES, settings

PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Posted:
    """One request to the collector."""

    path: str
    headers: dict[str, str]
    body: Any

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls in it, whether it is a batch or a single one."""
        return list(self.body["batch"]) if "batch" in self.body else [self.body]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the collector says; status 0 hangs up without a word."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    rejected: tuple[dict[str, Any], ...] = ()


class Site:
    """What is served, what was received, and what is answered next."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.posted: list[Posted] = []
        self.asked: list[str] = []  # GET and OPTIONS, as `OPTIONS /v1/batch`
        self.answers: list[Answer] = []  # for the next requests, in order; then 200
        self._changed = threading.Condition()
        site = self

        class Handler(_Handler):
            pass

        Handler.site = site
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.collector = f"http://127.0.0.1:{self.port}"
        self.other = f"http://localhost:{self.port}"  # another origin, served by the same process

    def page(self, path: str, html: str, **headers: str) -> str:
        """Puts a page up and returns its path; `Content_Security_Policy="…"` becomes a header."""
        self.pages[path] = (html, {name.replace("_", "-"): value for name, value in headers.items()})
        return path

    def take(self, posted: Posted) -> Answer:
        with self._changed:
            self.posted.append(posted)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else Answer(200)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """All calls received so far, in order, repetitions included."""
        return [call for posted in self.posted for call in posted.calls]

    @property
    def names(self) -> list[str]:
        """What the calls are: the event of a track, the type of others."""
        return [call["event"] if call["type"] == "track" else call["type"] for call in self.calls]

    def call(self, name: str) -> dict[str, Any]:
        """The only call of that name; waits until it is there."""
        self.wait(lambda: name in self.names, name)
        found = [call for call, each in zip(self.calls, self.names, strict=True) if each == name]
        assert len({call["messageId"] for call in found}) == 1, f"{len(found)} calls are `{name}`"
        return found[0]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until a condition on what was received holds."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"not received in time: {what}; only {self.names}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _across(self) -> dict[str, str]:
        return {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Headers": "authorization, content-type, x-retry-count",
            "Access-Control-Expose-Headers": "Retry-After",
        }

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.site.asked.append(f"GET {path}")
        parts = path.split("/")
        if path in self.site.pages:
            html, headers = self.site.pages[path]
            self._answer(200, html.encode(), "text/html; charset=utf-8", headers)
        elif path == "/favicon.ico":
            self._answer(204, b"", "image/x-icon")
        elif path.startswith("/v1/projects/") and parts[-1] == "settings":
            body = json.dumps(settings(parts[3], self.site.collector)).encode()
            self._answer(200, body, "application/json", self._across())
        else:
            pattern = f"/analytics.js/v1/{{write_key}}/{parts[-1]}" if path.startswith("/analytics.js/") else path
            if pattern in FILES:
                self._answer(200, FILES[pattern].read_bytes(), "text/javascript; charset=utf-8")
            else:
                self._answer(404, b"", "text/plain")

    def do_OPTIONS(self) -> None:
        self.site.asked.append(f"OPTIONS {self.path}")
        self._answer(204, b"", "text/plain", self._across())

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.site.take(Posted(self.path, dict(self.headers.items()), json.loads(text)))
        if answer.status == 0:
            self.close_connection = True
            return
        good = answer.status == 200
        body: dict[str, Any] = {"code": f"status_{answer.status}", "message": "the test says so"}
        if good:
            body = {"success": True} | ({"rejected": answer.rejected} if answer.rejected else {})
        self._answer(answer.status, json.dumps(body).encode(), "application/json", self._across() | answer.headers)


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    """A site that is gone afterwards."""
    site = Site()
    try:
        yield site
    finally:
        site.close()
