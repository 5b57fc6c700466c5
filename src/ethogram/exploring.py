"""Questions about what people do: funnels, retention, paths and trends, over everybody or a segment's people.

A part of the composition root: `runtime.Workspace` hands over what it has opened. Reads the warehouse and definitions;
writes nothing.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ethogram.errors import InputError, SegmentError
from ethogram.measure.funnels import Funnel, FunnelQuestion, funnel, funnel_people
from ethogram.measure.ground import Ground
from ethogram.measure.paths import PathQuestion, Paths, path_people, paths
from ethogram.measure.retention import Retention, RetentionQuestion, retention, retention_people
from ethogram.measure.trends import Trend, TrendQuestion, trend, trend_people
from ethogram.model.exploration import Exploration, Unit, Way
from ethogram.model.segment import Entity, Selection
from ethogram.segment.evaluate import Evaluator
from ethogram.segment.printer import selection_to_text
from ethogram.segment.saved import SavedSegments
from ethogram.store.warehouse import Warehouse

# Who asks takes questions and answers from here.
__all__ = [
    "Answer",
    "Exploration",
    "Explore",
    "Funnel",
    "FunnelQuestion",
    "Ground",
    "PathQuestion",
    "Paths",
    "Point",
    "Retention",
    "RetentionQuestion",
    "Trend",
    "TrendQuestion",
    "Unit",
    "Way",
    "event_text",
]
Answer = Trend | Funnel | Retention | Paths
_PLACEHOLDER = re.compile(r"\{p(\d+):")


def event_text(name: str) -> str:
    """An event's name as the segment language writes it, quoted where that is needed: `Order Completed`."""
    return selection_to_text(Selection(name))


@dataclass(frozen=True, slots=True)
class Point:
    """A number of an answer, whose people are asked for.

    Attributes:
        at: the unit of time of a trend (its first day, or the instant of an hour) or of retention (when people began);
            the step of a funnel, the first being 1; the events of a path, all of them.
        value: of the property that is looked at apart.
        number: of retention, the unit in which people came back, 0 being the first; None is everybody who began.
        lost: of a funnel, those who were lost before the step.
    """

    at: tuple[str, ...]
    value: str | None = None
    number: int | None = None
    lost: bool = False


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

    def ask(self, exploration: Exploration, now: dt.datetime) -> Answer:
        """What a question that is saved or shared is answered, over its days up to an instant.

        Raises:
            SegmentError: a text of it cannot be used.
        """
        asked, ground = self.spelled(exploration), self.ground_of(exploration, now)
        match asked.way:
            case Way.TRENDS:
                return self.trend(ground, trend_question(asked), compare=asked.compare)
            case Way.FUNNELS:
                return self.funnel(ground, funnel_question(asked))
            case Way.RETENTION:
                return self.retention(ground, retention_question(asked))
            case Way.PATHS:
                return self.paths(ground, path_question(asked))

    def ask_people(
        self, exploration: Exploration, now: dt.datetime, point: Point, *, after: str | None = None, limit: int = 100
    ) -> list[str]:
        """The ids of the people behind a number of an answer.

        Raises:
            InputError: the answer has no such number.
            SegmentError: a text of the question cannot be used.
        """
        asked, ground = self.spelled(exploration), self.ground_of(exploration, now)
        at, value = point.at[0] if point.at else "", point.value
        match asked.way:
            case Way.TRENDS:
                question = trend_question(asked)
                return self.trend_people(
                    ground, question, _start(at, asked.unit), value=value, after=after, limit=limit
                )
            case Way.FUNNELS:
                step = int(at) if at.isascii() and at.isdigit() and len(at) < 5 else 0
                chosen = funnel_question(asked)
                return self.funnel_people(ground, chosen, step, lost=point.lost, value=value, after=after, limit=limit)
            case Way.RETENTION:
                began, back = _start(at, asked.unit), retention_question(asked)
                return self.retention_people(ground, back, began, point.number, after=after, limit=limit)
            case Way.PATHS:
                return self.path_people(ground, path_question(asked), point.at, whole=True, after=after, limit=limit)

    def ground_of(self, exploration: Exploration, now: dt.datetime) -> Ground:
        """The days of a question: whole ones of the workspace's zone, today's up to now."""
        zone = self._evaluator().zone
        first = now.astimezone(zone).date() - dt.timedelta(days=exploration.days - 1)
        since = dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC)
        return self.ground(since, now + dt.timedelta(microseconds=1), exploration.segment or None)

    def spelled(self, exploration: Exploration) -> Exploration:
        """The question with bare names of events (`Order Completed`) as the segment language writes them."""
        if exploration.way is Way.PATHS:  # it asks for a name
            return exploration
        return replace(
            exploration,
            event=self._spelled(exploration.event),
            returning=self._spelled(exploration.returning),
            steps=tuple(map(self._spelled, exploration.steps)),
        )

    def _spelled(self, text: str) -> str:
        if text in ("", "any"):
            return text
        quoted = event_text(text)
        if quoted == text:
            return text
        known = self._warehouse.query("SELECT 1 FROM events WHERE event = {name:String} LIMIT 1", {"name": text})
        return quoted if known else text

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

    def trend(self, ground: Ground, question: TrendQuestion, *, compare: bool = False) -> Trend:
        """How often something happens over time; `compare`: and in the period before."""
        return trend(self._warehouse, ground, question, compare=compare)

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


def _start(text: str, unit: Unit) -> dt.date:
    """The first day of a unit of time, or the instant of an hour, that a text says."""
    try:
        at = dt.datetime.fromisoformat(text) if unit is Unit.HOUR else dt.date.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or not 1900 <= at.year < 2300 or (isinstance(at, dt.datetime) and at.tzinfo is None):
        raise InputError(f"`{text[:40]}` is no point of the answer", hint="Take one as the answer has it.")
    return at


def trend_question(asked: Exploration) -> TrendQuestion:
    """What a question about trends counts."""
    return TrendQuestion(asked.event, asked.unit, asked.amount or None, asked.by or None)


def funnel_question(asked: Exploration) -> FunnelQuestion:
    """Which steps a question about a funnel follows."""
    return FunnelQuestion(asked.steps, dt.timedelta(days=asked.within), asked.by or None)


def retention_question(asked: Exploration) -> RetentionQuestion:
    """What a question about retention takes for a beginning, and for a return."""
    return RetentionQuestion(asked.event, asked.returning or asked.event, asked.unit)


def path_question(asked: Exploration) -> PathQuestion:
    """From where a question about paths goes on."""
    return PathQuestion(asked.event, asked.backwards, asked.length)
