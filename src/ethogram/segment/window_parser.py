"""Windows of time as they are written: `in last 30 days`, `between 2026-01-01 and 2026-01-31`.

Step of the path: segment, language half; a part of the parser. Reads tokens from a cursor; writes the window nodes of
the model. What a window means at an instant is the business of `windows.py`.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ethogram.model.segment import (
    AfterFirst,
    Before,
    BeforeAgo,
    BetweenMoments,
    CalendarUnit,
    InCalendar,
    InLast,
    InNext,
    InPreceding,
    InstantWindow,
    Moment,
    Selection,
    Since,
    Span,
    Window,
)
from ethogram.segment.cursor import Cursor, found
from ethogram.segment.syntax import UNITS, Kind, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 100_000  # in any unit; longer spans leave the calendar
_PERIODS = tuple(str(unit) for unit in CalendarUnit)
_AFTER_IN = ("last", "next", "today", "yesterday", "this", "previous", "first")
_WINDOW_FORMS = "a window such as `last 30 days`, `this month`, `today` or `14 days before last 14 days`"


def at_window(cursor: Cursor) -> bool:
    """Whether a window begins at the next token."""
    if cursor.at_word("in"):
        following = cursor.ahead()
        return not (following.kind is Kind.SYMBOL and following.text == "(")
    return cursor.at_word("before", "since", "between")


def window(cursor: Cursor, anchor: Callable[[], Selection]) -> Window:
    """The window of a selection. `anchor` reads the selection in `after first(…)`, its brackets included."""
    if cursor.at_word("in") and cursor.ahead().kind is Kind.WORD and cursor.ahead().text == "first":
        cursor.advance()
        cursor.advance()
        length = span(cursor)
        cursor.expect_word("after")
        cursor.expect_word("first")
        return AfterFirst(length, anchor())
    start = cursor.token
    result = instant_window(cursor)
    if isinstance(result, InNext):
        raise cursor.error(
            "events lie in the past, so they cannot be looked for `in next …`",
            start,
            hint="`in next` is for dates: signup_date in next 7 days, anniversary(birthday) in next 7 days.",
        )
    return result


def instant_window(cursor: Cursor) -> InstantWindow:
    """The window that an instant is tested against."""
    if cursor.take_word("since"):
        return Since(moment(cursor))
    if cursor.take_word("between"):
        return _between(cursor)
    if cursor.take_word("before"):
        if cursor.token.kind is Kind.DATE:
            return Before(moment(cursor))
        if cursor.token.kind is not Kind.NUMBER:
            raise cursor.expected("a length of time or a date, as in `before 30 days ago` or `before 2026-01-31`")
        length = span(cursor)
        cursor.expect_word("ago")
        return BeforeAgo(length)
    cursor.expect_word("in")
    return _inside(cursor)


def _inside(cursor: Cursor) -> InstantWindow:
    if cursor.take_word("last"):
        return InLast(_span_after(cursor, "last"))
    if cursor.take_word("next"):
        return InNext(_span_after(cursor, "next"))
    if cursor.take_word("today"):
        return InCalendar(CalendarUnit.DAY)
    if cursor.take_word("yesterday"):
        return InCalendar(CalendarUnit.DAY, previous=True)
    if cursor.take_word("this"):
        return InCalendar(_period(cursor))
    if cursor.take_word("previous"):
        return InCalendar(_period(cursor), previous=True)
    if cursor.token.kind is Kind.NUMBER:
        length = span(cursor)
        cursor.expect_word("before")
        cursor.expect_word("last")
        return InPreceding(length, span(cursor))
    if cursor.at_word("first"):
        raise cursor.error(
            "`in first …` is a window of events; a date cannot be tested with it",
            hint="Use it inside a measure: count(purchase in first 7 days after first(signup)) >= 1.",
        )
    raise cursor.expected(_WINDOW_FORMS, words=_AFTER_IN)


def _period(cursor: Cursor) -> CalendarUnit:
    if cursor.token.kind is Kind.NUMBER:
        raise cursor.expected(
            "`day`, `week`, `month`, `quarter` or `year`",
            hint="A number of days counts back from now: in last 7 days, or in 7 days before last 7 days.",
        )
    return CalendarUnit(cursor.expect_word(*_PERIODS).text)


def _span_after(cursor: Cursor, word: str) -> Span:
    if cursor.token.kind is not Kind.NUMBER:
        hint = None
        if cursor.at_word(*_PERIODS):
            period = cursor.token.text
            number, unit = (3, "month") if period == "quarter" else (1, period)
            hint = f"Write `{word} {number} {unit}{'s' if number > 1 else ''}` to count from now"
            hint += f", `in previous {period}` for the calendar {period}." if word == "last" else "."
        raise cursor.expected(f"a number after `{word}`, as in `{word} 30 days`", hint=hint)
    return span(cursor)


def span(cursor: Cursor) -> Span:
    """A length of time: a positive whole number and a unit."""
    number = cursor.token
    if number.kind is not Kind.NUMBER:
        raise cursor.expected("a length of time such as `30 days`")
    if not isinstance(number.value, int) or not 1 <= number.value <= LONGEST:
        raise cursor.error(
            f"a length of time is a whole number from 1 to {LONGEST:,}, not {number.text}",
            hint="Use a smaller unit for parts: 36 hours instead of 1.5 days.",
        )
    cursor.advance()
    unit = cursor.token
    if unit.kind is not Kind.WORD or unit.text not in UNITS:
        near = nearest(unit.text, [*UNITS, "quarters"]) if unit.kind is Kind.WORD else None
        hint = "Seconds are finer than windows go." if unit.text in ("second", "seconds") else None
        if near is not None:
            hint = "Write 3 months." if near == "quarters" else f"Did you mean `{near}`?"
        raise cursor.error(f"expected minutes, hours, days, weeks, months or years, found {found(unit)}", hint=hint)
    cursor.advance()
    return Span(number.value, UNITS[unit.text])


def moment(cursor: Cursor) -> Moment:
    """A date or an instant."""
    value = cursor.token.value
    if not isinstance(value, dt.date):
        hint = "Dates are written without quotes." if cursor.token.kind is Kind.TEXT else None
        raise cursor.expected("a date such as 2026-01-31", hint=hint)
    cursor.advance()
    return Moment(value)


def _between(cursor: Cursor) -> BetweenMoments:
    first = cursor.token
    start = moment(cursor)
    cursor.expect_word("and")
    end = moment(cursor)
    if reversed_moments(start, end):
        raise cursor.error(f"the window ends before it starts ({first.text})", first, hint="Swap the two dates.")
    return BetweenMoments(start, end)


def reversed_moments(start: Moment, end: Moment) -> bool:
    """Whether `end` is surely before `start`, in whatever zone the days are."""
    first, last = start.value, end.value
    if isinstance(first, dt.datetime) and isinstance(last, dt.datetime):
        return last < first
    margin = dt.timedelta(days=0 if type(first) is type(last) else 2)
    days = [value.date() if isinstance(value, dt.datetime) else value for value in (first, last)]
    return days[1] + margin < days[0]
