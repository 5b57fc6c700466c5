"""Composition of messages: from those that are about to be sent to letters, with what is known of each person now.

Puts what decides, what renders and what knows people together. The gate is asked first, and finds the addresses on its
way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from ethogram.clock import Clock
from ethogram.config import Settings
from ethogram.decide import standing
from ethogram.decide.eligibility import EVERYWHERE
from ethogram.deliver import links
from ethogram.deliver.contents import NOBODY, Contents, People, Person
from ethogram.deliver.templates.rendering import Templates
from ethogram.deliver.templates.tracking import Tracking
from ethogram.deliver.writing import ToWrite, Write, Written, written
from ethogram.model.eligibility import Rules
from ethogram.model.message import Channel, Eligible, Message, Verdict
from ethogram.store.database import Database

_RULES_FRESH = dt.timedelta(seconds=5)  # a rule that was changed holds after this for what is sent
_KEPT = 20_000  # messages that were judged and wait to be composed


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was found out about a message when it was judged, for composing it next."""

    addresses: tuple[str, ...]
    person: Person


_UNKNOWN = _Judged((), NOBODY)


class Composer:
    """Judges messages once more and makes letters of them.

    Args:
        people: what is known of them; asked once for judging and composing together.
        contents: renders.
        zone: the workspace's.
        write: makes letters elsewhere; None is here.
    """

    def __init__(
        self,
        database: Database,
        people: People,
        contents: Contents,
        zone: ZoneInfo,
        clock: Clock,
        *,
        write: Write | None = None,
    ) -> None:
        self._database = database
        self._people = people
        self._write_here: Write = partial(written, contents)
        self._write = write or self._write_here
        self._zone = zone
        self._clock = clock
        self._judged: dict[int, _Judged] = {}
        self._rules: tuple[dt.datetime, Rules] | None = None

    def rules(self) -> Rules:
        """The workspace's rules, as they were some seconds ago at most."""
        now = self._clock.now()
        if self._rules is None or abs(now - self._rules[0]) > _RULES_FRESH:
            self._rules = (now, standing.rules_of(self._database))
        return self._rules[1]

    def gate(self, messages: Sequence[Message], now: dt.datetime) -> list[Verdict]:
        """Whether each message may be sent now."""
        people = self._people(list(dict.fromkeys(message.wanted.profile_id for message in messages)))
        traits = {id_: person.traits for id_, person in people.items()}
        rules = self.rules()
        with self._database.reading() as connection:
            found = standing.recheck(
                connection, [message.wanted for message in messages], traits, rules, self._zone, now
            )
        if len(self._judged) > _KEPT:
            self._judged = {}
        for message, (verdict, addresses) in zip(messages, found, strict=True):
            if isinstance(verdict, Eligible):
                self._judged[message.number] = _Judged(addresses, people.get(message.wanted.profile_id, NOBODY))
        return [verdict for verdict, _ in found]

    def compose(self, messages: Sequence[Message]) -> Sequence[Written]:
        """What each message says, as a letter for each address it goes to; or why it says nothing."""
        asked: list[ToWrite] = []
        for message in messages:
            wanted, judged = message.wanted, self._judged.get(message.number, _UNKNOWN)
            addresses = judged.addresses
            if wanted.channel in EVERYWHERE:
                addresses = (wanted.profile_id if wanted.channel is Channel.INAPP else "",)
            asked.append(ToWrite(message.number, message.id, wanted, addresses, judged.person))
        here = all(each.wanted.channel is Channel.INAPP for each in asked)  # they wait in the ledger, which is here
        made = (self._write_here if here else self._write)(asked, self._clock.now())
        for message in messages:
            self._judged.pop(message.number, None)
        return made


def templates_of(database: Database, settings: Settings) -> Templates:
    """Renders for a workspace: by its settings, with links that its key signs."""
    tracking = None
    if settings.public_url:
        tracking = Tracking(settings.public_url.rstrip("/"), links.signer(database))
    return Templates(tracking, zone=settings.zone, currency=settings.currency or None, language=settings.language)
