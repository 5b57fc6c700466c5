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
_DERIVED = re.compile(r"\bv\d+\b")


class Source(StrEnum):
    """The rows that an aggregate reads, grouped by the entity's key."""

    EVENTS = "own_events"
    TRAITS = "own_traits"
    CHANGES = "own_changes"
    ACCOUNT_EVENTS = "account_events"
    ACCOUNT_TRAITS = "account_traits_now"


@dataclass(slots=True)
class Gathered:
    """The aggregates of one source, and what its rows may be narrowed to."""

    rows: dict[str, str] = field(default_factory=dict)  # expression over one row -> alias
    columns: dict[str, str] = field(default_factory=dict)  # SQL -> alias
    latest: dict[tuple[str, str], tuple[str, int]] = field(
        default_factory=dict
    )  # (value, condition) -> (alias, how many)
    events: set[str] = field(default_factory=set)
    any_event: bool = False
    segments: set[int] = field(default_factory=set)


class Registry:
    """Aliases for aggregates, per source, and for what is derived from them; all are unique."""

    def __init__(self, binder: Binder) -> None:
        self.binder = binder
        self.sources: dict[Source, Gathered] = {}
        self.derived: dict[str, str] = {}  # SQL -> alias
        self._count = 0

    def of(self, source: Source) -> Gathered:
        return self.sources.setdefault(source, Gathered())

    def row(self, source: Source, sql: str) -> str:
        """A name for an expression over one row of events, computed and planned once for all aggregates."""
        if len(sql) <= _SHORT:
            return sql
        rows = self.of(source).rows
        if sql not in rows:
            self._count += 1
            rows[sql] = f"r{self._count}"
        return rows[sql]

    def add(self, source: Source, aggregate: str) -> str:
        """The alias of an aggregate over the source's rows."""
        columns = self.of(source).columns
        if aggregate not in columns:
            columns[aggregate] = self._alias()
        return columns[aggregate]

    def add_latest(self, source: Source, condition: str, count: int) -> str:
        """The alias of an array: minus the microseconds of the `count` (or more) latest rows that fit, ascending."""
        latest = self.of(source).latest
        wanted = (self.row(source, "-toUnixTimestamp64Micro(ts)"), condition)
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

    def wake(self, source: Source, event: str | None) -> None:
        """Notes that rows of this event (None: of every event) matter."""
        gathered = self.of(source)
        if event is None:
            gathered.any_event = True
        else:
            gathered.events.add(event)

    def _alias(self) -> str:
        self._count += 1
        return f"m{self._count}"


def select_list(gathered: Gathered) -> list[str]:
    """The columns of the source's grouped query, in order of being asked for."""
    columns = [f"{sql} AS {alias}" for sql, alias in gathered.columns.items()]
    columns += [
        f"groupArraySortedIf({most})({back}, {condition}) AS {alias}"
        for (back, condition), (alias, most) in gathered.latest.items()
    ]
    return columns
