"""Looking at the outbox: messages, how many are in which state, and what may be forgotten.

Step of the path: store. Reads messages; removes those that ended long ago, and no id that might be asked for again.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.model.message import Channel, Maker, Message, Origin, State, Wanted
from ethogram.store import given, tables

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ethogram.store.database import Database

_TABLE = tables.messages
_TOGETHER = 2_000  # rows that are removed in one transaction
_MAKERS = {each.value: each for each in Maker}
_CHANNELS = {each.value: each for each in Channel}
_STATES = {each.value: each for each in State}
_LATELY = 100  # texts to a number that are looked at
_TEXTS = sa.text("channel IN ('sms', 'whatsapp')")  # as their index says it
_LIVE = (State.WAITING, State.CLAIMED, State.UNSURE)


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages of a campaign or journey are alike.

    Attributes:
        code: why, in a word; None where there is nothing to say.
    """

    version: int
    step: str
    variant: str
    state: State
    code: str | None
    messages: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is to be sent through a channel: due now, since when, in all; and how much a person decides about."""

    channel: Channel
    due: int
    oldest_at: dt.datetime | None
    waiting: int
    unsure: int


_NAMES = (
    "number", "id", "maker", "name", "version", "occurrence", "step", "variant", "profile_id", "channel", "template",
    "topic", "priority", "transactional", "data", "expires_at", "twice_rather_than_not", "state", "code", "reason",
    "address", "attempts", "due_at", "provider_id", "created_at", "finished_at",
)  # fmt: skip
COLUMNS = tuple(_TABLE.c[name] for name in _NAMES)  # in the order that `message` takes them


@functools.lru_cache(maxsize=1024)  # a campaign's messages have few
def _origin(maker: str, name: str, version: int, occurrence: str, step: str, variant: str) -> Origin:
    return Origin(_MAKERS[maker], name, version, occurrence, step, variant)


def message(row: Any) -> Message:
    """The message of a row of `COLUMNS`."""
    (
        number, id_, maker, name, version, occurrence, step, variant, profile_id, channel, template, topic, priority,
        transactional, data, expires_at, twice, state, code, reason, address, attempts, due_at, provider_id,
        created_at, finished_at,
    ) = row  # fmt: skip
    origin = _origin(maker, name, version, occurrence, step, variant)
    wanted = Wanted(
        origin,
        profile_id,
        _CHANNELS[channel],
        template,
        due_at,
        topic,
        priority,
        transactional,
        data,
        expires_at,
        twice,
    )
    return Message(
        number, id_, wanted, _STATES[state], code, reason, address, attempts, due_at, provider_id, created_at,
        finished_at,
    )  # fmt: skip


def find(connection: sa.Connection, id_: str) -> Message | None:
    """The message of an id, if there is one."""
    row = connection.execute(sa.select(*COLUMNS).where(_TABLE.c.id == id_)).one_or_none()
    return None if row is None else message(row)


def find_theirs(connection: sa.Connection, provider_id: str) -> Message | None:
    """The message that a provider names so, if there is one; the newest of several."""
    query = sa.select(*COLUMNS).where(_TABLE.c.provider_id == provider_id).order_by(_TABLE.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else message(row)


def newest_texted(connection: sa.Connection, channel: Channel, number: str) -> list[Message]:
    """The newest text to each person who got any at a number lately, the newest of all first."""
    query = (
        sa.select(*COLUMNS)
        .where(_TEXTS, _TABLE.c.channel == channel, _TABLE.c.address == number)
        .order_by(_TABLE.c.number.desc())
        .limit(_LATELY)
    )
    found: dict[str, Message] = {}
    for row in connection.execute(query):
        found.setdefault(row.profile_id, message(row))
    return list(found.values())


def find_many(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Message]:
    """Those messages that there are, by id."""
    query = sa.select(*COLUMNS).where(given.among(connection, _TABLE.c.id, ids))
    return {row.id: message(row) for row in connection.execute(query)}


def listed(
    connection: sa.Connection,
    *,
    state: State | None = None,
    origin: tuple[Maker, str] | None = None,
    profile_ids: Sequence[str] | None = None,
    channel: Channel | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[Message, ...]:
    """Messages, newest first, narrowed as told.

    Args:
        profile_ids: of a person, under each id.
        before: a number: only older ones, for the next page.
    """
    query = sa.select(*COLUMNS).order_by(_TABLE.c.number.desc()).limit(limit)
    if state is not None:
        query = query.where(_TABLE.c.state == state)
    if origin is not None:
        query = query.where((_TABLE.c.maker == origin[0]) & (_TABLE.c.name == origin[1]))
    if profile_ids is not None:
        query = query.where(_TABLE.c.profile_id.in_(profile_ids))
    if channel is not None:
        query = query.where(_TABLE.c.channel == channel)
    if before is not None:
        query = query.where(_TABLE.c.number < before)
    return tuple(message(row) for row in connection.execute(query))


def unsure(connection: sa.Connection, limit: int = 1_000) -> tuple[Message, ...]:
    """Messages of which nobody knows whether they were sent, oldest first."""
    query = sa.select(*COLUMNS).where(_TABLE.c.state == State.UNSURE).order_by(_TABLE.c.number).limit(limit)
    return tuple(message(row) for row in connection.execute(query))


def counts(connection: sa.Connection, maker: Maker, name: str, *, occurrence: str | None = None) -> tuple[Count, ...]:
    """How many messages of a campaign or journey are in which state, by version, step and variant."""
    columns = (_TABLE.c.version, _TABLE.c.step, _TABLE.c.variant, _TABLE.c.state, _TABLE.c.code)
    query = (
        sa.select(*columns, sa.func.count())
        .where((_TABLE.c.maker == maker) & (_TABLE.c.name == name))
        .group_by(*columns)
        .order_by(*columns)
    )
    if occurrence is not None:
        query = query.where(_TABLE.c.occurrence == occurrence)
    return tuple(
        Count(version, step, variant, State(state), code, int(messages))
        for version, step, variant, state, code, messages in connection.execute(query)
    )


def newest_of(
    connection: sa.Connection, maker: Maker, name: str, profile_ids: Collection[str]
) -> list[tuple[str, dt.datetime]]:
    """When each of some people was last meant to get a message of a campaign or journey, if ever."""
    query = (
        sa.select(_TABLE.c.profile_id, sa.func.max(_TABLE.c.created_at, type_=tables.Instant()))
        .where(given.among(connection, _TABLE.c.profile_id, profile_ids))
        .where((_TABLE.c.maker == maker) & (_TABLE.c.name == name))
        .where(_TABLE.c.state.not_in([State.REFUSED, State.CANCELLED]))
        .group_by(_TABLE.c.profile_id)
    )
    return [(id_, at) for id_, at in connection.execute(query)]


def sent(connection: sa.Connection, maker: Maker, name: str) -> int:
    """How many messages of a campaign or journey were sent."""
    mine = (_TABLE.c.maker == maker) & (_TABLE.c.name == name) & (_TABLE.c.state == State.SENT)
    return int(connection.execute(sa.select(sa.func.count()).select_from(_TABLE).where(mine)).scalar_one())


def depths(connection: sa.Connection, now: dt.datetime) -> tuple[Depth, ...]:
    """How much is to be sent, for each channel that has anything."""
    due = (_TABLE.c.state == State.WAITING) & (_TABLE.c.due_at <= now)
    query = (
        sa.select(
            _TABLE.c.channel,
            sa.func.count(sa.case((due, 1))).label("due"),
            sa.func.min(sa.case((due, _TABLE.c.due_at))).label("oldest_at"),
            sa.func.count(sa.case((_TABLE.c.state != State.UNSURE, 1))).label("waiting"),
            sa.func.count(sa.case((_TABLE.c.state == State.UNSURE, 1))).label("unsure"),
        )
        .where(_TABLE.c.state.in_(_LIVE))
        .group_by(_TABLE.c.channel)
        .order_by(_TABLE.c.channel)
    )
    return tuple(
        Depth(Channel(row.channel), int(row.due), row.oldest_at, int(row.waiting), int(row.unsure))
        for row in connection.execute(query)
    )


def prune(database: Database, before: dt.datetime) -> int:
    """How many messages it removed that ended before an instant, with what happened to them.

    Until then a message that is wanted again is known: whatever may still want it must end before.
    """
    events = tables.message_events
    removed = 0
    while True:
        old = ~_TABLE.c.state.in_(_LIVE) & (_TABLE.c.finished_at < before)
        with database.writing() as connection:
            query = sa.select(_TABLE.c.number).where(old).order_by(_TABLE.c.number).limit(_TOGETHER)
            numbers = list(connection.execute(query).scalars())
            if numbers:
                connection.execute(events.delete().where(events.c.message.in_(numbers)))
                connection.execute(_TABLE.delete().where(_TABLE.c.number.in_(numbers)))
        removed += len(numbers)
        if len(numbers) < _TOGETHER:
            return removed
