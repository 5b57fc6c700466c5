"""Runs of journeys: started once for each cause, claimed when due, and written down together with what they want.

Step of the path: store. Statements inside a transaction of the ledger. A claim only keeps others from doing the same
work; what decides is how often a run was written down: whoever has not seen the last time writes nothing. So a run's
move, its steps and its messages are there together, once, or not at all. Looking is in `journey_reading.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.model.journey.runs import Change, ListChanged, Passed, Run, RunState
from ethogram.model.message import Maker, State
from ethogram.store import given, outbox, tables, tombstones
from ethogram.store.journeys import JourneyState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_RUNS, _STEPS, _CHANGES, _JOURNEYS = tables.journey_runs, tables.journey_steps, tables.journey_changes, tables.journeys
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tally:
    """How often somebody was in a journey.

    Attributes:
        runs: ever.
        today: within the last day.
        last_at: when the last one started.
    """

    runs: int = 0
    today: int = 0
    last_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A run as it is to be written down.

    Attributes:
        run: with the number of moves that whoever moved it saw.
        changes: what it wants changed, each with the ordinal of its step.
        cancels: what it wanted and nobody has sent yet is not sent any more.
        told: its data is another one than before.
        splits: those of the steps that it passed by chance.
    """

    run: Run
    passed: Sequence[Passed] = ()
    changes: Sequence[tuple[int, Change]] = ()
    cancels: bool = False
    told: bool = False
    splits: Sequence[Passed] = ()


# --- starting -----------------------------------------------------------------------------------------------------


def tallies(
    connection: sa.Connection, journeys: Collection[str], profile_ids: Collection[str], now: dt.datetime
) -> dict[tuple[str, str], Tally]:
    """How often people were in journeys, by journey and profile; whoever never was is left out."""
    if not journeys or not profile_ids:
        return {}
    today = sa.func.sum(sa.case((_RUNS.c.started_at > now - _DAY, 1), else_=0))
    query = (
        sa.select(_RUNS.c.journey, _RUNS.c.profile_id, sa.func.count(), today, sa.func.max(_RUNS.c.started_at))
        .where(given.among(connection, _RUNS.c.profile_id, profile_ids) & _RUNS.c.journey.in_(list(journeys)))
        .group_by(_RUNS.c.journey, _RUNS.c.profile_id)
    )
    return {
        (journey, profile_id): Tally(runs, int(day), last_at)
        for journey, profile_id, runs, day, last_at in connection.execute(query)
    }


def start(connection: sa.Connection, runs: Sequence[Run]) -> dict[str, int]:
    """The numbers of the runs that were not there before, by id; the same cause again starts nothing."""
    erased = tombstones.among(connection, {run.profile_id for run in runs})
    rows = {run.id: _row(connection, run) for run in runs if run.profile_id not in erased}
    if not rows:
        return {}
    known = set(_numbers(connection, rows))
    new = [row for id_, row in rows.items() if id_ not in known]
    if new:
        names = ", ".join(_NEW)
        statement = f"INSERT INTO journey_runs ({names}) SELECT {names} FROM {given.rows(connection, _NEW)}"
        if connection.dialect.name == "postgresql":
            statement += " ON CONFLICT DO NOTHING RETURNING id, number"
            written = connection.execute(sa.text(statement), {"given": given.text(new)})
            started = {row.id: row.number for row in written}
            _tell(connection, [_entered(run) for run in runs if run.id in started])
            return started
        connection.execute(sa.text(statement), {"given": given.text(new)})
    started = {id_: number for id_, number in _numbers(connection, rows).items() if id_ not in known}
    _tell(connection, [_entered(run) for run in runs if run.id in started])
    return started


_NEW = {
    "id": given.TEXT, "journey": given.TEXT, "version": given.LONG, "profile_id": given.TEXT, "occurrence": given.TEXT,
    "step": given.TEXT, "state": given.TEXT, "data": given.JSON, "resting": given.BOOL, "taken": given.LONG,
    "round": given.LONG, "held_out": given.BOOL, "moves": given.LONG, "started_at": given.INSTANT,
    "step_at": given.INSTANT, "due_at": given.INSTANT,
}  # fmt: skip


def _row(connection: sa.Connection, run: Run) -> dict[str, Any]:
    assert run.due_at is not None, "a run begins with its first step"
    at = given.instant(connection, run.started_at)
    return {
        "id": run.id, "journey": run.journey, "version": run.version, "profile_id": run.profile_id,
        "occurrence": run.occurrence, "step": run.step, "state": run.state.value, "data": dict(run.data),
        "resting": run.resting, "taken": 0, "round": 0, "held_out": run.held_out, "moves": 0,
        "started_at": at, "step_at": at, "due_at": given.instant(connection, run.due_at),
    }  # fmt: skip


def known(connection: sa.Connection, ids: Iterable[str]) -> set[str]:
    """Those of some ids whose run was started."""
    return set(_numbers(connection, ids))


def _numbers(connection: sa.Connection, ids: Iterable[str]) -> dict[str, int]:
    query = sa.select(_RUNS.c.id, _RUNS.c.number).where(given.among(connection, _RUNS.c.id, ids))
    return {row.id: row.number for row in connection.execute(query)}


# --- finding ------------------------------------------------------------------------------------------------------


def claim(connection: sa.Connection, now: dt.datetime, lease: dt.timedelta, *, most: int) -> list[Run]:
    """Runs that are due and that nobody moves, oldest first; after the lease they are free again."""
    chosen = (
        sa.select(_RUNS.c.number)
        .where(_is_due(now))
        .order_by(_RUNS.c.due_at, _RUNS.c.number)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    # Chosen apart: a subquery with a limit may be asked for more than once.
    numbers = list(connection.execute(chosen).scalars())
    if not numbers:
        return []
    here = given.among(connection, _RUNS.c.number, numbers)
    connection.execute(_RUNS.update().where(here).values(claimed_until=now + lease))
    return sorted(_read(connection, here), key=lambda run: (run.due_at or run.step_at, run.number))


def are_due(connection: sa.Connection, now: dt.datetime) -> bool:
    """Whether there are runs to claim."""
    return bool(connection.execute(sa.select(sa.exists().where(_is_due(now)))).scalar_one())


def _is_due(now: dt.datetime) -> sa.ColumnElement[bool]:
    free = sa.or_(_RUNS.c.claimed_until.is_(None), _RUNS.c.claimed_until < now)
    waits = (_RUNS.c.state == RunState.ACTIVE) & (_RUNS.c.due_at <= now) & free
    return waits & _RUNS.c.journey.not_in(_stopped())


def active_of(connection: sa.Connection, profile_ids: Collection[str]) -> list[Run]:
    """The runs of people that are under way, oldest first; those of stopped journeys too."""
    if not profile_ids:
        return []
    here = given.among(connection, _RUNS.c.profile_id, profile_ids) & (_RUNS.c.state == RunState.ACTIVE)
    return sorted(_read(connection, here), key=lambda run: run.number)


def find(connection: sa.Connection, id_: str) -> Run | None:
    """The run of an id, if there is one."""
    return next(iter(_read(connection, _RUNS.c.id == id_)), None)


def next_due(connection: sa.Connection) -> dt.datetime | None:
    """When the next run goes on by itself; None where none does."""
    query = sa.select(sa.func.min(_RUNS.c.due_at)).where(_RUNS.c.state == RunState.ACTIVE)
    found: dt.datetime | None = connection.execute(query.where(_RUNS.c.journey.not_in(_stopped()))).scalar_one()
    return found


def _stopped() -> sa.Select[Any]:
    return sa.select(_JOURNEYS.c.name).where(_JOURNEYS.c.state == JourneyState.STOPPED)


_HELD = [_RUNS.c[name] for name in Run.__dataclass_fields__]
_STATE = list(Run.__dataclass_fields__).index("state")
_STATES = {each.value: each for each in RunState}


def _read(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Run]:
    # By position: there are thousands, and names for each would cost more than reading them.
    found = []
    for row in connection.execute(sa.select(*_HELD).where(where)):
        values = [*row]
        values[_STATE] = _STATES[values[_STATE]]
        found.append(Run(*values))
    return found


def run_of(row: Any) -> Run:
    """The run of a row that has all columns of one."""
    return Run(**{**row._asdict(), "state": RunState(row.state)})


# --- writing down -------------------------------------------------------------------------------------------------

_MOVED = {
    "mine": given.LONG, "seen": given.LONG, "new_step": given.TEXT, "new_state": given.TEXT, "why": given.TEXT,
    "rests": given.BOOL, "left_so_far": given.LONG, "turn": given.LONG, "since": given.INSTANT, "due": given.INSTANT,
    "ended": given.INSTANT,
}  # fmt: skip


def finish(connection: sa.Connection, moved: Sequence[Moved], now: dt.datetime) -> set[int]:
    """The numbers of the runs that were written down: those that nobody else has moved meanwhile.

    What they want sent is put into the outbox by whoever calls, in the same transaction, for these numbers alone.
    """
    if not moved:
        return set()

    def told(at: dt.datetime | None) -> str | None:
        return None if at is None else given.instant(connection, at)

    rows = [
        {"mine": run.number, "seen": run.moves, "new_step": run.step, "new_state": run.state.value, "why": run.reason,
         "rests": run.resting, "left_so_far": run.taken, "turn": run.round, "since": told(run.step_at),
         "due": told(run.due_at), "ended": told(run.ended_at)}
        for run in (each.run for each in moved)
    ]  # fmt: skip
    statement = (
        "UPDATE journey_runs SET step = given.new_step, state = given.new_state, reason = given.why, "
        "resting = given.rests, taken = given.left_so_far, round = given.turn, step_at = given.since, "
        "due_at = given.due, ended_at = given.ended, claimed_until = NULL, moves = moves + 1 "
        f"FROM {given.rows(connection, _MOVED)} "
        # `coalesce`: SQLite shall find runs by their number, and not look at all that are active for each row.
        "WHERE number = given.mine AND moves = given.seen AND coalesce(journey_runs.state, '') = 'active' "
        "RETURNING number"
    )
    written = set(connection.execute(sa.text(statement), {"given": given.text(rows)}).scalars())
    mine = [each for each in moved if each.run.number in written]
    _note(connection, mine)
    _want_changed(connection, mine, now)
    _tell(connection, [row for each in mine for row in _happened(each)])
    for each in mine:
        if each.told:
            here = _RUNS.c.number == each.run.number
            connection.execute(_RUNS.update().where(here).values(data=dict(each.run.data)))
    cancel(connection, [each.run for each in mine if each.cancels], now)
    return written


_STEP = {
    "run": given.LONG, "ordinal": given.LONG, "step": given.TEXT, "outcome": given.TEXT, "entered_at": given.INSTANT,
    "left_at": given.INSTANT,
}  # fmt: skip


def _note(connection: sa.Connection, moved: Sequence[Moved]) -> None:
    rows = [
        {"run": each.run.number, "ordinal": step.ordinal, "step": step.step, "outcome": step.outcome,
         "entered_at": given.instant(connection, step.entered_at), "left_at": given.instant(connection, step.left_at)}
        for each in moved
        for step in each.passed
    ]  # fmt: skip
    if rows:
        names = ", ".join(_STEP)
        statement = f"INSERT INTO journey_steps ({names}) SELECT {names} FROM {given.rows(connection, _STEP)}"
        connection.execute(sa.text(statement), {"given": given.text(rows)})


def _want_changed(connection: sa.Connection, moved: Sequence[Moved], now: dt.datetime) -> None:
    rows = []
    for each in moved:
        for ordinal, wish in each.changes:
            if isinstance(wish, ListChanged):
                kind, body = "list", {"segment": wish.segment, "added": wish.added}
            else:
                kind, body = "traits", {"traits": dict(wish.traits), "unset": list(wish.unset)}
            rows.append(
                {"id": f"{each.run.id}.{ordinal}", "profile_id": each.run.profile_id, "kind": kind, "body": body,
                 "created_at": now}
            )  # fmt: skip
    if rows:
        connection.execute(_CHANGES.insert(), rows)


# --- what becomes an event of the person ---------------------------------------------------------------------------


_TOLD = {
    "id": given.TEXT, "profile_id": given.TEXT, "kind": given.TEXT, "body": given.JSON, "created_at": given.INSTANT,
}  # fmt: skip


def _tell(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Notes events, each once; they go to the inbox after this transaction."""
    if rows:
        names = ", ".join(_TOLD)
        statement = f"INSERT INTO journey_changes ({names}) SELECT {names} FROM {given.rows(connection, _TOLD)}"
        told = {row["id"]: {**row, "created_at": given.instant(connection, row["created_at"])} for row in rows}
        connection.execute(sa.text(statement), {"given": given.text(list(told.values()))})


def _entered(run: Run) -> dict[str, Any]:
    return _event(run, "entered", run.started_at, {})


def _happened(moved: Moved) -> Iterator[dict[str, Any]]:
    run = moved.run
    for step in moved.splits:
        yield _event(run, f"split.{step.ordinal}", step.left_at, {"step": step.step, "variant": step.outcome})
    if run.ended_at is not None:
        yield _event(run, "exited", run.ended_at, {"outcome": run.state.value, "reason": run.reason, "last": run.step})


def _event(run: Run, what: str, at: dt.datetime, more: Mapping[str, Any]) -> dict[str, Any]:
    about = {"journey": run.journey, "version": run.version, "run": run.id, "held_out": run.held_out or None, **more}
    properties = {name: value for name, value in about.items() if value is not None}
    body = {"event": f"journey_{what.partition('.')[0]}", "properties": properties}
    return {"id": f"{run.id}.{what}", "profile_id": run.profile_id, "kind": "event", "body": body, "created_at": at}


def cancel(connection: sa.Connection, runs: Sequence[Run], now: dt.datetime) -> int:
    """How many messages of runs are not sent any more, as the runs have ended."""
    why: dict[str, str] = {}
    for run in runs:
        for turn in range(run.round + 1):
            why[run.id if not turn else f"{run.id}.{turn}"] = run.reason or "the run was ended"
    if not why:
        return 0
    messages = tables.messages
    query = sa.select(messages.c.id, messages.c.occurrence).where(
        (messages.c.maker == Maker.JOURNEY)
        & given.among(connection, messages.c.occurrence, why)
        & messages.c.name.in_({run.journey for run in runs})
        & messages.c.state.in_([State.WAITING, State.CLAIMED])
    )
    by_reason: dict[str, list[str]] = {}
    for row in connection.execute(query):
        by_reason.setdefault(why[row.occurrence], []).append(row.id)
    return sum(
        outbox.cancel(connection, now, f"the run of the journey ended: {reason}", ids=ids)
        for reason, ids in by_reason.items()
    )


def follow_moves(connection: sa.Connection, moves: Sequence[tuple[str, str]], now: dt.datetime) -> int:
    """How many runs it gave to the profile that an id now belongs to.

    Who is in a journey under both ids goes on with the older run; the other one ends.
    """
    given_over = 0
    for source, target in moves:
        held = {run.journey: run for run in active_of(connection, [target])}
        for run in active_of(connection, [source]):
            other = held.get(run.journey)
            if other is not None:
                younger = max((run, other), key=lambda each: (each.started_at, each.number))
                finish(connection, [_ended(younger, "the person is in the journey under another id as well", now)], now)
                if younger is run:
                    continue
            here = _RUNS.c.number == run.number
            values = {"profile_id": target, "moves": _RUNS.c.moves + 1, "claimed_until": None}
            given_over += connection.execute(_RUNS.update().where(here).values(**values)).rowcount
            held[run.journey] = run
    return given_over


# --- by hand ------------------------------------------------------------------------------------------------------


def exit_all(connection: sa.Connection, journey: str, reason: str, now: dt.datetime, *, most: int = 5_000) -> int:
    """How many runs of a journey it ended, with what they want sent; called again until it is none."""
    here = (_RUNS.c.journey == journey) & (_RUNS.c.state == RunState.ACTIVE)
    numbers = list(connection.execute(sa.select(_RUNS.c.number).where(here).limit(most)).scalars())
    if not numbers:
        return 0
    runs = _read(connection, given.among(connection, _RUNS.c.number, numbers))
    ended = [_ended(run, reason, now) for run in runs]
    return len(finish(connection, ended, now))


def _ended(run: Run, reason: str, now: dt.datetime) -> Moved:
    values = {name: getattr(run, name) for name in Run.__dataclass_fields__}
    values |= {"state": RunState.EXITED, "reason": reason, "due_at": None, "resting": False, "ended_at": now}
    passed = Passed(run.taken, run.step, "exit", run.step_at, now)
    return Moved(Run(**{**values, "taken": run.taken + 1}), (passed,), cancels=True)


def move_version(connection: sa.Connection, journey: str, before: int, after: int, steps: Mapping[str, str]) -> int:
    """How many runs it moved from one version to another: each goes on at its step's counterpart when it was due.

    Args:
        steps: where whoever is at a step goes on; who is at another step stays on the version.
    """
    moved = 0
    for old, new in steps.items():
        here = (_RUNS.c.journey == journey) & (_RUNS.c.version == before)
        here &= (_RUNS.c.state == RunState.ACTIVE) & (_RUNS.c.step == old)
        values = {"version": after, "step": new, "moves": _RUNS.c.moves + 1, "claimed_until": None}
        moved += connection.execute(_RUNS.update().where(here).values(**values)).rowcount
    return moved
