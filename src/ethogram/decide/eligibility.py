"""Eligibility: whether a message may be sent to a person now, with the reason where it may not.

Step of the path: decide. Pure, and used by everything that sends. What is asked, in this order; the first that says no
is the reason:

1. `expired`: it is too late for it.
2. `unreachable`: the person has no address of the channel, or none that can be one.
3. `suppressed`: nothing is sent to that address.
4. `unsubscribed`: the person has said no, to the topic or to the channel as a whole.
5. `not_subscribed`: the topic asks for a yes that was not said, or not confirmed; or it does not come by the channel.
6. quiet hours postpone it, or refuse it as `quiet_hours`; postponed beyond its end it is `expired`.
7. `capped` or `outranked`: a frequency cap leaves no room; see `caps.py`.
8. held out: by the campaign or a holdout over everything.

Who is held out is so only where the message would have been sent, so that those who get it and those who do not are
alike; it takes no room and nobody gives way to it. What is owed to people (`transactional`) is asked 1 to 3 only and
held out by its own campaign only, and a suppression that says no more than that the person unsubscribed does not stop
it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ethogram.decide import caps, quiet_hours
from ethogram.decide.caps import Room, Speaker
from ethogram.model.eligibility import Needs, Rules, Then
from ethogram.model.message import Channel, Eligible, HeldOut, Maker, Postponed, Refused, Verdict, Wanted

if TYPE_CHECKING:
    from ethogram.store.consents import Choice

EXPIRED: Final = "expired"
UNREACHABLE: Final = "unreachable"
SUPPRESSED: Final = "suppressed"
UNSUBSCRIBED: Final = "unsubscribed"
NOT_SUBSCRIBED: Final = "not_subscribed"
QUIET_HOURS: Final = "quiet_hours"
DUPLICATE: Final = "duplicate"  # another profile with the same address gets it; see `standing.py`

_ELIGIBLE = Eligible()
# Channels that need no address of the person.
EVERYWHERE: Final = frozenset({Channel.INAPP, Channel.WEBHOOK, Channel.CHAT})


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a person.

    Attributes:
        zone: their own, or the workspace's.
        addresses: by channel, in the form in which they are written to; the best one comes first.
        faulty: what is given as an address of a channel and is none.
        suppressed: why nothing is sent to the address of a channel.
        said: what they chose last, by channel and topic; no topic is the channel as a whole.
        taken: the messages that count under caps.
        held_out: why they get nothing at all, where they are held out of everything.
    """

    profile_id: str
    zone: ZoneInfo
    addresses: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict)
    faulty: Mapping[Channel, str] = field(default_factory=dict)
    suppressed: Mapping[Channel, str] = field(default_factory=dict)
    said: Mapping[tuple[str, str], Choice] = field(default_factory=dict)
    taken: Sequence[Speaker] = ()
    held_out: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A message that is wanted for a person.

    Attributes:
        held_out: why it is held out, where it is.
        id: the message's.
    """

    wanted: Wanted
    held_out: str | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.wanted.id)  # a hash that is asked for again and again


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about messages for one person.

    Attributes:
        verdicts: in the order of the messages.
        displaced: what gives way in the outbox, with the reason.
    """

    verdicts: tuple[Verdict | HeldOut, ...]
    displaced: tuple[tuple[str, str], ...] = ()


def eligibility(
    wanted: Wanted, person: Person, rules: Rules, now: dt.datetime, *, held_out: str | None = None
) -> Verdict | HeldOut:
    """Whether a message may be sent to a person, now or when it is due."""
    return decide([Ask(wanted, held_out)], person, rules, now).verdicts[0]


def decide(asks: Sequence[Ask], person: Person, rules: Rules, now: dt.datetime) -> Decided:
    """What may be sent of all that is wanted for one person."""
    verdicts: list[Verdict | HeldOut] = [permitted(ask.wanted, person, rules, now) for ask in asks]
    displaced: list[tuple[str, str]] = []
    taken = list(person.taken)
    speakers = [_speaker(ask, verdict, now) for ask, verdict in zip(asks, verdicts, strict=True)]
    order = sorted(range(len(asks)), key=lambda index: speakers[index].rank) if len(asks) > 1 else range(len(asks))
    for index in order:
        wanted, verdict, speaker = asks[index].wanted, verdicts[index], speakers[index]
        if isinstance(verdict, Refused):
            continue
        room: Room | Refused = Room()
        if rules.caps and not wanted.transactional:
            room = caps.find_room(speaker, taken, rules.caps, person.zone)
        held_out = asks[index].held_out or _held_out_of_all(wanted, person)
        if isinstance(room, Refused):
            verdicts[index] = room
        elif held_out is not None:
            verdicts[index] = HeldOut(held_out)
        elif rules.caps and not wanted.transactional:
            for loser in room.displaced:
                taken.remove(loser)
                displaced.append((loser.id, caps.outranked(speaker, "a frequency cap allows no more").reason))
            taken.append(speaker)
    return Decided(tuple(verdicts), tuple(displaced))


def permitted(wanted: Wanted, person: Person, rules: Rules, now: dt.datetime) -> Verdict:
    """What everything but caps and holdouts says; asked once more just before a message is sent."""
    at = max(wanted.due_at, now)
    if wanted.expires_at is not None and wanted.expires_at <= at:
        return Refused(EXPIRED, f"it was to be sent before {wanted.expires_at:%Y-%m-%d %H:%M} UTC")
    refused = _out_of_reach(wanted, person)
    if refused is None and not wanted.transactional:
        refused = _without_consent(wanted, person, rules)
    if refused is not None:
        return refused
    if wanted.transactional or not rules.quiet_hours:
        return _ELIGIBLE
    return _at_this_hour(wanted, person, rules, at)


def _out_of_reach(wanted: Wanted, person: Person) -> Refused | None:
    channel = wanted.channel
    if channel in EVERYWHERE:
        return None
    if not person.addresses.get(channel):
        faulty = person.faulty.get(channel)
        if faulty is not None:
            return Refused(UNREACHABLE, f"`{faulty[:100]}` is no address for {channel}")
        return Refused(UNREACHABLE, f"there is no address for {channel}")
    why = person.suppressed.get(channel)
    if why is None or (wanted.transactional and why == UNSUBSCRIBED):
        return None
    if why == UNSUBSCRIBED:
        return Refused(UNSUBSCRIBED, f"whoever has the address has unsubscribed from {channel}")
    return Refused(SUPPRESSED, f"nothing is sent to the address any more: {why}")


def _without_consent(wanted: Wanted, person: Person, rules: Rules) -> Refused | None:
    channel, topic = wanted.channel.value, wanted.topic
    whole = person.said.get((channel, ""))
    if whole is not None and not whole.subscribed:
        return Refused(UNSUBSCRIBED, f"unsubscribed from {channel} {_when(whole)}")
    if not topic:
        return None
    said = person.said.get((channel, topic))
    if said is not None and not said.subscribed:
        return Refused(UNSUBSCRIBED, f"unsubscribed from `{topic}` by {channel} {_when(said)}")
    rule = rules.topics.get(topic)
    if rule is None:
        return Refused(NOT_SUBSCRIBED, f"there is no topic `{topic}`, so nobody can have subscribed to it")
    if not rule.comes_by(wanted.channel):
        return Refused(NOT_SUBSCRIBED, f"topic `{topic}` does not come by {channel}")
    if rule.needs is Needs.NOTHING or (said is not None and (said.confirmed or rule.needs is Needs.OPT_IN)):
        return None
    if said is None:
        return Refused(NOT_SUBSCRIBED, f"has not subscribed to `{topic}` by {channel}, which it needs")
    return Refused(NOT_SUBSCRIBED, f"has not confirmed the subscription to `{topic}` by {channel}")


def _when(said: Choice) -> str:
    return f"on {said.at:%Y-%m-%d} ({said.source})"


def _at_this_hour(wanted: Wanted, person: Person, rules: Rules, at: dt.datetime) -> Verdict:
    mine = [rule for rule in rules.quiet_hours if rule.concerns(wanted.channel)]
    quiet = quiet_hours.first_quiet(mine, at, person.zone) if mine else None
    if quiet is None:
        return _ELIGIBLE
    refusing = quiet_hours.first_quiet([rule for rule in mine if rule.then is Then.REFUSE], at, person.zone)
    if refusing is not None:
        why = quiet_hours.reason(refusing, at, person.zone)
        return Refused(QUIET_HOURS, f"it is due in {why} ({person.zone.key})")
    why = quiet_hours.reason(quiet, at, person.zone)
    until = quiet_hours.ends(mine, at, person.zone)
    if until is None:
        return Refused(QUIET_HOURS, f"{why} never end ({person.zone.key})")
    if wanted.expires_at is not None and wanted.expires_at <= until:
        return Refused(EXPIRED, f"{why} ({person.zone.key}) last until it is too late for it")
    return Postponed(until, f"{why} ({person.zone.key})")


def _speaker(ask: Ask, verdict: Verdict | HeldOut, now: dt.datetime) -> Speaker:
    wanted = ask.wanted
    at = verdict.until if isinstance(verdict, Postponed) else max(wanted.due_at, now)
    name = f"{wanted.origin.maker.value} `{wanted.origin.name}`"
    return Speaker(ask.id, wanted.channel.value, wanted.topic, wanted.priority, at, waits=True, name=name)


def _held_out_of_all(wanted: Wanted, person: Person) -> str | None:
    """What is owed comes all the same, and a test reaches whoever asked for it."""
    return None if wanted.transactional or wanted.origin.maker is Maker.TEST else person.held_out
