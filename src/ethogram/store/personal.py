"""Everything that both stores have of a person, as it is told to that person.

Step of the path: store. Reads only. The keys of the answer are the words of the documentation; what is ours (numbers of
rows, claims, hashes) is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from ethogram.store import given, schema, tables
from ethogram.store.profile_keys import keys_of
from ethogram.store.warehouse import integers

if TYPE_CHECKING:
    from ethogram.store.warehouse import Warehouse

_PAGE = 10_000  # events at once


def in_ledger(connection: sa.Connection, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """What the ledger has of a person, by kind, oldest first."""
    held = list(ids)
    consents, devices, messages = tables.consents, tables.devices, tables.messages
    events, runs, steps = tables.message_events, tables.journey_runs, tables.journey_steps
    mine = messages.c.number, messages.c.id
    happened: dict[int, list[dict[str, Any]]] = {}
    asked = sa.select(events.c.message, events.c.event, events.c.at, events.c.properties).order_by(events.c.number)
    numbers = sa.select(mine[0]).where(given.among(connection, messages.c.profile_id, held))
    for row in connection.execute(asked.where(events.c.message.in_(numbers))):
        happened.setdefault(row.message, []).append({"event": row.event, "at": row.at, "properties": row.properties})
    taken: dict[int, list[dict[str, Any]]] = {}
    passed = sa.select(steps).where(
        steps.c.run.in_(sa.select(runs.c.number).where(given.among(connection, runs.c.profile_id, held)))
    )
    for row in connection.execute(passed.order_by(steps.c.run, steps.c.ordinal)):
        taken.setdefault(row.run, []).append(
            {"step": row.step, "outcome": row.outcome, "entered_at": row.entered_at, "left_at": row.left_at}
        )
    return {
        "consents": _rows(
            connection, held, consents.c.profile_id, consents.c.number,
            "profile_id", "channel", "topic", "subscribed", "at", "source", "wording", "confirmed",
        ),
        "devices": _rows(
            connection, held, devices.c.profile_id, devices.c.created_at,
            "channel", "platform", "address", "created_at", "seen_at", "ended_at", "end_reason",
        ),
        "messages": [
            {**_without(each, "number"), "happened": happened.get(each["number"], [])}
            for each in _rows(
                connection, held, messages.c.profile_id, messages.c.number,
                "number", "id", "maker", "name", "step", "variant", "channel", "topic", "template", "data", "state",
                "reason", "address", "created_at", "finished_at",
            )
        ],
        "journeys": [
            {**_without(each, "number"), "steps": taken.get(each["number"], [])}
            for each in _rows(
                connection, held, runs.c.profile_id, runs.c.number,
                "number", "journey", "version", "step", "state", "reason", "data", "started_at", "ended_at",
            )
        ],
    }  # fmt: skip


def _rows(
    connection: sa.Connection, ids: list[str], owner: sa.Column[Any], order: sa.Column[Any], *names: str
) -> list[dict[str, Any]]:
    columns = [owner.table.c[name] for name in names]
    query = sa.select(*columns).where(given.among(connection, owner, ids)).order_by(order)
    return [dict(row) for row in connection.execute(query).mappings()]


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def segments_of(
    warehouse: Warehouse, connection: sa.Connection, ids: Iterable[str]
) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of the segments that a person is in, and every entry and exit, oldest first."""
    bound = {"keys": integers(keys_of(ids).values())}
    rows = tables.segments
    names = {row.number: row.name for row in connection.execute(sa.select(rows.c.number, rows.c.name))}
    now = warehouse.query(
        "SELECT DISTINCT arrayJoin(segments) AS s FROM memberships FINAL WHERE key IN {keys:Array(UInt64)} ORDER BY s",
        bound,
    )
    moved = warehouse.query(
        "SELECT at, segment, toString(change), cause FROM membership_changes WHERE key IN {keys:Array(UInt64)} "
        "ORDER BY at, segment",
        bound,
    )
    return (
        [names[number] for (number,) in now if number in names],
        [
            {"at": at, "segment": names.get(number, str(number)), "change": change, "cause": cause}
            for at, number, change, cause in moved
        ],
    )


def traits_of(warehouse: Warehouse, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Every change of a person's traits, oldest first."""
    rows = warehouse.query(
        "SELECT ts, traits_text, unset FROM profile_traits WHERE profile IN {keys:Array(UInt64)} "
        f"AND {schema.COUNTS} ORDER BY ts, batch",
        {"keys": integers(keys_of(ids).values())},
    )
    return [{"at": at, "traits": msgspec.json.decode(text), "unset": list(unset)} for at, text, unset in rows]


def events_of(warehouse: Warehouse, ids: Iterable[str], until: dt.datetime) -> Iterator[list[dict[str, Any]]]:
    """What a person did, oldest first, page by page.

    Args:
        until: only what happened up to this instant.
    """
    bound: dict[str, Any] = {"keys": integers(keys_of(ids).values()), "until": until}
    for page in range(1 << 30):
        rows = warehouse.query(
            "SELECT ts, event, properties_text, message_id FROM events WHERE profile IN {keys:Array(UInt64)} "
            f"AND {schema.COUNTS} AND ts <= {{until:{schema.INSTANT}}} ORDER BY ts, event, message_id, properties_text "
            f"LIMIT {_PAGE} OFFSET {page * _PAGE}",
            bound,
        )
        yield [
            {"at": at, "event": event, "properties": msgspec.json.decode(text), "message_id": message}
            for at, event, text, message in rows
        ]
        if len(rows) < _PAGE:
            return
