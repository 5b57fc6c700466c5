"""The loader: accepted batches become rows of the warehouse, each exactly once.

Step of the path: store. Reads the ledger's waiting batches and their block files; writes facts and the ids behind the
keys. A batch carries its id as the engine's deduplication token, so that a process killed between storing and noting
it stores nothing twice. It checks no value (`collect` did) and deletes nothing.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ethogram.errors import InputError
from ethogram.store import identities, schema
from ethogram.store.inbox import folder, verify

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from ethogram.store.database import Database
    from ethogram.store.ledger import Batch, Ledger
    from ethogram.store.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a kind goes: its table of facts, and the owner whose id and key stand in each row."""

    facts: str
    owner: str  # 'profile' or 'account': the column of the key
    content: dict[str, str]  # columns of its own, with their types in a block
    has_aliases: bool = False  # among the block's ids are some that point at others

    @property
    def ids(self) -> str:
        """The table of the ids behind the keys."""
        return f"{self.owner}s"

    @property
    def id(self) -> str:
        """The column of the id, in a block and in the table of ids."""
        return f"{self.owner}_id"

    @property
    def resolved(self) -> str:
        """The SQL of whom a block's row belongs to: another id where the row's points at one."""
        if not self.has_aliases:
            return self.id
        return f"transform({self.id}, {{aliases:Array(String)}}, {{people:Array(String)}}, {self.id})"

    @property
    def key(self) -> str:
        """The SQL of the key of a block's row."""
        return schema.account_key(self.id) if self.owner == "account" else schema.profile_key(self.resolved)

    @property
    def shared(self) -> dict[str, str]:
        """The columns that block and table of facts have both."""
        return {"ts": schema.INSTANT, **self.content, "message_id": "String"}

    @property
    def structure(self) -> dict[str, str]:
        """The columns of a block, with their types."""
        how = {"known": "UInt8"} if self.owner == "profile" else {}
        return {self.id: "String", **self.shared, **how}

    def insert(self, source: str, batch: str) -> str:
        """The statement that stores a block's facts; `batch` is the SQL of the batch's id."""
        columns = ", ".join(self.shared)
        (sent,) = self.content.keys() & {"properties", "traits"}
        into, origin = (", origin", f", {schema.profile_key(self.id)}") if self.owner == "profile" else ("", "")
        return (
            f"INSERT INTO {self.facts} ({self.owner}, {columns}, {sent}_text{into}, batch) "
            f"SELECT {self.key}, {columns}, {sent}{origin}, {batch} FROM {source}"
        )

    def insert_ids(self, owners: str) -> str:
        """The statement that stores who is in a block, and since when; see `_owners`."""
        how = ", known" if self.owner == "profile" else ""
        return (
            f"INSERT INTO {self.ids} ({self.owner}, {self.id}, known_at{how}) "
            f"SELECT key, id, known_at{how} FROM {owners} ORDER BY key"
        )


_TRAITS = {"traits": "String", "unset": "Array(String)"}
_TARGETS = {
    "events": _Target("events", "profile", {"event": "String", "properties": "String"}),
    "profiles": _Target("profile_traits", "profile", _TRAITS),
    "accounts": _Target("account_traits", "account", _TRAITS),
}
_FEW = 5_000  # rows of a block whose owners are looked at one by one
# A batch is one insert of the engine's, however many threads read it: only then does its token stand for all of it.
# Each item of a mixed list keeps its own kind.
WRITING: dict[str, Any] = {
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
        store(batch, warehouse, ledger.database, directory)
        ledger.mark_stored(batch.id, now)
        rows += batch.rows
    return rows


def store(batch: Batch, warehouse: Warehouse, database: Database, directory: Path) -> None:
    """Stores one accepted batch, its rows under the profiles that their ids point at; again changes nothing."""
    path = verify(batch, directory)
    if path is None:
        return
    target, people = _aliased(_TARGETS[batch.kind], path, database)
    with _staged(warehouse, path, target.structure, people) as (source, parameters):

        def insert_facts() -> None:
            bound = {**parameters, "batch": batch.id}
            warehouse.command(target.insert(source, "{batch:String}"), bound, token=batch.id, **WRITING)

        token = f"{batch.id}-{target.ids}"
        if batch.rows <= _FEW:
            new = _new_owners(warehouse, target, source, parameters, batch)
            insert_facts()
            if new:
                warehouse.command(
                    target.insert_ids(
                        "(SELECT o.1 AS key, o.2 AS id, fromUnixTimestamp64Micro(o.3, 'UTC') AS known_at, "
                        "o.4 AS known FROM (SELECT arrayJoin(arrayZip({keys:Array(UInt64)}, {ids:Array(String)}, "
                        "{instants:Array(Int64)}, {known:Array(UInt8)})) AS o))"
                    ),
                    dict(zip(("keys", "ids", "instants", "known"), map(list, zip(*new, strict=True)), strict=True)),
                    token=token,
                    **WRITING,
                )
            return
        with _owners(warehouse, target, source, parameters, batch.id) as owners:
            _refuse_collisions(warehouse, target, owners, batch)
            insert_facts()
            warehouse.command(target.insert_ids(owners), token=token, **WRITING)


def _new_owners(
    warehouse: Warehouse, target: _Target, source: str, parameters: dict[str, Any], batch: Batch
) -> list[tuple[int, str, int, int]]:
    """Of whom is in a small block, who is not known as well already: key, id, earliest instant, how the id came.

    Small blocks come many times a second, mostly of people who are known: this is two questions, and seldom a write.
    """
    how = "max(known)" if target.owner == "profile" else "toUInt8(0)"
    here = warehouse.query(
        f"SELECT {target.key} AS key, {target.resolved} AS id, min(toUnixTimestamp64Micro(ts)), {how} FROM {source} "
        "GROUP BY key, id ORDER BY key",
        parameters,
    )
    known = "max(known)" if target.owner == "profile" else "toUInt8(0)"
    there = {
        row[0]: row[1:]
        for row in warehouse.query(
            f"SELECT {target.owner}, any({target.id}), min(toUnixTimestamp64Micro(known_at)), {known} "
            f"FROM {target.ids} WHERE {target.owner} IN {{keys:Array(UInt64)}} GROUP BY {target.owner}",
            {"keys": [row[0] for row in here]},
        )
    }
    new: dict[int, tuple[int, str, int, int]] = {}
    for key, id_, at, came in here:
        before = new[key][1] if key in new else there[key][0] if key in there else id_
        if before != id_:
            raise _collision(before, id_, batch)
        if key not in there or at < there[key][1] or came > there[key][2]:
            new[key] = (int(key), str(id_), int(at), int(came))
    return list(new.values())


def _aliased(target: _Target, path: Path, database: Database) -> tuple[_Target, dict[str, list[str]]]:
    """The target of a block file, and the ids in the file that point at others, with whom they point at."""
    if target.owner == "account" or not identities.exist(database):
        return target, {}
    ids = pc.unique(pq.read_table(path, columns=[target.id])[target.id])
    found = identities.aliases(database, [str(id_) for id_ in ids.to_pylist()])
    if not found:
        return target, {}
    return replace(target, has_aliases=True), {"aliases": list(found), "people": list(found.values())}


def already_stored(kind: str, rows: pa.Table, warehouse: Warehouse, database: Database, directory: Path) -> set[int]:
    """The rows of a block, by their place in it, whose person and message_id the warehouse has already.

    Args:
        rows: a block's rows, or at least their ids and message_ids; an empty message_id is none.
    """
    target = _TARGETS[kind]
    asked = rows.select([target.id, "message_id"]).append_column("row", pa.array(range(rows.num_rows), pa.uint32()))
    asked = asked.filter(pc.not_equal(asked["message_id"], pa.scalar("")))
    if not asked.num_rows:
        return set()
    path = folder(directory) / ".asked.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(asked, path, compression="none", use_dictionary=False)
    try:
        structure = {target.id: "String", "message_id": "String", "row": "UInt32"}
        target, people = _aliased(target, path, database)
        with _staged(warehouse, path, structure, people) as (source, parameters):
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
    return int(warehouse.query(f"SELECT count() FROM {_TARGETS[kind].facts}")[0][0])


def known_profiles(warehouse: Warehouse) -> int:
    """How many different profiles the warehouse knows."""
    query = f"SELECT count() FROM (SELECT profile FROM profiles GROUP BY profile HAVING {schema.HERE})"
    return int(warehouse.query(query)[0][0])


@contextlib.contextmanager
def _owners(warehouse: Warehouse, target: _Target, source: str, parameters: dict[str, Any], name: str) -> Iterator[str]:
    """A table, for this long, of who is in a block: key, id and the earliest instant; the block is read once for it."""
    table = _temporary("owners", name)
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


def _temporary(what: str, name: str) -> str:
    # A name of its own for each batch: several processes may store into one server.
    return re.sub(r"\W", "_", f"{what}_{name}")


def _refuse_collisions(warehouse: Warehouse, target: _Target, owners: str, batch: Batch) -> None:
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
        raise _collision(first, second, batch)


def _collision(first: str, second: str, batch: Batch) -> InputError:
    return InputError(
        f"the ids `{first}` and `{second}` have the same key, so the warehouse cannot tell them apart",
        hint="Rename one of the two in the source and load it again.",
        batch=batch.id,
    )


@contextlib.contextmanager
def _staged(
    warehouse: Warehouse, path: Path, structure: dict[str, str], people: dict[str, list[str]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A block file as something to select from, with the parameters that this needs."""
    columns = ", ".join(f"{name} {kind}" for name, kind in structure.items())
    if warehouse.embedded:
        # The structure is ours, never the file's; the path is bound.
        escaped = columns.replace("'", "\\'")
        yield f"file({{path:String}}, 'Parquet', '{escaped}')", {"path": str(path.resolve()), **people}
        return
    # A server does not see our files: the rows go through a table that lives for this one statement.
    table = _temporary("staging", path.name)
    warehouse.command(f"DROP TABLE IF EXISTS {table}")
    warehouse.command(f"CREATE TABLE {table} ({columns}) ENGINE = Memory")
    try:
        warehouse.insert_arrow(table, pq.read_table(path))
        yield table, dict(people)
    finally:
        warehouse.command(f"DROP TABLE IF EXISTS {table}")


def append(kind: str, rows: pa.Table, warehouse: Warehouse) -> None:
    """Stores checked rows that belong to no batch: for questions over a data frame, which nobody loads twice."""
    target = _TARGETS[kind]
    columns = ", ".join(f"{name} {kind}" for name, kind in target.structure.items())
    warehouse.command(f"CREATE OR REPLACE TABLE appended ({columns}) ENGINE = Memory")
    warehouse.insert_arrow("appended", rows)
    warehouse.command(target.insert("appended", "''"))
    with _owners(warehouse, target, "appended", {}, "appended") as owners:
        warehouse.command(target.insert_ids(owners))
    warehouse.command("DROP TABLE appended")
