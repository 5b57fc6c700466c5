"""The body of a request, read and decompressed, never more of it than is allowed.

Reads an ASGI connection. The limit counts decompressed bytes; of a body that grows beyond it no more is decompressed.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethogram.web.answers import Receive

_GZIP = b"\x1f\x8b"
_PLAIN = (b"", b"identity")
PATIENCE = 30.0  # seconds that a whole body may take


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a body cannot be taken."""

    status: int
    code: str
    message: str


class GoneError(Exception):
    """The sender has hung up."""


async def read(
    receive: Receive, headers: Mapping[bytes, bytes], most: int, patience: float = PATIENCE
) -> bytes | Unreadable:
    """The decompressed body, or why there is none.

    Args:
        most: bytes, before and after decompressing.
        patience: seconds until a sender that dawdles is turned away.

    Raises:
        GoneError: the sender has hung up.
    """
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > most:
        return _too_large(most)
    try:
        async with asyncio.timeout(patience):
            body = await _joined(receive, most)
    except TimeoutError:
        return Unreadable(408, "timeout", f"the body did not come within {patience:g} seconds")
    if body is None:
        return _too_large(most)
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    # Some clients compress and do not say so.
    if encoding in (b"gzip", b"x-gzip") or body[:2] == _GZIP:
        return decompressed(body, most) if body[:2] == _GZIP or encoding not in _PLAIN else body
    if encoding not in _PLAIN:
        shown = encoding.decode("latin-1")[:40]
        return Unreadable(400, "unknown_encoding", f"the body is encoded as `{shown}`; send it plain or as gzip")
    return body


async def _joined(receive: Receive, most: int) -> bytes | None:
    """The body as it came; None for one that is too long."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > most:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if len(chunks) > 1 else chunk


def decompressed(body: bytes, most: int) -> bytes | Unreadable:
    """A gzip body's content: stops at the limit, whatever the body would grow to.

    >>> import gzip
    >>> decompressed(gzip.compress(b"{}"), 100)
    b'{}'
    >>> decompressed(gzip.compress(bytes(1_000)), 100).status
    413
    """
    found: list[bytes] = []
    size = 0
    rest = body
    while rest:
        machine = zlib.decompressobj(31)
        try:
            piece = machine.decompress(rest, most + 1 - size)
        except zlib.error as error:
            return Unreadable(400, "invalid_gzip", f"the body is no valid gzip: {error}")
        size += len(piece)
        if size > most:
            return _too_large(most)
        if not machine.eof:
            return Unreadable(400, "invalid_gzip", "the body is a gzip that ends too early")
        found.append(piece)
        rest = machine.unused_data.lstrip(b"\x00")
    return b"".join(found)


def _too_large(most: int) -> Unreadable:
    return Unreadable(413, "too_large", f"the body is larger than {most:,} bytes, which is the limit (decompressed)")
