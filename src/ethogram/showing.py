"""Composition for in-app messages: what a page shows to whoever looks at it, and what came of it.

Puts the ledger, eligibility and the stage `deliver` together; opens no warehouse, so that any collector can answer. A
message was judged and rendered when it was sent; here is asked once more what can change while it waits: consent,
topics, pauses, its end.

A page is asked by a write key, which is public. What tells one person's messages from another's is the id that the page
gives, and who knows it is believed; nothing but the rendered message is given away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.decide.eligibility import Person, permitted
from ethogram.deliver import showings
from ethogram.deliver.showings import REPORTS, Report
from ethogram.deliver.together import Together
from ethogram.model.eligibility import TOPIC, Rules, Topic
from ethogram.model.message import Channel, Eligible, Maker
from ethogram.store import campaigns, consents, definitions, in_app, journeys, outbox_pauses, persons
from ethogram.store.in_app import Waiting
from ethogram.store.journeys import JourneyState
from ethogram.store.outbox_pauses import CHANNEL

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["REPORTS", "Report", "Showing", "Shown"]

_FRESH: Final = dt.timedelta(seconds=5)  # a topic, a pause or a stop that was changed holds after this


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows now.

    Attributes:
        content: the rendered message.
        after: seconds for which the page has to be looked at before.
        scroll: per cent of the page that have to be scrolled past before.
        again: it may come again until it is dismissed.
    """

    id: str
    content: dict[str, Any]
    after: float
    scroll: int
    again: bool


@dataclass(frozen=True, slots=True)
class _Meanwhile:
    """What holds for everybody: the topics, and what is not shown now."""

    at: dt.datetime
    rules: Rules
    channel: bool
    makers: frozenset[tuple[str, str]]


class Showing:
    """Chooses what pages show, and notes what came of it. Works beside any other process on the workspace.

    Args:
        path: the workspace's directory.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path, 5.0)
        self._database = self._ledger.database
        self._zone = config.read(path).zone
        self._clock = clock or SystemClock()
        self._known: _Meanwhile | None = None
        self._fetched: Together[int, None] = Together(self._note_fetched)
        self._reports: Together[tuple[str, Report], bool | None] = Together(self._note)

    def close(self) -> None:
        """Closes the ledger."""
        self._ledger.close()

    def choose(self, person_id: str, url: str, events: Collection[str]) -> tuple[Shown | None, int | None]:
        """What a page shows to a person, with the message's number where no page was told to show it before.

        Args:
            person_id: any id of the person.
            url: the page's address.
            events: what was tracked on the page since it asked last.
        """
        now = self._clock.now()
        with self._database.reading() as connection:
            people = persons.of(connection, [person_id])
            waiting = in_app.waiting(connection, people.ids(), now)
            if not waiting:
                return None, None
            meanwhile = self._meanwhile(connection, now)
            said = consents.of_persons(connection, people).get(person_id, {})
        if meanwhile.channel:
            return None, None
        person = Person(people.of(person_id), self._zone, said=said)
        for each in waiting:
            wanted = each.message.wanted
            if (wanted.origin.maker.value, wanted.origin.name) in meanwhile.makers:
                continue
            show = showings.show_of(each.content)
            if not show.fits(url, events) or not showings.is_due(each, now):
                continue
            if isinstance(permitted(wanted, person, meanwhile.rules, now), Eligible):
                number = None if each.fetched else each.message.number
                return _shown(each), number
        return None, None

    async def note_fetched(self, number: int) -> None:
        """Notes that a message has arrived at a page."""
        await self._fetched.add(number)

    async def report(self, person_id: str, report: Report) -> bool | None:
        """Whether a page's report was new; None where it is about no message of the person."""
        return await self._reports.add((person_id, report))

    def now(self) -> dt.datetime:
        """The instant of what is reported now."""
        return self._clock.now()

    def _note_fetched(self, numbers: Sequence[int]) -> list[None]:
        with self._database.writing() as connection:
            showings.note_fetched(connection, numbers, self._clock.now())
        return [None] * len(numbers)

    def _note(self, reports: Sequence[tuple[str, Report]]) -> list[bool | None]:
        now = self._clock.now()
        with self._database.writing() as connection:
            people = persons.of(connection, {id_ for id_, _ in reports})
            mine = {id_: _ids(people, id_) for id_, _ in reports}
            return [showings.note(connection, report, mine[id_], now) for id_, report in reports]

    def _meanwhile(self, connection: sa.Connection, now: dt.datetime) -> _Meanwhile:
        if self._known is None or not dt.timedelta() <= now - self._known.at < _FRESH:
            topics = {
                saved.name: Topic.from_body(saved.name, saved.body)
                for saved in definitions.listed(self._database, TOPIC)
            }
            pauses = outbox_pauses.paused(connection)
            stopped = {
                *((Maker.CAMPAIGN.value, name) for name in campaigns.stopped(connection)),
                *(
                    (Maker.JOURNEY.value, each.name)
                    for each in journeys.standings(connection)
                    if each.state is JourneyState.STOPPED
                ),
                *((kind, name) for kind, name in pauses if kind != CHANNEL),
            }
            channel = (CHANNEL, Channel.INAPP.value) in pauses
            self._known = _Meanwhile(now, Rules(topics), channel, frozenset(stopped))
        return self._known


def _ids(people: persons.Persons, id_: str) -> list[str]:
    profile = people.of(id_)
    return list(people.joined.get(profile, (profile,)))


def _shown(waiting: Waiting) -> Shown:
    show = showings.show_of(waiting.content)
    content = {
        name: waiting.content[name]
        for name in ("form", "title", "body", "image", "buttons", "style")
        if waiting.content.get(name)
    }
    return Shown(waiting.message.id, content, show.after.total_seconds(), show.scroll, again=show.again is not None)
