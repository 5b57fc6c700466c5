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

# One statement costs what its parts cost; joins and subqueries between them would cost as much again.
_MINE = "sipHash64({id:String})"
_STANDING = f"""
    SELECT 0 AS part, toUInt32(max(known)) AS number, min(known_at) AS at, '' AS content, []::Array(String) AS unset
        FROM profiles WHERE profile = {_MINE} HAVING count() > 0 AND {HERE}
    UNION ALL SELECT 1, arrayJoin(segments), evaluated_at, '', [] FROM memberships FINAL WHERE key = {_MINE}
    UNION ALL SELECT 2, segment, at, '', [] FROM membership_changes WHERE key = {_MINE} AND change = 'entered'
"""
_TRAITS = f"""
    UNION ALL SELECT 3, toUInt32(0), ts, traits_text, unset FROM profile_traits WHERE profile = {_MINE}
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
    since: dict[int, dt.datetime] = {}
    for part, number, at, _, _ in rows:
        if part == 2:
            since[number] = max(at, since.get(number, at))
    held = sorted((names[number], since.get(number)) for part, number, *_ in rows if part == 1 and number in names)
    changes = sorted((at, text, unset) for part, _, at, text, unset in rows if part == 3)
    return Standing(
        profile_id=profile_id,
        known_at=known[2],
        anonymous=known[1] == ANONYMOUS,
        segments=tuple(SegmentSince(name, at) for name, at in held),
        traits=merged((text, unset) for _, text, unset in changes) if traits else None,
    )
