"""Previews: what one person would get, with warnings about what providers do to messages like it.

Step of the path: deliver. Pure. A warning hinders nothing: a long text message is sent in parts, and costs so many.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ethogram.deliver.templates.rendering import Templates, language_of
from ethogram.deliver.templates.variables import uses
from ethogram.model.message import Content, EmailContent, PushContent, TextContent, Unrenderable
from ethogram.model.template import Template

CLIPPED = 102 * 1024  # bytes of HTML after which Gmail shows "message clipped"
PUSHED = 3_993  # bytes of a web push's content: 4,096 less what encryption adds (RFC 8291)
_SUBJECT = 150  # characters; nobody shows more
# GSM 03.38: what takes one septet, and what takes two.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWO = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Preview:
    """What one person would get.

    Attributes:
        language: of the version; empty is the one for everybody.
        facts: sizes, such as `bytes` of an e-mail's HTML or `segments` of a text message.
    """

    content: Content | Unrenderable
    language: str
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text message travels.

    Attributes:
        unicode: it holds characters beyond GSM 03.38, so 70 fit in one where 160 would.
        because: the first such character.
    """

    count: int
    units: int
    unicode: bool
    because: str = ""


def segments(text: str) -> Segments:
    """In how many parts a text message travels.

    >>> segments("a" * 160).count, segments("a" * 161).count, segments("☂" * 70).count, segments("€" * 81).count
    (1, 2, 1, 2)
    """
    strange = next((each for each in text if each not in _GSM and each not in _GSM_TWO), "")
    if strange:
        units = len(text.encode("utf-16-le", "replace")) // 2
        return Segments(1 if units <= 70 else math.ceil(units / 67), units, unicode=True, because=strange)
    units = sum(2 if each in _GSM_TWO else 1 for each in text)
    return Segments(1 if units <= 160 else math.ceil(units / 153), units, unicode=False)


def push_size(content: PushContent) -> int:
    """Bytes of a notification, as it is sent to a browser."""
    said = {"title": content.title, "body": content.body, "url": content.url, "image": content.image}
    told = {name: value for name, value in said.items() if value} | (
        {"data": dict(content.data)} if content.data else {}
    )
    return len(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))


def preview(
    templates: Templates,
    template: Template,
    variables: Mapping[str, Any],
    *,
    now: dt.datetime,
    language: str | None = None,
) -> Preview:
    """What somebody with these variables would get; its links are as they were written.

    Raises:
        DefinitionError: the template cannot be used.
    """
    profile = variables.get("profile") or {}
    version = template.language_for(language or language_of(profile))
    content = templates.render(template, variables, now=now, language=language)
    warnings, facts = _looked_at(content)
    if isinstance(content, EmailContent) and "unsubscribe_url" not in uses(templates, template).addresses:
        warnings.append("shows no `{{ unsubscribe_url }}`: only the mail program's own button unsubscribes")
    return Preview(content, version, tuple(warnings), facts)


def _looked_at(content: Content | Unrenderable) -> tuple[list[str], dict[str, int]]:
    match content:
        case EmailContent():
            size = len(content.html.encode("utf-8", "replace"))
            warnings = []
            if size > CLIPPED:
                warnings.append(f"has {size:,} bytes of HTML; Gmail shows the first {CLIPPED:,} and clips the rest")
            if len(content.subject) > _SUBJECT:
                warnings.append(
                    f"has a subject of {len(content.subject)} characters; no inbox shows more than {_SUBJECT}"
                )
            return warnings, {"bytes": size, "subject": len(content.subject)}
        case PushContent():
            size = push_size(content)
            over = [f"has {size:,} bytes; browsers take {PUSHED:,}"] if size > PUSHED else []
            return over, {"bytes": size}
        case TextContent():
            found = segments(content.text)
            warnings = []
            if found.count > 1:
                warnings.append(f"is sent in {found.count} parts, each of which is paid for")
            if found.unicode:
                warnings.append(f"holds `{found.because}`, so that 70 characters fit where 160 would")
            return warnings, {"segments": found.count, "units": found.units}
        case _:
            return [], {}
