"""What questions about events stand on: a period, whose events, and which events a text picks.

Step of the path: measure. Reads nothing by itself: it writes the conditions that funnels, retention, paths and trends
share. An event is picked in the words of the segment language: `purchase`, `purchase where amount > 10`, `any`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from ethogram.errors import SegmentError
from ethogram.model.segment import Did
from ethogram.segment.compiler import Compiler, Context
from ethogram.segment.measures import Measures
from ethogram.segment.parser import parse
from ethogram.segment.sources import Registry
from ethogram.segment.sql import Binder, micros
from ethogram.segment.values import generic, path
from ethogram.segment.windows import Frame
from ethogram.store.schema import COUNTS, HERE, profile_key
from ethogram.store.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Ground:
    """Whose events are looked at, and of which time.

    Attributes:
        since: the first instant.
        until: the end, itself not included.
        people: a condition on `profile` as SQL with its own bound values; empty for everybody.
    """

    since: dt.datetime
    until: dt.datetime
    zone: ZoneInfo
    people: str = ""
    bound: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise SegmentError("the period is empty", hint="It begins before it ends.")


class Asking:
    """One question: its bound values, and the texts of events made into conditions on rows of `events`."""

    def __init__(self, ground: Ground) -> None:
        self.binder = Binder()
        self._ground = ground
        frame = Frame(ground.until, ground.zone)
        compiler = Compiler(Registry(self.binder, by_event=False), Context(frame))
        self._measures: Measures = compiler.measures
        since, until = (self.binder.instant(micros(at)) for at in (ground.since, ground.until))
        people = f" AND {ground.people}" if ground.people else ""
        self.rows = f"ts >= {since} AND ts < {until} AND {COUNTS}{people}"

    @property
    def parameters(self) -> dict[str, Any]:
        """All bound values."""
        return {**self._ground.bound, **self.binder.parameters}

    def picks(self, text: str) -> str:
        """Whether a row is one of the events that a text means.

        Raises:
            SegmentError: the text means something else than events.
        """
        condition = parse(f"did({text})").condition
        if not isinstance(condition, Did):
            raise SegmentError(
                f"`{text}` is not an event", hint="Write `purchase`, or `purchase where amount > 10`, or `any`."
            )
        return f"({self._measures.spelled(condition.selection)})"

    def value(self, property_: str) -> str:
        """A property of a row as text; empty where it has none."""
        return f"ifNull({generic(path('properties', property_))}, '')"

    def ids(self, warehouse: Warehouse, chosen: str, *, after: str | None, limit: int) -> list[str]:
        """The next ids of the profiles that a statement selects, in an order that is always the same.

        Args:
            after: the last id of the page before.
        """
        later = f" AND profile > {profile_key(self.binder.text(after))}" if after is not None else ""
        rows = warehouse.query(
            f"SELECT any(profile_id) FROM profiles WHERE profile IN ({chosen}){later} "
            f"GROUP BY profile HAVING {HERE} ORDER BY profile LIMIT {int(limit)}",
            self.parameters,
        )
        return [str(row[0]) for row in rows]
