"""The loader: accepted batches become rows of the warehouse, each exactly once.

Step of the path: store. Reads the ledger's waiting batches and their block files; writes facts and the ids behind the
keys. A batch carries its id as the engine's deduplication token, so that a process killed between storing and noting
it stores nothing twice. It checks no value (`collect` did) and deletes nothing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ethogram.errors import InputError
from ethogram.store import schema
from ethogram.store.inbox import folder, verify

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from ethogram.store.ledger import Batch, Ledger
    from ethogram.store.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a kind goes: its facts, its ids, and how the key is computed."""

    facts: str
    columns: str  # of the block, with its types
    insert: str  # columns of the fact table
    select: str  # the same, from the block; `{key}` stands for the key
    ids: str
    key: str
    id: str


_INSTANT = schema.INSTANT
_TARGETS = {
    "events": _Target(
        facts="events",
        columns=f"profile_id String, ts {_INSTANT}, event String, properties String, message_id String",
        insert="profile, ts, event, properties, message_id, batch",
        select="{key}, ts, event, properties, message_id",
        ids="profiles",
        key="profile",
        id="profile_id",
    ),
    "profiles": _Target(
        facts="profile_traits",
        columns=f"profile_id String, ts {_INSTANT}, traits String, unset Array(String), message_id String",
        insert="profile, ts, traits, unset, message_id, batch",
        select="{key}, ts, traits, unset, message_id",
        ids="profiles",
        key="profile",
        id="profile_id",
    ),
    "accounts": _Target(
        facts="account_traits",
        columns=f"account_id String, ts {_INSTANT}, traits String, unset Array(String), message_id String",
        insert="account, ts, traits, unset, message_id, batch",
        select="{key}, ts, traits, unset, message_id",
        ids="accounts",
        key="account",
        id="account_id",
    ),
}
# A batch is one insert of the engine's, however many threads read it: only then does its token stand for all of it.
# Each item of a mixed list keeps its own kind.
_WRITING: dict[str, Any] = {
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 0,
    "input_format_json_read_bools_as_numbers": 0,
    "input_format_json_read_bools_as_strings": 0,
    "input_format_json_read_numbers_as_strings": 0,
    "input_format_json_read_arrays_as_strings": 0,
}


def store_waiting(warehouse: Warehouse, ledger: Ledger, directory: Path, now: dt.datetime) -> int:
    """How many rows it stored: all batches that were accepted and not yet in the warehouse, in order.

    Raises:
        InputError: a block file is missing or damaged, or two ids have one key.
    """
    rows = 0
    for batch in ledger.waiting_batches():
        store(batch, warehouse, directory)
        ledger.mark_stored(batch.id, now)
        rows += batch.rows
    return rows


def store(batch: Batch, warehouse: Warehouse, directory: Path) -> None:
    """Stores one accepted batch; doing it again changes nothing."""
    path = verify(batch, directory)
    if path is None:
        return
    target = _TARGETS[batch.kind]
    key = _key(target, target.id)
    with _staged(warehouse, path, target) as (source, parameters):
        _refuse_collisions(warehouse, target, source, parameters, batch)
        warehouse.command(
            f"INSERT INTO {target.facts} ({target.insert}) "
            f"SELECT {target.select.format(key=key)}, {{batch:String}} FROM {source}",
            {**parameters, "batch": batch.id},
            token=batch.id,
            **_WRITING,
        )
        warehouse.command(
            f"INSERT INTO {target.ids} SELECT {key} AS key, any({target.id}), min(ts) FROM {source} GROUP BY key "
            "ORDER BY key",
            parameters,
            token=f"{batch.id}-{target.ids}",
            **_WRITING,
        )


def already_stored(kind: str, ids: pa.Table, warehouse: Warehouse, directory: Path) -> set[int]:
    """The rows, by their `row`, whose person and message_id the warehouse has already.

    Args:
        ids: columns profile_id (account_id for accounts), message_id, row; message_id is never empty.
    """
    target = _TARGETS[kind]
    if not ids.num_rows or not warehouse.query(f"SELECT 1 FROM {target.facts} LIMIT 1"):
        return set()
    key = _key(target, target.id)
    narrow = _Target(
        target.facts, f"{target.id} String, message_id String, row UInt32", "", "", target.ids, target.key, target.id
    )
    path = folder(directory) / ".asked.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(ids, path)
    try:
        with _staged(warehouse, path, narrow) as (source, parameters):
            found = warehouse.query(
                f"SELECT row FROM {source} WHERE ({key}, message_id) IN ("
                f"SELECT {target.key}, message_id FROM {target.facts} "
                f"WHERE message_id != '' AND {target.key} IN (SELECT {key} FROM {source}))",
                parameters,
            )
    finally:
        path.unlink()
    return {int(row[0]) for row in found}


def known_profiles(warehouse: Warehouse) -> int:
    """How many different profiles the warehouse knows."""
    return int(warehouse.query("SELECT uniqExact(profile) FROM profiles")[0][0])


def _key(target: _Target, id_sql: str) -> str:
    return schema.account_key(id_sql) if target.key == "account" else schema.profile_key(id_sql)


def _refuse_collisions(
    warehouse: Warehouse, target: _Target, source: str, parameters: dict[str, Any], batch: Batch
) -> None:
    """Two ids with one key would be one person for ever; with 64 bits this is next to impossible, and checked."""
    key = _key(target, target.id)
    rows = warehouse.query(
        f"SELECT min(id), max(id) FROM ("
        f"  SELECT DISTINCT {key} AS key, {target.id} AS id FROM {source}"
        f"  UNION ALL SELECT {target.key}, {target.id} FROM {target.ids}"
        f"  WHERE {target.key} IN (SELECT {key} FROM {source})"
        f") GROUP BY key HAVING min(id) != max(id) LIMIT 1",
        parameters,
    )
    if rows:
        first, second = rows[0]
        raise InputError(
            f"the ids `{first}` and `{second}` have the same key, so the warehouse cannot tell them apart",
            hint="Rename one of the two in the source and load it again.",
            batch=batch.id,
        )


@contextlib.contextmanager
def _staged(warehouse: Warehouse, path: Path, target: _Target) -> Iterator[tuple[str, dict[str, Any]]]:
    """A block file as something to select from, with the parameters that it needs."""
    if warehouse.embedded:
        # The structure is ours, never the file's; the path is bound.
        structure = target.columns.replace("'", "\\'")
        yield f"file({{path:String}}, 'Parquet', '{structure}')", {"path": str(path.resolve())}
        return
    # A server does not see our files: the rows go through a table that lives for this one statement.
    table = f"staging_{path.name.split('.')[0].replace('-', '_') or 'asked'}"
    warehouse.command(f"DROP TABLE IF EXISTS {table}")
    warehouse.command(f"CREATE TABLE {table} ({target.columns}) ENGINE = Memory")
    try:
        warehouse.insert_arrow(table, pq.read_table(path))
        yield table, {}
    finally:
        warehouse.command(f"DROP TABLE IF EXISTS {table}")


def append(kind: str, rows: pa.Table, warehouse: Warehouse) -> None:
    """Stores checked rows that belong to no batch: for questions over a data frame, which nobody loads twice."""
    target = _TARGETS[kind]
    key = _key(target, target.id)
    warehouse.command(f"CREATE OR REPLACE TABLE appended ({target.columns}) ENGINE = Memory")
    warehouse.insert_arrow("appended", rows)
    warehouse.command(
        f"INSERT INTO {target.facts} ({target.insert}) SELECT {target.select.format(key=key)}, '' FROM appended"
    )
    warehouse.command(
        f"INSERT INTO {target.ids} SELECT {key} AS key, any({target.id}), min(ts) FROM appended GROUP BY key"
    )
    warehouse.command("DROP TABLE appended")
