"""Turns changes of membership into deliveries to webhooks.

Step of the path: deliver. Reads the feed of changes and the webhooks; writes deliveries. Each webhook has its own place
in the feed, so one that is paused or far behind holds up no other. What an edit changes is in the feed in sum and makes
no delivery (unless the edit is announced, which puts it there one by one): the question has changed, and not what
people did.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from ethogram.clock import Clock
from ethogram.store import changes, deliveries, webhooks
from ethogram.store.changes import Change
from ethogram.store.database import Database
from ethogram.store.deliveries import DeliveryDraft
from ethogram.store.endpoints import Endpoint
from ethogram.store.webhooks import ENTERED, LEFT, Webhook

_PAGE = 500  # changes looked at in one step
_MOST_WAITING = 2_000  # deliveries of one webhook; further changes wait in the feed

# Traits of profiles or accounts: the ids, what they are ids of, and the names of the traits.
Traits = Callable[[Sequence[str], str, Collection[str]], Mapping[str, Mapping[str, Any]]]


class Announcing:
    """Makes the deliveries of all webhooks of one ledger."""

    def __init__(self, database: Database, traits: Traits, clock: Clock) -> None:
        self._database = database
        self._traits = traits
        self._clock = clock

    def step(self) -> bool:
        """Makes the next deliveries of each webhook; whether there may be more to make at once."""
        last = changes.last(self._database)
        behind = [each for each in webhooks.listed(self._database) if each.endpoint.enabled and each.watermark < last]
        more = [self._announce(webhook) for webhook in behind]
        return any(more)

    def _announce(self, webhook: Webhook) -> bool:
        now = self._clock.now()
        gone = changes.pruned(self._database)
        if webhook.watermark < gone:
            webhooks.note_missed(self._database, webhook, gone, now)
            return True
        with self._database.reading() as connection:
            room = _MOST_WAITING - deliveries.waiting(connection, webhook.id)
        if room <= 0:
            return False
        page = changes.after(self._database, webhook.watermark, limit=_PAGE, segments=None)
        if not page:
            return False
        wanted = [change for change in page if _is_wanted(change, webhook)][: room * webhook.most]
        # Where not everything fits, it goes on after what did.
        upto = wanted[-1].id if len(wanted) == room * webhook.most else page[-1].id
        drafts = self._drafts(webhook, [change for change in wanted if change.id <= upto])
        return webhooks.tell(self._database, webhook, upto, drafts, now) and upto == page[-1].id and len(page) == _PAGE

    def _drafts(self, webhook: Webhook, wanted: Sequence[Change]) -> list[DeliveryDraft]:
        known: dict[tuple[str, str], Mapping[str, Any]] = {}
        if webhook.traits:
            for entity in {change.entity for change in wanted}:
                ids = sorted({change.profile_id for change in wanted if change.entity == entity})
                found = self._traits(ids, entity, webhook.traits)
                known |= {(entity, who): traits for who, traits in found.items()}
        told = [_told(change, webhook, known.get((change.entity, change.profile_id), {})) for change in wanted]
        parts = range(0, len(wanted), webhook.most)
        return [_draft(webhook, wanted[at : at + webhook.most], told[at : at + webhook.most]) for at in parts]


def _is_wanted(change: Change, webhook: Webhook) -> bool:
    if not change.profile_id or (webhook.segments is not None and change.segment not in webhook.segments):
        return False
    return (ENTERED if change.entered else LEFT) in webhook.changes


def _told(change: Change, webhook: Webhook, traits: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        f"{change.entity}_id": change.profile_id,
        "segment": change.name,
        "version": change.version,
        "change": ENTERED if change.entered else LEFT,
        "cause": change.cause,
        "at": iso(change.at),
        "sequence": change.id,
    }
    if webhook.traits:
        told["traits"] = {name: traits.get(name) for name in webhook.traits}
    return told


def _draft(webhook: Webhook, told_of: Sequence[Change], told: Sequence[Mapping[str, Any]]) -> DeliveryDraft:
    first, last = told_of[0], told_of[-1]
    if webhook.most == 1:
        kind = f"segment.{told[0]['change']}"
        body = {"type": kind, "timestamp": iso(first.at), "data": told[0]}
        about = f"{first.name}: {first.profile_id} {told[0]['change']}"
    else:
        body = {"type": "segment.changes", "timestamp": iso(last.at), "data": {"changes": list(told)}}
        about = f"{len(told)} changes"
    return DeliveryDraft(derived_id(webhook.endpoint, first.id, last.id), about, msgspec.json.encode(body))


def derived_id(endpoint: Endpoint, *parts: int) -> str:
    """The id of a delivery: the same whenever the same thing is told to the same endpoint, and no other's."""
    told = ":".join(map(str, (endpoint.id, endpoint.url, endpoint.created_at.isoformat(), *parts)))
    return "msg_" + hashlib.sha256(told.encode()).hexdigest()[:32]


def trial_body(webhook: Webhook, at: dt.datetime) -> bytes:
    """What a trial sends: a message of a type of its own, about nobody."""
    return msgspec.json.encode({"type": "ethogram.test", "timestamp": iso(at), "data": {"webhook": webhook.id}})


def iso(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
