"""Erasing a person from the warehouse, and from the files that it is rebuilt from: no byte is left behind.

Step of the path: store. Rewrites block files and files of rejected rows; removes rows of the warehouse. Removing rows
of ClickHouse writes parts anew and keeps the old ones for some minutes: here these go at once. Every function may be
called again after it was cut off.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from ethogram.errors import WarehouseError
from ethogram.store import inbox, schema, tables
from ethogram.store.profile_keys import keys_of
from ethogram.store.warehouse import integers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ethogram.store.ledger import Batch, Ledger
    from ethogram.store.warehouse import Warehouse

_BY_PROFILE = ("events", "profile_traits", "profiles", "left_behind")
_BY_KEY = ("memberships", "membership_changes")
_TRIES = 150  # looks for old parts, a fifth of a second apart


def counts(warehouse: Warehouse, ids: Iterable[str]) -> dict[str, int]:
    """How much the warehouse has of a person, by kind."""
    bound = {"keys": integers(keys_of(ids).values())}
    asked = {
        "events": f"SELECT count() FROM events WHERE profile IN {{keys:Array(UInt64)}} AND {schema.COUNTS}",
        "traits": f"SELECT count() FROM profile_traits WHERE profile IN {{keys:Array(UInt64)}} AND {schema.COUNTS}",
        "membership_changes": "SELECT count() FROM membership_changes WHERE key IN {keys:Array(UInt64)}",
    }
    return {kind: int(warehouse.query(query, bound)[0][0]) for kind, query in asked.items()}


def memberships(warehouse: Warehouse, ids: Iterable[str]) -> list[int]:
    """The numbers of the segments that a person is recorded in."""
    rows = warehouse.query(
        "SELECT DISTINCT arrayJoin(segments) FROM memberships FINAL WHERE key IN {keys:Array(UInt64)}",
        {"keys": integers(keys_of(ids).values())},
    )
    return sorted(int(row[0]) for row in rows)


def texts(warehouse: Warehouse, ids: Iterable[str]) -> list[Any]:
    """Every value of every trait that a person ever had."""
    rows = warehouse.query(
        "SELECT traits_text FROM profile_traits WHERE profile IN {keys:Array(UInt64)}",
        {"keys": integers(keys_of(ids).values())},
    )
    return [value for (text,) in rows for value in msgspec.json.decode(text).values()]


def erase_blocks(ledger: Ledger, directory: Path, erasure: int, ids: Sequence[str]) -> int:
    """How many rows the block files no longer have; each file that had some is another one now."""
    removed = 0
    for batch in ledger.batches():
        if batch.file is not None and batch.kind != "accounts":
            removed += _rewrite(batch, ledger, directory, erasure, ids)
    # Files that are in no batch any more: those that were replaced, and what a killed process began.
    inbox.sweep(directory, ledger)
    return removed


def _rewrite(batch: Batch, ledger: Ledger, directory: Path, erasure: int, ids: Sequence[str]) -> int:
    path = inbox.verify(batch, directory)
    assert path is not None
    mine = pc.is_in(pq.read_table(path, columns=["profile_id"])["profile_id"], pa.array(ids, pa.string()))
    if not pc.any(mine).as_py():
        return 0
    others = pq.read_table(path).filter(pc.invert(mine))
    values: dict[str, Any] = {"file": None, "sha256": None, "rows": 0, "first_at": None, "last_at": None}
    if others.num_rows:
        named = f"{batch.id}.e{erasure}"
        span = pc.min_max(others["ts"])
        values = {
            "sha256": inbox.write_ahead(named, batch.kind, others, directory),
            "file": f"{named}.parquet",
            "rows": others.num_rows,
            "first_at": span["min"].as_py(),
            "last_at": span["max"].as_py(),
        }
        inbox.publish(named, directory)
    rows = tables.batches
    with ledger.database.writing() as connection:
        connection.execute(sa.update(rows).where(rows.c.id == batch.id).values(**values))
    return batch.rows - others.num_rows


def erase_rejects(directory: Path, words: Iterable[str]) -> int:
    """How many rejected rows the workspace's files of them no longer have: those that name a person."""
    needles = [msgspec.json.encode(word)[1:-1] for word in words]
    removed = 0
    for path in sorted((directory / "rejects").glob("*")):
        if not path.is_file():
            continue
        lines = path.read_bytes().splitlines(keepends=True)
        others = [line for line in lines if not any(needle in line for needle in needles)]
        if len(others) < len(lines):
            removed += len(lines) - len(others)
            _replace(path, b"".join(others))
    return removed


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())
    beside.replace(path)


def erase_facts(warehouse: Warehouse, ids: Iterable[str]) -> None:
    """Removes a person's rows from every table of the warehouse; whoever asks from now on finds nobody."""
    bound = {"keys": integers(keys_of(ids).values())}
    for table, column in (*((each, "profile") for each in _BY_PROFILE), *((each, "key") for each in _BY_KEY)):
        warehouse.command(
            f"ALTER TABLE {table} DELETE WHERE {column} IN {{keys:Array(UInt64)}}", bound, mutations_sync=2
        )


def compact(warehouse: Warehouse) -> None:
    """Removes what was deleted from the disk: rows that are only marked so, and parts that were replaced.

    Raises:
        WarehouseError: old parts are still read by somebody; what was removed so far stays removed.
    """
    for table in (*_BY_PROFILE, *_BY_KEY):
        # Rows of a part whose every row of the person was marked before are in no deletion above.
        warehouse.command(f"ALTER TABLE {table} APPLY DELETED MASK", mutations_sync=2)
        warehouse.command(f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 0")
    try:
        _drop_old_parts(warehouse)
    finally:
        for table in (*_BY_PROFILE, *_BY_KEY):
            warehouse.command(f"ALTER TABLE {table} RESET SETTING old_parts_lifetime")


def _drop_old_parts(warehouse: Warehouse) -> None:
    for _ in range(_TRIES):
        old = warehouse.query(
            "SELECT DISTINCT table FROM system.parts WHERE NOT active AND database = currentDatabase() "
            "AND table IN {tables:Array(String)}",
            {"tables": [*_BY_PROFILE, *_BY_KEY]},
        )
        if not old:
            return
        for (table,) in old:
            # There is no such partition; asked to drop it, the engine drops what is old, which otherwise waits.
            warehouse.command(f"ALTER TABLE {table} DROP PARTITION ID 'none'")
        threading.Event().wait(0.2)
    raise WarehouseError("the warehouse still holds parts that were replaced", hint="It is tried again by itself.")


def accounts_of(warehouse: Warehouse, ids: Iterable[str]) -> tuple[str, ...]:
    """The accounts that a person ever belonged to."""
    rows = warehouse.query(
        "SELECT traits_text FROM profile_traits WHERE profile IN {keys:Array(UInt64)} "
        "AND JSONHas(traits_text, 'account_id')",
        {"keys": integers(keys_of(ids).values())},
    )
    return tuple(sorted({str(msgspec.json.decode(text)["account_id"]) for (text,) in rows}))


def is_somebody(warehouse: Warehouse, ids: Iterable[str]) -> bool:
    """Whether the warehouse knows anybody by one of the ids."""
    return bool(
        warehouse.query(
            "SELECT profile FROM profiles WHERE profile IN {keys:Array(UInt64)} "
            f"GROUP BY profile HAVING {schema.HERE} LIMIT 1",
            {"keys": integers(keys_of(ids).values())},
        )
    )


def erase_handed(directory: Path, ids: Sequence[str]) -> None:
    """Removes a person from what syncs remember to have handed over: they have handed over that the person left."""
    for path in sorted((directory / "sync" / ".state").glob("*/*.parquet")):
        table = pq.read_table(path)
        mine = pc.is_in(table["id"], pa.array(ids, pa.string()))
        if pc.any(mine).as_py():
            beside = path.with_name(f".{path.name}.part")
            pq.write_table(table.filter(pc.invert(mine)), beside, compression="zstd")
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(path)
