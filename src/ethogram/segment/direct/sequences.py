"""Sequences as functions of a person: the same chain of filters as `sequences.py` has in SQL.

Step of the path: segment, language half. For an instant of the next step only the *latest* reachable instant before
it matters: it leaves the shortest time and the least room for what must not happen.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

from ethogram.model.segment import Entity, Selection, Sequence, Span, Step
from ethogram.segment.direct.comparisons import NotDirect
from ethogram.segment.direct.facts import Person
from ethogram.segment.direct.measures import Due, Measures

_Instants = Callable[[Person], list[int]]


class Sequences:
    """Compiles sequences over profiles."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures
        self._calendar = measures.calendar

    def compile(self, node: Sequence) -> tuple[Callable[[Person], bool], list[Due]]:
        """The test, and instants at which it may change although nothing happens.

        Raises:
            NotDirect: the sequence is the account's.
        """
        if node.of is Entity.ACCOUNT:
            raise NotDirect
        dues = [
            due
            for step in node.steps
            for due in self._measures.crossing_dues(
                Selection(step.event, step.where, None if step.negated else node.window)
            )
        ]
        reachable: _Instants | None = None
        forbidden: _Instants | None = None
        for position, step in enumerate(node.steps):
            if step.negated:
                forbidden = self._instants(step, node, anywhere=True)
                if position == len(node.steps) - 1:
                    assert step.within is not None
                    assert reachable is not None
                    return self._closing(reachable, forbidden, step.within, dues)
                continue
            held = self._instants(step, node, anywhere=False)
            reachable = held if reachable is None else self._next(reachable, held, forbidden, step.within)
            forbidden = None
        assert reachable is not None
        found = reachable
        return lambda person: bool(found(person)), dues

    def _instants(self, step: Step, node: Sequence, *, anywhere: bool) -> _Instants:
        if anywhere:
            # What must not happen comes after a step that lies in the window: nothing before the window matters.
            pick = self._measures.rows(step.event, step.where, self._calendar.since(node.window))
        else:
            pick = self._measures.selected(Selection(step.event, step.where, node.window))

        def instants(person: Person) -> list[int]:
            stream, start, stop = pick(person)
            return stream.ts[start:stop]

        return instants

    def _next(
        self, reachable: _Instants, held: _Instants, forbidden: _Instants | None, within: Span | None
    ) -> _Instants:
        moved = None if within is None else self._calendar.moved(within)

        def instants(person: Person) -> list[int]:
            before = reachable(person)
            if not before:
                return []
            barred = [] if forbidden is None else forbidden(person)
            found = []
            for at in held(person):
                place = bisect_left(before, at)
                if not place:
                    continue
                latest = before[place - 1]
                if moved is not None and at > moved(latest):
                    continue
                # Something forbidden strictly between the two?
                if bisect_left(barred, at) > bisect_right(barred, latest):
                    continue
                found.append(at)
            return found

        return instants

    def _closing(
        self, reachable: _Instants, forbidden: _Instants, within: Span, dues: list[Due]
    ) -> tuple[Callable[[Person], bool], list[Due]]:
        calendar, moved = self._calendar, self._calendar.moved(within)

        def holds(person: Person) -> bool:
            barred, now = forbidden(person), calendar.frame.now_us
            for at in reachable(person):
                end = moved(at)
                if end > now:
                    continue
                place = bisect_right(barred, at)
                if place == len(barred) or barred[place] > end:
                    return True
            return False

        def waits(person: Person) -> int | None:
            now = calendar.frame.now_us
            return min((end for at in reachable(person) if (end := moved(at)) > now), default=None)

        return holds, [*dues, waits]
