"""Plans launches: compares a campaign's times with the launches that there are, and adds those that are due.

Step of the path: decide. Reads and writes campaigns and launches (ledger). Level-triggered: looking twice plans once.
Of several occurrences that came while nobody looked, only the newest is sent, and none that is too late: a server that
was away for a week, or a clock that jumped, sends no flood.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ethogram.decide.campaigns.occurrences import Occurrence, next_occurrence, occurrences
from ethogram.model.campaign import KIND, Campaign, OnCall, OnEvent, OnItem
from ethogram.store import campaigns, definitions
from ethogram.store.campaigns import CampaignState, Progress

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.store.database import Database

# How long after the first person's local time the last person's comes: from UTC+14 to UTC-12.
ROUND_THE_WORLD = dt.timedelta(hours=26)


def plan(database: Database, zone: ZoneInfo, now: dt.datetime) -> int:
    """How many launches it added; campaigns that have nothing more to send are finished.

    Args:
        zone: the workspace's.
    """
    with database.reading() as connection:
        under_way = campaigns.active(connection)
    planned = 0
    for progress in under_way:
        with database.writing() as connection:
            planned += _plan(connection, progress.name, zone, now)
    return planned


def _plan(connection: sa.Connection, name: str, zone: ZoneInfo, now: dt.datetime) -> int:
    progress = campaigns.progress(connection, name)
    saved = definitions.find(connection, KIND, name)
    if progress.state is not CampaignState.ACTIVE or saved is None:
        return 0
    campaign = Campaign.from_body(name, saved.body)
    if isinstance(campaign.when, OnEvent | OnItem | OnCall):
        return 0  # what starts them comes from elsewhere, and they have no last time
    assert progress.started_at is not None, "whoever makes it active says since when"
    campaigns.forget_missed(connection, name, after=now)
    due = list(
        occurrences(
            campaign.when, started_at=progress.started_at, after=_planned_until(progress, now), until=now, zone=zone
        )
    )
    planned = 0
    for occurrence in due:
        late = now - occurrence.due_at > _patience(campaign, occurrence)
        planned += campaigns.plan(
            connection,
            name,
            saved.version,
            occurrence.key,
            occurrence.due_at,
            now,
            wall=None if occurrence.wall is None else occurrence.wall.isoformat("T", "minutes"),
            missed=late or occurrence is not due[-1],
        )[1]
    values: dict[str, object] = {}
    if due or progress.planned_until is None or progress.planned_until > now:
        values["planned_until"] = now
    more = next_occurrence(campaign.when, started_at=progress.started_at, now=now, zone=zone)
    if more is None and not campaigns.unfinished(connection, name):
        values["state"] = CampaignState.FINISHED
    if values:
        campaigns.change(connection, name, **values)
    return planned


def _planned_until(progress: Progress, now: dt.datetime) -> dt.datetime | None:
    """Up to when launches are planned; a clock that was ahead is believed no more."""
    return None if progress.planned_until is None else min(progress.planned_until, now)


def _patience(campaign: Campaign, occurrence: Occurrence) -> dt.timedelta:
    return campaign.expires_after + (ROUND_THE_WORLD if occurrence.wall is not None else dt.timedelta(0))
