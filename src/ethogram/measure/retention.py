"""Retention: of those who did something first in a day, week or month, how many come back in those after it.

Step of the path: measure. Reads the warehouse; writes nothing. A person belongs to the unit of the workspace's zone in
which they first did the first event of the question in the period, and returned in a unit when they did the returning
event in it, after that instant. Weeks begin on Monday.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ethogram.errors import SegmentError
from ethogram.measure.ground import Asking, Ground
from ethogram.model.exploration import Unit
from ethogram.store.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class RetentionQuestion:
    """What people do first, and what coming back is."""

    first: str = "any"
    returning: str = "any"
    unit: Unit = Unit.WEEK

    def __post_init__(self) -> None:
        if self.unit is Unit.HOUR:
            raise SegmentError("retention by the hour", hint="Choose day, week or month.")


@dataclass(frozen=True, slots=True)
class Cohort:
    """Those who began in one unit: how many, and how many came back in it and each one after it."""

    start: dt.date
    people: int
    returned: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """A triangle: the oldest cohort first, each with the units up to the end of the period."""

    unit: Unit
    cohorts: tuple[Cohort, ...]


def retention(warehouse: Warehouse, ground: Ground, question: RetentionQuestion) -> Retention:
    """How many of each cohort came back."""
    asking = Asking(ground)
    inner = _lives(asking, ground, question)
    sizes = warehouse.query(f"SELECT start, count() FROM ({inner}) GROUP BY start ORDER BY start", asking.parameters)
    back = warehouse.query(
        f"SELECT start, arrayJoin(units) AS unit, count() FROM ({inner}) GROUP BY start, unit", asking.parameters
    )
    found = {(_date(start), _date(unit)): int(people) for start, unit, people in back}
    last = start_of((ground.until - dt.timedelta(microseconds=1)).astimezone(ground.zone).date(), question.unit)
    cohorts = []
    for row_start, people in sizes:
        start = _date(row_start)
        units = units_between(start, last, question.unit)
        cohorts.append(Cohort(start, int(people), tuple(found.get((start, unit), 0) for unit in units)))
    return Retention(question.unit, tuple(cohorts))


def retention_people(
    warehouse: Warehouse,
    ground: Ground,
    question: RetentionQuestion,
    start: dt.date,
    number: int | None = None,
    *,
    after: str | None = None,
    limit: int = 100,
) -> list[str]:
    """The ids of a cohort, or of those of it who came back in its unit of a number (0 is the first)."""
    asking = Asking(ground)
    test = f"toString(start) = {asking.binder.text(start.isoformat())}"
    if number is not None:
        unit = start
        for _ in range(number):
            unit = next_unit(unit, question.unit)
        test += f" AND has(arrayMap(u -> toString(u), units), {asking.binder.text(unit.isoformat())})"
    chosen = f"SELECT profile FROM ({_lives(asking, ground, question)}) WHERE {test}"
    return asking.ids(warehouse, chosen, after=after, limit=limit)


def _lives(asking: Asking, ground: Ground, question: RetentionQuestion) -> str:
    """Per person: the unit in which they began, and those in which they came back."""
    first, returning = asking.picks(question.first), asking.picks(question.returning)
    unit = unit_of(f"toDate32(ts, {asking.binder.text(ground.zone.key)})", question.unit)
    rows = (
        f"SELECT profile, ts, {unit} AS unit, {first} AS begins, {returning} AS returns "
        f"FROM events WHERE {asking.rows} AND ({first} OR {returning})"
    )
    # The last return in each unit says whether one of it came after the beginning.
    by_unit = (
        "SELECT profile, unit, minIf(ts, begins) AS began, countIf(begins) AS starts, maxIf(ts, returns) AS back, "
        f"countIf(returns) AS times FROM ({rows}) GROUP BY profile, unit"
    )
    return (
        "SELECT profile, minIf(began, starts > 0) AS began_at, argMinIf(unit, began, starts > 0) AS start, "
        "arrayMap(r -> r.1, arrayFilter(r -> r.2 > began_at, groupArrayIf((unit, back), times > 0))) AS units "
        f"FROM ({by_unit}) GROUP BY profile HAVING sum(starts) > 0"
    )


def unit_of(date: str, unit: Unit) -> str:
    """The first day of the unit in which a date is, as SQL; that of an hour is its day."""
    match unit:
        case Unit.HOUR | Unit.DAY:
            return date
        case Unit.WEEK:
            return f"toMonday({date})"
        case Unit.MONTH:
            return f"toStartOfMonth({date})"


def start_of(date: dt.date, unit: Unit) -> dt.date:
    """The first day of the unit in which a date is; that of an hour is its day."""
    match unit:
        case Unit.HOUR | Unit.DAY:
            return date
        case Unit.WEEK:
            return date - dt.timedelta(days=date.weekday())
        case Unit.MONTH:
            return date.replace(day=1)


def next_unit(start: dt.date, unit: Unit) -> dt.date:
    """The first day of the next unit; for hours, the next day."""
    match unit:
        case Unit.HOUR | Unit.DAY:
            return start + dt.timedelta(days=1)
        case Unit.WEEK:
            return start + dt.timedelta(days=7)
        case Unit.MONTH:
            return (start.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def units_between(first: dt.date, last: dt.date, unit: Unit) -> list[dt.date]:
    """The first days of all units from one to another, both included."""
    found, at = [], first
    while at <= last:
        found.append(at)
        at = next_unit(at, unit)
    return found


def _date(value: object) -> dt.date:
    return dt.date.fromisoformat(str(value)[:10])
