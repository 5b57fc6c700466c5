"""Looking at journeys: how many are at each step and came through it, who they are, and how a run went.

Step of the path: store. Reads only, inside a transaction of the ledger.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from ethogram.model.journey.runs import Passed, Run, RunState
from ethogram.store import tables
from ethogram.store.journey_runs import run_of

_RUNS, _STEPS = tables.journey_runs, tables.journey_steps
_HELD = [_RUNS.c[name] for name in Run.__dataclass_fields__]


@dataclass(frozen=True, slots=True)
class StepCount:
    """A step of a version of a journey in numbers.

    Attributes:
        at: how many runs are there now.
        outcomes: how many have left it, by the way that they took.
    """

    version: int
    step: str
    at: int
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Ended:
    """How many runs of a version came to an end in a state, for a reason."""

    version: int
    state: RunState
    reason: str | None
    runs: int


def counts(connection: sa.Connection, journey: str) -> tuple[StepCount, ...]:
    """The steps at which somebody is or was, by version and name."""
    found: dict[tuple[int, str], tuple[int, dict[str, int]]] = {}
    here = (
        sa.select(_RUNS.c.version, _RUNS.c.step, sa.func.count())
        .where((_RUNS.c.journey == journey) & (_RUNS.c.state == RunState.ACTIVE))
        .group_by(_RUNS.c.version, _RUNS.c.step)
    )
    for version, step, count in connection.execute(here):
        found[version, step] = (count, {})
    through = (
        sa.select(_RUNS.c.version, _STEPS.c.step, _STEPS.c.outcome, sa.func.count())
        .join(_RUNS, _RUNS.c.number == _STEPS.c.run)
        .where(_RUNS.c.journey == journey)
        .group_by(_RUNS.c.version, _STEPS.c.step, _STEPS.c.outcome)
    )
    for version, step, outcome, count in connection.execute(through):
        found.setdefault((version, step), (0, {}))[1][outcome] = count
    return tuple(StepCount(*key, at, outcomes) for key, (at, outcomes) in sorted(found.items()))


def ended(connection: sa.Connection, journey: str) -> tuple[Ended, ...]:
    """How the runs that are over came to their end."""
    query = (
        sa.select(_RUNS.c.version, _RUNS.c.state, _RUNS.c.reason, sa.func.count())
        .where((_RUNS.c.journey == journey) & (_RUNS.c.state != RunState.ACTIVE))
        .group_by(_RUNS.c.version, _RUNS.c.state, _RUNS.c.reason)
        .order_by(_RUNS.c.version, _RUNS.c.state, _RUNS.c.reason)
    )
    return tuple(Ended(row[0], RunState(row[1]), row[2], row[3]) for row in connection.execute(query))


def people_at(
    connection: sa.Connection, journey: str, step: str, *, version: int | None = None, after: int = 0, limit: int = 100
) -> tuple[Run, ...]:
    """The runs that are at a step, by number.

    Args:
        after: the number of the last run of the page before.
    """
    here = (_RUNS.c.journey == journey) & (_RUNS.c.state == RunState.ACTIVE) & (_RUNS.c.step == step)
    if version is not None:
        here &= _RUNS.c.version == version
    query = sa.select(*_HELD).where(here & (_RUNS.c.number > after)).order_by(_RUNS.c.number).limit(limit)
    return tuple(map(run_of, connection.execute(query)))


def runs_of(connection: sa.Connection, profile_id: str, limit: int = 100) -> tuple[Run, ...]:
    """A person's runs in all journeys, newest first."""
    query = sa.select(*_HELD).where(_RUNS.c.profile_id == profile_id).order_by(_RUNS.c.number.desc()).limit(limit)
    return tuple(map(run_of, connection.execute(query)))


def runs(
    connection: sa.Connection, journey: str, *, state: RunState | None = None, since: dt.datetime | None = None,
    limit: int = 100,
) -> tuple[Run, ...]:  # fmt: skip
    """A journey's runs, newest first."""
    query = sa.select(*_HELD).where(_RUNS.c.journey == journey)
    if state is not None:
        query = query.where(_RUNS.c.state == state)
    if since is not None:
        query = query.where(_RUNS.c.started_at >= since)
    return tuple(map(run_of, connection.execute(query.order_by(_RUNS.c.number.desc()).limit(limit))))


def history(connection: sa.Connection, number: int) -> tuple[Passed, ...]:
    """The steps that a run has left, in order."""
    query = sa.select(_STEPS).where(_STEPS.c.run == number).order_by(_STEPS.c.ordinal)
    return tuple(
        Passed(row.ordinal, row.step, row.outcome, row.entered_at, row.left_at) for row in connection.execute(query)
    )
