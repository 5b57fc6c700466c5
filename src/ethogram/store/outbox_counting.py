"""Counting the outbox: the messages of people that frequency caps count.

Step of the path: store. Reads messages inside the transaction that adds to them (after `outbox.take_turns`), so that
what was counted still holds when it ends. Refused, held out, failed and cancelled messages count for nothing; nor do
those that are owed to people, nor tests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from ethogram.model.message import Maker, State
from ethogram.store import given, tables

_TABLE = tables.messages
_COUNTED: Final = (State.WAITING, State.CLAIMED, State.SENT, State.UNSURE)


@dataclass(frozen=True, slots=True)
class Counted:
    """A message that counts.

    Attributes:
        at: when it was sent, or is due.
        waits: nobody has begun to send it.
    """

    id: str
    profile_id: str
    channel: str
    topic: str
    priority: int
    at: dt.datetime
    waits: bool
    maker: str
    name: str


def counted(connection: sa.Connection, profile_ids: Collection[str], since: dt.datetime) -> list[Counted]:
    """The messages of some profiles that count at an instant or after it."""
    names = ("id", "profile_id", "channel", "topic", "priority", "state", "due_at", "finished_at", "maker", "name")
    query = (
        sa.select(*(_TABLE.c[name] for name in names))
        # By itself SQLite goes through all messages of these states, however many people there are.
        .with_hint(_TABLE, "INDEXED BY ix_messages_profile_id_created_at", "sqlite")
        .where(
            given.among(connection, _TABLE.c.profile_id, profile_ids)
            & _TABLE.c.state.in_(_COUNTED)
            & _TABLE.c.transactional.is_(False)
            & (_TABLE.c.maker != Maker.TEST)
            & ((_TABLE.c.finished_at >= since) | _TABLE.c.finished_at.is_(None))
        )
    )
    return [
        Counted(
            row.id, row.profile_id, row.channel, row.topic, row.priority, row.finished_at or row.due_at,
            row.state == State.WAITING, row.maker, row.name,
        )
        for row in connection.execute(query)
    ]  # fmt: skip
