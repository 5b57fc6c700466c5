"""In-app messages: what waits for a person, in the order of importance, and what became of each showing.

Step of the path: deliver. Statements inside a transaction of the ledger. A message is here from its sending until it is
removed some time after its end; whose it is and what made it is in the outbox. A message that is put again stays as it
is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.model.message import Message
from ethogram.store import given, outbox_reading, tables

if TYPE_CHECKING:
    from ethogram.store.database import Database

_TABLE, _MESSAGES = tables.in_app, tables.messages
_COLUMNS = {
    "id": given.TEXT, "profile_id": given.TEXT, "content": given.TEXT, "expires_at": given.INSTANT,
}  # fmt: skip
_MOST = 50  # of one person that are looked at
_TOGETHER = 5_000  # rows that are removed in one transaction

# Pages ask again and again: what they ask is put together once.
_OF_PERSON = (
    sa.select(*outbox_reading.COLUMNS, *(_TABLE.c[name] for name in ("content", "fetched_at", "shows", "shown_at")))
    .join(_MESSAGES, _MESSAGES.c.number == _TABLE.c.message)
    .where(_TABLE.c.profile_id.in_(sa.bindparam("people", expanding=True)))
)
_WAITING = (
    _OF_PERSON.where(_TABLE.c.ended_at.is_(None) & (_TABLE.c.expires_at > sa.bindparam("now")))
    .order_by(_MESSAGES.c.priority.desc(), _TABLE.c.message)
    .limit(_MOST)
)
_FOUND = _OF_PERSON.where(_MESSAGES.c.id == sa.bindparam("id"))


@dataclass(frozen=True, slots=True)
class Kept:
    """A rendered message for a person.

    Attributes:
        id: the message's.
        content: JSON.
    """

    id: str
    profile_id: str
    content: Mapping[str, Any]
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that may be shown to its person.

    Attributes:
        fetched: a page was told to show it before.
        shows: how often it was shown.
        shown_at: when it was shown last.
    """

    message: Message
    content: dict[str, Any]
    fetched: bool
    shows: int
    shown_at: dt.datetime | None


def put(connection: sa.Connection, kept: Sequence[Kept], now: dt.datetime) -> int:
    """How many messages wait that did not before."""
    rows = [
        {"id": each.id, "profile_id": each.profile_id, "content": given.json(each.content),
         "expires_at": given.instant(connection, each.expires_at)}
        for each in kept
    ]  # fmt: skip
    content = "given.content" if connection.dialect.name == "sqlite" else "CAST(given.content AS json)"
    at = ":now" if connection.dialect.name == "sqlite" else "CAST(:now AS timestamptz)"
    statement = (
        "INSERT INTO in_app (message, profile_id, content, created_at, expires_at, shows) "
        f"SELECT messages.number, given.profile_id, {content}, {at}, given.expires_at, 0 "
        f"FROM {given.rows(connection, _COLUMNS)} JOIN messages ON messages.id = given.id WHERE true "
        "ON CONFLICT DO NOTHING"
    )
    values = {"given": given.text(rows), "now": given.instant(connection, now)}
    return connection.execute(sa.text(statement), values).rowcount


def waiting(connection: sa.Connection, profile_ids: Sequence[str], now: dt.datetime) -> list[Waiting]:
    """What may be shown to a person, the most important first, and of the same importance the oldest.

    Args:
        profile_ids: every id of the person.
    """
    if not profile_ids:
        return []
    rows = connection.execute(_WAITING, {"people": profile_ids, "now": now})
    return [_waiting(row) for row in rows]


def find(connection: sa.Connection, id_: str, profile_ids: Sequence[str]) -> Waiting | None:
    """A person's message, whether it may still be shown or not; None where it is no message of theirs.

    Args:
        id_: the message's.
    """
    row = connection.execute(_FOUND, {"people": profile_ids, "id": id_}).one_or_none()
    return None if row is None else _waiting(row)


def fetched(connection: sa.Connection, messages: Collection[int], now: dt.datetime) -> list[int]:
    """Those of some messages that no page was told to show before."""
    first = given.among(connection, _TABLE.c.message, messages) & _TABLE.c.fetched_at.is_(None)
    return list(
        connection.execute(_TABLE.update().where(first).values(fetched_at=now).returning(_TABLE.c.message)).scalars()
    )


def shown(connection: sa.Connection, message: int, now: dt.datetime, *, ended: bool) -> None:
    """Notes that a message was shown.

    Args:
        ended: it is not shown again.
    """
    changed: dict[str, Any] = {"shows": _TABLE.c.shows + 1, "shown_at": now}
    connection.execute(_TABLE.update().where(_TABLE.c.message == message).values(**changed))
    if ended:
        end(connection, message, now)


def end(connection: sa.Connection, message: int, now: dt.datetime) -> None:
    """Shows a message no more."""
    open_ = (_TABLE.c.message == message) & _TABLE.c.ended_at.is_(None)
    connection.execute(_TABLE.update().where(open_).values(ended_at=now))


def prune(database: Database, before: dt.datetime) -> int:
    """How many it removed that could not be shown any more before an instant."""
    removed = 0
    while True:
        old = sa.select(_TABLE.c.message).where(_TABLE.c.expires_at < before).limit(_TOGETHER)
        with database.writing() as connection:
            found = connection.execute(_TABLE.delete().where(_TABLE.c.message.in_(old))).rowcount
        removed += found
        if found < _TOGETHER:
            return removed


def _waiting(row: Any) -> Waiting:
    *of_message, content, fetched_at, shows, shown_at = row
    return Waiting(outbox_reading.message(of_message), content, fetched_at is not None, shows, shown_at)
