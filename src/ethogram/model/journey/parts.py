"""The parts of a journey: how people enter, what its steps do, when it lets people go.

Frozen values. A step names the steps that come after it; None is the end of the journey. Which segments and templates
there are is not known here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from ethogram.model.campaign import Conversion, SendAt
from ethogram.model.item_signal import ItemSignal
from ethogram.model.message import Channel


@dataclass(frozen=True, slots=True)
class Checks:
    """What a document's texts are checked by; each raises a ValueError or a `UserError` that says what is wrong.

    Attributes:
        condition: a text of the segment language over profiles; it may hold placeholders.
        event: an event's name and a condition on its properties, which may hold placeholders.
    """

    condition: Callable[[str], object] = lambda _: None
    event: Callable[[str, str | None], object] = lambda _name, _where: None


# --- what happens to people ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventSignal:
    """Somebody does something.

    Attributes:
        where: a condition on its properties, as inside `did(… where …)`.
    """

    event: str
    where: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentSignal:
    """Somebody enters or leaves a segment."""

    segment: str
    entered: bool = True


Signal: TypeAlias = EventSignal | SegmentSignal


@dataclass(frozen=True, slots=True)
class DateEntry:
    """A date in a trait comes near, is there, or has passed.

    Attributes:
        shift: from that day: three days before it is minus three days.
        at: the time of day where the person is.
        yearly: every year on that day, as birthdays; else once.
    """

    trait: str
    shift: dt.timedelta = dt.timedelta(0)
    at: dt.time = dt.time(9)
    yearly: bool = False


@dataclass(frozen=True, slots=True)
class CallEntry:
    """The API is called with people."""


Entry: TypeAlias = EventSignal | SegmentSignal | DateEntry | CallEntry | ItemSignal
APART = (DateEntry, CallEntry, ItemSignal)  # entries that come another way than by what happens to the person


@dataclass(frozen=True, slots=True)
class Again:
    """Whether somebody who was in the journey may enter it again.

    Attributes:
        after: so long after the entry before; None is never.
        overlapping: also while a run is under way.
    """

    after: dt.timedelta | None = None
    overlapping: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """What ends a run at any step: a signal, or a condition that is looked at before each step.

    Attributes:
        reason: for counting and for people.
    """

    signal: Signal | None
    when: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What keeps a journey from going round and round.

    Attributes:
        steps: that one run takes at most; it fails at the next one.
        runs_a_day: that one person starts at most within a day.
    """

    steps: int = 200
    runs_a_day: int = 10


# --- steps --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UntilDate:
    """A date or an instant that the person or what started the run has.

    Attributes:
        source: `trait`, or `trigger` for a property of what started the run.
        shift: from it.
        at: the time of day where the person is; None takes an instant as it is, and a date at its beginning.
    """

    source: str
    name: str
    shift: dt.timedelta = dt.timedelta(0)
    at: dt.time | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Waits for time to pass: first a length, then until a time of day on one of some weekdays where the person is.

    Attributes:
        weekdays: Monday is 0; empty is any.
        date: instead of these, until a date.
        otherwise: where to go if there is no such date, or it has passed; the same as `next` unless said.
    """

    name: str
    next: str | None
    length: dt.timedelta = dt.timedelta(0)
    at: dt.time | None = None
    weekdays: tuple[int, ...] = ()
    date: UntilDate | None = None
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Waits for one of some signals, at most so long.

    Attributes:
        otherwise: where to go when none came in time.
    """

    name: str
    next: str | None
    signals: tuple[Signal, ...]
    at_most: dt.timedelta
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A way out of a branch, taken by whom the condition describes."""

    when: str
    next: str | None


@dataclass(frozen=True, slots=True)
class Branch:
    """Takes the first case that holds."""

    name: str
    cases: tuple[Case, ...]
    otherwise: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """A way out of a split, taken by a share of the people."""

    name: str
    share: float
    next: str | None


@dataclass(frozen=True, slots=True)
class Split:
    """Sends people different ways by chance; the same person always the same way."""

    name: str
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Wants a message; whether it may be sent is judged as for campaigns, and the run goes on at once."""

    name: str
    next: str | None
    channel: Channel
    template: str
    topic: str = ""
    priority: int = 0
    transactional: bool = False
    twice_rather_than_not: bool = False
    expires_after: dt.timedelta = dt.timedelta(days=2)
    conversion: Conversion | None = None
    send_at: SendAt = SendAt.DUE


@dataclass(frozen=True, slots=True)
class Update:
    """Sets and takes away traits; texts may hold placeholders."""

    name: str
    next: str | None
    traits: Mapping[str, Any] = field(default_factory=dict)
    unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """Adds the person to a static segment, or removes them."""

    name: str
    next: str | None
    segment: str
    added: bool


@dataclass(frozen=True, slots=True)
class GoTo:
    """Goes on at another step."""

    name: str
    next: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Ends the run.

    Attributes:
        reason: for counting and for people.
    """

    name: str
    reason: str


Step: TypeAlias = Delay | Wait | Branch | Split | Send | Update | Listing | GoTo | Stop
WAITING = (Delay, Wait)


class Weekday(StrEnum):
    """A day of the week as documents say it."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEKDAYS = tuple(each.value for each in Weekday)


def ways(step: Step) -> Iterator[tuple[str, str | None]]:
    """The ways out of a step: what each is called, and the step it leads to."""
    match step:
        case Branch(_, cases, otherwise):
            for index, case in enumerate(cases):
                yield f"case {index + 1}", case.next
            yield "otherwise", otherwise
        case Split(_, shares):
            for share in shares:
                yield share.name, share.next
        case Wait():
            yield "next", step.next
            yield "timeout", step.otherwise
        case Delay():
            yield "next", step.next
            if step.date is not None:
                yield "otherwise", step.otherwise
        case Stop():
            return
        case _:
            yield "next", step.next
