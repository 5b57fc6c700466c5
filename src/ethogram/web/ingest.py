"""Taking events: `POST /v1/*` of the Segment tracking spec.

Reads a request, finds its key, and answers 200 when its messages are on disk. The order of the checks is that of their
cost: size, key in a header, JSON, key in the body, each call. A bare ASGI handler, since this is the hot path.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ethogram.collecting import ENDPOINTS, Failed, Kept, Refused, RejectedDraft, Unsure
from ethogram.web import answers
from ethogram.web.body import GoneError, Unreadable, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethogram.collecting import Collector, Envelope, Taken
    from ethogram.web.answers import Receive, Scope, Send
    from ethogram.web.metrics import Metrics

PREFIX = "/v1/"
_OVERLOADED = {"code": "overloaded", "message": "more events come than can be written; send this again later"}


class Ticket:
    """A request that waits for the disk."""

    __slots__ = ("future", "loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Kept | Failed] = self.loop.create_future()


def settle(settled: Sequence[tuple[Ticket, Kept | Failed]]) -> None:
    """Wakes the requests of one transaction; called in the thread that wrote it."""
    settled[0][0].loop.call_soon_threadsafe(_wake, settled)


def _wake(settled: Sequence[tuple[Ticket, Kept | Failed]]) -> None:
    for ticket, outcome in settled:
        if not ticket.future.done():  # a sender that hung up waits no more; its messages are kept all the same
            ticket.future.set_result(outcome)


class Ingest:
    """The handler of `POST /v1/*`."""

    def __init__(self, collector: Collector[Ticket], metrics: Metrics) -> None:
        self._collector = collector
        self._metrics = metrics
        self._asking: asyncio.Task[Unsure | None] | None = None
        self._waiting = 0  # requests that wait for the disk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = answers.headers_of(scope)
        cors = answers.cors(headers)
        began = time.perf_counter()
        endpoint = scope["path"].removeprefix(PREFIX).rstrip("/")
        status, value = await self._answered(endpoint, scope, headers, receive)
        if status == 200:
            self._metrics.observe(time.perf_counter() - began)
        elif "code" in value and "rejected" not in value:
            self._metrics.count("ethogram_rejected_total", value["code"])
        self._metrics.count("ethogram_requests_total", str(status))
        if status == 408:
            cors = [*cors, (b"connection", b"close")]  # the rest of the body may come at any time, or never
        if status == 200:
            await answers.json(send, 200, value, cors)
        elif status:
            await answers.refuse(send, status, extra=cors, **value)

    async def _answered(
        self, endpoint: str, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive
    ) -> tuple[int, dict[str, Any]]:
        limits = self._collector.limits
        is_batch = ENDPOINTS[endpoint] == "batch"
        try:
            body = await read(receive, headers, limits.batch_bytes if is_batch else limits.event_bytes)
        except GoneError:
            return 0, {}
        if isinstance(body, Unreadable):
            return self._refused(endpoint, body.status, body.code, body.message)
        if self._waiting >= self._collector.most_requests:
            return 429, _OVERLOADED  # before anything is read or parsed: what is refused must cost next to nothing
        given = key_of(scope)
        if given is not None:
            refused = await self.refused_key(endpoint, given)
            if refused is not None:
                return refused
        envelope = self._collector.opened(endpoint, body)
        if isinstance(envelope, Refused):
            # What strangers send is not kept.
            kept = body if given is not None else b""
            return self._refused(endpoint, envelope.status, envelope.code, envelope.message, kept, given)
        key = given if given is not None else envelope.write_key
        if given is None:
            refused = await self.refused_key(endpoint, key)
            if refused is not None:
                return refused
        taken = self._collector.checked(envelope)
        if taken.rejected:
            self.note(endpoint, envelope, taken, key)
        return await self.kept(taken, single=not is_batch)

    def _refused(
        self, endpoint: str, status: int, code: str, message: str, body: bytes = b"", key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """The answer to a request that is not taken, which is noted."""
        self._collector.reject(RejectedDraft(self._collector.clock.now(), code, message, endpoint), body, key)
        return status, {"code": code, "message": message}

    def note(self, endpoint: str, envelope: Envelope, taken: Taken, key: str | None) -> None:
        """Notes the calls of a request that are not taken."""
        now = self._collector.clock.now()
        for unfit in taken.rejected:
            self._metrics.count("ethogram_rejected_total", unfit.code)
            draft = RejectedDraft(now, unfit.code, unfit.reason, endpoint, unfit.index, unfit.message_id or "")
            self._collector.reject(draft, bytes(envelope.calls[unfit.index]), key)

    async def kept(self, taken: Taken, *, single: bool) -> tuple[int, dict[str, Any]]:
        """The answer once the messages are on disk, or why they are not."""
        for what, times in taken.warnings.items():
            self._metrics.count("ethogram_warnings_total", what, times)
        rejected = [
            {"index": unfit.index, "code": unfit.code, "message": unfit.reason, "messageId": unfit.message_id}
            for unfit in taken.rejected
        ]
        if not taken.messages:
            first = taken.rejected[0]
            status = 413 if single and first.code == "too_large" else 400
            message = first.reason if single else f"every event of the batch was rejected; the first: {first.reason}"
            return status, {"code": first.code, "message": message, "rejected": rejected}
        ticket = Ticket()
        if not self._collector.offer(ticket, taken):
            return 429, _OVERLOADED
        self._waiting += 1
        try:
            outcome = await ticket.future
        finally:
            self._waiting -= 1
        if isinstance(outcome, Failed):
            return 503, {"code": "unavailable", "message": "nothing was kept; send this again later"}
        for each in taken.messages:
            self._metrics.count("ethogram_events_total", each.call)
        if outcome.duplicates:
            self._metrics.count("ethogram_duplicates_total", "same", outcome.duplicates - outcome.conflicts)
            self._metrics.count("ethogram_duplicates_total", "other", outcome.conflicts)
        answer: dict[str, Any] = {"success": True}
        if outcome.duplicates:
            answer["duplicates"] = outcome.duplicates
        if rejected:
            answer["rejected"] = rejected
        return 200, answer

    # --- keys ------------------------------------------------------------------------------------------------------

    async def refused_key(self, endpoint: str, given: str | None) -> tuple[int, dict[str, Any]] | None:
        """The answer to a key that may not send here; None for a good one."""
        if not given:
            message = "no write key: send it as the user name of Basic authentication, or as `writeKey` in the body"
            return self._refused(endpoint, 401, "missing_key", message)
        unsure = None
        if self._collector.is_stale(given):
            # Senders with a known key do not wait for the ledger.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(asyncio.to_thread(self._collector.read_keys))
            if self._collector.known(given) is None:
                unsure = await asyncio.shield(self._asking)
        if self._collector.known(given) is not None:
            return None
        if unsure is not None:
            return 503, {"code": "unavailable", "message": "the keys cannot be read now; send this again later"}
        return self._refused(endpoint, 401, "unknown_key", "this key is unknown or revoked, or may not send events")


def key_of(scope: Scope) -> str | None:
    """The key that the headers or the address give; None when they give none."""
    headers = answers.headers_of(scope)
    given = headers.get(b"authorization", b"").strip()
    if given.partition(b" ")[0].lower() in (b"basic", b"bearer"):
        return key_in(given)
    if b"x-write-key" in headers:
        return headers[b"x-write-key"].decode("utf-8", "replace") or None
    found = parse_qs(scope["query_string"].decode("latin-1")).get("writeKey") if scope["query_string"] else None
    return found[0] if found else None


def key_in(authorization: bytes) -> str | None:
    """The key of an `Authorization` header: the user of Basic, or the token of Bearer; None when there is none."""
    kind, _, value = authorization.strip().partition(b" ")
    if kind.lower() == b"basic":
        try:
            user = base64.b64decode(value.strip(), validate=True).partition(b":")[0]
        except binascii.Error:
            user = b""
        return user.decode("utf-8", "replace") or None
    if kind.lower() == b"bearer":
        return value.strip().decode("utf-8", "replace") or None
    return None
