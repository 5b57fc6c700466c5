"""Calls a provider over HTTP, and knows whether a call that failed had left: only then may it have been taken.

Step of the path: deliver. Uses the network through `addresses.connector` only, follows no redirect, reads little.
Every call ends in a value: an answer, `Unreached` (nothing left) or `Unanswered` (it left, and no answer came).
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import msgspec

from ethogram.deliver.addresses import Refused, Rules, connector, read, refusal_in

_AGENT = "ethogram"
_READ = 64 << 10  # bytes of an answer
_TOLD = 200  # characters of an answer that are told
_READ_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered; of the body, its beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """How the body begins, on one line."""
        text = self.body[: _TOLD * 4].decode("utf-8", "replace")
        return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:_TOLD]

    @property
    def fields(self) -> dict[str, object]:
        """The body as JSON; empty where it is none."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Unreached:
    """Nothing left.

    Attributes:
        refused: the address is not to be connected to, or cannot be: trying again changes nothing.
        untrusted: its certificate is not to be trusted.
    """

    reason: str
    refused: bool = False
    untrusted: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The call left, wholly or in part, and no answer came."""

    reason: str


class _Traced(SimpleNamespace):
    left: bool = False


async def _leaves(_session: object, context: SimpleNamespace, _about: object) -> None:
    context.trace_request_ctx.left = True


def _tracing() -> aiohttp.TraceConfig:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_leaves)
    return tracing


class Caller:
    """Calls over connections that are kept and shared; belongs to one event loop.

    Args:
        rules: which addresses may be connected to beside public ones.
        timeout: from the first step to the head of the answer.
        connections: how many there may be at once.
    """

    def __init__(self, rules: Rules, *, timeout: dt.timedelta, connections: int = 32) -> None:
        self._rules = rules
        self._seconds = timeout.total_seconds()
        self._connections = connections
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Closes all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions = {}

    async def post(self, address: str, headers: Mapping[str, str], body: bytes) -> Answer | Unreached | Unanswered:
        """What came of posting."""
        url = read(address)
        if isinstance(url, Refused):
            return Unreached(url.reason, refused=True)
        traced = _Traced()
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._session(url.scheme).post(
                    url,
                    data=body,
                    headers={"user-agent": _AGENT, **headers},
                    allow_redirects=False,
                    trace_request_ctx=traced,
                )
        except TimeoutError:
            return _failed(f"it did not answer within {self._seconds:g} seconds", traced)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            refusal = refusal_in(error)
            if refusal is not None:
                return Unreached(refusal, refused=True)
            if isinstance(error, aiohttp.ClientConnectorCertificateError):
                return Unreached(f"its certificate is not to be trusted: {error.certificate_error}", untrusted=True)
            return _failed(f"{type(error).__name__}: {error}", traced)
        try:
            held = await _beginning(answer)
        finally:
            answer.close()  # nothing of a body that has no end is waited for
        return Answer(answer.status, answer.headers, held)

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        """The session for a scheme, made within the loop that uses it."""
        if scheme not in self._sessions:
            self._sessions[scheme] = aiohttp.ClientSession(
                connector=connector(self._rules, encrypted=scheme == "https", limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
                trace_configs=[_tracing()],
            )
        return self._sessions[scheme]


def _failed(reason: str, traced: _Traced) -> Unreached | Unanswered:
    told = Answer(0, {}, reason.encode()).text
    return Unanswered(f"{told}, after the request had left") if traced.left else Unreached(told)


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """How an answer's body begins; the head says what became of the call, so no trouble in the body counts."""
    held = b""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            while len(held) < _READ and (part := await answer.content.readany()):
                held += part
            if answer.content.at_eof():
                answer.release()  # the connection can be used again
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        pass
    return held[:_READ]
