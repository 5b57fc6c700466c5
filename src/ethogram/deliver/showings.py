"""What pages do with in-app messages: fetched, shown, clicked and dismissed, noted about the message, each thing once.

Step of the path: deliver → collect. Statements inside a transaction of the ledger. Who reports is believed to be
whoever the page says; a report about somebody else's message is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ethogram.errors import DefinitionError
from ethogram.model.showing import Show
from ethogram.store import in_app, message_events
from ethogram.store.in_app import Waiting
from ethogram.store.message_events import Happening

if TYPE_CHECKING:
    import sqlalchemy as sa

SHOWN: Final = "shown"
CLICKED: Final = "clicked"
DISMISSED: Final = "dismissed"
REPORTS: Final = (SHOWN, CLICKED, DISMISSED)
# What it is called as an event, as on other channels.
_EVENTS: Final = {SHOWN: "opened", CLICKED: "clicked", DISMISSED: "dismissed"}
_MOST_SHOWN = 1_000  # of one message that are noted


@dataclass(frozen=True, slots=True)
class Report:
    """What a page tells about a message.

    Attributes:
        what: shown, clicked or dismissed.
        showing: an id that the page made for this time; the same report again is known by it.
        button: which one was clicked, from 1; 0 is none.
    """

    message_id: str
    what: str
    at: dt.datetime
    showing: str = ""
    button: int = 0


def is_due(waiting: Waiting, show: Show, now: dt.datetime) -> bool:
    """Whether a message may be shown, as often as it was already."""
    if waiting.shown_at is None:
        return True
    return show.again is not None and now >= waiting.shown_at + show.again


def show_of(content: Mapping[str, Any]) -> Show:
    """The rules of a message as it was rendered."""
    try:
        return Show.from_body(content.get("show") or {})
    except DefinitionError:  # the channel has taken it, so another release has: shown once, like any other
        return Show()


def note_fetched(connection: sa.Connection, messages: Sequence[int], now: dt.datetime) -> int:
    """How many messages a page was told to show for the first time: they have arrived."""
    new = in_app.fetched(connection, messages, now)
    return message_events.append(connection, [Happening(number, "delivered", now) for number in new], now)


def note(connection: sa.Connection, report: Report, profile_ids: Sequence[str], now: dt.datetime) -> bool | None:
    """Whether a report was new; None where it is about no message of the person.

    Args:
        profile_ids: every id of the person.
    """
    waiting = in_app.find(connection, report.message_id, profile_ids)
    if waiting is None:
        return None
    number = waiting.message.number
    if report.what == SHOWN and waiting.shows >= _MOST_SHOWN:
        return False
    if not waiting.fetched:
        note_fetched(connection, [number], now)
    happened = Happening(number, _EVENTS[report.what], report.at, _key(report), _properties(report, waiting))
    if not message_events.append(connection, [happened], now):
        return False
    if report.what == SHOWN:
        in_app.shown(connection, number, now, ended=show_of(waiting.content).again is None)
    else:
        in_app.end(connection, number, now)
    return True


def _key(report: Report) -> str:
    """What is the same for a repetition; a message is dismissed once, a button clicked once in a showing."""
    match report.what:
        case "shown":
            return report.showing
        case "clicked":
            return f"{report.showing}:{report.button}"
        case _:
            return ""


def _properties(report: Report, waiting: Waiting) -> dict[str, Any]:
    buttons = waiting.content.get("buttons") or ()
    if report.what != CLICKED or not 0 < report.button <= len(buttons):
        return {}
    pressed = buttons[report.button - 1]
    told = {"button": report.button, "text": pressed.get("text"), "url": pressed.get("url")}
    return {name: value for name, value in told.items() if value is not None}
