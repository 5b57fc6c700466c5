"""What comes back: `POST /v1/texts/{provider}` for replies and reports of texts, `POST /v1/bounces` for mail.

Texts come with the provider's signature, mail with a key of scope `manage`: write keys are in everybody's browser, and
a bounce keeps mail from somebody. A request is answered when what follows from it is on disk; where the ledger does not
take it, it is answered 503, and comes again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, parse_qsl

from ethogram.collecting import Scope as KeyScope
from ethogram.errors import EthogramError
from ethogram.returning import Asked, Forged, TextTaken, UnknownProvider
from ethogram.web import answers
from ethogram.web.access import CHALLENGE, Access
from ethogram.web.body import GoneError, Unreadable, read

if TYPE_CHECKING:
    from ethogram.returning import Returning
    from ethogram.web.answers import Asgi, Receive, Scope, Send
    from ethogram.web.metrics import Metrics

TEXTS: Final = "/v1/texts"
BOUNCES: Final = "/v1/bounces"
_MOST_TEXT = 256 << 10  # bytes of a form
_MOST_FIELDS = 1_000
_MOST_MAIL = 2 << 20  # bytes of a mail
_XML = b"text/xml; charset=utf-8"
_EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_SAID: Final = {
    Asked.STOP: "You get no more messages from us. Answer START to get them again.",
    Asked.START: "You get messages from us again. Answer STOP to get no more.",
    Asked.HELP: "Answer STOP to get no more messages from us, START to get them again.",
}


def mounts(returning: Returning, access: Access, metrics: Metrics) -> dict[str, Asgi]:
    """The applications by their addresses."""
    returns = Returns(returning, access, metrics)
    return {TEXTS: returns.text, BOUNCES: returns.mail}


class Returns:
    """Takes what comes back, as requests.

    Args:
        access: knows the keys.
    """

    def __init__(self, returning: Returning, access: Access, metrics: Metrics) -> None:
        self._returning = returning
        self._access = access
        self._metrics = metrics

    async def text(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a provider that has a text for us, or a report about one."""
        body = await self._posted(scope, receive, send, _MOST_TEXT)
        if body is None:
            return
        headers = answers.headers_of(scope)
        provider = scope["path"].removeprefix(TEXTS).strip("/")
        signature = headers.get(b"x-twilio-signature", b"").decode("latin-1")
        try:
            form = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            await answers.refuse(send, 400, "invalid_form", "the body is no form")
            return
        place, address = _addresses(scope)
        try:
            taken = await asyncio.to_thread(
                self._returning.text, provider, form, signature, place=place, address=address
            )
        except EthogramError:
            await self._later(send)
            return
        match taken:
            case UnknownProvider():
                await answers.refuse(
                    send, 404, "unknown_provider", "there is no provider of this name that takes texts"
                )
            case Forged():
                self._metrics.count("ethogram_rejected_total", "bad_signature")
                await answers.refuse(send, 403, "bad_signature", "the request is not signed by the provider")
            case TextTaken(reply=False):
                await answers.write(send, 200, _EMPTY, _XML)
            case TextTaken(asked=asked):
                await answers.write(send, 200, _answer(asked), _XML)

    async def mail(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers whoever hands over a mail that came back."""
        authorization = answers.headers_of(scope).get(b"authorization", b"")
        denied = await self._access.denied(authorization, KeyScope.MANAGE)
        if denied is not None:
            extra = [CHALLENGE] if denied.status == 401 else []
            await answers.refuse(send, denied.status, denied.code, denied.message, [*extra, (b"connection", b"close")])
            return
        body = await self._posted(scope, receive, send, _MOST_MAIL)
        if body is None:
            return
        query = parse_qs(scope["query_string"].decode("latin-1"))
        try:
            taken = await asyncio.to_thread(self._returning.mail, body, to=query.get("to", [""])[0])
        except EthogramError:
            await self._later(send)
            return
        self._metrics.count("ethogram_requests_total", "200")
        await answers.json(send, 200, {"found": taken.found, "known": taken.known})

    async def _posted(self, scope: Scope, receive: Receive, send: Send, most: int) -> bytes | None:
        """The body of a POST; None where the request is answered already, or its sender is gone."""
        if scope["method"] != "POST":
            await answers.refuse(send, 405, "method_not_allowed", "this takes POST", [(b"allow", b"POST")])
            return None
        try:
            body = await read(receive, answers.headers_of(scope), most)
        except GoneError:
            return None
        if isinstance(body, Unreadable):
            await answers.refuse(send, body.status, body.code, body.message, [(b"connection", b"close")])
            return None
        return body

    async def _later(self, send: Send) -> None:
        again = [(b"retry-after", str(answers.RETRY_AFTER).encode())]
        await answers.refuse(send, 503, "unavailable", "this cannot be kept now; send it again later", again)


def _addresses(scope: Scope) -> tuple[str, str]:
    """The path with the query as it came, and the whole address as this server sees it."""
    headers = answers.headers_of(scope)
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    place = (path + (b"?" + query if query else b"")).decode("latin-1")
    scheme = headers.get(b"x-forwarded-proto", scope["scheme"].encode()).decode("latin-1")
    return place, f"{scheme}://{headers.get(b'host', b'').decode('latin-1')}{place}"


def _answer(asked: Asked | None) -> bytes:
    """What the person is answered, as TwiML."""
    if asked is None:
        return _EMPTY
    told = f"<Response><Message>{_SAID[asked]}</Message></Response>"
    return f'<?xml version="1.0" encoding="UTF-8"?>{told}'.encode()
