"""The facts of a few profiles, read with one small query and sorted by person, event and instant.

Step of the path: segment. Reads the warehouse; writes nothing. Properties stay as they came until a condition looks at
them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ethogram.segment.direct.conditions import Conditions
from ethogram.segment.direct.facts import Person
from ethogram.store.schema import HERE
from ethogram.store.warehouse import Warehouse, integers

# Beyond so many rows the engine reads faster than they travel here.
MOST_ROWS = 200_000
# What a row is, as the query says it.
_PERSON, _EVENT, _TRAITS, _CHANGE, _HELD = range(5)
_names = msgspec.json.Decoder(list[str]).decode
_numbers = msgspec.json.Decoder(tuple[int, ...]).decode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Held:
    """What is recorded of somebody: the numbers of segments, and when it must be looked at again (microseconds)."""

    segments: tuple[int, ...]
    due: int


@dataclass(slots=True)
class Facts:
    """What is known of some profiles.

    Attributes:
        people: those who are known; None where their facts are too much to bring here.
        held: what is recorded of keys, where that was asked for.
    """

    people: list[Person] | None
    held: dict[int, Held] = field(default_factory=dict)


def read(warehouse: Warehouse, conditions: Conditions, now: int, keys: Sequence[int], *, held: bool = False) -> Facts:
    """What conditions look at of the profiles of these keys, up to now (microseconds).

    Args:
        held: bring what is recorded of the keys, too, which may be accounts' as well.
    """
    rows = warehouse.arrow(
        _sql(conditions, held=held),
        {
            "keys": integers(keys),
            "now": now,
            "events": sorted(conditions.measures.events),
            "segments": integers(sorted(conditions.segments)),
        },
    )
    kinds = rows["kind"].to_numpy()
    found = Facts(None)
    for key, due, _, segments in _rows(rows, np.flatnonzero(kinds == _HELD)):
        found.held[key] = Held(_numbers(segments), due)
    if rows.num_rows <= MOST_ROWS:
        found.people = _people(rows, kinds, now)
    return found


def _people(rows: pa.Table, kinds: NDArray[Any], now: int) -> list[Person]:
    people = {key: Person(key, name) for key, _, name, _ in _rows(rows, np.flatnonzero(kinds == _PERSON))}
    ahead = (rows["at"].to_numpy() > now) & (kinds != _PERSON) & (kinds != _HELD)
    for key, at in zip(*(rows[name].to_numpy()[ahead].tolist() for name in ("key", "at")), strict=True):
        person = people.get(key)
        if person is not None:
            person.future_at = at if person.future_at is None else min(at, person.future_at)
    _add_events(rows, np.flatnonzero((kinds == _EVENT) & ~ahead), people)
    traits: dict[int, list[tuple[int, str, list[str]]]] = defaultdict(list)
    for key, at, name, text in _rows(rows, np.flatnonzero((kinds == _TRAITS) & ~ahead)):
        traits[key].append((at, text, _names(name)))
    changes: dict[int, list[tuple[int, int, int, bool]]] = defaultdict(list)
    for key, at, name, text in _rows(rows, np.flatnonzero((kinds == _CHANGE) & ~ahead)):
        version, segment = text.split()
        changes[key].append((at, int(version), int(segment), name == "entered"))
    for key, person in people.items():
        if key in traits:
            person.add_traits(traits[key])
        if key in changes:
            person.add_changes(changes[key])
    return list(people.values())


def _rows(rows: pa.Table, places: NDArray[Any]) -> zip[tuple[int, int, str, str]]:
    """Some rows: key, instant, name and text."""
    some = rows.take(pa.array(places)) if len(places) else rows.slice(0, 0)
    return zip(
        *(some[name].to_numpy().tolist() for name in ("key", "at")),
        *(some[name].to_pylist() for name in ("name", "text")),
        strict=True,
    )


def _add_events(rows: pa.Table, places: NDArray[Any], people: dict[int, Person]) -> None:
    """Tells everybody where their events of each name are."""
    if not len(places):
        return
    events = rows.take(pa.array(places))
    names = events["name"].combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy()
    keys, ats = events["key"].to_numpy(), events["at"].to_numpy()
    order = np.lexsort((ats, codes, keys))
    keys, codes = keys[order], codes[order]
    texts = events["text"].take(order)

    def properties(start: int, stop: int) -> list[Any]:
        return [_decode(str(text)) for text in texts.slice(start, stop - start).to_pylist()]

    sorted_rows = (ats[order].tolist(), properties)
    cuts = (np.flatnonzero((keys[1:] != keys[:-1]) | (codes[1:] != codes[:-1])) + 1).tolist()
    starts = [0, *cuts]
    named = names.dictionary.to_pylist()
    for key, code, start, stop in zip(
        keys[starts].tolist(), codes[starts].tolist(), starts, [*cuts, len(keys)], strict=True
    ):
        person = people.get(key)
        if person is not None:
            person.rows = sorted_rows
            person.events[named[code]] = (start, stop)


def _sql(conditions: Conditions, *, held: bool) -> str:
    """One query for all facts of the scope, later ones too: kind, key, instant, name, text."""
    measures = conditions.measures
    keys, now = "IN {keys:Array(UInt64)}", "fromUnixTimestamp64Micro({now:Int64}, 'UTC')"
    known = f"FROM profiles WHERE profile {keys} GROUP BY profile HAVING min(known_at) <= {now} AND {HERE}"
    # The first of a union names its columns.
    columns = "profile AS key, toInt64(0) AS at, any(profile_id) AS name, '' AS text"
    parts = [f"SELECT toUInt8({_PERSON}) AS kind, {columns} {known}"]
    if measures.any_event or measures.events:
        named = "" if measures.any_event else " AND event IN {events:Array(String)}"
        text = "properties_text" if measures.needs_properties else "'{}'"
        parts.append(
            f"SELECT toUInt8({_EVENT}), profile, toUnixTimestamp64Micro(ts), toString(event), {text} FROM events "
            f"WHERE profile {keys} {named} LIMIT {MOST_ROWS + 1}"
        )
    if conditions.needs_traits:
        parts.append(
            f"SELECT toUInt8({_TRAITS}), profile, toUnixTimestamp64Micro(ts), toJSONString(unset), traits_text "
            f"FROM profile_traits WHERE profile {keys}"
        )
    if conditions.segments:
        parts.append(
            f"SELECT toUInt8({_CHANGE}), key, toUnixTimestamp64Micro(at), toString(change), "
            "concat(toString(version), ' ', toString(segment)) "
            f"FROM membership_changes WHERE key {keys} AND segment IN {{segments:Array(UInt32)}}"
        )
    if held:
        parts.append(
            f"SELECT toUInt8({_HELD}), key, toUnixTimestamp64Micro(due_at), '', toString(segments) "
            f"FROM memberships FINAL WHERE key {keys}"
        )
    # For so little, more threads only stand in each other's way.
    return "\nUNION ALL ".join(f"({part})" for part in parts) + "\nSETTINGS max_threads = 1"
