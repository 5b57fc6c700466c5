"""Opened pixels and clicked links: noted about their messages, and marked where a machine did it.

Step of the path: deliver → collect. Mail providers, scanners and previews fetch what is in a message as well as people
do. A machine is known by its name, by how it asks, by coming before a person can, or by following several links within
seconds. Clicks soon after sending are therefore told a little later than they happen, when it is known who it was.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ethogram.model.message import Message
from ethogram.store import message_events, outbox_reading
from ethogram.store.message_events import Happening

if TYPE_CHECKING:
    import sqlalchemy as sa

OPENED: Final = "opened"
CLICKED: Final = "clicked"
_TOO_SOON = dt.timedelta(seconds=2)  # after sending: no person is there yet
_SOON = dt.timedelta(minutes=2)  # after sending, scanners come
_LOOKED_AT = dt.timedelta(seconds=10)  # how long a click is looked at that comes soon
_SEVERAL = 3  # different links within that time are no person's clicks
_AGENT = 200  # characters of a program's name that are kept

_MACHINES = re.compile(
    r"bot\b|bot/|crawl|spider|scan|preview|prefetch|monitor|validator|headless|phantom|puppeteer|playwright|"
    r"barracuda|proofpoint|mimecast|ironport|symantec|messagelabs|fireeye|trendmicro|sophos|forcepoint|safelinks|"
    r"bitdefender|cloudmark|zscaler|checkpoint|urldefense|virustotal|netcraft|"
    r"facebookexternalhit|whatsapp/|telegram|slack|discord|skypeuri|iframely|embedly|linkedin|pinterest|"
    r"curl/|wget/|python-|aiohttp|httpx|go-http-client|java/|okhttp|libwww|perl|ruby|node-fetch|axios|guzzle|"
    r"apache-httpclient|microsoft office existence|ms-office",
    re.IGNORECASE,
)
# Apple's Mail Privacy Protection fetches every picture as it delivers, and says nothing more than this.
_APPLE = "Mozilla/5.0"


@dataclass(frozen=True, slots=True)
class Sight:
    """Somebody or something fetched what was in a message.

    Attributes:
        what: opened or clicked.
        number: of the link.
        machine: how it asked says that it was no person.
    """

    message_id: str
    what: str
    at: dt.datetime
    number: int = 0
    url: str = ""
    agent: str = ""
    machine: bool = False


def by_machine(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request says by itself that no person made it.

    Args:
        headers: by lower-case name.

    >>> by_machine("GET", {"user-agent": "Mozilla/5.0"})
    True
    >>> by_machine("GET", {"user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Firefox/140.0"})
    False
    """
    if method != "GET":
        return True
    purposes = (headers.get(name, "").lower() for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    if any("prefetch" in purpose or "preview" in purpose for purpose in purposes):
        return True
    agent = headers.get("user-agent", "").strip()
    return agent in ("", _APPLE) or _MACHINES.search(agent) is not None


def note(connection: sa.Connection, sights: Sequence[Sight], now: dt.datetime) -> int:
    """How many of what was seen were new; of each link a message says once a minute that it was followed."""
    messages = outbox_reading.find_many(connection, sorted({sight.message_id for sight in sights}))
    new = 0
    for sight in sights:
        message = messages.get(sight.message_id)
        if message is not None:
            new += _note(connection, message, sight, now)
    return new


def _note(connection: sa.Connection, message: Message, sight: Sight, now: dt.datetime) -> int:
    since = sight.at - message.finished_at if message.finished_at is not None else dt.timedelta()
    machine = sight.machine or (sight.what == CLICKED and since < _TOO_SOON)
    tell_at = now
    if sight.what == CLICKED and not machine and since < _SOON:
        tell_at = now + _LOOKED_AT
        if _several(connection, message, sight):
            message_events.mark_machine(connection, message.number, CLICKED)
            machine = True
    properties: dict[str, Any] = {"user_agent": sight.agent[:_AGENT]}
    if sight.what == CLICKED:
        properties |= {"url": sight.url, "link": sight.number}
    if machine:
        properties["machine"] = True
    return message_events.append(
        connection,
        [Happening(message.number, sight.what, sight.at, _key(sight, machine=machine), properties, tell_at)],
        now,
    )


def _key(sight: Sight, *, machine: bool) -> str:
    """What is the same for a repetition: pixels are fetched again with every look, links by people who are in doubt."""
    who = "m" if machine else "p"
    if sight.what == OPENED:
        return f"{who}{sight.at:%Y%m%d%H}"
    return f"{sight.number}{who}{sight.at:%Y%m%d%H%M}"


def _several(connection: sa.Connection, message: Message, sight: Sight) -> bool:
    recent = {
        happened.properties.get("link")
        for happened in message_events.of_message(connection, message.number)
        if happened.event == CLICKED and abs(sight.at - happened.at) <= _LOOKED_AT
    }
    return len(recent | {sight.number}) >= _SEVERAL
