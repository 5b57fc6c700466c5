"""Journeys under way, and up to where what happened to people has reached them.

Step of the path: store. Statements inside a transaction of the ledger; what a journey is, is a definition
(`definitions.py`), and its runs are in `journey_runs.py`. Whoever moves a mark says which one it saw, so that of two
who have looked at the same events only one writes down what follows.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.store import settings, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

_JOURNEYS, _RUNS = tables.journeys, tables.journey_runs
# The settings with the marks: the last batch of events, the last change of membership, the last move of an id, the
# last change of a catalogue's item.
EVENTS, CHANGES, MOVES, ITEMS = "journeys_events", "journeys_changes", "journeys_moves", "journeys_items"


class JourneyState(StrEnum):
    """What a journey does."""

    DRAFT = "draft"
    ACTIVE = "active"
    CLOSED = "closed"  # nobody enters; who is in it goes on
    STOPPED = "stopped"  # nobody enters, and nobody moves until it goes on


@dataclass(frozen=True, slots=True)
class Standing:
    """What a journey does now.

    Attributes:
        version: that people enter.
        reason: why it is stopped.
        started_at: what happened before lets nobody in.
        dated_until: whom dates up to this instant let in has a run.
        refused: how often somebody was not let in, by the rules of coming again or the limits.
        paused: why its messages wait though it is under way, such as that many complained.
    """

    name: str
    state: JourneyState
    version: int = 0
    reason: str | None = None
    started_at: dt.datetime | None = None
    dated_until: dt.datetime | None = None
    refused: int = 0
    paused: str | None = None


def standing(connection: sa.Connection, name: str) -> Standing:
    """What a journey does now; one that nobody started is a draft."""
    row = connection.execute(sa.select(_JOURNEYS).where(_JOURNEYS.c.name == name)).one_or_none()
    return Standing(name, JourneyState.DRAFT) if row is None else _standing(row)


def standings(connection: sa.Connection) -> tuple[Standing, ...]:
    """Every journey that was ever started, by name."""
    return tuple(map(_standing, connection.execute(sa.select(_JOURNEYS).order_by(_JOURNEYS.c.name))))


def change(connection: sa.Connection, name: str, **values: Any) -> Standing:
    """Changes what a journey does; values are columns."""
    if not connection.execute(_JOURNEYS.update().where(_JOURNEYS.c.name == name).values(**values)).rowcount:
        usual = {"name": name, "state": JourneyState.DRAFT, "version": 0, "refused": 0}
        connection.execute(_JOURNEYS.insert().values(**{**usual, **values}))
    return standing(connection, name)


def dated(connection: sa.Connection, name: str, before: dt.datetime | None, until: dt.datetime) -> bool:
    """Whether dates had let people in up to `before`, and now have up to `until`."""
    here = (_JOURNEYS.c.name == name) & (
        _JOURNEYS.c.dated_until.is_(None) if before is None else _JOURNEYS.c.dated_until == before
    )
    return bool(connection.execute(_JOURNEYS.update().where(here).values(dated_until=until)).rowcount)


def count_refused(connection: sa.Connection, refused: Mapping[str, int]) -> None:
    """Adds to how often somebody was not let in, by journey."""
    for name, count in refused.items():
        here = _JOURNEYS.c.name == name
        connection.execute(_JOURNEYS.update().where(here).values(refused=_JOURNEYS.c.refused + count))


def in_use(connection: sa.Connection) -> tuple[tuple[str, int], ...]:
    """The journeys and versions that somebody is in."""
    query = sa.select(_RUNS.c.journey, _RUNS.c.version).where(_RUNS.c.state == "active").distinct()
    return tuple((row.journey, row.version) for row in connection.execute(query))


def mark(connection: sa.Connection, which: str) -> int | None:
    """Up to where journeys have seen what happened; None before they looked for the first time."""
    found = settings.read(connection, which)
    return None if found is None else int(found)


def move_mark(connection: sa.Connection, which: str, before: int | None, after: int) -> bool:
    """Whether the mark was where the caller saw it, and now is where he says."""
    if mark(connection, which) != before:
        return False
    settings.keep(connection, which, after)
    return True


def _standing(row: sa.Row[Any]) -> Standing:
    return Standing(**{**row._asdict(), "state": JourneyState(row.state)})
