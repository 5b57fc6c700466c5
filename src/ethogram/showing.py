"""Composition for in-app messages: what a page shows to whoever looks at it, and what came of it.

Puts the ledger, eligibility and the stage `deliver` together; opens no warehouse, so that any collector can answer. A
message was judged and rendered when it was sent; here is asked once more what can change while it waits: consent,
topics, pauses, its end.

A page asks by a write key, which is public. What tells one person's messages from another's is the id that the page
gives, and who knows it is believed, unless the setting `visitor_secret` asks for a proof; nothing but the rendered
message is given away.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
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
from ethogram.model.showing import Show
from ethogram.store import campaigns, consents, definitions, in_app, journeys, outbox_pauses, persons
from ethogram.store.in_app import Waiting
from ethogram.store.journeys import JourneyState
from ethogram.store.outbox_pauses import CHANNEL

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["REPORTS", "Report", "Showing", "Shown", "Visitor"]

_FRESH: Final = dt.timedelta(seconds=5)  # a topic, a pause or a stop that was changed holds after this


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page.

    Attributes:
        id: any id of the person.
        alone: nobody has proven who it is, so it is nobody but this id: another one may have claimed to be one with it.
    """

    id: str
    alone: bool = False


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
        settings = config.read(path)
        self._zone = settings.zone
        self._secret = settings.visitor_secret.encode()
        self._clock = clock or SystemClock()
        self._known: _Meanwhile | None = None
        self._fetched: Together[int, None] = Together(self._note_fetched)
        self._reports: Together[tuple[Visitor, Report], bool | None] = Together(self._note)

    def close(self) -> None:
        """Closes the ledger."""
        self._ledger.close()

    def visitor(self, user_id: str, anonymous_id: str, proof: str) -> Visitor | None:
        """Who looks at a page, the known id before the anonymous one; None where the proof is none.

        Args:
            user_id: empty where nobody is known.
        """
        if not self._secret:
            return Visitor(user_id or anonymous_id)
        if not user_id:
            return Visitor(anonymous_id, alone=True)
        expected = hmac.new(self._secret, user_id.encode(), hashlib.sha256).hexdigest()
        return Visitor(user_id) if hmac.compare_digest(expected.encode(), proof.lower().encode()) else None

    def choose(self, visitor: Visitor, url: str, events: Collection[str]) -> tuple[Shown | None, int | None]:
        """What a page shows to a person, with the message's number where no page was told to show it before.

        Args:
            url: the page's address.
            events: what was tracked on the page since it asked last.
        """
        now = self._clock.now()
        with self._database.reading() as connection:
            people = persons.of(connection, [visitor.id])
            waiting = in_app.waiting(connection, _ids(people, visitor), now)
            if not waiting:
                return None, None
            meanwhile = self._meanwhile(connection, now)
            said = consents.of_persons(connection, people).get(visitor.id, {})
        if meanwhile.channel:
            return None, None
        person = Person(people.of(visitor.id), self._zone, said=said)
        for each in waiting:
            wanted = each.message.wanted
            if (wanted.origin.maker.value, wanted.origin.name) in meanwhile.makers:
                continue
            show = showings.show_of(each.content)
            if not show.fits(url, events) or not showings.is_due(each, show, now):
                continue
            # Until when it had to be sent is no matter any more: its own rules say how long it waits.
            if isinstance(permitted(replace(wanted, expires_at=None), person, meanwhile.rules, now), Eligible):
                number = None if each.fetched else each.message.number
                return _shown(each, show), number
        return None, None

    async def note_fetched(self, number: int) -> None:
        """Notes that a message has arrived at a page."""
        await self._fetched.add(number)

    async def report(self, visitor: Visitor, report: Report) -> bool | None:
        """Whether a page's report was new; None where it is about no message of the person."""
        return await self._reports.add((visitor, report))

    def now(self) -> dt.datetime:
        """The instant of what is reported now."""
        return self._clock.now()

    def _note_fetched(self, numbers: Sequence[int]) -> list[None]:
        with self._database.writing() as connection:
            showings.note_fetched(connection, numbers, self._clock.now())
        return [None] * len(numbers)

    def _note(self, reports: Sequence[tuple[Visitor, Report]]) -> list[bool | None]:
        now = self._clock.now()
        with self._database.writing() as connection:
            people = persons.of(connection, {visitor.id for visitor, _ in reports})
            return [showings.note(connection, report, _ids(people, visitor), now) for visitor, report in reports]

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


def _ids(people: persons.Persons, visitor: Visitor) -> Sequence[str]:
    """The ids under which messages are the visitor's."""
    profile = people.of(visitor.id)
    if visitor.alone:
        return [profile] if profile == visitor.id else []
    return people.joined.get(profile, (profile,))


def _shown(waiting: Waiting, show: Show) -> Shown:
    content = {
        name: waiting.content[name]
        for name in ("form", "title", "body", "image", "buttons", "style")
        if waiting.content.get(name)
    }
    return Shown(waiting.message.id, content, show.after.total_seconds(), show.scroll, again=show.again is not None)
