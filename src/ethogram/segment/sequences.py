"""Sequences to SQL: steps in order, with limits and with what must not happen in between.

Step of the path: segment, language half. Per step the profile's instants are gathered; then a chain of filters keeps
those at which the sequence can have come so far. For an instant of the next step only the *latest* reachable instant
before it matters: it leaves the shortest time and the least room for what must not happen.
"""

from __future__ import annotations

from ethogram.model.segment import AfterFirst, Selection, Sequence, Span, Step
from ethogram.segment.measures import Measures
from ethogram.segment.sources import Registry, Source, Stream
from ethogram.segment.windows import Bounds, Frame, bounds

# Instants are counted from here, so that 0 can stand for "none": nothing is stored before 1900.
_ORIGIN = 2208988800_000_000 + 1


def compile_sequence(
    node: Sequence, source: Source, measures: Measures, registry: Registry, frame: Frame
) -> tuple[str, list[str]]:
    """The condition, and instants at which it may change although nothing happens."""
    arrays = _Arrays(source, measures, registry, frame, node)
    dues = [
        due
        for step in node.steps
        for due in measures.crossing_dues(
            source, Selection(step.event, step.where, None if step.negated else node.window)
        )
    ]
    reachable, forbidden = "", ""
    for position, step in enumerate(node.steps):
        if step.negated:
            forbidden = arrays.anywhere(step)
            if position == len(node.steps) - 1:
                assert step.within is not None
                return _closing(reachable, forbidden, step.within, measures, registry, frame, dues)
            continue
        held = arrays.in_window(step)
        if not reachable:
            reachable = held
            continue
        # Per instant of this step: the latest reachable one before it, and the latest forbidden one.
        columns = [_latest_before(held, reachable, registry)]
        tests = ["p.1.2 > 0"]
        if step.within is not None:
            tests.append(f"p.1.1 <= {_moved('p.1.2', step.within, measures)}")
        if forbidden:
            columns.append(_latest_before(held, forbidden, registry))
            tests.append("p.2.2 <= p.1.2")
        pairs = registry.derive(f"arrayZip({', '.join(columns)})")
        reachable = registry.derive(f"arrayMap(p -> p.1.1, arrayFilter(p -> {' AND '.join(tests)}, {pairs}))")
        forbidden = ""
    return f"notEmpty({reachable})", dues


def _closing(
    reachable: str, forbidden: str, within: Span, measures: Measures, registry: Registry, frame: Frame, dues: list[str]
) -> tuple[str, list[str]]:
    now = registry.binder.integer(frame.now_us + _ORIGIN)
    end = _moved("p.1", within, measures)
    followed = _earliest_after(reachable, forbidden, registry)
    ended = registry.derive(f"arrayMap(p -> ({end}, p.2), {followed})")
    holds = f"arrayExists(p -> p.1 <= {now} AND (p.2 = 0 OR p.2 > p.1), {ended})"
    waiting = registry.derive(f"arrayFilter(e -> e > {now}, arrayMap(p -> p.1, {ended}))")
    due = f"if(empty({waiting}), NULL, fromUnixTimestamp64Micro(toInt64(arrayMin({waiting}) - {_ORIGIN}), 'UTC'))"
    return holds, [*dues, due]


def _latest_before(instants: str, others: str, registry: Registry) -> str:
    """Pairs (t, s) in order of t: s is the latest of `others` strictly before t, 0 if there is none.

    Both lists are merged and sorted once and filled forward, so that a person with a million events takes no million
    times a million steps.
    """
    merged = _merged(instants, others, registry, others_first=False)
    filled = f"arrayFill(e -> e.3 = 1, {merged})"
    return _pairs(merged, filled, registry)


def _earliest_after(instants: str, others: str, registry: Registry) -> str:
    """Pairs (t, s) in order of t: s is the earliest of `others` strictly after t, 0 if there is none."""
    merged = _merged(instants, others, registry, others_first=True)
    filled = f"arrayReverseFill(e -> e.3 = 1, {merged})"
    return _pairs(merged, filled, registry)


def _merged(instants: str, others: str, registry: Registry, *, others_first: bool) -> str:
    """Both lists in one, sorted: (instant, its place among equals, 1 where it is one of `others`)."""
    place = 0 if others_first else 1
    mine = f"arrayMap(t -> (t, {1 - place}, 0), {instants})"
    theirs = f"arrayMap(t -> (t, {place}, 1), {others})"
    return registry.derive(f"arraySort(arrayConcat({mine}, {theirs}))")


def _pairs(merged: str, filled: str, registry: Registry) -> str:
    mine = f"arrayFilter(p -> p.1.3 = 0, arrayZip({merged}, {filled}))"
    return registry.derive(f"arrayMap(p -> (p.1.1, if(p.2.3 = 1, p.2.1, 0)), {mine})")


def _moved(at: str, span: Span, measures: Measures) -> str:
    return f"({measures.span_end(f'toInt64({at} - {_ORIGIN})', span)} + {_ORIGIN})"


class _Arrays:
    """The sorted instants of each step."""

    def __init__(self, source: Source, measures: Measures, registry: Registry, frame: Frame, node: Sequence) -> None:
        self._source = source
        self._measures = measures
        self._registry = registry
        self._frame = frame
        self._window = node.window

    def in_window(self, step: Step) -> str:
        gathered = self._sorted(self._measures.selected(self._source, Selection(step.event, step.where, self._window)))
        if isinstance(self._window, AfterFirst):
            at = f"fromUnixTimestamp64Micro(toInt64(t - {_ORIGIN}), 'UTC')"
            held = f"arrayFilter(t -> {self._measures.after_first(self._source, self._window, at)}, {gathered})"
            return self._registry.derive(held)
        return gathered

    def anywhere(self, step: Step) -> str:
        # What must not happen comes after a step that lies in the window: nothing before the window matters.
        within = Bounds(bounds(self._window, self._frame).low, None)
        return self._sorted(self._measures.rows(self._source, step.event, step.where, within))

    def _sorted(self, rows: tuple[Stream, str]) -> str:
        stream, condition = rows
        instant = self._registry.row(stream, f"toUnixTimestamp64Micro(ts) + {_ORIGIN}")
        gathered = self._registry.add(stream, f"groupArrayIf({instant}, {condition})")
        return self._registry.derive(f"arraySort({gathered})")
