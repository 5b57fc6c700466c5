"""Runs over everybody: how far each is, and the sizes that it found.

Step of the path: store. Statements inside a transaction of the ledger (`ledger.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.errors import LedgerError
from ethogram.store import tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

PHASES = ("planned", "evaluated", "changed", "done")


@dataclass(frozen=True, slots=True)
class Run:
    """One computation over everybody. `phase` is planned, evaluated, changed or done."""

    id: int
    as_of: dt.datetime
    phase: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    population: int | None
    milliseconds: float | None


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


def start(connection: sa.Connection, as_of: dt.datetime, now: dt.datetime) -> Run:
    """A new run in phase planned."""
    created = connection.execute(
        tables.runs.insert().values(as_of=as_of, phase="planned", started_at=now)
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


def newest(connection: sa.Connection, *, finished: bool) -> Run | None:
    """The newest run that is done, or that is not; None where there is none."""
    runs = tables.runs
    wanted = runs.c.phase == "done" if finished else runs.c.phase != "done"
    row = connection.execute(sa.select(runs).where(wanted).order_by(runs.c.id.desc()).limit(1)).first()
    return Run(**row._asdict()) if row is not None else None


def advance(connection: sa.Connection, run: int, phase: str) -> Run:
    """The run in its new phase.

    Raises:
        ValueError: no such phase, or an earlier one than the run is in.
    """
    runs = tables.runs
    current = find(connection, run)
    if PHASES.index(phase) < PHASES.index(current.phase):
        raise ValueError(f"run {run} is {current.phase} and cannot go back to {phase}")
    connection.execute(runs.update().where(runs.c.id == run).values(phase=phase))
    return find(connection, run)


def finish(
    connection: sa.Connection,
    run: int,
    population: int,
    milliseconds: float,
    sizes: Sequence[SizeFound],
    now: dt.datetime,
) -> Run:
    """The run, done, with the sizes it found; finishing it again replaces them."""
    runs, found = tables.runs, tables.segment_sizes
    find(connection, run)
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
    return find(connection, run)


def sizes_of_segment(connection: sa.Connection, number: int) -> tuple[SizeAt, ...]:
    """A segment's sizes at every finished run, oldest first."""
    query = _sizes().where(tables.segment_sizes.c.segment == number).order_by(tables.runs.c.id)
    return tuple(_size_at(row) for row in connection.execute(query))


def sizes_of_run(connection: sa.Connection, run: int) -> dict[int, SizeAt]:
    """What one run found, by segment number."""
    query = _sizes().where(tables.segment_sizes.c.run == run)
    return {int(row.segment): _size_at(row) for row in connection.execute(query)}


def _sizes() -> sa.Select[Any]:
    runs, found = tables.runs, tables.segment_sizes
    return sa.select(found, runs.c.as_of, runs.c.population).join(runs, runs.c.id == found.c.run)


def _size_at(row: Any) -> SizeAt:
    facts = row._asdict()
    facts.pop("segment")
    return SizeAt(**facts)
