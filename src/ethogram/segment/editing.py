"""Before an edit: who stays, enters and leaves if a text is saved under a name, there and where it is referred to.

Step of the path: segment. Reads definitions (ledger), facts and recorded membership (warehouse); writes nothing. The
text is computed over everybody, and compared with what is recorded: so the answer is what saving it would record.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ethogram.model.editing import Moves
from ethogram.model.segment import Crossed, Definition, Entity, InSegment
from ethogram.segment.evaluate import OVER_MANY, Evaluator, Recorded, ids_of
from ethogram.segment.rewrites import expand
from ethogram.segment.saved import Live, SavedSegments
from ethogram.segment.shape import walk
from ethogram.store.warehouse import Warehouse


def with_edit(saved: SavedSegments, live: Live, name: str, edited: Definition) -> dict[str, Definition]:
    """Expanded definitions as they would be after an edit: the segment's own first, then of those that refer to it.

    Raises:
        SegmentError: segments would refer to each other in a circle, or to one over another kind of thing.
    """

    def lookup(other: str) -> Definition | None:
        return edited if other == name else saved.lookup(live, other)

    found = {name: expand(edited, lookup, within=(name,))}
    for other in referring(saved, live, name):
        found[other] = expand(saved.parsed(live[other].text or ""), lookup, within=(other,))
    return found


def referring(saved: SavedSegments, live: Live, name: str) -> tuple[str, ...]:
    """The names of the segments that contain another one, directly or through others, in order of name."""
    within: dict[str, set[str]] = {}
    for other, segment in live.items():
        if segment.text is not None:
            nodes = walk(saved.parsed(segment.text).condition)
            within[other] = {node.name for node, _ in nodes if isinstance(node, InSegment)}
    found: set[str] = set()
    reached = {name}
    while reached:
        reached = {other for other, names in within.items() if names & reached} - found - {name}
        found |= reached
    return tuple(sorted(found))


def watching(saved: SavedSegments, live: Live, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the segments that look at recorded entries and exits of some others, in order of name."""
    return tuple(
        sorted(
            other
            for other, segment in live.items()
            if segment.text is not None
            and any(
                isinstance(node, Crossed) and node.name in names
                for node, _ in walk(saved.parsed(segment.text).condition)
            )
        )
    )


def moves(
    warehouse: Warehouse,
    evaluator: Evaluator,
    definitions: Mapping[str, Definition],
    live: Live,
    now: dt.datetime,
    *,
    sample: int,
    recorded: Recorded,
) -> tuple[tuple[Moves, ...], int, float]:
    """How recorded membership of each segment would move; the population; and the milliseconds that it took.

    Args:
        definitions: expanded definitions of one entity, by name.
        recorded: cut-offs over everybody that are not looked for anew.
    """
    started = time.perf_counter()
    entity = next(iter(definitions.values())).entity
    numbers = {name: segment.number for name, segment in live.items()}
    plan, compiled = evaluator.plan(list(definitions.values()), now, numbers=numbers, recorded=recorded)
    inner = plan.query(
        "key, id, " + ", ".join(f"{condition.holds} AS new_{index}" for index, condition in enumerate(compiled))
    )
    # A name that is new has no number, and nobody is recorded in it.
    held = [numbers.get(name, 0) for name in definitions]
    parts = []
    for index in range(len(held)):
        new, old = f"n.new_{index}", f"has(o.segments, {{numbers:Array(UInt32)}}[{index + 1}])"
        for test in (f"{new} AND {old}", f"{new} AND NOT {old}", f"{old} AND NOT {new}"):
            picked = f"groupArraySortedIf({max(sample, 1)})((if(n.key = 0, o.key, n.key), n.id), {test})"
            parts += [f"countIf({test})", picked]
    row = warehouse.query(
        f"SELECT countIf(n.key != 0), {', '.join(parts)} FROM (\n{inner.sql}\n) AS n FULL OUTER JOIN "
        "(SELECT key, segments FROM memberships FINAL WHERE hasAny(segments, {numbers:Array(UInt32)})) AS o "
        "ON n.key = o.key",
        {**inner.parameters, "numbers": held},
        **OVER_MANY,
    )[0]
    found = []
    for index, name in enumerate(definitions):
        counts, samples = row[1 + 6 * index : 7 + 6 * index : 2], row[2 + 6 * index : 7 + 6 * index : 2]
        shown = [_ids(warehouse, each[:sample], entity) for each in samples]
        found.append(
            Moves(
                name,
                stay=int(counts[0]),
                enter=int(counts[1]),
                leave=int(counts[2]),
                stays=shown[0],
                enters=shown[1],
                leaves=shown[2],
            )
        )
    return tuple(found), int(row[0]), (time.perf_counter() - started) * 1000


def _ids(warehouse: Warehouse, pairs: Sequence[Any], entity: Entity) -> tuple[str, ...]:
    """The ids of a sample; of those who are nobody any more, those that they had."""
    named = ids_of(warehouse, {int(key): entity for key, id_ in pairs if not id_})
    return tuple(id_ or named[int(key)] for key, id_ in pairs)
