"""What comes back by a way of its own: texts with STOP words, reports about texts, bounces and complaints by mail.

Step of the path: deliver → collect. Statements inside one transaction: what a reply asks for holds, and is an event of
the person and of the message that was answered, or neither. Whoever takes the requests has seen to it that they are the
provider's. Who somebody is follows from the messages that went to their number; the number itself is suppressed also
where nobody is known by it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ethogram.deliver import receipts
from ethogram.deliver.bounces import Returned, What
from ethogram.deliver.channels.protocol import sound
from ethogram.deliver.channels.texts_inbound import Asked, Reply, Report
from ethogram.model.contacts import key_of
from ethogram.model.message import Channel, Message
from ethogram.store import consents, identities, message_events, outbox_reading, requests, suppressions
from ethogram.store.consents import Choice
from ethogram.store.message_events import Happening

if TYPE_CHECKING:
    import sqlalchemy as sa

STOPPED: Final = "stopped"
_LONGEST = 1_600  # characters of a reply that its event tells
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# What a START takes back: the person's own word, and that the number was dead, as it obviously is not.
_TAKEN_BACK: Final = (STOPPED, suppressions.UNSUBSCRIBED, "bounced")


@dataclass(frozen=True, slots=True)
class MailTaken:
    """What became of a mail that came back.

    Attributes:
        found: how many things it says about messages of ours, or what it takes for such.
        known: how many of these were believed: the message is known, and went to the address that the mail names.
    """

    found: int
    known: int


def take_reply(connection: sa.Connection, reply: Reply, now: dt.datetime) -> tuple[str, ...]:
    """The people who are known by the number that a reply came from; what it asks for holds from now on."""
    answered = _answered(connection, reply)
    number = key_of(reply.channel, reply.number)
    if number is not None and reply.asked is Asked.STOP:
        suppressions.add(connection, reply.channel, [number], STOPPED, "stop-word", now)
    elif number is not None and reply.asked is Asked.START:
        for reason in _TAKEN_BACK:
            suppressions.remove(connection, reply.channel, [number], reason=reason)
    if reply.asked in (Asked.STOP, Asked.START):
        yes = reply.asked is Asked.START
        source = "start-word" if yes else "stop-word"
        said = [Choice(each.wanted.profile_id, reply.channel, "", yes, now, source, "", yes) for each in answered]
        consents.append(connection, said, now)
    if reply.asked is Asked.STOP:
        facts = {"of_channel": reply.channel.value, "of_topic": "", "source": "stop-word"}
        told = [Happening(each.number, "unsubscribed", now, reply.id[-120:], facts) for each in answered]
        message_events.append(connection, told, now)
    _tell(connection, reply, [each.wanted.profile_id for each in answered], now)
    return tuple(each.wanted.profile_id for each in answered)


def take_report(connection: sa.Connection, report: Report, now: dt.datetime) -> receipts.Reported:
    """Whether a report about a text is about a message of ours, and new; its consequences follow."""
    if report.what is None:  # it is on its way still
        return receipts.Reported(known=False)
    properties: dict[str, Any] = {
        name: value for name, value in (("code", report.code), ("reason", report.reason)) if value is not None
    }
    what = report.what
    if what == "failed":  # it was taken, and not delivered: what a bounce is for a mail
        what = "bounced"
        properties["bounce"] = "hard" if report.dead else "soft"
    return receipts.report(connection, report.id, what, now, now, key=report.code or "", properties=properties)


def take_mail(connection: sa.Connection, returned: Iterable[Returned], now: dt.datetime) -> MailTaken:
    """How much of what a mail says is about messages of ours; its consequences follow."""
    found = known = 0
    for each in returned:
        found += 1
        message = outbox_reading.find(connection, each.message_id) if each.message_id is not None else None
        if message is None or not _went_to(message, each.address):
            continue
        known += 1
        properties: dict[str, Any] = {"reason": each.reason, **({"code": each.code} if each.code else {})}
        match each.what:
            case What.HARD:
                what, key = "bounced", "hard"
                properties["bounce"] = "hard"
            case What.SOFT:
                what, key = "bounced", f"mail {each.code or ''}".rstrip()
                properties["bounce"] = "soft"
            case What.DELAYED:
                what, key = "deferred", each.code or ""
            case What.COMPLAINED:
                what, key = "complained", ""
            case What.DELIVERED:
                what, key = "delivered", ""
        receipts.report(connection, message.id, what, now, now, key=key, properties=properties)
    return MailTaken(found, known)


def _went_to(message: Message, address: str) -> bool:
    """Whether a message went to the address that a mail names; a complaint often names none."""
    if not address or message.address is None:
        return not address
    return key_of(Channel.EMAIL, address) == key_of(Channel.EMAIL, message.address)


def _answered(connection: sa.Connection, reply: Reply) -> list[Message]:
    """The newest message to each person who is known by a reply's number."""
    number = key_of(reply.channel, reply.number)
    return [] if number is None else outbox_reading.newest_texted(connection, reply.channel, number)


def _tell(connection: sa.Connection, reply: Reply, people: list[str], now: dt.datetime) -> None:
    """Makes an event of a reply for each of the people it may be from."""
    if not people:
        return
    known = identities.known_among(connection, set(people))
    properties = {
        "text": sound(reply.text.replace("\0", ""))[:_LONGEST], "to": reply.to,
        **({"asked": reply.asked.value} if reply.asked is not None else {}),
    }  # fmt: skip
    fact = requests.Fact("events", msgspec.json.encode(properties).decode(), event=f"{reply.channel}_received")
    at = (now - _EPOCH) // dt.timedelta(microseconds=1)
    events = [
        requests.Message(
            id=f"text:{reply.id[-120:]}:{index}",
            call="track",
            user_id=each if each in known else "",
            anonymous_id="" if each in known else each,
            at=at,
            facts=(fact,),
        )
        for index, each in enumerate(people)
    ]
    requests.keep_within(connection, [events], now)
