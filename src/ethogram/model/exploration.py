"""A question about what people do, as it is saved, shared by address and pinned: a value that reads nothing.

Read from documents and written to them, like every definition; what the answer is, `exploring.py` finds out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from ethogram.errors import UserError
from ethogram.model.reading import Part, read

Choice = TypeVar("Choice", bound=StrEnum)

KIND: Final = "exploration"
MOST_DAYS: Final = 3660
MOST_HOURS_DAYS: Final = 62  # by the hour, the points of no more days can be told apart
MOST_STEPS: Final = 10
MOST_LENGTH: Final = 5


class Way(StrEnum):
    """What kind of question it is."""

    TRENDS = "trends"
    FUNNELS = "funnels"
    RETENTION = "retention"
    PATHS = "paths"


class Unit(StrEnum):
    """How long a unit of time is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


DAYS_UP: Final = (Unit.DAY, Unit.WEEK, Unit.MONTH)


@dataclass(frozen=True, slots=True)
class Exploration:
    """What is asked; of the rest, only what belongs to its way means something.

    Attributes:
        event: of trends, retention (what people do first) and paths (a name).
        returning: what coming back is; empty is the same event.
        steps: of a funnel.
        amount: a number of the event that is added up.
        by: a property whose values are looked at apart.
        days: how many days, today's included.
        within: how many days a funnel may take.
        length: how many further events a path has at most.
        compare: beside the period before.
        segment: a segment's name, or a text; empty is everybody.
        owner: who keeps it.
        pinned: whether it is on the home page.
    """

    way: Way
    event: str = ""
    returning: str = ""
    steps: tuple[str, ...] = ()
    amount: str = ""
    by: str = ""
    unit: Unit = Unit.DAY
    days: int = 30
    within: int = 7
    length: int = 3
    backwards: bool = False
    compare: bool = False
    segment: str = ""
    description: str = ""
    owner: str = ""
    pinned: bool = False

    @property
    def is_asked(self) -> bool:
        """Whether there is enough to answer."""
        return bool(self.event or self.steps)

    @classmethod
    def from_body(cls, name: str, body: object, *, check: Callable[[str], object] | None = None) -> Exploration:
        """The question that a document describes, such as `{explore: trends, event: purchase, days: 90}`.

        Args:
            check: raises what is wrong with a text that stands for events.

        Raises:
            DefinitionError: with all faults of the document.
        """

        def reader(top: Part) -> Exploration:
            way = _one(top, "explore", list(Way), Way.TRENDS, needed=True)
            made = _asked(way, top, check)
            for each in ("segment", "owner"):
                made[each] = top.text(each, "", longest=2_000)
            days = top.whole("days", days_of(way), least=1, most=MOST_DAYS)
            if made.get("unit") is Unit.HOUR and days > MOST_HOURS_DAYS:
                top.wrong("days", f"cannot be {days}; by the hour it is {MOST_HOURS_DAYS} at most")
            return cls(
                way,
                days=days,
                description=top.text("description", "", longest=2_000),
                pinned=top.flag("pinned", default=False),
                **made,
            )

        return read(f"exploration `{name}`", body, reader)

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        usual = Exploration(self.way, unit=unit_of(self.way), days=days_of(self.way))
        names = ("event", "returning", "steps", "amount", "by", "unit", "within", "length", "backwards", "compare")
        told: dict[str, Any] = {"explore": self.way.value}
        for name in (*(each for each in names if each in _OF[self.way]), *_ALWAYS):
            value = getattr(self, name)
            if value != getattr(usual, name):
                told[name] = list(value) if isinstance(value, tuple) else value.value if name == "unit" else value
        return told


_ALWAYS: Final = ("days", "segment", "description", "owner", "pinned")
_OF: Final = {
    Way.TRENDS: ("event", "amount", "by", "unit", "compare"),
    Way.FUNNELS: ("steps", "by", "within"),
    Way.RETENTION: ("event", "returning", "unit"),
    Way.PATHS: ("event", "backwards", "length"),
}


def days_of(way: Way) -> int:
    """How many days are looked at unless somebody says otherwise."""
    return 90 if way is Way.RETENTION else 30


def unit_of(way: Way) -> Unit:
    """The unit of time unless somebody says otherwise."""
    return Unit.WEEK if way is Way.RETENTION else Unit.DAY


def _asked(way: Way, top: Part, check: Callable[[str], object] | None) -> dict[str, Any]:
    def checked(place: str, text: str) -> str:
        if text and check is not None and way is not Way.PATHS:
            try:
                check(text)
            except UserError as error:
                top.wrong(place, error.message)
        return text

    match way:
        case Way.TRENDS:
            return {
                "event": checked("event", top.text("event")),
                "amount": top.text("amount", "", longest=500),
                "by": top.text("by", "", longest=500),
                "unit": _one(top, "unit", list(Unit), unit_of(way)),
                "compare": top.flag("compare", default=False),
            }
        case Way.FUNNELS:
            steps = top.texts("steps")
            if len(steps) > MOST_STEPS:
                top.wrong("steps", f"are more than {MOST_STEPS}")
            return {
                "steps": tuple(checked("steps", step) for step in steps),
                "by": top.text("by", "", longest=500),
                "within": top.whole("within", 7, least=1, most=MOST_DAYS),
            }
        case Way.RETENTION:
            return {
                "event": checked("event", top.text("event")),
                "returning": checked("returning", top.text("returning", "")),
                "unit": _one(top, "unit", list(DAYS_UP), unit_of(way)),
            }
        case Way.PATHS:
            return {
                "event": top.text("event"),
                "backwards": top.flag("backwards", default=False),
                "length": top.whole("length", 3, least=1, most=MOST_LENGTH),
            }


def _one(top: Part, name: str, choices: list[Choice], default: Choice, *, needed: bool = False) -> Choice:
    told = [each.value for each in choices]
    text = top.text(name, one_of=told) if needed else top.text(name, default.value, one_of=told)
    return next((each for each in choices if each.value == text), default)
