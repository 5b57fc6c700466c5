"""Joining: when an id points at another profile, what came under it follows there, whole and once.

Step of the path: store. Reads the moves that `identities.py` has planned; copies the rows of each id to its new profile
and takes them from the old one, in the warehouse, then notes that it is done. Every row keeps the key of the id it came
under (`origin`), so that any move can be taken back. Killed anywhere, the same moves are made again, to the same end:
copies carry deduplication tokens, and removing twice is removing once. One process does this, as loading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ethogram.store import identities, schema
from ethogram.store.loader import WRITING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ethogram.store.database import Database
    from ethogram.store.identities import Move
    from ethogram.store.warehouse import Warehouse

MOST = 1_000  # moves at once
_FACTS = ("events", "profile_traits")


Point: TypeAlias = "Callable[[str], None]"


def _nothing(_point: str) -> None:
    """The default of `at_point`: tests put a fault there."""


def follow(warehouse: Warehouse, database: Database, now: dt.datetime, *, at_point: Point = _nothing) -> int:
    """How many moves it made: all that are planned, in order.

    Args:
        at_point: called at each instant after which a killed process is found in another state.
    """
    made = 0
    while moves := _distinct(identities.planned(database, MOST)):
        _move(warehouse, database, moves, now, at_point)
        with database.writing() as connection:
            identities.mark_done(connection, moves)
        at_point("noted")
        made += len(moves)
    return made


def standing(warehouse: Warehouse, ids: Collection[str]) -> dict[str, bool]:
    """Those of the ids that are profiles of the warehouse, and whether they ever came as `userId`."""
    if not ids:
        return {}
    rows = warehouse.query(
        "SELECT any(profile_id), max(known) FROM profiles "
        "WHERE profile IN arrayMap(id -> sipHash64(id), {ids:Array(String)}) GROUP BY profile",
        {"ids": sorted(ids)},
    )
    return {id_: how == schema.USER for id_, how in rows}


def _distinct(moves: Sequence[Move]) -> list[Move]:
    """As many moves from the front as can be made together: each id once."""
    chosen: dict[str, Move] = {}
    for move in moves:
        if move.identity in chosen:
            break
        chosen[move.identity] = move
    return list(chosen.values())


def _move(warehouse: Warehouse, database: Database, moves: Sequence[Move], now: dt.datetime, at_point: Point) -> None:
    keys = _keys(warehouse, {id_ for move in moves for id_ in (move.identity, move.source, move.target)})
    bound: dict[str, Any] = {
        "origins": [keys[move.identity] for move in moves],
        "sources": [keys[move.source] for move in moves],
        "targets": [keys[move.target] for move in moves],
    }
    # All rows of an id are at one profile, so that the two conditions pick no other pair.
    mine = "profile IN {sources:Array(UInt64)} AND origin IN {origins:Array(UInt64)}"
    place = "transform(origin, {origins:Array(UInt64)}, {targets:Array(UInt64)}, toUInt64(0))"
    for table in _FACTS:
        if not warehouse.query(f"SELECT 1 FROM {table} WHERE {mine} LIMIT 1", bound):
            continue
        warehouse.command(
            # Chosen inside: beside the replacement, `profile` would be the new one.
            f"INSERT INTO {table} SELECT * REPLACE ({place} AS profile) FROM (SELECT * FROM {table} WHERE {mine})",
            bound,
            token=f"move-{moves[0].id}-{table}",
            **WRITING,
        )
        at_point("copied")
        warehouse.command(f"DELETE FROM {table} WHERE {mine}", bound)
        at_point("removed")
    _count_in(warehouse, database, moves, keys, at_point)
    _follow_on_lists(warehouse, database, moves, keys, now)


def _keys(warehouse: Warehouse, ids: Collection[str]) -> dict[str, int]:
    rows = warehouse.query("SELECT arrayMap(id -> sipHash64(id), {ids:Array(String)})", {"ids": list(ids)})
    return dict(zip(ids, rows[0][0], strict=True))


def _count_in(
    warehouse: Warehouse, database: Database, moves: Sequence[Move], keys: Mapping[str, int], at_point: Point
) -> None:
    """Who there is, and since when, among those whose rows have moved."""
    concerned = sorted({id_ for move in moves for id_ in (move.source, move.target)})
    known = identities.known(database, concerned)
    bound: dict[str, Any] = {
        "sources": sorted({keys[move.source] for move in moves}),
        "keys": [keys[id_] for id_ in concerned],
        "ids": concerned,
        "known": [schema.USER if id_ in known else schema.ANONYMOUS for id_ in concerned],
    }
    warehouse.command("DELETE FROM profiles WHERE profile IN {sources:Array(UInt64)}", bound)
    at_point("removed")
    instants = " UNION ALL ".join(
        f"SELECT profile, ts FROM {table} WHERE profile IN {{keys:Array(UInt64)}}" for table in _FACTS
    )
    warehouse.command(
        f"""INSERT INTO profiles SELECT profile, transform(profile, {{keys:Array(UInt64)}}, {{ids:Array(String)}}, ''),
                min(ts), transform(profile, {{keys:Array(UInt64)}}, {{known:Array(UInt8)}}, toUInt8(0))
            FROM ({instants}) GROUP BY profile ORDER BY profile""",
        bound,
    )
    at_point("counted")


def _follow_on_lists(
    warehouse: Warehouse, database: Database, moves: Sequence[Move], keys: Mapping[str, int], now: dt.datetime
) -> None:
    """Static segments name people: who is joined to somebody brings along the lists that they are on, and back."""
    lists = identities.static_segments(database)
    if not lists:
        return
    rows = warehouse.query(
        "SELECT key, segment, argMax((change, cause), (at, version)) AS newest FROM membership_changes "
        "WHERE key IN {keys:Array(UInt64)} AND segment IN {segments:Array(UInt32)} "
        "GROUP BY key, segment HAVING newest.1 = 'entered'",
        {"keys": list(keys.values()), "segments": list(lists)},
    )
    on = {(int(key), int(segment)): newest[1] for key, segment, newest in rows}
    changed: set[tuple[int, int, int]] = set()
    for move in moves:
        identity, source, target = keys[move.identity], keys[move.source], keys[move.target]
        for segment in lists:
            if target != identity and (identity, segment) in on and (target, segment) not in on:
                changed.add((target, segment, 1))
            if source != identity and (identity, segment) in on and on.get((source, segment)) == "merge":
                changed.add((source, segment, 0))
    for key, segment, entered in sorted(changed):
        warehouse.command(
            f"INSERT INTO membership_changes SELECT {{key:UInt64}}, {{segment:UInt32}}, {{at:{schema.INSTANT}}}, "
            "if({entered:UInt8} = 1, 'entered', 'left'), 'merge', {version:UInt32}, 0",
            {"key": key, "segment": segment, "at": now, "entered": entered, "version": lists[segment]},
        )
