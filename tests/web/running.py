"""A server of its own process on a workspace of its own, and a plain client."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import ethogram as eg
from ethogram import config
from ethogram.collecting import Keys
from ethogram.store.warehouse import Warehouse

KEY = "wk_demo"
SOURCE = str(Path(__file__).parents[2] / "src")
BASIC = {"Authorization": "Basic d2tfZGVtbzo="}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def workspace(path: Path, **settings: Any) -> Path:
    """A workspace that knows the key `wk_demo`."""
    eg.init(path, **settings).close()
    with Keys(path) as keys:
        keys.add("write", value=KEY)
    return path


class Server:
    """`ethogram serve` as a process of its own."""

    def __init__(self, path: Path, role: str = "all", port: int = 0) -> None:
        self.path = path
        command = [sys.executable, "-m", "ethogram", "-w", str(path), "serve", "--port", str(port), "--role", role]
        environment = {**os.environ, "PYTHONPATH": SOURCE}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "listening at" in line, line
        self.url = line.split()[2]
        self.port = int(urlsplit(self.url).port or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Ends it as a power cut would end the process."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> int:
        """Ends it politely: its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def send(
        self,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        method: str = "POST",
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """One request; a body that is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        used = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            used.request(method, path, content, BASIC if headers is None else headers)
            with used.getresponse() as got:
                named = {name.lower(): value for name, value in got.getheaders()}
                return Answer(got.status, named, got.read())
        finally:
            if connection is None:
                used.close()

    def metric(self, line: str) -> float:
        """The value of a line of `/metrics`; 0 where there is none."""
        for each in self.send("/metrics", method="GET", headers={}).body.decode().splitlines():
            if each.startswith(line + " "):
                return float(each.rsplit(" ", 1)[1])
        return 0.0

    def settle(self, seconds: float = 60) -> None:
        """Waits until everything that was kept is in the warehouse."""
        ends = time.monotonic() + seconds
        while self.metric("ethogram_inbox_messages"):
            assert time.monotonic() < ends, "the inbox does not empty"
            time.sleep(0.02)  # another process works meanwhile


def stored(path: Path, table: str = "events", columns: str = "message_id") -> list[Any]:
    """What the warehouse of a stopped server has."""
    with eg.open(path):
        pass  # stores what is accepted
    warehouse = Warehouse(config.read(path).warehouse or f"chdb://{path / 'warehouse'}")
    try:
        rows = warehouse.query(f"SELECT {columns} FROM {table} ORDER BY ALL")
    finally:
        warehouse.close()
    return [row[0] if len(row) == 1 else row for row in rows]
