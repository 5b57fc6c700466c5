"""Composition of messages: from those that are about to be sent to letters, with what is known of each person now.

Puts what decides, what renders and what knows people together. The gate is asked first, and finds the addresses on its
way; where a message goes to several devices, there is a letter for each.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from ethogram.clock import Clock
from ethogram.decide import standing
from ethogram.decide.eligibility import EVERYWHERE
from ethogram.deliver.contents import Contents
from ethogram.model.eligibility import Rules
from ethogram.model.message import Channel, Letter, Message, Unrenderable, Verdict
from ethogram.store.database import Database

# Some traits of people at an instant, by id.
Traits = Callable[[Sequence[str], Collection[str], dt.datetime], Mapping[str, Mapping[str, Any]]]
_RULES_FRESH = dt.timedelta(seconds=5)  # a rule that was changed holds after this for what is sent
_KEPT = 20_000  # addresses that wait to be used


class Composer:
    """Judges messages once more and makes letters of them.

    Args:
        traits: what eligibility asks for.
        contents: renders.
        zone: the workspace's.
    """

    def __init__(self, database: Database, traits: Traits, contents: Contents, zone: ZoneInfo, clock: Clock) -> None:
        self._database = database
        self._traits = traits
        self._contents = contents
        self._zone = zone
        self._clock = clock
        self._addresses: dict[int, tuple[str, ...]] = {}
        self._rules: tuple[dt.datetime, Rules] | None = None

    def rules(self) -> Rules:
        """The workspace's rules, as they were some seconds ago at most."""
        now = self._clock.now()
        if self._rules is None or abs(now - self._rules[0]) > _RULES_FRESH:
            self._rules = (now, standing.rules_of(self._database))
        return self._rules[1]

    def gate(self, messages: Sequence[Message], now: dt.datetime) -> list[Verdict]:
        """Whether each message may be sent now."""
        ids = list({message.wanted.profile_id for message in messages})
        traits = self._traits(ids, standing.TRAITS, now)
        rules = self.rules()
        with self._database.reading() as connection:
            found = standing.recheck(
                connection, [message.wanted for message in messages], traits, rules, self._zone, now
            )
        if len(self._addresses) > _KEPT:
            self._addresses = {}
        for message, (_, addresses) in zip(messages, found, strict=True):
            self._addresses[message.number] = addresses
        return [verdict for verdict, _ in found]

    def compose(self, messages: Sequence[Message]) -> list[Letter | Sequence[Letter] | Unrenderable]:
        """What each message says, as a letter for each address it goes to; or why it says nothing."""
        made: list[Letter | Sequence[Letter] | Unrenderable] = []
        for message, content in zip(messages, self._contents.of(messages, self._clock.now()), strict=True):
            addresses = self._addresses.pop(message.number, ())
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
        return made


def _letter_id(message: Message, address: str, count: int) -> str:
    """The message's id; where it goes to several devices, each letter has its own, the same at every attempt."""
    if count <= 1:
        return message.id
    return f"{message.id}.{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"
