"""Erasures: accepted first, so that nothing stops them, and then carried out step by step.

Step of the path: store. Statements inside a transaction of the ledger. Until everything is removed an erasure knows
whom it is about: without that, nobody could go on after a crash. When it is done, counts and a salted hash are left.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ethogram.store import tables, tombstones

_TABLE = tables.erasures
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class About:
    """Whom an erasure is about.

    Attributes:
        ids: every id of the person; the profile's comes first.
        addresses: of the person, by channel and in their one form.
        accounts: that the person belonged to.
    """

    ids: tuple[str, ...]
    addresses: tuple[tuple[str, str], ...] = ()
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure, and how far it is.

    Attributes:
        step: the next one to take; `done` when there is none.
        counts: what was removed, by kind.
        removed_at: since when nothing of the person is left, but for what tells others that the person has left.
        suppressed: how much came for the person afterwards, and was not taken.
    """

    number: int
    step: str
    counts: dict[str, int]
    reason: str
    actor: str
    accepted_at: dt.datetime
    removed_at: dt.datetime | None
    finished_at: dt.datetime | None
    suppressed: int = 0


def accept(connection: sa.Connection, about: About, step: str, *, reason: str, actor: str, now: dt.datetime) -> Erasure:
    """The erasure of a person that is under way already, or a new one; from now on nothing of theirs is taken.

    Args:
        step: the first one.
    """
    key = tombstones.hash_of(tombstones.salted(connection), tombstones.ID, about.ids[0])
    under_way = sa.select(_TABLE.c.number).where((_TABLE.c.key == key) & (_TABLE.c.step != DONE))
    number = connection.execute(under_way).scalar()
    if number is None:
        values = {
            "key": key, "about": _plain(about), "step": step, "counts": {}, "reason": reason, "actor": actor,
            "accepted_at": now,
        }  # fmt: skip
        created = connection.execute(_TABLE.insert().values(**values)).inserted_primary_key
        assert created is not None
        number = int(created[0])
        tombstones.put(connection, number, tombstones.ID, about.ids)
    return existing(connection, number)


def are_under_way(connection: sa.Connection) -> bool:
    """Whether an erasure is not done."""
    return connection.execute(sa.select(_TABLE.c.number).where(_TABLE.c.step != DONE).limit(1)).first() is not None


def under_way(connection: sa.Connection) -> list[tuple[Erasure, About]]:
    """The erasures that are not done, oldest first, with whom they are about."""
    rows = connection.execute(sa.select(_TABLE).where(_TABLE.c.step != DONE).order_by(_TABLE.c.number)).all()
    return [(_erasure(row), _about(row.about)) for row in rows]


def keep(
    connection: sa.Connection,
    number: int,
    step: str,
    *,
    counts: Mapping[str, int] | None = None,
    about: About | None = None,
    removed_at: dt.datetime | None = None,
    finished_at: dt.datetime | None = None,
) -> None:
    """Notes how far an erasure is; counts are kept from the first time that something was counted.

    Args:
        about: whom it is about, where more is known now.
        finished_at: it is done, and forgets whom it was about.
    """
    values: dict[str, Any] = {"step": step}
    if counts:
        before = existing(connection, number).counts
        values["counts"] = {**counts, **{name: max(much, counts.get(name, 0)) for name, much in before.items()}}
    if about is not None:
        values["about"] = _plain(about)
    if removed_at is not None:
        values["removed_at"] = removed_at
    if finished_at is not None:
        values |= {"finished_at": finished_at, "about": None}
    connection.execute(_TABLE.update().where(_TABLE.c.number == number).values(**values))


def existing(connection: sa.Connection, number: int) -> Erasure:
    """The erasure of a number.

    Raises:
        LookupError: there is none.
    """
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.number == number)).first()
    if row is None:
        raise LookupError(number)
    return _erasure(row, _suppressed(connection, [number]).get(number, 0))


def listed(connection: sa.Connection, limit: int) -> tuple[Erasure, ...]:
    """The newest erasures, newest first."""
    rows = connection.execute(sa.select(_TABLE).order_by(_TABLE.c.number.desc()).limit(limit)).all()
    suppressed = _suppressed(connection, [row.number for row in rows])
    return tuple(_erasure(row, suppressed.get(row.number, 0)) for row in rows)


def _suppressed(connection: sa.Connection, numbers: list[int]) -> dict[int, int]:
    stones = tables.tombstones
    query = sa.select(stones.c.erasure, sa.func.sum(stones.c.suppressed)).where(stones.c.erasure.in_(numbers))
    return {int(number): int(much) for number, much in connection.execute(query.group_by(stones.c.erasure))}


def _plain(about: About) -> dict[str, Any]:
    return {
        "ids": list(about.ids),
        "addresses": [list(each) for each in about.addresses],
        "accounts": list(about.accounts),
    }


def _about(plain: Mapping[str, Any]) -> About:
    return About(
        tuple(plain["ids"]),
        tuple((channel, address) for channel, address in plain["addresses"]),
        tuple(plain["accounts"]),
    )


def _erasure(row: Any, suppressed: int = 0) -> Erasure:
    return Erasure(
        row.number,
        row.step,
        row.counts,
        row.reason,
        row.actor,
        row.accepted_at,
        row.removed_at,
        row.finished_at,
        suppressed,
    )
