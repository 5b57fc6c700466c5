"""Sending from the outbox: messages are claimed, begun just before the provider is asked, and recorded.

Step of the path: deliver. Statements inside a transaction of the ledger. A claim belongs to a token: whoever has lost
his begins and records nothing. What was begun and never recorded may have been sent: it is sent again, under the same
id, where the provider knows a repetition or where the message says that twice is better than not; otherwise it is
unsure, and a person decides.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from ethogram.model.message import Channel, Message, State
from ethogram.store import given, message_events, tables
from ethogram.store.message_events import Happening
from ethogram.store.outbox_reading import COLUMNS, message

_TABLE = tables.messages
UNSURE: Final = "unsure"  # the code of messages that may have been sent


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be recorded of a claimed message.

    Attributes:
        state: waiting, sent, refused, failed or unsure.
        due_at: the next attempt, where it waits; None leaves it.
        begun: the provider was asked; without, it does not count as an attempt.
        told: beside the reason, in the event.
    """

    number: int
    state: State
    due_at: dt.datetime | None = None
    code: str | None = None
    reason: str | None = None
    provider_id: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


def due_channels(connection: sa.Connection, now: dt.datetime) -> list[Channel]:
    """The channels that have messages that are due."""
    row = connection.execute(_DUE_CHANNELS, {"now": now}).one()
    return [channel for channel, found in zip(Channel, row, strict=True) if found]


# Asked at each step: built once, for building a statement takes longer than running it.
_NOW: Final[sa.ColumnElement[Any]] = sa.bindparam("now", type_=_TABLE.c.due_at.type)


def _due(channel: sa.ColumnElement[Any] | Channel) -> sa.ColumnElement[bool]:
    return (_TABLE.c.state == State.WAITING) & (_TABLE.c.channel == channel) & (_TABLE.c.due_at <= _NOW)


_DUE_CHANNELS: Final = sa.select(
    *(sa.exists(sa.select(_TABLE.c.number).where(_due(channel))).label(channel) for channel in Channel)
)
_FIRST: Final = (
    sa.select(_TABLE.c.number)
    .where(_due(sa.bindparam("channel")) & (_TABLE.c.transactional == sa.bindparam("owed")))
    .order_by(_TABLE.c.due_at, _TABLE.c.number)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)
)


def claim(
    connection: sa.Connection, channel: Channel, now: dt.datetime, lease: dt.timedelta, token: str, *, most: int
) -> list[Message]:
    """Messages of a channel that are due and nobody sends, claimed: what is owed to people first, then oldest first.

    Args:
        lease: after so long without a word they are free again.
        token: names the claimer.
    """
    found: list[Message] = []
    for transactional in (True, False):
        if len(found) >= most:
            break
        # Chosen apart: a subquery with a limit may be asked for more than once.
        given_now = {"now": now, "channel": channel.value, "owed": transactional, "most": most - len(found)}
        numbers = list(connection.execute(_FIRST, given_now).scalars())
        if not numbers:
            continue
        taken = (
            _TABLE.update()
            .where(given.among(connection, _TABLE.c.number, numbers))
            .values(state=State.CLAIMED, claim=token, claimed_until=now + lease, begun=False)
            .returning(*COLUMNS)
        )
        found += sorted(map(message, connection.execute(taken)), key=operator.attrgetter("due_at", "number"))
    return found


# `coalesce(state, '')`: SQLite shall find messages by their number, and not look at all that are claimed for each row.


def begin(connection: sa.Connection, token: str, addresses: Mapping[int, str]) -> set[int]:
    """The messages whose claim is still the caller's; each counts as given to the provider from now on.

    Args:
        addresses: where each goes, by number.
    """
    rows = [{"mine": number, "place": address} for number, address in addresses.items()]
    statement = (
        f"UPDATE messages SET begun = true, attempts = attempts + 1, address = given.place "
        f"FROM {given.rows(connection, {'mine': given.LONG, 'place': given.TEXT})} "
        "WHERE number = given.mine AND claim = :token AND coalesce(state, '') = 'claimed' RETURNING number"
    )
    return set(connection.execute(sa.text(statement), {"given": given.text(rows), "token": token}).scalars())


_RESULT = {
    "mine": given.LONG, "new_state": given.TEXT, "due": given.INSTANT, "why": given.TEXT, "said": given.TEXT,
    "theirs": given.TEXT, "ended": given.INSTANT,
}  # fmt: skip


def record(connection: sa.Connection, token: str, results: Sequence[Result], now: dt.datetime) -> set[int]:
    """The messages whose results were recorded: those whose claim is still the caller's.

    One that was taken for lost meanwhile, and about which nobody has decided, is settled by whoever knows.
    """
    if not results:
        return set()
    ended = given.instant(connection, now)
    rows = [
        {"mine": each.number, "new_state": each.state,
         "due": given.instant(connection, each.due_at) if each.due_at is not None else None, "why": each.code,
         "said": each.reason, "theirs": each.provider_id, "ended": None if each.state is State.WAITING else ended}
        for each in results
    ]  # fmt: skip
    statement = (
        "UPDATE messages SET state = given.new_state, due_at = coalesce(given.due, due_at), code = given.why, "
        "reason = given.said, provider_id = given.theirs, claim = NULL, claimed_until = NULL, begun = false, "
        f"finished_at = given.ended FROM {given.rows(connection, _RESULT)} "
        "WHERE number = given.mine AND claim = :token AND coalesce(state, '') IN ('claimed', 'unsure') RETURNING number"
    )
    held = set(connection.execute(sa.text(statement), {"given": given.text(rows), "token": token}).scalars())
    told = [
        Happening(each.number, _TOLD[each.state], now, properties=_said(each))
        for each in results
        if each.number in held and each.state in _TOLD
    ]
    message_events.append(connection, told, now)
    return held


_TOLD: Final = {state: state.value for state in State if state not in (State.WAITING, State.UNSURE)}


def _said(result: Result) -> Mapping[str, Any]:
    if result.code is None and result.reason is None:
        return result.told
    why = {"code": result.code, "reason": result.reason}
    return {**{name: value for name, value in why.items() if value is not None}, **result.told}


@dataclass(frozen=True, slots=True)
class Freed:
    """What became of messages that nobody sends any more: sent again, or left to a person."""

    waiting: int
    unsure: int


def release(connection: sa.Connection, idempotent: Collection[str], now: dt.datetime) -> Freed:
    """Frees all claims, for a process that knows to be the only one that sends.

    Args:
        idempotent: the channels whose providers know a repetition.
    """
    return _free(connection, sa.true(), idempotent, now, "whoever sent it ended before the provider's answer was known")


def release_expired(connection: sa.Connection, idempotent: Collection[str], now: dt.datetime) -> Freed:
    """Frees claims whose holders have not been heard of for too long."""
    late = _TABLE.c.claimed_until <= now
    return _free(connection, late, idempotent, now, "whoever sent it has not been heard of since")


def renew(connection: sa.Connection, token: str, until: dt.datetime) -> int:
    """How many claims hold for longer now."""
    mine = (_TABLE.c.state == State.CLAIMED) & (_TABLE.c.claim == token)
    return connection.execute(_TABLE.update().where(mine).values(claimed_until=until)).rowcount


def _free(
    connection: sa.Connection, which: sa.ColumnElement[bool], idempotent: Collection[str], now: dt.datetime, why: str
) -> Freed:
    claimed = (_TABLE.c.state == State.CLAIMED) & which
    again = _TABLE.c.begun.is_(False) | _TABLE.c.twice_rather_than_not | _TABLE.c.channel.in_(sorted(idempotent))
    waiting = {"state": State.WAITING, "claim": None, "claimed_until": None, "begun": False}
    freed = connection.execute(_TABLE.update().where(claimed & again).values(**waiting)).rowcount
    # These keep the claim's name: its holder may still live, and then knows what became of them.
    unsure = {"state": State.UNSURE, "code": UNSURE, "reason": why, "finished_at": now}
    doubtful = connection.execute(_TABLE.update().where(claimed).values(**unsure)).rowcount
    return Freed(freed, doubtful)
