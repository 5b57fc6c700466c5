"""Campaigns under way, and their launches: each occurrence once, and how far it has come.

Step of the path: store. Statements inside a transaction of the ledger; what a campaign is, is a definition
(`definitions.py`). A launch is found by its campaign and occurrence, so planning twice makes it once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.model.message import Maker, State
from ethogram.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CAMPAIGNS, _LAUNCHES = tables.campaigns, tables.launches


class CampaignState(StrEnum):
    """What a campaign does."""

    DRAFT = "draft"
    ACTIVE = "active"
    STOPPED = "stopped"  # until it is resumed: nothing is decided, nothing is sent
    FINISHED = "finished"


class LaunchState(StrEnum):
    """How far a launch has come; the last two are ends."""

    PLANNED = "planned"
    DECIDING = "deciding"
    DONE = "done"
    MISSED = "missed"  # nobody was there when it was due, and now it is too late


@dataclass(frozen=True, slots=True)
class Progress:
    """What a campaign does now.

    Attributes:
        reason: why it is stopped.
        planned_until: every occurrence up to this instant has its launch.
        paused: why its messages wait though it is under way, such as that many complained.
    """

    name: str
    state: CampaignState
    reason: str | None = None
    started_at: dt.datetime | None = None
    planned_until: dt.datetime | None = None
    watermark: int | None = None
    paused: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """One occurrence of a campaign.

    Attributes:
        occurrence: tells it apart from the campaign's other ones.
        wall: the local time that each person waits for, as ISO text; None is `due_at` for everybody.
        data: of the call that made it.
        recipients: of the call: profile ids with data of their own; None is the campaign's audience.
        last: the last profile id that is decided about; they are taken in order.
        decided: how many of the audience are decided about.
        audience: how many it has; None until it is known.
    """

    number: int
    campaign: str
    version: int
    occurrence: str
    state: LaunchState
    due_at: dt.datetime
    wall: str | None
    data: dict[str, Any]
    recipients: list[dict[str, Any]] | None
    last: str
    decided: int
    audience: int | None
    created_at: dt.datetime
    finished_at: dt.datetime | None


def progress(connection: sa.Connection, name: str) -> Progress:
    """What a campaign does now; one that nobody started is a draft."""
    row = connection.execute(sa.select(_CAMPAIGNS).where(_CAMPAIGNS.c.name == name)).one_or_none()
    if row is None:
        return Progress(name, CampaignState.DRAFT)
    return Progress(**{**row._asdict(), "state": CampaignState(row.state)})


def active(connection: sa.Connection) -> tuple[Progress, ...]:
    """Every campaign that is under way."""
    rows = connection.execute(
        sa.select(_CAMPAIGNS).where(_CAMPAIGNS.c.state == CampaignState.ACTIVE).order_by(_CAMPAIGNS.c.name)
    )
    return tuple(Progress(**{**row._asdict(), "state": CampaignState.ACTIVE}) for row in rows)


def watermarks(connection: sa.Connection) -> list[tuple[str, int]]:
    """How far each campaign has looked that is under way or may go on."""
    may = _CAMPAIGNS.c.state.in_([CampaignState.ACTIVE, CampaignState.STOPPED])
    rows = connection.execute(sa.select(_CAMPAIGNS.c.name, _CAMPAIGNS.c.watermark).where(may))
    return [(row.name, row.watermark or 0) for row in rows]


def stopped(connection: sa.Connection) -> list[str]:
    """The names of the campaigns that are stopped."""
    chosen = _CAMPAIGNS.c.state == CampaignState.STOPPED
    return list(connection.execute(sa.select(_CAMPAIGNS.c.name).where(chosen)).scalars())


def change(connection: sa.Connection, name: str, **values: Any) -> Progress:
    """Changes what a campaign does; values are columns."""
    if not connection.execute(_CAMPAIGNS.update().where(_CAMPAIGNS.c.name == name).values(**values)).rowcount:
        connection.execute(_CAMPAIGNS.insert().values(**{"name": name, "state": CampaignState.DRAFT, **values}))
    return progress(connection, name)


def plan(
    connection: sa.Connection,
    campaign: str,
    version: int,
    occurrence: str,
    due_at: dt.datetime,
    now: dt.datetime,
    *,
    wall: str | None = None,
    missed: bool = False,
    data: Mapping[str, Any] | None = None,
    recipients: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[Launch, bool]:
    """The launch of an occurrence, and whether it is new."""
    found = of_occurrence(connection, campaign, occurrence)
    if found is not None:
        return found, False
    connection.execute(
        _LAUNCHES.insert().values(
            campaign=campaign, version=version, occurrence=occurrence, due_at=due_at, wall=wall, data=dict(data or {}),
            state=LaunchState.MISSED if missed else LaunchState.PLANNED,
            recipients=None if recipients is None else [dict(each) for each in recipients],
            last="", decided=0, created_at=now, finished_at=now if missed else None,
        )
    )  # fmt: skip
    made = of_occurrence(connection, campaign, occurrence)
    assert made is not None, "it was inserted in this transaction"
    return made, True


def forget_missed(connection: sa.Connection, campaign: str, *, after: dt.datetime) -> int:
    """How many launches it forgot that were missed, and are not due yet: a clock was ahead when they were planned."""
    wrong = (
        (_LAUNCHES.c.campaign == campaign) & (_LAUNCHES.c.state == LaunchState.MISSED) & (_LAUNCHES.c.due_at > after)
    )
    return connection.execute(_LAUNCHES.delete().where(wrong)).rowcount


def of_occurrence(connection: sa.Connection, campaign: str, occurrence: str) -> Launch | None:
    """The launch of an occurrence, if there is one."""
    chosen = (_LAUNCHES.c.campaign == campaign) & (_LAUNCHES.c.occurrence == occurrence)
    row = connection.execute(sa.select(_LAUNCHES).where(chosen)).one_or_none()
    return None if row is None else _launch(row)


def due(connection: sa.Connection, now: dt.datetime) -> tuple[Launch, ...]:
    """The launches of campaigns under way that are due and not done, oldest first."""
    query = (
        sa.select(_LAUNCHES)
        .join(_CAMPAIGNS, _CAMPAIGNS.c.name == _LAUNCHES.c.campaign)
        .where(_CAMPAIGNS.c.state == CampaignState.ACTIVE)
        .where(_LAUNCHES.c.state.in_([LaunchState.PLANNED, LaunchState.DECIDING]) & (_LAUNCHES.c.due_at <= now))
        .order_by(_LAUNCHES.c.due_at, _LAUNCHES.c.number)
    )
    return tuple(map(_launch, connection.execute(query)))


def advance(connection: sa.Connection, launch: Launch, **values: Any) -> bool:
    """Whether the launch was where the caller believed it to be, and now has these values."""
    where = (_LAUNCHES.c.number == launch.number) & (_LAUNCHES.c.last == launch.last)
    where &= (_LAUNCHES.c.state == launch.state) & (_LAUNCHES.c.decided == launch.decided)
    return bool(connection.execute(_LAUNCHES.update().where(where).values(**values)).rowcount)


def launches(connection: sa.Connection, campaign: str, limit: int = 100) -> tuple[Launch, ...]:
    """A campaign's launches, newest first."""
    query = sa.select(_LAUNCHES).where(_LAUNCHES.c.campaign == campaign)
    rows = connection.execute(query.order_by(_LAUNCHES.c.due_at.desc(), _LAUNCHES.c.number.desc()).limit(limit))
    return tuple(map(_launch, rows))


def deciding(connection: sa.Connection, campaign: str) -> bool:
    """Whether a launch of a campaign is planned or under way."""
    chosen = (_LAUNCHES.c.campaign == campaign) & _LAUNCHES.c.state.in_([LaunchState.PLANNED, LaunchState.DECIDING])
    return bool(connection.execute(sa.select(sa.exists().where(chosen))).scalar_one())


def unfinished(connection: sa.Connection, campaign: str) -> bool:
    """Whether a launch of a campaign is planned or under way, or a message of it waits to be sent."""
    if deciding(connection, campaign):
        return True
    messages = tables.messages
    waiting = (
        sa.select(messages.c.id)
        # By itself SQLite goes through all messages of the campaign, those that were sent first.
        .with_hint(messages, "INDEXED BY ix_messages_state_channel_transactional_due_at", "sqlite")
        .where(
            (messages.c.maker == Maker.CAMPAIGN)
            & (messages.c.name == campaign)
            & messages.c.state.in_([State.WAITING, State.CLAIMED])
        )
        .limit(1)
    )
    return connection.execute(waiting).first() is not None


def _launch(row: sa.Row[Any]) -> Launch:
    return Launch(**{**row._asdict(), "state": LaunchState(row.state)})
