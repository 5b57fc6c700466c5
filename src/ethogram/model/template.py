"""A template: what a message says on a channel, in one language or several, with variables in Liquid.

Frozen values that are read from a document and written to one. Whether the Liquid and the layout in them can be used is
not known here: whoever saves a template hands in the check (`ethogram.deliver.templates.compiling.faults`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from ethogram.model.message import Channel
from ethogram.model.reading import Part, read
from ethogram.model.showing import button_of, check_style, kept, show_of

KIND = "template"
FORMS = ("banner", "modal", "card", "fullscreen")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class EmailParts:
    """Of an e-mail. The body is `mjml`, or `html`, or `text` alone; plain text is made from the others.

    Attributes:
        preheader: what an inbox shows after the subject.
        sender: such as `Shop <news@shop.example>`; None is the provider's.
    """

    subject: str | None = None
    preheader: str | None = None
    mjml: str | None = None
    html: str | None = None
    text: str | None = None
    sender: str | None = None
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class PushParts:
    """Of a notification, on a phone or in a browser.

    Attributes:
        data: for the app, as texts.
    """

    title: str | None = None
    body: str | None = None
    url: str | None = None
    image: str | None = None
    data: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TextParts:
    """Of a text message."""

    text: str | None = None


@dataclass(frozen=True, slots=True)
class InAppParts:
    """Of a message that a page or an app shows.

    Attributes:
        body: plain text.
        buttons: each with a `text`; with a `url` where it leads somewhere, an `event` that it tracks, and a `style`.
        show: when a page shows it (see `model/showing.py`), without Liquid.
        style: `background`, `text` and `accent` as colours, and its `position`, without Liquid.
    """

    form: str | None = None
    title: str | None = None
    body: str | None = None
    image: str | None = None
    buttons: tuple[Mapping[str, str], ...] | None = None
    show: Mapping[str, Any] | None = None
    style: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WebhookParts:
    """Of a request.

    Attributes:
        body: a text; or a mapping or list, which is sent as JSON with the Liquid in its texts rendered.
    """

    url: str | None = None
    body: str | Mapping[str, Any] | Sequence[Any] | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ChatParts:
    """Of a line for a team's chat."""

    title: str | None = None
    text: str | None = None


Parts: TypeAlias = EmailParts | PushParts | TextParts | InAppParts | WebhookParts | ChatParts

_PARTS: dict[Channel, type[Parts]] = {
    Channel.EMAIL: EmailParts,
    Channel.WEBPUSH: PushParts,
    Channel.PUSH: PushParts,
    Channel.SMS: TextParts,
    Channel.WHATSAPP: TextParts,
    Channel.INAPP: InAppParts,
    Channel.WEBHOOK: WebhookParts,
    Channel.CHAT: ChatParts,
}
_REQUIRED = {
    EmailParts: ("subject",), PushParts: ("title", "body"), TextParts: ("text",), InAppParts: ("form", "title", "body"),
    WebhookParts: ("url", "body"), ChatParts: ("text",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """What a message says.

    Attributes:
        parts: for everybody who has no version of their own.
        languages: what differs for people of a language, such as `sv` or `pt-BR`.
        link_parameters: added to tracked links, such as `utm_campaign`; Liquid.
        track_links: whether links lead by way of us, so that clicks come back as events.
        track_opens: whether an e-mail has a pixel.
        version: of the definition; 0 until it is saved.
    """

    name: str
    channel: Channel
    parts: Parts
    languages: Mapping[str, Parts] = field(default_factory=dict)
    link_parameters: Mapping[str, str] = field(default_factory=dict)
    track_links: bool = True
    track_opens: bool = True
    description: str = ""
    version: int = field(default=0, compare=False)

    @classmethod
    def from_body(cls, name: str, body: object, *, check: Check | None = None, version: int = 0) -> Template:
        """The template that a document describes.

        Args:
            check: finds what cannot be used in Liquid and layouts; called where the document can be read.

        Raises:
            DefinitionError: with all faults of the document.
        """
        return read(f"template `{name}`", body, lambda top: _template(name, top, check, version))

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        body: dict[str, Any] = {"channel": self.channel.value}
        if self.description:
            body["description"] = self.description
        body.update(_body(self.parts))
        if self.languages:
            body["languages"] = {language: _body(parts) for language, parts in self.languages.items()}
        if self.link_parameters:
            body["link_parameters"] = dict(self.link_parameters)
        for switch in ("track_links", "track_opens"):
            if not getattr(self, switch):
                body[switch] = False
        return body

    def language_for(self, wanted: str | None) -> str:
        """The version that a person of a language gets; empty is the one for everybody.

        >>> parts = TextParts("Hi")
        >>> hello = Template("hello", Channel.SMS, parts, languages={"sv": parts, "pt-BR": parts})
        >>> [hello.language_for(each) for each in ("sv_SE", "pt-br", "pt", None)]
        ['sv', 'pt-BR', '', '']
        """
        tag = (wanted or "").strip().replace("_", "-").split(".")[0].lower()
        known = {language.lower(): language for language in self.languages}
        while tag:
            if tag in known:
                return known[tag]
            tag = tag.rpartition("-")[0]
        return ""

    def parts_in(self, language: str) -> Parts:
        """All parts of a version: what it does not say is as for everybody."""
        own = self.languages.get(language)
        if own is None:
            return self.parts
        said = {each.name: getattr(own, each.name) for each in fields(own)}
        given = {name: value for name, value in said.items() if value is not None}
        if isinstance(own, EmailParts) and ("mjml" in given or "html" in given or "text" in given):
            # The body is of one language: a plain text of the other one would contradict it.
            given = {"mjml": None, "html": None, "text": None, **given}
        return replace(self.parts, **given)


Check: TypeAlias = Callable[[Template], Sequence[tuple[str, str]]]


def _template(name: str, top: Part, check: Check | None, version: int) -> Template:
    channel = Channel(top.text("channel", one_of=[each.value for each in Channel]))
    parts = _parts(top, channel)
    languages: dict[str, Parts] = {}
    versions = top.maybe("languages")
    for language, part in versions.each() if versions is not None else ():
        if not _LANGUAGE.fullmatch(language):
            part.wrong(None, "is no language; write it as `sv` or `pt-BR`")
        languages[language] = _parts(part, channel)
    parameters = top.mapping("link_parameters", {})
    for key, value in parameters.items():
        if not isinstance(value, str):
            top.wrong(f"link_parameters.{key}", "must be a text")
    template = Template(
        name,
        channel,
        parts,
        languages,
        {key: str(value) for key, value in parameters.items()},
        track_links=top.flag("track_links", default=True),
        track_opens=top.flag("track_opens", default=True),
        description=top.text("description", ""),
        version=version,
    )
    whole = True
    for language in ("", *languages):
        for missing in _missing(template.parts_in(language)):
            at = f"languages.{language}.{missing[0]}" if language else missing[0]
            top.wrong(at, missing[1])
            whole = False
    if check is not None and whole:
        for place, wrong in check(template):
            top.wrong(place, wrong)
    return template


def _missing(parts: Parts) -> list[tuple[str, str]]:
    found = [(name, "is missing") for name in _REQUIRED[type(parts)] if getattr(parts, name) is None]
    if isinstance(parts, EmailParts):
        if parts.mjml is not None and parts.html is not None:
            found.append(("html", "cannot be there beside `mjml`: the layout makes it"))
        if parts.mjml is None and parts.html is None and parts.text is None:
            found.append(("mjml", "is missing; an e-mail has `mjml`, or `html`, or `text` alone"))
    return found


def _parts(part: Part, channel: Channel) -> Parts:
    match _PARTS[channel]:
        case kind if kind is InAppParts:
            buttons = part.parts("buttons", None)
            for name, check in (("show", show_of), ("style", check_style)):
                if (inside := part.maybe(name)) is not None:
                    check(inside)
            return InAppParts(
                part.text("form", None, one_of=FORMS),
                part.text("title", None),
                part.text("body", None),
                part.text("image", None),
                buttons=tuple(button_of(each) for each in buttons) if "buttons" in part else None,
                show=kept(part, "show"),
                style=kept(part, "style"),
            )
        case kind if kind is WebhookParts:
            body = part.value("body", None)
            if body is not None and not isinstance(body, (str, Mapping, list)):
                part.wrong("body", "must be a text, a mapping or a list")
            return WebhookParts(part.text("url", None), body, _texts(part, "headers"))
        case kind if kind is PushParts:
            return PushParts(
                part.text("title", None),
                part.text("body", None),
                part.text("url", None),
                part.text("image", None),
                data=_texts(part, "data"),
            )
        case kind:
            return kind(**{each.name: part.text(each.name, None, longest=500_000) for each in fields(kind)})


def _texts(part: Part, name: str) -> dict[str, str] | None:
    if name not in part:
        part.value(name, None)
        return None
    found = part.mapping(name)
    for key, value in found.items():
        if not isinstance(value, str):
            part.wrong(f"{name}.{key}", "must be a text")
    return {key: str(value) for key, value in found.items()}


def _body(parts: Parts) -> dict[str, Any]:
    said = {each.name: getattr(parts, each.name) for each in fields(parts)}
    return {
        name: [dict(each) for each in value] if name == "buttons" else value
        for name, value in said.items()
        if value is not None
    }
