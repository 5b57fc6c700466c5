"""Standing: what eligibility needs to know of many people, read in a few statements, and what follows written down.

Step of the path: decide. Reads rules, identities, consents, suppressions, devices and the outbox (ledger); traits are
handed in. `put` judges and writes messages inside the caller's transaction: caps are counted where nobody else decides
meanwhile, so they hold however many decide at once. What was written down before is not judged again. `recheck` asks
once more before a message is sent, and knows the addresses.

Within one launch of a campaign an address gets one message: a second profile that has it too is refused as `duplicate`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ethogram.decide import eligibility
from ethogram.decide.assignment import held_out_of_all
from ethogram.decide.campaigns.launching import zone_of
from ethogram.decide.caps import Speaker
from ethogram.decide.eligibility import Ask, Person
from ethogram.model.contacts import key_of, same_person_key
from ethogram.model.eligibility import (
    CAP,
    HOLDOUT,
    QUIET_HOURS,
    TOPIC,
    FrequencyCap,
    GlobalHoldout,
    QuietHours,
    Rules,
    Topic,
)
from ethogram.model.message import Channel, HeldOut, Maker, Refused, Verdict, Wanted
from ethogram.store import addressed, consents, definitions, devices, outbox, outbox_counting, persons, suppressions
from ethogram.store.outbox import Appended

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.store.database import Database

# The traits that are asked for, beside what a campaign needs itself.
TRAITS: Final = ("email", "phone", "timezone")
_TRAIT: Final = {Channel.EMAIL: "email", Channel.SMS: "phone", Channel.WHATSAPP: "phone"}
Traits = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was decided about messages that were not written down before.

    Attributes:
        asked: with the verdict of each.
        displaced: messages in the outbox that give way, with the reason.
        addresses: what the eligible ones take, as key → message.
    """

    asked: tuple[tuple[Wanted, Verdict | HeldOut], ...]
    displaced: tuple[tuple[str, str], ...]
    addresses: Mapping[str, str]


def rules_of(database: Database) -> Rules:
    """The workspace's rules: its topics, caps, quiet hours and holdouts."""
    return Rules(
        {saved.name: Topic.from_body(saved.name, saved.body) for saved in definitions.listed(database, TOPIC)},
        tuple(FrequencyCap.from_body(saved.name, saved.body) for saved in definitions.listed(database, CAP)),
        tuple(QuietHours.from_body(saved.name, saved.body) for saved in definitions.listed(database, QUIET_HOURS)),
        tuple(GlobalHoldout.from_body(saved.name, saved.body) for saved in definitions.listed(database, HOLDOUT)),
    )


def put(
    connection: sa.Connection,
    asks: Sequence[Ask],
    traits: Traits,
    rules: Rules,
    zone: ZoneInfo,
    now: dt.datetime,
) -> Appended:
    """What became of messages that are wanted: judged and written down, each once.

    Args:
        traits: `TRAITS` of the people, by the profile's id in the messages.
        zone: the workspace's, for people whose own is not known.
    """
    outbox.take_turns(connection)
    judged = judge(connection, asks, traits, rules, zone, now)
    for id_, reason in judged.displaced:
        outbox.displace(connection, id_, reason, now)
    addressed.take(connection, judged.addresses, now)
    appended = outbox.append(connection, judged.asked, now)
    return Appended(appended.states, len(asks) - len(judged.asked) + appended.known)


def judge(
    connection: sa.Connection,
    asks: Sequence[Ask],
    traits: Traits,
    rules: Rules,
    zone: ZoneInfo,
    now: dt.datetime,
) -> Judged:
    """What is decided about messages that were not written down before; writes nothing, so it serves for a dry run."""
    fresh = {ask.id: ask for ask in asks}
    for id_ in outbox.numbers_of(connection, list(fresh)):
        del fresh[id_]
    people = persons.of(connection, {ask.wanted.profile_id for ask in fresh.values()})
    mine: dict[str, list[Ask]] = defaultdict(list)
    for ask in fresh.values():
        mine[people.of(ask.wanted.profile_id)].append(ask)
    known = _known(connection, fresh.values(), people, traits, rules, zone, now)
    keys = {id_: key for id_, ask in fresh.items() if (key := _address_key(ask, known)) is not None}
    holders = addressed.holders(connection, set(keys.values())) if keys else {}
    verdicts: list[tuple[Wanted, Verdict | HeldOut]] = []
    displaced: list[tuple[str, str]] = []
    taken: dict[str, str] = {}
    for asked in mine.values():
        person = known[asked[0].wanted.profile_id]
        # A profile whose address was given to another one's message leaves caps alone.
        first = {keys[ask.id]: ask.id for ask in reversed(asked) if ask.id in keys}
        alone = [
            ask for ask in asked if _holder(keys, holders, ask.id) is None and _holder(keys, first, ask.id) is None
        ]
        decided = eligibility.decide(alone, person, rules, now)
        displaced += decided.displaced
        for ask, verdict in zip(alone, decided.verdicts, strict=True):
            verdicts.append((ask.wanted, verdict))
            key = keys.get(ask.id)
            if key is not None and not isinstance(verdict, Refused):
                holders[key] = taken[key] = ask.id
        for ask in asked:
            holder = _holder(keys, holders, ask.id) or _holder(keys, first, ask.id)
            if holder is not None:
                reason = f"message {holder} goes to the same address, for another profile"
                verdicts.append((ask.wanted, Refused(eligibility.DUPLICATE, reason)))
    return Judged(tuple(verdicts), tuple(displaced), taken)


def recheck(
    connection: sa.Connection,
    wanted: Sequence[Wanted],
    traits: Traits,
    rules: Rules,
    zone: ZoneInfo,
    now: dt.datetime,
) -> list[tuple[Verdict, tuple[str, ...]]]:
    """Whether each message may still be sent, and to which addresses, the best one first.

    Caps were counted when it was decided, and nobody is drawn anew.
    """
    people = persons.of(connection, {each.profile_id for each in wanted})
    asks = [Ask(each) for each in wanted]
    known = _known(connection, asks, people, traits, Rules(rules.topics), zone, now)
    return [
        (
            eligibility.permitted(each, known[each.profile_id], rules, now),
            known[each.profile_id].addresses.get(each.channel, ()),
        )
        for each in wanted
    ]


def _holder(keys: Mapping[str, str], holders: Mapping[str, str], id_: str) -> str | None:
    """Whose message goes to the address of a message, where it is another one's."""
    key = keys.get(id_)
    holder = holders.get(key) if key is not None else None
    return holder if holder != id_ else None


def _address_key(ask: Ask, known: Mapping[str, Person]) -> str | None:
    """Where a message of a campaign would go in its launch; None where any number may go."""
    wanted = ask.wanted
    if wanted.origin.maker is not Maker.CAMPAIGN or wanted.channel not in _TRAIT:
        return None
    addresses = known[wanted.profile_id].addresses.get(wanted.channel)
    if not addresses:
        return None
    place = same_person_key(wanted.channel, addresses[0])
    name, occurrence, channel = wanted.origin.name, wanted.origin.occurrence, wanted.channel.value
    told = f"{len(name)}:{name}{len(occurrence)}:{occurrence}{len(channel)}:{channel}{len(place)}:{place}"
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


# --- what is known -------------------------------------------------------------------------------------------------


def _known(
    connection: sa.Connection,
    asks: Iterable[Ask],
    people: persons.Persons,
    traits: Traits,
    rules: Rules,
    zone: ZoneInfo,
    now: dt.datetime,
) -> dict[str, Person]:
    """What is known of the people of some messages, by the profile's id in these."""
    asked = list(asks)
    channels = {ask.wanted.channel for ask in asked}
    chosen = consents.of_persons(connection, people)
    has = devices.of(connection, people) if channels & set(devices.CHANNELS) else {}
    addresses, faulty = _addresses(people, traits, channels)
    stopped = {
        channel: suppressions.among(
            connection, channel, {each[channel] for each in addresses.values() if channel in each}
        )
        for channel in channels
        if channel in _TRAIT
    }
    counts = _counts(connection, asked, people, rules, now)
    held = _held_out(asked, people, rules, now)
    found = {}
    for id_ in people.profiles:
        own = addresses.get(id_, {})
        profile = people.of(id_)
        found[id_] = Person(
            profile,
            zone_of(traits.get(id_, {}), zone),
            {**{channel: (address,) for channel, address in own.items()}, **_tokens(has.get(id_, {}))},
            faulty.get(id_, {}),
            {channel: stopped[channel][address] for channel, address in own.items() if address in stopped[channel]},
            chosen.get(id_, {}),
            counts.get(profile, ()),
            held.get(profile),
        )
    return found


def _addresses(
    people: persons.Persons, traits: Traits, channels: Iterable[Channel]
) -> tuple[dict[str, dict[Channel, str]], dict[str, dict[Channel, str]]]:
    """By profile and channel: addresses in their one form, and what is none."""
    wanted = [(channel, _TRAIT[channel]) for channel in channels if channel in _TRAIT]
    found: dict[str, dict[Channel, str]] = {}
    faulty: dict[str, dict[Channel, str]] = {}
    for id_ in people.profiles:
        of_person = traits.get(id_, {})
        for channel, trait in wanted:
            value = of_person.get(trait)
            if value is None or value == "":
                continue
            key = key_of(channel, str(value))
            if key is not None:
                found.setdefault(id_, {})[channel] = key
            else:
                faulty.setdefault(id_, {})[channel] = str(value)
    return found, faulty


def _tokens(has: Mapping[Channel, Sequence[devices.Device]]) -> dict[Channel, tuple[str, ...]]:
    return {channel: tuple(device.address for device in each) for channel, each in has.items()}


def _counts(
    connection: sa.Connection, asked: Sequence[Ask], people: persons.Persons, rules: Rules, now: dt.datetime
) -> dict[str, list[Speaker]]:
    """The messages that count under caps, by profile."""
    found: dict[str, list[Speaker]] = defaultdict(list)
    concerned = [ask.wanted for ask in asked if not ask.wanted.transactional]
    if not rules.caps or not concerned:
        return found
    since = min(now, *(wanted.due_at for wanted in concerned)) - max(cap.reach() for cap in rules.caps)
    profile_of = people.by_id()
    for each in outbox_counting.counted(connection, people.ids(), since):
        at = max(each.at, now) if each.waits else each.at
        speaker = Speaker(
            each.id, each.channel, each.topic, each.priority, at, each.waits, f"{each.maker} `{each.name}`"
        )
        found[profile_of[each.profile_id]].append(speaker)
    return found


def _held_out(asked: Sequence[Ask], people: persons.Persons, rules: Rules, now: dt.datetime) -> dict[str, str]:
    """Why people get nothing at all, by profile."""
    in_force = [each for each in rules.holdouts if each.since is None or each.since <= now]
    if not in_force:
        return {}
    found = {}
    for profile in {people.of(ask.wanted.profile_id) for ask in asked}:
        drawn = held_out_of_all(in_force, profile)
        if drawn:
            found[profile] = f"held out of everything by `{drawn[0].name}`"
    return found
