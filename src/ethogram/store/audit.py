"""The audit log: who did what to which object.

Step of the path: store. Statements inside a transaction of the ledger (`ledger.py`); lines are added and never changed.
Who signed in is known where a request is answered, not where it is done: `acting_as` says it for everything inside.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.store import tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

Connection = sa.Connection
_ACTOR: ContextVar[str] = ContextVar("actor", default="")


@contextlib.contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Whatever is recorded inside was done by somebody, whom those who record it do not know."""
    before = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(before)


def acting(otherwise: str) -> str:
    """Who does what is done now."""
    return _ACTOR.get() or otherwise


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object."""

    at: dt.datetime
    actor: str
    verb: str
    object: str
    detail: dict[str, Any]


def record(
    connection: sa.Connection, *, actor: str, verb: str, object: str, detail: Mapping[str, Any], now: dt.datetime
) -> None:
    """Adds a line."""
    facts = {"at": now, "actor": _ACTOR.get() or actor, "verb": verb, "object": object, "detail": dict(detail)}
    connection.execute(tables.audit.insert().values(**facts))


def record_all(connection: sa.Connection, entries: Sequence[AuditEntry]) -> None:
    """Adds several lines."""
    known = [replace(entry, actor=_ACTOR.get() or entry.actor) for entry in entries]
    connection.execute(tables.audit.insert(), [asdict(entry) for entry in known])


def newest(connection: sa.Connection, limit: int) -> tuple[AuditEntry, ...]:
    """The newest lines, newest first."""
    audit = tables.audit
    query = sa.select(audit.c.at, audit.c.actor, audit.c.verb, audit.c.object, audit.c.detail)
    rows = connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
    return tuple(AuditEntry(**row._asdict()) for row in rows)
