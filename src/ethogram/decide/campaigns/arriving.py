"""Campaigns that are sent to whoever does something: follows the stored events, each once.

Step of the path: decide. Reads stored events and definitions, asks who is meant; writes, in one transaction, the
messages and up to where it has looked. What happened before a campaign was started, or more than a day ago, sends
nothing. Whether a condition holds still is asked again when the message is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ethogram.decide.campaigns.launching import Asking, Draw, Put, text_of
from ethogram.decide.journeys.matching import fits
from ethogram.decide.journeys.runner import Arrivals
from ethogram.model.campaign import KIND, Campaign, OnEvent
from ethogram.model.journey.parts import EventSignal
from ethogram.model.journey.runs import EventHappened
from ethogram.model.message import Maker, Origin, Wanted
from ethogram.store import campaigns, definitions, outbox_reading
from ethogram.store.campaigns import CampaignState, Progress

if TYPE_CHECKING:
    from ethogram.store.arrivals import Arrival
    from ethogram.store.database import Database

_PORTION = 2_000  # events that one transaction is about
OLD = dt.timedelta(days=1)  # what happened longer ago sends nothing


class Arriving:
    """Sends campaigns to those who do something.

    Args:
        zone: the workspace's.
    """

    def __init__(
        self, database: Database, zone: ZoneInfo, arrivals: Arrivals, asking: Asking, draw: Draw, put: Put
    ) -> None:
        self._database = database
        self._zone = zone
        self._arrivals = arrivals
        self._asking = asking
        self._draw = draw
        self._put = put

    def step(self, now: dt.datetime) -> bool:
        """Takes in the next stored events, for every campaign that waits for some; whether there were any."""
        with self._database.reading() as connection:
            under_way = campaigns.active(connection)
        followed = [self._follow(progress, now) for progress in under_way]
        return any(followed)

    def _follow(self, progress: Progress, now: dt.datetime) -> bool:
        with self._database.reading() as connection:
            saved = definitions.find(connection, KIND, progress.name)
        if saved is None:
            return False
        campaign = Campaign.from_body(progress.name, saved.body)
        when = campaign.when
        if not isinstance(when, OnEvent):
            return False
        before = progress.watermark
        if before is None:
            self._move(progress, self._arrivals.last())
            return False
        if before == self._arrivals.last():
            return False
        since = max(now - OLD, progress.started_at or now)
        arrived = self._arrivals.after(before, {when.event}, since, _PORTION)
        signal = EventSignal(when.event, when.where)
        fitting = [
            each
            for each in arrived.events
            if each.at >= since
            and fits(
                signal, EventHappened(each.id, each.profile_id, each.at, each.event, each.properties), {}, self._zone
            )
        ]
        wanted, traits = self._wanted(campaign, saved.version, when, fitting, now)
        with self._database.writing() as connection:
            held = campaigns.progress(connection, progress.name)
            if held.state is not CampaignState.ACTIVE or held.watermark != before:
                return True  # stopped meanwhile, or somebody else has looked
            campaigns.change(connection, progress.name, watermark=arrived.batch)
            if wanted:
                self._put(connection, wanted, traits, now)
        return True

    def _move(self, progress: Progress, place: int) -> None:
        with self._database.writing() as connection:
            if campaigns.progress(connection, progress.name).watermark is None:
                campaigns.change(connection, progress.name, watermark=place)

    def _wanted(
        self, campaign: Campaign, version: int, when: OnEvent, fitting: Sequence[Arrival], now: dt.datetime
    ) -> tuple[list[tuple[Wanted, bool]], Mapping[str, Mapping[str, Any]]]:
        ids = list(dict.fromkeys(each.profile_id for each in fitting))
        if not ids:
            return [], {}
        meant = self._asking.among(text_of(campaign.audience), ids, now)
        newest = self._newest(campaign, ids)
        traits = self._asking.traits(ids, [*self._asking.needed, "timezone"], now)
        found = []
        for each in sorted(fitting, key=lambda one: (one.at, one.id)):
            if each.profile_id not in meant:
                continue
            before = newest.get(each.profile_id)
            if when.again_after and before is not None and each.at - before < when.again_after:
                continue
            newest[each.profile_id] = each.at
            drawn = self._draw(campaign, each.profile_id)
            occurrence = "once" if when.again_after is None else each.id
            origin = Origin(Maker.CAMPAIGN, campaign.name, version, occurrence, variant=drawn.variant.name)
            due_at = each.at + when.delay
            message = Wanted(
                origin,
                each.profile_id,
                campaign.channel,
                drawn.variant.template,
                due_at,
                topic=campaign.topic,
                priority=campaign.priority,
                transactional=campaign.transactional,
                data=each.properties,
                expires_at=due_at + campaign.expires_after,
                twice_rather_than_not=campaign.twice_rather_than_not,
            )
            found.append((message, drawn.held_out))
        return found, traits

    def _newest(self, campaign: Campaign, ids: Sequence[str]) -> dict[str, dt.datetime]:
        """When each person was last sent the campaign, or would have been."""
        with self._database.reading() as connection:
            listed = outbox_reading.newest_of(connection, Maker.CAMPAIGN, campaign.name, ids)
        return dict(listed)
