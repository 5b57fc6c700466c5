"""How much happens: events and people by day, and who was active today, this week, this month.

Step of the path: measure. Reads the warehouse; writes nothing. Days are those of the workspace's zone; a day, a week
and a month are the last 24 hours, 7 days and 30 days, compared with as long a time before.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from ethogram.model.results import ActiveCount, DayCount
from ethogram.store.schema import COUNTS, INSTANT
from ethogram.store.warehouse import Warehouse

_LENGTHS = (("day", dt.timedelta(days=1)), ("week", dt.timedelta(days=7)), ("month", dt.timedelta(days=30)))


def by_day(
    warehouse: Warehouse, now: dt.datetime, zone: ZoneInfo, *, days: int, event: str | None = None
) -> tuple[DayCount, ...]:
    """Events and people of each of the last days, the oldest first; days without any are there with nothing.

    Args:
        event: only events of this name.
    """
    last = now.astimezone(zone).date()
    first = last - dt.timedelta(days=days - 1)
    since = dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC)
    wanted = " AND event = {event:String}" if event is not None else ""
    rows = warehouse.query(
        f"SELECT toDate32(ts, {{zone:String}}) AS day, count(), uniqExact(profile) FROM events "
        f"WHERE ts >= {{since:{INSTANT}}} AND ts <= {{now:{INSTANT}}}{wanted} AND {COUNTS} GROUP BY day",
        {"zone": zone.key, "since": since, "now": now, **({"event": event} if event is not None else {})},
    )
    found = {day: (int(events), int(people)) for day, events, people in rows}
    every = (first + dt.timedelta(days=number) for number in range(days))
    return tuple(DayCount(day, *found.get(day, (0, 0))) for day in every)


def active(warehouse: Warehouse, now: dt.datetime) -> tuple[ActiveCount, ...]:
    """How many people did anything in the last day, week and month, and in as long a time before each."""
    columns, bound = [], {"now": now}
    for name, length in _LENGTHS:
        bound[f"{name}_1"], bound[f"{name}_2"] = now - length, now - 2 * length
        columns.append(f"uniqExactIf(profile, ts > {{{name}_1:{INSTANT}}})")
        columns.append(f"uniqExactIf(profile, ts > {{{name}_2:{INSTANT}}} AND ts <= {{{name}_1:{INSTANT}}})")
    row = warehouse.query(
        f"SELECT {', '.join(columns)} FROM events WHERE ts > {{month_2:{INSTANT}}} AND ts <= {{now:{INSTANT}}} "
        f"AND {COUNTS}",
        bound,
    )[0]
    return tuple(ActiveCount(name, int(row[2 * at]), int(row[2 * at + 1])) for at, (name, _) in enumerate(_LENGTHS))
