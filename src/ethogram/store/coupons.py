"""Pools of unique coupon codes: imported, given out one to a message, never the same one twice.

Step of the path: store. Statements inside a transaction of the ledger. A code is taken when its message is rendered;
the same message asking again gets the same code, so a message that is tried again does not use up another one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ethogram.store import tables

if TYPE_CHECKING:
    from ethogram.store.database import Database

_COUPONS = tables.coupons
_AT_ONCE = 500  # codes in one statement
_LONGEST = 200  # characters of a code


@dataclass(frozen=True, slots=True)
class CodesAdded:
    """What came of an import.

    Attributes:
        known: codes that the pool had, or that were given twice.
        unfit: lines that are no code: empty, or too long.
    """

    added: int
    known: int
    unfit: int


@dataclass(frozen=True, slots=True)
class Pool:
    """How full a pool is.

    Attributes:
        free: codes that can be given out now.
        expired: codes that nobody got in time.
    """

    name: str
    free: int
    given: int
    expired: int


def add(
    connection: sa.Connection, pool: str, codes: Iterable[str], *, expires_at: dt.datetime | None = None
) -> CodesAdded:
    """Adds codes to a pool; one that it has stays as it is.

    Args:
        expires_at: not given out after this instant.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    added = known = unfit = 0
    for some in _parts(codes):
        fit = [
            code for code in (each.strip() for each in some) if code and len(code) <= _LONGEST and "\x00" not in code
        ]
        unique = list(dict.fromkeys(fit))
        had = _count(connection, pool)
        if unique:
            rows = [{"pool": pool, "code": code, "expires_at": expires_at} for code in unique]
            connection.execute(insert(_COUPONS).on_conflict_do_nothing(index_elements=["pool", "code"]), rows)
        new = _count(connection, pool) - had
        added += new
        known += len(fit) - new
        unfit += len(some) - len(fit)
    return CodesAdded(added, known, unfit)


def take(connection: sa.Connection, pool: str, message_id: str, profile_id: str, now: dt.datetime) -> str | None:
    """The code for a message, the same one however often it asks; None where the pool has run out."""
    return take_many(connection, pool, {message_id: profile_id}, now).get(message_id)


def take_many(connection: sa.Connection, pool: str, messages: Mapping[str, str], now: dt.datetime) -> dict[str, str]:
    """The codes for messages, by their ids; where the pool runs out, the last ones get none.

    Args:
        messages: the profile of each message.
    """
    codes = given(connection, pool, messages)
    wanting = [id_ for id_ in messages if id_ not in codes]
    if not wanting:
        return codes
    _in_a_row(connection, pool)
    codes = given(connection, pool, messages)  # another process may have asked for the same messages
    wanting = [id_ for id_ in messages if id_ not in codes]
    usable = _COUPONS.c.expires_at.is_(None) | (_COUPONS.c.expires_at > now)
    query = (
        sa.select(_COUPONS.c.number, _COUPONS.c.code)
        .where((_COUPONS.c.pool == pool) & _COUPONS.c.message.is_(None) & usable)
        .order_by(_COUPONS.c.number)
        .limit(len(wanting))
    )
    free = connection.execute(query).all()
    taken = [
        {"taken": row.number, "message": id_, "profile_id": messages[id_], "given_at": now}
        for id_, row in zip(wanting, free, strict=False)
    ]
    if taken:
        connection.execute(
            _COUPONS.update()
            .where(_COUPONS.c.number == sa.bindparam("taken"))
            .values(
                message=sa.bindparam("message"),
                profile_id=sa.bindparam("profile_id"),
                given_at=sa.bindparam("given_at"),
            ),
            taken,
        )
    return codes | {id_: str(row.code) for id_, row in zip(wanting, free, strict=False)}


def given(connection: sa.Connection, pool: str, message_ids: Iterable[str]) -> dict[str, str]:
    """The codes that messages have got, by their ids."""
    found: dict[str, str] = {}
    for some in _parts(message_ids):
        query = sa.select(_COUPONS.c.message, _COUPONS.c.code).where(
            (_COUPONS.c.pool == pool) & _COUPONS.c.message.in_(some)
        )
        found.update({str(row.message): str(row.code) for row in connection.execute(query)})
    return found


def pools(database: Database, now: dt.datetime) -> tuple[Pool, ...]:
    """How full each pool is, by name."""
    free = _COUPONS.c.message.is_(None)
    late = _COUPONS.c.expires_at <= now
    query = (
        sa.select(
            _COUPONS.c.pool,
            sa.func.count().label("all"),
            sa.func.count().filter(~free).label("given"),
            sa.func.count().filter(free & late).label("expired"),
        )
        .group_by(_COUPONS.c.pool)
        .order_by(_COUPONS.c.pool)
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return tuple(Pool(name, total - used - expired, used, expired) for name, total, used, expired in rows)


def low(found: Sequence[Pool], least: int) -> tuple[Pool, ...]:
    """The pools that have fewer free codes than they should."""
    return tuple(pool for pool in found if pool.free < least)


def remove_free(connection: sa.Connection, pool: str) -> int:
    """How many codes were removed that nobody got; those that were given out stay on record."""
    return connection.execute(
        _COUPONS.delete().where((_COUPONS.c.pool == pool) & _COUPONS.c.message.is_(None))
    ).rowcount


def _in_a_row(connection: sa.Connection, pool: str) -> None:
    """Waits for others that take from the pool; SQLite has one writer anyway.

    Codes go in the order of the pool, and whoever waits finds what is left: no code is given twice, and a pool has not
    run out while another may still give back what it took.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"coupons {pool}", 0))))


def _count(connection: sa.Connection, pool: str) -> int:
    query = sa.select(sa.func.count()).select_from(_COUPONS).where(_COUPONS.c.pool == pool)
    return int(connection.execute(query).scalar_one())


def _parts(values: Iterable[str]) -> Iterator[tuple[str, ...]]:
    left = iter(values)
    while some := tuple(islice(left, _AT_ONCE)):
        yield some
