"""The feed of membership changes: every entry and exit once, in one order, for whoever follows along.

Step of the path: segment → decide, deliver. Statements inside a transaction of the ledger: the transaction that ends a
tick or a run of `segment/` appends what it changed, so that a change is in the feed exactly if it is recorded. Readers
keep the number of the last change that they have seen, and may be in another process. The warehouse keeps every change
for ever; the feed keeps those of some days.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from ethogram.store import settings, tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ethogram.store.database import Database

_PRUNED = "changes_pruned"  # the setting with the number of the last change that was removed


class Draft(msgspec.Struct, frozen=True, array_like=True):
    """A change that is not in the feed yet.

    What an edit changes is told in sum, by segment and direction: `profile_id` is empty and `count` says how many.
    """

    profile_id: str
    segment: int
    version: int
    entered: bool
    cause: str  # event, time, merge, run, list, or definition: an edit
    count: int = 1


class Change(msgspec.Struct, frozen=True):
    """A change in the feed; see `Draft`. Of a segment over accounts, `profile_id` is an account's."""

    id: int
    at: dt.datetime
    profile_id: str
    segment: int
    name: str
    entity: str
    version: int
    entered: bool
    cause: str
    count: int


def append(connection: sa.Connection, drafts: Iterable[Draft], at: dt.datetime) -> int:
    """How many changes it appended.

    Args:
        at: the instant since when they hold.
    """
    rows = [
        {
            "at": at,
            "profile_id": draft.profile_id,
            "segment": draft.segment,
            "version": draft.version,
            "entered": draft.entered,
            "cause": draft.cause,
            "count": draft.count,
        }
        for draft in drafts
    ]
    if rows:
        if connection.dialect.name == "postgresql":
            # Numbers are given before transactions end: without taking turns, a reader would pass over a late one.
            connection.execute(sa.text("LOCK TABLE changes IN SHARE ROW EXCLUSIVE MODE"))
        connection.execute(tables.changes.insert(), rows)
    return len(rows)


def after(database: Database, number: int, *, limit: int, segments: Sequence[int] | None = None) -> list[Change]:
    """The next changes after a number, oldest first.

    Args:
        limit: how many at most.
        segments: only those of these segments.
    """
    changes, named, versions = tables.changes, tables.segments, tables.segment_versions
    query = (
        sa.select(changes, named.c.name, versions.c.entity)
        .join(named, named.c.number == changes.c.segment)
        .join(versions, (versions.c.segment == changes.c.segment) & (versions.c.version == changes.c.version))
        .where(changes.c.id > number)
        .order_by(changes.c.id)
        .limit(limit)
    )
    if segments is not None:
        query = query.where(changes.c.segment.in_(segments))
    with database.reading() as connection:
        return [_change(row) for row in connection.execute(query)]


def last(database: Database) -> int:
    """The number of the newest change there ever was, 0 before the first."""
    with database.reading() as connection:
        found = connection.execute(sa.select(sa.func.max(tables.changes.c.id))).scalar()
        return int(found) if found is not None else int(settings.read(connection, _PRUNED, 0))


def last_of(connection: sa.Connection, profile_id: str) -> int | None:
    """The number of the newest change of a person that is kept; None where there is none."""
    found = sa.select(sa.func.max(tables.changes.c.id)).where(tables.changes.c.profile_id == profile_id)
    return connection.execute(found).scalar()


def pruned(database: Database) -> int:
    """The number of the last change that is no longer kept: whoever stands before it has missed some."""
    with database.reading() as connection:
        return int(settings.read(connection, _PRUNED, 0))


def prune(database: Database, before: dt.datetime) -> int:
    """How many changes it removed: those that were appended before an instant."""
    changes = tables.changes
    with database.writing() as connection:
        newest = connection.execute(sa.select(sa.func.max(changes.c.id)).where(changes.c.at < before)).scalar()
        if newest is None:
            return 0
        settings.keep(connection, _PRUNED, int(newest))
        return connection.execute(changes.delete().where(changes.c.id <= newest)).rowcount


def _change(row: Any) -> Change:
    return Change(**{name: getattr(row, name) for name in Change.__struct_fields__})
