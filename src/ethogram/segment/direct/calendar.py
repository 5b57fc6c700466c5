"""When instants move on by a span, and which local day or hour they lie in: `windows.later` and SQL's days, in Python.

Step of the path: segment, language half. Instants are microseconds since 1970; days are numbers since 1970-01-01.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache

from ethogram.model.segment import (
    AfterFirst,
    Before,
    BeforeAgo,
    BetweenMoments,
    InCalendar,
    InLast,
    InNext,
    InPreceding,
    InstantWindow,
    Since,
    Span,
    Unit,
    Window,
)
from ethogram.segment.sql import instant_of, micros
from ethogram.segment.windows import Bounds, Frame, bounds, fixed_seconds, localize, period, shift

Moved = Callable[[int], int]
_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_DAY = 86400 * _SECOND
# Every change of a zone's offset falls on a multiple of this.
_QUARTER = 900 * _SECOND
_FIRST_DAY = dt.date(1970, 1, 1).toordinal()


# The same instants are looked at tick after tick: two years of quarters of a few zones.
@lru_cache(maxsize=2**18)
def _offset(zone: dt.tzinfo, quarter: int) -> int:
    """How far a zone is ahead of UTC in a quarter of an hour since 1970, in microseconds."""
    offset = instant_of(quarter * _QUARTER).astimezone(zone).utcoffset() or dt.timedelta()
    return offset // dt.timedelta(microseconds=1)


class Calendar:
    """Moves and days in one frame."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.today = frame.today.toordinal() - _FIRST_DAY

    def _local(self, at: int) -> int:
        return at + _offset(self.frame.zone, at // _QUARTER)

    def day(self, at: int) -> int:
        """The local day."""
        return self._local(at) // _DAY

    def hour(self, at: int) -> int:
        """The local hour, 0 to 23."""
        return self._local(at) % _DAY // _HOUR

    def weekday(self, at: int) -> int:
        """The local weekday, Monday is 1."""
        return (self.day(at) + 3) % 7 + 1

    def midnight(self, day: int) -> int:
        """The first instant of a local day."""
        start = dt.datetime.combine(dt.date.fromordinal(day + _FIRST_DAY), dt.time())
        return micros(localize(start, self.frame.zone))

    def moved(self, span: Span) -> Moved:
        """The instant moved on by a span."""
        if span.unit not in (Unit.MONTH, Unit.YEAR):
            length = fixed_seconds(span) * _SECOND
            return lambda at: at + length
        return lambda at: micros(shift(instant_of(at), span, 1, self.frame.zone))

    def later(self, span: Span) -> Moved:
        """The earliest instant after now at which `now - span` can reach the given one; see `windows.later`."""
        moved = self.moved(span)
        if span.unit not in (Unit.MONTH, Unit.YEAR):
            return moved
        now, midnight = self.frame.now_us, self.midnight(self.today + 1)

        def settled(at: int) -> int:
            end = moved(at)
            if end > now:
                return end
            return min([midnight, *(end + days * _DAY for days in (1, 2, 3) if end + days * _DAY > now)])

        return settled

    def boundary(self, window: InCalendar) -> int:
        """The start of the next calendar period."""
        return micros(self.frame.midnight(period(self.frame, window.unit, 0)[1]))

    def crossings(self, window: Window | None) -> list[tuple[Bounds, Moved]]:
        """Bounds whose earliest event changes a window's contents, and when it does; see `windows.crossings`."""
        now = self.frame.now_us
        match window:
            case InLast(span):
                return [(bounds(window, self.frame), self.later(span))]
            case InPreceding(span, by):
                held, out, on = bounds(window, self.frame), self.moved(span), self.later(by)
                return [(Bounds((held.high or now) + 1, now), on), (held, lambda at: on(out(at)))]
            case BeforeAgo(span):
                edge, on = bounds(window, self.frame).high or now, self.later(span)
                return [(Bounds(edge + 1, now), lambda at: on(at + 1))]
            case InCalendar(unit):
                start, end = micros(self.frame.midnight(period(self.frame, unit, -1)[0])), self.boundary(window)
                return [(Bounds(start, now), lambda _: end)]
            case None | AfterFirst() | BetweenMoments() | Since() | Before():
                return []

    def during_dues(self, window: InstantWindow) -> list[Callable[[int], int | None]]:
        """When a fixed instant begins or ceases to lie in a window; see `instants.during_dues`."""
        match window:
            case InLast(span):
                return [lambda at: at, self.later(span)]
            case InNext(span):
                return [self._earlier(span), lambda at: at]
            case InPreceding(span, by):
                out, on = self.moved(span), self.later(by)
                return [on, lambda at: on(out(at))]
            case BeforeAgo(span):
                left = self.later(span)
                return [lambda at: left(at + 1)]
            case InCalendar(unit):
                start, end = micros(self.frame.midnight(period(self.frame, unit, -1)[0])), self.boundary(window)
                return [lambda at: end if at >= start else None]
            case BetweenMoments() | Since() | Before():
                return []

    def _earlier(self, span: Span) -> Callable[[int], int | None]:
        """The earliest instant after now at which `now + span` can reach the given one."""
        if span.unit not in (Unit.MONTH, Unit.YEAR):
            length = fixed_seconds(span) * _SECOND
            return lambda at: at - length
        now, midnight = self.frame.now_us, self.midnight(self.today + 1)

        def settled(at: int) -> int | None:
            start = micros(shift(instant_of(at), span, -1, self.frame.zone))
            if start - 4 * _DAY > now:
                return start - 4 * _DAY
            if at <= now:
                return None
            return min([midnight, *(start + days * _DAY for days in range(-3, 5) if start + days * _DAY > now)])

        return settled
