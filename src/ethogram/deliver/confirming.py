"""Double opt-in: whoever says yes to a topic that asks for it gets a message, and only its link subscribes.

Step of the path: deliver. Reads topics and the outbox, and writes messages into it, inside the transaction that writes
the choice down: no yes is without its question. Asked once for a yes; who says it again and again within an hour is
not asked again, for it may be somebody else's address.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ethogram.deliver.templates.shipped import CONFIRMING
from ethogram.model import template as templates
from ethogram.model.eligibility import TOPIC, Needs, Topic
from ethogram.model.message import Channel, Eligible, Maker, Message, Origin, Wanted
from ethogram.store import definitions, outbox, outbox_reading, persons

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.store.consents import Choice

STEP: Final = "confirm"
HOLDS: Final = dt.timedelta(days=30)  # a link that was not followed by then confirms nothing
_AGAIN: Final = dt.timedelta(hours=1)
_LATEST: Final = dt.timedelta(days=1)  # a question that comes later is no answer to anything


def ask(connection: sa.Connection, choices: Iterable[Choice], now: dt.datetime) -> int:
    """How many of these choices, which were just written down, are asked about now."""
    asked: list[tuple[Wanted, Eligible]] = []
    for choice in choices:
        if not choice.subscribed or choice.confirmed or not choice.topic or choice.channel not in CONFIRMING:
            continue
        saved = definitions.find(connection, TOPIC, choice.topic)
        topic = Topic.from_body(saved.name, saved.body) if saved is not None else None
        if saved is None or topic is None or topic.needs is not Needs.DOUBLE_OPT_IN:
            continue
        if _was_asked(connection, choice, now):
            continue
        told: dict[str, Any] = {"title": topic.title or topic.name, "description": topic.description}
        wanted = Wanted(
            Origin(Maker.TOPIC, topic.name, saved.version, now.isoformat(), STEP),
            choice.profile_id,
            choice.channel,
            _template(connection, topic, choice.channel),
            now,
            topic=topic.name,
            transactional=True,  # it is what the person waits for, whatever was said before
            data={"topic": {"name": topic.name, **told}},
            expires_at=now + _LATEST,
        )
        asked.append((wanted, Eligible()))
    if asked:
        outbox.append(connection, asked, now)
    return len(asked)


def is_question(message: Message) -> bool:
    """Whether a message asks for a confirmation."""
    origin = message.wanted.origin
    return origin.maker is Maker.TOPIC and origin.step == STEP


def _was_asked(connection: sa.Connection, choice: Choice, now: dt.datetime) -> bool:
    ids = persons.of(connection, [choice.profile_id]).ids()
    newest = outbox_reading.listed(
        connection, origin=(Maker.TOPIC, choice.topic), profile_ids=ids, channel=choice.channel, limit=1
    )
    return bool(newest) and now - newest[0].created_at < _AGAIN


def _template(connection: sa.Connection, topic: Topic, channel: Channel) -> str:
    """The topic's own template where it speaks on the channel; else the shipped one."""
    saved = definitions.find(connection, templates.KIND, topic.confirmation) if topic.confirmation else None
    if saved is not None and Channel(saved.body["channel"]) in _alike(channel):
        return topic.confirmation
    return CONFIRMING[channel]


def _alike(channel: Channel) -> frozenset[Channel]:
    return frozenset({channel}) if channel is Channel.EMAIL else frozenset({Channel.SMS, Channel.WHATSAPP})
