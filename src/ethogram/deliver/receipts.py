"""What comes back about messages: providers' reports, opened pixels and clicked links, told as events in the inbox.

Step of the path: deliver → collect. Reads and writes what happened to messages (ledger). Everything that happened is
noted once, in the transaction of its consequences, and told once: the transaction that puts an event into the inbox
notes that it is there. A provider's report may come before sending is recorded; it waits until its message is known.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from ethogram.deliver import consequences
from ethogram.deliver.consequences import Limits
from ethogram.model.message import Maker
from ethogram.store import identities, message_events, outbox_reading, requests
from ethogram.store.message_events import Happening, Report, Untold

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.store.database import Database

_AT_ONCE = 2_000  # events that one transaction tells
_OURS = re.compile(r"msg_[0-9a-f]{32}")
# SendGrid adds where it was processed to the id that it gave when it took the message.
_ADDED = re.compile(r"\.(?:filter|recvd)[^.]*\..*$")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a report.

    Attributes:
        known: it is about a message of ours.
        new: it was not reported before.
    """

    known: bool
    new: bool = False


# --- noting -----------------------------------------------------------------------------------------------------------


def report(
    connection: sa.Connection,
    about: str,
    what: str,
    at: dt.datetime,
    now: dt.datetime,
    *,
    key: str = "",
    properties: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    told: bool = False,
) -> Reported:
    """Notes what a provider says about a message, with the consequences; the same again changes nothing.

    Hard bounces, complaints and a row of soft bounces suppress the address; a complaint unsubscribes; too many
    complaints pause the campaign.

    Args:
        about: the message's id, a Message-ID made of it, or the provider's own id.
        what: delivered, opened, clicked, bounced, complained, unsubscribed, deferred …
        key: tells two of a kind apart, such as the provider's id of the event.
        properties: what more there is to say; of a bounce, `bounce` is `hard` or `soft`.
        told: it is an event already.
    """
    said = dict(properties or {})
    ours = _OURS.search(about)
    if ours is not None:
        message = outbox_reading.find(connection, ours[0])
        if message is None:
            return Reported(known=False)
    else:
        theirs = _ADDED.sub("", about.strip("<> "))
        if not theirs:
            return Reported(known=False)
        message = outbox_reading.find_theirs(connection, theirs)
        if message is None:
            message_events.park(connection, Report(theirs, what, key, at, said), now)
            return Reported(known=False)
    if what == "bounced" and said.get("bounce") == "hard":
        key = "hard"  # told by the provider's server at once and by its webhook later, it is one
    happened = Happening(message.number, what, min(at, now), key, said, told=told)
    if not message_events.append(connection, [happened], now):
        return Reported(known=True)
    consequences.follow(connection, message, what, said, min(at, now), now, limits or Limits())
    return Reported(known=True, new=True)


def settle(connection: sa.Connection, now: dt.datetime, limits: Limits | None = None) -> int:
    """How many reports were matched that came before their messages were known.

    Their events went into the inbox as the provider sent them, so they are not told again.
    """
    parked = message_events.take_parked(connection)
    for each, _ in parked:
        report(
            connection, each.provider_id, each.event, each.at, now,
            key=each.key, properties=each.properties, limits=limits, told=True,
        )  # fmt: skip
    return len(parked)


# --- telling ----------------------------------------------------------------------------------------------------------


def tell(database: Database, now: dt.datetime) -> int:
    """How many things that happened to messages became events in the inbox, in one transaction with noting that."""
    if not message_events.are_untold(database, now):
        return 0
    with database.writing() as connection:
        found = message_events.untold(connection, now, limit=_AT_ONCE)
        known = identities.known_among(connection, {each.profile_id for each in found})
        # What is tried out on somebody is none of what happened to them.
        events = [event_of(each, known=each.profile_id in known) for each in found if each.maker != Maker.TEST]
        if events:
            requests.keep_within(connection, [events], now)
        message_events.mark_told(connection, [each.number for each in found])
    return len(found)


def event_of(told: Untold, *, known: bool) -> requests.Message:
    """The event that something becomes, as a call that the collection API would take.

    Args:
        known: the profile's id is one that calls name as `userId`; another must not become that by being written to.
    """
    about = {
        "message_id": told.id, told.maker: told.name, "step": told.step, "variant": told.variant,
        "template": told.template, "topic": told.topic,
    }  # fmt: skip
    properties = {name: value for name, value in {**about, **told.properties}.items() if value not in ("", None)}
    return requests.Message(
        id=f"{told.id}:{told.event}" + (f":{told.key}" if told.key else ""),
        call="track",
        user_id=told.profile_id if known else "",
        anonymous_id="" if known else told.profile_id,
        at=(told.at - _EPOCH) // _MICROSECOND,
        facts=(requests.Fact("events", _encode(properties).decode(), event=f"{told.channel}_{told.event}"),),
    )


# --- reports among the calls of webhooks ------------------------------------------------------------------------------

_CHANNELS = ("email", "sms", "whatsapp", "push", "webpush")
_NAMES = re.compile(rf"({'|'.join(_CHANNELS)})_([a-z]+)")
_OWN, _THEIRS = ("message_id", "smtp_id"), ("email_id", "sms_id", "provider_id")  # properties that name a message
_DROPPED = re.compile(r"bounced address|invalid|spam reporting address")
_HARD = frozenset({"hard", "hardbounce", "permanent", "bounce", "bademailaddress", "manuallydeactivated"})


def about_messages(calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether some of a webhook's calls may be reports about messages."""
    return any(_NAMES.fullmatch(str(call.get("event", ""))) for call in calls)


def take(
    connection: sa.Connection,
    calls: Sequence[Mapping[str, Any]],
    instants: Sequence[dt.datetime | None],
    now: dt.datetime,
    limits: Limits | None = None,
) -> list[Mapping[str, Any]]:
    """Those calls of a webhook that are no reports about messages of ours; the others are noted.

    Args:
        instants: when each happened; None is not known.
    """
    others: list[Mapping[str, Any]] = []
    for call, at in zip(calls, instants, strict=True):
        named = _NAMES.fullmatch(str(call.get("event", "")))
        said = call.get("properties")
        taken = False
        if named is not None and isinstance(said, Mapping):
            key = str(call.get("messageId", ""))[-120:]
            what, properties = _what(named[2], said), _properties(named[2], said)
            own = [str(said[name]) for name in (*_OWN, *_THEIRS) if _OURS.search(str(said.get(name, "")))]
            theirs = [str(said[name]) for name in _THEIRS if said.get(name)]
            for about in own[:1] or theirs[:1]:
                taken = report(
                    connection, about, what, at or now, now,
                    key="" if what == "delivered" else key, properties=properties, limits=limits,
                ).known  # fmt: skip
        if not taken:
            others.append(call)
    return others


def _what(what: str, said: Mapping[str, Any]) -> str:
    """What happened: a message that SendGrid drops was not sent, for what it knows of the address."""
    if what != "dropped":
        return what
    reason = str(said.get("reason", "")).lower()
    return "unsubscribed" if "unsubscribed" in reason else "bounced" if _DROPPED.search(reason) else what


def _properties(what: str, said: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: said[name] for name in ("url", "reason", "status", "user_agent") if said.get(name) not in ("", None)}
    if what == "dropped" and _what(what, said) == "bounced":
        kept["bounce"] = "hard"
    if what == "bounced":
        kind = str(said.get("bounce_type", "")).lower()
        kept["bounce"] = (
            "hard" if kind in _HARD or (not kind and str(said.get("status", "")).startswith("5")) else "soft"
        )
    if said.get("by_machine") in (True, "true", "True"):
        kept["machine"] = True
    return kept
