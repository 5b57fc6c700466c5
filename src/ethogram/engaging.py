"""Composition of deciding: what campaigns are due, who is meant, what each person may get; in the warehouse's process.

Puts the ledger, the people of the workspace and the stage `decide` together. Messages go to the outbox; what sends them
is told by `gate` and `compose` whether it may and what they say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ethogram import config
from ethogram.clock import Clock
from ethogram.collecting import open_ledger
from ethogram.composing import Composer, templates_of
from ethogram.decide import assignment, standing
from ethogram.decide.campaigns import planning
from ethogram.decide.campaigns.arriving import Arriving
from ethogram.decide.campaigns.launching import Asking, Launching, text_of
from ethogram.decide.campaigns.restocking import Restocking
from ethogram.decide.eligibility import Ask
from ethogram.decide.following import Looking
from ethogram.decide.journeys.binding import bind
from ethogram.decide.journeys.matching import parsed
from ethogram.decide.journeys.runner import Asking as RunnerAsking
from ethogram.decide.journeys.runner import Runner
from ethogram.deliver.contents import Contents, Person
from ethogram.deliver.writing import Write
from ethogram.model.campaign import KIND, Campaign, OnEvent, OnItem
from ethogram.model.eligibility import Rules
from ethogram.model.message import Eligible, Maker, Message, Refused, Verdict, Wanted
from ethogram.model.segment import Definition
from ethogram.people import People
from ethogram.store import campaigns, catalogs, definitions, journey_changes, journeys
from ethogram.store.arrivals import Arrivals
from ethogram.store.ledger import Ledger

if TYPE_CHECKING:
    import sqlalchemy as sa

# A message that waited for so long is asked again whether its person is in the audience still.
_LATER = dt.timedelta(minutes=1)
_CHANGES_KEPT = dt.timedelta(days=30)
_TIDY_EVERY = dt.timedelta(hours=1)
_SPEEDS_FRESH = dt.timedelta(seconds=1)  # a speed that was changed holds after this


class Engaging:
    """Decides what campaigns send, in the process that owns the warehouse.

    Args:
        path: the workspace's directory.
        people: who is who, and what is known of them.
        write: makes letters in other processes; None makes them here.
    """

    def __init__(self, path: Path, people: People, *, clock: Clock, write: Write | None = None) -> None:
        settings = config.read(path)
        self._ledger: Ledger = open_ledger(path)
        self.database = self._database = self._ledger.database
        self._people = people
        self._clock = clock
        self.zone = self._zone = settings.zone
        self._campaigns: dict[tuple[str, int], Campaign] = {}
        self._tidied_at: dt.datetime | None = None
        self._speeds: tuple[dt.datetime, dict[tuple[Maker, str], float]] | None = None
        self.contents = Contents(self._database, templates_of(self._database, settings), self._persons)
        self._composer = Composer(self._database, self._persons, self.contents, self._zone, clock, write=write)
        self.compose = self._composer.compose
        asking = Asking(
            lambda text, at, after, limit: people.page(text, at, after=after, limit=limit),
            lambda text, ids, at: people.among([text], ids, at)[0],
            people.traits,
            people.best_at,
            standing.TRAITS,
        )
        self.launching = Launching(self._database, self._zone, asking, assignment.draw, self._put)
        arrivals = Arrivals(self._ledger, path)
        self._arriving = Arriving(self._database, self._zone, arrivals, asking, assignment.draw, self._put)
        of_runs = RunnerAsking(
            people.answers, asking.traits, asking.page, standing.TRAITS, people.best_at, people.interested
        )
        self._restocking = Restocking(self._database, Looking(people.interested, people.traits))
        self._runner = Runner(self._database, self._zone, arrivals, of_runs, self._put)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def rules(self) -> Rules:
        """The workspace's rules about who may be written to."""
        return self._composer.rules()

    def call_journey(self, name: str, people: Sequence[tuple[str, Mapping[str, Any]]], key: str) -> tuple[int, int]:
        """How many people a call lets into a journey, and how many it does not; the same key again lets in nobody new.

        Args:
            people: profile ids, each with what the run knows of what started it.
        """
        return self._runner.call(name, people, key, self._clock.now())

    def decide(self) -> bool:
        """Takes campaigns and journeys one step further; whether there may be more to do at once."""
        now = self._clock.now()
        planned = planning.plan(self._database, self._zone, now)
        launched, arrived = self.launching.step(now), self._arriving.step(now)
        arrived = self._restocking.step(now) or arrived
        moved = self._runner.tick(now).more
        journey_changes.tell_traits(self._database, now)
        told = journey_changes.tell_events(self._database, now)
        if self._tidied_at is None or abs(now - self._tidied_at) >= _TIDY_EVERY:
            self._tidied_at = now
            self.tidy()
        return bool(planned or told) or launched or arrived or moved

    def tidy(self) -> None:
        """Forgets changes of catalogues that are old, and followed by everybody who follows them."""
        now = self._clock.now()
        with self._database.reading() as connection:
            followed = journeys.mark(connection, journeys.ITEMS) or 0
            for name, watermark in campaigns.watermarks(connection):
                saved = definitions.find(connection, KIND, name)
                if saved is not None and isinstance(Campaign.from_body(name, saved.body).when, OnItem):
                    followed = min(followed, watermark)
        with self._database.writing() as connection:
            catalogs.forget_changes(connection, now - _CHANGES_KEPT, followed)

    def gate(self, messages: Sequence[Message], now: dt.datetime) -> list[Verdict]:
        """Whether each message may be sent now: its person eligible still, and in the campaign's audience still.

        Asked about the audience is only what waited for a while: for a local time, or the end of quiet hours. What an
        event has caused is asked whether its condition holds still.
        """
        verdicts = self._composer.gate(messages, now)
        self._ask_still(messages, verdicts, now)
        waited: dict[tuple[str, int], list[int]] = {}
        for index, (message, verdict) in enumerate(zip(messages, verdicts, strict=True)):
            origin = message.wanted.origin
            of_campaign = origin.maker is Maker.CAMPAIGN and not message.wanted.transactional
            if of_campaign and isinstance(verdict, Eligible) and now - message.created_at > _LATER:
                waited.setdefault((origin.name, origin.version), []).append(index)
        for (name, version), indexes in waited.items():
            audience = text_of(self._campaign(name, version).audience)
            ids = [messages[index].wanted.profile_id for index in indexes]
            within = self._people.among([audience], ids, now)[0]
            for index in indexes:
                if messages[index].wanted.profile_id not in within:
                    verdicts[index] = Refused("left_audience", "the person is in the campaign's audience no more")
        return verdicts

    def _ask_still(self, messages: Sequence[Message], verdicts: list[Verdict], now: dt.datetime) -> None:
        """Refuses what an event has caused and is not wanted any more."""
        asked: dict[Definition, list[int]] = {}
        for index, (message, verdict) in enumerate(zip(messages, verdicts, strict=True)):
            origin = message.wanted.origin
            if origin.maker is not Maker.CAMPAIGN or not isinstance(verdict, Eligible):
                continue
            when = self._campaign(origin.name, origin.version).when
            if isinstance(when, OnEvent) and when.still is not None:
                condition = bind(parsed(when.still), {"trigger": message.wanted.data})
                asked.setdefault(condition, []).append(index)
        people = {condition: [messages[index].wanted.profile_id for index in asked[condition]] for condition in asked}
        for condition, ids in self._people.answers(people, now).items():
            for index in asked[condition]:
                if messages[index].wanted.profile_id not in ids:
                    verdicts[index] = Refused("no_longer", "the campaign's condition does not hold any more")

    def speeds(self) -> dict[tuple[Maker, str], float]:
        """How many messages a second the campaigns may send that have a limit, as it was a second ago at most."""
        now = self._clock.now()
        if self._speeds is None or abs(now - self._speeds[0]) > _SPEEDS_FRESH:
            self._speeds = (now, self._speeds_now())
        return self._speeds[1]

    def _speeds_now(self) -> dict[tuple[Maker, str], float]:
        with self._database.reading() as connection:
            under_way = campaigns.active(connection)
        found = {}
        for progress in under_way:
            campaign = self._campaign(progress.name, None)
            if campaign.speed is not None:
                found[Maker.CAMPAIGN, progress.name] = campaign.speed / 60
        return found

    def _persons(self, ids: Sequence[str]) -> dict[str, Person]:
        found = self._people.known(ids, self._clock.now())
        return {id_: Person(traits, account) for id_, (traits, account) in found.items()}

    def _campaign(self, name: str, version: int | None) -> Campaign:
        if version is None:
            return Campaign.from_body(name, definitions.get(self._database, KIND, name).body)
        if (name, version) not in self._campaigns:  # a version never changes
            saved = definitions.get(self._database, KIND, name, version)
            self._campaigns[name, version] = Campaign.from_body(name, saved.body)
        return self._campaigns[name, version]

    def _put(
        self,
        connection: sa.Connection,
        wanted: Sequence[tuple[Wanted, bool]],
        traits: Mapping[str, Mapping[str, Any]],
        now: dt.datetime,
    ) -> None:
        standing.put(connection, self.asks(wanted), traits, self._composer.rules(), self._zone, now)

    @staticmethod
    def asks(wanted: Sequence[tuple[Wanted, bool]]) -> list[Ask]:
        """What eligibility is asked, with the reason for those who are held out."""
        return [
            Ask(each, f"held out of {each.origin.maker} `{each.origin.name}`" if held_out else None)
            for each, held_out in wanted
        ]
