"""The hour of the day at which each person usually is active; of those who did too little, everybody's.

Step of the path: measure. Reads the warehouse; writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ethogram.store.schema import INSTANT, profile_key
from ethogram.store.warehouse import Warehouse

_OWN, _EVERYBODYS = dt.timedelta(days=90), dt.timedelta(days=28)
_ENOUGH = 5  # events that make an hour usual


def usual_hours(warehouse: Warehouse, ids: Sequence[str], zone: ZoneInfo, at: dt.datetime) -> dict[str, int]:
    """The hour (0 to 23, on the clocks of a zone) in which each profile did most in the 90 days before an instant.

    Of hours with as much, the one of the latest event wins. Who did fewer than five things is left out.
    """
    if not ids:
        return {}
    keyed = f"(SELECT id, {profile_key('id')} AS k FROM (SELECT arrayJoin({{ids:Array(String)}}) AS id))"
    rows = warehouse.query(
        "SELECT id, argMax(hour, (n, last)) FROM ("
        "SELECT named.id AS id, toHour(toTimeZone(e.ts, {zone:String})) AS hour, count() AS n, max(e.ts) AS last, "
        "sum(count()) OVER (PARTITION BY named.id) AS whole "
        f"FROM events AS e INNER JOIN {keyed} AS named ON e.profile = named.k "
        f"WHERE e.profile IN (SELECT k FROM {keyed}) AND e.ts > {{since:{INSTANT}}} AND e.ts <= {{at:{INSTANT}}} "
        "GROUP BY named.id, hour) WHERE whole >= {enough:UInt32} GROUP BY id",
        {"ids": list(ids), "zone": str(zone), "since": at - _OWN, "at": at, "enough": _ENOUGH},
    )
    return {str(id_): int(hour) for id_, hour in rows}


def everybodys_hour(warehouse: Warehouse, zone: ZoneInfo, at: dt.datetime) -> int | None:
    """The hour in which most people did something in the 28 days before an instant; None where nobody did."""
    rows = warehouse.query(
        "SELECT toHour(toTimeZone(ts, {zone:String})) AS hour FROM events "
        f"WHERE ts > {{since:{INSTANT}}} AND ts <= {{at:{INSTANT}}} "
        "GROUP BY hour ORDER BY uniq(profile) DESC, hour LIMIT 1",
        {"zone": str(zone), "since": at - _EVERYBODYS, "at": at},
    )
    return int(rows[0][0]) if rows else None


def next_at(hour: int, zone: ZoneInfo, after: dt.datetime) -> dt.datetime:
    """The first instant, not before another one, at which clocks of a zone are in an hour; within a day of it.

    >>> next_at(9, ZoneInfo("UTC"), dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)).isoformat()
    '2026-03-01T09:30:00+00:00'
    >>> next_at(8, ZoneInfo("UTC"), dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)).isoformat()
    '2026-03-02T08:00:00+00:00'
    """
    at = after
    for _ in range(26):
        local = at.astimezone(zone)
        if local.hour == hour:
            return at
        at = (
            at
            + dt.timedelta(hours=1)
            - dt.timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        )
    return after  # an hour that summer time left out on this day
