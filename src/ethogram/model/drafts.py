"""A text that is still being written: what is wrong with it and how to mend it, what could follow, what it describes.

Step of the path: none; this is vocabulary. Offsets count characters of the text from 0, ends are exclusive.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that mends a problem: `text` in place of what stands from `start` to `end`."""

    label: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a text, where it stands; a warning does not hinder saving."""

    message: str
    hint: str | None
    start: int
    end: int
    line: int
    column: int
    warning: bool = False
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A text as it is understood.

    Attributes:
        text: as it was given.
        written: as the product writes it; empty where it cannot be read.
        rows: what the visual editor shows (`segment/rows.py`); None where the text cannot be read.
    """

    text: str
    written: str
    english: str
    entity: str
    tree: dict[str, Any] | None
    rows: dict[str, Any] | None
    problems: tuple[Problem, ...]
    ok: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ok", not any(not problem.warning for problem in self.problems))


class OfferKind(StrEnum):
    """What a completion offers."""

    EVENT = "event"
    PROPERTY = "property"
    TRAIT = "trait"
    SEGMENT = "segment"
    SCORE = "score"
    VALUE = "value"
    FUNCTION = "function"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that could stand at the cursor.

    Attributes:
        insert: the text to put there; `caret` is where the cursor stands in it afterwards.
        count: how often it was received, or how many people have it; None where nothing was counted.
    """

    kind: OfferKind
    label: str
    insert: str
    caret: int
    note: str = ""
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What could stand at the cursor, the likeliest first; it replaces the text from `start` to `end`."""

    start: int
    end: int
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What counting a text takes: the rows that it reads, before they are read."""

    rows: int
    heavy: bool  # so many that one should be asked first


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """The most frequent values of a property or a trait, with how often each came."""

    values: tuple[tuple[str, int], ...]
    kind: str  # text, number or boolean: what most of them are


@dataclass(frozen=True, slots=True)
class Distinction:
    """Something that a segment's people have more often than others.

    Attributes:
        kind: `trait`, `event` or `property`.
        name: of the trait or the event.
        part: of a property, its name; empty otherwise.
        value: of the trait or the property; empty for an event.
        inside: the share of the segment's people who have it.
        overall: the share of everybody who has it.
        ratio: how many times as often; None where nobody else has it.
        defining: the segment's own definition speaks of it.
    """

    kind: str
    name: str
    part: str
    value: str
    inside: float
    overall: float
    ratio: float | None
    people: int
    defining: bool = False


@dataclass(frozen=True, slots=True)
class Persona:
    """What sets a segment's people apart from everybody.

    Attributes:
        looked_at: how many of its people were looked at; `compared`, how many of everybody.
    """

    segment: str
    size: int
    population: int
    looked_at: int
    compared: int
    distinctions: tuple[Distinction, ...]
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """People of a group: how many were active and bought lately, and what they spent.

    Attributes:
        people: how many there are; `active`, how many did anything in the window; `kept`, how many of those active in
            as long a time before; `before`, how many were active then.
        buyers: how many bought in the window; `revenue`, what they spent in it; None without a vocabulary for it.
    """

    people: int
    active: int
    before: int
    kept: int
    buyers: int | None = None
    revenue: float | None = None


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """A segment's people beside everybody, over a window that ends now."""

    segment: str
    days: int
    members: Standing
    everybody: Standing
    purchase: str | None  # the event that counts as buying
    amount: str | None  # its property that is money
