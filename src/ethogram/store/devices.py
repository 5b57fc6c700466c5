"""Devices: phones and browsers that take notifications, and whose they are.

Step of the path: store. Statements inside a transaction of the ledger. A device is known by its token or its
subscription's endpoint; it belongs to whoever registered it last, as somebody who signs in on a shared phone does. One
that is gone is kept as ended, with the reason, until it registers again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ethogram.errors import InputError, UnknownNameError
from ethogram.model.message import Channel
from ethogram.store import given, persons, tables

if TYPE_CHECKING:
    from collections.abc import Collection

_TABLE = tables.devices
MOST = 20  # devices of a profile and channel that are written to; the one not seen for longest makes room
_LONGEST = 4_096  # characters of a token or a subscription
CHANNELS = (Channel.PUSH, Channel.WEBPUSH)


@dataclass(frozen=True, slots=True)
class Device:
    """A phone or a browser.

    Attributes:
        platform: `fcm`, `apns`, `web` …
        address: a token, or a subscription as JSON.
    """

    id: str
    profile_id: str
    channel: Channel
    platform: str
    address: str
    created_at: dt.datetime
    seen_at: dt.datetime
    ended_at: dt.datetime | None = None
    end_reason: str | None = None


def id_of(channel: Channel, address: str) -> str:
    """The id of a device: the same for a token or an endpoint, however the rest of a subscription is written.

    Raises:
        InputError: it is no token and no subscription.
    """
    named = address
    if channel not in CHANNELS or not address.strip() or len(address) > _LONGEST:
        raise InputError(
            f"this cannot be a device of the channel `{channel}`",
            hint=f"Devices are of `push` or `webpush`; a token has 1 to {_LONGEST:,} characters.",
        )
    if channel is Channel.WEBPUSH:
        named = _endpoint(address)
    return "dev_" + hashlib.blake2b(f"{channel.value}:{named}".encode(), digest_size=16).hexdigest()


def register(
    connection: sa.Connection,
    profile_id: str,
    channel: Channel,
    platform: str,
    address: str,
    now: dt.datetime,
    *,
    most: int = MOST,
) -> str:
    """The id of a device that takes notifications from now on; whoever had it before has it no more.

    Args:
        most: of the person's; others end, the one not seen for longest first.

    Raises:
        InputError: it is no token and no subscription.
    """
    id_ = id_of(channel, address)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    facts: dict[str, Any] = {"profile_id": profile_id, "platform": platform, "address": address, "seen_at": now}
    fresh = {**facts, "ended_at": None, "end_reason": None}
    statement = insert(_TABLE).values(id=id_, channel=channel, created_at=now, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=fresh))
    mine = _of(connection, persons.of(connection, [profile_id]).ids(), channel)
    for device in mine[most:]:
        _end(connection, _TABLE.c.id == device.id, f"the person has {most} newer ones", now)
    return id_


def see(connection: sa.Connection, ids: Collection[str], now: dt.datetime) -> int:
    """How many devices were noted as there."""
    some = given.among(connection, _TABLE.c.id, ids) & _TABLE.c.ended_at.is_(None) & (_TABLE.c.seen_at < now)
    return connection.execute(_TABLE.update().where(some).values(seen_at=now)).rowcount


def end(connection: sa.Connection, channel: Channel, address: str, reason: str, now: dt.datetime) -> bool:
    """Whether there was such a device that took notifications; it takes none any more."""
    return bool(_end(connection, _TABLE.c.id == id_of(channel, address), reason, now))


def get(connection: sa.Connection, id_: str) -> Device:
    """The device of an id, also one that takes nothing any more.

    Raises:
        UnknownNameError: there is none.
    """
    row = connection.execute(sa.select(_TABLE).where(_TABLE.c.id == id_)).one_or_none()
    if row is None:
        raise UnknownNameError(f"there is no device `{id_[:60]}`", hint="`ethogram devices list PROFILE` shows them.")
    return _device(row)


def end_by_id(connection: sa.Connection, id_: str, reason: str, now: dt.datetime) -> bool:
    """Whether there was a device of that id that took notifications; it takes none any more."""
    return bool(_end(connection, _TABLE.c.id == id_, reason, now))


def every(
    connection: sa.Connection, *, channel: Channel | None = None, ended: bool = False, after: str = "", limit: int = 100
) -> tuple[Device, ...]:
    """Devices of everybody by id, page by page.

    Args:
        ended: those that take nothing any more, too.
        after: the last id of the page before.
    """
    query = sa.select(_TABLE).where(_TABLE.c.id > after).order_by(_TABLE.c.id).limit(limit)
    if channel is not None:
        query = query.where(_TABLE.c.channel == channel)
    if not ended:
        query = query.where(_TABLE.c.ended_at.is_(None))
    return tuple(map(_device, connection.execute(query)))


def of_person(connection: sa.Connection, id_: str) -> tuple[Device, ...]:
    """All devices that a person ever had, the one seen last first."""
    ids = persons.of(connection, [id_]).ids()
    query = sa.select(_TABLE).where(_TABLE.c.profile_id.in_(ids)).order_by(_TABLE.c.seen_at.desc(), _TABLE.c.id)
    return tuple(map(_device, connection.execute(query)))


def of(connection: sa.Connection, people: persons.Persons) -> dict[str, dict[Channel, tuple[Device, ...]]]:
    """The devices of some persons, by each id that was asked for; the one seen last comes first."""
    profile_of = people.by_id()
    found: dict[str, dict[Channel, tuple[Device, ...]]] = {}
    for device in _of(connection, people.ids()):
        mine = found.setdefault(profile_of[device.profile_id], {})
        mine[device.channel] = (*mine.get(device.channel, ()), device)
    return {id_: found[profile] for id_, profile in people.profiles.items() if profile in found}


def _of(connection: sa.Connection, ids: Sequence[str], channel: Channel | None = None) -> list[Device]:
    query = sa.select(_TABLE).where(given.among(connection, _TABLE.c.profile_id, ids) & _TABLE.c.ended_at.is_(None))
    if channel is not None:
        query = query.where(_TABLE.c.channel == channel)
    rows = connection.execute(query.order_by(_TABLE.c.seen_at.desc(), _TABLE.c.id))
    return [_device(row) for row in rows]


def _device(row: Any) -> Device:
    return Device(**{**row._asdict(), "channel": Channel(row.channel)})


def _end(connection: sa.Connection, which: sa.ColumnElement[bool], reason: str, now: dt.datetime) -> int:
    ended = _TABLE.update().where(which & _TABLE.c.ended_at.is_(None)).values(ended_at=now, end_reason=reason)
    return connection.execute(ended).rowcount


def _endpoint(address: str) -> str:
    try:
        subscription = msgspec.json.decode(address)
    except msgspec.DecodeError:
        subscription = None
    endpoint = subscription.get("endpoint") if isinstance(subscription, dict) else None
    if not isinstance(endpoint, str) or not endpoint.startswith("https://"):
        raise InputError(
            "this is no subscription to web push",
            hint="It is the JSON of `PushSubscription.toJSON()`, with an `endpoint` that begins with `https://`.",
        )
    return endpoint
