"""Unsubscribing at `/u/{token}`, choosing at `/p/{token}`, confirming at `/c/{token}`: where links in messages lead to.

A GET changes nothing: mail programs and scanners follow links before people do. A POST to `/u/` unsubscribes at once,
once or twice, with or without a body, and is never redirected (RFC 8058); cookies are not looked at, the token is all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import parse_qs

from ethogram.errors import EthogramError
from ethogram.web import answers
from ethogram.web.body import GoneError, Unreadable, read
from ethogram.web.preferences import pages

if TYPE_CHECKING:
    from ethogram.subscribing import About, Subscriptions
    from ethogram.web.answers import Asgi, Receive, Scope, Send

UNSUBSCRIBE: Final = "/u"
PREFERENCES: Final = "/p"
CONFIRM: Final = "/c"
_MOST = 64 << 10  # bytes of a form
_MOST_FIELDS = 2_000
_HEADERS: Final = [
    (
        b"content-security-policy",
        f"default-src 'none'; style-src '{pages.STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'".encode(),
    ),
    (b"referrer-policy", b"no-referrer"),  # the address holds the token
    (b"cache-control", b"no-store"),
    (b"x-robots-tag", b"noindex"),
]


def mounts(subscriptions: Subscriptions) -> dict[str, Asgi]:
    """The applications by their addresses."""
    return {
        UNSUBSCRIBE: _Pages(UNSUBSCRIBE, partial(_unsubscribe, subscriptions)),
        PREFERENCES: _Pages(PREFERENCES, partial(_choose, subscriptions)),
        CONFIRM: _Pages(CONFIRM, partial(_confirm, subscriptions)),
    }


_Form: TypeAlias = "dict[str, list[str]] | None"


class _Pages:
    """The pages at an address: a token, a page, a form.

    Args:
        page: what a token and, where there is one, a form make; None is a link that does not work.
    """

    def __init__(self, prefix: str, page: Callable[[str, _Form], bytes | None]) -> None:
        self._prefix = prefix
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        token = scope["path"].removeprefix(self._prefix).strip("/")
        method = scope["method"]
        if method not in ("GET", "HEAD", "POST"):
            await answers.refuse(send, 405, "method_not_allowed", "this takes GET and POST", [(b"allow", b"GET, POST")])
            return
        try:
            form: _Form = None
            if method == "POST":
                body = await read(receive, answers.headers_of(scope), _MOST)
                if isinstance(body, Unreadable):
                    await answers.refuse(send, body.status, body.code, body.message, [(b"connection", b"close")])
                    return
                form = _fields(body)
            page = await asyncio.to_thread(self._page, token, form)
        except GoneError:
            return
        except EthogramError:
            again = (b"retry-after", str(answers.RETRY_AFTER).encode())
            await _answer(send, 503, pages.unavailable(), [again])
            return
        if page is None:
            await _answer(send, 404, pages.invalid())
        else:
            await _answer(send, 200, b"" if method == "HEAD" else page)


def _unsubscribe(subscriptions: Subscriptions, token: str, form: _Form) -> bytes | None:
    if form is None:
        asked = subscriptions.asked(token)
    else:
        # A mail program sends what it likes: anything but the page's own second button is about the topic.
        asked = subscriptions.unsubscribe(token, everything=form.get("scope") == ["everything"])
    return None if asked is None else pages.unsubscribe(asked)


def _choose(subscriptions: Subscriptions, token: str, form: _Form) -> bytes | None:
    if form is None:
        found = subscriptions.preferences(token)
    else:
        found = subscriptions.choose(token, _abouts(form.get("shown", [])), set(_abouts(form.get("on", []))))
    return None if found is None else pages.preferences(found, saved=form is not None)


def _confirm(subscriptions: Subscriptions, token: str, form: _Form) -> bytes | None:
    """Only the page's own button confirms: what looks at links before people do may send a POST as well."""
    if form is not None and form.get("confirm") == ["yes"]:
        found = subscriptions.confirm(token)
    else:
        found = subscriptions.asked_to_confirm(token)
    return None if found is None else pages.confirm(found)


def _fields(body: bytes) -> dict[str, list[str]]:
    """The fields of a form; what is none has none."""
    try:
        return parse_qs(body.decode("utf-8"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}


def _abouts(values: list[str]) -> list[About]:
    found = []
    for value in values:
        channel, _, topic = value.partition(":")
        found.append((channel, topic))
    return found


async def _answer(send: Send, status: int, body: bytes, extra: list[tuple[bytes, bytes]] | None = None) -> None:
    await answers.write(send, status, body, b"text/html; charset=utf-8", [*_HEADERS, *(extra or [])])
