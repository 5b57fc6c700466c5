"""A segment's people beside everybody: who is active, who stayed, who buys, and what they spend.

Step of the path: measure. Reads recorded membership and events (warehouse), in one question; writes nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from ethogram.model.drafts import SegmentReport, Standing
from ethogram.segment.sql import Binder
from ethogram.segment.values import number, path
from ethogram.store.schema import COUNTS, HERE, INSTANT
from ethogram.store.warehouse import Warehouse


def report(
    warehouse: Warehouse,
    segment: str,
    number_of_segment: int,
    now: dt.datetime,
    *,
    days: int,
    purchase: str | None,
    amount: str | None,
) -> SegmentReport:
    """How a segment's people and everybody stand over the last days.

    Args:
        purchase: the event that counts as buying, where the vocabulary names one; `amount`, its property that is money.
    """
    length = dt.timedelta(days=days)
    binder = Binder()
    bought = f"event = {binder.text(purchase)}" if purchase is not None else "false"
    spent = f"coalesce({number(path('properties', amount), binder)}, 0)" if purchase and amount else "0."
    bound: dict[str, Any] = {"number": number_of_segment, "now": now, "from": now - length, "before": now - 2 * length}
    member = "k IN (SELECT key FROM memberships FINAL WHERE has(segments, {number:UInt32}))"
    recent = f"ts > {{from:{INSTANT}}}"
    people = (
        "SELECT countIf(member), count() FROM (SELECT profile AS k, "
        f"{member} AS member FROM profiles GROUP BY profile HAVING {HERE} AND min(known_at) <= {{now:{INSTANT}}})"
    )
    done = (
        f"SELECT profile AS k, max({recent}) AS is_active, min(ts) <= {{from:{INSTANT}}} AS was, "
        f"countIf({recent} AND {bought}) > 0 AS buys, sumIf({spent}, {recent} AND {bought}) AS spends "
        f"FROM events WHERE ts > {{before:{INSTANT}}} AND ts <= {{now:{INSTANT}}} AND {COUNTS} GROUP BY profile"
    )
    tests = ("is_active", "was", "was AND is_active", "buys")
    counts = ", ".join(f"countIf({test} AND {who})" for who in ("member", "true") for test in tests)
    size, population = warehouse.query(people, bound)[0]
    row = warehouse.query(
        f"SELECT {counts}, sumIf(spends, member), sum(spends) FROM (SELECT *, {member} AS member FROM ({done}))",
        {**bound, **binder.parameters},
    )[0]

    def standing(count: int, at: int, revenue: float) -> Standing:
        active, before, kept, buyers = (int(value) for value in row[at : at + 4])
        return Standing(
            int(count), active, before, kept,
            buyers if purchase is not None else None,
            float(revenue) if purchase is not None and amount is not None else None,
        )  # fmt: skip

    return SegmentReport(segment, days, standing(size, 0, row[8]), standing(population, 4, row[9]), purchase, amount)
