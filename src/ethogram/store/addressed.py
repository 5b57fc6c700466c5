"""Which message of a launch goes to an address: two profiles that share one get one message.

Step of the path: store. Statements inside the transaction that puts messages into the outbox. Whoever comes first has
the address, for as long as a launch may take; keys are hashes, so what is kept names nobody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ethogram.store import given, tables

if TYPE_CHECKING:
    from ethogram.store.database import Database

_TABLE = tables.addressed
_COLUMNS = {"key": given.TEXT, "message_id": given.TEXT, "at": given.INSTANT}


def holders(connection: sa.Connection, keys: Collection[str]) -> dict[str, str]:
    """The messages that have some addresses already, by key."""
    query = sa.select(_TABLE.c.key, _TABLE.c.message_id).where(given.among(connection, _TABLE.c.key, keys))
    return {row.key: row.message_id for row in connection.execute(query)}


def take(connection: sa.Connection, keys: Mapping[str, str], now: dt.datetime) -> None:
    """Notes which messages have which addresses.

    Args:
        keys: key → message.
    """
    if not keys:
        return
    at = given.instant(connection, now)
    if connection.dialect.name == "sqlite":
        statement = "INSERT INTO addressed (key, message_id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(statement, [(key, id_, at) for key, id_ in keys.items()])
        return
    rows = [{"key": key, "message_id": id_, "at": at} for key, id_ in keys.items()]
    statement = f"INSERT INTO addressed SELECT key, message_id, at FROM {given.rows(connection, _COLUMNS)} "
    connection.execute(sa.text(statement + "ON CONFLICT DO NOTHING"), {"given": given.text(rows)})


def prune(database: Database, before: dt.datetime) -> int:
    """How many keys of launches from before an instant it removed."""
    with database.writing() as connection:
        return connection.execute(_TABLE.delete().where(_TABLE.c.at < before)).rowcount
