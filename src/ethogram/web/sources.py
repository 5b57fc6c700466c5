"""Taking webhooks: `POST /v1/sources/{name}`, and with a token in the address `POST /v1/sources/{name}/{token}`.

Finds the source, lets `receiving.py` believe and map the request, and answers 200 when its events are on disk; from
there they go the way of all others (`ingest.py`). What was believed and holds no event that can be kept is answered 200
as well: the provider would send the same again and again, and in the end send nothing any more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ethogram.collecting import RejectedDraft, Unsure
from ethogram.receiving import ACK, Delivery, Refused, envelope_of
from ethogram.web import answers
from ethogram.web.body import GoneError, Unreadable, read
from ethogram.web.ingest import Ingest, Ticket

if TYPE_CHECKING:
    from ethogram.collecting import Collector
    from ethogram.receiving import Receiver
    from ethogram.web.answers import Receive, Scope, Send
    from ethogram.web.metrics import Metrics

PREFIX = "/v1/sources"
# SendGrid sends up to 768 KB at once, whatever the limit is for those who choose how much they send.
_LEAST_BYTES = 1 << 20
_LATER = {"code": "unavailable", "message": "this cannot be judged now; send it again later"}
_UNKNOWN = {"code": "unknown_source", "message": "there is no source of this name, or it is disabled"}


class Webhooks:
    """The application at `/v1/sources`."""

    def __init__(self, collector: Collector[Ticket], receiver: Receiver, metrics: Metrics) -> None:
        self._collector = collector
        self._receiver = receiver
        self._metrics = metrics
        self._ingest = Ingest(collector, metrics)
        self._asking: asyncio.Task[Unsure | None] | None = None
        self._most = max(collector.limits.batch_bytes, _LEAST_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["method"] == "HEAD":
            await answers.write(send, 200, b"", b"text/plain")  # Intercom asks so whether somebody is here
            return
        if scope["method"] != "POST":
            extra = [(b"allow", b"POST")]
            await answers.refuse(send, 405, "method_not_allowed", "webhooks are sent with POST", extra)
            return
        status, value, form = await self._answered(scope, receive)
        if not status:
            return
        self._metrics.count("ethogram_requests_total", str(status))
        if status != 200:
            self._metrics.count("ethogram_rejected_total", value["code"])
            closing = [(b"connection", b"close")] if status == 408 else []
            await answers.refuse(send, status, extra=closing, **value)
        elif form == "soap":
            await answers.write(send, 200, ACK, b"text/xml; charset=utf-8")
        else:
            await answers.json(send, 200, value)

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any], str]:
        name, _, token = scope["path"].removeprefix(PREFIX).strip("/").partition("/")
        try:
            body = await read(receive, answers.headers_of(scope), self._most)
        except GoneError:
            return 0, {}, ""
        if isinstance(body, Unreadable):
            return *self._refused(name, body.status, body.code, body.message), ""
        source = await self._source(name)
        if source is None:
            return 404, dict(_UNKNOWN), ""
        if isinstance(source, Unsure):
            return 503, dict(_LATER), ""
        form = source.mapping.mapping.format
        found = await self._receiver.received(source, _delivery(scope, body, token))
        if isinstance(found, Unsure):
            return 503, dict(_LATER), form
        if isinstance(found, Refused):
            believed = body if found.status != 401 else b""  # what strangers send is not kept
            return *self._refused(name, found.status, found.code, found.message, believed), form
        self._metrics.count("ethogram_webhooks_total", name)
        answer: dict[str, Any] = {"success": True}
        if found.calls:
            envelope = envelope_of(found)
            taken = self._collector.checked(envelope)
            self._ingest.note(_endpoint(name), envelope, taken, None)
            if taken.messages:
                status, answer = await self._ingest.kept(taken, single=False)
                if status != 200:
                    return status, answer, form
            else:
                unfit = taken.rejected
                answer["rejected"] = [
                    {"index": each.index, "code": each.code, "message": each.reason} for each in unfit
                ]
        return 200, {**answer, **({"skipped": found.skipped} if found.skipped else {})}, form

    async def _source(self, name: str) -> Any:
        """The source of that name; one that is known does not wait for the ledger."""
        unsure = None
        if self._receiver.is_stale(name):
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(asyncio.to_thread(self._receiver.read_sources))
            if self._receiver.known(name) is None:
                unsure = await asyncio.shield(self._asking)
        found = self._receiver.known(name)
        return unsure if found is None and unsure is not None else found

    def _refused(
        self, name: str, status: int, code: str, message: str, body: bytes = b""
    ) -> tuple[int, dict[str, Any]]:
        draft = RejectedDraft(self._collector.clock.now(), code, message, _endpoint(name))
        self._collector.reject(draft, body)
        return status, {"code": code, "message": message}


def _endpoint(name: str) -> str:
    return f"sources/{name[:63]}"


def _delivery(scope: Scope, body: bytes, token: str) -> Delivery:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    query = parse_qs(scope["query_string"].decode("latin-1")) if scope["query_string"] else {}
    return Delivery(body, headers, (token, *query.get("token", [])[:5]))
