"""Measures as functions of a person: what `measures.py` gathers with aggregates, read from sorted lists.

Step of the path: segment, language half.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ethogram.model.segment import AfterFirst, Condition, Entity, Function, InLast, Measure, Selection
from ethogram.segment.direct import looks
from ethogram.segment.direct.calendar import Calendar, Edges
from ethogram.segment.direct.comparisons import Looks, NotDirect
from ethogram.segment.direct.facts import Person, Rows, Stream

Due: TypeAlias = Callable[[Person], int | None]
Pick: TypeAlias = Callable[[Person], Rows]
_WEEKDAYS = ("", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Measures:
    """Compiles the measures of definitions over profiles.

    Args:
        compile_where: compiles a condition on one event's properties to a test of them.
    """

    def __init__(self, calendar: Calendar, compile_where: Callable[[Condition], Callable[[Any], bool]]) -> None:
        self.calendar = calendar
        self._compile_where = compile_where
        self._wheres: dict[tuple[str | None, Condition], int] = {}
        # What a fetch must bring.
        self.events: set[str] = set()
        self.any_event = False
        self.needs_properties = False

    # --- rows -----------------------------------------------------------------------------------------------

    def rows(self, event: str | None, where: Condition | None, within: Edges) -> Pick:
        """Picks events by name, condition and instant."""
        stream = self.stream(event, where)
        return lambda person: stream(person, within.low).within(within.low, within.until)

    def stream(self, event: str | None, where: Condition | None) -> Callable[[Person, int | None], Stream]:
        """The events of a name that pass a condition, all of them from an instant on."""
        if event is None:
            self.any_event = True
        else:
            self.events.add(event)
        if where is None:
            return lambda person, _: person.stream(event)
        self.needs_properties = True
        number = self._wheres.setdefault((event, where), len(self._wheres))
        test = self._compile_where(where)

        def chosen(person: Person, low: int | None) -> Stream:
            found = person.chosen.get(number)
            if found is None or (found[0] is not None and (low is None or low < found[0])):
                found = person.chosen[number] = (low, person.stream(event).where(test, low))
            return found[1]

        return chosen

    def selected(self, selection: Selection) -> Pick:
        """Picks the events of a selection with its own window."""
        window = selection.window
        if not isinstance(window, AfterFirst):
            return self.rows(selection.event, selection.where, self.calendar.edges(window))
        everything = self.stream(selection.event, selection.where)
        anchors, moved = self.selected(window.anchor), self.calendar.moved(window.span)

        def pick(person: Person) -> Rows:
            anchor, start, stop = anchors(person)
            if start == stop:
                return anchor, 0, 0
            at = anchor.ts[start]
            return everything(person, at).within(at, moved(at))

        return pick

    # --- values ---------------------------------------------------------------------------------------------

    def looks(self, measure: Measure) -> Looks:
        """How to look at a measure's value.

        Raises:
            NotDirect: it is a measure of the account.
        """
        if measure.of is Entity.ACCOUNT:
            raise NotDirect
        pick, function = self.selected(measure.selection), measure.function
        match function:
            case Function.COUNT:
                return Looks(number=lambda person: (rows := pick(person))[2] - rows[1])
            case Function.SUM | Function.AVG | Function.MIN | Function.MAX | Function.MEDIAN:
                return self._of_numbers(measure, pick)
            case Function.DISTINCT:
                generics = self._column(measure, pick, looks.generic)
                return Looks(number=lambda person: len(set(generics(person)) - {None}))
            case Function.ACTIVE_DAYS:
                days = self._derived(pick, self.calendar.days)
                return Looks(number=lambda person: len(set(days(person))))
            case Function.STREAK:
                streak = self.streak(measure.selection)
                return Looks(number=lambda person: streak(person)[0])
            case Function.GAP:
                return _maybe(lambda person: _gap(pick(person)))
            case Function.FAVORITE:
                return self._favorite(measure, pick)
            case Function.HOUR:
                return _maybe(self._frequent(pick, self._derived(pick, self.calendar.hours)))
            case Function.WEEKDAY:
                weekday = self._frequent(pick, self._derived(pick, self.calendar.weekdays))

                def name(person: Person) -> str | None:
                    found = weekday(person)
                    return None if found is None else _WEEKDAYS[found]

                return Looks(text=name, exists=lambda person: name(person) is not None)
            case Function.FIRST | Function.LAST:
                return self._edge(measure, pick)

    def _column(self, measure: Measure, pick: Pick, look: Callable[[Any], Any]) -> Callable[[Person], list[Any]]:
        self.needs_properties = True
        name = _path(measure)

        def values(person: Person) -> list[Any]:
            stream, start, stop = pick(person)
            return stream.column(name, look, start, stop) if start < stop else []

        return values

    @staticmethod
    def _derived(pick: Pick, of_instants: Callable[[list[int]], list[int]]) -> Callable[[Person], list[int]]:
        def values(person: Person) -> list[int]:
            stream, start, stop = pick(person)
            return stream.derived(of_instants.__name__, of_instants, start, stop) if start < stop else []

        return values

    def _of_numbers(self, measure: Measure, pick: Pick) -> Looks:
        column = self._column(measure, pick, looks.number)

        def numbers(person: Person) -> list[float]:
            return [value for value in column(person) if value is not None]

        match measure.function:
            case Function.SUM:
                return Looks(number=lambda person: sum(numbers(person)))
            case Function.AVG:
                return _maybe(lambda person: sum(found) / len(found) if (found := numbers(person)) else None)
            case Function.MIN:
                return _maybe(lambda person: min(numbers(person), default=None))
            case Function.MAX:
                return _maybe(lambda person: max(numbers(person), default=None))
            case _:
                return _maybe(lambda person: _median(numbers(person)))

    def _favorite(self, measure: Measure, pick: Pick) -> Looks:
        favorite = self._frequent(pick, self._column(measure, pick, looks.generic))
        return Looks(
            text=favorite,
            number=lambda person: looks.number(favorite(person)),
            exists=lambda person: favorite(person) is not None,
        )

    @staticmethod
    def _frequent(pick: Pick, values: Callable[[Person], list[Any]]) -> Callable[[Person], Any]:
        """The most frequent of the picked events' values; of equals the most recent, then the greatest."""

        def most(person: Person) -> Any:
            stream, start, stop = pick(person)
            found: dict[Any, tuple[int, int]] = {}
            for value, at in zip(values(person), stream.ts[start:stop], strict=True):
                if value is not None:
                    found[value] = (found.get(value, (0, 0))[0] + 1, at)
            return max(found, key=lambda value: (found[value], value), default=None)

        return most

    def _edge(self, measure: Measure, pick: Pick) -> Looks:
        newest = measure.function is Function.LAST
        if measure.property is None:

            def at(person: Person) -> int | None:
                stream, start, stop = pick(person)
                return None if start == stop else stream.ts[stop - 1 if newest else start]

            return Looks(instant=at, exists=lambda person: at(person) is not None, is_instant=True)
        self.needs_properties = True
        part = looks.part(_path(measure))

        def values(person: Person) -> list[Any]:
            stream, start, stop = pick(person)
            if start == stop:
                return []
            # Several events may share the instant.
            edge = stream.ts[stop - 1 if newest else start]
            _, first, after = stream.within(edge, edge)
            return [part(each) for each in stream.properties(max(first, start), min(after, stop))]

        return edge_looks(values, self.calendar)

    def streak(self, selection: Selection) -> Callable[[Person], tuple[int, int]]:
        """The length of the running streak, and its last active day (0: none)."""
        days = self._derived(self.selected(selection), self.calendar.days)

        def length(person: Person) -> tuple[int, int]:
            active = set(days(person))
            last = max(active, default=0)
            if not active or last < self.calendar.today - 1:
                return 0, last
            day = last
            while day in active:
                day -= 1
            return last - day, last

        return length

    # --- when a value changes by itself ---------------------------------------------------------------------

    def dues(self, measure: Measure) -> list[Due]:
        """Instants at which the measure's value may change although nothing happens."""
        found = self.crossing_dues(measure.selection)
        if measure.function is Function.STREAK:
            streak, midnight = self.streak(measure.selection), self.calendar.midnight

            def ends(person: Person) -> int | None:
                length, last = streak(person)
                return midnight(last + 2) if length else None

            found.append(ends)
        return found

    def crossing_dues(self, selection: Selection) -> list[Due]:
        """Instants at which events leave or enter the selection's window."""
        found: list[Due] = []
        if isinstance(selection.window, AfterFirst):
            found += self.crossing_dues(selection.window.anchor)
        for within, moved in self.calendar.crossings(selection.window):
            found.append(_first(self.rows(selection.event, selection.where, within), moved))
        return found

    def threshold(self, selection: Selection, at_least: int) -> tuple[Callable[[Person], bool], Due]:
        """`count(selection) >= at_least` for a window `in last …`, and the instant at which it stops by itself."""
        assert isinstance(selection.window, InLast)
        edges = self.calendar.edges(selection.window)
        stream = self.stream(selection.event, selection.where)
        later = self.calendar.later(selection.window.span)

        def holds(person: Person) -> bool:
            ts = stream(person, edges.low).ts
            return len(ts) >= at_least and ts[-at_least] >= (edges.low or 0)

        def leaves(person: Person) -> int | None:
            return later(stream(person, edges.low).ts[-at_least]) if holds(person) else None

        return holds, leaves


def _first(pick: Pick, moved: Callable[[int], int]) -> Due:
    def due(person: Person) -> int | None:
        stream, start, stop = pick(person)
        return None if start == stop else moved(stream.ts[start])

    return due


def edge_looks(values: Callable[[Any], list[Any]], calendar: Calendar) -> Looks:
    """Looks at the values of one instant: of several, per look the greatest."""

    def greatest(look: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda it: max((found for each in values(it) if (found := look(each)) is not None), default=None)

    text = greatest(looks.text)
    return Looks(
        number=greatest(looks.number),
        text=text,
        boolean=greatest(looks.boolean),
        instant=lambda it: looks.instant(text(it), calendar.frame.zone),
        has=lambda it, item: any(looks.has(each, item) for each in values(it)),
        exists=lambda it: any(looks.exists(each) for each in values(it)),
    )


def _path(measure: Measure) -> tuple[str, ...]:
    assert measure.property is not None
    return tuple(measure.property.split("."))


def _maybe(value: Callable[[Person], Any]) -> Looks:
    return Looks(number=value, exists=lambda person: value(person) is not None)


def _median(found: list[float]) -> float | None:
    """The middle value, or the point half-way between the two middle ones."""
    if not found:
        return None
    ordered, middle = sorted(found), (len(found) - 1) // 2
    low = ordered[middle]
    return low if len(ordered) % 2 else low + (ordered[middle + 1] - low) * 0.5


def _gap(rows: Rows) -> float | None:
    """Seconds between two events, on average."""
    stream, start, stop = rows
    if stop - start < 2:
        return None
    return (stream.ts[stop - 1] - stream.ts[start]) / 1_000_000 / (stop - start - 1)
