"""Membership as recorded: a segment's size over time, its people as of the last run, and how segments overlap.

Step of the path: segment. Reads membership state (warehouse) and sizes (ledger); writes only the changes by which a
static segment gets its people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa

from ethogram.model.results import HistoryPoint, Overlap
from ethogram.model.segment import Definition, Entity
from ethogram.segment import values
from ethogram.segment.evaluate import Evaluator, id_column, limited, page, paging
from ethogram.store.ledger import Ledger
from ethogram.store.schema import INSTANT, account_key
from ethogram.store.warehouse import Warehouse


def history(ledger: Ledger, name: str) -> tuple[HistoryPoint, ...]:
    """The segment at every run since it was saved, oldest first."""
    return tuple(
        HistoryPoint(
            at=size.as_of, version=size.version, size=size.size, entered=size.entered, left=size.left, cause=size.cause
        )
        for size in ledger.sizes(name)
    )


def recorded_members(
    warehouse: Warehouse, number: int, entity: Entity, *, limit: int | None, after: str | None
) -> pa.Table:
    """People of a segment as of the last run, in order of key, with when they entered.

    Returns:
        Columns `profile_id` (or `account_id`) and `entered_at` (microseconds, UTC).
    """
    return warehouse.arrow(*members_query(number, entity, limit=limit, after=after))


def members_query(number: int, entity: Entity, *, limit: int | None, after: str | None) -> tuple[str, dict[str, Any]]:
    """The statement of `recorded_members`, with what is bound."""
    id_ = id_column(entity)
    table, key = (_accounts(), "account") if entity is Entity.ACCOUNT else ("profiles", "profile")
    # The state is sorted by key, so a page is the next stretch of it; only its people's rows are read.
    cut = (
        f"SELECT key FROM memberships FINAL WHERE has(segments, {{number:UInt32}}){page(after, entity)} "
        f"ORDER BY key{limited(limit)}"
    )
    return (
        f"""SELECT people.id AS {id_}, entered.at AS entered_at
            FROM (SELECT {key} AS k, any({id_}) AS id FROM {table} WHERE {key} IN ({cut}) GROUP BY {key}) AS people
            LEFT JOIN (
                SELECT key, max(at) AS at FROM membership_changes
                WHERE key IN ({cut}) AND segment = {{number:UInt32}} AND change = 'entered' GROUP BY key
            ) AS entered ON entered.key = people.k
            ORDER BY people.k""",
        {"number": number, **paging(after)},
    )


def _accounts() -> str:
    """Keys and ids of all accounts, also of those that only profiles speak of."""
    named = values.generic(values.path("traits", "account_id"))
    return (
        "(SELECT account, account_id FROM accounts UNION ALL "
        f"SELECT {account_key('name')} AS account, name AS account_id FROM "
        f"(SELECT assumeNotNull({named}) AS name FROM profile_traits WHERE isNotNull({named})))"
    )


def recorded_overlap(warehouse: Warehouse, numbers: Mapping[str, int], as_of: dt.datetime) -> Overlap:
    """How saved segments overlap as of the last run."""
    rows = warehouse.query(
        "SELECT arraySort(arrayFilter(n -> has({numbers:Array(UInt32)}, n), segments)) AS held, count() "
        "FROM memberships FINAL WHERE hasAny(segments, {numbers:Array(UInt32)}) GROUP BY held",
        {"numbers": list(numbers.values())},
    )
    names = {number: name for name, number in numbers.items()}
    return _overlap(tuple(numbers), [([names[n] for n in held], count) for held, count in rows], as_of)


def evaluated_overlap(
    warehouse: Warehouse,
    evaluator: Evaluator,
    definitions: Mapping[str, Definition],
    now: dt.datetime,
    *,
    numbers: Mapping[str, int],
) -> Overlap:
    """How definitions overlap at any instant."""
    names = list(definitions)
    plan, compiled = evaluator.plan(list(definitions.values()), now, numbers=numbers)
    query = plan.evaluation(dict(enumerate(compiled, start=1)))
    rows = warehouse.query(
        f"SELECT segments, count() FROM (\n{query.sql}\n) WHERE notEmpty(segments) GROUP BY segments", query.parameters
    )
    return _overlap(tuple(names), [([names[n - 1] for n in held], count) for held, count in rows], now)


def _overlap(names: tuple[str, ...], groups: Sequence[tuple[Sequence[str], int]], as_of: dt.datetime) -> Overlap:
    exact: dict[tuple[str, ...], int] = {}
    for held, count in groups:
        combination = tuple(name for name in names if name in held)
        exact[combination] = exact.get(combination, 0) + count
    return Overlap(
        names=names,
        sizes={name: sum(count for held, count in exact.items() if name in held) for name in names},
        pairs={
            (a, b): sum(count for held, count in exact.items() if a in held and b in held)
            for a, b in combinations(names, 2)
        },
        exact=exact,
        union=sum(exact.values()),
        as_of=as_of,
    )


def record_static(
    warehouse: Warehouse, number: int, version: int, ids: Sequence[str], now: dt.datetime, *, cause: str
) -> tuple[int, tuple[str, ...]]:
    """Makes the given profiles the members of a static segment: who is new enters, who is not named leaves.

    Returns:
        How many known profiles were named, and the ids that no profile has.
    """
    staged = f"static_{number}"
    warehouse.command(f"DROP TABLE IF EXISTS {staged} SYNC")
    warehouse.command(f"CREATE TABLE {staged} (id String) ENGINE = Memory")
    warehouse.insert_arrow(staged, pa.table({"id": pa.array(list(dict.fromkeys(ids)), pa.string())}))
    known = f"SELECT profile FROM profiles WHERE profile IN (SELECT sipHash64(id) FROM {staged})"
    unknown = warehouse.query(
        f"SELECT id FROM {staged} WHERE sipHash64(id) NOT IN (SELECT profile FROM profiles) ORDER BY id"
    )
    held = (
        "SELECT key FROM membership_changes WHERE segment = {number:UInt32} GROUP BY key "
        "HAVING argMax(change, (at, version)) = 'entered'"
    )
    warehouse.command(
        f"""INSERT INTO membership_changes
            SELECT key, {{number:UInt32}}, {{at:{INSTANT}}}, change, {{cause:String}}, {{version:UInt32}}, 0 FROM (
                SELECT DISTINCT profile AS key, 'entered' AS change FROM ({known}) WHERE key NOT IN ({held})
                UNION ALL SELECT key, 'left' AS change FROM ({held}) WHERE key NOT IN ({known})
            )""",
        {"number": number, "at": now, "cause": cause, "version": version},
    )
    size = warehouse.query(f"SELECT uniqExact(profile) FROM ({known})")[0][0]
    warehouse.command(f"DROP TABLE IF EXISTS {staged} SYNC")
    return int(size), tuple(row[0] for row in unknown)


def change_static(
    warehouse: Warehouse,
    number: int,
    version: int,
    *,
    entering: Sequence[str],
    leaving: Sequence[str],
    now: dt.datetime,
    cause: str,
) -> None:
    """Lets profiles enter and leave a static segment; who is in it already, or is not known, changes nothing."""
    held = (
        "SELECT key FROM membership_changes WHERE segment = {number:UInt32} GROUP BY key "
        "HAVING argMax(change, (at, version)) = 'entered'"
    )
    entered, left = (f"(SELECT sipHash64(arrayJoin({{{name}:Array(String)}})))" for name in ("entering", "leaving"))
    warehouse.command(
        f"""INSERT INTO membership_changes
            SELECT key, {{number:UInt32}}, {{at:{INSTANT}}}, change, {{cause:String}}, {{version:UInt32}}, 0 FROM (
                SELECT DISTINCT profile AS key, 'entered' AS change FROM profiles
                WHERE profile IN {entered} AND key NOT IN ({held})
                UNION ALL SELECT key, 'left' AS change FROM ({held}) WHERE key IN {left}
            )""",
        {
            "number": number, "at": now, "cause": cause, "version": version,
            "entering": list(entering), "leaving": list(leaving),
        },
    )  # fmt: skip
