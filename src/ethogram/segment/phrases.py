"""Small words of the English sentence: lengths of time, dates, windows, numbers, lists, quotes.

Step of the path: segment, language half; a part of `english.py`. Reads small values; writes pieces of a sentence.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, assert_never

from ethogram.model import segment as model
from ethogram.segment.printer import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethogram.model.segment import InstantWindow, Moment, Span

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_LISTED = 6  # values of a list that a sentence names one by one


def quoted(text: str) -> str:
    """A name or a text in the sentence, on one line."""
    shown = "".join(character if character.isprintable() else "␣" for character in text)
    return f"“{shown}”" if text else "an empty text"


def plain(name: str) -> str:
    """The name of a trait or a property: as it is where that reads as one word, in quotes otherwise."""
    return name if name and all(part.isidentifier() for part in name.split(".")) else quoted(name)


def span_words(span: Span) -> str:
    """`1 day`, `30 days`."""
    return f"{span.amount:,} {span.unit}{'' if span.amount == 1 else 's'}"


def the_span(span: Span) -> str:
    """What follows “in the last”: `day`, `30 days`."""
    return str(span.unit) if span.amount == 1 else span_words(span)


def moment_words(moment: Moment) -> str:
    """`31 January 2026`, `31 January 2026, 18:00 UTC`."""
    value = moment.value
    day = f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    if not isinstance(value, dt.datetime):
        return day
    utc = value.astimezone(dt.UTC)
    time = f"{utc:%H:%M}"
    if utc.second or utc.microsecond:
        time += f":{utc:%S}"
    if utc.microsecond:
        time += f".{utc.microsecond:06}".rstrip("0")
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year}, {time} UTC"


def window_words(window: InstantWindow) -> str:
    """`in the last 30 days`, `this month`, `between 1 January 2026 and 31 January 2026`."""
    match window:
        case model.InLast():
            return f"in the last {the_span(window.span)}"
        case model.InNext():
            return f"in the next {the_span(window.span)}"
        case model.InPreceding():
            return f"in the {the_span(window.span)} before the last {the_span(window.shift)}"
        case model.BeforeAgo():
            return f"more than {span_words(window.span)} ago"
        case model.InCalendar(unit=model.CalendarUnit.DAY):
            return "yesterday" if window.previous else "today"
        case model.InCalendar():
            return f"in the previous {window.unit}" if window.previous else f"this {window.unit}"
        case model.BetweenMoments():
            return f"between {moment_words(window.start)} and {moment_words(window.end)}"
        case model.Since():
            return f"since {moment_words(window.start)}"
        case model.Before():
            return f"before {moment_words(window.end)}"
        case _:
            assert_never(window)


def number_words(value: float, *, exact: bool = False) -> str:
    """A number; large amounts have separators, values that may be identifiers (`exact`) have none."""
    if exact or abs(value) < 10_000 or value != int(value) or abs(value) >= 1e15:
        return number_text(value)
    return f"{int(value):,}"


def times(amount: int) -> str:
    """`once`, `3 times`."""
    return "once" if amount == 1 else f"{amount:,} times"


def literal_words(literal: model.Literal, *, weekday: bool = False) -> str:
    """A fixed value that something is equal to."""
    match literal:
        case model.Number():
            return number_words(literal.value, exact=True)
        case model.Text():
            return _WEEKDAYS.get(literal.value.lower(), quoted(literal.value)) if weekday else quoted(literal.value)
        case model.Boolean():
            return "true" if literal.value else "false"
        case _:
            assert_never(literal)


def listed(items: Sequence[str], word: str) -> str:
    """`a`, `a or b`, `a, b or c`; long lists end in a count."""
    if len(items) > _LISTED:
        items = [*items[: _LISTED - 1], f"{len(items) - _LISTED + 1:,} more values"]
    *rest, last = items
    return f"{', '.join(rest)} {word} {last}" if rest else last
