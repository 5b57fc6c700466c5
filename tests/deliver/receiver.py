"""A real HTTP server on this machine whose answers are written down beforehand, and what it was sent."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[socket.socket, "Receiver"], None]


def status(number: int, body: bytes = b"", **headers: str) -> Answer:
    """An answer that is whole."""

    def send(connection: socket.socket, receiver: Receiver) -> None:
        lines = [f"HTTP/1.1 {number} X", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return send


def silent(connection: socket.socket, receiver: Receiver) -> None:
    """No answer at all."""
    receiver.ending.wait(30)
    drops(connection, receiver)


def drops(connection: socket.socket, receiver: Receiver) -> None:
    """The connection ends before the answer."""
    connection.shutdown(socket.SHUT_RDWR)


def endless(connection: socket.socket, receiver: Receiver) -> None:
    """A body that never ends."""
    connection.sendall(ENDLESS)
    with contextlib.suppress(OSError):
        while not receiver.ending.is_set():
            connection.sendall(b"x" * 65536)
            receiver.poured += 65536


def huge(connection: socket.socket, receiver: Receiver) -> None:
    """A body that says to be a gigabyte."""
    connection.sendall(b"HTTP/1.1 500 X\r\nContent-Length: 1073741824\r\n\r\n")
    with contextlib.suppress(OSError):
        while not receiver.ending.is_set():
            connection.sendall(b"x" * 65536)
            receiver.poured += 65536


def dripping(connection: socket.socket, receiver: Receiver) -> None:
    """A head whose bytes come one by one, each before anybody gives up on a quiet connection."""
    with contextlib.suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"y" * 4000:
            if receiver.ending.wait(0.02):
                return
            connection.sendall(bytes([byte]))


class Receiver:
    """Listens on 127.0.0.1 until it is closed; answers with its script, then 200."""

    def __init__(
        self, script: Sequence[Answer] = (), *, otherwise: Answer | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        self.received: list[Received] = []
        self.script = list(script)
        self.otherwise = otherwise or status(200, b"ok")
        self.ending = threading.Event()
        self.poured = 0
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # also for the thread that waits in it
        self._listening.close()

    def _accept(self) -> None:
        while not self.ending.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
        reader = connection.makefile("rb")
        with contextlib.suppress(OSError, ValueError), connection:
            while line := reader.readline():
                path = line.split()[1].decode()
                headers: dict[str, str] = {}
                while (line := reader.readline().strip()) and b":" in line:
                    name, _, value = line.decode("latin-1").partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = reader.read(int(headers.get("content-length", "0")))
                with self._lock:
                    self.received.append(Received(path, headers, body))
                    answer = self.script.pop(0) if self.script else self.otherwise
                    self.at_once += 1
                    self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    answer(connection, self)
                finally:
                    with self._lock:
                        self.at_once -= 1


def until(done: Callable[[], object], step: Callable[[], object] = lambda: None, seconds: float = 20) -> None:
    """Waits for other threads: takes steps until something is so."""
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "it did not come to it"
        step()
        time.sleep(0.005)
