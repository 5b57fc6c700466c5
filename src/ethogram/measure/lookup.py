"""One person, looked up for a page that waits: what is recorded, in few short reads, and nothing computed.

Step of the path: measure. Reads the warehouse; writes nothing. `profiles.py` tells more, and takes longer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ethogram.measure.traits import merged
from ethogram.model.results import SegmentSince
from ethogram.store.schema import ANONYMOUS, HERE
from ethogram.store.warehouse import Warehouse

# All that is known is found by one key, so that one statement costs little more than one of its parts.
_STANDING = f"""
    WITH sipHash64({{id:String}}) AS wanted
    SELECT 0 AS part, toUInt32(known) AS number, known_at AS at, '' AS content, [] AS unset
        FROM (
            SELECT min(p.known_at) AS known_at, max(p.known) AS known FROM profiles AS p WHERE profile = wanted
            HAVING count() > 0 AND {HERE}
        )
    UNION ALL SELECT 1, number, since.at, '', []
        FROM (SELECT arrayJoin(segments) AS number FROM memberships FINAL WHERE key = wanted) AS held
        LEFT JOIN (
            SELECT segment, max(at) AS at FROM membership_changes
            WHERE key = wanted AND change = 'entered' GROUP BY segment
        ) AS since ON since.segment = held.number
"""
_TRAITS = """
    UNION ALL SELECT 2, toUInt32(0), ts, traits_text, unset FROM profile_traits
        WHERE profile = sipHash64({id:String})
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is recorded of one person: the segments, and the traits where they were asked for."""

    profile_id: str
    known_at: dt.datetime
    anonymous: bool
    segments: tuple[SegmentSince, ...]
    traits: dict[str, Any] | None = None


def standing(warehouse: Warehouse, profile_id: str, names: Mapping[int, str], *, traits: bool) -> Standing | None:
    """The person; None where nobody has the id.

    Args:
        names: names of the live segments by number.
    """
    rows = warehouse.look_up(_STANDING + _TRAITS if traits else _STANDING, {"id": profile_id})
    known = next((row for row in rows if row[0] == 0), None)
    if known is None:
        return None
    held = [(names[number], at) for part, number, at, _, _ in rows if part == 1 and number in names]
    changes = sorted((at, text, unset) for part, _, at, text, unset in rows if part == 2)
    return Standing(
        profile_id=profile_id,
        known_at=known[2],
        anonymous=known[1] == ANONYMOUS,
        segments=tuple(SegmentSince(name, at if at.year > 1900 else None) for name, at in sorted(held)),
        traits=merged((text, unset) for _, text, unset in changes) if traits else None,
    )
