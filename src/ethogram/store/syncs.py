"""Syncs: members of a segment that a file or an endpoint elsewhere is kept equal to, and how far it is.

Step of the path: store. Reads and writes the ledger. What was handed over is in files beside the workspace, written
before the row here says so; each step from one state to the next is one transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.errors import InputError, UnknownNameError
from ethogram.store import audit, deliveries, endpoints, tables
from ethogram.store.deliveries import DeliveryDraft
from ethogram.store.endpoints import Endpoint

if TYPE_CHECKING:
    from ethogram.store.database import Database

KIND = "sync"
NOTHING = -1  # the watermark of a target that has nothing yet
_TABLE = tables.syncs


@dataclass(frozen=True, slots=True)
class Sync:
    """Members of a segment that are kept the same elsewhere.

    Attributes:
        segment: its number.
        path: the file in the workspace's `sync/`, or the first part of the files' names; None for an endpoint.
        mode: `full` (everybody, each time) or `changes` (adds and removes).
        watermark: up to where the target has, or is being given, the feed; -1 before it has anything.
        generation: of the newest difference that was written down.
        place: how many rows of it were handed over; None when all were.
        snapshot: the generation after which all members are in a file; 0 when there is none.
        due_at: the next instant of its schedule; None: whenever something changes.
        asked: somebody wants it now.
        rows: that the target was given when it was synced last.
    """

    id: int
    segment: int
    name: str  # the segment's
    entity: str
    path: str | None
    endpoint: Endpoint | None
    format: str
    mode: str
    traits: tuple[str, ...]
    schedule: str
    watermark: int
    generation: int
    place: int | None
    snapshot: int
    due_at: dt.datetime | None
    asked: bool
    synced_at: dt.datetime | None
    rows: int | None
    trouble: str | None
    created_at: dt.datetime
    removed_at: dt.datetime | None
    segment_deleted_at: dt.datetime | None


def add(
    database: Database,
    *,
    segment: int,
    path: str | None,
    url: str | None,
    secret: str,
    label: str,
    format: str,
    mode: str,
    traits: Sequence[str],
    schedule: str,
    due_at: dt.datetime | None,
    now: dt.datetime,
    actor: str = "local",
) -> Sync:
    """A new sync; its target is given everybody first.

    Raises:
        InputError: another sync writes this file.
    """
    with database.writing() as connection:
        taken = (_TABLE.c.path == path) & _TABLE.c.removed_at.is_(None)
        if path is not None and connection.execute(sa.select(_TABLE.c.id).where(taken)).first() is not None:
            raise InputError(f"another sync writes `{path}`", hint="`ethogram syncs list` shows them.")
        endpoint = None
        if url is not None:
            made = endpoints.add(connection, kind=KIND, url=url, label=label, secret=secret, in_order=True, now=now)
            endpoint = made.id
        facts = {
            "segment": segment, "path": path, "endpoint": endpoint, "format": format, "mode": mode,
            "traits": list(traits), "schedule": schedule,
        }  # fmt: skip
        state = {
            "watermark": NOTHING, "generation": 0, "place": None, "snapshot": 0, "due_at": due_at, "asked": True,
            "created_at": now,
        }  # fmt: skip
        number = connection.execute(_TABLE.insert().values(**facts, **state)).inserted_primary_key
        assert number is not None
        audit.record(
            connection, actor=actor, verb="add sync", object=str(number[0]), detail={**facts, "url": url}, now=now
        )
        return _existing(connection, int(number[0]))


def existing(database: Database, number: int) -> Sync:
    """The sync of that number.

    Raises:
        UnknownNameError: there is none.
    """
    with database.reading() as connection:
        return _existing(connection, number)


def listed(database: Database) -> tuple[Sync, ...]:
    """Every sync that was not removed, oldest first."""
    with database.reading() as connection:
        rows = connection.execute(_query().where(_TABLE.c.removed_at.is_(None)).order_by(_TABLE.c.id)).all()
        return tuple(_sync(connection, row) for row in rows)


def ask(database: Database, number: int, now: dt.datetime, actor: str = "local") -> Sync:
    """The sync, which is done as soon as a server works on the workspace."""
    with database.writing() as connection:
        sync = _existing(connection, number)
        connection.execute(_TABLE.update().where(_TABLE.c.id == number).values(asked=True))
        if sync.endpoint is not None:
            endpoints.enable(connection, sync.endpoint.id)
            deliveries.revive(connection, sync.endpoint.id, now)
        audit.record(connection, actor=actor, verb="run sync", object=str(number), detail={}, now=now)
        return _existing(connection, number)


def remove(database: Database, number: int, now: dt.datetime, actor: str = "local") -> None:
    """Ends a sync; what it wrote stays, and what waits is not sent."""
    with database.writing() as connection:
        sync = _existing(connection, number)
        connection.execute(_TABLE.update().where(_TABLE.c.id == number).values(removed_at=now))
        if sync.endpoint is not None:
            endpoints.remove(connection, sync.endpoint.id, now)
        audit.record(connection, actor=actor, verb="remove sync", object=str(number), detail={}, now=now)


def keep(
    database: Database,
    sync: Sync,
    values: dict[str, Any],
    *,
    drafts: Sequence[DeliveryDraft] = (),
    now: dt.datetime,
) -> bool:
    """Whether the sync went from the state given to the next, with what is to be sent: both or neither."""
    state = (_TABLE.c.id == sync.id) & (_TABLE.c.generation == sync.generation) & _TABLE.c.removed_at.is_(None)
    state &= _TABLE.c.place.is_(None) if sync.place is None else _TABLE.c.place == sync.place
    with database.writing() as connection:
        if not connection.execute(_TABLE.update().where(state).values(**values)).rowcount:
            return False
        if drafts:
            assert sync.endpoint is not None
            deliveries.add(connection, sync.endpoint.id, drafts, now)
        return True


def note_trouble(database: Database, number: int, message: str | None) -> None:
    """What keeps a sync from being done, for whoever looks."""
    with database.writing() as connection:
        connection.execute(_TABLE.update().where(_TABLE.c.id == number).values(trouble=message))


def _query() -> sa.Select[Any]:
    versions = tables.segment_versions
    newest = (
        sa.select(versions.c.entity)
        .where(versions.c.segment == _TABLE.c.segment)
        .order_by(versions.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    named = tables.segments
    return sa.select(_TABLE, named.c.name, newest.label("entity"), named.c.deleted_at.label("segment_deleted_at")).join(
        named, named.c.number == _TABLE.c.segment
    )


def _existing(connection: sa.Connection, number: int) -> Sync:
    row = connection.execute(_query().where((_TABLE.c.id == number) & _TABLE.c.removed_at.is_(None))).first()
    if row is None:
        raise UnknownNameError(f"there is no sync {number}", hint="`ethogram syncs list` shows them.")
    return _sync(connection, row)


def _sync(connection: sa.Connection, row: sa.Row[Any]) -> Sync:
    facts = row._asdict()
    endpoint = None if row.endpoint is None else endpoints.existing(connection, row.endpoint)
    return Sync(**{**facts, "traits": tuple(row.traits), "endpoint": endpoint})
