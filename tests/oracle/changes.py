"""When the oracle's answer changes although nothing happens, found by asking at many instants.

Reads a definition and a world; yields the changes seen between neighbouring instants. The instants to ask at are the
ones where an answer can change: an event, or a date that a trait holds, and each of them moved by the spans that the
definition names; local midnights; and one microsecond before and after.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ethogram.model.segment import Moment, Span
from oracle.evaluator import evaluate
from oracle.values import instant_in
from oracle.windows import earlier, later, local_date, start_of_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zoneinfo import ZoneInfo

    from ethogram.model.segment import Definition
    from oracle.world import Value, World

MICROSECOND = dt.timedelta(microseconds=1)
MOST_MIDNIGHTS = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """Somebody was a member at one of two instants only; the change came after `after`, and by `by` at the latest."""

    id: str
    after: dt.datetime
    by: dt.datetime
    entered: bool


def changes_between(
    definition: Definition, world: World, start: dt.datetime, end: dt.datetime, instants: Iterable[dt.datetime]
) -> list[Change]:
    """All changes seen from `start` to `end` when asked at both and at the instants between them, in order of time.

    The first change of a person bounds what the compiled plan may promise: asked at `start`, the instant at which the
    person's answer could change must not be later than `by`.
    """
    asked = sorted({start, end, *(at for at in instants if start < at < end)})
    before = evaluate(definition, world, start)
    changes: list[Change] = []
    for previous, at in pairwise(asked):
        members = evaluate(definition, world, at)
        changes += [Change(each, previous, at, entered=each in members) for each in sorted(members ^ before)]
        before = members
    return changes


def telling_instants(definition: Definition, world: World, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    """The instants in between at which the answer can change, with their neighbours."""
    zone = world.zone
    nodes = [definition, *world.definitions.values()]
    spans = {span for node in nodes for span in _found(node, Span)}
    moments = {moment for node in nodes for moment in _found(node, Moment)}
    happened = {*_happened(world), *_dates_held(world, zone), *_edges(moments, zone)}
    once = {later(at, span, zone) for at in happened for span in spans} | {
        earlier(at, span, zone) for at in happened for span in spans
    }
    # `14 days before last 14 days` moves an event by one span and then by the other.
    twice = {later(at, span, zone) for at in once for span in spans}
    bare = {at for at in (*happened, *once, *twice, *_midnights(start, end, zone)) if start <= at <= end}
    return sorted({near for at in bare for near in (at - MICROSECOND, at, at + MICROSECOND)})


def _found(node: Any, kind: type[Any]) -> Iterator[Any]:
    """All values of a kind in a tree of nodes."""
    if isinstance(node, kind):
        yield node
    elif isinstance(node, tuple):
        for part in node:
            yield from _found(part, kind)
    elif dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            yield from _found(getattr(node, field.name), kind)


def _happened(world: World) -> Iterator[dt.datetime]:
    yield from (event.at for event in world.events)
    yield from (change.at for change in world.profile_changes)
    yield from (change.at for change in world.account_changes)
    yield from (change.at for change in world.membership_changes)


def _dates_held(world: World, zone: ZoneInfo) -> Iterator[dt.datetime]:
    facts: list[Mapping[str, Value]] = [event.properties for event in world.events]
    facts += [change.traits for change in (*world.profile_changes, *world.account_changes)]
    for values in facts:
        for value in values.values():
            at = instant_in(value, zone) if isinstance(value, str) else None
            if at is not None:
                yield at


def _edges(moments: set[Moment], zone: ZoneInfo) -> Iterator[dt.datetime]:
    for moment in moments:
        if isinstance(moment.value, dt.datetime):
            yield moment.value
        else:
            yield start_of_day(moment.value, zone)
            yield start_of_day(moment.value + dt.timedelta(days=1), zone)


def _midnights(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> Iterator[dt.datetime]:
    """The local midnights from start on (calendar periods, streaks and anniversaries change there), not endlessly."""
    first = local_date(start, zone)
    for days in range(min((end - start).days + 2, MOST_MIDNIGHTS)):
        yield start_of_day(first + dt.timedelta(days=days), zone)
