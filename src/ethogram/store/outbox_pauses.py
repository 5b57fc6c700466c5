"""What shall not be sent for now: channels, campaigns and journeys that somebody or something has stopped.

Step of the path: deliver. Statements inside a transaction of the ledger. Senders look at every step, so that a pause
holds within seconds. A paused channel is passed over; messages of a paused campaign are laid aside when they come to
the front, so that they hold up nobody, and come back when it is resumed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from ethogram.model.message import Channel, Maker, State
from ethogram.store import settings, tables
from ethogram.store.outbox import take_turns

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANNEL: Final = "channel"
LAID_ASIDE: Final = "paused"  # the code of messages that wait for their campaign to be resumed
NEVER = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)  # when these are due
_SETTING = "outbox_pauses"


@dataclass(frozen=True, slots=True)
class Pause:
    """Something that is not sent for now.

    Attributes:
        kind: `channel`, `campaign` or `journey`.
        by: who stopped it: `person`, `provider` (it refuses us) or `complaints`.
    """

    kind: str
    name: str
    reason: str
    at: dt.datetime
    by: str = "person"


def pause_channel(
    connection: sa.Connection, channel: Channel, reason: str, now: dt.datetime, by: str = "person"
) -> bool:
    """Whether the channel was sending until now; its messages wait."""
    return _pause(connection, Pause(CHANNEL, channel, reason, now, by))


def resume_channel(connection: sa.Connection, channel: Channel) -> bool:
    """Whether the channel was paused; its messages are sent, oldest first."""
    return _resume(connection, CHANNEL, channel)


def pause(
    connection: sa.Connection, maker: Maker, name: str, reason: str, now: dt.datetime, by: str = "person"
) -> bool:
    """Whether the campaign or journey was sending until now; its messages wait."""
    return _pause(connection, Pause(maker, name, reason, now, by))


def resume(connection: sa.Connection, maker: Maker, name: str, now: dt.datetime) -> bool:
    """Whether the campaign or journey was paused; what was due meanwhile is due now."""
    table = tables.messages
    aside = (table.c.maker == maker) & (table.c.name == name) & (table.c.state == State.WAITING)
    aside &= table.c.due_at == NEVER
    connection.execute(table.update().where(aside).values(due_at=now, code=None, reason=None))
    return _resume(connection, maker, name)


def paused(connection: sa.Connection) -> dict[tuple[str, str], Pause]:
    """Everything that is paused, by kind and name."""
    found: Mapping[str, Mapping[str, str]] = settings.read(connection, _SETTING, {})
    pauses = [Pause(**{**each, "at": dt.datetime.fromisoformat(each["at"])}) for each in found.values()]  # type: ignore[arg-type]
    return {(each.kind, each.name): each for each in pauses}


def reason_of(connection: sa.Connection, maker: Maker, name: str) -> str | None:
    """Why the messages of a campaign or journey wait; None where they do not."""
    found = paused(connection).get((maker, name))
    return None if found is None else found.reason or f"paused by a {found.by}"


def _pause(connection: sa.Connection, wanted: Pause) -> bool:
    take_turns(connection)
    held = paused(connection)
    if (wanted.kind, wanted.name) in held:
        return False
    _keep(connection, {**held, (wanted.kind, wanted.name): wanted})
    return True


def _resume(connection: sa.Connection, kind: str, name: str) -> bool:
    take_turns(connection)
    held = paused(connection)
    if held.pop((kind, str(name)), None) is None:
        return False
    _keep(connection, held)
    return True


def _keep(connection: sa.Connection, held: Mapping[tuple[str, str], Pause]) -> None:
    value = {
        f"{kind}:{name}": {
            "kind": str(kind), "name": str(name), "reason": each.reason, "at": each.at.isoformat(), "by": each.by,
        }
        for (kind, name), each in held.items()
    }  # fmt: skip
    settings.keep(connection, _SETTING, value)
