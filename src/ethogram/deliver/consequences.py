"""What follows from a report: addresses that nothing is sent to any more, and campaigns that pause themselves.

Step of the path: deliver. Statements inside the transaction that notes the report: no message leaves in between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethogram.errors import InputError
from ethogram.model.message import Channel, Letter, Maker, Message
from ethogram.store import consents, devices, message_events, outbox_pauses, outbox_reading, suppressions
from ethogram.store.consents import Choice
from ethogram.store.message_events import Happening

if TYPE_CHECKING:
    import sqlalchemy as sa

_ADDRESSED = (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)  # whose addresses belong to people, and are suppressed
_DEVICES = (Channel.PUSH, Channel.WEBPUSH)
_ALIVE = frozenset({"delivered", "opened", "clicked"})


@dataclass(frozen=True, slots=True)
class Limits:
    """When too much is too much.

    Attributes:
        soft_bounces: so many in a row suppress an address.
        complaints: such a share of what was sent pauses a campaign; Gmail asks for less than 0.3 %.
        least_complaints: fewer say nothing.
    """

    soft_bounces: int = 5
    complaints: float = 0.003
    least_complaints: int = 5


def follow(
    connection: sa.Connection,
    message: Message,
    what: str,
    said: Mapping[str, Any],
    at: dt.datetime,
    now: dt.datetime,
    limits: Limits,
) -> None:
    """Does what follows from something new that happened to a message."""
    match what:
        case "bounced" if said.get("bounce") == "hard":
            _suppress(connection, message, "bounced", now)
        case "bounced":
            if _soft_in_a_row(connection, message) >= limits.soft_bounces:
                _suppress(connection, message, "bounced", now)
        case "complained":
            _suppress(connection, message, "complained", now)
            _unsubscribe(connection, message, "complaint", at, now)
            message_events.append(
                connection, [Happening(message.number, "unsubscribed", at, properties={"reason": "complaint"})], now
            )
            _pause_where_many_complain(connection, message, now, limits)
        case "unsubscribed":
            _unsubscribe(connection, message, "provider", at, now)
        case _:
            pass


def dead(connection: sa.Connection, message: Message, letter: Letter, reason: str, now: dt.datetime) -> None:
    """Sends nothing more to an address that a provider says is dead; the sender's hook."""
    channel = message.wanted.channel
    if channel in _DEVICES:
        devices.end(connection, channel, letter.address, reason, now)
    elif channel in _ADDRESSED:
        _add(connection, channel, letter.address, "bounced", now)


def _suppress(connection: sa.Connection, message: Message, reason: str, now: dt.datetime) -> None:
    if message.address and message.wanted.channel in _ADDRESSED:
        _add(connection, message.wanted.channel, message.address, reason, now)


def _add(connection: sa.Connection, channel: Channel, address: str, reason: str, now: dt.datetime) -> None:
    try:
        suppressions.add(connection, channel, [address], reason, "provider", now)
    except InputError:
        return  # what is no address is not sent to anyway


def _unsubscribe(connection: sa.Connection, message: Message, source: str, at: dt.datetime, now: dt.datetime) -> None:
    wanted = message.wanted
    consents.append(connection, [Choice(wanted.profile_id, wanted.channel, "", False, at, source)], now)


def _soft_in_a_row(connection: sa.Connection, message: Message) -> int:
    """How many soft bounces an address had since it last took something."""
    history = message_events.of_address(
        connection, message.wanted.profile_id, message.wanted.channel, message.address or ""
    )
    count = 0
    for event, properties in history:
        if event in _ALIVE:
            count = 0
        elif event == "bounced" and properties.get("bounce") == "soft":
            count += 1
    return count


def _pause_where_many_complain(connection: sa.Connection, message: Message, now: dt.datetime, limits: Limits) -> None:
    origin = message.wanted.origin
    if origin.maker not in (Maker.CAMPAIGN, Maker.JOURNEY):
        return
    complaints = message_events.count_of(connection, origin.maker, origin.name, "complained")
    if complaints < limits.least_complaints:
        return
    sent = outbox_reading.sent(connection, origin.maker, origin.name)
    if complaints < limits.complaints * sent:
        return
    reason = f"{complaints:,} of {sent:,} people complained; the limit is {limits.complaints:.1%}"
    outbox_pauses.pause(connection, origin.maker, origin.name, reason, now, by="complaints")
