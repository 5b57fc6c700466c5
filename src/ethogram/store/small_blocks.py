"""Small blocks: they come many times a second, mostly of people who are known, so each statement counts.

Step of the path: store. Reads the ids of a block's rows and who of them is known already: one question for all kinds.
Writes facts and, seldom, ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ethogram.store.inbox import KNOWN
from ethogram.store.profile_keys import account_key_of, key_of
from ethogram.store.targets import WRITING, Target, collision, staged
from ethogram.store.warehouse import integers

if TYPE_CHECKING:
    from ethogram.store.ledger import Batch
    from ethogram.store.warehouse import Warehouse

FEW = 5_000  # rows of a block whose owners are looked at one by one


@dataclass(frozen=True, slots=True)
class Block:
    """A batch that is to be stored.

    Attributes:
        people: the ids in the file that point at others (`aliases`), with whom they point at (`people`).
    """

    batch: Batch
    path: Path
    target: Target
    people: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class _Owner:
    """Who is in a block: the id, the earliest instant (microseconds), and how the id came."""

    id: str
    at: int
    known: int

    def says_more_than(self, other: _Owner) -> bool:
        return self.at < other.at or self.known > other.known


def store_small(blocks: Sequence[Block], warehouse: Warehouse) -> None:
    """Stores batches of a few rows, each exactly once, and whoever is in them and was not known as well before."""
    new: dict[str, tuple[Target, dict[int, _Owner]]] = {}
    for table in dict.fromkeys(block.target.ids for block in blocks):
        some = [block for block in blocks if block.target.ids == table]
        owners = _new_owners(some, warehouse)
        if owners:
            new[table] = (some[0].target, owners)
    for block in blocks:
        with staged(warehouse, block.path, block.target.structure, block.people) as (source, parameters):
            bound = {**parameters, "batch": block.batch.id}
            sql = block.target.insert(source, "{batch:String}")
            warehouse.command(sql, bound, token=block.batch.id, **WRITING)
    for table, (target, owners) in new.items():
        # Who is known must be so when the batch is noted as stored; again it changes nothing.
        warehouse.command(
            target.insert_ids(
                "(SELECT o.1 AS key, o.2 AS id, fromUnixTimestamp64Micro(o.3, 'UTC') AS known_at, "
                "o.4 AS known FROM (SELECT arrayJoin(arrayZip({keys:Array(UInt64)}, {ids:Array(String)}, "
                "{instants:Array(Int64)}, {known:Array(UInt8)})) AS o))"
            ),
            {
                "keys": integers(owners),
                "ids": [owner.id for owner in owners.values()],
                "instants": integers(owner.at for owner in owners.values()),
                "known": integers(owner.known for owner in owners.values()),
            },
            token=f"{blocks[0].batch.id}-{table}",
            **WRITING,
        )


def _new_owners(blocks: Sequence[Block], warehouse: Warehouse) -> dict[int, _Owner]:
    """Of whom is in the blocks, who is not known as well already, by key.

    Raises:
        InputError: two ids have one key.
    """
    here: dict[int, _Owner] = {}
    for block in blocks:
        for key, owner in _owners(block):
            before = here.get(key, owner)
            if before.id != owner.id:
                raise collision(before.id, owner.id, block.batch)
            here[key] = _Owner(owner.id, min(before.at, owner.at), max(before.known, owner.known))
    target = blocks[0].target
    known = "max(known)" if target.owner == "profile" else "toUInt8(0)"
    rows = warehouse.query(
        f"SELECT {target.owner}, any({target.id}), min(toUnixTimestamp64Micro(known_at)), {known} "
        f"FROM {target.ids} WHERE {target.owner} IN {{keys:Array(UInt64)}} GROUP BY {target.owner}",
        {"keys": integers(here)},
    )
    there = {int(row[0]): _Owner(*row[1:]) for row in rows}
    for key, before in there.items():
        if before.id != here[key].id:
            raise collision(before.id, here[key].id, blocks[0].batch)
    return {key: owner for key, owner in here.items() if key not in there or owner.says_more_than(there[key])}


def _owners(block: Block) -> Iterable[tuple[int, _Owner]]:
    """Who is in a block, by key."""
    target = block.target
    table = pq.read_table(block.path)
    ids = map(str, table[target.id].to_pylist())
    ats: list[Any] = table["ts"].cast(pa.int64()).to_pylist()
    how: list[Any] = table[KNOWN.name].to_pylist() if KNOWN.name in table.column_names else [0] * table.num_rows
    points_at = dict(zip(block.people.get("aliases", ()), block.people.get("people", ()), strict=True))
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for id_, at, known in zip(ids, ats, how, strict=True):
        found[points_at.get(id_, id_)].append((int(at), int(known)))
    of = account_key_of if target.owner == "account" else key_of
    for id_, rows in found.items():
        known = max(known for _, known in rows) if target.owner == "profile" else 0
        yield of(id_), _Owner(id_, min(at for at, _ in rows), known)
