"""What visitors' pages and apps ask for: messages to show, and devices to notify.

    POST /v1/messages                  what to show now
    POST /v1/messages/{id}/{what}      it was shown, clicked, dismissed
    GET  /v1/devices/key               the key that browsers subscribe to web push with
    POST /v1/devices                   a device takes notifications
    POST /v1/devices/remove            it takes none any more

A write key lets in; it stands in pages, so everybody has it. Who asks is whoever knows the id that the page gives, or
who proves it where the setting `visitor_secret` asks for that: no answer says more of a person than the message that is
shown. Bodies are small, ids never stand in addresses, and beyond
a number of requests under way further ones come again later.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ethogram.errors import EthogramError, UserError
from ethogram.registering import Registering
from ethogram.showing import REPORTS, Report
from ethogram.web import answers
from ethogram.web.body import GoneError, Unreadable, read
from ethogram.web.ingest import Ingest, Ticket, key_of

if TYPE_CHECKING:
    from ethogram.collecting import Collector
    from ethogram.showing import Showing, Visitor
    from ethogram.web.answers import Receive, Scope, Send
    from ethogram.web.metrics import Metrics

MESSAGES, DEVICES = "/v1/messages", "/v1/devices"
_BYTES = 16 << 10  # of a body
_MOST = 200  # requests under way
_NEVER_KEPT = [(b"cache-control", b"no-store")]
_BUSY = (429, {"code": "overloaded", "message": "more pages ask than can be answered; ask again later"})
_LATER = (503, {"code": "unavailable", "message": "this cannot be answered now; ask again later"})
_DONE = (200, {"success": True})

_Id = Annotated[str, msgspec.Meta(max_length=1_024)] | int
_Answer = tuple[int, dict[str, Any]]


class _Body(msgspec.Struct, rename="camel"):
    """What every request may say.

    Attributes:
        events: what was tracked on the page since it asked last.
        showing: an id that the page made for one showing of a message.
        subscription: as `PushSubscription.toJSON()` gives it.
    """

    write_key: str | None = None
    user_id: _Id | None = None
    anonymous_id: _Id | None = None
    proof: Annotated[str, msgspec.Meta(max_length=200)] = ""
    url: Annotated[str, msgspec.Meta(max_length=8_000)] = ""
    events: Annotated[list[Annotated[str, msgspec.Meta(max_length=1_024)]], msgspec.Meta(max_length=100)] = []
    showing: Annotated[str, msgspec.Meta(max_length=64)] = ""
    button: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    platform: Annotated[str, msgspec.Meta(max_length=20)] = "web"
    token: Annotated[str, msgspec.Meta(max_length=4_096)] = ""
    subscription: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


class Visitors:
    """The application at `/v1/messages` and `/v1/devices`."""

    def __init__(
        self, collector: Collector[Ticket], showing: Showing, registering: Registering, metrics: Metrics
    ) -> None:
        self._showing = showing
        self._registering = registering
        self._metrics = metrics
        self._ingest = Ingest(collector, metrics)
        self._under_way = 0
        self._noting: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = answers.headers_of(scope)
        if scope["method"] == "OPTIONS":
            await answers.preflight(headers, send)
            return
        if self._under_way >= _MOST:
            status, value = _BUSY
        else:
            self._under_way += 1
            try:
                status, value = await self._answered(scope, receive)
            except EthogramError as error:
                known = isinstance(error, UserError)
                status, value = (400, {"code": error.code, "message": error.message}) if known else _LATER
            finally:
                self._under_way -= 1
        extra = [*answers.cors(headers), *_NEVER_KEPT]
        if status == 408:
            extra.append((b"connection", b"close"))  # the rest of the body may come at any time, or never
        if status == 405:
            extra.append((b"allow", value.pop("allow").encode()))
        self._metrics.count("ethogram_requests_total", str(status))
        if status == 200:
            await answers.json(send, 200, value, extra)
        elif status:
            self._metrics.count("ethogram_rejected_total", value["code"])
            await answers.refuse(send, status, extra=extra, **value)

    async def _answered(self, scope: Scope, receive: Receive) -> _Answer:
        path, method = scope["path"].rstrip("/"), scope["method"]
        if path == f"{DEVICES}/key":
            return await self._key() if method in ("GET", "HEAD") else _wrong_method("GET")
        parts = path.removeprefix("/v1/").split("/")
        match parts:
            case ["messages"] | ["devices"] | ["devices", "remove"]:
                pass
            case ["messages", _, what] if what in REPORTS:
                pass
            case _:
                return 404, {"code": "not_found", "message": "there is nothing at this address"}
        if method != "POST":
            return _wrong_method("POST")
        try:
            content = await read(receive, answers.headers_of(scope), _BYTES)
        except GoneError:
            return 0, {}
        if isinstance(content, Unreadable):
            return content.status, {"code": content.code, "message": content.message}
        try:
            body = _decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return 400, {"code": "invalid_json", "message": f"the body is not what is asked for here: {error}"}
        refused = await self._ingest.refused_key(parts[0], key_of(scope) or body.write_key)
        if refused is not None:
            return refused
        if parts == ["devices", "remove"]:
            return await self._remove(body)
        user_id, anonymous_id = _id(body.user_id), _id(body.anonymous_id)
        if not user_id and not anonymous_id:
            return 400, {"code": "missing_id", "message": "neither `userId` nor `anonymousId` is given"}
        visitor = self._showing.visitor(user_id, anonymous_id, body.proof)
        if visitor is None or (parts == ["devices"] and visitor.alone):
            return 401, {"code": "unproven", "message": "`proof` is not the `userId`'s: see `visitor_secret`"}
        if parts == ["devices"]:
            return await self._register(visitor, body)
        if parts == ["messages"]:
            return await self._shown(visitor, body)
        return await self._report(visitor, parts[1], parts[2], body)

    async def _shown(self, visitor: Visitor, body: _Body) -> _Answer:
        shown, number = await asyncio.to_thread(self._showing.choose, visitor, body.url, frozenset(body.events))
        if shown is None:
            return 200, {"message": None}
        if number is not None:
            noting = asyncio.create_task(self._note_fetched(number))
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)
        told = {
            "id": shown.id, **shown.content, "after": shown.after, "scroll": shown.scroll, "again": shown.again,
        }  # fmt: skip
        return 200, {"message": told}

    async def _note_fetched(self, number: int) -> None:
        try:
            await self._showing.note_fetched(number)
        except EthogramError:
            return  # that it was shown says so as well

    async def _report(self, visitor: Visitor, message_id: str, what: str, body: _Body) -> _Answer:
        report = Report(message_id, what, self._showing.now(), body.showing.replace("\x00", ""), body.button)
        if await self._showing.report(visitor, report) is None:
            return 404, {"code": "unknown_message", "message": "there is no such message for this person"}
        return _DONE

    async def _register(self, visitor: Visitor, body: _Body) -> _Answer:
        token = _token(body)
        id_ = await asyncio.to_thread(self._registering.register, visitor.id, body.platform, token)
        return 200, {"success": True, "id": id_}

    async def _remove(self, body: _Body) -> _Answer:
        await asyncio.to_thread(self._registering.remove, body.platform, _token(body))
        return _DONE

    async def _key(self) -> _Answer:
        key = await asyncio.to_thread(self._registering.public_key)
        if key is None:
            return 404, {"code": "no_web_push", "message": "no provider of this workspace sends web push"}
        return 200, {"key": key}


def _id(given: str | int | None) -> str:
    """An id as events have it; empty where there is none."""
    text = "" if given is None else str(given)
    return text.replace("\x00", "\ufffd") if text.strip() else ""


def _token(body: _Body) -> str:
    """A device's token; of a browser, its subscription as JSON, without what nobody needs."""
    if body.platform != "web" or body.subscription is None:
        return body.token
    wanted = {name: body.subscription.get(name) for name in ("endpoint", "keys")}
    return _encode(wanted).decode()


def _wrong_method(allowed: str) -> _Answer:
    return 405, {"code": "method_not_allowed", "message": f"this address takes {allowed}", "allow": allowed}
