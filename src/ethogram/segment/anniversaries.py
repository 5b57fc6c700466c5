"""Birthdays and other anniversaries: days of the local calendar that come back every year.

Step of the path: segment, language half. The 29th of February falls on the 1st of March in years that lack it.
"""

from __future__ import annotations

import datetime as dt

from ethogram.errors import SegmentError
from ethogram.model.segment import InCalendar, InLast, InNext, InstantWindow, Unit
from ethogram.segment import local_time
from ethogram.segment.sql import Binder, micros
from ethogram.segment.windows import Frame, period, shift_days


def compile_anniversary(at: str | None, window: InstantWindow, frame: Frame, binder: Binder) -> tuple[str, str]:
    """Whether an anniversary of the instant `at` lies in the window's days, and when that changes.

    Returns:
        The condition, and the next local midnight at which it may change (NULL: never).

    Raises:
        SegmentError: the window is none that days can lie in.
    """
    first, last = _days(window, frame)
    if at is None:
        return "false", "NULL"
    day = f"toDate32(assumeNotNull({at}), {binder.text(frame.zone.key)})"
    years = f"range({first.year}, {last.year + 1})"
    bound = (binder.bind("Date32", first), binder.bind("Date32", last))
    found = f"arrayExists(y -> {_in_year(day, 'y')} BETWEEN {bound[0]} AND {bound[1]} AND y >= toYear({day}), {years})"
    return f"(isNotNull({at}) AND {found})", _due(at, day, window, frame, binder)


def _days(window: InstantWindow, frame: Frame) -> tuple[dt.date, dt.date]:
    today = frame.today
    match window:
        case InNext(span) if span.unit not in (Unit.MINUTE, Unit.HOUR):
            return today, shift_days(today, span, 1)
        case InLast(span) if span.unit not in (Unit.MINUTE, Unit.HOUR):
            return shift_days(today, span, -1), today
        case InCalendar(unit, previous):
            first, after = period(frame, unit, -1 if previous else 0)
            return first, after - dt.timedelta(days=1)
        case _:
            raise SegmentError(
                "an anniversary is a day: it can lie `in next 7 days`, `in last 2 weeks`, `in today`, `in this month` …"
            )


def _in_year(day: str, year: str) -> str:
    """The anniversary's date in a year."""
    leap = f"({year} % 4 = 0 AND ({year} % 100 != 0 OR {year} % 400 = 0))"
    moved = f"toMonth({day}) = 2 AND toDayOfMonth({day}) = 29 AND NOT {leap}"
    return f"if({moved}, makeDate32({year}, 3, 1), makeDate32({year}, toMonth({day}), toDayOfMonth({day})))"


def _due(at: str, day: str, window: InstantWindow, frame: Frame, binder: Binder) -> str:
    tomorrow = frame.today_plus(1)
    midnight = binder.instant(micros(frame.midnight(tomorrow)))
    if isinstance(window, InCalendar):
        boundary = binder.instant(micros(frame.midnight(period(frame, window.unit, 0)[1])))
        return f"if(isNull({at}), NULL, {boundary})"
    assert isinstance(window, InNext | InLast)
    if window.span.unit in (Unit.MONTH, Unit.YEAR):
        # The distance between a day and the day a month before it is not one number: look every midnight.
        return f"if(isNull({at}), NULL, {midnight})"
    length = window.span.amount * (7 if window.span.unit is Unit.WEEK else 1)
    enters, leaves = (-length, 1) if isinstance(window, InNext) else (0, length + 1)
    reach = 2 + length // 365
    years = f"range({frame.today.year - reach}, {frame.today.year + reach + 1})"
    candidates = (
        f"arrayMap(y -> addDays({_in_year(day, 'y')}, {enters}), {years}), "
        f"arrayMap(y -> addDays({_in_year(day, 'y')}, {leaves}), {years})"
    )
    after = f"arrayFilter(d -> d >= {binder.bind('Date32', tomorrow)}, arrayConcat({candidates}))"
    nearest = f"arrayMin({after})"
    local = local_time.midnight_of(nearest, binder.text(frame.zone.key))
    return f"if(isNull({at}) OR empty({after}), NULL, {local})"
