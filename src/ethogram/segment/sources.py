"""What a plan must gather per profile, and from which rows: the registry that lets segments share measures.

Step of the path: segment, language half. Conditions ask for aggregates by their SQL; the same SQL is gathered once,
whoever asks. `plan.py` turns the registry into one grouped query per source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from ethogram.segment.sql import Binder

# A name of its own is not shorter than this.
_SHORT = 8
# More aggregates in one look cost more, on rows that are not theirs, than reading the keys once more.
_SHARED = 16
_DERIVED = re.compile(r"\bv\d+\b")


class Source(StrEnum):
    """The table whose rows an aggregate reads, grouped by the entity's key."""

    EVENTS = "own_events"
    TRAITS = "own_traits"
    CHANGES = "own_changes"
    ACCOUNT_EVENTS = "account_events"
    ACCOUNT_TRAITS = "account_traits_now"


@dataclass(frozen=True, slots=True)
class Stream:
    """The rows that an aggregate is offered: one event's rows of a source, or (None) all of them."""

    source: Source
    event: str | None = None


@dataclass(slots=True)
class Gathered:
    """The aggregates of one stream, and what its rows may be narrowed to.

    Attributes:
        low: no aggregate looks at rows before this, in microseconds; None while nobody has asked.
        unbounded: some aggregate looks at all rows, however old.
    """

    rows: dict[str, str] = field(default_factory=dict)  # alias -> expression over one row
    columns: dict[str, str] = field(default_factory=dict)  # SQL -> alias
    latest: dict[tuple[str, str], tuple[str, int]] = field(
        default_factory=dict
    )  # (value, condition) -> (alias, how many)
    events: set[str] = field(default_factory=set)
    any_event: bool = False
    low: int | None = None
    unbounded: bool = False
    segments: set[int] = field(default_factory=set)

    @property
    def size(self) -> int:
        """How many aggregates are offered each row."""
        return len(self.columns) + len(self.latest)

    def copy(self) -> Gathered:
        """The same, to be merged into."""
        alike = Gathered()
        alike.merge(self)
        return alike

    def merge(self, other: Gathered) -> None:
        """Gathers what another stream gathers, too; a registry's names are unique."""
        self.rows |= other.rows
        self.columns |= other.columns
        self.latest |= other.latest
        self.events |= other.events
        self.any_event |= other.any_event
        self.unbounded |= other.unbounded
        lows = [low for low in (self.low, other.low) if low is not None]
        self.low = min(lows, default=None)

    @property
    def since(self) -> int | None:
        """The instant in microseconds from which on rows matter; None where all do."""
        return None if self.unbounded else self.low


class Registry:
    """Aliases for aggregates, per stream, and for what is derived from them; all are unique.

    Args:
        by_event: whether the profile's own events are gathered event by event. Over everybody that offers each row
            to the aggregates of its own event alone; over a few people one look at their rows is cheaper.
    """

    def __init__(self, binder: Binder, *, by_event: bool) -> None:
        self.binder = binder
        self.by_event = by_event
        self.streams: dict[Stream, Gathered] = {}
        self.derived: dict[str, str] = {}  # SQL -> alias
        self._rows: dict[tuple[Source, str], str] = {}
        self._count = 0

    def stream(self, source: Source, event: str | None) -> Stream:
        """Where the rows of an event (None: of every event) are gathered."""
        return Stream(source, event if self.by_event and source is Source.EVENTS else None)

    def of(self, stream: Stream) -> Gathered:
        return self.streams.setdefault(stream, Gathered())

    def row(self, stream: Stream, sql: str) -> str:
        """A name for an expression over one row of events, computed and planned once for all aggregates."""
        if len(sql) <= _SHORT:
            return sql
        alias = self._rows.get((stream.source, sql))
        if alias is None:
            self._count += 1
            alias = self._rows[stream.source, sql] = f"r{self._count}"
        self.of(stream).rows[alias] = sql
        return alias

    def looks(self) -> list[tuple[Source, Gathered]]:
        """What is gathered with one look at a source's rows each.

        Every look reads the table's keys; so streams that ask for little share one, up to `_SHARED` aggregates.
        """
        looks: list[tuple[Source, Gathered]] = []
        shared: Gathered | None = None
        for stream, gathered in sorted(self.streams.items(), key=lambda item: item[1].size):
            if not gathered.size:
                continue
            if stream.event is None:
                looks.append((stream.source, gathered))
            elif shared is None or shared.size + gathered.size > _SHARED:
                shared = gathered.copy()
                looks.append((stream.source, shared))
            else:
                shared.merge(gathered)
        return looks

    def add(self, stream: Stream, aggregate: str) -> str:
        """The alias of an aggregate over the stream's rows."""
        columns = self.of(stream).columns
        if aggregate not in columns:
            columns[aggregate] = self._alias()
        return columns[aggregate]

    def add_latest(self, stream: Stream, condition: str, count: int) -> str:
        """The alias of an array: minus the microseconds of the `count` (or more) latest rows that fit, ascending."""
        latest = self.of(stream).latest
        wanted = (self.row(stream, "-toUnixTimestamp64Micro(ts)"), condition)
        alias, most = latest.get(wanted) or (self._alias(), 0)
        latest[wanted] = (alias, max(most, count))
        return alias

    def derive(self, sql: str) -> str:
        """A name for an expression over gathered columns, computed once per profile however often it is used.

        The engine's parser and planner take time in proportion to the text, and more where brackets nest: an
        expression that is written out once keeps a hundred segments together in one query.
        """
        if len(sql) <= _SHORT:
            return sql
        if sql not in self.derived:
            self._count += 1
            self.derived[sql] = f"v{self._count}"
        return self.derived[sql]

    def layers(self) -> list[dict[str, str]]:
        """What is derived (SQL -> alias), each layer from gathered columns and the layers before it alone.

        The engine's planner walks through a name as often as it is used beside its definition: one query for each
        layer keeps what it has to look at in proportion to the text.
        """
        depths: dict[str, int] = {}
        layers: list[dict[str, str]] = []
        for sql, alias in self.derived.items():
            depth = max((depths[used] + 1 for used in _DERIVED.findall(sql)), default=0)
            depths[alias] = depth
            layers += [{} for _ in range(depth + 1 - len(layers))]
            layers[depth][sql] = alias
        return layers

    def wake(self, stream: Stream, event: str | None, low: int | None) -> None:
        """Notes that rows of this event (None: of every event) matter, from `low` on (None: however old)."""
        gathered = self.of(stream)
        if event is None:
            gathered.any_event = True
        else:
            gathered.events.add(event)
        if low is None:
            gathered.unbounded = True
        elif gathered.low is None or low < gathered.low:
            gathered.low = low

    def _alias(self) -> str:
        self._count += 1
        return f"m{self._count}"


def select_list(gathered: Gathered) -> list[str]:
    """The columns of the stream's grouped query, in order of being asked for."""
    columns = [f"{sql} AS {alias}" for sql, alias in gathered.columns.items()]
    columns += [
        f"groupArraySortedIf({most})({back}, {condition}) AS {alias}"
        for (back, condition), (alias, most) in gathered.latest.items()
    ]
    return columns
