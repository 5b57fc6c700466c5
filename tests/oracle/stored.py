"""Puts an oracle's world into a warehouse, as the loader would, so that the engine can be asked the same question.

Writes the tables directly: what is tested here is the compiled SQL, not loading.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable

import pyarrow as pa

from ethogram.store.schema import TABLES
from ethogram.store.warehouse import Warehouse

from .world import TraitChange, World

_INSTANT = pa.timestamp("us", "UTC")


def store(world: World, warehouse: Warehouse, numbers: dict[str, int]) -> None:
    """Replaces everything in the warehouse with the world.

    Args:
        numbers: the segment numbers to record membership changes under.
    """
    for table in TABLES:
        warehouse.command(f"TRUNCATE TABLE {table}")
    known: dict[str, dt.datetime] = {}
    for event in world.events:
        known[event.profile_id] = min(event.at, known.get(event.profile_id, event.at))
    for change in world.profile_changes:
        known[change.id] = min(change.at, known.get(change.id, change.at))
    accounts: dict[str, dt.datetime] = {}
    for change in world.account_changes:
        accounts[change.id] = min(change.at, accounts.get(change.id, change.at))
    warehouse.insert_arrow(
        "profiles",
        pa.table(
            {
                "profile": pa.array(_keys(warehouse, known, ""), pa.uint64()),
                "profile_id": pa.array(list(known), pa.string()),
                "known_at": pa.array(list(known.values()), _INSTANT),
            }
        ),
    )
    warehouse.insert_arrow(
        "accounts",
        pa.table(
            {
                "account": pa.array(_keys(warehouse, accounts, "account:"), pa.uint64()),
                "account_id": pa.array(list(accounts), pa.string()),
                "known_at": pa.array(list(accounts.values()), _INSTANT),
            }
        ),
    )
    ids = [event.profile_id for event in world.events]
    _insert(
        warehouse,
        "events",
        pa.table(
            {
                "profile": pa.array(_keys(warehouse, ids, ""), pa.uint64()),
                "ts": pa.array([event.at for event in world.events], _INSTANT),
                "event": pa.array([event.event for event in world.events], pa.string()),
                "properties": pa.array([json.dumps(event.properties) for event in world.events], pa.string()),
                "message_id": pa.array([event.message_id for event in world.events], pa.string()),
            }
        ),
    )
    _store_traits(warehouse, "profile", "", world.profile_changes)
    _store_traits(warehouse, "account", "account:", world.account_changes)
    changes = world.membership_changes
    warehouse.insert_arrow(
        "membership_changes",
        pa.table(
            {
                "key": pa.array(_keys(warehouse, [c.profile_id for c in changes], ""), pa.uint64()),
                "segment": pa.array([numbers[c.segment] for c in changes], pa.uint32()),
                "at": pa.array([c.at for c in changes], _INSTANT),
                "change": pa.array(["entered" if c.entered else "left" for c in changes], pa.string()),
                "cause": pa.array(["test"] * len(changes), pa.string()),
            }
        ),
    )


def _store_traits(warehouse: Warehouse, key: str, prefix: str, changes: Iterable[TraitChange]) -> None:
    rows = list(changes)
    _insert(
        warehouse,
        f"{key}_traits",
        pa.table(
            {
                key: pa.array(_keys(warehouse, [c.id for c in rows], prefix), pa.uint64()),
                "ts": pa.array([c.at for c in rows], _INSTANT),
                "traits": pa.array([json.dumps(c.traits) for c in rows], pa.string()),
                "unset": pa.array(
                    [[*c.unset, *(name for name, value in c.traits.items() if value is None)] for c in rows],
                    pa.list_(pa.string()),
                ),
                "message_id": pa.array([c.message_id for c in rows], pa.string()),
            }
        ),
    )


def _insert(warehouse: Warehouse, table: str, data: pa.Table) -> None:
    """By way of a table of texts: only a cast inside the engine leaves dates in JSON the texts that they are."""
    columns = {"profile": "UInt64", "account": "UInt64", "ts": "DateTime64(6, 'UTC')", "unset": "Array(String)"}
    types = ", ".join(f"{name} {columns.get(name, 'String')}" for name in data.column_names)
    warehouse.command(f"CREATE OR REPLACE TABLE staged ({types}) ENGINE = Memory")
    warehouse.insert_arrow("staged", data)
    names = ", ".join(data.column_names)
    warehouse.command(f"INSERT INTO {table} ({names}) SELECT {names} FROM staged")


def _keys(warehouse: Warehouse, ids: Iterable[str], prefix: str) -> list[int]:
    given = [prefix + id for id in ids]
    if not given:
        return []
    found: list[int] = warehouse.query("SELECT arrayMap(i -> sipHash64(i), {ids:Array(String)})", {"ids": given})[0][0]
    return list(found)
