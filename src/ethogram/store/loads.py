"""Loads and the batches that they were accepted in.

Step of the path: store. Statements inside a transaction of the ledger (`ledger.py`); the rows themselves are in block
files (`inbox.py`) and the warehouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import sqlalchemy as sa

from ethogram.store import tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class Load:
    """One source, by content, and how it was read."""

    id: str
    digest: str
    kind: str
    source: str
    reading: dict[str, Any]
    state: str  # 'loading' or 'done'
    accepted: int
    rejected: int
    duplicates: int
    rejects_file: str | None
    started_at: dt.datetime
    finished_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One accepted block. `file` and `sha256` are None when the block had no acceptable row."""

    id: str
    kind: str  # 'events', 'profiles' or 'accounts'
    load: str
    ordinal: int
    file: str | None
    sha256: str | None
    rows: int
    rejected: int
    duplicates: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    state: str  # 'accepted' or 'stored'
    accepted_at: dt.datetime
    stored_at: dt.datetime | None


class BatchFacts(TypedDict):
    """What is known of a block when it is accepted; see `Batch`."""

    kind: str
    load: str
    ordinal: int
    file: str | None
    sha256: str | None
    rows: int
    rejected: int
    duplicates: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None


_BATCH = tuple(column for column in tables.batches.c if column.name != "sequence")


def start(
    connection: sa.Connection,
    load: str,
    *,
    digest: str,
    kind: str,
    source: str,
    reading: Mapping[str, Any],
    now: dt.datetime,
) -> Load:
    """The load of that id: the one there is, or a new one."""
    found = _find(connection, load)
    if found is not None:
        return found
    connection.execute(
        tables.loads.insert().values(
            id=load,
            digest=digest,
            kind=kind,
            source=source,
            reading=dict(reading),
            state="loading",
            accepted=0,
            rejected=0,
            duplicates=0,
            started_at=now,
        )
    )
    return _existing(connection, load)


def finish(
    connection: sa.Connection, load: str, *, counted: Collection[str], rejects_file: str | None, now: dt.datetime
) -> Load:
    """The load, done, with the counts of its batches."""
    loads, batches = tables.loads, tables.batches
    own = batches.c.kind.in_(counted)
    counts = connection.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(batches.c.rows).filter(own), 0).label("accepted"),
            sa.func.coalesce(sa.func.sum(batches.c.rejected), 0).label("rejected"),
            sa.func.coalesce(sa.func.sum(batches.c.duplicates).filter(own), 0).label("duplicates"),
        ).where(batches.c.load == load)
    ).one()
    connection.execute(
        loads.update()
        .where(loads.c.id == load)
        .values(
            state="done",
            finished_at=now,
            rejects_file=rejects_file,
            **{key: int(count) for key, count in counts._asdict().items()},
        )
    )
    return _existing(connection, load)


def of_content(connection: sa.Connection, digest: str, kind: str) -> tuple[Load, ...]:
    """Every load of a source with these very bytes, oldest first."""
    loads = tables.loads
    query = sa.select(loads).where((loads.c.digest == digest) & (loads.c.kind == kind)).order_by(loads.c.started_at)
    return tuple(Load(**row._asdict()) for row in connection.execute(query))


def accept(connection: sa.Connection, batch: str, facts: BatchFacts, now: dt.datetime) -> Batch:
    """The accepted batch; accepting the same id again changes nothing. A batch without rows is stored at once."""
    batches = tables.batches
    look = sa.select(*_BATCH).where(batches.c.id == batch)
    found = connection.execute(look).first()
    if found is None:
        rows = facts["rows"]
        connection.execute(
            batches.insert().values(
                id=batch,
                **facts,
                state="accepted" if rows else "stored",
                accepted_at=now,
                stored_at=None if rows else now,
            )
        )
        found = connection.execute(look).one()
    return Batch(**found._asdict())


def mark_stored(connection: sa.Connection, batch: str, now: dt.datetime) -> None:
    """Notes that the warehouse has the batch."""
    batches = tables.batches
    connection.execute(batches.update().where(batches.c.id == batch).values(state="stored", stored_at=now))


def stored(connection: sa.Connection) -> int:
    """How many batches the warehouse has."""
    rows = tables.batches
    return connection.execute(sa.select(sa.func.count()).where(rows.c.state == "stored")).scalar_one()


def last_stored(connection: sa.Connection) -> int:
    """The place in the order of storing of the last batch before which all are stored; 0 where there is none."""
    sequence, state = tables.batches.c.sequence, tables.batches.c.state
    waiting = connection.execute(sa.select(sa.func.min(sequence)).where(state == "accepted")).scalar()
    last = sa.select(sa.func.max(sequence))
    return int(connection.execute(last if waiting is None else last.where(sequence < waiting)).scalar() or 0)


def stored_after(connection: sa.Connection, sequence: int) -> tuple[tuple[int, Batch], ...]:
    """The batches after a place in the order of storing, up to the first that is not stored, with their places."""
    place = tables.batches.c.sequence
    query = sa.select(place, *_BATCH).where(place > sequence, place <= last_stored(connection)).order_by(place)
    return tuple((int(row[0]), Batch(*row[1:])) for row in connection.execute(query))


def batches(connection: sa.Connection, *, load: str | None, state: str | None) -> tuple[Batch, ...]:
    """Accepted batches in the order of storing, all of them unless narrowed."""
    rows = tables.batches
    query = sa.select(*_BATCH).order_by(rows.c.sequence)
    if load is not None:
        query = query.where(rows.c.load == load)
    if state is not None:
        query = query.where(rows.c.state == state)
    return tuple(Batch(**row._asdict()) for row in connection.execute(query))


def _find(connection: sa.Connection, load: str) -> Load | None:
    row = connection.execute(sa.select(tables.loads).where(tables.loads.c.id == load)).first()
    return Load(**row._asdict()) if row is not None else None


def _existing(connection: sa.Connection, load: str) -> Load:
    found = _find(connection, load)
    assert found is not None
    return found
