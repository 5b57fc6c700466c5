"""The segment language as values: what a definition *is*, whichever form it was written in.

Step of the path: none; this is vocabulary. The text (`segment/parser.py`), the tree (`segment/tree.py`) and the
Python builder (`segment/builder.py`) all produce these nodes, and everything after them reads only these nodes.
Nodes are frozen, compare by value and carry no positions, so that two spellings of one segment are equal.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

# --- time -------------------------------------------------------------------------------------------------------


class Unit(StrEnum):
    """A unit of a length of time; months and years follow the calendar, the others are fixed."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class CalendarUnit(StrEnum):
    """A calendar period in the workspace's time zone; weeks start on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: `30 days`. `amount` is a positive integer."""

    amount: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in absolute time: a date (a whole day in the workspace's zone) or an instant (aware, UTC)."""

    value: dt.date | dt.datetime  # a datetime is always aware and in UTC; a plain date is a local day


@dataclass(frozen=True, slots=True)
class InLast:
    """`in last 30 days`: (now - span, now]."""

    span: Span


@dataclass(frozen=True, slots=True)
class InNext:
    """`in next 7 days`: (now, now + span]; only for instants (traits, anniversaries), never for selections."""

    span: Span


@dataclass(frozen=True, slots=True)
class InPreceding:
    """`in 14 days before last 14 days`: (now - shift - span, now - shift]."""

    span: Span
    shift: Span


@dataclass(frozen=True, slots=True)
class BeforeAgo:
    """`before 30 days ago`: earlier than now - span."""

    span: Span


@dataclass(frozen=True, slots=True)
class InCalendar:
    """`in today`, `in this month`, `in previous month`: one calendar period in the workspace's zone."""

    unit: CalendarUnit
    previous: bool = False


@dataclass(frozen=True, slots=True)
class BetweenMoments:
    """`between 2026-01-01 and 2026-01-31`: dates are whole days, both included; instants include both ends."""

    start: Moment
    end: Moment


@dataclass(frozen=True, slots=True)
class Since:
    """`since 2026-01-01`: from the start of that day (or that instant) on, it included."""

    start: Moment


@dataclass(frozen=True, slots=True)
class Before:
    """`before 2026-01-01`: earlier than the start of that day (or than that instant)."""

    end: Moment


@dataclass(frozen=True, slots=True)
class AfterFirst:
    """`in first 7 days after first(signup)`: [t, t + span] where t is each profile's own first such event.

    Hangs on the profile's own anchor; a profile without the anchor has nothing in the window.
    The anchor selection has no AfterFirst window of its own.
    """

    span: Span
    anchor: Selection


Window: TypeAlias = "InLast | InPreceding | BeforeAgo | InCalendar | BetweenMoments | Since | Before | AfterFirst"
InstantWindow: TypeAlias = "InLast | InNext | InPreceding | BeforeAgo | InCalendar | BetweenMoments | Since | Before"

# --- operands: what has a value per profile -----------------------------------------------------------------------


class Entity(StrEnum):
    """What a definition, trait or measure is about."""

    PROFILE = "profile"
    ACCOUNT = "account"


class Function(StrEnum):
    """What a measure computes over the events that a selection picks."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"
    DISTINCT = "distinct"
    FAVORITE = "favorite"
    FIRST = "first"
    LAST = "last"
    ACTIVE_DAYS = "active_days"
    STREAK = "streak"
    GAP = "gap"
    HOUR = "hour"
    WEEKDAY = "weekday"


NEEDS_PROPERTY = frozenset(
    {Function.SUM, Function.AVG, Function.MIN, Function.MAX, Function.MEDIAN, Function.DISTINCT, Function.FAVORITE}
)
TAKES_PROPERTY = NEEDS_PROPERTY | {Function.FIRST, Function.LAST}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events: a name (`None` is `any`), an optional condition on their properties, an optional window."""

    event: str | None
    where: Condition | None = None
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A value computed per profile (or per account) over selected events.

    `property` is required for sum, avg, min, max, median, distinct and favorite; for first and last it turns the
    instant into the property of that event; for the others it is None.
    """

    function: Function
    selection: Selection
    property: str | None = None
    of: Entity = Entity.PROFILE


@dataclass(frozen=True, slots=True)
class Trait:
    """A fact about the profile (`plan`) or about its account (`account.plan`)."""

    name: str
    of: Entity = Entity.PROFILE


@dataclass(frozen=True, slots=True)
class Property:
    """A fact about the event at hand; only inside `where`."""

    name: str


@dataclass(frozen=True, slots=True)
class Score:
    """The latest value of a model's score."""

    name: str


@dataclass(frozen=True, slots=True)
class Quintile:
    """1 to 5 among everybody whose operand is not missing; 5 is the highest fifth, ties go up."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Anniversary:
    """The month and day of a date; leap days fall on 1 March. Only with InNext, InLast or InCalendar."""

    operand: Trait | Measure  # a trait, or the instant of first(…)/last(…)


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric literal. Whole numbers are int, others are finite floats; never bool."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Text:
    """A text literal, single-quoted in the text form."""

    value: str


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Duration:
    """A literal length to compare `gap(…)` with: `45 days`."""

    span: Span


class Operator(StrEnum):
    """Arithmetic between operands."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left operator right`; division by zero and any missing side give a missing value."""

    operator: Operator
    left: Operand
    right: Operand


Literal: TypeAlias = "Number | Text | Boolean"
Operand: TypeAlias = "Measure | Trait | Property | Score | Quintile | Arithmetic | Number | Text | Boolean | Duration"

# --- conditions: what is true or false ------------------------------------------------------------------------------


class Comparator(StrEnum):
    """How two values are compared; the caseless ones fold case and are for text."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    EQ_CASELESS = "~="
    NE_CASELESS = "!~="


class TextTest(StrEnum):
    """A test of a text."""

    CONTAINS = "contains"
    STARTS_WITH = "starts with"
    ENDS_WITH = "ends with"
    MATCHES = "matches"


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more conditions; never directly inside another And."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of two or more conditions; never directly inside another Or."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    item: Condition


@dataclass(frozen=True, slots=True)
class Did:
    """At least one selected event: `did(purchase in last 30 days)`."""

    selection: Selection
    of: Entity = Entity.PROFILE


@dataclass(frozen=True, slots=True)
class Compare:
    """`left comparator right`. At least one side is not a literal."""

    left: Operand
    comparator: Comparator
    right: Operand


@dataclass(frozen=True, slots=True)
class In:
    """`operand in ('a', 'b')`, `operand not in (…)`; `caseless` is written `~in`. Values are all of one kind."""

    operand: Operand
    values: tuple[Literal, ...]
    negated: bool = False
    caseless: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """`operand between low and high`, both ends included; for numbers and durations."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class Exists:
    """`operand exists`: it is not missing."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class TextMatch:
    """`operand contains 'x'`, `starts with`, `ends with`, `matches` (RE2, unanchored); `~contains` folds case."""

    operand: Operand
    test: TextTest
    text: str
    caseless: bool = False


@dataclass(frozen=True, slots=True)
class During:
    """An instant lies in a window: `last(purchase) before 30 days ago`, `signup_date in last 7 days`."""

    operand: Operand | Anniversary
    window: InstantWindow


@dataclass(frozen=True, slots=True)
class Near:
    """`location within 5 km of (59.3293, 18.0686)`; a trait with `lat`/`lon` parts, or text `"lat,lon"`."""

    operand: Operand
    kilometres: int | float
    latitude: int | float
    longitude: int | float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence. `within` limits the time since the last positive step, its end included."""

    event: str | None
    where: Condition | None = None
    negated: bool = False
    within: Span | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps in order. The first is positive; no two negated ones are neighbours; a negated step that closes needs
    `within`; a negated step between two positive ones has none.
    """

    steps: tuple[Step, ...]
    window: Window | None = None
    of: Entity = Entity.PROFILE


@dataclass(frozen=True, slots=True)
class Top:
    """`top(10%, m)`, `bottom(10%, m)`: relative to everybody whose m is not missing, ties included."""

    percent: int | float  # 0 < percent <= 100
    operand: Operand
    bottom: bool = False


@dataclass(frozen=True, slots=True)
class InSegment:
    """Membership of another saved segment."""

    name: str


@dataclass(frozen=True, slots=True)
class Crossed:
    """`entered('vip' in last 3 days)` or `left('vip' …)`: a recorded membership change in the window."""

    name: str
    left: bool = False
    window: Window | None = None


Condition: TypeAlias = (
    "And | Or | Not | Did | Compare | In | Between | Exists | "
    "TextMatch | During | Near | Sequence | Top | InSegment | Crossed"
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole segment: over profiles by default, over accounts with `for account:`."""

    condition: Condition
    entity: Entity = Entity.PROFILE
