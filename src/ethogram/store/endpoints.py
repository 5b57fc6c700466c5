"""Endpoints: where things are sent over HTTP, with the secrets that sign them and how sending goes.

Step of the path: store. Statements inside a transaction of the ledger. An endpoint is a webhook's or a sync's; what it
is told is theirs. A secret signs what is sent, so it is kept as it is; it is shown when it is made.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from ethogram.errors import UnknownNameError
from ethogram.store import tables

_TABLE = tables.endpoints


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where things are sent, and how that goes.

    Attributes:
        in_order: one delivery at a time, and none before the one before it.
        reason: why nothing is sent, where it is not enabled.
        failures: in a row, that were the endpoint's and not one delivery's.
        held_until: nothing is sent before.
    """

    id: int
    kind: str
    url: str
    label: str
    secret: str
    old_secret: str | None
    old_until: dt.datetime | None
    in_order: bool
    enabled: bool
    reason: str | None
    failures: int
    failing_since: dt.datetime | None
    held_until: dt.datetime | None
    created_at: dt.datetime
    removed_at: dt.datetime | None

    def signers(self, now: dt.datetime) -> tuple[str, ...]:
        """The secrets that sign at an instant: the newest first, the one before as long as it is good."""
        if self.old_secret is None or self.old_until is None or now >= self.old_until:
            return (self.secret,)
        return (self.secret, self.old_secret)


def add(
    connection: sa.Connection, *, kind: str, url: str, label: str, secret: str, in_order: bool, now: dt.datetime
) -> Endpoint:
    """A new endpoint, enabled."""
    facts = {
        "kind": kind, "url": url, "label": label, "secret": secret, "in_order": in_order, "enabled": True,
        "failures": 0, "created_at": now,
    }  # fmt: skip
    number = connection.execute(_TABLE.insert().values(**facts)).inserted_primary_key
    assert number is not None
    return existing(connection, int(number[0]))


def existing(connection: sa.Connection, number: int) -> Endpoint:
    """The endpoint of that number, also one that was removed.

    Raises:
        UnknownNameError: there is none.
    """
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == number)).first()
    if row is None:
        raise UnknownNameError(f"there is no endpoint {number}")
    return Endpoint(**row._asdict())


def rotate(connection: sa.Connection, number: int, secret: str, old_until: dt.datetime) -> None:
    """Signs with another secret; the one before signs too until an instant."""
    values = {"secret": secret, "old_secret": _TABLE.c.secret, "old_until": old_until}
    connection.execute(_TABLE.update().where(_TABLE.c.id == number).values(**values))


def disable(connection: sa.Connection, number: int, reason: str) -> None:
    """Sends nothing any more until it is enabled again; what waits stays."""
    connection.execute(_TABLE.update().where(_TABLE.c.id == number).values(enabled=False, reason=reason))


def enable(connection: sa.Connection, number: int) -> None:
    """Sends again, as if nothing had failed."""
    fresh = {"enabled": True, "reason": None, "failures": 0, "failing_since": None, "held_until": None}
    connection.execute(_TABLE.update().where(_TABLE.c.id == number).values(**fresh))


def remove(connection: sa.Connection, number: int, now: dt.datetime) -> None:
    """Ends an endpoint; what waited for it is not sent."""
    values = {"enabled": False, "reason": "it was removed", "removed_at": now}
    connection.execute(_TABLE.update().where(_TABLE.c.id == number).values(**values))
    waiting = (tables.deliveries.c.endpoint == number) & (tables.deliveries.c.state == "waiting")
    connection.execute(tables.deliveries.delete().where(waiting))


def note_success(connection: sa.Connection, number: int) -> None:
    """An answer came: whatever was in the way is over."""
    troubled = (_TABLE.c.failures > 0) | _TABLE.c.held_until.is_not(None)
    fresh = {"failures": 0, "failing_since": None, "held_until": None}
    connection.execute(_TABLE.update().where((_TABLE.c.id == number) & troubled).values(**fresh))


def note_failure(
    connection: sa.Connection, endpoint: Endpoint, held_until: dt.datetime | None, now: dt.datetime
) -> None:
    """One more failure in a row, and until when nothing is sent."""
    values = {"failures": endpoint.failures + 1, "failing_since": endpoint.failing_since or now}
    if held_until is not None:
        values["held_until"] = max(held_until, endpoint.held_until or held_until)
    connection.execute(_TABLE.update().where(_TABLE.c.id == endpoint.id).values(**values))
