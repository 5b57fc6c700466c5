"""The loader: accepted batches become rows of the warehouse, each exactly once.

Step of the path: store. Reads the ledger's waiting batches and their block files; writes facts and the ids behind the
keys. A batch carries its id as the engine's deduplication token, so that a process killed between storing and noting
it stores nothing twice. It checks no value (`collect` did) and deletes nothing.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ethogram.store import schema
from ethogram.store.inbox import folder, verify
from ethogram.store.small_blocks import FEW, Block, store_small
from ethogram.store.targets import TARGETS, WRITING, Target, aliased, collision, staged, temporary

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ethogram.store.database import Database
    from ethogram.store.ledger import Batch, Ledger
    from ethogram.store.warehouse import Warehouse


def store_waiting(warehouse: Warehouse, ledger: Ledger, directory: Path, now: dt.datetime) -> int:
    """How many rows it stored: all batches that were accepted and not yet in the warehouse, in order.

    Raises:
        InputError: a block file is missing or damaged, or two ids have one key.
    """
    rows = 0
    for batch in ledger.waiting_batches():
        store(batch, warehouse, ledger.database, directory)
        ledger.mark_stored(batch.id, now)
        rows += batch.rows
    return rows


def store(batch: Batch, warehouse: Warehouse, database: Database, directory: Path) -> None:
    """Stores one accepted batch, its rows under the profiles that their ids point at; again changes nothing."""
    store_together([batch], warehouse, database, directory)


def store_together(batches: Sequence[Batch], warehouse: Warehouse, database: Database, directory: Path) -> None:
    """Stores the accepted batches of one block as `store` stores each."""
    small: list[Block] = []
    for batch in batches:
        path = verify(batch, directory)
        if path is None:
            continue
        target, people = aliased(TARGETS[batch.kind], path, database)
        if batch.rows <= FEW:
            small.append(Block(batch, path, target, people))
            continue
        with (
            staged(warehouse, path, target.structure, people) as (source, parameters),
            _owners(warehouse, target, source, parameters, batch.id) as owners,
        ):
            _refuse_collisions(warehouse, target, owners, batch)
            bound = {**parameters, "batch": batch.id}
            warehouse.command(target.insert(source, "{batch:String}"), bound, token=batch.id, **WRITING)
            warehouse.command(target.insert_ids(owners), token=f"{batch.id}-{target.ids}", **WRITING)
    store_small(small, warehouse)


def already_stored(kind: str, rows: pa.Table, warehouse: Warehouse, database: Database, directory: Path) -> set[int]:
    """The rows of a block, by their place in it, whose person and message_id the warehouse has already.

    Args:
        rows: a block's rows, or at least their ids and message_ids; an empty message_id is none.
    """
    target = TARGETS[kind]
    asked = rows.select([target.id, "message_id"]).append_column("row", pa.array(range(rows.num_rows), pa.uint32()))
    asked = asked.filter(pc.not_equal(asked["message_id"], pa.scalar("")))
    if not asked.num_rows:
        return set()
    path = folder(directory) / ".asked.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(asked, path, compression="none", use_dictionary=False)
    try:
        structure = {target.id: "String", "message_id": "String", "row": "UInt32"}
        target, people = aliased(target, path, database)
        with staged(warehouse, path, structure, people) as (source, parameters):
            # What is asked for is the set, never what is stored: there may be any number of stored rows.
            pair = f"({target.owner}, message_id)"
            found = warehouse.query(
                f"SELECT row FROM {source} WHERE ({target.key}, message_id) IN ("
                f"SELECT {pair} FROM {target.facts} WHERE {pair} IN (SELECT {target.key}, message_id FROM {source}))",
                parameters,
            )
    finally:
        path.unlink()
    return {int(row[0]) for row in found}


def stored_rows(kind: str, warehouse: Warehouse) -> int:
    """How many rows of a kind the warehouse has, which the engine knows without reading any."""
    return int(warehouse.query(f"SELECT count() FROM {TARGETS[kind].facts}")[0][0])


def known_profiles(warehouse: Warehouse) -> int:
    """How many different profiles the warehouse knows."""
    query = f"SELECT count() FROM (SELECT profile FROM profiles GROUP BY profile HAVING {schema.HERE})"
    return int(warehouse.query(query)[0][0])


@contextlib.contextmanager
def _owners(warehouse: Warehouse, target: Target, source: str, parameters: dict[str, Any], name: str) -> Iterator[str]:
    """A table, for this long, of who is in a block: key, id and the earliest instant; the block is read once for it."""
    table = temporary("owners", name)
    warehouse.command(f"DROP TABLE IF EXISTS {table}")
    how = "max(known)" if target.owner == "profile" else "0"
    warehouse.command(
        f"CREATE TABLE {table} (key UInt64, id String, known_at {schema.INSTANT}, known UInt8) ENGINE = Memory"
    )
    try:
        warehouse.command(
            f"INSERT INTO {table} SELECT {target.key}, {target.resolved} AS owner, min(ts), {how} FROM {source} "
            "GROUP BY owner",
            parameters,
        )
        yield table
    finally:
        warehouse.command(f"DROP TABLE IF EXISTS {table}")


def _refuse_collisions(warehouse: Warehouse, target: Target, owners: str, batch: Batch) -> None:
    """Two ids with one key would be one person for ever; with 64 bits this is next to impossible, and checked."""
    rows = warehouse.query(
        f"SELECT min(id), max(id) FROM ("
        f"  SELECT key, id FROM {owners}"
        f"  UNION ALL SELECT {target.owner}, {target.id} FROM {target.ids}"
        f"  WHERE {target.owner} IN (SELECT key FROM {owners})"
        f") GROUP BY key HAVING min(id) != max(id) LIMIT 1"
    )
    if rows:
        first, second = rows[0]
        raise collision(first, second, batch)


def append(kind: str, rows: pa.Table, warehouse: Warehouse) -> None:
    """Stores checked rows that belong to no batch: for questions over a data frame, which nobody loads twice."""
    target = TARGETS[kind]
    columns = ", ".join(f"{name} {kind}" for name, kind in target.structure.items())
    warehouse.command(f"CREATE OR REPLACE TABLE appended ({columns}) ENGINE = Memory")
    warehouse.insert_arrow("appended", rows)
    warehouse.command(target.insert("appended", "''"))
    with _owners(warehouse, target, "appended", {}, "appended") as owners:
        warehouse.command(target.insert_ids(owners))
    warehouse.command("DROP TABLE appended")
