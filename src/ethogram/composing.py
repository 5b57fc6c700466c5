"""Composition of messages: from those that are about to be sent to letters, with what is known of each person now.

Puts what decides, what renders and what knows people together. The gate is asked first, and finds the addresses on its
way; where a message goes to several devices, there is a letter for each.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ethogram.clock import Clock
from ethogram.decide import standing
from ethogram.decide.eligibility import EVERYWHERE
from ethogram.deliver.contents import NOBODY, Contents, People, Person
from ethogram.model.eligibility import Rules
from ethogram.model.message import Channel, Eligible, Letter, Message, Unrenderable, Verdict
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
    """

    def __init__(self, database: Database, people: People, contents: Contents, zone: ZoneInfo, clock: Clock) -> None:
        self._database = database
        self._people = people
        self._contents = contents
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

    def compose(self, messages: Sequence[Message]) -> list[Letter | Sequence[Letter] | Unrenderable]:
        """What each message says, as a letter for each address it goes to; or why it says nothing."""
        made: list[Letter | Sequence[Letter] | Unrenderable] = []
        judged = [self._judged.get(message.number, _UNKNOWN) for message in messages]
        people = {message.wanted.profile_id: each.person for message, each in zip(messages, judged, strict=True)}
        contents = self._contents.said([message.wanted for message in messages], self._clock.now(), people)
        for message, content, each in zip(messages, contents, judged, strict=True):
            addresses = each.addresses
            if isinstance(content, Unrenderable):
                made.append(content)
                continue
            if message.wanted.channel in EVERYWHERE:
                addresses = (message.wanted.profile_id if message.wanted.channel is Channel.INAPP else "",)
            expires_at = message.wanted.expires_at
            made.append(
                [
                    Letter(_letter_id(message, address, len(addresses)), address, content, expires_at)
                    for address in addresses
                ]
            )
        for message in messages:
            self._judged.pop(message.number, None)
        return made


def _letter_id(message: Message, address: str, count: int) -> str:
    """The message's id; where it goes to several devices, each letter has its own, the same at every attempt."""
    if count <= 1:
        return message.id
    return f"{message.id}.{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"
