"""What a window means at an instant: bounds in microseconds, and when an event crosses one of them.

Step of the path: segment, language half. All calendar arithmetic of windows is here and happens in Python, once per
compilation: the SQL compares with constants. Bounds are whole microseconds, both ends included.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never
from zoneinfo import ZoneInfo

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
from ethogram.segment import local_time
from ethogram.segment.sql import Binder, micros

_FIXED = {
    Unit.MINUTE: dt.timedelta(minutes=1),
    Unit.HOUR: dt.timedelta(hours=1),
    Unit.DAY: dt.timedelta(days=1),
    Unit.WEEK: dt.timedelta(weeks=1),
}
_MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}
_FLOOR = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
_CEILING = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Frame:
    """The instant and the time zone for which windows are resolved."""

    now: dt.datetime
    zone: ZoneInfo

    @property
    def now_us(self) -> int:
        return micros(self.now)

    @property
    def today(self) -> dt.date:
        """The local date."""
        return self.now.astimezone(self.zone).date()

    def today_plus(self, days: int) -> dt.date:
        """The local date some days from today."""
        return self.today + dt.timedelta(days=days)

    def midnight(self, day: dt.date) -> dt.datetime:
        """The first instant of a local day, in UTC."""
        return localize(dt.datetime.combine(day, dt.time()), self.zone)


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `low` to `high`, both included, in microseconds; None is open."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """The earliest event within `bounds` changes the window's contents at `at(instant)`."""

    bounds: Bounds
    at: Callable[[str], str]


def localize(wall: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant of a local wall time, in UTC; see `local_time` for times that occur twice or never."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)


def shift(at: dt.datetime, span: Span, sign: int, zone: ZoneInfo) -> dt.datetime:
    """`at` moved by `sign` times the span; months and years move the local wall time, its day cut to the month."""
    if span.unit in _FIXED:
        try:
            return at + sign * span.amount * _FIXED[span.unit]
        except OverflowError:
            return _FLOOR if sign < 0 else _CEILING
    wall = at.astimezone(zone).replace(tzinfo=None)
    index = wall.year * 12 + wall.month - 1 + sign * span.amount * _MONTHS[span.unit]
    year, month = divmod(index, 12)
    if not 1 < year < 9999:
        return _FLOOR if sign < 0 else _CEILING
    last = (dt.date(year + (month == 11), (month + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
    return localize(wall.replace(year=year, month=month + 1, day=min(wall.day, last)), zone)


def shift_days(day: dt.date, span: Span, sign: int) -> dt.date:
    """A date moved by `sign` times a span of days or more."""
    moved = shift(dt.datetime.combine(day, dt.time(), dt.UTC), span, sign, ZoneInfo("UTC"))
    return moved.date()


def period(frame: Frame, unit: CalendarUnit, offset: int) -> tuple[dt.date, dt.date]:
    """First day of the calendar period `offset` periods from the current one, and first day of the next."""
    today = frame.today
    match unit:
        case CalendarUnit.DAY:
            start = today + dt.timedelta(days=offset)
            return start, start + dt.timedelta(days=1)
        case CalendarUnit.WEEK:
            start = today - dt.timedelta(days=today.weekday()) + dt.timedelta(weeks=offset)
            return start, start + dt.timedelta(weeks=1)
        case CalendarUnit.MONTH:
            step = 1
        case CalendarUnit.QUARTER:
            step = 3
        case CalendarUnit.YEAR:
            step = 12
        case _:
            assert_never(unit)
    index = (today.year * 12 + today.month - 1) // step * step + offset * step
    return _month(index), _month(index + step)


def _month(index: int) -> dt.date:
    return dt.date(index // 12, index % 12 + 1, 1)


def fixed_seconds(span: Span) -> int:
    """Seconds of a span of weeks, days, hours or minutes."""
    return int(_FIXED[span.unit].total_seconds()) * span.amount


def bounds(window: Window | InstantWindow | None, frame: Frame) -> Bounds:
    """The bounds of a window at the frame's instant.

    `AfterFirst` hangs on each profile and has none of its own; the compiler adds them per profile.
    """
    now = frame.now
    match window:
        case None | AfterFirst():
            return Bounds(None, None)
        case InLast(span):
            return Bounds(micros(shift(now, span, -1, frame.zone)) + 1, frame.now_us)
        case InNext(span):
            return Bounds(frame.now_us + 1, micros(shift(now, span, 1, frame.zone)))
        case InPreceding(span, by):
            end = shift(now, by, -1, frame.zone)
            return Bounds(micros(shift(end, span, -1, frame.zone)) + 1, micros(end))
        case BeforeAgo(span):
            return Bounds(None, micros(shift(now, span, -1, frame.zone)) - 1)
        case InCalendar(unit, previous):
            first, after = period(frame, unit, -1 if previous else 0)
            return Bounds(micros(frame.midnight(first)), micros(frame.midnight(after)) - 1)
        case BetweenMoments(start, end):
            return Bounds(_start(start, frame), _end(end, frame))
        case Since(start):
            return Bounds(_start(start, frame), None)
        case Before(end):
            return Bounds(None, _start(end, frame) - 1)
        case _:
            assert_never(window)


def _start(moment: Moment, frame: Frame) -> int:
    if isinstance(moment.value, dt.datetime):
        return micros(moment.value)
    return micros(frame.midnight(moment.value))


def _end(moment: Moment, frame: Frame) -> int:
    if isinstance(moment.value, dt.datetime):
        return micros(moment.value)
    return micros(frame.midnight(moment.value + dt.timedelta(days=1))) - 1


def crossings(window: Window | None, frame: Frame, binder: Binder) -> list[Crossing]:
    """How time alone changes which past events a window holds.

    Events in the future are another matter: the plan asks for the first of them by itself.
    """
    now = frame.now_us
    match window:
        case None | AfterFirst() | BetweenMoments() | Since() | Before():
            return []
        case InLast(span):
            return [Crossing(bounds(window, frame), lambda at: later(at, span, frame, binder))]
        case InPreceding(span, by):
            held = bounds(window, frame)
            return [
                Crossing(Bounds((held.high or now) + 1, now), lambda at: later(at, by, frame, binder)),
                Crossing(held, lambda at: later(later(at, span, frame, binder, settle=False), by, frame, binder)),
            ]
        case BeforeAgo(span):
            edge = bounds(window, frame).high or now
            # The first instant before which the event lies is reached when `now - span` has passed it.
            return [Crossing(Bounds(edge + 1, now), lambda at: later(f"addMicroseconds({at}, 1)", span, frame, binder))]
        case InCalendar(unit):
            start = micros(frame.midnight(period(frame, unit, -1)[0]))
            boundary = binder.instant(micros(frame.midnight(period(frame, unit, 0)[1])))
            return [Crossing(Bounds(start, now), lambda at: f"if(isNull({at}), NULL, {boundary})")]
        case _:
            assert_never(window)


def later(at: str, span: Span, frame: Frame, binder: Binder, *, settle: bool = True) -> str:
    """SQL of the instant `at` moved on by a span.

    With `settle` the result is the earliest instant after now at which `now - span` can reach `at`. For months and
    years that is not always `at + span`: days that a shorter month lacks make `now - span` stand still or jump, so
    the same time on the three days after, and the next local midnight, are candidates too.
    """
    if span.unit in _FIXED:
        return f"addSeconds({at}, {binder.integer(fixed_seconds(span))})"
    months = binder.integer(span.amount * _MONTHS[span.unit])
    zone = binder.text(frame.zone.key)
    moved = local_time.instant_of(f"addMonths({local_time.wall_of(at, zone)}, {months})", zone)
    if not settle:
        return moved
    now = binder.instant(frame.now_us)
    midnight = binder.instant(micros(frame.midnight(frame.today + dt.timedelta(days=1))))
    days = ", ".join(f"if(addDays({moved}, {day}) > {now}, addDays({moved}, {day}), NULL)" for day in (1, 2, 3))
    return f"if({moved} > {now}, {moved}, if(isNull({moved}), NULL, least({midnight}, {days})))"
