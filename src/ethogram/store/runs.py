"""Runs and fills over everybody: how far each is, and the sizes that it found.

A run evaluates every segment, a fill those that have changed.

Step of the path: store. Statements inside a transaction of the ledger (`ledger.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import sqlalchemy as sa

from ethogram.errors import LedgerError
from ethogram.store import segments, tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

PHASES = ("planned", "evaluated", "changed", "done")


@dataclass(frozen=True, slots=True)
class Run:
    """One computation over everybody. `phase` is planned, evaluated, changed or done.

    `fill` says what a fill is to do; of a run over every segment it is None.
    """

    id: int
    as_of: dt.datetime
    phase: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    population: int | None
    milliseconds: float | None
    fill: dict[str, Any] | None = None


class Known(TypedDict, total=False):
    """What may be known better in a later phase.

    Attributes:
        as_of: the instant that the answers hold at.
        fill: what a fill is to do.
    """

    as_of: dt.datetime
    fill: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SizeFound:
    """What a run found for one segment."""

    number: int
    version: int
    size: int
    entered: int
    left: int
    cause: str = "run"


@dataclass(frozen=True, slots=True)
class SizeAt:
    """A segment's size at one finished run."""

    run: int
    as_of: dt.datetime
    population: int
    version: int
    size: int
    entered: int
    left: int
    cause: str


def start(
    connection: sa.Connection, as_of: dt.datetime, now: dt.datetime, fill: Mapping[str, Any] | None = None
) -> Run:
    """A new run in phase planned; a fill where it is told what to do."""
    created = connection.execute(
        tables.runs.insert().values(
            as_of=as_of, phase="planned", started_at=now, fill=None if fill is None else dict(fill)
        )
    ).inserted_primary_key
    assert created is not None
    return find(connection, int(created[0]))


def find(connection: sa.Connection, run: int) -> Run:
    """The run of that number.

    Raises:
        LedgerError: there is none.
    """
    row = connection.execute(sa.select(tables.runs).where(tables.runs.c.id == run)).first()
    if row is None:
        raise LedgerError("there is no such run in the ledger")
    return Run(**row._asdict())


def newest(connection: sa.Connection, *, finished: bool, fill: bool | None = None) -> Run | None:
    """The newest run that is done, or that is not; None where there is none.

    Args:
        fill: only fills, or only runs over every segment.
    """
    runs = tables.runs
    wanted = runs.c.phase == "done" if finished else runs.c.phase != "done"
    if fill is not None:
        wanted &= runs.c.fill.is_not(None) if fill else runs.c.fill.is_(None)
    row = connection.execute(sa.select(runs).where(wanted).order_by(runs.c.id.desc()).limit(1)).first()
    return Run(**row._asdict()) if row is not None else None


def advance(
    connection: sa.Connection,
    run: int,
    phase: str,
    **known: Unpack[Known],
) -> Run:
    """The run in its new phase.

    Raises:
        ValueError: no such phase, or an earlier one than the run is in.
    """
    runs = tables.runs
    current = find(connection, run)
    if PHASES.index(phase) < PHASES.index(current.phase):
        raise ValueError(f"run {run} is {current.phase} and cannot go back to {phase}")
    connection.execute(runs.update().where(runs.c.id == run).values(phase=phase, **known))
    return find(connection, run)


def finish(
    connection: sa.Connection,
    run: int,
    population: int,
    milliseconds: float,
    sizes: Sequence[SizeFound],
    now: dt.datetime,
    gone: Collection[int] = (),
) -> Run:
    """The run, done, with the sizes it found; finishing it again replaces them.

    Args:
        gone: segments that recorded membership follows no more.
    """
    runs, found = tables.runs, tables.segment_sizes
    whole = find(connection, run).fill is None
    connection.execute(found.delete().where(found.c.run == run))
    if sizes:
        rows = [
            {
                "run": run,
                "segment": size.number,
                "version": size.version,
                "size": size.size,
                "entered": size.entered,
                "left": size.left,
                "cause": size.cause,
            }
            for size in sizes
        ]
        connection.execute(found.insert(), rows)
    connection.execute(
        runs.update()
        .where(runs.c.id == run)
        .values(phase="done", finished_at=now, population=population, milliseconds=milliseconds)
    )
    segments.follow(connection, {size.number: size.version for size in sizes}, only=whole, gone=gone)
    return find(connection, run)


def forget(connection: sa.Connection, run: int) -> None:
    """Removes a run of which nothing was recorded."""
    connection.execute(tables.runs.delete().where(tables.runs.c.id == run, tables.runs.c.phase == PHASES[0]))


def sizes_of_segment(connection: sa.Connection, number: int) -> tuple[SizeAt, ...]:
    """A segment's sizes at every finished run and fill that concerned it, oldest first."""
    query = _sizes().where(tables.segment_sizes.c.segment == number).order_by(tables.runs.c.id)
    return tuple(_size_at(row) for row in connection.execute(query))


def sizes_of_run(connection: sa.Connection, run: int) -> dict[int, SizeAt]:
    """What one run found, by segment number."""
    query = _sizes().where(tables.segment_sizes.c.run == run)
    return {int(row.segment): _size_at(row) for row in connection.execute(query)}


def sizes_now(connection: sa.Connection) -> dict[int, SizeAt]:
    """What the newest run or fill that concerned it found of each segment, by number."""
    found = tables.segment_sizes
    last = sa.select(found.c.segment, sa.func.max(found.c.run).label("run")).group_by(found.c.segment).subquery()
    query = _sizes().join(last, (last.c.segment == found.c.segment) & (last.c.run == found.c.run))
    return {int(row.segment): _size_at(row) for row in connection.execute(query)}


def _sizes() -> sa.Select[Any]:
    runs, found = tables.runs, tables.segment_sizes
    return sa.select(found, runs.c.as_of, runs.c.population).join(runs, runs.c.id == found.c.run)


def _size_at(row: Any) -> SizeAt:
    facts = row._asdict()
    facts.pop("segment")
    return SizeAt(**facts)
