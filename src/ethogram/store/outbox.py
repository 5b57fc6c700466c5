"""The outbox: messages written down once, whatever was decided about them, and what people change about those.

Step of the path: decide → deliver. Statements inside a transaction of the ledger, so that whoever decides writes down
how far it has come together with what it wants. A message's id is derived from its cause: written down again, nothing
happens. Who is refused or held out has a row, too, with the reason. Sending is in `outbox_claims.py`, looking in
`outbox_reading.py`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

import sqlalchemy as sa

from ethogram.errors import InputError, UnknownNameError
from ethogram.model.message import Channel, Eligible, HeldOut, Maker, Postponed, Refused, State, Verdict, Wanted
from ethogram.store import given, message_events, tables, tombstones
from ethogram.store.message_events import Happening

if TYPE_CHECKING:
    from collections.abc import Sequence

Judged: TypeAlias = tuple[Wanted, "Verdict | HeldOut"]
_TABLE = tables.messages
_TURNS = 0x6574686F6F757462  # any fixed number: holds deciding by caps for one transaction at a time


class Decision(StrEnum):
    """What a person says about a message of which nobody knows whether it was sent."""

    SENT = "sent"
    AGAIN = "again"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of what was decided.

    Attributes:
        states: how many new messages are in which state.
        known: how many were written down before; nothing was done about them.
    """

    states: dict[State, int]
    known: int


def take_turns(connection: sa.Connection) -> None:
    """Waits until no other transaction that asked for it decides; a cap that is counted now still holds at the end."""
    if connection.dialect.name == "postgresql":  # on SQLite whoever writes is alone anyway
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURNS)))


def append(connection: sa.Connection, judged: Sequence[Judged], now: dt.datetime) -> Appended:
    """Writes down what was decided, each message once; what is refused or held out is told as an event."""
    rows: dict[str, dict[str, Any]] = {}
    erased = tombstones.among(connection, {wanted.profile_id for wanted, _ in judged})
    for wanted, verdict in judged:
        if wanted.profile_id in erased:
            continue
        row = _row(wanted, verdict, now)
        rows.setdefault(row["id"], row)
    new = _insert(connection, rows)
    ended = [row for row in new if row["finished_at"] is not None]
    if ended:
        numbers = numbers_of(connection, [row["id"] for row in ended])
        message_events.append(
            connection,
            [Happening(numbers[row["id"]], row["state"], now, properties=_why(row)) for row in ended],
            now,
        )
    return Appended(dict(Counter(State(row["state"]) for row in new)), len(judged) - len(new))


# The text of a name in an enumeration, which the enumeration takes longer to tell than all the rest of a row.
_VALUES = {each: each.value for kind in (Maker, Channel, State) for each in kind}


def _row(wanted: Wanted, verdict: Verdict | HeldOut, now: dt.datetime) -> dict[str, Any]:
    origin, state = wanted.origin, State.WAITING
    due_at = wanted.due_at
    code = reason = None
    match verdict:
        case Eligible():
            pass
        case Postponed():
            due_at, reason = max(verdict.until, due_at), verdict.reason
        case Refused():
            state, code, reason = State.REFUSED, verdict.code, verdict.reason
        case HeldOut():
            state, code, reason = State.HELD_OUT, "held_out", verdict.reason
        case _:
            assert_never(verdict)
    return {
        "id": wanted.id, "maker": _VALUES[origin.maker], "name": origin.name, "version": origin.version,
        "step": origin.step, "occurrence": origin.occurrence, "variant": origin.variant,
        "profile_id": wanted.profile_id, "channel": _VALUES[wanted.channel], "topic": wanted.topic,
        "template": wanted.template, "priority": wanted.priority, "transactional": wanted.transactional,
        "twice_rather_than_not": wanted.twice_rather_than_not, "data": dict(wanted.data), "state": _VALUES[state],
        "code": code, "reason": reason, "attempts": 0, "due_at": due_at, "expires_at": wanted.expires_at,
        "begun": False, "created_at": now, "finished_at": None if state is State.WAITING else now,
    }  # fmt: skip


def _why(row: dict[str, Any]) -> dict[str, Any]:
    return {"code": row["code"], "reason": row["reason"]}


# The columns of a new message, in the order in which they are written, with their types.
_COLUMNS = {
    "id": given.TEXT, "maker": given.TEXT, "name": given.TEXT, "version": given.LONG, "step": given.TEXT,
    "occurrence": given.TEXT, "variant": given.TEXT, "profile_id": given.TEXT, "channel": given.TEXT,
    "topic": given.TEXT, "template": given.TEXT, "priority": given.LONG, "transactional": given.BOOL,
    "twice_rather_than_not": given.BOOL, "data": given.JSON, "state": given.TEXT, "code": given.TEXT,
    "reason": given.TEXT, "attempts": given.LONG, "due_at": given.INSTANT, "expires_at": given.INSTANT,
    "begun": given.BOOL, "created_at": given.INSTANT, "finished_at": given.INSTANT,
}  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
_INTO_SQLITE = f"INSERT INTO messages ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"


def _insert(connection: sa.Connection, rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that were not there before, and are now."""
    if not rows:
        return []
    if connection.dialect.name == "postgresql":
        statement = (
            f"INSERT INTO messages ({_NAMES}) SELECT {_NAMES} FROM {given.rows(connection, _COLUMNS)} "
            "ON CONFLICT DO NOTHING RETURNING id"
        )
        written = connection.execute(sa.text(statement), {"given": given.text(list(rows.values()))})
        return [rows[id_] for id_ in written.scalars()]
    # Nobody else writes to SQLite meanwhile. The driver takes rows three times as fast as they are compiled.
    known = numbers_of(connection, list(rows))
    new = [row for id_, row in rows.items() if id_ not in known]
    if new:
        told: dict[dt.datetime | None, str | None] = {None: None}
        for row in new:
            for name in ("due_at", "expires_at", "created_at", "finished_at"):
                if row[name] not in told:
                    told[row[name]] = given.instant(connection, row[name])
        values = [
            tuple(
                {
                    **row,
                    "data": given.json(row["data"]) if row["data"] else "{}",
                    "due_at": told[row["due_at"]],
                    "expires_at": told[row["expires_at"]],
                    "created_at": told[row["created_at"]],
                    "finished_at": told[row["finished_at"]],
                }.values()
            )
            for row in new
        ]
        connection.exec_driver_sql(_INTO_SQLITE, values)
    return new


def numbers_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    """The numbers of those messages that there are, by id."""
    query = sa.select(_TABLE.c.id, _TABLE.c.number).where(given.among(connection, _TABLE.c.id, ids))
    return {row.id: row.number for row in connection.execute(query)}


# --- changing one's mind ------------------------------------------------------------------------------------------


def _stoppable() -> sa.ColumnElement[bool]:
    """Messages that have not been given to a provider: whoever holds a claim finds it gone before he begins."""
    claimed = (_TABLE.c.state == State.CLAIMED) & _TABLE.c.begun.is_(False)
    return (_TABLE.c.state == State.WAITING) | claimed


def displace(connection: sa.Connection, id_: str, reason: str, now: dt.datetime, code: str = "outranked") -> bool:
    """Whether a message gave way that was to be sent; one that is on its way or sent does not.

    Args:
        reason: names the winner.
    """
    values = {"state": State.REFUSED, "code": code, "reason": reason}
    return bool(_end(connection, _TABLE.c.id == id_, values, now))


def cancel(
    connection: sa.Connection,
    now: dt.datetime,
    reason: str,
    *,
    origin: tuple[Maker, str] | None = None,
    occurrence: str | None = None,
    ids: Sequence[str] | None = None,
) -> int:
    """How many messages are not sent any more: those of a campaign or a journey, or those of some ids.

    Args:
        origin: who made them, and its name.
        occurrence: only those of this one, such as a run's.
    """
    if (origin is None) == (ids is None):
        raise ValueError("say either whose messages, or which")
    values = {"state": State.CANCELLED, "code": "cancelled", "reason": reason}
    if ids is not None:
        return _end(connection, given.among(connection, _TABLE.c.id, ids), values, now)
    assert origin is not None
    chosen = (_TABLE.c.maker == origin[0]) & (_TABLE.c.name == origin[1])
    if occurrence is not None:
        chosen &= _TABLE.c.occurrence == occurrence
    return _end(connection, chosen, values, now)


def _end(connection: sa.Connection, which: sa.ColumnElement[bool], values: dict[str, Any], now: dt.datetime) -> int:
    chosen = which & _stoppable()
    why = {"code": values["code"], "reason": values["reason"]}
    message_events.append_of(connection, chosen, values["state"], why, now)
    ended = _TABLE.update().where(chosen).values(**values, claim=None, claimed_until=None, finished_at=now)
    return connection.execute(ended).rowcount


def decide(connection: sa.Connection, id_: str, decision: Decision, now: dt.datetime) -> None:
    """Says what shall become of a message of which nobody knows whether it was sent.

    Raises:
        UnknownNameError: there is no such message.
        InputError: it is not one of those.
    """
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == id_).with_for_update()).one_or_none()
    if row is None:
        raise UnknownNameError(f"there is no message `{id_}`", hint="`ethogram outbox unsure` lists those in doubt.")
    if row.state != State.UNSURE:
        raise InputError(
            f"message `{id_}` is {row.state}; only about an unsure one can be decided",
            hint="`ethogram outbox unsure` lists those.",
        )
    values: dict[str, Any] = {"claim": None, "claimed_until": None, "begun": False, "code": None, "reason": None}
    match decision:
        case Decision.SENT:
            values |= {"state": State.SENT, "finished_at": now}
            told: Happening | None = Happening(row.number, "sent", row.finished_at or now)
        case Decision.AGAIN:  # somebody wants it, so it is not too late
            values |= {"state": State.WAITING, "due_at": now, "expires_at": None, "finished_at": None}
            told = None
        case Decision.DROP:
            why = {"code": "dropped", "reason": "nobody knows whether it was sent, and somebody decided to leave it"}
            values |= {"state": State.FAILED, "finished_at": now, **why}
            told = Happening(row.number, "failed", now, properties=why)
    connection.execute(_TABLE.update().where(_TABLE.c.number == row.number).values(**values))
    if told is not None:
        message_events.append(connection, [told], now)
