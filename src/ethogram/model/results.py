"""What questions come back as: one frozen value per verb, shared by the library, the command line and the console.

Instants are aware and in UTC. Shares are between 0 and 1. Lengths of computing are milliseconds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that is probably not what was meant, but is no error (a name that was never seen)."""

    message: str
    line: int | None = None
    column: int | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentVersion:
    """A saved segment at one version. `text` is None for a static segment."""

    name: str
    number: int  # small, stable integer that stands for the segment in membership state
    version: int
    text: str | None
    english: str
    entity: str  # 'profile' or 'account'
    created_at: dt.datetime
    description: str = ""
    static: bool = False
    size: int | None = None  # people when it was last run or filled, None before the first time
    evaluated_at: dt.datetime | None = None
    cutoffs_at: dt.datetime | None = None  # of a relative condition (`top 10 %`): when its cut-offs were found
    warnings: tuple[Warned, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """How many people a text describes at `as_of`; nothing is saved."""

    text: str
    english: str
    count: int
    population: int
    sample: tuple[str, ...]
    as_of: dt.datetime
    milliseconds: float
    warnings: tuple[Warned, ...] = ()
    entity: str = "profile"
    share: float = field(init=False)  # count / population, 0 for an empty population

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", self.count / self.population if self.population else 0.0)


@dataclass(frozen=True, slots=True)
class SegmentSize:
    """One segment at one run."""

    name: str
    english: str
    size: int
    share: float
    entered: int
    left: int
    previous: int | None  # size at the run before, None at the first


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run over everybody found."""

    as_of: dt.datetime
    population: int
    segments: tuple[SegmentSize, ...]
    entered: int
    left: int
    milliseconds: float
    next_due_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A segment's size at one run, with who came and went since the run before."""

    at: dt.datetime
    version: int
    size: int
    entered: int
    left: int
    cause: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """How segments overlap: size of each, of each pair, and of each exact combination."""

    names: tuple[str, ...]
    sizes: dict[str, int]
    pairs: dict[tuple[str, str], int]
    exact: dict[tuple[str, ...], int]  # people in exactly these of the named segments
    union: int
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a segment is understood and what it costs."""

    text: str
    english: str
    tree: dict[str, Any]
    sql: str
    parameters: dict[str, Any]
    wakes_on: tuple[str, ...]  # event names; ('any',) when every event does
    milliseconds: float
    rows_read: int
    bytes_read: int
    cutoffs_at: dt.datetime | None = None  # of a relative condition (`top 10 %`): when its cut-offs were found


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event (or trait change) that a condition looked at."""

    at: dt.datetime
    event: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConditionState:
    """One condition of a segment for one profile."""

    text: str
    english: str
    holds: bool
    depth: int  # 0 is the whole definition
    value: str | None  # the measure's value, readable; None for and/or/not
    changes_at: dt.datetime | None  # when it changes although nothing happens
    missing: str | None  # what must change for the whole to hold, in words; None when this is as it must be
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """Why a profile is in a segment, or why not."""

    segment: str
    profile_id: str
    member: bool
    english: str
    as_of: dt.datetime
    changes_at: dt.datetime | None
    conditions: tuple[ConditionState, ...]
    cutoffs_at: dt.datetime | None = None  # of a relative condition (`top 10 %`): when its cut-offs were found


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    at: dt.datetime
    event: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SegmentSince:
    name: str
    since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A person as known: traits, segments and the newest events, newest first."""

    profile_id: str
    known_at: dt.datetime
    traits: dict[str, Any]
    events_total: int
    timeline: tuple[TimelineEvent, ...]
    segments: tuple[SegmentSince, ...]
    due_at: dt.datetime | None
    identities: tuple[str, ...] = ()  # other ids of the same person
    anonymous: bool = False  # known by an anonymous id only


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Somebody, as a list shows people."""

    profile_id: str
    known_at: dt.datetime
    anonymous: bool
    traits: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that could not be taken."""

    line: int  # 1-based line (or row, for Parquet) in the file
    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a load did. rows read = accepted + rejected + duplicates + already (rows loaded by an earlier load)."""

    files: tuple[str, ...]
    accepted: int
    rejected: int
    duplicates: int
    already: int
    profiles: int  # profiles first seen in this load
    seconds: float
    rejects_file: str | None
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    mapping: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PropertyFacts:
    """What is known of one property of an event, or of one trait."""

    name: str
    types: dict[str, int]  # 'number' | 'text' | 'boolean' | 'list' | 'object' -> how often
    filled: float  # share of events (profiles) that have it
    distinct: int
    examples: tuple[str, ...]
    top: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What is known of one event name."""

    name: str
    count: int
    profiles: int
    first_at: dt.datetime
    last_at: dt.datetime
    properties: tuple[PropertyFacts, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayCount:
    """How much happened on a day of the workspace's zone."""

    day: dt.date
    events: int
    people: int


@dataclass(frozen=True, slots=True)
class ActiveCount:
    """How many people did anything in the last `day`, `week` or `month`, and in as long a time before."""

    length: str
    people: int
    before: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every event name and trait that was ever received, with data-quality warnings."""

    events: tuple[EventFacts, ...]
    traits: tuple[PropertyFacts, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The workspace at a glance."""

    path: str
    timezone: str
    now: dt.datetime
    events: int
    profiles: int
    accounts: int
    segments: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    last_run_at: dt.datetime | None
    waiting_batches: int
    bytes_on_disk: int


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `doctor` looked at."""

    check: str
    health: Health
    detail: str
    hint: str | None = None
