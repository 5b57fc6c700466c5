"""Posts to addresses that others chose: no redirect is followed, nothing is believed, nothing is read without end.

Step of the path: deliver. Uses the network through `addresses.connector` only; knows no ledger. What came of a request
is a value (`attempts.Outcome`), never an exception.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Self

import aiohttp

from ethogram.clock import Clock
from ethogram.deliver.addresses import Refused, Rules, connector, read, refusal_in
from ethogram.deliver.attempts import Failed, Outcome, judged

_AGENT = "ethogram"
_READ = 16 << 10  # bytes of an answer
_TOLD = 200  # characters of an answer that are kept
_READ_SECONDS = 5.0
TIMEOUT = dt.timedelta(seconds=20)


class Client:
    """Posts over connections that are kept and shared; belongs to one event loop.

    Args:
        rules: which addresses may be connected to beside public ones.
        timeout: from the first step to the head of the answer.
        connections: how many there may be at once.
    """

    def __init__(self, rules: Rules, clock: Clock, *, timeout: dt.timedelta = TIMEOUT, connections: int = 32) -> None:
        self._clock = clock
        self._seconds = timeout.total_seconds()
        self._sessions = {
            scheme: aiohttp.ClientSession(
                connector=connector(rules, encrypted=scheme == "https", limit=connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
            )
            for scheme in ("https", "http")
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections."""
        for session in self._sessions.values():
            await session.close()

    async def post(self, address: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """What came of posting JSON to an address."""
        url = read(address)
        if isinstance(url, Refused):
            return Failed(url.reason)
        sent = {"content-type": "application/json", "user-agent": _AGENT, **headers}
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._sessions[url.scheme].post(url, data=body, headers=sent, allow_redirects=False)
        except TimeoutError:
            return Failed(f"it did not answer within {self._seconds:g} seconds", endpoint=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            refused = refusal_in(error)
            told = refused if refused is not None else f"{type(error).__name__}: {error}"
            return Failed(_printable(told.encode()), endpoint=True)
        try:
            text = await _beginning(answer)
        finally:
            answer.close()  # nothing of a body that has no end is waited for
        return judged(answer.status, answer.headers, text, self._clock.now())


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """How an answer's body begins; what the head says is known already, so no trouble in the body counts."""
    held = b""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            while len(held) < _READ and (part := await answer.content.readany()):
                held += part
            if answer.content.at_eof():
                answer.release()  # the connection can be used again
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        pass
    return _printable(held)


def _printable(held: bytes) -> str:
    text = held[: _TOLD * 4].decode("utf-8", "replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_TOLD]
