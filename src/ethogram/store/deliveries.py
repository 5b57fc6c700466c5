"""Deliveries: what is to be sent to an endpoint, claimed before it is sent, and what became of it.

Step of the path: store. A delivery's id is derived from what it tells, so that it is the same at every attempt and the
receiver can know a repetition. Whoever sends claims first: a claim that is not answered in time is free again, and one
that was lost records nothing. What was killed between sending and recording is sent again, under the same id.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.errors import UnknownNameError
from ethogram.store import endpoints, tables
from ethogram.store.endpoints import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ethogram.store.database import Database

WAITING, SENT, DEAD = "waiting", "sent", "dead"
_TABLE = tables.deliveries


@dataclass(frozen=True, slots=True)
class DeliveryDraft:
    """Something to send that is not written down yet."""

    id: str
    about: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something to send, and what became of it.

    Attributes:
        number: in the order of making.
        about: what it tells, for people.
        state: waiting, sent, or dead: there is no further attempt unless somebody asks for one.
        status: of the last answer; None where none came.
        error: of the last attempt.
    """

    number: int
    id: str
    endpoint: int
    about: str
    body: bytes
    state: str
    attempts: int
    due_at: dt.datetime
    claim: str | None
    claimed_until: dt.datetime | None
    status: int | None
    error: str | None
    created_at: dt.datetime
    finished_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that only its claimer sends now."""

    delivery: Delivery
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to, to be recorded.

    Attributes:
        state: what it is in now.
        due_at: the next attempt, where it waits.
        disable: why its endpoint is sent nothing any more; None where it goes on.
        failed: it was the endpoint's failure.
        held_until: its endpoint is left alone until then.
    """

    delivery: Delivery
    state: str
    due_at: dt.datetime
    status: int | None
    error: str | None
    disable: str | None = None
    failed: bool = False
    held_until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is to be sent, since when the oldest waits, and how much was given up."""

    waiting: int
    oldest_at: dt.datetime | None
    dead: int


def add(connection: sa.Connection, endpoint: int, drafts: Iterable[DeliveryDraft], now: dt.datetime) -> int:
    """How many were written down, to be sent at once."""
    rows = [
        {"id": draft.id, "endpoint": endpoint, "about": draft.about, "body": draft.body, "state": WAITING,
         "attempts": 0, "due_at": now, "created_at": now}
        for draft in drafts
    ]  # fmt: skip
    if rows:
        connection.execute(_TABLE.insert(), rows)
    return len(rows)


def claim(
    database: Database,
    now: dt.datetime,
    lease: dt.timedelta,
    token: str,
    *,
    most: int,
    most_each: int,
    under_way: Mapping[int, int],
) -> list[Claimed]:
    """What is due and nobody sends, claimed; the endpoints take turns, and one in trouble gets one attempt at a time.

    Args:
        token: names the claimer.
        most: how many at most.
        most_each: how many of one endpoint may be under way.
        under_way: how many of each endpoint the caller is sending.
    """
    with database.reading() as connection:
        ready = _ready(connection, now)
    if not ready or most <= 0:
        return []
    claimed: list[Claimed] = []
    with database.writing() as connection:
        for endpoint in ready:
            alone = endpoint.in_order or endpoint.failures > 0
            room = min((1 if alone else most_each) - under_way.get(endpoint.id, 0), most - len(claimed))
            for delivery in _next(connection, endpoint, now, room) if room > 0 else ():
                values = {"claim": token, "claimed_until": now + lease}
                connection.execute(_TABLE.update().where(_TABLE.c.number == delivery.number).values(**values))
                claimed.append(Claimed(delivery, endpoint))
    return claimed


def _ready(connection: sa.Connection, now: dt.datetime) -> list[Endpoint]:
    """The endpoints that something may be sent to now; those that were left alone the longest first."""
    owners = tables.endpoints
    due = sa.exists().where((_TABLE.c.endpoint == owners.c.id) & _free(now))
    query = (
        sa.select(owners)
        .where(owners.c.enabled & due)
        .where(owners.c.held_until.is_(None) | (owners.c.held_until <= now))
        .order_by(owners.c.failures, owners.c.id)
    )
    return [Endpoint(**row._asdict()) for row in connection.execute(query)]


def _free(now: dt.datetime) -> sa.ColumnElement[bool]:
    return (
        (_TABLE.c.state == WAITING)
        & (_TABLE.c.due_at <= now)
        & (_TABLE.c.claimed_until.is_(None) | (_TABLE.c.claimed_until <= now))
    )


def _next(connection: sa.Connection, endpoint: Endpoint, now: dt.datetime, room: int) -> list[Delivery]:
    mine = _TABLE.c.endpoint == endpoint.id
    if endpoint.in_order:
        first = sa.select(sa.func.min(_TABLE.c.number)).where(mine & (_TABLE.c.state == WAITING)).scalar_subquery()
        query = sa.select(_TABLE).where((_TABLE.c.number == first) & _free(now))
    else:
        query = sa.select(_TABLE).where(mine & _free(now)).order_by(_TABLE.c.due_at, _TABLE.c.number).limit(room)
    return [_delivery(row) for row in connection.execute(query.with_for_update(skip_locked=True))]


def release(database: Database) -> int:
    """How many claims it freed: all of them, for a process that knows to be the only one that sends."""
    claimed = (_TABLE.c.state == WAITING) & _TABLE.c.claim.is_not(None)
    with database.writing() as connection:
        return connection.execute(_TABLE.update().where(claimed).values(claim=None, claimed_until=None)).rowcount


def record(database: Database, token: str, results: Sequence[Result], now: dt.datetime) -> int:
    """How many attempts it recorded: those whose claim is still the caller's."""
    recorded = 0
    with database.writing() as connection:
        for result in results:
            delivery = result.delivery
            held = (_TABLE.c.number == delivery.number) & (_TABLE.c.claim == token) & (_TABLE.c.state == WAITING)
            values = {
                "state": result.state, "attempts": _TABLE.c.attempts + 1, "due_at": result.due_at, "claim": None,
                "claimed_until": None, "status": result.status, "error": result.error,
                "finished_at": None if result.state == WAITING else now,
            }  # fmt: skip
            if not connection.execute(_TABLE.update().where(held).values(**values)).rowcount:
                continue
            recorded += 1
            if result.failed:
                endpoint = endpoints.existing(connection, delivery.endpoint)
                endpoints.note_failure(connection, endpoint, result.held_until, now)
            elif result.status is not None:
                endpoints.note_success(connection, delivery.endpoint)
            if result.disable is not None:
                endpoints.disable(connection, delivery.endpoint, result.disable)
    return recorded


# --- for people -------------------------------------------------------------------------------------------------


def listed(
    database: Database, *, endpoint: int | None = None, state: str | None = None, limit: int = 100
) -> tuple[Delivery, ...]:
    """Deliveries, newest first; of one endpoint or in one state only, if told so."""
    query = sa.select(_TABLE).order_by(_TABLE.c.number.desc()).limit(limit)
    if endpoint is not None:
        query = query.where(_TABLE.c.endpoint == endpoint)
    if state is not None:
        query = query.where(_TABLE.c.state == state)
    with database.reading() as connection:
        return tuple(_delivery(row) for row in connection.execute(query))


def revive(connection: sa.Connection, endpoint: int, now: dt.datetime) -> int:
    """How many of an endpoint that were given up are sent again, with all attempts before them."""
    given_up = (_TABLE.c.endpoint == endpoint) & (_TABLE.c.state == DEAD)
    return connection.execute(_TABLE.update().where(given_up).values(**_fresh(now))).rowcount


def _fresh(now: dt.datetime) -> dict[str, Any]:
    return {
        "state": WAITING, "attempts": 0, "due_at": now, "claim": None, "claimed_until": None, "finished_at": None,
    }  # fmt: skip


def retry(database: Database, now: dt.datetime, *, endpoint: int | None = None, id: str | None = None) -> int:
    """How many are sent again, with all attempts before them: those given up, or the one of an id, whatever its state.

    Raises:
        UnknownNameError: nothing has that id.
    """
    chosen = _TABLE.c.id == id if id is not None else _TABLE.c.state == DEAD
    if endpoint is not None:
        chosen &= _TABLE.c.endpoint == endpoint
    with database.writing() as connection:
        again = connection.execute(_TABLE.update().where(chosen).values(**_fresh(now))).rowcount
    if id is not None and not again:
        raise UnknownNameError(
            f"there is no delivery `{id}`", hint="`ethogram webhooks deliveries` shows what is kept of them."
        )
    return again


def waiting(connection: sa.Connection, endpoint: int) -> int:
    """How many wait for an endpoint."""
    query = sa.select(sa.func.count()).where((_TABLE.c.endpoint == endpoint) & (_TABLE.c.state == WAITING))
    return int(connection.execute(query).scalar_one())


def depth(database: Database) -> Depth:
    """How much is to be sent, and how much was given up."""
    live = sa.select(tables.endpoints.c.id).where(tables.endpoints.c.enabled).scalar_subquery()
    with database.reading() as connection:
        count, oldest = connection.execute(
            sa.select(sa.func.count(), sa.func.min(_TABLE.c.created_at)).where(
                (_TABLE.c.state == WAITING) & _TABLE.c.endpoint.in_(live)
            )
        ).one()
        dead = connection.execute(sa.select(sa.func.count()).where(_TABLE.c.state == DEAD)).scalar_one()
        return Depth(int(count), oldest, int(dead))


def prune(database: Database, *, sent_before: dt.datetime, dead_before: dt.datetime) -> int:
    """How many it removed: sent or given up before an instant each."""
    old = ((_TABLE.c.state == SENT) & (_TABLE.c.finished_at < sent_before)) | (
        (_TABLE.c.state == DEAD) & (_TABLE.c.finished_at < dead_before)
    )
    with database.writing() as connection:
        return connection.execute(_TABLE.delete().where(old)).rowcount


def _delivery(row: sa.Row[tuple[object, ...]]) -> Delivery:
    return Delivery(**row._asdict())
