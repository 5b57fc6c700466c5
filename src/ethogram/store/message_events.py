"""What happened to messages: each thing once, kept until it is an event in the inbox, and a while longer.

Step of the path: deliver → collect. Statements inside a transaction of the ledger: what is recorded of a message and
what is told of it are on disk together. A thing's key tells it apart from others of its kind, so the same report twice
is one. Reports about messages whose provider's id nobody knows yet wait in a table of their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ethogram.store import given, tables

if TYPE_CHECKING:
    from ethogram.store.database import Database

_EVENTS, _MESSAGES, _REPORTS = tables.message_events, tables.messages, tables.message_reports
_COLUMNS = {
    "message": given.LONG, "event": given.TEXT, "key": given.TEXT, "at": given.INSTANT, "properties": given.TEXT,
    "told": given.BOOL, "tell_at": given.INSTANT,
}  # fmt: skip
_TOGETHER = 5_000  # rows that are removed in one transaction


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a message.

    Attributes:
        message: its number.
        event: sent, delivered, opened, clicked, bounced, complained, unsubscribed, refused, held_out, failed …
        key: tells two of a kind apart; empty where there can be one only.
        properties: beside those that the message has.
        tell_at: not told before; None is at once.
        told: it is an event already.
    """

    message: int
    event: str
    at: dt.datetime
    key: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    tell_at: dt.datetime | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Untold:
    """Something that is to be told, with what there is to say about its message."""

    number: int
    event: str
    key: str
    at: dt.datetime
    properties: dict[str, Any]
    id: str
    maker: str
    name: str
    step: str
    variant: str
    template: str
    topic: str
    profile_id: str
    channel: str


def append(connection: sa.Connection, happened: Sequence[Happening], now: dt.datetime) -> int:
    """How many things were new; what is known already is left as it is."""
    if not happened:
        return 0
    rows = [
        {"message": each.message, "event": each.event, "key": each.key, "at": given.instant(connection, each.at),
         "properties": given.json(each.properties) if each.properties else "{}", "told": each.told,
         "tell_at": given.instant(connection, each.tell_at or now)}
        for each in happened
    ]  # fmt: skip
    names = ", ".join(_COLUMNS)
    cast = names if connection.dialect.name == "sqlite" else names.replace("properties", "CAST(properties AS json)")
    # `WHERE true`: SQLite would read what follows as part of a join.
    statement = (
        f"INSERT INTO message_events ({names}) SELECT {cast} FROM {given.rows(connection, _COLUMNS)} WHERE true "
        "ON CONFLICT DO NOTHING"
    )
    return connection.execute(sa.text(statement), {"given": given.text(rows)}).rowcount


def append_of(
    connection: sa.Connection,
    which: sa.ColumnElement[bool],
    event: str,
    properties: Mapping[str, Any],
    now: dt.datetime,
) -> None:
    """Notes the same about many messages, chosen by a condition over their table, in one statement."""
    said = sa.select(
        _MESSAGES.c.number, sa.literal(event), sa.literal(""), sa.literal(now, _EVENTS.c.at.type),
        sa.literal(dict(properties), _EVENTS.c.properties.type), sa.false(), sa.literal(now, _EVENTS.c.at.type),
    ).where(which)  # fmt: skip
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    names = ["message", "event", "key", "at", "properties", "told", "tell_at"]
    connection.execute(insert(_EVENTS).from_select(names, said).on_conflict_do_nothing())


def untold(connection: sa.Connection, now: dt.datetime, *, limit: int) -> list[Untold]:
    """The next things to tell, oldest first, which nobody else tells meanwhile."""
    names = ("id", "maker", "name", "step", "variant", "template", "topic", "profile_id", "channel")
    query = (
        sa.select(
            *(_EVENTS.c[name] for name in ("number", "event", "key", "at", "properties")),
            *(_MESSAGES.c[name] for name in names),
        )
        .join(_MESSAGES, _MESSAGES.c.number == _EVENTS.c.message)
        .where(_EVENTS.c.told.is_(False) & (_EVENTS.c.tell_at <= now))
        .order_by(_EVENTS.c.tell_at, _EVENTS.c.number)
        .limit(limit)
        .with_for_update(of=_EVENTS, skip_locked=True)
    )
    return [Untold(*row) for row in connection.execute(query)]


def are_untold(database: Database, now: dt.datetime) -> bool:
    """Whether there is anything to tell."""
    query = sa.select(_EVENTS.c.number).where(_EVENTS.c.told.is_(False) & (_EVENTS.c.tell_at <= now)).limit(1)
    with database.reading() as connection:
        return connection.execute(query).first() is not None


def mark_told(connection: sa.Connection, numbers: Sequence[int]) -> None:
    """Notes that these are events in the inbox, inside the transaction that puts them there."""
    some = given.among(connection, _EVENTS.c.number, numbers)
    connection.execute(_EVENTS.update().where(some).values(told=True))


def of_message(connection: sa.Connection, message: int) -> list[Happening]:
    """What happened to a message, in order."""
    query = sa.select(_EVENTS).where(_EVENTS.c.message == message).order_by(_EVENTS.c.at, _EVENTS.c.number)
    return [
        Happening(row.message, row.event, row.at, row.key, row.properties, row.tell_at, row.told)
        for row in connection.execute(query)
    ]


def of_address(
    connection: sa.Connection, profile_id: str, channel: str, address: str
) -> list[tuple[str, dict[str, Any]]]:
    """What happened to a person's messages to an address, in order, with its properties."""
    query = (
        sa.select(_EVENTS.c.event, _EVENTS.c.properties)
        .join(_MESSAGES, _MESSAGES.c.number == _EVENTS.c.message)
        .where(
            (_MESSAGES.c.profile_id == profile_id) & (_MESSAGES.c.channel == channel) & (_MESSAGES.c.address == address)
        )
        .order_by(_EVENTS.c.at, _EVENTS.c.number)
    )
    return [(row.event, row.properties) for row in connection.execute(query)]


def count_of(connection: sa.Connection, maker: str, name: str, event: str) -> int:
    """To how many messages of a campaign or journey something happened."""
    query = (
        sa.select(sa.func.count(sa.distinct(_EVENTS.c.message)))
        .join(_MESSAGES, _MESSAGES.c.number == _EVENTS.c.message)
        .where((_MESSAGES.c.maker == maker) & (_MESSAGES.c.name == name) & (_EVENTS.c.event == event))
    )
    return int(connection.execute(query).scalar_one())


def mark_machine(connection: sa.Connection, message: int, event: str) -> None:
    """Notes that what is not told yet of a kind was done by a machine."""
    mine = (_EVENTS.c.message == message) & (_EVENTS.c.event == event) & _EVENTS.c.told.is_(False)
    for row in connection.execute(sa.select(_EVENTS.c.number, _EVENTS.c.properties).where(mine)).all():
        changed = {**row.properties, "machine": True}
        connection.execute(_EVENTS.update().where(_EVENTS.c.number == row.number).values(properties=changed))


# --- reports about messages that are not known yet ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Report:
    """What a provider told about a message that it names by an id of its own."""

    provider_id: str
    event: str
    key: str
    at: dt.datetime
    properties: dict[str, Any]


def park(connection: sa.Connection, report: Report, now: dt.datetime) -> None:
    """Keeps a report until its message is known."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        insert(_REPORTS)
        .values(
            provider_id=report.provider_id, event=report.event, key=report.key, at=report.at,
            properties=report.properties, received_at=now,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip


def are_matched(database: Database) -> bool:
    """Whether there is a report whose message was not known, and is known now."""
    query = sa.select(_REPORTS.c.number).join(_MESSAGES, _MESSAGES.c.provider_id == _REPORTS.c.provider_id).limit(1)
    with database.reading() as connection:
        return connection.execute(query).first() is not None


def take_parked(connection: sa.Connection) -> list[tuple[Report, int]]:
    """Reports whose messages are known now, with the messages' numbers; they are kept no longer."""
    query = sa.select(_REPORTS, _MESSAGES.c.number.label("message")).join(
        _MESSAGES, _MESSAGES.c.provider_id == _REPORTS.c.provider_id
    )
    rows = connection.execute(query.order_by(_REPORTS.c.number).limit(1_000)).all()
    if rows:
        connection.execute(_REPORTS.delete().where(_REPORTS.c.number.in_([row.number for row in rows])))
    return [(Report(row.provider_id, row.event, row.key, row.at, row.properties), row.message) for row in rows]


def prune(database: Database, *, told_before: dt.datetime, parked_before: dt.datetime) -> int:
    """How many it removed: told events from before an instant, and reports that nobody was meant by."""
    removed = 0
    while True:
        old = sa.select(_EVENTS.c.number).where(_EVENTS.c.told & (_EVENTS.c.tell_at < told_before)).limit(_TOGETHER)
        with database.writing() as connection:
            connection.execute(_REPORTS.delete().where(_REPORTS.c.received_at < parked_before))
            found = connection.execute(_EVENTS.delete().where(_EVENTS.c.number.in_(old))).rowcount
        removed += found
        if found < _TOGETHER:
            return removed
