"""When instants move on by a span, and which local day or hour they lie in: `windows.later` and SQL's days, in Python.

Step of the path: segment, language half. Instants are microseconds since 1970; days are numbers since 1970-01-01. What
hangs on the present is looked up when it is asked for, so that functions that were compiled once serve at any instant:
`Calendar.move` takes them there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable
from functools import lru_cache

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


_MOST_OFFSETS = 2**18


class _Offsets(dict[int, int]):
    """How far a zone is ahead of UTC in a quarter of an hour since 1970, in microseconds."""

    def __init__(self, zone: dt.tzinfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, quarter: int) -> int:
        # The same instants are looked at tick after tick: these are two years of quarters, several times over.
        if len(self) >= _MOST_OFFSETS:
            self.clear()
        offset = instant_of(quarter * _QUARTER).astimezone(self._zone).utcoffset() or dt.timedelta()
        found = self[quarter] = offset // dt.timedelta(microseconds=1)
        return found


_offsets_of = lru_cache(maxsize=8)(_Offsets)


class Edges:
    """Bounds of instants that move on with the calendar, both included.

    Attributes:
        until: the upper one where it lies before now, so that it matters for what has happened.
    """

    __slots__ = ("_of", "high", "low", "until")

    def __init__(self, of: Callable[[Frame], Bounds], frame: Frame) -> None:
        self._of = of
        self.low: int | None = None
        self.high: int | None = None
        self.until: int | None = None
        self.move(frame)

    def move(self, frame: Frame) -> None:
        """Finds them anew."""
        found = self._of(frame)
        self.low, self.high = found.low, found.high
        self.until = found.high if found.high is not None and found.high < frame.now_us else None


class Calendar:
    """Moves and days in one frame, and in the next when it is moved."""

    def __init__(self, frame: Frame) -> None:
        self._edges: dict[Hashable, Edges] = {}
        self._offsets = _offsets_of(frame.zone)
        self.move(frame)

    def move(self, frame: Frame) -> None:
        """Goes to another instant of the same zone."""
        self.frame = frame
        self.today = frame.today.toordinal() - _FIRST_DAY
        self._tomorrow_at = self.midnight(self.today + 1)
        for edges in self._edges.values():
            edges.move(frame)

    def edges(self, window: Window | InstantWindow | None) -> Edges:
        """The bounds of a window, now."""
        return self._kept(("window", window), lambda frame: bounds(window, frame))

    def since(self, window: Window | None) -> Edges:
        """The lower bound of a window alone."""
        return self._kept(("since", window), lambda frame: Bounds(bounds(window, frame).low, None))

    def _kept(self, key: Hashable, of: Callable[[Frame], Bounds]) -> Edges:
        found = self._edges.get(key)
        if found is None:
            found = self._edges[key] = Edges(of, self.frame)
        return found

    def days(self, instants: list[int]) -> list[int]:
        """The local days."""
        offsets = self._offsets
        return [(at + offsets[at // _QUARTER]) // _DAY for at in instants]

    def hours(self, instants: list[int]) -> list[int]:
        """The local hours, 0 to 23."""
        offsets = self._offsets
        return [(at + offsets[at // _QUARTER]) % _DAY // _HOUR for at in instants]

    def weekdays(self, instants: list[int]) -> list[int]:
        """The local weekdays, Monday is 1."""
        return [(day + 3) % 7 + 1 for day in self.days(instants)]

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

        def settled(at: int) -> int:
            now, end = self.frame.now_us, moved(at)
            if end > now:
                return end
            return min([self._tomorrow_at, *(end + days * _DAY for days in (1, 2, 3) if end + days * _DAY > now)])

        return settled

    def crossings(self, window: Window | None) -> list[tuple[Edges, Moved]]:
        """Bounds whose earliest event changes a window's contents, and when it does; see `windows.crossings`."""
        match window:
            case InLast(span):
                return [(self.edges(window), self.later(span))]
            case InPreceding(span, by):
                out, on = self.moved(span), self.later(by)
                return [(self._beyond(window), on), (self.edges(window), lambda at: on(out(at)))]
            case BeforeAgo(span):
                on = self.later(span)
                return [(self._beyond(window), lambda at: on(at + 1))]
            case InCalendar(unit):
                start, end = self._since_previous(unit)
                return [(start, lambda _: end.high or 0)]
            case None | AfterFirst() | BetweenMoments() | Since() | Before():
                return []

    def _beyond(self, window: Window) -> Edges:
        """From behind a window's end until now."""

        def of(frame: Frame) -> Bounds:
            high = bounds(window, frame).high
            return Bounds((high or frame.now_us) + 1, frame.now_us)

        return self._kept(("beyond", window), of)

    def _since_previous(self, unit: CalendarUnit) -> tuple[Edges, Edges]:
        """From the start of the calendar period before this one until now, and until the start of the next one."""

        def until_now(frame: Frame) -> Bounds:
            return Bounds(micros(frame.midnight(period(frame, unit, -1)[0])), frame.now_us)

        def until_next(frame: Frame) -> Bounds:
            return Bounds(
                micros(frame.midnight(period(frame, unit, -1)[0])), micros(frame.midnight(period(frame, unit, 0)[1]))
            )

        return self._kept(("until now", unit), until_now), self._kept(("until next", unit), until_next)

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
                _, end = self._since_previous(unit)
                return [lambda at: end.high if at >= (end.low or 0) else None]
            case BetweenMoments() | Since() | Before():
                return []

    def _earlier(self, span: Span) -> Callable[[int], int | None]:
        """The earliest instant after now at which `now + span` can reach the given one."""
        if span.unit not in (Unit.MONTH, Unit.YEAR):
            length = fixed_seconds(span) * _SECOND
            return lambda at: at - length

        def settled(at: int) -> int | None:
            now = self.frame.now_us
            start = micros(shift(instant_of(at), span, -1, self.frame.zone))
            if start - 4 * _DAY > now:
                return start - 4 * _DAY
            if at <= now:
                return None
            return min(
                [self._tomorrow_at, *(start + days * _DAY for days in range(-3, 5) if start + days * _DAY > now)]
            )

        return settled
