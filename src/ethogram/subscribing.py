"""Composition for whoever follows a link in a message to say what they want to receive: no login, no warehouse.

Puts signed links, topics, consents and suppressions together over the ledger alone, so it works in every process that
answers requests. A link says which message it was in, and the message whose it was; what is chosen holds when the call
returns, and is an event of the message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver import confirming, links
from ethogram.deliver.links import Link, Purpose
from ethogram.model.contacts import key_of
from ethogram.model.eligibility import TOPIC, Needs, Topic
from ethogram.model.message import Channel, Message
from ethogram.store import consents, definitions, message_events, outbox_reading, suppressions
from ethogram.store.consents import About, Choice
from ethogram.store.message_events import Happening

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["About", "Confirmation", "Offer", "Preferences", "Shelf", "Subscriptions", "Unsubscribing"]

DOUBLE_OPT_IN: Final = "double-opt-in"
ONE_CLICK: Final = "one-click"
PREFERENCES: Final = "preferences"
# What people have no say in: a request to somebody's server, and a team's chat.
_NOT_PERSONAL: Final = frozenset({Channel.WEBHOOK, Channel.CHAT})
_ADDRESSED: Final = frozenset({Channel.EMAIL, Channel.SMS, Channel.WHATSAPP})


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """What the link in a message unsubscribes from.

    Attributes:
        topic: its title; empty where the message has none, and it is about the channel as a whole.
        done: it is said already.
        all_done: the channel as a whole is.
        preferences: the token of the page with everything.
    """

    channel: Channel
    topic: str
    done: bool
    all_done: bool
    preferences: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the link in a question confirms.

    Attributes:
        topic: its title.
        done: it is confirmed.
        open: it can be: the person has not said no meanwhile, and the link is not too old.
        preferences: the token of the page with everything.
    """

    channel: Channel
    topic: str
    done: bool
    open: bool
    preferences: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that a person may receive or not.

    Attributes:
        about: its channel and topic; no topic is the channel as a whole.
        on: it is chosen now, or not refused.
        unconfirmed: it is chosen, and comes only when whoever has the address has confirmed it.
    """

    about: About
    on: bool
    unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """A topic with the channels by which it comes; without a topic, the channels themselves."""

    title: str
    description: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Preferences:
    """All that a person may receive, and what is chosen of it."""

    channels: Shelf
    topics: tuple[Shelf, ...]

    def offers(self) -> dict[About, Offer]:
        """Every offer by what it is about."""
        return {offer.about: offer for shelf in (self.channels, *self.topics) for offer in shelf.offers}


class Subscriptions:
    """What people say through links in messages. Works beside any other process on the workspace."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._signer = links.signer(self._database)
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the ledger."""
        self._ledger.close()

    def asked(self, token: str) -> Unsubscribing | None:
        """What a link unsubscribes from; changes nothing. None where it is none of ours, or its message is gone."""
        with self._database.reading() as connection:
            message = self._message(connection, token, Purpose.UNSUBSCRIBE)
            return None if message is None else self._unsubscribing(connection, message)

    def unsubscribe(self, token: str, *, everything: bool = False) -> Unsubscribing | None:
        """What a link has unsubscribed from; a second time changes nothing.

        Args:
            everything: from the channel as a whole, not from the message's topic only.
        """
        now = self._clock.now()
        with self._database.writing() as connection:
            message = self._message(connection, token, Purpose.UNSUBSCRIBE)
            if message is None:
                return None
            wanted = message.wanted
            about = (wanted.channel.value, "" if everything else wanted.topic)
            said = self._said(connection, message).get(about)
            if said is None or said.subscribed:
                self._write(
                    connection, message, [Choice(wanted.profile_id, wanted.channel, about[1], False, now, ONE_CLICK)]
                )
            return self._unsubscribing(connection, message)

    def asked_to_confirm(self, token: str) -> Confirmation | None:
        """What a link confirms; changes nothing. None where it is none of ours, or its message is gone."""
        with self._database.reading() as connection:
            message = self._message(connection, token, Purpose.CONFIRM)
            return None if message is None else self._confirmation(connection, message)

    def confirm(self, token: str) -> Confirmation | None:
        """What a link has confirmed; a second time changes nothing, and after a no it confirms nothing."""
        now = self._clock.now()
        with self._database.writing() as connection:
            message = self._message(connection, token, Purpose.CONFIRM)
            if message is None:
                return None
            found = self._confirmation(connection, message)
            if found is None or not found.open:
                return found
            wanted = message.wanted
            said = self._said(connection, message)[wanted.channel.value, wanted.topic]
            confirmed = Choice(
                wanted.profile_id, wanted.channel, wanted.topic, True, now, DOUBLE_OPT_IN, said.wording, True
            )
            self._write(connection, message, [confirmed])
            facts = {"of_channel": wanted.channel.value, "of_topic": wanted.topic}
            message_events.append(connection, [Happening(message.number, "confirmed", now, properties=facts)], now)
            return self._confirmation(connection, message)

    def preferences(self, token: str) -> Preferences | None:
        """What a person may receive; None where the link is none of ours, or its message is gone."""
        topics = self._topics()
        with self._database.reading() as connection:
            message = self._message(connection, token, Purpose.PREFERENCES)
            return None if message is None else self._offered(connection, message, topics)

    def choose(self, token: str, shown: Collection[About], chosen: Collection[About]) -> Preferences | None:
        """What a person may receive after a choice.

        Args:
            shown: what the person saw; about anything else nothing was said.
            chosen: what of it shall come.
        """
        topics = self._topics()
        now = self._clock.now()
        with self._database.writing() as connection:
            message = self._message(connection, token, Purpose.PREFERENCES)
            if message is None:
                return None
            offers = self._offered(connection, message, topics).offers()
            wording = _wording(topics)
            choices = []
            for about in dict.fromkeys(shown):
                offer = offers.get(about)
                if offer is None:
                    continue
                on = about in chosen
                channel = Channel(about[0])
                # Whoever follows a link in a message has its address.
                proven = on and channel is message.wanted.channel
                if on != offer.on or (offer.unconfirmed and proven):
                    profile = message.wanted.profile_id
                    choices.append(Choice(profile, channel, about[1], on, now, PREFERENCES, wording, proven))
            self._write(connection, message, choices)
            return self._offered(connection, message, topics)

    def _message(self, connection: sa.Connection, token: str, purpose: Purpose) -> Message | None:
        link = self._signer.verify(token, purpose)
        return None if link is None else outbox_reading.find(connection, link.message_id)

    def _topics(self) -> dict[str, Topic]:
        found = definitions.listed(self._database, TOPIC)
        return {saved.name: Topic.from_body(saved.name, saved.body) for saved in found}

    def _said(self, connection: sa.Connection, message: Message) -> Mapping[About, Choice]:
        profile = message.wanted.profile_id
        return consents.holding(connection, [profile]).get(profile, {})

    def _write(self, connection: sa.Connection, message: Message, choices: Sequence[Choice]) -> None:
        """Writes choices down, and what follows for the address that the message went to."""
        now = self._clock.now()
        consents.append(connection, choices, now)
        confirming.ask(connection, choices, now)
        told = []
        for choice in choices:
            here = choice.channel is message.wanted.channel and choice.channel in _ADDRESSED and not choice.topic
            address = message.address if here and message.address is not None else ""
            if address and key_of(choice.channel, address) is not None:
                reason = suppressions.UNSUBSCRIBED
                if choice.subscribed:
                    suppressions.remove(connection, choice.channel, [address], reason=reason)
                else:  # the address may be another profile's as well, and it is the same reader
                    suppressions.add(connection, choice.channel, [address], reason, choice.source, now)
            if not choice.subscribed:
                facts = {"of_channel": choice.channel.value, "of_topic": choice.topic, "source": choice.source}
                key = f"{choice.channel.value}:{choice.topic}:{now.isoformat()}"
                told.append(Happening(message.number, "unsubscribed", now, key, facts))
        message_events.append(connection, told, now)

    def _unsubscribing(self, connection: sa.Connection, message: Message) -> Unsubscribing:
        wanted = message.wanted
        said = self._said(connection, message)
        whole, own = said.get((wanted.channel.value, "")), said.get((wanted.channel.value, wanted.topic))
        all_done = whole is not None and not whole.subscribed
        return Unsubscribing(
            wanted.channel,
            _title(connection, wanted.topic),
            done=all_done or (own is not None and not own.subscribed),
            all_done=all_done,
            preferences=self._signer.sign(Link(Purpose.PREFERENCES, message.id)),
        )

    def _confirmation(self, connection: sa.Connection, message: Message) -> Confirmation | None:
        """What a message asks to confirm; None where it asks nothing."""
        wanted = message.wanted
        if not confirming.is_question(message):
            return None
        said = self._said(connection, message).get((wanted.channel.value, wanted.topic))
        yes = said is not None and said.subscribed
        done = yes and said is not None and said.confirmed
        fresh = self._clock.now() - message.created_at < confirming.HOLDS
        return Confirmation(
            wanted.channel,
            _title(connection, wanted.topic),
            done=done,
            open=yes and not done and fresh,
            preferences=self._signer.sign(Link(Purpose.PREFERENCES, message.id)),
        )

    def _offered(self, connection: sa.Connection, message: Message, topics: Mapping[str, Topic]) -> Preferences:
        said = self._said(connection, message)
        named = {message.wanted.channel, *(Channel(channel) for channel, _ in said)}
        named |= {channel for topic in topics.values() for channel in topic.channels}
        channels = [channel for channel in Channel if channel in named - _NOT_PERSONAL]
        whole = tuple(_offer((channel.value, ""), said, Needs.NOTHING) for channel in channels)
        return Preferences(
            Shelf("", "", whole),
            tuple(
                Shelf(
                    topic.title or topic.name,
                    topic.description,
                    tuple(
                        _offer((channel.value, topic.name), said, topic.needs)
                        for channel in channels
                        if topic.comes_by(channel)
                    ),
                )
                for topic in topics.values()
            ),
        )


def _title(connection: sa.Connection, topic: str) -> str:
    """A topic's title as people read it; empty where there is no topic."""
    if not topic:
        return ""
    saved = definitions.find(connection, TOPIC, topic)
    return (saved.body.get("title") if saved is not None else None) or topic


def _offer(about: About, said: Mapping[About, Choice], needs: Needs) -> Offer:
    choice = said.get(about)
    on = needs is Needs.NOTHING if choice is None else choice.subscribed
    unconfirmed = choice is not None and on and needs is Needs.DOUBLE_OPT_IN and not choice.confirmed
    return Offer(about, on, unconfirmed)


def _wording(topics: Mapping[str, Topic]) -> str:
    """The version of what the page says about topics."""
    told = repr([(topic.name, topic.title, topic.description) for topic in topics.values()])
    return f"{PREFERENCES}-{hashlib.blake2b(told.encode(), digest_size=6).hexdigest()}"
