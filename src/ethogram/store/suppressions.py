"""Suppressions: addresses that nothing is sent to, whoever has them.

Step of the path: store. Statements inside a transaction of the ledger. Addresses are kept in their one form
(`model/contacts.py`), so a list that writes them otherwise means the same ones. Who bounced or complained stays here
when profiles come and go.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ethogram.errors import InputError
from ethogram.model.contacts import key_of
from ethogram.model.message import Channel
from ethogram.store import given, tables, tombstones

if TYPE_CHECKING:
    from ethogram.store.database import Database

_TABLE = tables.suppressions
_PORTION = 50_000  # addresses that are written in one transaction of an import
_SHOWN = 20  # addresses that cannot be read and are named
_COLUMNS = {
    "channel": given.TEXT, "address": given.TEXT, "reason": given.TEXT, "at": given.INSTANT, "source": given.TEXT,
}  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
ERASED: Final = "erased"  # whoever had the address was erased, and had asked not to be written to
# Said by the person about news; what is owed to them still comes. Any other reason is about the address itself.
UNSUBSCRIBED: Final = "unsubscribed"
# The channels whose addresses belong to people.
ADDRESSED: Final = (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that nothing is sent to.

    Attributes:
        reason: bounced, complained, unsubscribed, stopped, imported …
        source: who said so.
    """

    channel: Channel
    address: str
    reason: str
    at: dt.datetime
    source: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a list of addresses.

    Attributes:
        faulty: how many are no addresses of the channel.
        examples: some of these.
    """

    added: int
    known: int
    faulty: int
    examples: tuple[str, ...]


def add(
    connection: sa.Connection, channel: Channel, addresses: Iterable[str], reason: str, source: str, now: dt.datetime
) -> int:
    """How many addresses were not suppressed before; a known one keeps its reason, unless the new one is stricter.

    Raises:
        InputError: one of them is no address of the channel.
    """
    keys = [_key(channel, address) for address in addresses]
    added = _insert(connection, channel, keys, reason, source, now)
    if reason != UNSUBSCRIBED and added < len(keys):
        mild = (_TABLE.c.channel == channel) & (_TABLE.c.reason == UNSUBSCRIBED)
        chosen = mild & given.among(connection, _TABLE.c.address, keys)
        connection.execute(_TABLE.update().where(chosen).values(reason=reason, source=source, at=now))
    return added


def import_many(
    database: Database, channel: Channel, addresses: Iterable[str], reason: str, source: str, now: dt.datetime
) -> Imported:
    """What became of a list of addresses, however long; written in portions, each in force at once."""
    added = read = faulty = 0
    examples: list[str] = []
    remaining = iter(addresses)
    while portion := list(itertools.islice(remaining, _PORTION)):
        keys: dict[str, None] = {}
        for address in portion:
            key = key_of(channel, address)
            if key is not None:
                keys[key] = None
            else:
                faulty += 1
                if len(examples) < _SHOWN:
                    examples.append(address[:100])
        with database.writing() as connection:
            added += _insert(connection, channel, sorted(keys), reason, source, now)
        read += len(portion)
    return Imported(added, read - faulty - added, faulty, tuple(examples))


def remove(connection: sa.Connection, channel: Channel, addresses: Iterable[str], *, reason: str | None = None) -> int:
    """How many addresses are sent to again.

    Args:
        reason: only those that were suppressed for this one.
    """
    keys = [key for address in addresses if (key := key_of(channel, address)) is not None]
    chosen = (_TABLE.c.channel == channel) & given.among(connection, _TABLE.c.address, keys)
    if reason is not None:
        chosen &= _TABLE.c.reason == reason
    removed = connection.execute(_TABLE.delete().where(chosen)).rowcount
    return removed + (tombstones.lift(connection, keys, channel.value) if reason is None else 0)


def among(connection: sa.Connection, channel: Channel, keys: Collection[str]) -> dict[str, str]:
    """Those of some addresses, in their one form, that are suppressed, and why."""
    if not keys:
        return {}
    query = sa.select(_TABLE.c.address, _TABLE.c.reason).where(
        (_TABLE.c.channel == channel) & given.among(connection, _TABLE.c.address, keys)
    )
    found = {row.address: row.reason for row in connection.execute(query)}
    # Of who was erased, only a hash says so.
    return {**dict.fromkeys(tombstones.among(connection, keys, channel.value), ERASED), **found}


def listed(
    connection: sa.Connection,
    channel: Channel | None = None,
    *,
    after: str = "",
    after_channel: str = "",
    limit: int = 100,
) -> tuple[Suppression, ...]:
    """Suppressed addresses in order, page by page.

    Args:
        after: the last address of the page before.
        after_channel: and its channel, as a number may be suppressed on two.
    """
    behind = _TABLE.c.address > after
    if after_channel:
        behind |= (_TABLE.c.address == after) & (_TABLE.c.channel > after_channel)
    query = sa.select(_TABLE).where(behind).order_by(_TABLE.c.address, _TABLE.c.channel).limit(limit)
    if channel is not None:
        query = query.where(_TABLE.c.channel == channel)
    return tuple(map(_suppression, connection.execute(query)))


def find(connection: sa.Connection, channel: Channel, key: str) -> Suppression | None:
    """Why nothing is sent to an address in its one form; None where something is."""
    query = sa.select(_TABLE).where((_TABLE.c.channel == channel) & (_TABLE.c.address == key))
    row = connection.execute(query).one_or_none()
    return None if row is None else _suppression(row)


def _suppression(row: Any) -> Suppression:
    return Suppression(Channel(row.channel), row.address, row.reason, row.at, row.source)


def _key(channel: Channel, address: str) -> str:
    key = key_of(channel, address)
    if key is None:
        raise InputError(
            f"`{address[:100]}` is no address of the channel `{channel}`",
            hint="An e-mail address has one `@`; a number begins with `+` and its country's code.",
        )
    return key


def _insert(
    connection: sa.Connection, channel: Channel, keys: Sequence[str], reason: str, source: str, now: dt.datetime
) -> int:
    if not keys:
        return 0
    at = given.instant(connection, now)
    if connection.dialect.name == "sqlite":
        count = sa.select(sa.func.total_changes())
        before = connection.execute(count).scalar_one()
        connection.exec_driver_sql(
            f"INSERT INTO suppressions ({_NAMES}) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(channel.value, key, reason, at, source) for key in keys],
        )
        return int(connection.execute(count).scalar_one() - before)
    rows = [{"channel": channel.value, "address": key, "reason": reason, "at": at, "source": source} for key in keys]
    statement = (
        f"INSERT INTO suppressions ({_NAMES}) SELECT {_NAMES} FROM {given.rows(connection, _COLUMNS)} "
        "ON CONFLICT DO NOTHING"
    )
    return connection.execute(sa.text(statement), {"given": given.text(rows)}).rowcount
