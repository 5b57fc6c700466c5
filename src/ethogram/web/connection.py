"""One connection of the server: HTTP/1.1 with bounds on everything that a stranger may send.

Step of the path: before collect. Adds to uvicorn's protocol what it lets pass: a time for the head of a request, and
for a connection on which nothing is asked; a size for address and headers; a number of connections, of which the one
that has waited longest makes room; errors as JSON. It reads no body and knows no address.
"""

from __future__ import annotations

import asyncio
import resource
from http import HTTPStatus
from typing import Any, ClassVar

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

LONGEST_ADDRESS = 8 << 10  # bytes of path and query
LONGEST_HEAD = 32 << 10  # bytes of all headers together
_TOO_LARGE = (431, "headers_too_large", f"the headers are longer than {LONGEST_HEAD:,} bytes")
_MOST_AHEAD = 16  # requests that may be sent before the first is answered
_MOST = 10_000  # connections, where the system lets a process have as many files
_RESERVED = 256  # files that the stores and everything else need


class _RefusedError(Exception):
    """Stops the parser; what is refused, and why, is in the connection."""


class Connection(HttpToolsProtocol):
    """One connection.

    What is no request is answered with 400, 414 or 431 and closed, since nobody knows where the next one would begin.
    A request whose head is there has as much time for its body as its reader gives it.
    """

    head_seconds: ClassVar[float] = 10.0  # for the head of a request, and until the first one begins
    last_seconds: ClassVar[float] = 3.0  # for the rest of a body when the server ends
    most: ClassVar[int] = _MOST

    # Connections on which no request is under way, the one that has waited longest first; the loop is one thread.
    _waiting: ClassVar[dict[Connection, None]] = {}

    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0  # of the headers that are there
    _fed = 0  # bytes that came while the head was under way
    _refusal: tuple[int, str, str] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn says
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.most:
            oldest = next(iter(self._waiting))
            if oldest is self:
                self._refuse(503, "too_many_connections", "too many requests are under way; send this again later")
            else:
                oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        self._waiting.pop(self, None)
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser; what it does not like is refused."""
        self._unset_keepalive_if_required()
        before = self._in_head
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offered:
                self._pass_over(data[offered.args[0] :])
        except httptools.HttpParserError:
            self._malformed()
            return
        if before and self._in_head:
            self._fed += len(data)
            if self._fed > LONGEST_HEAD + LONGEST_ADDRESS:
                self._refusal = _TOO_LARGE
                self._malformed()
                return
        if self._is_idle():
            self._wait()
        else:
            self._waiting.pop(self, None)
            self._stop_timer()

    # --- the parser's callbacks ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= _MOST_AHEAD:
            raise _RefusedError
        self._in_head = True
        self._head_bytes = self._fed = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        super().on_url(url)
        if len(self.url) > LONGEST_ADDRESS:
            self._refusal = (414, "address_too_long", f"the address is longer than {LONGEST_ADDRESS:,} bytes")
            raise _RefusedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one that comes after the body is left out."""
        if not self._in_head:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > LONGEST_HEAD:
            self._refusal = _TOO_LARGE
            raise _RefusedError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there; where another protocol was offered, the parser has not looked for one yet."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out; the next request is waited for."""
        super().on_response_complete()
        if self._is_idle() and not self.transport.is_closing():
            self._waiting[self] = None

    # --- ends ------------------------------------------------------------------------------------------------------

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was asked for long."""
        # An answer that nobody fetches would otherwise hold the connection for ever.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        """Ends with the request under way; a body that is still coming then has little time left."""
        super().shutdown()
        if not self._is_idle() and self.cycle.more_body:
            self.loop.call_later(self.last_seconds, self._cut_off)

    def _cut_off(self) -> None:
        if not self._is_idle() and self.cycle.more_body:
            self.transport.abort()

    def _is_idle(self) -> bool:
        """Whether no request is under way: nothing whose head is there waits for an answer."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _wait(self) -> None:
        """Gives the head of the next request its time, to which no byte that comes adds any."""
        self._waiting.setdefault(self, None)
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.head_seconds, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._in_head:
            self._refuse(408, "timeout", f"the headers did not come within {self.head_seconds:g} seconds")
        else:
            self.transport.abort()  # nothing was begun, or the rest of a body whose answer is out

    def _pass_over(self, rest: bytes) -> None:
        """Goes on in HTTP/1.1 with a client that offered another protocol, to the end of its request.

        The parser stops behind the head, so that another one reads the body.
        """
        framing = [each for each in self.headers if each[0] in (b"content-length", b"transfer-encoding")]
        head = b"".join(b"%s: %s\r\n" % each for each in framing)
        self.parser = httptools.HttpRequestParser(_Body(self))
        self.cycle.keep_alive = False
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + head + b"\r\n" + rest)

    def _malformed(self) -> None:
        """Ends the connection; a whole request before the malformed one is answered first."""
        if not self._is_idle() and not self.cycle.more_body:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        else:
            self._refuse(*(self._refusal or (400, "invalid_http", "this is no valid HTTP request")))

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answers what is no request, and closes."""
        if self.transport.is_closing():
            return
        if not self._is_idle() and self.cycle.response_started:
            self.transport.abort()  # an answer is half out: another one would be read as its rest
            return
        body = msgspec.json.encode({"code": code, "message": message})
        again = "retry-after: 2\r\n" if status == 503 else ""
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n{again}connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class _Body:
    """What a parser tells that reads a body only."""

    def __init__(self, connection: Connection) -> None:
        self._ended = False
        self.on_body = connection.on_body
        self._connection = connection

    def on_message_begin(self) -> None:
        """Refuses a second request."""
        if self._ended:
            raise _RefusedError

    def on_message_complete(self) -> None:
        """The body is there."""
        self._ended = True
        self._connection.on_message_complete()


def most_connections() -> int:
    """How many connections this process may have, after it has asked the system for as many files as it may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _RESERVED
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    else:
        allowed = wanted if soft == resource.RLIM_INFINITY else soft
    return max(min(_MOST, allowed - _RESERVED), 16)


def connection_class(**bounds: Any) -> type[Connection]:
    """`Connection` with bounds of its own, and a list of its own of those that wait."""
    return type("BoundedConnection", (Connection,), {"_waiting": {}, **bounds})
