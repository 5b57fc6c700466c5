"""Campaigns that are sent when an item of a catalogue changes: follows the noted changes, each once.

Step of the path: decide. Reads changes of items and definitions, asks whom they concern; writes, in one transaction,
one launch with its recipients and up to where it has looked. The launch is then decided about like any other, so a
crash at any point neither loses nor repeats anybody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ethogram.decide.following import Concerned, Looking, concerned
from ethogram.model.campaign import KIND, Campaign, OnItem
from ethogram.model.catalog import KIND as CATALOG
from ethogram.model.catalog import Catalog
from ethogram.model.message import Maker
from ethogram.store import campaigns, catalogs, definitions, outbox_reading
from ethogram.store.campaigns import CampaignState, Progress

if TYPE_CHECKING:
    from ethogram.store.database import Database

_PORTION = 1_000  # changes that one launch is about
OLD = dt.timedelta(days=1)  # what changed longer ago sends nothing


class Restocking:
    """Launches campaigns for changes of catalogues.

    Args:
        at_point: called at each instant after which a killed process is found in another state.
    """

    def __init__(
        self, database: Database, looking: Looking, *, at_point: Callable[[str], None] = lambda _: None
    ) -> None:
        self._database = database
        self._looking = looking
        self._at_point = at_point

    def step(self, now: dt.datetime) -> bool:
        """Takes in the next changes, for every campaign that waits for some; whether there were any."""
        with self._database.reading() as connection:
            under_way = campaigns.active(connection)
        followed = [self._follow(progress, now) for progress in under_way]
        return any(followed)

    def _follow(self, progress: Progress, now: dt.datetime) -> bool:
        with self._database.reading() as connection:
            saved = definitions.find(connection, KIND, progress.name)
        campaign = None if saved is None else Campaign.from_body(progress.name, saved.body)
        if saved is None or campaign is None or not isinstance(campaign.when, OnItem):
            return False
        signal, before = campaign.when.signal, progress.watermark or 0
        changes = catalogs.changes(self._database, after=before, catalog=signal.catalog, limit=_PORTION)
        if not changes:
            return False
        with self._database.reading() as connection:
            if campaigns.deciding(connection, progress.name):
                return True  # who was sent the launch before is known when it is decided
            catalog = definitions.find(connection, CATALOG, signal.catalog)
        found: list[Concerned] = []
        if catalog is not None:
            since = max(now - OLD, progress.started_at or now)
            recent = [each for each in changes if each.at >= since]
            found = concerned(signal, Catalog.from_body(signal.catalog, catalog.body).stock, recent, self._looking)
        recipients = self._recipients(progress.name, campaign.when, found, now)
        self._at_point("asked")
        with self._database.writing() as connection:
            held = campaigns.progress(connection, progress.name)
            if held.state is not CampaignState.ACTIVE or (held.watermark or 0) != before:
                return True  # stopped meanwhile, or somebody else has looked
            campaigns.change(connection, progress.name, watermark=changes[-1].number)
            if recipients:
                occurrence = f"catalog:{changes[-1].number}"
                campaigns.plan(
                    connection, progress.name, saved.version, occurrence, now, now, data={}, recipients=recipients
                )
            self._at_point("keeping")
        self._at_point("kept")
        return True

    def _recipients(self, name: str, when: OnItem, found: list[Concerned], now: dt.datetime) -> list[dict[str, Any]]:
        """Each person once, with the newest change that concerns them and the names of all their items."""
        newest: dict[str, Concerned] = {}
        items: dict[str, list[str]] = {}
        for each in sorted(found, key=lambda one: (one.profile_id, one.change)):
            newest[each.profile_id] = each
            items.setdefault(each.profile_id, []).append(str(each.data["item"]))
        with self._database.reading() as connection:
            before = dict(outbox_reading.newest_of(connection, Maker.CAMPAIGN, name, newest)) if newest else {}
        return [
            {"profile_id": id_, "data": {**each.data, "items": list(dict.fromkeys(items[id_]))}}
            for id_, each in newest.items()
            if _may_again(before.get(id_), when.again_after, now)
        ]


def _may_again(before: dt.datetime | None, after: dt.timedelta | None, now: dt.datetime) -> bool:
    return before is None or (after is not None and now - before >= after)
