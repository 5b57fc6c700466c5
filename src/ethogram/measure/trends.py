"""Trends: how often something happens by day, week or month, by how many people, and what a property adds up to.

Step of the path: measure. Reads the warehouse; writes nothing. Units are those of the workspace's zone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ethogram.measure.ground import Asking, Ground
from ethogram.measure.retention import Unit, start_of, unit_of, units_between
from ethogram.segment.values import number, path
from ethogram.store.warehouse import Warehouse

_MOST_VALUES = 8


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
    """One unit of time; the sum and what follows are None where no event has the number."""

    start: dt.date
    events: int = 0
    people: int = 0
    sum: float | None = None
    mean: float | None = None
    median: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one value of a property; an empty one for events that have none."""

    value: str
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """A trend's answer: every unit of the period, also those without any event; and values apart, if asked."""

    unit: Unit
    points: tuple[TrendPoint, ...]
    series: tuple[Series, ...] = ()


def trend(warehouse: Warehouse, ground: Ground, question: TrendQuestion) -> Trend:
    """How often the event happens over time."""
    asking = Asking(ground)
    inner = _rows(asking, ground, question)
    columns = "count(), uniqExact(profile), count(n), sum(n), avg(n), quantileExactInclusive(0.5)(n)"
    rows = warehouse.query(f"SELECT unit, {columns} FROM ({inner}) GROUP BY unit", asking.parameters)
    whole = _points(ground, question.unit, rows)
    if question.by is None:
        return Trend(question.unit, whole)
    values = [
        str(row[0])
        for row in warehouse.query(
            f"SELECT v FROM ({inner}) GROUP BY v ORDER BY count() DESC, v LIMIT {_MOST_VALUES}", asking.parameters
        )
    ]
    chosen = asking.binder.bind("Array(String)", values)
    by_value: dict[str, list[tuple[object, ...]]] = {value: [] for value in values}
    for row in warehouse.query(
        f"SELECT v, unit, {columns} FROM ({inner}) WHERE has({chosen}, v) GROUP BY v, unit", asking.parameters
    ):
        by_value[str(row[0])].append(row[1:])
    return Trend(
        question.unit,
        whole,
        tuple(Series(value, _points(ground, question.unit, found)) for value, found in by_value.items()),
    )


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
    test = f"toString(unit) = {asking.binder.text(start.isoformat())}"
    if value is not None:
        test += f" AND v = {asking.binder.text(value)}"
    chosen = f"SELECT profile FROM ({_rows(asking, ground, question)}) WHERE {test}"
    return asking.ids(warehouse, chosen, after=after, limit=limit)


def _rows(asking: Asking, ground: Ground, question: TrendQuestion) -> str:
    unit = unit_of(f"toDate32(ts, {asking.binder.text(ground.zone.key)})", question.unit)
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
    found = {}
    for start, events, people, known, *sums in rows:
        at = dt.date.fromisoformat(str(start)[:10])
        numbers = [float(str(each)) for each in sums] if int(str(known)) else [None, None, None]
        found[at] = TrendPoint(at, int(str(events)), int(str(people)), *numbers)
    first, last = (
        start_of(at.astimezone(ground.zone).date(), unit)
        for at in (ground.since, ground.until - dt.timedelta(microseconds=1))
    )
    return tuple(found.get(at, TrendPoint(at)) for at in units_between(first, last, unit))
