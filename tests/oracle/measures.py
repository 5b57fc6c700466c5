"""The oracle's measures: one small function per function of the language, over events that were already selected.

Reads a list of events; returns the views of the value. Which events are selected is `evaluator.py`'s business.
"""

from __future__ import annotations

import datetime as dt
import statistics
from typing import TYPE_CHECKING

from ethogram.model.segment import Function
from oracle.values import MISSING, Views, of_instant, of_number, of_value, of_values
from oracle.windows import local_date
from oracle.world import Event, at_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def measure(
    function: Function, property: str | None, events: Sequence[Event], now: dt.datetime, zone: ZoneInfo
) -> Views:
    """The value of a measure over the selected events."""
    match function:
        case Function.COUNT:
            return of_number(len(events))
        case Function.SUM:
            return of_number(sum(_numbers(events, property, zone)))
        case Function.AVG:
            return _unless_none(statistics.fmean, _numbers(events, property, zone))
        case Function.MIN:
            return _unless_none(min, _numbers(events, property, zone))
        case Function.MAX:
            return _unless_none(max, _numbers(events, property, zone))
        case Function.MEDIAN:
            return _unless_none(statistics.median, _numbers(events, property, zone))
        case Function.DISTINCT:
            return of_number(len({value for value, _ in _generic_values(events, property, zone)}))
        case Function.FAVORITE:
            return of_value(_favorite(_generic_values(events, property, zone)), zone)
        case Function.FIRST:
            return _at_instant(min((event.at for event in events), default=None), events, property, zone)
        case Function.LAST:
            return _at_instant(max((event.at for event in events), default=None), events, property, zone)
        case Function.ACTIVE_DAYS:
            return of_number(len({local_date(event.at, zone) for event in events}))
        case Function.STREAK:
            return of_number(_streak({local_date(event.at, zone) for event in events}, local_date(now, zone)))
        case Function.GAP:
            return of_number(_gap([event.at for event in events]))
        case Function.HOUR:
            return of_number(_most_frequent([(event.at.astimezone(zone).hour, event.at) for event in events]))
        case Function.WEEKDAY:
            day = _most_frequent([(local_date(event.at, zone).weekday(), event.at) for event in events])
            return MISSING if day is None else of_value(WEEKDAYS[day], zone)


def _numbers(events: Sequence[Event], property: str | None, zone: ZoneInfo) -> list[float]:
    """The number view of the property of every event that has one."""
    assert property is not None
    views = [of_value(at_path(event.properties, property), zone) for event in events]
    return [view.number for view in views if view.number is not None]


def _generic_values(events: Sequence[Event], property: str | None, zone: ZoneInfo) -> list[tuple[str, dt.datetime]]:
    """The generic view of the property of every event that has one, with the event's instant."""
    assert property is not None
    views = [(of_value(at_path(event.properties, property), zone), event.at) for event in events]
    return [(view.generic, at) for view, at in views if view.generic is not None]


def _unless_none(compute: Callable[[list[float]], float], numbers: list[float]) -> Views:
    return of_number(compute(numbers)) if numbers else MISSING


def _favorite(values: list[tuple[str, dt.datetime]]) -> str | None:
    """The most frequent; of those the one seen last; of those the greatest text."""

    def rank(value: str) -> tuple[int, dt.datetime, str]:
        times = [at for each, at in values if each == value]
        return len(times), max(times), value

    return max((value for value, _ in values), key=rank, default=None)


def _most_frequent(values: list[tuple[int, dt.datetime]]) -> int | None:
    """The most frequent hour or weekday; of those the one seen last; of those the greatest."""

    def rank(value: int) -> tuple[int, dt.datetime, int]:
        times = [at for each, at in values if each == value]
        return len(times), max(times), value

    return max((value for value, _ in values), key=rank, default=None)


def _at_instant(at: dt.datetime | None, events: Sequence[Event], property: str | None, zone: ZoneInfo) -> Views:
    """The instant itself, or what the events at that very instant say of the property."""
    if property is None:
        return of_instant(at)
    return of_values([at_path(event.properties, property) for event in events if event.at == at], zone)


def _streak(days: set[dt.date], today: dt.date) -> int:
    """How many days in a row there were, up to today or yesterday."""
    yesterday = today - dt.timedelta(days=1)
    day = today if today in days else yesterday
    length = 0
    while day in days:
        length += 1
        day -= dt.timedelta(days=1)
    return length


def _gap(instants: list[dt.datetime]) -> float | None:
    """Mean seconds between neighbours; two events at one instant are neighbours at distance 0."""
    if len(instants) < 2:
        return None
    return (max(instants) - min(instants)).total_seconds() / (len(instants) - 1)
