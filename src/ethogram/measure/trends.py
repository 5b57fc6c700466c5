"""Trends: how often something happens by hour, day, week or month, by how many people, and what a property adds up to.

Step of the path: measure. Reads the warehouse; writes nothing. Units are those of the workspace's zone; an hour is
named by the instant at which it begins, everything longer by its first day.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace

from ethogram.errors import SegmentError
from ethogram.measure.ground import Asking, Ground
from ethogram.measure.retention import start_of, unit_of, units_between
from ethogram.model.exploration import MOST_HOURS_DAYS, Unit
from ethogram.segment.values import number, path
from ethogram.store.warehouse import Warehouse

_MOST_VALUES = 10
_HOUR = dt.timedelta(hours=1)
_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TrendQuestion:
    """Which event, and how it is counted.

    Attributes:
        property: a number of the event, of which sum, mean and median are given.
        by: a property of the event; its most frequent values are counted apart.
    """

    event: str = "any"
    unit: Unit = Unit.DAY
    property: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One unit of time (of hours, the instant); the sum and what follows are None where no event has the number."""

    start: dt.datetime | dt.date
    events: int = 0
    people: int = 0
    sum: float | None = None
    mean: float | None = None
    median: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one value of a property; an empty one for events that have none, None for all other values."""

    value: str | None
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """A whole period: each person once."""

    events: int
    people: int
    sum: float | None


@dataclass(frozen=True, slots=True)
class Before:
    """The period before, as long as the one asked about: its points stand beside those of the same place there."""

    total: Total
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """A trend's answer: every unit of the period, also those without any event.

    Attributes:
        series: the most frequent values apart, if asked, and the rest in one.
        before: the period before, if asked.
    """

    unit: Unit
    points: tuple[TrendPoint, ...]
    total: Total
    series: tuple[Series, ...] = ()
    before: Before | None = None


def trend(warehouse: Warehouse, ground: Ground, question: TrendQuestion, *, compare: bool = False) -> Trend:
    """How often the event happens over time; `compare`: and how often in the period before."""
    if question.unit is Unit.HOUR and ground.until - ground.since > dt.timedelta(days=MOST_HOURS_DAYS + 1):
        raise SegmentError(
            "this period is too long to be looked at by the hour", hint=f"{MOST_HOURS_DAYS} days are the most."
        )
    total, points = _counted(warehouse, ground, question)
    before = Before(*_counted(warehouse, earlier(ground, question.unit), question)) if compare else None
    series = _apart(warehouse, ground, question) if question.by is not None else ()
    return Trend(question.unit, points, total, series, before)


def earlier(ground: Ground, unit: Unit) -> Ground:
    """The period before: as far back as it is long, in whole units, so that they stand side by side."""
    first, until = ground.since.astimezone(ground.zone), ground.until.astimezone(ground.zone)
    days = math.ceil((until.replace(tzinfo=None) - first.replace(tzinfo=None)) / dt.timedelta(days=1))
    if unit is Unit.MONTH:
        last = (until - _MICROSECOND).date()
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return replace(ground, since=_months_back(first, months), until=_months_back(until, months))
    if unit is Unit.WEEK:
        days = math.ceil(days / 7) * 7
    back = dt.timedelta(days=days)
    return replace(ground, since=(first - back).astimezone(dt.UTC), until=(until - back).astimezone(dt.UTC))


def _months_back(at: dt.datetime, months: int) -> dt.datetime:
    """The same day some months ago; the last one of a month that is too short for it."""
    number = at.year * 12 + at.month - 1 - months
    first = at.replace(year=number // 12, month=number % 12 + 1, day=1)
    long = ((first + dt.timedelta(days=32)).replace(day=1) - first).days
    return first.replace(day=min(at.day, long)).astimezone(dt.UTC)


_COLUMNS = "count(), uniqExact(profile), count(n), sum(n), avg(n), quantileExactInclusive(0.5)(n)"


def _counted(warehouse: Warehouse, ground: Ground, question: TrendQuestion) -> tuple[Total, tuple[TrendPoint, ...]]:
    asking = Asking(ground)
    inner = _rows(asking, ground, question)
    events, people, known, total = warehouse.query(
        f"SELECT count(), uniqExact(profile), count(n), sum(n) FROM ({inner})", asking.parameters
    )[0]
    rows = warehouse.query(f"SELECT unit, {_COLUMNS} FROM ({inner}) GROUP BY unit", asking.parameters)
    whole = Total(int(events), int(people), float(total) if int(known) else None)
    return whole, _points(ground, question.unit, rows)


def _apart(warehouse: Warehouse, ground: Ground, question: TrendQuestion) -> tuple[Series, ...]:
    asking = Asking(ground)
    inner = _rows(asking, ground, question)
    values = [
        str(row[0])
        for row in warehouse.query(
            f"SELECT v FROM ({inner}) GROUP BY v ORDER BY count() DESC, v LIMIT {_MOST_VALUES}", asking.parameters
        )
    ]
    chosen = asking.binder.bind("Array(String)", values)
    by_value: dict[str | None, list[tuple[object, ...]]] = {value: [] for value in values}
    for apart, value, *row in warehouse.query(
        f"SELECT has({chosen}, v) AS apart, if(apart, v, '') AS value, unit, {_COLUMNS} FROM ({inner}) "
        "GROUP BY apart, value, unit",
        asking.parameters,
    ):
        by_value.setdefault(str(value) if apart else None, []).append(tuple(row))
    return tuple(Series(value, _points(ground, question.unit, found)) for value, found in by_value.items())


def trend_people(
    warehouse: Warehouse,
    ground: Ground,
    question: TrendQuestion,
    start: dt.date,
    *,
    value: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[str]:
    """The ids of those who did the event in a unit; `value` keeps to one value of the property counted apart."""
    asking = Asking(ground)
    spelled = str(int(start.timestamp())) if isinstance(start, dt.datetime) else start.isoformat()
    test = f"toString(unit) = {asking.binder.text(spelled)}"
    if value is not None:
        test += f" AND v = {asking.binder.text(value)}"
    chosen = f"SELECT profile FROM ({_rows(asking, ground, question)}) WHERE {test}"
    return asking.ids(warehouse, chosen, after=after, limit=limit)


def _rows(asking: Asking, ground: Ground, question: TrendQuestion) -> str:
    zone = asking.binder.text(ground.zone.key)
    unit = (
        f"toUnixTimestamp(toStartOfHour(ts, {zone}))"
        if question.unit is Unit.HOUR
        else unit_of(f"toDate32(ts, {zone})", question.unit)
    )
    value = asking.value(question.by) if question.by is not None else "''"
    amount = (
        number(path("properties", question.property), asking.binder)
        if question.property is not None
        else "CAST(NULL, 'Nullable(Float64)')"
    )
    return (
        f"SELECT profile, {unit} AS unit, {value} AS v, {amount} AS n FROM events "
        f"WHERE {asking.rows} AND {asking.picks(question.event)}"
    )


def _points(ground: Ground, unit: Unit, rows: list[tuple[object, ...]]) -> tuple[TrendPoint, ...]:
    found: dict[dt.date, TrendPoint] = {}
    for start, events, people, known, *sums in rows:
        at = (
            dt.datetime.fromtimestamp(int(str(start)), dt.UTC)
            if unit is Unit.HOUR
            else dt.date.fromisoformat(str(start)[:10])
        )
        numbers = [float(str(each)) for each in sums] if int(str(known)) else [None, None, None]
        found[at] = TrendPoint(at, int(str(events)), int(str(people)), *numbers)
    # A zone whose clock is set by half an hour has hours that a count from the first one misses.
    return tuple(found.get(at, TrendPoint(at)) for at in sorted({*_units(ground, unit), *found}))


def _units(ground: Ground, unit: Unit) -> list[dt.date]:
    first, last = (at.astimezone(ground.zone) for at in (ground.since, ground.until - _MICROSECOND))
    if unit is Unit.HOUR:
        began = first.replace(minute=0, second=0, microsecond=0).astimezone(dt.UTC)
        return [began + number * _HOUR for number in range((last.astimezone(dt.UTC) - began) // _HOUR + 1)]
    return units_between(start_of(first.date(), unit), start_of(last.date(), unit), unit)
