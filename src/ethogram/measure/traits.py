"""The traits of many profiles or accounts at once, as they are known.

Step of the path: measure. Reads the warehouse; writes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec

from ethogram.model.segment import Entity
from ethogram.store.schema import INSTANT, account_key, profile_key
from ethogram.store.warehouse import Warehouse

_FEW = 5_000
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def traits_of(
    warehouse: Warehouse, ids: Sequence[str], entity: Entity, names: Collection[str] | None, now: dt.datetime
) -> dict[str, dict[str, Any]]:
    """Some traits of the given profiles or accounts at an instant; who has none of them is left out.

    Args:
        names: of the traits; a dot goes into a trait that has traits of its own. None is all of them.
    """
    if not ids or (names is not None and not names):
        return {}
    table, column, key = (
        ("account_traits", "account", account_key("id"))
        if entity is Entity.ACCOUNT
        else ("profile_traits", "profile", profile_key("id"))
    )
    keyed = f"(SELECT id, {key} AS k FROM (SELECT arrayJoin({{ids:Array(String)}}) AS id))"
    # Small questions are quicker with one thread, and do not wait for large ones.
    ask = warehouse.look_up if len(ids) <= _FEW else warehouse.query
    rows = ask(
        f"SELECT named.id, toString(t.traits), t.unset FROM {table} AS t INNER JOIN {keyed} AS named "
        f"ON t.{column} = named.k WHERE t.{column} IN (SELECT k FROM {keyed}) AND t.ts <= {{now:{INSTANT}}} "
        "ORDER BY named.id, t.ts, toString(t.traits)",
        {"ids": list(ids), "now": now},
    )
    found: dict[str, dict[str, Any]] = {}
    for who, changes in groupby(rows, key=lambda row: row[0]):
        traits = merged((text, unset) for _, text, unset in changes)
        if names is None:
            chosen = traits
        else:
            chosen = {name: value for name in names if (value := _at(traits, name)) is not None}
        if chosen:
            found[str(who)] = chosen
    return found


def merged(changes: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Changes applied in order: later values win, `unset` forgets."""
    known: dict[str, Any] | None = None
    for traits, unset in changes:
        if known is None:  # nothing to forget and nothing to change: most profiles have no more than this
            known = _decode(traits)
            continue
        for name in unset:
            _forget(known, name.split("."))
        _apply(known, _decode(traits))
    return known or {}


def _at(traits: dict[str, Any], name: str) -> Any:
    if name in traits:
        return traits[name]
    value: Any = traits
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _apply(into: dict[str, Any], traits: dict[str, Any]) -> None:
    for name, value in traits.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _apply(into[name], value)
        else:
            into[name] = value


def _forget(traits: dict[str, Any], path: list[str]) -> None:
    for part in path[:-1]:
        inner = traits.get(part)
        if not isinstance(inner, dict):
            return
        traits = inner
    traits.pop(path[-1], None)
