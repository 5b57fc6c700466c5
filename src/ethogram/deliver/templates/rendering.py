"""Rendering: a template and somebody's variables become what a message says, or the reason why they cannot.

Step of the path: deliver. Pure. Keeps templates compiled; used by many threads at once. A missing variable, an abort, a
limit, a link that runs something: each ends in a reason, never in half a message.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import threading
import zoneinfo
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from liquid.exceptions import LiquidError

from ethogram.deliver.links import Link, Purpose
from ethogram.deliver.templates.compiling import Compiled, Piece, compiled
from ethogram.deliver.templates.sandbox import AbortError, Surroundings
from ethogram.deliver.templates.tracking import Links, Tracking, UnsafeLinkError, checked, with_pixel
from ethogram.model.message import (
    Channel,
    ChatContent,
    Content,
    EmailContent,
    InAppContent,
    PushContent,
    TextContent,
    Unrenderable,
    WebhookContent,
)
from ethogram.model.template import Template

_KEPT = 500  # compiled templates
_STUMBLES = (
    ArithmeticError, ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Message:
    """One rendering."""

    variables: Mapping[str, Any]
    around: Surroundings
    links: Links

    def text(self, piece: Piece | None) -> str | None:
        return None if piece is None else _rendered(piece, self.variables, self.around)

    def line(self, piece: Piece | None) -> str | None:
        """A text for one line: what is in it cannot start another header."""
        text = self.text(piece)
        return None if text is None else " ".join(text.split())

    def url(self, piece: Piece | None) -> str | None:
        text = self.line(piece)
        return checked(text) or None if text is not None else None

    def nested(self, value: Any) -> Any:
        if isinstance(value, Piece):
            return _rendered(value, self.variables, self.around)
        if isinstance(value, Mapping):
            return {key: self.nested(each) for key, each in value.items()}
        if isinstance(value, tuple):
            return [self.nested(each) for each in value]
        return value


class _PieceError(Exception):
    """A text cannot be rendered; with its place."""

    def __init__(self, reason: str, *, aborted: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.aborted = aborted


class Templates:
    """Renders templates.

    Args:
        tracking: None where there is no public address yet: no link is tracked, and none unsubscribes.
        zone: of people who have none of their own.
        currency: of amounts that say none.
        language: of people who have none.
    """

    def __init__(
        self,
        tracking: Tracking | None = None,
        *,
        zone: dt.tzinfo = dt.UTC,
        currency: str | None = None,
        language: str = "en",
    ) -> None:
        self._tracking = tracking
        self._usual = Surroundings(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), zone, language, currency)
        self._compiled: OrderedDict[tuple[str, int], Compiled] = OrderedDict()
        self._changing = threading.Lock()

    def compiled(self, template: Template) -> Compiled:
        """The template, compiled once for each of its versions.

        Raises:
            DefinitionError: it cannot be; a saved template was checked.
        """
        key = (template.name, template.version)
        found = self._compiled.get(key)
        if found is None or (found.template is not template and found.template != template):
            found = compiled(template)
            with self._changing:
                self._compiled[key] = found
                while len(self._compiled) > _KEPT:
                    self._compiled.popitem(last=False)
        return found

    def render(
        self,
        template: Template,
        variables: Mapping[str, Any],
        *,
        now: dt.datetime,
        message_id: str = "",
        language: str | None = None,
        missing: set[str] | None = None,
    ) -> Content | Unrenderable:
        """What a message says to one person.

        Args:
            variables: `profile` (traits, which are there under their own names as well), `event`, `account`,
                `campaign`, `journey`, `catalog`, `coupon` and so on.
            message_id: whose links are tracked; empty for a preview.
            language: instead of the person's own.
            missing: collects what is missing, in place of a refusal at the first; for finding it beforehand.
        """
        made = self.compiled(template)
        profile = variables.get("profile") or {}
        wanted = language or language_of(profile)
        version = template.language_for(wanted)
        zone = _zone(_text(profile, "timezone")) or self._usual.zone
        around = Surroundings(now, zone, version or self._usual.language, self._usual.currency, missing)
        if version and wanted and wanted.replace("_", "-").lower().startswith(version.lower() + "-"):
            around = replace(around, language=wanted)  # the version is of Portuguese, the dates those of Brazil
        local = now.astimezone(around.zone)
        given = {**profile, **self._addresses(made, message_id), "now": local, "today": local.date(), **variables}
        try:
            parameters = {name: _rendered(piece, given, around).strip() for name, piece in made.link_parameters.items()}
            links = Links(self._tracking, message_id, parameters, track=template.track_links)
            return self._content(template, made.versions[version], _Message(given, around, links), message_id)
        except _PieceError as error:
            return Unrenderable(error.reason, aborted=error.aborted)
        except UnsafeLinkError as error:
            return Unrenderable(str(error))

    def _addresses(self, made: Compiled, message_id: str) -> dict[str, str]:
        """What a message can lead to beside its links, as far as its template asks; an e-mail's header does."""
        tracking = self._tracking
        if tracking is None:
            return {}
        return {
            name: tracking.signer.address(tracking.base, Link(purpose, message_id or "preview"))
            for name, purpose in (
                ("unsubscribe_url", Purpose.UNSUBSCRIBE),
                ("preferences_url", Purpose.PREFERENCES),
                ("view_url", Purpose.VIEW),
                ("confirm_url", Purpose.CONFIRM),
            )
            if name in made.names or (name == "unsubscribe_url" and made.template.channel is Channel.EMAIL)
        }

    def _content(
        self, template: Template, parts: Mapping[str, Any], message: _Message, message_id: str
    ) -> Content | Unrenderable:
        match template.channel:
            case Channel.EMAIL:
                return self._email(template, parts, message, message_id)
            case Channel.PUSH | Channel.WEBPUSH:
                url = message.url(parts["url"])
                content = PushContent(
                    title=message.line(parts["title"]) or "",
                    body=(message.text(parts["body"]) or "").strip(),
                    url=None if url is None else message.links.led(url),
                    image=message.url(parts["image"]),
                    data=message.nested(parts["data"]) or {},
                )
                return _unless_empty(content, title=content.title, body=content.body)
            case Channel.SMS | Channel.WHATSAPP:
                text = TextContent(message.links.in_text((message.text(parts["text"]) or "").strip()))
                return _unless_empty(text, text=text.text)
            case Channel.INAPP:
                return self._in_app(parts, message)
            case Channel.WEBHOOK:
                return _webhook(parts, message)
            case Channel.CHAT:
                chat = ChatContent(message.line(parts["title"]) or "", (message.text(parts["text"]) or "").strip())
                return _unless_empty(chat, text=chat.text)

    def _email(
        self, template: Template, parts: Mapping[str, Any], message: _Message, message_id: str
    ) -> Content | Unrenderable:
        tracking = self._tracking
        html = message.text(parts["html"]) or ""
        text = _tidy(message.text(parts["text"]) or "")
        subject = message.line(parts["subject"]) or ""
        if not text and "<img" not in html.lower():
            return Unrenderable("the message would be empty")
        if html:
            html = message.links.in_html(html)
            if tracking is not None and tracking.opens and template.track_opens and message_id:
                html = with_pixel(html, tracking.signer.address(tracking.base, Link(Purpose.OPEN, message_id)))
        content = EmailContent(
            subject=subject,
            html=html,
            text=message.links.in_text(text),
            sender=message.line(parts["sender"]) or None,
            reply_to=message.line(parts["reply_to"]) or None,
            unsubscribe=message.variables.get("unsubscribe_url") if message_id else None,
        )
        return _unless_empty(content, subject=subject)

    def _in_app(self, parts: Mapping[str, Any], message: _Message) -> Content | Unrenderable:
        buttons = []
        for button in message.nested(parts["buttons"]) or ():
            url = button.get("url")
            buttons.append(button if url is None else {**button, "url": message.links.marked(" ".join(url.split()))})
        content = InAppContent(
            form=parts["form"],
            title=message.line(parts["title"]) or "",
            body=(message.text(parts["body"]) or "").strip(),
            image=message.url(parts["image"]),
            buttons=tuple(buttons),
            show=parts["show"] or {},
            style=parts["style"] or {},
        )
        return _unless_empty(content, title=content.title, body=content.body)


def language_of(profile: Mapping[str, Any]) -> str | None:
    """The language that somebody's traits name; None where they name none."""
    return _text(profile, "language") or _text(profile, "locale")


def _rendered(piece: Piece, variables: Mapping[str, Any], around: Surroundings) -> str:
    try:
        return piece.rendered(variables, around)
    except AbortError as error:
        raise _PieceError(f"the template aborts: {error.message}", aborted=True) from None
    except LiquidError as error:
        raise _PieceError(f"{piece.place}: {error.message}") from None
    except _STUMBLES as error:  # a filter over a value that somebody sent
        raise _PieceError(f"{piece.place}: {type(error).__name__}: {str(error)[:200]}") from None


def _webhook(parts: Mapping[str, Any], message: _Message) -> Content | Unrenderable:
    url = message.line(parts["url"]) or ""
    if not url.lower().startswith(("http://", "https://")):
        return Unrenderable(f"url: `{url[:100]}` is no address of the web")
    body = message.nested(parts["body"])
    headers = {name: " ".join(str(value).split()) for name, value in (message.nested(parts["headers"]) or {}).items()}
    if not isinstance(body, str):
        body = json.dumps(body, ensure_ascii=False)
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
    return WebhookContent(url, body.encode("utf-8", "replace"), headers)


def _unless_empty(content: Content, **texts: str) -> Content | Unrenderable:
    for name, text in texts.items():
        if not text:
            return Unrenderable(f"{name}: would be empty")
    return content


def _tidy(text: str) -> str:
    """Plain text without the gaps that tags leave."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for index, line in enumerate(lines) if line or (index and lines[index - 1])]
    return "\n".join(kept).strip()


def _text(profile: Mapping[str, Any], name: str) -> str | None:
    value = profile.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= 100 else None


@functools.lru_cache(maxsize=1_000)
def _zone(name: str | None) -> dt.tzinfo | None:
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None
