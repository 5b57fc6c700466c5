"""Whether what happened is what a journey waits for: an event with such properties, or an entry or exit of a segment.

Step of the path: decide. Pure. An event fits `where` exactly if somebody who did nothing but this would be in the
segment `did(event where …)`; so one language has one meaning.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ethogram.decide.journeys.binding import bind, check_placeholders, placeholders
from ethogram.errors import SegmentError
from ethogram.model.campaign import did
from ethogram.model.journey.parts import Checks, EventSignal, SegmentSignal, Signal
from ethogram.model.journey.runs import EventHappened, Happened, SegmentHappened
from ethogram.model.segment import Definition, Did, Selection
from ethogram.segment.checker import check
from ethogram.segment.compiler import Context
from ethogram.segment.direct.comparisons import NotDirect
from ethogram.segment.direct.conditions import Conditions
from ethogram.segment.direct.facts import Person
from ethogram.segment.parser import parse
from ethogram.segment.windows import Frame

# Conditions on one event hold whenever they are asked about, so this instant is as good as any.
_SOMETIME = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_Test = Callable[[Person], bool]


@lru_cache(10_000)
def parsed(text: str) -> Definition:
    """The definition that a text says; texts are few and are asked for again and again."""
    return parse(text)


@lru_cache(10_000)
def _compiled(definition: Definition, zone: ZoneInfo) -> _Test:
    return Conditions(Context(Frame(_SOMETIME, zone))).definition(definition).holds


def fits(signal: Signal, happened: Happened, data: Mapping[str, Any], zone: ZoneInfo) -> bool:
    """Whether what happened is what a signal stands for.

    Args:
        data: the run's, for placeholders.
        zone: the workspace's, for dates in properties.
    """
    match signal, happened:
        case SegmentSignal(segment, entered), SegmentHappened():
            return happened.segment == segment and happened.entered is entered
        case EventSignal(event, None), EventHappened():
            return happened.event == event
        case EventSignal(event, where), EventHappened():
            if happened.event != event:
                return False
            definition = parsed(did(event, where))
            if next(placeholders(definition), None) is not None:
                definition = bind(definition, data)
            return _compiled(definition, zone)(_who_did(happened))
        case _:
            return False


def _who_did(happened: EventHappened) -> Person:
    """Somebody who did this, and nothing else."""
    person = Person(0, happened.profile_id)
    person.events = {happened.event: (0, 1)}
    person.rows = ([0], lambda _start, _stop: [happened.properties])
    return person


# --- what a document's texts are checked by -----------------------------------------------------------------------


def checks() -> Checks:
    """What conditions and events of journeys are checked by."""
    return Checks(check_condition, check_event)


def check_condition(text: str) -> None:
    """Raises what is wrong with a text as a condition on the person of a run."""
    definition = parse(text)
    check(definition)
    check_placeholders(definition)
    if definition.entity != "profile":
        raise SegmentError("describes accounts; a journey is a person's")


def check_event(event: str, where: str | None) -> None:
    """Raises what is wrong with a condition on the properties of an event."""
    if where is None:
        return
    definition = parse(did(event, where))
    check(definition)
    match definition:
        case Definition(condition=Did(selection=Selection(window=None))):
            pass
        case _:
            raise SegmentError("is more than a condition on properties, such as `total > 50`")
    check_placeholders(definition)
    try:
        _compiled(definition, ZoneInfo("UTC"))
    except NotDirect:
        raise SegmentError(
            "cannot be decided from the event alone", hint="Put it into a segment, and wait for its entry."
        ) from None
