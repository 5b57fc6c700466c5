"""One person as known: traits, segments since when, and the newest events.

Step of the path: measure. Reads the warehouse; writes nothing.
"""

from __future__ import annotations

import datetime as dt
import json

from ethogram.errors import UnknownNameError
from ethogram.measure.traits import merged
from ethogram.model.results import ProfileView, SegmentSince, TimelineEvent
from ethogram.store.schema import ANONYMOUS, HERE, INSTANT, NEVER
from ethogram.store.warehouse import Warehouse


def profile_view(
    warehouse: Warehouse,
    profile_id: str,
    now: dt.datetime,
    *,
    names: dict[int, str],
    limit: int,
    identities: tuple[str, ...] = (),
) -> ProfileView:
    """The profile at an instant; segments are those of the last run.

    Args:
        names: names of the live segments by number.
        limit: how many of the newest events to show.
        identities: the other ids of the same person.

    Raises:
        UnknownNameError: no such profile was known at `now`.
    """
    bound = {"id": profile_id, "now": now, "limit": limit}
    mine = "profile = sipHash64({id:String})"
    known = warehouse.query(
        f"SELECT min(known_at), max(known) FROM profiles WHERE {mine} "
        f"HAVING count() > 0 AND {HERE} AND min(known_at) <= {{now:{INSTANT}}}",
        bound,
    )
    if not known:
        raise UnknownNameError(
            f"there is no profile `{profile_id}`",
            hint="Ids are compared exactly, letter case and blanks included.",
            id=profile_id,
        )
    before = f"{mine} AND ts <= {{now:{INSTANT}}}"
    newest = (
        f"SELECT ts, event, toString(properties) FROM events WHERE {before} "
        "ORDER BY ts DESC, event LIMIT {limit:UInt32}"
    )
    timeline = warehouse.query(newest, bound) if limit else []
    total = warehouse.query(f"SELECT count() FROM events WHERE {before}", bound)[0][0]
    changes = warehouse.query(
        f"SELECT toString(traits), unset FROM profile_traits WHERE {before} ORDER BY ts, toString(traits)", bound
    )
    state = warehouse.query("SELECT segments, due_at FROM memberships FINAL WHERE key = sipHash64({id:String})", bound)
    since = dict(
        warehouse.query(
            "SELECT segment, max(at) FROM membership_changes WHERE key = sipHash64({id:String}) "
            "AND change = 'entered' GROUP BY segment",
            bound,
        )
    )
    held = [number for number in (state[0][0] if state else ()) if number in names]
    due_at = state[0][1] if state else NEVER
    return ProfileView(
        profile_id=profile_id,
        known_at=known[0][0],
        traits=merged(changes),
        events_total=int(total),
        timeline=tuple(TimelineEvent(at, event, json.loads(properties)) for at, event, properties in timeline),
        segments=tuple(
            SegmentSince(names[number], since.get(number)) for number in sorted(held, key=names.__getitem__)
        ),
        due_at=None if due_at >= NEVER else due_at,
        identities=identities,
        anonymous=known[0][1] == ANONYMOUS,
    )


def timeline(
    warehouse: Warehouse,
    profile_id: str,
    now: dt.datetime,
    *,
    before: dt.datetime | None = None,
    event: str | None = None,
    limit: int,
) -> tuple[TimelineEvent, ...]:
    """The newest events of a person, newest first.

    Args:
        before: only what happened before.
        event: only events of this name.
    """
    wanted = f"profile = sipHash64({{id:String}}) AND ts <= {{now:{INSTANT}}}"
    bound = {"id": profile_id, "now": now, "limit": limit, "before": before, "event": event}
    if before is not None:
        wanted += f" AND ts < {{before:{INSTANT}}}"
    if event is not None:
        wanted += " AND event = {event:String}"
    rows = warehouse.query(
        f"SELECT ts, event, properties_text FROM events WHERE {wanted} ORDER BY ts DESC, event LIMIT {{limit:UInt32}}",
        {name: value for name, value in bound.items() if value is not None},
    )
    return tuple(TimelineEvent(at, name, json.loads(properties)) for at, name, properties in rows)


def event_names(warehouse: Warehouse, profile_id: str, now: dt.datetime) -> dict[str, int]:
    """How often a person did what, the most frequent first."""
    rows = warehouse.query(
        f"SELECT event, count() FROM events WHERE profile = sipHash64({{id:String}}) AND ts <= {{now:{INSTANT}}} "
        "GROUP BY event ORDER BY count() DESC, event",
        {"id": profile_id, "now": now},
    )
    return {str(name): int(count) for name, count in rows}
