"""Measures to SQL: what is gathered per profile for each function, and how its value is read from that.

Step of the path: segment, language half. Reads nodes, writes aggregates into the registry, and hands out *views*:
one expression per way to look at a value, NULL where the value is missing or not of that kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from ethogram.model.segment import AfterFirst, Condition, Function, InLast, Measure, Selection, Span
from ethogram.segment import local_time, values
from ethogram.segment.sources import Registry, Source, Stream
from ethogram.segment.windows import Bounds, Frame, bounds, crossings, later

_WEEKDAYS = "['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']"
# Beyond so many, keeping the latest instants of every profile costs more than counting.
MOST_LATEST = 64


@dataclass(frozen=True, slots=True)
class Views:
    """One value, looked at in each way; a look that cannot be is None. Everything is asked for lazily, because
    asking gathers a column.
    """

    number: Callable[[], str | None] = lambda: None
    text: Callable[[], str | None] = lambda: None
    boolean: Callable[[], str | None] = lambda: None
    instant: Callable[[], str | None] = lambda: None
    has: Callable[[str, bool], str | None] = lambda _item, _caseless: None
    exists: Callable[[], str] = lambda: "false"
    place: Callable[[], tuple[str, str] | None] = lambda: None
    is_instant: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """Whether a count reaches a number, and the instant (NULL: it does not) at which it no longer does."""

    holds: str
    leaves: str


class Measures:
    """Compiles the measures of one plan.

    Args:
        compile_where: compiles a condition on one event's properties to row-level SQL.
        where_dues: row-level instants at which such a condition may change by itself.
    """

    def __init__(
        self,
        registry: Registry,
        frame: Frame,
        compile_where: Callable[[Condition], str],
        where_dues: Callable[[Condition], list[str]],
    ) -> None:
        self._registry = registry
        self._binder = registry.binder
        self._frame = frame
        self._where = compile_where
        self._where_dues = where_dues
        self._zone = registry.binder.text(frame.zone.key)

    # --- rows -----------------------------------------------------------------------------------------------

    def _tests(self, event: str | None, where: Condition | None, within: Bounds) -> list[str]:
        parts = []
        if event is not None:
            parts.append(f"event = {self._binder.text(event)}")
        if where is not None:
            parts.append(self._where(where))
        if within.low is not None:
            parts.append(f"ts >= {self._binder.instant(within.low)}")
        if within.high is not None and within.high < self._frame.now_us:
            parts.append(f"ts <= {self._binder.instant(within.high)}")
        return parts

    def rows(
        self, source: Source, event: str | None, where: Condition | None, within: Bounds, *, since: int | None = None
    ) -> tuple[Stream, str]:
        """The stream of a selection, and the name of its row-level condition, the bounds included.

        Args:
            since: with bounds that are open below: older rows may be left out all the same.
        """
        stream = self._registry.stream(source, event)
        self._registry.wake(stream, event, within.low if since is None else since)
        tests = [self._registry.row(stream, test) for test in self._tests(event, where, within)]
        return stream, self._registry.row(stream, " AND ".join(tests) or "true")

    def selected(self, source: Source, selection: Selection) -> tuple[Stream, str]:
        """The stream of a selection with its own window, and the name of its row-level condition."""
        return self.rows(source, selection.event, selection.where, bounds(selection.window, self._frame))

    def spelled(self, selection: Selection) -> str:
        """The row-level condition of a selection with its own window, written out."""
        within = bounds(selection.window, self._frame)
        return " AND ".join(self._tests(selection.event, selection.where, within)) or "true"

    def reduce(self, source: Source, selection: Selection, function: str, *arguments: str, only: str = "") -> str:
        """An aggregate over a selection: gathered with the rows, or, where the window hangs on the profile's own
        first event, over the gathered arrays.

        Args:
            function: name of the aggregate with the `If` combinator, e.g. `sumIf`.
            only: a further row-level condition.
        """
        stream, condition = self.selected(source, selection)
        arguments = tuple(self._registry.row(stream, argument) for argument in arguments)
        if only:
            condition = self._registry.row(stream, f"{condition} AND {only}")
        if not isinstance(selection.window, AfterFirst):
            return self._registry.add(stream, f"{function}({', '.join([*arguments, condition])})")
        rows = self._registry.add(stream, f"groupArrayIf(tuple({', '.join(['ts', *arguments])}), {condition})")
        mask = f"arrayMap(r -> {self.after_first(source, selection.window, 'r.1')}, {rows})"
        arrays = [f"arrayMap(r -> r.{index}, {rows})" for index in range(2, len(arguments) + 2)]
        return self._registry.derive(f"arrayReduce('{function}', {', '.join([*arrays, self._registry.derive(mask)])})")

    def after_first(self, source: Source, window: AfterFirst, at: str) -> str:
        """Whether `at` lies in the span after the profile's own first anchor event."""
        stream, condition = self.selected(source, window.anchor)
        anchor = self._registry.add(stream, f"minOrNullIf(ts, {condition})")
        end = self._registry.derive(later(anchor, window.span, self._frame, self._binder, settle=False))
        return f"ifNull({at} >= {anchor} AND {at} <= {end}, false)"

    # --- values ---------------------------------------------------------------------------------------------

    def views(self, measure: Measure, source: Source) -> Views:
        """How to look at a measure's value."""
        match measure.function:
            case Function.COUNT:
                return _numeric(lambda: self.reduce(source, measure.selection, "countIf"))
            case Function.SUM:
                return _numeric(lambda: f"ifNull({self._of_number(measure, source, 'sumIf')}, 0)")
            case Function.AVG:
                return _numeric(lambda: self._of_number(measure, source, "avgOrNullIf"), nullable=True)
            case Function.MIN:
                return _numeric(lambda: self._of_number(measure, source, "minOrNullIf"), nullable=True)
            case Function.MAX:
                return _numeric(lambda: self._of_number(measure, source, "maxOrNullIf"), nullable=True)
            case Function.MEDIAN:
                name = "quantileExactInclusiveOrNullIf(0.5)"
                return _numeric(lambda: self._of_number(measure, source, name), nullable=True)
            case Function.DISTINCT:
                return _numeric(lambda: self.reduce(source, measure.selection, "uniqExactIf", self._generic(measure)))
            case Function.ACTIVE_DAYS:
                return _numeric(lambda: self.reduce(source, measure.selection, "uniqExactIf", self._local_day()))
            case Function.STREAK:
                return _numeric(lambda: self.streak(measure.selection, source)[0])
            case Function.GAP:
                return _numeric(lambda: self._gap(measure.selection, source), nullable=True)
            case Function.FAVORITE:
                return self._favorite_views(measure, source)
            case Function.HOUR:
                hour = f"toHour(toTimeZone(ts, {self._zone}))"
                return _numeric(lambda: self._most_frequent(measure.selection, source, hour), nullable=True)
            case Function.WEEKDAY:
                day = f"toDayOfWeek(toTimeZone(ts, {self._zone}))"
                return _textual(
                    lambda: (
                        f"if(isNull({self._most_frequent(measure.selection, source, day)}), NULL, "
                        f"{_WEEKDAYS}[{self._most_frequent(measure.selection, source, day)}])"
                    )
                )
            case Function.FIRST | Function.LAST:
                return self._edge_views(measure, source)
            case _:
                assert_never(measure.function)

    def _property(self, measure: Measure) -> str:
        assert measure.property is not None
        return values.path("properties", measure.property)

    def _of_number(self, measure: Measure, source: Source, function: str) -> str:
        value = values.number(self._property(measure), self._binder)
        return self.reduce(source, measure.selection, function, value)

    def _generic(self, measure: Measure) -> str:
        return values.generic(self._property(measure))

    def _local_day(self) -> str:
        return f"toDate32(ts, {self._zone})"

    def streak(self, selection: Selection, source: Source) -> tuple[str, str]:
        """The length of the running streak, and its last active day as a number of days since 1970 (0: none)."""
        days = self.reduce(source, selection, "groupUniqArrayIf", f"toInt32({self._local_day()})")
        ordered = self._registry.derive(f"arrayReverseSort({days})")
        yesterday = self._binder.integer(_day_number(self._frame) - 1)
        # In a falling list of different days, day + index equals the first day exactly on the leading run.
        run = f"arrayCount((d, i) -> d + toInt64(i) = {ordered}[1], {ordered}, range(length({ordered})))"
        length = f"if(notEmpty({days}) AND {ordered}[1] >= {yesterday}, {run}, 0)"
        return self._registry.derive(length), f"{ordered}[1]"

    def _gap(self, selection: Selection, source: Source) -> str:
        count = self.reduce(source, selection, "countIf")
        first = self.reduce(source, selection, "minOrNullIf", "ts")
        last = self.reduce(source, selection, "maxOrNullIf", "ts")
        length = f"(toUnixTimestamp64Micro({last}) - toUnixTimestamp64Micro({first})) / 1000000"
        return self._registry.derive(f"if({count} < 2, NULL, {length} / ({count} - 1))")

    def _most_frequent(self, selection: Selection, source: Source, value: str, only: str = "") -> str:
        """The most frequent value; of equals the most recent, then the greatest."""
        counts = self.reduce(source, selection, "sumMapIf", f"[{value}]", "[toUInt64(1)]", only=only)
        recent = self.reduce(source, selection, "maxMapIf", f"[{value}]", "[ts]", only=only)
        best = f"arrayReverseSort(arrayZip({counts}.2, {recent}.2, {counts}.1))[1]"
        return self._registry.derive(f"if(empty({counts}.1), NULL, {best}.3)")

    def _favorite_views(self, measure: Measure, source: Source) -> Views:
        value = self._generic(measure)

        def favorite() -> str:
            return self._most_frequent(measure.selection, source, f"assumeNotNull({value})", f"isNotNull({value})")

        return Views(
            text=favorite,
            number=lambda: self._registry.derive(values.number_of_text(favorite(), self._binder)),
            exists=lambda: f"isNotNull({favorite()})",
        )

    def _edge_views(self, measure: Measure, source: Source) -> Views:
        newest = measure.function is Function.LAST
        if measure.property is None:
            name = "maxOrNullIf" if newest else "minOrNullIf"

            def at() -> str:
                return self.reduce(source, measure.selection, name, "ts")

            return Views(instant=at, exists=lambda: f"isNotNull({at()})", is_instant=True)
        edge = "maxArgMaxIf" if newest else "maxArgMinIf"

        def at_edge(value: str) -> str:
            return self.reduce(source, measure.selection, edge, value, "ts")

        return edge_views("properties", measure.property, at_edge, self._frame, self._registry)

    # --- when a value changes by itself ---------------------------------------------------------------------

    def dues(self, measure: Measure, source: Source) -> list[str]:
        """Instants at which the measure's value may change although nothing happens; NULL where it will not."""
        selection = measure.selection
        found = self.crossing_dues(source, selection)
        if measure.function is Function.STREAK:
            length, last = self.streak(selection, source)
            # The last active day is today or yesterday; the streak ends with the day after it.
            ends = self._registry.derive(f"addDays(toDate32({last}), 2)")
            found.append(f"if({length} > 0, {local_time.midnight_of(ends, self._zone)}, NULL)")
        return found

    def crossing_dues(self, source: Source, selection: Selection) -> list[str]:
        """Instants at which events leave or enter the selection's window, or fit its `where` no longer or newly."""
        found = self._dues_of_where(source, selection)
        if isinstance(selection.window, AfterFirst):
            found += self._dues_of_where(source, selection.window.anchor)
            found += self.crossing_dues(source, selection.window.anchor)
        for crossing in crossings(selection.window, self._frame, self._binder):
            stream, condition = self.rows(source, selection.event, selection.where, crossing.bounds)
            found.append(crossing.at(self._registry.add(stream, f"minOrNullIf(ts, {condition})")))
        return found

    def _dues_of_where(self, source: Source, selection: Selection) -> list[str]:
        if selection.where is None:
            return []
        stream, any_where = self.rows(source, selection.event, None, Bounds(None, None))
        now = self._binder.instant(self._frame.now_us)
        found = []
        for each in self._where_dues(selection.where):
            due = self._registry.row(stream, each)
            coming = self._registry.row(stream, f"{any_where} AND ifNull({due} > {now}, false)")
            found.append(self._registry.add(stream, f"minOrNullIf(assumeNotNull({due}), {coming})"))
        return found

    def threshold(self, source: Source, selection: Selection, at_least: int) -> Threshold:
        """`count(selection) >= at_least` and the instant at which it stops by itself, from the latest instants alone.

        Only for windows `in last …` and numbers up to `MOST_LATEST`: the k-th latest event lies in the window exactly
        when there are k of them, and the answer changes when that one event leaves.
        """
        assert isinstance(selection.window, InLast)
        low = bounds(selection.window, self._frame).low
        assert low is not None
        # The bounds are open, so that all windows share one list of instants.
        stream, condition = self.rows(source, selection.event, selection.where, Bounds(None, None), since=low)
        latest = self._registry.add_latest(stream, condition, at_least)
        # Elements are minus microseconds, ascending. One that is not there reads as 0, which is 1970.
        kth = f"{latest}[{at_least}]"
        holds = f"{kth} <= {self._binder.integer(-low)}"
        holds = f"({holds})" if low > 0 else f"(length({latest}) >= {at_least} AND {holds})"
        at = f"fromUnixTimestamp64Micro(-{kth}, 'UTC')"
        holds = self._registry.derive(holds)
        return Threshold(holds, f"if({holds}, {later(at, selection.window.span, self._frame, self._binder)}, NULL)")

    def span_end(self, at: str, span: Span) -> str:
        """Microseconds of `at` (an expression in microseconds) moved on by a span."""
        return (
            "toUnixTimestamp64Micro("
            + later(f"fromUnixTimestamp64Micro({at}, 'UTC')", span, self._frame, self._binder, settle=False)
            + ")"
        )


def edge_views(column: str, name: str, at_edge: Callable[[str], str], frame: Frame, registry: Registry) -> Views:
    """Views of one JSON part at the newest (or oldest) of some rows.

    Args:
        at_edge: gathers the greatest of a row-level expression among the rows at that very instant.
    """
    whole = values.path(column, name)
    binder = registry.binder

    # A pair keeps rows without the part in the race: the newest row decides even when it lacks the part.
    def kept(value: str, nothing: str) -> str:
        pair = at_edge(f"tuple(isNotNull({value}), ifNull({value}, {nothing}))")
        return registry.derive(f"if({pair}.1, {pair}.2, NULL)")

    def text() -> str:
        return kept(values.text(whole), "''")

    def place() -> tuple[str, str]:
        latitude, longitude = place_of(column, name, registry)
        found = f"isNotNull({latitude}) AND isNotNull({longitude})"
        triple = at_edge(f"tuple({found}, ifNull({latitude}, 0), ifNull({longitude}, 0))")
        return f"if({triple}.1, {triple}.2, NULL)", f"if({triple}.1, {triple}.3, NULL)"

    return Views(
        number=lambda: kept(values.number(whole, binder), "0"),
        text=text,
        boolean=lambda: kept(values.boolean(whole), "false"),
        instant=lambda: registry.derive(values.instant(text(), frame.zone.key, binder)),
        has=lambda item, caseless: at_edge(f"toUInt8({values.list_has(whole, item, caseless=caseless)})") + " = 1",
        exists=lambda: at_edge(f"toUInt8({values.exists(column, name)})") + " = 1",
        place=place,
    )


def place_of(column: str, name: str, registry: Registry) -> tuple[str, str]:
    """Row-level latitude and longitude of a JSON part: an object with both, or text `lat,lon`."""
    binder = registry.binder
    whole = values.text(values.path(column, name))

    def coordinate(names: tuple[str, str], index: int, most: int) -> str:
        parts = [values.path(column, f"{name}.{part}") for part in names]
        given = ", ".join(
            f"{values.of_type(part, 'Float64')}, toFloat64({values.of_type(part, 'Int64')})" for part in parts
        )
        pieces = f"splitByChar(',', ifNull({whole}, ''))"
        piece = f"if(length({pieces}) = 2, trimBoth({pieces}[{index}]), NULL)"
        found = f"coalesce({given}, {values.number_of_text(piece, binder)})"
        return f"if(abs({found}) <= {most}, {found}, NULL)"

    return coordinate(("lat", "latitude"), 1, 90), coordinate(("lon", "longitude"), 2, 180)


def _numeric(value: Callable[[], str], *, nullable: bool = False) -> Views:
    return Views(number=value, exists=(lambda: f"isNotNull({value()})") if nullable else (lambda: "true"))


def _textual(value: Callable[[], str]) -> Views:
    return Views(text=value, exists=lambda: f"isNotNull({value()})")


def _day_number(frame: Frame) -> int:
    return frame.today.toordinal() - 719163  # the ordinal of 1970-01-01
