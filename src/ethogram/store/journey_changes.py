"""What journeys want changed: traits and static segments, each wish once and in order, until somebody has seen to it.

Step of the path: decide → store. Statements inside a transaction of the ledger. A wish is written down with the step
that has it. Traits go the way of everything that is said of people: as a call of the inbox, known again by its id, so
telling it twice says it once. Lists are changed by whoever owns the warehouse; adding twice adds once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.store import given, identities, requests, tables
from ethogram.store.requests import Fact, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethogram.store.database import Database

_CHANGES = tables.journey_changes


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that a run wants changed.

    Attributes:
        kind: `traits`, `list` or `event`.
        body: `traits` and `unset`; `segment` and `added`; or `event` and `properties`.
    """

    number: int
    id: str
    profile_id: str
    kind: str
    body: dict[str, Any]
    created_at: dt.datetime


_WISHED = [_CHANGES.c[name] for name in Wish.__dataclass_fields__]


def waiting(connection: sa.Connection, kind: str, *, most: int) -> tuple[Wish, ...]:
    """The oldest wishes of a kind."""
    query = sa.select(*_WISHED).where(_CHANGES.c.kind == kind).order_by(_CHANGES.c.number).limit(most)
    return tuple(Wish(*row) for row in connection.execute(query))


def done(connection: sa.Connection, wishes: Sequence[Wish]) -> None:
    """Forgets wishes that were seen to."""
    here = given.among(connection, _CHANGES.c.number, [wish.number for wish in wishes])
    connection.execute(_CHANGES.delete().where(here))


def tell_traits(database: Database, now: dt.datetime, *, most: int = 2_000) -> int:
    """How many wishes about traits it told the inbox; they are in the warehouse with the next blocks."""
    with database.reading() as connection:
        wishes = waiting(connection, "traits", most=most)
    if wishes:
        requests.keep(database, [[_message(wish) for wish in wishes]], now)
        with database.writing() as connection:
            done(connection, wishes)
    return len(wishes)


def tell_events(database: Database, now: dt.datetime, *, most: int = 2_000) -> int:
    """How many events of runs it told the inbox: who entered, was split and left; segments may use them like others."""
    with database.reading() as connection:
        wishes = waiting(connection, "event", most=most)
    if wishes:
        with database.writing() as connection:
            known = identities.known_among(connection, {wish.profile_id for wish in wishes})
            requests.keep_within(connection, [[_event(wish, known=wish.profile_id in known) for wish in wishes]], now)
            done(connection, wishes)
    return len(wishes)


def _event(wish: Wish, *, known: bool) -> Message:
    """The call that an event becomes; an id that no call names as `userId` must not become that by being told of."""
    at = round(wish.created_at.timestamp() * 1_000_000)
    fact = Fact("events", given.json(wish.body["properties"]), event=wish.body["event"])
    ids = (wish.profile_id, "") if known else ("", wish.profile_id)
    return Message(wish.id, "track", *ids, at, (fact,))


def _message(wish: Wish) -> Message:
    content = given.json(wish.body["traits"])
    at = round(wish.created_at.timestamp() * 1_000_000)
    fact = Fact("profiles", content, unset=tuple(wish.body["unset"]))
    return Message(wish.id, "identify", wish.profile_id, "", at, (fact,))
