"""A server in this process, so that a test can give it a clock, other bounds, and a ledger that fails."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ethogram.clock import Clock
from ethogram.collecting import Collector
from ethogram.web.app import App
from ethogram.web.connection import connection_class
from ethogram.web.ingest import Ticket, settle
from ethogram.web.metrics import Metrics
from ethogram.web.server import bound, server_of
from web.running import BASIC, Answer


@dataclass(frozen=True, slots=True)
class Here:
    """A running server: a collector without a warehouse."""

    port: int
    app: App
    collector: Collector[Ticket]

    def send(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None, *, method: str = "POST"
    ) -> Answer:
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        used = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            used.request(method, path, content, BASIC if headers is None else headers)
            with used.getresponse() as got:
                return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            used.close()

    def raw(self) -> socket.socket:
        """A connection that nothing was sent on."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


@contextlib.contextmanager
def here(
    place: Path,
    *,
    clock: Clock | None = None,
    mounts: dict[str, Any] | None = None,
    trouble: Callable[[], str | None] = lambda: None,
    **bounds: Any,
) -> Iterator[Here]:
    """A server that is gone afterwards.

    Args:
        bounds: of its connections, see `Connection`.
    """
    collector = Collector(place, settle, clock=clock)
    app = App(
        collector=collector,
        backlog=lambda: (0, dt.timedelta()),
        metrics=Metrics(),
        trouble=trouble,
        started=lambda: None,
        stopped=collector.close,
        mounts=mounts or {},
    )
    listening = bound("127.0.0.1", 0)
    server = server_of(app, connection_class(**bounds))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield Here(listening.getsockname()[1], app, collector)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def until(done: Callable[[], Any], seconds: float = 20) -> Any:
    """What a condition gave once it held; another thread or process needs its time."""
    ends = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < ends, "not within time"
        time.sleep(0.01)  # a second look is no second meaning
    return found


def everything(raw: socket.socket) -> bytes:
    """What comes until the connection is closed."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := raw.recv(1 << 16):
            said += piece
    return said
