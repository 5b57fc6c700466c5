"""Frequency caps: who of those that want to speak to a person does, when there is room for fewer.

Step of the path: decide. Pure. The greater priority speaks; of the same priority what is due first, then the smaller
id. What waits in the outbox with a lower priority makes room, what has the same or a greater one does not, and what is
sent or on its way cannot. Whoever gives way is told to whom.

A message counts at the instant at which it was sent, or else is due. Calendar windows follow the person's own clocks; a
rolling window may lie anywhere: no stretch of its length, half open, ever holds more than the cap allows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from ethogram.model.eligibility import FrequencyCap, Window
from ethogram.model.message import Refused

CAPPED: Final = "capped"
OUTRANKED: Final = "outranked"


@dataclass(frozen=True, slots=True)
class Speaker:
    """A message that counts, or wants to.

    Attributes:
        at: when it was sent, or is due.
        waits: it is in the outbox and nobody sends it yet, or it wants to get there.
        name: what made it, for a reason.
    """

    id: str
    channel: str
    topic: str
    priority: int
    at: dt.datetime
    waits: bool
    name: str

    @property
    def rank(self) -> tuple[int, dt.datetime, str]:
        """The smaller one speaks first."""
        return -self.priority, self.at, self.id


@dataclass(frozen=True, slots=True)
class Room:
    """There is room for a message.

    Attributes:
        displaced: messages in the outbox that give way for it.
    """

    displaced: tuple[Speaker, ...] = ()


def find_room(
    wanted: Speaker, taken: Sequence[Speaker], caps: Sequence[FrequencyCap], zone: ZoneInfo
) -> Room | Refused:
    """Room for a message beside those that count already, or why there is none.

    Args:
        taken: sent, on their way, or waiting; those that were let in before included.
    """
    mine = [cap for cap in caps if cap.concerns(wanted.channel, wanted.topic)]
    if not mine:
        return Room()
    full = _first_full(wanted, taken, mine, zone)
    if full is None:
        return Room()
    weaker = sorted((each for each in taken if each.waits and each.priority < wanted.priority), key=_weakest_first)
    removed: list[Speaker] = []
    kept = list(taken)
    while full is not None:
        # Only what shares a window of the full cap with the message can make room under it.
        useful = next((each for each in weaker if _shares(full, wanted, each, zone)), None)
        if useful is None:
            return _refused(wanted, kept + removed, full, zone)
        weaker.remove(useful)
        kept.remove(useful)
        removed.append(useful)
        full = _first_full(wanted, kept, mine, zone)
    for each in sorted(removed, key=lambda speaker: speaker.rank):  # who need not have gone stays, the strongest first
        if _first_full(wanted, [*kept, each], mine, zone) is None:
            kept.append(each)
            removed.remove(each)
    return Room(tuple(removed))


def outranked(winner: Speaker, cap: str) -> Refused:
    """The refusal of whoever gives way, which names the winner."""
    told = f"{winner.name} (priority {winner.priority}, message {winner.id}) speaks instead"
    return Refused(OUTRANKED, f"{told}: {cap}" if cap else told)


def _refused(wanted: Speaker, taken: Sequence[Speaker], cap: FrequencyCap, zone: ZoneInfo) -> Refused:
    sharing = [each for each in taken if _shares(cap, wanted, each, zone)]
    winners = sorted((each for each in sharing if each.waits), key=lambda speaker: speaker.rank)
    if winners and winners[0].priority >= wanted.priority:
        return outranked(winners[0], f"{cap.told()} allows no more")
    return Refused(CAPPED, f"{cap.told()} allows no more: {len(sharing)} were sent or are on their way")


def _weakest_first(speaker: Speaker) -> tuple[int, float, str]:
    return speaker.priority, -speaker.at.timestamp(), speaker.id


def _first_full(
    wanted: Speaker, taken: Sequence[Speaker], caps: Sequence[FrequencyCap], zone: ZoneInfo
) -> FrequencyCap | None:
    return next((cap for cap in caps if not _fits(cap, wanted, taken, zone)), None)


def _fits(cap: FrequencyCap, wanted: Speaker, taken: Sequence[Speaker], zone: ZoneInfo) -> bool:
    near = [each.at for each in taken if _shares(cap, wanted, each, zone)]
    if len(near) < cap.most:
        return True
    if cap.length is None:
        return False
    instants = sorted([*near, wanted.at])
    # More than allowed in one window: `most + 1` that follow each other within less than the length.
    return all(
        later - earlier >= cap.length or not earlier <= wanted.at <= later
        for earlier, later in zip(instants, instants[cap.most :], strict=False)
    )


def _shares(cap: FrequencyCap, wanted: Speaker, other: Speaker, zone: ZoneInfo) -> bool:
    """Whether the cap counts another message, in a window that holds this one as well."""
    if not cap.concerns(other.channel, other.topic):
        return False
    if cap.length is not None:
        return abs(other.at - wanted.at) < cap.length
    return abs(other.at - wanted.at) < cap.reach() and _place(cap, wanted.at, zone) == _place(cap, other.at, zone)


def _place(cap: FrequencyCap, at: dt.datetime, zone: ZoneInfo) -> tuple[int, ...]:
    """The calendar window that an instant lies in; an hour that comes twice is one."""
    local = at.astimezone(zone)
    match cap.window:
        case Window.WEEK:
            return local.isocalendar()[:2]
        case Window.HOUR:
            return local.year, local.month, local.day, local.hour
        case _:
            return local.year, local.month, local.day
