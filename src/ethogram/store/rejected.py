"""Rejected calls: the newest of each reason, for whoever asks why something did not arrive.

Step of the path: collect. Senders read the status of an answer and no more, so what was rejected is kept here for some
days: few rows of each reason, each cut short, so that no flood of bad calls fills the ledger. It judges nothing and
holds no key.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from ethogram.store import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethogram.store.database import Database

MOST = 500  # rows of one reason
AGE = dt.timedelta(days=7)


class RejectedDraft(msgspec.Struct, frozen=True):
    """A rejected call or request that is not in the ledger yet.

    Attributes:
        code: the reason, one word of a fixed list.
        reason: the same as a sentence.
        endpoint: what the call was sent to, `batch` or `track` for instance.
        index: its place in its batch.
        message_id: as it gave it, empty where it gave none.
        content: how it began, without keys; empty where the sender is not known.
    """

    at: dt.datetime
    code: str
    reason: str
    endpoint: str
    index: int = 0
    message_id: str = ""
    content: str = ""


class Rejected(RejectedDraft, frozen=True, kw_only=True):
    """A rejected call; see `RejectedDraft`."""

    id: int


def note(database: Database, drafts: Sequence[RejectedDraft], now: dt.datetime) -> None:
    """Keeps rejected calls, and forgets those that are too many of their reason or too old."""
    if not drafts:
        return
    table = tables.rejected
    with database.writing() as connection:
        connection.execute(table.insert(), [msgspec.structs.asdict(draft) for draft in drafts])
        for code in sorted({draft.code for draft in drafts}):
            newest = sa.select(table.c.id).where(table.c.code == code).order_by(table.c.id.desc())
            beyond = connection.execute(newest.limit(1).offset(MOST)).scalar()
            if beyond is not None:
                connection.execute(table.delete().where((table.c.code == code) & (table.c.id <= beyond)))
        connection.execute(table.delete().where(table.c.at < now - AGE))


def listed(database: Database, *, limit: int, code: str | None = None) -> list[Rejected]:
    """The rejected calls, newest first.

    Args:
        limit: how many at most.
        code: only those of this reason.
    """
    table = tables.rejected
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if code is not None:
        query = query.where(table.c.code == code)
    with database.reading() as connection:
        return [Rejected(**row) for row in connection.execute(query).mappings()]


def counts(database: Database) -> dict[str, int]:
    """How many rejected calls are kept of each reason, the most first."""
    table = tables.rejected
    many = sa.func.count()
    query = sa.select(table.c.code, many).group_by(table.c.code).order_by(many.desc(), table.c.code)
    with database.reading() as connection:
        return {code: int(count) for code, count in connection.execute(query)}
