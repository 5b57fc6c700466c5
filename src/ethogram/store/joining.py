"""Joining: when an id points at another profile, what came under it follows there, whole and once.

Step of the path: store. Reads the moves that `identities.py` has planned; copies the rows of each id to its new profile
in the warehouse, then notes that it is done. Every row keeps the key of the id it came under (`origin`), so that any
move can be taken back. A profile that everything has left is marked as gone and counts no more; its old rows are
*left behind* until `sweep` removes them, since removing rows of a large table takes its time. Where a profile stays and
loses an id, its rows are removed at once.

Killed anywhere, the same moves are made again, to the same end: copies carry deduplication tokens, and what is removed
was there before the copies. One process does this, as loading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ethogram.store import identities, schema
from ethogram.store.targets import WRITING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from ethogram.store.database import Database
    from ethogram.store.identities import Move
    from ethogram.store.ledger import Ledger
    from ethogram.store.warehouse import Warehouse

MOST = 1_000  # moves at once
_SWEPT = "swept"  # the ledger's setting with the last move whose left-behind rows are being removed
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
        "SELECT any(profile_id), max(known) FROM profiles WHERE profile IN {keys:Array(UInt64)} "
        f"GROUP BY profile HAVING {schema.HERE}",
        {"keys": list(_keys(warehouse, ids).values())},
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


@dataclass(frozen=True, slots=True)
class _Moves:
    """Moves that are made together, and the keys of everybody in them."""

    moves: Sequence[Move]
    keys: Mapping[str, int]
    gone: frozenset[str]  # the profiles that everything has left

    def bound(self, moves: Iterable[Move]) -> dict[str, Any]:
        """Some of the moves as parallel lists of keys."""
        chosen = list(moves)
        return {
            "origins": [self.keys[move.identity] for move in chosen],
            "sources": [self.keys[move.source] for move in chosen],
            "targets": [self.keys[move.target] for move in chosen],
        }


# All rows of an id are at one profile, those left behind apart, so that the two conditions pick no other pair.
_FROM = "profile IN {sources:Array(UInt64)} AND origin IN {origins:Array(UInt64)}"


def _move(warehouse: Warehouse, database: Database, moves: Sequence[Move], now: dt.datetime, at_point: Point) -> None:
    everybody = {id_ for move in moves for id_ in (move.identity, move.source, move.target)}
    gone = frozenset(identities.aliases(database, {move.source for move in moves}))
    group = _Moves(moves, _keys(warehouse, everybody), gone)
    bound = group.bound(moves)
    _clear(warehouse, bound, at_point)
    place = "transform(origin, {origins:Array(UInt64)}, {targets:Array(UInt64)}, toUInt64(0))"
    for table in _FACTS:
        if warehouse.query(f"SELECT 1 FROM {table} WHERE {_FROM} LIMIT 1", bound):
            warehouse.command(
                # Chosen inside: beside the replacement, `profile` would be the new one.
                f"INSERT INTO {table} SELECT * REPLACE ({place} AS profile) FROM (SELECT * FROM {table} WHERE {_FROM})",
                bound,
                token=f"move-{moves[0].id}-{moves[-1].id}-{table}",
                **WRITING,
            )
            at_point("copied")
    _leave(warehouse, database, group, at_point)
    _follow_on_lists(warehouse, database, moves, group.keys, now)


def _keys(warehouse: Warehouse, ids: Collection[str]) -> dict[str, int]:
    rows = warehouse.query("SELECT arrayMap(id -> sipHash64(id), {ids:Array(String)})", {"ids": list(ids)})
    return dict(zip(ids, rows[0][0], strict=True))


def _clear(warehouse: Warehouse, bound: dict[str, Any], at_point: Point) -> None:
    """Removes what is left behind at profiles that come back: all that there is at a profile that was gone."""
    rows = warehouse.query("SELECT DISTINCT profile FROM left_behind WHERE profile IN {targets:Array(UInt64)}", bound)
    if rows:
        back = {"back": [row[0] for row in rows]}
        for table in _FACTS:
            warehouse.command(f"DELETE FROM {table} WHERE profile IN {{back:Array(UInt64)}}", back)
            at_point("cleared")
        warehouse.command("DELETE FROM left_behind WHERE profile IN {back:Array(UInt64)}", back)
        at_point("cleared")


def _leave(warehouse: Warehouse, database: Database, group: _Moves, at_point: Point) -> None:
    """Takes what was copied from where it was, and counts who there is."""
    left = sorted({group.keys[id_] for id_ in group.gone})
    if left:
        warehouse.command(
            "INSERT INTO left_behind SELECT arrayJoin({keys:Array(UInt64)}), {number:UInt64}",
            {"keys": left, "number": group.moves[-1].id},
        )
        at_point("left")
    parted = group.bound(move for move in group.moves if move.source not in group.gone)
    if parted["origins"]:
        for table in _FACTS:
            warehouse.command(f"DELETE FROM {table} WHERE {_FROM}", parted)
            at_point("removed")
        # Their earliest instant may be a later one now.
        warehouse.command("DELETE FROM profiles WHERE profile IN {sources:Array(UInt64)}", parted)
        at_point("removed")
    _count(warehouse, database, group)
    at_point("counted")


def _count(warehouse: Warehouse, database: Database, group: _Moves) -> None:
    """Writes who there is, and since when, among those whose rows have moved."""
    concerned = sorted({id_ for move in group.moves for id_ in (move.source, move.target)})
    known = identities.known(database, concerned)
    keys = "{keys:Array(UInt64)}"
    there = " UNION ALL ".join(f"SELECT profile, ts FROM {table} WHERE profile IN {keys}" for table in _FACTS)
    warehouse.command(
        f"""INSERT INTO profiles (profile, profile_id, known_at, known, gone)
            SELECT profile, transform(profile, {keys}, {{ids:Array(String)}}, ''), min(ts),
                transform(profile, {keys}, {{known:Array(UInt8)}}, toUInt8(0)),
                transform(profile, {keys}, {{gone:Array(UInt64)}}, toUInt64(0))
            FROM ({there}) GROUP BY profile ORDER BY profile""",
        {
            "keys": [group.keys[id_] for id_ in concerned],
            "ids": concerned,
            "known": [schema.USER if id_ in known else schema.ANONYMOUS for id_ in concerned],
            "gone": [2 * group.moves[-1].id + (id_ in group.gone) for id_ in concerned],
        },
    )


def sweep(warehouse: Warehouse, ledger: Ledger) -> int:
    """How many profiles' left-behind rows it began to remove; the engine goes on with it in the background.

    What an earlier call began, and is done, is no longer counted as left behind.
    """
    busy = warehouse.query(
        "SELECT count() FROM system.mutations WHERE NOT is_done AND database = currentDatabase() "
        "AND table IN ('events', 'profile_traits')"
    )
    if busy[0][0]:
        return 0
    begun = ledger.setting(_SWEPT)
    if begun is not None:
        warehouse.command("DELETE FROM left_behind WHERE number <= {upto:UInt64}", {"upto": begun})
        ledger.set_setting(_SWEPT, None)
    count, upto = warehouse.query("SELECT uniqExact(profile), max(number) FROM left_behind")[0]
    if count:
        behind = "profile IN (SELECT profile FROM left_behind WHERE number <= {upto:UInt64})"
        for table in _FACTS:
            warehouse.command(f"DELETE FROM {table} WHERE {behind}", {"upto": upto}, lightweight_deletes_sync=0)
        ledger.set_setting(_SWEPT, int(upto))
    return int(count)


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
