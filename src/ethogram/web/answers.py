"""Answers: JSON with its status, and the headers that let a page of another site read it.

Writes to an ASGI connection; decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_encoder = msgspec.json.Encoder()
RETRY_AFTER = 2  # seconds
_NAME = re.compile(rb"[a-z0-9-]{1,64}")
_USUAL = b"authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat, x-write-key"


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The request's headers by lower-case name; of repeated ones the last."""
    return dict(scope["headers"])


def cors(headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """What lets pages of any site send here; nobody is known by a cookie, so nothing is given away."""
    origin = headers.get(b"origin")
    if origin is None:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),  # `sendBeacon` asks for it
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"Origin"),
    ]


async def preflight(headers: Mapping[bytes, bytes], send: Send) -> None:
    """Answers what a browser asks before it sends to another site.

    Clients add headers of their own, some only when they try again, so that whatever is asked for is allowed.
    """
    asked = headers.get(b"access-control-request-headers", b"").lower()
    wanted = {name.strip() for name in asked.split(b",")} - {b"", *_USUAL.split(b", ")}
    also = b"".join(b", " + name for name in sorted(wanted) if _NAME.fullmatch(name)) if len(asked) < 2_000 else b""
    allowed = [
        (b"access-control-allow-methods", b"POST, GET, OPTIONS"),
        (b"access-control-allow-headers", _USUAL + also),
        (b"access-control-max-age", b"86400"),
    ]
    await write(send, 200, b"", b"text/plain", [*cors(headers), *allowed])


async def write(
    send: Send, status: int, body: bytes, kind: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Sends one whole answer."""
    headers = [
        (b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"x-content-type-options", b"nosniff"),
        *(extra or []),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def json(send: Send, status: int, value: Any, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    """Sends a value as JSON."""
    await write(send, status, _encoder.encode(value), b"application/json", extra)


async def refuse(
    send: Send,
    status: int,
    code: str,
    message: str,
    extra: list[tuple[bytes, bytes]] | None = None,
    **more: Any,
) -> None:
    """Sends an error; 429 and 503 say when to come again."""
    again = [(b"retry-after", str(RETRY_AFTER).encode())] if status in (429, 503) else []
    await json(send, status, {"code": code, "message": message, **more}, [*again, *(extra or [])])
