"""The server's addresses: events in, files for the browser, health and metrics.

Routes ASGI requests. What each address does is in the module that it goes to; this one holds what belongs to none.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ethogram.collecting import ENDPOINTS
from ethogram.errors import EthogramError
from ethogram.web import answers, metrics, snippet
from ethogram.web.faults import Faults
from ethogram.web.ingest import PREFIX, Ingest, Ticket, key_of
from ethogram.web.metrics import Metrics

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from ethogram.collecting import Collector
    from ethogram.web.answers import Asgi, Receive, Scope, Send

_KINDS = {".js": b"text/javascript; charset=utf-8", ".json": b"application/json"}
CONSOLE = "/console"
_SETTINGS_BEFORE, _, _SETTINGS_AFTER = snippet.SETTINGS_PATH.partition("{write_key}")
_LOADER_BEFORE, _, _LOADER_AFTER = snippet.LOADER_PATH.partition("{write_key}")


@dataclass(slots=True)
class App:
    """The ASGI application of one process.

    Args:
        collector: takes events; None where this process takes none.
        backlog: how many messages wait for the warehouse, and for how long the oldest has.
        trouble: says what keeps the process from doing its work, None when nothing does.
        started: called when the server is up.
        stopped: called when the last request is answered: finishes what was taken on.
        ending: called when the server is told to stop, before it waits for requests that are under way.
        mounts: address → application that answers there and below; the longest address comes first.
        files: address → file, handed out as it is.
        gauges: further numbers of `/metrics`: name → what it says, and its value.
    """

    collector: Collector[Ticket] | None
    backlog: Callable[[], tuple[int, dt.timedelta]]
    metrics: Metrics
    trouble: Callable[[], str | None]
    started: Callable[[], None]
    stopped: Callable[[], None]
    ending: Callable[[], None] = lambda: None
    mounts: Mapping[str, Asgi] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=lambda: dict(snippet.FILES))
    gauges: Callable[[], Mapping[str, tuple[str, float]]] = dict
    _ingest: Ingest | None = None
    _faults: Faults = field(init=False)
    _mounted: list[tuple[str, Asgi]] = field(default_factory=list)
    _contents: dict[Path, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._faults = Faults(self.metrics)
        if self.collector is not None:
            self._ingest = Ingest(self.collector, self.metrics)
        self._mounted = sorted(self.mounts.items(), key=lambda mount: -len(mount[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or keeps the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                await self._http(scope, receive, send)
            except Exception as fault:  # noqa: BLE001  # whatever it is, the server goes on, and says nothing about itself
                await self._faults.answer(fault, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self.collector is not None:
                    await asyncio.to_thread(self.collector.read_keys)
                # What start-up made stays: the collector of garbage need not look at it again, nor so often.
                gc.collect()
                gc.freeze()
                gc.set_threshold(100_000, 50, 50)
                # The thread that writes lets the lock go at every statement; it should not wait 5 ms to have it back.
                sys.setswitchinterval(0.0005)
                self.started()
                await send({"type": "lifespan.startup.complete"})
            else:
                await asyncio.to_thread(self.stopped)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        for prefix, mounted in self._mounted:
            if path == prefix or path.startswith(prefix + "/"):
                await mounted(scope, receive, send)
                return
        if path.startswith(PREFIX) and path[len(PREFIX) :].rstrip("/") in ENDPOINTS and self._ingest is not None:
            if method == "POST":
                await self._ingest(scope, receive, send)
                return
            if method == "OPTIONS":
                await answers.preflight(answers.headers_of(scope), send)
                return
            await answers.refuse(send, 405, "method_not_allowed", "events are sent with POST", [(b"allow", b"POST")])
            return
        if method == "OPTIONS":
            await answers.preflight(answers.headers_of(scope), send)
        elif method not in ("GET", "HEAD"):
            await answers.refuse(send, 404, "not_found", f"nothing takes {method} here")
        else:
            await self._get(path, scope, send)

    async def _get(self, path: str, scope: Scope, send: Send) -> None:
        cors = answers.cors(answers.headers_of(scope))
        if path == "/" and CONSOLE in self.mounts:
            await answers.write(send, 303, b"", b"text/plain", [(b"location", CONSOLE.encode() + b"/")])
        elif path == "/healthz":
            await answers.json(send, 200, {"status": "alive"})
        elif path == "/readyz":
            await self._ready(send)
        elif path == "/metrics":
            await self._told(send)
        elif path in self.files:
            await self._file(self.files[path], send, cors)
        elif path.startswith(_LOADER_BEFORE) and path.endswith(_LOADER_AFTER):
            await self._file(snippet.LOADER, send, cors)
        elif path.startswith(_SETTINGS_BEFORE) and path.endswith(_SETTINGS_AFTER):
            key = path.removeprefix(_SETTINGS_BEFORE).removesuffix(_SETTINGS_AFTER)
            await answers.json(send, 200, snippet.settings(key, _host(scope)), cors)
        elif path.rstrip("/") == snippet.RUDDER_PATH:
            await answers.json(send, 200, snippet.rudder_settings(key_of(scope) or ""), cors)
        else:
            await answers.refuse(send, 404, "not_found", "there is nothing at this address", cors)

    async def _ready(self, send: Send) -> None:
        trouble = self.trouble()
        if trouble is None and self.collector is not None:
            trouble = await asyncio.to_thread(self.collector.trouble)
        try:
            await asyncio.to_thread(self.backlog)
        except EthogramError as error:
            trouble = trouble or error.message
        if trouble is None:
            await answers.json(send, 200, {"status": "ready"})
        else:
            await answers.refuse(send, 503, "not_ready", trouble)

    async def _told(self, send: Send) -> None:
        gauges: dict[str, tuple[str, float]] = {}
        try:
            waiting, lag = await asyncio.to_thread(self.backlog)
        except EthogramError:
            pass  # a gauge that is not known is left out; the counters are known all the same
        else:
            gauges["ethogram_inbox_messages"] = ("Messages on disk that wait for the warehouse.", waiting)
            gauges["ethogram_inbox_lag_seconds"] = ("For how long the oldest of them has waited.", lag.total_seconds())
        with contextlib.suppress(EthogramError):
            gauges |= await asyncio.to_thread(self.gauges)
        if self.collector is not None:
            gauges["ethogram_queued_messages"] = ("Messages that wait for the disk.", self.collector.queued)
        await answers.write(send, 200, self.metrics.text(gauges).encode(), metrics.CONTENT_TYPE)

    async def _file(self, file: Path, send: Send, cors: list[tuple[bytes, bytes]]) -> None:
        content = self._contents.get(file)
        if content is None:
            content = self._contents[file] = await asyncio.to_thread(file.read_bytes)
        lasting = ".bundle." in file.name  # their names carry their checksum
        cached = b"public, max-age=31536000, immutable" if lasting else b"public, max-age=300"
        kind = _KINDS.get(file.suffix, b"application/octet-stream")
        headers = [*cors, (b"cache-control", cached)]
        if file == snippet.WORKER:
            headers.append((b"service-worker-allowed", b"/"))
        await answers.write(send, 200, content, kind, headers)


def _host(scope: Scope) -> str:
    """This server's address as the browser sees it; behind a proxy it says so in `X-Forwarded-Proto`."""
    headers = answers.headers_of(scope)
    scheme = headers.get(b"x-forwarded-proto", scope["scheme"].encode()).decode("latin-1")
    host = headers.get(b"host", b"localhost").decode("latin-1")
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{host}"
