"""Where accepted rows go: the tables of each kind, the statements that fill them, and a block's file as their source.

Step of the path: store. Reads no fact; `loader.py` and `small_blocks.py` store with it.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ethogram.errors import InputError
from ethogram.store import identities, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethogram.store.database import Database
    from ethogram.store.ledger import Batch
    from ethogram.store.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Target:
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
TARGETS = {
    "events": Target("events", "profile", {"event": "String", "properties": "String"}),
    "profiles": Target("profile_traits", "profile", _TRAITS),
    "accounts": Target("account_traits", "account", _TRAITS),
}
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


def aliased(target: Target, path: Path, database: Database) -> tuple[Target, dict[str, list[str]]]:
    """The target of a block file, and the ids in the file that point at others, with whom they point at."""
    if target.owner == "account" or not identities.exist(database):
        return target, {}
    ids = pc.unique(pq.read_table(path, columns=[target.id])[target.id])
    found = identities.aliases(database, [str(id_) for id_ in ids.to_pylist()])
    if not found:
        return target, {}
    return replace(target, has_aliases=True), {"aliases": list(found), "people": list(found.values())}


def temporary(what: str, name: str) -> str:
    """The name of a table that lives for one statement."""
    # A name of its own for each batch: several processes may store into one server.
    return re.sub(r"\W", "_", f"{what}_{name}")


def collision(first: str, second: str, batch: Batch) -> InputError:
    """What is said of two ids that have one key."""
    return InputError(
        f"the ids `{first}` and `{second}` have the same key, so the warehouse cannot tell them apart",
        hint="Rename one of the two in the source and load it again.",
        batch=batch.id,
    )


@contextlib.contextmanager
def staged(
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
    table = temporary("staging", path.name)
    warehouse.command(f"DROP TABLE IF EXISTS {table}")
    warehouse.command(f"CREATE TABLE {table} ({columns}) ENGINE = Memory")
    try:
        warehouse.insert_arrow(table, pq.read_table(path))
        yield table, dict(people)
    finally:
        warehouse.command(f"DROP TABLE IF EXISTS {table}")
