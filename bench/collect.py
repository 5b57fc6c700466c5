"""How fast events are taken, singly and in batches of 100, each on disk before its 200; and how soon they are stored.

Starts `ethogram serve` on a workspace of its own and sends over a fixed number of connections, one request at a time
each (a closed loop: latency at saturation, not at a rate). Run with:

    python bench/collect.py [--seconds 8] [--connections 64] [--role all|collect]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import ethogram
from ethogram.collecting import Keys

WIDTHS = (10, 12, 8, 8, 8, 10, 11)
SOURCE = str(Path(__file__).parents[1] / "src")
CALL = {
    "type": "track",
    "event": "Order Completed",
    "timestamp": "2026-11-22T12:36:20.065+00:00",
    "context": {"library": {"name": "analytics-python", "version": "2.4.0"}, "ip": "203.0.113.7", "locale": "de-DE"},
    "properties": {
        "order_id": "o-1",
        "revenue": 39.95,
        "currency": "EUR",
        "products": [{"product_id": "p1", "price": 19.975, "quantity": 2}],
    },
}


class Load:
    """Requests over several connections, with how long each took."""

    def __init__(self, port: int, path: str, events: int, name: str) -> None:
        self._port = port
        self._path = path
        self._events = events
        self._name = name
        self._sent = 0
        self._call = json.dumps(CALL)[1:-1]
        self.seconds: list[float] = []
        self.failed = 0

    def _request(self) -> bytes:
        self._sent += 1
        calls = [
            f'{{"messageId":"{self._name}-{self._sent}-{at}","userId":"u{(self._sent * 7 + at) % 5000}",{self._call}}}'
            for at in range(self._events)
        ]
        body = calls[0] if self._events == 1 else f'{{"batch":[{",".join(calls)}],"sentAt":null}}'
        head = f"POST {self._path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer bench-key\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    async def _connection(self, until: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while time.perf_counter() < until:
            request = self._request()
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.seconds.append(time.perf_counter() - began)
            self.failed += not head.startswith(b"HTTP/1.1 200")
        writer.close()

    async def run(self, connections: int, seconds: float) -> None:
        """Sends for a while."""
        until = time.perf_counter() + seconds
        await asyncio.gather(*(self._connection(until) for _ in range(connections)))


def figures(port: int, pid: int, arguments: argparse.Namespace) -> None:
    """Prints one line for each way of sending."""
    heads = zip(("events/s", "requests/s", "p50 ms", "p99 ms", "failed", "core s/s", "emptied s"), WIDTHS, strict=True)
    print(" " * 24 + "".join(f"{head:>{width}}" for head, width in heads))
    for title, path, events in (("single events", "/v1/track", 1), ("batches of 100", "/v1/batch", 100)):
        load = Load(port, path, events, f"{title}-{time.monotonic_ns()}")
        used = _cpu(pid)
        began = time.perf_counter()
        asyncio.run(load.run(arguments.connections, arguments.seconds))
        took = time.perf_counter() - began
        used = (_cpu(pid) - used) / took
        ordered = sorted(load.seconds)
        rate = len(ordered) / took
        p50, p99 = (ordered[int(len(ordered) * share)] * 1e3 for share in (0.5, 0.99))
        emptied = _emptied(port) if arguments.role == "all" else float("nan")
        print(
            f"{title:24}{rate * events:>10,.0f}{rate:>12,.0f}{p50:>8.1f}{p99:>8.1f}{load.failed:>8}{used:>10.2f}"
            f"{emptied:>11.1f}"
        )


def _emptied(port: int) -> float:
    began = time.perf_counter()
    while time.perf_counter() - began < 60:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            if b"\nethogram_inbox_messages 0\n" in answer.read():
                break
        time.sleep(0.05)
    return time.perf_counter() - began


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--role", choices=("all", "collect"), default="all")
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="ethogram-collect-"))
    try:
        ethogram.init(place / "shop").close()
        with Keys(place / "shop") as keys:
            keys.add("write", value="bench-key")
        command = [sys.executable, "-m", "ethogram", "-w", str(place / "shop"), "serve", "--port", "0"]
        server = subprocess.Popen(
            [*command, "--role", arguments.role],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": SOURCE},
        )
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[2].rsplit(":", 1)[1])
        machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
        print(f"{machine}, Python {platform.python_version()}, role {arguments.role}, ", end="")
        print(f"{arguments.connections} connections, {arguments.seconds:g} s each")
        try:
            figures(port, server.pid, arguments)
        finally:
            server.terminate()
            server.wait()
            server.stdout.close()
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
