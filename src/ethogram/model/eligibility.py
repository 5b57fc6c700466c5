"""The rules about who may be written to, when and how often: topics, frequency caps, quiet hours, the holdout for all.

Frozen values that are read from documents and written to them. What follows from them for a person is decided in
`decide/eligibility.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from ethogram.model import public_holidays
from ethogram.model.message import Channel
from ethogram.model.reading import Part, length_of, length_text, nearest, read

TOPIC: Final = "topic"
CAP: Final = "cap"
QUIET_HOURS: Final = "quiet_hours"
HOLDOUT: Final = "holdout"
KINDS: Final = (TOPIC, CAP, QUIET_HOURS, HOLDOUT)

_CHANNELS = [channel.value for channel in Channel]
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MOST_LENGTH = dt.timedelta(days=90)


class Needs(StrEnum):
    """What must have been said before a topic is sent."""

    NOTHING = "nothing"  # who has not said no gets it
    OPT_IN = "opt_in"
    DOUBLE_OPT_IN = "double_opt_in"  # confirmed by whoever has the address


@dataclass(frozen=True, slots=True)
class Topic:
    """What messages may be about, which people choose or not.

    Attributes:
        title: as people read it.
        channels: by which it comes; empty is all.
        confirmation: the template that asks for the second yes of a double opt-in; empty is a shipped one.
    """

    name: str
    title: str = ""
    description: str = ""
    channels: tuple[Channel, ...] = ()
    needs: Needs = Needs.NOTHING
    confirmation: str = ""

    @classmethod
    def from_body(cls, name: str, body: object) -> Topic:
        """The topic that a document describes.

        Raises:
            DefinitionError: with all faults of the document.
        """

        def reader(top: Part) -> Topic:
            needs = Needs(top.text("needs", Needs.NOTHING.value, one_of=[each.value for each in Needs]))
            confirmation = top.text("confirmation", "", longest=200)
            if confirmation and needs is not Needs.DOUBLE_OPT_IN:
                top.wrong("confirmation", "is of no use unless `needs` is `double_opt_in`")
            return cls(
                name,
                title=top.text("title", "", longest=200),
                description=top.text("description", "", longest=2_000),
                channels=_channels(top),
                needs=needs,
                confirmation=confirmation,
            )

        return read(f"topic `{name}`", body, reader)

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        return _told(
            title=self.title,
            description=self.description,
            channels=list(self.channels),
            needs="" if self.needs is Needs.NOTHING else self.needs.value,
            confirmation=self.confirmation,
        )

    def comes_by(self, channel: Channel) -> bool:
        """Whether it comes by a channel."""
        return not self.channels or channel in self.channels


class Window(StrEnum):
    """The times over which messages are counted, in the person's time zone."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday
    ROLLING = "rolling"  # any stretch of a length


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """At most so many messages in a time.

    Attributes:
        length: of a rolling window; else nothing.
        channels: whose messages it counts and concerns; empty is all.
        topics: likewise; empty is all, and messages without a topic.
    """

    name: str
    most: int
    window: Window
    length: dt.timedelta | None = None
    channels: tuple[Channel, ...] = ()
    topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.window is Window.ROLLING) != (self.length is not None):
            raise ValueError("a rolling window has a length, and no other has")

    @classmethod
    def from_body(cls, name: str, body: object) -> FrequencyCap:
        """The cap that a document describes, such as `{most: 3, per: week}` or `{most: 1, per: 6 hours}`.

        Raises:
            DefinitionError: with all faults of the document.
        """

        def reader(top: Part) -> FrequencyCap:
            window, length = _window(top)
            return cls(
                name, top.whole("most", least=1, most=10_000), window, length, _channels(top), top.texts("topics", ())
            )

        return read(f"cap `{name}`", body, reader)

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        per = self.window.value if self.length is None else length_text(self.length)
        return _told(most=self.most, per=per, channels=list(self.channels), topics=list(self.topics))

    def concerns(self, channel: str, topic: str) -> bool:
        """Whether it counts a message of a channel and a topic."""
        return (not self.channels or channel in self.channels) and (not self.topics or topic in self.topics)

    def told(self) -> str:
        """The cap, for a reason.

        >>> FrequencyCap("calm", 3, Window.WEEK).told()
        'cap `calm` (3 per week)'
        """
        per = self.window.value if self.length is None else length_text(self.length)
        return f"cap `{self.name}` ({self.most} per {per})"

    def reach(self) -> dt.timedelta:
        """How far from a message others can be and share a window with it, whatever the clocks do."""
        match self.window:
            case Window.HOUR:
                return dt.timedelta(hours=3)
            case Window.DAY:
                return dt.timedelta(days=2)
            case Window.WEEK:
                return dt.timedelta(days=8)
            case Window.ROLLING:
                assert self.length is not None
                return self.length


class Then(StrEnum):
    """What becomes of a message that is due in quiet hours."""

    POSTPONE = "postpone"  # to their end
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of the day, and public holidays, where the person is, in which nothing is sent.

    Attributes:
        start: where it is not before `end`, they go over midnight; the same time is a whole day.
        days: on which they begin, 0 is Monday; none where only holidays are quiet.
        channels: that they concern; empty is all.
        holidays: regions such as `SE` or `US-CA` whose public holidays are quiet all day.
    """

    name: str
    start: dt.time
    end: dt.time
    days: tuple[int, ...] = tuple(range(7))
    channels: tuple[Channel, ...] = ()
    then: Then = Then.POSTPONE
    holidays: tuple[str, ...] = ()

    @classmethod
    def from_body(cls, name: str, body: object) -> QuietHours:
        """The quiet hours that a document describes: `{from: "22:00", to: "08:00"}`, `{holidays: [SE]}`, or both.

        Raises:
            DefinitionError: with all faults of the document.
        """

        def reader(top: Part) -> QuietHours:
            holidays = _holidays(top)
            start, end, days = dt.time(), dt.time(), tuple[str, ...]()
            if not top.value("holidays", ()) or any(each in top for each in ("from", "to", "days")):
                start, end = top.local_time("from"), top.local_time("to")
                days = top.texts("days", DAYS, one_of=DAYS)
                if top.value("days", DAYS) != DAYS and not days:
                    top.wrong("days", "names no day; leave it out for every day")
            return cls(
                name,
                start,
                end,
                tuple(sorted({DAYS.index(day) for day in days if day in DAYS})),
                _channels(top),
                Then(top.text("then", Then.POSTPONE.value, one_of=[each.value for each in Then])),
                holidays,
            )

        return read(f"quiet hours `{name}`", body, reader)

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        hours = {"from": f"{self.start:%H:%M}", "to": f"{self.end:%H:%M}"} if self.days else {}
        return {
            **hours,
            **_told(
                holidays=list(self.holidays),
                days=[] if len(self.days) == len(DAYS) else [DAYS[day] for day in self.days],
                channels=list(self.channels),
                then="" if self.then is Then.POSTPONE else self.then.value,
            ),
        }

    def concerns(self, channel: Channel) -> bool:
        """Whether they hold for a channel."""
        return not self.channels or channel in self.channels


def _holidays(top: Part) -> tuple[str, ...]:
    """The regions whose holidays a document names."""
    found = top.texts("holidays", ())
    for index, region in enumerate(found):
        if not public_holidays.is_known(region):
            near = nearest(region.upper(), public_holidays.regions())
            top.wrong(
                f"holidays[{index}]", f"no holidays are known of `{region}`; use a code such as SE or US-CA{near}"
            )
    return found


@dataclass(frozen=True, slots=True)
class GlobalHoldout:
    """A share of all people who get nothing, so that the effect of all messages together is known.

    Attributes:
        salt: another one draws other people; the name unless said.
        since: messages that are due before are not held out; None is always.
    """

    name: str
    share: float
    salt: str = ""
    since: dt.datetime | None = None

    @classmethod
    def from_body(cls, name: str, body: object) -> GlobalHoldout:
        """The holdout that a document describes, such as `{share: 5%, since: 2026-03-01T00:00:00Z}`.

        Raises:
            DefinitionError: with all faults of the document.
        """

        def reader(top: Part) -> GlobalHoldout:
            return cls(name, top.share("share"), top.text("salt", "", longest=200), top.instant("since", None))

        return read(f"holdout `{name}`", body, reader)

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        since = "" if self.since is None else self.since.isoformat().replace("+00:00", "Z")
        return {"share": self.share, **_told(salt=self.salt, since=since)}


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a workspace."""

    topics: Mapping[str, Topic] = field(default_factory=dict)
    caps: tuple[FrequencyCap, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    holdouts: tuple[GlobalHoldout, ...] = ()


def _channels(top: Part) -> tuple[Channel, ...]:
    named = top.texts("channels", (), one_of=_CHANNELS)
    return tuple(dict.fromkeys(Channel(name) for name in named if name in _CHANNELS))


def _window(top: Part) -> tuple[Window, dt.timedelta | None]:
    per = top.text("per")
    if per in (Window.HOUR, Window.DAY, Window.WEEK):
        return Window(per), None
    length = length_of(per) if isinstance(per, str) else None
    if length is None or not dt.timedelta(minutes=1) <= length <= _MOST_LENGTH:
        if per:
            told = f"cannot be `{per}`; it is hour, day, week, or a length between a minute and 90 days: `6 hours`"
            top.wrong("per", told)
        return Window.DAY, None
    return Window.ROLLING, length


def _told(**values: Any) -> dict[str, Any]:
    """The values that say something; channels as their names."""
    return {
        key: [each.value if isinstance(each, Channel) else each for each in value] if isinstance(value, list) else value
        for key, value in values.items()
        if value not in ("", [], None)
    }
