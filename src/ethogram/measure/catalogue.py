"""The catalogue: which events and traits were ever received, what they carry, and what looks wrong with them.

Step of the path: measure. Reads the warehouse; writes nothing. Counts, first and last instants are exact; what
properties hold is read from a sample of profiles once there are very many events, chosen by key and so by nobody.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

from ethogram.model.results import Catalogue, EventFacts, PropertyFacts
from ethogram.segment.sql import Binder, micros
from ethogram.segment.values import generic, path
from ethogram.store.schema import COUNTS
from ethogram.store.warehouse import Warehouse

# Beyond this many events, properties are read from a sample of profiles.
_PROPERTY_ROWS = 3_000_000
_MOST_PROPERTIES = 200  # per event; a name that varies per event would otherwise make the catalogue useless
_TOP = 5
_KINDS = (
    (re.compile(r"^(Int|UInt|Float|Decimal)"), "number"),
    (re.compile(r"^String$"), "text"),
    (re.compile(r"^Bool$"), "boolean"),
    (re.compile(r"^Array"), "list"),
)
# An event that came at least so often a day, and then not at all for so many days, has fallen silent.
_SILENT_RATE, _SILENT_DAYS = 5.0, 3
# One profile with so many events, and so many times the median, is a robot or a shared id.
_ABSURD_EVENTS, _ABSURD_RATIO = 10_000, 200


def catalogue(warehouse: Warehouse, now: dt.datetime) -> Catalogue:
    """Every event name and trait, with data-quality warnings; traits of accounts are named `account.…`.

    Args:
        now: the present; what lies after it is warned of.
    """
    totals = warehouse.query(
        "SELECT event, count(), uniqExact(profile), min(ts), max(ts), "
        f"countIf(ts > fromUnixTimestamp64Micro({{now:Int64}})) FROM events WHERE {COUNTS} "
        "GROUP BY event ORDER BY count() DESC, event",
        {"now": micros(now)},
    )
    rows = sum(row[1] for row in totals)
    properties = _properties(warehouse, "events", "properties", max(1, rows // _PROPERTY_ROWS))
    newest = max((row[4] for row in totals), default=None)
    events = []
    for event, count, profiles, first_at, last_at, future in totals:
        facts = properties.get(event, ())
        warnings = [*_mixed(facts), *_ahead(future), *_silent(count, first_at, last_at, newest)]
        events.append(EventFacts(event, count, profiles, first_at, last_at, facts, tuple(warnings)))
    of_accounts = _properties(warehouse, "account_traits", "traits", 1).get("", ())
    traits = (
        *_properties(warehouse, "profile_traits", "traits", 1).get("", ()),
        *(replace(fact, name=f"account.{fact.name}") for fact in of_accounts),
    )
    return Catalogue(tuple(events), traits, (*_absurd(warehouse), *_mixed(traits)))


def names(warehouse: Warehouse) -> tuple[dict[str, int], dict[str, frozenset[str]], dict[str, int], dict[str, int]]:
    """Names only, for warnings about ones never seen: events with counts, their properties, traits of profiles and
    traits of accounts with counts.
    """
    events = dict(warehouse.query(f"SELECT event, count() FROM events WHERE {COUNTS} GROUP BY event"))
    share = max(1, sum(events.values()) // _PROPERTY_ROWS)
    found = warehouse.query(
        "SELECT event, groupUniqArrayArray(JSONAllPaths(properties)) "
        f"FROM events WHERE {_sampled(share)} GROUP BY event"
    )
    properties = {event: frozenset(_with_parents(paths)) for event, paths in found}
    return events, properties, _trait_names(warehouse, "profile_traits"), _trait_names(warehouse, "account_traits")


def _trait_names(warehouse: Warehouse, table: str) -> dict[str, int]:
    where = "true" if table == "account_traits" else COUNTS
    rows = warehouse.query(
        f"SELECT arrayJoin(JSONAllPaths(traits)) AS trait, count() FROM {table} WHERE {where} GROUP BY trait"
    )
    counts: dict[str, int] = {}
    for trait, count in rows:
        for name in _with_parents([trait]):
            counts[name] = max(counts.get(name, 0), count)
    return counts


def _with_parents(paths: list[str]) -> set[str]:
    """`address.city` also makes `address` a known name."""
    return {".".join(parts[:length]) for parts in (p.split(".") for p in paths) for length in range(1, len(parts) + 1)}


def _sampled(share: int) -> str:
    return COUNTS if share <= 1 else f"profile % {share} = 0 AND {COUNTS}"


def _properties(warehouse: Warehouse, table: str, column: str, share: int) -> dict[str, tuple[PropertyFacts, ...]]:
    """Facts of every JSON part by event name ('' for traits), most filled first."""
    event = "event" if table == "events" else "''"
    where = "true" if table == "account_traits" else _sampled(share)
    found = warehouse.query(
        f"SELECT event, part.1, part.2, count() FROM (SELECT {event} AS event, "
        f"arrayJoin(JSONAllPathsWithTypes({column})) AS part FROM {table} WHERE {where}) GROUP BY 1, 2, 3"
    )
    rows = dict(warehouse.query(f"SELECT {event} AS e, count() FROM {table} WHERE {where} GROUP BY e"))
    types: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for name, part, type_, count in found:
        types[name][part][_kind(type_)] += count
    return {name: _facts(warehouse, table, column, where, name, parts, rows[name]) for name, parts in types.items()}


def _facts(
    warehouse: Warehouse,
    table: str,
    column: str,
    where: str,
    event: str,
    types: dict[str, dict[str, int]],
    rows: int,
) -> tuple[PropertyFacts, ...]:
    ordered = sorted(types, key=lambda part: (-sum(types[part].values()), part))[:_MOST_PROPERTIES]
    binder = Binder()
    columns = []
    for part in ordered:
        value = generic(path(column, part))
        # A value longer than a line is no example.
        shown = f"substringUTF8({value}, 1, 80)"
        columns.append(f"uniq({value}), arrayMap(t -> (t.1, t.2), approx_top_count({_TOP})({shown}))")
    only = f" AND event = {binder.text(event)}" if table == "events" else ""
    row: tuple[Any, ...] = warehouse.query(
        f"SELECT {', '.join(columns)} FROM {table} WHERE {where}{only}", binder.parameters
    )[0]
    facts = []
    for index, part in enumerate(ordered):
        distinct, top = row[index * 2], [(t[0], t[1]) for t in row[index * 2 + 1] if t[0] is not None]
        filled = sum(types[part].values())
        facts.append(
            PropertyFacts(
                name=part,
                types=dict(types[part]),
                filled=filled / rows,
                distinct=int(distinct),
                examples=tuple(str(value) for value, _ in top[:3]),
                top=tuple((str(value), int(count)) for value, count in top),
            )
        )
    return tuple(facts)


def _kind(type_: str) -> str:
    return next((kind for pattern, kind in _KINDS if pattern.match(type_)), "object")


def _mixed(facts: tuple[PropertyFacts, ...]) -> list[str]:
    return [
        f"`{fact.name}` comes as " + " and ".join(f"{kind} ({count:,})" for kind, count in sorted(fact.types.items()))
        for fact in facts
        if len(fact.types) > 1
    ]


def _ahead(future: int) -> list[str]:
    return [f"{future:,} events lie in the future; they count from their instant on"] if future else []


def _silent(count: int, first_at: dt.datetime, last_at: dt.datetime, newest: dt.datetime | None) -> list[str]:
    assert newest is not None
    days = max((last_at - first_at) / dt.timedelta(days=1), 1.0)
    silence = (newest - last_at) / dt.timedelta(days=1)
    if count / days < _SILENT_RATE or silence < _SILENT_DAYS:
        return []
    return [f"came {count / days:,.0f} times a day and then stopped: the last is from {last_at:%Y-%m-%d %H:%M} UTC"]


def _absurd(warehouse: Warehouse) -> list[str]:
    per_profile = f"SELECT profile, count() AS c FROM events WHERE {COUNTS} GROUP BY profile"
    rows = warehouse.query(
        f"""SELECT profile_id, c, m
            FROM ({per_profile} ORDER BY c DESC LIMIT 5) AS most
            CROSS JOIN (SELECT quantileExact(0.5)(c) AS m FROM ({per_profile})) AS usual
            LEFT JOIN (SELECT profile, any(profile_id) AS profile_id FROM profiles GROUP BY profile) AS ids
            ON ids.profile = most.profile
            ORDER BY c DESC"""
    )
    return [
        f"profile `{profile_id}` has {count:,} events, the usual profile {usual:,}: a robot, a test or a shared id?"
        for profile_id, count, usual in rows
        if count >= _ABSURD_EVENTS and count >= _ABSURD_RATIO * max(usual, 1)
    ]
