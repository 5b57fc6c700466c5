"""Campaigns: started, stopped, resumed, finished and called; and what their launches have come to.

Composition over the ledger alone, so it works beside a running server, which does the deciding and the sending.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.decide.campaigns.occurrences import Occurrence, next_occurrence
from ethogram.errors import InputError, UserError
from ethogram.model.campaign import KIND, Campaign, OnCall, OnItem
from ethogram.model.message import Maker
from ethogram.store import audit, campaigns, catalogs, definitions, outbox, outbox_pauses
from ethogram.store.campaigns import CampaignState, Launch, LaunchState, Progress
from ethogram.store.ledger import Ledger

__all__ = ["CampaignState", "Campaigns", "Launch", "LaunchState", "Progress"]

_MOST_RECIPIENTS = 10_000  # of one call
_MOST_DATA = 32 << 10  # characters of a call's data, for one recipient


class Campaigns:
    """The campaigns of a workspace: `Campaigns(path).start("spring")`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._zone = config.read(path).zone
        self._ledger: Ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def progress(self, name: str) -> Progress:
        """What a campaign does now.

        Raises:
            UnknownNameError: there is no such campaign.
        """
        self._campaign(name)
        with self._database.reading() as connection:
            progress = campaigns.progress(connection, name)
            if progress.state is not CampaignState.ACTIVE:
                return progress
            return replace(progress, paused=outbox_pauses.reason_of(connection, Maker.CAMPAIGN, name))

    def launches(self, name: str, *, limit: int = 100) -> tuple[Launch, ...]:
        """A campaign's launches, newest first."""
        self._campaign(name)
        with self._database.reading() as connection:
            return campaigns.launches(connection, name, limit)

    def next_at(self, name: str) -> Occurrence | None:
        """When a campaign is due next; None where that is not known, or never."""
        campaign, progress = self._campaign(name), self.progress(name)
        if progress.state is not CampaignState.ACTIVE or progress.started_at is None:
            return None
        return next_occurrence(campaign.when, started_at=progress.started_at, now=self._clock.now(), zone=self._zone)

    def start(self, name: str, *, actor: str = "local") -> Progress:
        """The campaign, under way from now on; starting it twice starts it once.

        Raises:
            UserError: it is finished, or stopped: what has begun is resumed.
        """
        progress = self.progress(name)
        if progress.state is CampaignState.STOPPED:
            raise UserError(f"campaign `{name}` is stopped", hint=f"`ethogram campaigns resume {name}` lets it go on.")
        if progress.state is CampaignState.FINISHED:
            raise UserError(
                f"campaign `{name}` is finished: it has sent all that it was to send",
                hint="Save it under another name to send it again.",
            )
        now = self._clock.now()
        # What came before does not start it: the place that it follows from is that of what it follows.
        of_items = isinstance(self._campaign(name).when, OnItem)
        seen = catalogs.newest_change(self._database) if of_items else self._ledger.last_stored()
        return self._change(
            name, "start", {CampaignState.DRAFT}, actor, state=CampaignState.ACTIVE, started_at=now, watermark=seen
        )

    def stop(self, name: str, *, reason: str = "", actor: str = "local") -> Progress:
        """The campaign, at rest: nothing more is decided, and what waits in the outbox waits until it is resumed."""
        return self._change(
            name, "stop", {CampaignState.ACTIVE}, actor, state=CampaignState.STOPPED, reason=reason or None
        )

    def resume(self, name: str, *, actor: str = "local") -> Progress:
        """The campaign, going on behind the last person who was decided about."""
        return self._change(name, "resume", {CampaignState.STOPPED}, actor, state=CampaignState.ACTIVE, reason=None)

    def finish(self, name: str, *, actor: str = "local") -> Progress:
        """The campaign, ended for good: what waits in the outbox is not sent any more."""
        ended = {CampaignState.ACTIVE, CampaignState.STOPPED}
        return self._change(name, "finish", ended, actor, state=CampaignState.FINISHED)

    def trigger(
        self,
        name: str,
        recipients: Sequence[Mapping[str, Any]],
        *,
        data: Mapping[str, Any] | None = None,
        key: str | None = None,
        actor: str = "local",
    ) -> tuple[Launch, bool]:
        """The launch that a call makes, and whether it is new: the same key again makes none.

        Args:
            recipients: each with `profile_id`, and maybe `data` of its own.
            data: for the templates, the same for all.
            key: names the call; a repetition with the same one is answered with the first one's launch.

        Raises:
            InputError: the recipients are none, too many, or no recipients; or the key was used for other ones.
            UserError: the campaign is not sent by calls, or is not under way.
        """
        if not isinstance(self._campaign(name).when, OnCall):
            raise UserError(
                f"campaign `{name}` is not sent when the API is called", hint="It would be with `when: {api: true}`."
            )
        chosen = _recipients(recipients)
        now = self._clock.now()
        occurrence = key if key is not None else secrets.token_hex(8)
        with self._database.writing() as connection:
            if campaigns.progress(connection, name).state is not CampaignState.ACTIVE:
                raise UserError(
                    f"campaign `{name}` is not under way", hint=f"`ethogram campaigns start {name}` starts it."
                )
            saved = definitions.find(connection, KIND, name)
            assert saved is not None, "it was there a moment ago"
            launch, new = campaigns.plan(
                connection, name, saved.version, occurrence, now, now, data=data, recipients=chosen
            )
            if not new and (launch.recipients, launch.data) != (chosen, dict(data or {})):
                raise InputError(
                    f"the key `{occurrence}` was used for another call",
                    hint="A key names one call; send another one with another call.",
                    conflict=True,
                )
            if new:
                detail = {"occurrence": occurrence, "recipients": len(chosen)}
                audit.record(connection, actor=actor, verb="trigger", object=f"campaign:{name}", detail=detail, now=now)
        return launch, new

    def _campaign(self, name: str) -> Campaign:
        return Campaign.from_body(name, definitions.get(self._database, KIND, name).body)

    def _change(self, name: str, verb: str, states: set[CampaignState], actor: str, **values: Any) -> Progress:
        """Changes what a campaign does, if it is in one of these states; if it does it already, nothing happens."""
        self._campaign(name)
        now = self._clock.now()
        with self._database.writing() as connection:
            before = campaigns.progress(connection, name)
            if before.state == values["state"]:
                # Its messages may have paused by themselves, as many complained.
                if verb == "resume" and outbox_pauses.resume(connection, Maker.CAMPAIGN, name, now):
                    audit.record(connection, actor=actor, verb=verb, object=f"campaign:{name}", detail={}, now=now)
                return before
            if before.state not in states:
                raise UserError(
                    f"campaign `{name}` is {before.state.value}: it cannot {verb}",
                    hint=f"`ethogram campaigns show {name}` tells what it does.",
                )
            after = campaigns.change(connection, name, **values)
            match after.state:  # what waits in the outbox does as its campaign does
                case CampaignState.STOPPED:
                    outbox_pauses.pause(connection, Maker.CAMPAIGN, name, after.reason or "it is stopped", now)
                case CampaignState.ACTIVE:
                    outbox_pauses.resume(connection, Maker.CAMPAIGN, name, now)
                case CampaignState.FINISHED:
                    outbox_pauses.resume(connection, Maker.CAMPAIGN, name, now)
                    outbox.cancel(connection, now, "its campaign is finished", origin=(Maker.CAMPAIGN, name))
                case CampaignState.DRAFT:
                    raise AssertionError("nothing becomes a draft again")
            audit.record(connection, actor=actor, verb=verb, object=f"campaign:{name}", detail={}, now=now)
        return after


def _recipients(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The recipients of a call, each once."""
    if not given:
        raise InputError("the call names no recipients", hint='Send `{"recipients": [{"profile_id": "…"}]}`.')
    if len(given) > _MOST_RECIPIENTS:
        raise InputError(
            f"the call names {len(given):,} recipients; {_MOST_RECIPIENTS:,} are the most",
            hint="Send several calls, each with a key of its own.",
        )
    found: dict[str, dict[str, Any]] = {}
    for index, each in enumerate(given):
        id_, data = each.get("profile_id"), each.get("data", {})
        if not isinstance(id_, str) or not id_:
            raise InputError(f"recipient {index} has no `profile_id`", hint="Each one has one, as a text.")
        if not isinstance(data, Mapping) or len(str(data)) > _MOST_DATA:
            raise InputError(
                f"the data of recipient {index} (`{id_}`) cannot be taken",
                hint=f"It is an object of at most {_MOST_DATA:,} characters.",
            )
        if id_ in found:
            raise InputError(f"recipient `{id_}` is named twice", hint="Name each person once in a call.")
        found[id_] = {"profile_id": id_, **({"data": dict(data)} if data else {})}
    return list(found.values())
