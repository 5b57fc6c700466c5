"""The audit log: who did what to which object.

Step of the path: store. Statements inside a transaction of the ledger (`ledger.py`); lines are added and never changed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.store import tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence


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
    connection.execute(tables.audit.insert().values(at=now, actor=actor, verb=verb, object=object, detail=dict(detail)))


def record_all(connection: sa.Connection, entries: Sequence[AuditEntry]) -> None:
    """Adds several lines."""
    connection.execute(tables.audit.insert(), [asdict(entry) for entry in entries])


def newest(connection: sa.Connection, limit: int) -> tuple[AuditEntry, ...]:
    """The newest lines, newest first."""
    audit = tables.audit
    query = sa.select(audit.c.at, audit.c.actor, audit.c.verb, audit.c.object, audit.c.detail)
    rows = connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
    return tuple(AuditEntry(**row._asdict()) for row in rows)
