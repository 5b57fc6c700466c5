"""Questions about what people do: funnels, retention, paths and trends, over everybody or a segment's people.

A part of the composition root: `runtime.Workspace` hands over what it has opened. Reads the warehouse and definitions;
writes nothing.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from ethogram.errors import SegmentError
from ethogram.measure.funnels import Funnel, FunnelQuestion, funnel, funnel_people
from ethogram.measure.ground import Ground
from ethogram.measure.paths import PathQuestion, Paths, path_people, paths
from ethogram.measure.retention import Retention, RetentionQuestion, Unit, retention, retention_people
from ethogram.measure.trends import Trend, TrendQuestion, trend, trend_people
from ethogram.model.segment import Entity, Selection
from ethogram.segment.evaluate import Evaluator
from ethogram.segment.printer import selection_to_text
from ethogram.segment.saved import SavedSegments
from ethogram.store.warehouse import Warehouse

# Who asks takes questions and answers from here.
__all__ = [
    "Explore",
    "Funnel",
    "FunnelQuestion",
    "Ground",
    "PathQuestion",
    "Paths",
    "Retention",
    "RetentionQuestion",
    "Trend",
    "TrendQuestion",
    "Unit",
    "event_text",
]
_PLACEHOLDER = re.compile(r"\{p(\d+):")


def event_text(name: str) -> str:
    """An event's name as the segment language writes it, quoted where that is needed: `Order Completed`."""
    return selection_to_text(Selection(name))


class Explore:
    """What people do, and who: `ws.explore.funnel(ground, question)`.

    A `ground` says whose events of which time are looked at. Every number leads to its people: `…_people` gives the
    ids behind one, page by page (`after` is the last id of the page before).
    """

    def __init__(self, *, warehouse: Warehouse, saved: SavedSegments, evaluator: Callable[[], Evaluator]) -> None:
        self._warehouse = warehouse
        self._saved = saved
        self._evaluator = evaluator

    def ground(self, since: dt.datetime, until: dt.datetime, segment: str | None = None) -> Ground:
        """A period, and whose events are looked at.

        Args:
            until: the end, itself not included.
            segment: a saved segment's name (its people as they are recorded), or a text (those whom it describes at
                the end of the period); None is everybody.

        Raises:
            SegmentError: the text cannot be used, or describes accounts.
        """
        zone = self._evaluator().zone
        if not segment:
            return Ground(since, until, zone)
        people, bound = self._people(segment, until)
        return Ground(since, until, zone, people, bound)

    def _people(self, segment: str, at: dt.datetime) -> tuple[str, Mapping[str, Any]]:
        live = self._saved.live()
        definition = None if segment in live and live[segment].text is None else self._saved.named(segment)
        entity = live[segment].entity if definition is None else definition.entity.value
        if entity != Entity.PROFILE.value:
            raise SegmentError("this describes accounts", hint="Choose a segment of people.")
        if segment in live:
            number = live[segment].number
            return "profile IN (SELECT key FROM memberships FINAL WHERE has(segments, {in_segment:UInt32}))", {
                "in_segment": number
            }
        assert definition is not None
        numbers = {name: each.number for name, each in live.items()}
        plan, (compiled,) = self._evaluator().plan([self._saved.expanded(definition, live)], at, numbers=numbers)
        inner = plan.query(f"key, {compiled.holds} AS holds")
        # Its values are bound under names of their own, beside those of the question.
        sql = _PLACEHOLDER.sub(r"{of_segment_\1:", inner.sql)
        bound = {f"of_segment_{name.removeprefix('p')}": value for name, value in inner.parameters.items()}
        return f"profile IN (SELECT key FROM ({sql}) WHERE holds)", bound

    def funnel(self, ground: Ground, question: FunnelQuestion) -> Funnel:
        """How many people do one thing after another."""
        return funnel(self._warehouse, ground, question)

    def funnel_people(
        self,
        ground: Ground,
        question: FunnelQuestion,
        step: int,
        *,
        lost: bool = False,
        value: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[str]:
        """Those who came to a step (the first is 1), or were lost before it."""
        return funnel_people(self._warehouse, ground, question, step, lost=lost, value=value, after=after, limit=limit)

    def retention(self, ground: Ground, question: RetentionQuestion) -> Retention:
        """How many come back."""
        return retention(self._warehouse, ground, question)

    def retention_people(
        self,
        ground: Ground,
        question: RetentionQuestion,
        start: dt.date,
        number: int | None = None,
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> list[str]:
        """Those who began in a unit, or those of them who came back in the unit of a number after it."""
        return retention_people(self._warehouse, ground, question, start, number, after=after, limit=limit)

    def paths(self, ground: Ground, question: PathQuestion, *, most: int = 20) -> Paths:
        """What people do right after an event, or before it."""
        return paths(self._warehouse, ground, question, most=most)

    def path_people(
        self,
        ground: Ground,
        question: PathQuestion,
        events: tuple[str, ...],
        *,
        whole: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> list[str]:
        """Those who took a path that begins with these events; `whole`: and has no others."""
        return path_people(self._warehouse, ground, question, events, whole=whole, after=after, limit=limit)

    def trend(self, ground: Ground, question: TrendQuestion) -> Trend:
        """How often something happens over time."""
        return trend(self._warehouse, ground, question)

    def trend_people(
        self,
        ground: Ground,
        question: TrendQuestion,
        start: dt.date,
        *,
        value: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[str]:
        """Those who did the event in a unit of time."""
        return trend_people(self._warehouse, ground, question, start, value=value, after=after, limit=limit)
