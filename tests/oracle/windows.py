"""The oracle's calendar: spans, calendar periods, windows and anniversaries, with `zoneinfo` alone.

Reads window nodes and instants; answers whether an instant lies in a window. `AfterFirst` hangs on events and is
therefore in `evaluator.py`.
"""

from __future__ import annotations

import calendar
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
    Since,
    Span,
    Unit,
    Window,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

UTC = dt.UTC
FIXED = {
    Unit.MINUTE: dt.timedelta(minutes=1),
    Unit.HOUR: dt.timedelta(hours=1),
    Unit.DAY: dt.timedelta(hours=24),
    Unit.WEEK: dt.timedelta(hours=7 * 24),
}
MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}
CALENDAR_MONTHS = {CalendarUnit.MONTH: 1, CalendarUnit.QUARTER: 3, CalendarUnit.YEAR: 12}


def local_date(at: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The calendar day of an instant in the workspace's zone."""
    return at.astimezone(zone).date()


def from_local(wall: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant of a naive local time; of two the earlier, and a skipped one as if the clock had not been moved."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def start_of_day(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The instant at which a local day starts."""
    return from_local(dt.datetime.combine(day, dt.time()), zone)


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day some months later (or earlier), the last day of the month if it is too short."""
    index = day.year * 12 + (day.month - 1) + months
    year, month = index // 12, index % 12 + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def later(at: dt.datetime, span: Span, zone: ZoneInfo, sign: int = 1) -> dt.datetime:
    """`at + span`; months and years move the local wall time, everything else is a fixed length."""
    if span.unit in FIXED:
        return at + sign * span.amount * FIXED[span.unit]
    wall = at.astimezone(zone).replace(tzinfo=None)
    day = add_months(wall.date(), sign * span.amount * MONTHS[span.unit])
    return from_local(dt.datetime.combine(day, wall.time()), zone)


def earlier(at: dt.datetime, span: Span, zone: ZoneInfo) -> dt.datetime:
    """`at - span`."""
    return later(at, span, zone, sign=-1)


def duration_seconds(span: Span) -> float:
    """A literal length as seconds; months count 30 days and years 365."""
    nominal = FIXED | {Unit.MONTH: dt.timedelta(days=30), Unit.YEAR: dt.timedelta(days=365)}
    return (span.amount * nominal[span.unit]).total_seconds()


def first_day(unit: CalendarUnit, day: dt.date) -> dt.date:
    """The first day of the period that holds `day`; weeks start on Monday."""
    match unit:
        case CalendarUnit.DAY:
            return day
        case CalendarUnit.WEEK:
            return day - dt.timedelta(days=day.weekday())
        case CalendarUnit.MONTH:
            return day.replace(day=1)
        case CalendarUnit.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case CalendarUnit.YEAR:
            return day.replace(month=1, day=1)


def move_period(unit: CalendarUnit, first: dt.date, periods: int) -> dt.date:
    """The first day of the period some periods later."""
    match unit:
        case CalendarUnit.DAY:
            return first + dt.timedelta(days=periods)
        case CalendarUnit.WEEK:
            return first + dt.timedelta(days=7 * periods)
        case _:
            return add_months(first, periods * CALENDAR_MONTHS[unit])


def period(window: InCalendar, now: dt.datetime, zone: ZoneInfo) -> tuple[dt.date, dt.date]:
    """First day of the period and first day of the period after it."""
    this = first_day(window.unit, local_date(now, zone))
    start = move_period(window.unit, this, -1) if window.previous else this
    return start, move_period(window.unit, start, 1)


def is_before(at: dt.datetime, moment: Moment, zone: ZoneInfo) -> bool:
    """Earlier than the instant, or than the start of the day."""
    return at < _start_of(moment, zone)


def is_not_after(at: dt.datetime, moment: Moment, zone: ZoneInfo) -> bool:
    """Not later than the instant, or than the whole day."""
    if isinstance(moment.value, dt.datetime):
        return at <= moment.value
    return at < start_of_day(moment.value + dt.timedelta(days=1), zone)


def _start_of(moment: Moment, zone: ZoneInfo) -> dt.datetime:
    # A datetime is a date too, so the order of these tests matters.
    if isinstance(moment.value, dt.datetime):
        return moment.value
    return start_of_day(moment.value, zone)


def lies_in(at: dt.datetime, window: Window | InstantWindow, now: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether an instant lies in a window.

    That events after `now` do not exist is the caller's business. Ambiguity decided here: an instant that a trait
    holds may lie in the future, and `renewal_date in this month`, `between`, `since` then include it, as in Braze's
    date filters; only `in last …` and `before … ago` end at (or before) now by themselves.
    """
    match window:
        case InLast(span):
            return earlier(now, span, zone) < at <= now
        case InNext(span):
            return now < at <= later(now, span, zone)
        case InPreceding(span, shift):
            end = earlier(now, shift, zone)
            return earlier(end, span, zone) < at <= end
        case BeforeAgo(span):
            return at < earlier(now, span, zone)
        case InCalendar():
            first, following = period(window, now, zone)
            return start_of_day(first, zone) <= at < start_of_day(following, zone)
        case BetweenMoments(start, end_moment):
            return not is_before(at, start, zone) and is_not_after(at, end_moment, zone)
        case Since(start):
            return not is_before(at, start, zone)
        case Before(end_moment):
            return is_before(at, end_moment, zone)
        case AfterFirst():
            raise ValueError("`first(…)` windows hang on events; the evaluator resolves them")


def anniversary_in(day: dt.date, year: int) -> dt.date:
    """The day's anniversary in a year; 29 February falls on 1 March where there is none."""
    if (day.month, day.day) == (2, 29) and not calendar.isleap(year):
        return dt.date(year, 3, 1)
    return day.replace(year=year)


def anniversary_lies_in(day: dt.date, window: InstantWindow, now: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether some anniversary of the day (the day itself included) lies in the window, by whole local days."""
    today = local_date(now, zone)
    match window:
        case InNext(span):
            first, last = today, _days_later(today, span, 1)
        case InLast(span):
            first, last = _days_later(today, span, -1), today
        case InCalendar():
            first, following = period(window, now, zone)
            last = following - dt.timedelta(days=1)
        case _:
            raise ValueError(f"an anniversary cannot be tested against {window}")
    days = [anniversary_in(day, year) for year in range(first.year, last.year + 1)]
    return any(first <= each <= last and each >= day for each in days)


def _days_later(day: dt.date, span: Span, sign: int) -> dt.date:
    match span.unit:
        case Unit.DAY:
            return day + dt.timedelta(days=sign * span.amount)
        case Unit.WEEK:
            return day + dt.timedelta(days=7 * sign * span.amount)
        case Unit.MONTH | Unit.YEAR:
            return add_months(day, sign * span.amount * MONTHS[span.unit])
        case Unit.HOUR | Unit.MINUTE:
            raise ValueError("an anniversary is a day; hours and minutes mean nothing to it")
