"""Hypothesis strategies for definitions: every kind of node, always such as the checker takes.

`definitions()` speaks of any names; give it names to restrict it to those of a history.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from ethogram.model import segment as s

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.one_of(
    st.sampled_from(
        ["purchase", "plan", "Order Completed", "where", "count", "account", "any", "not", 'a "quoted" one', "$screen"]
    ),
    st.sampled_from(["in", "köp", "add-to-cart", "`tick`", "it's", "\n", "\x00", "🛒", "true", "2024", "_x1", "last"]),
    TEXT.filter(bool),
)
PATHS = st.one_of(NAMES, st.lists(NAMES, min_size=2, max_size=3).map(".".join))
INTEGERS = st.one_of(st.integers(-10, 1000), st.integers(-(2**63) + 1, 2**63 - 1))
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not value.is_integer())
SPANS = st.builds(s.Span, st.one_of(st.integers(1, 90), st.just(100_000)), st.sampled_from(s.Unit))
DATES = st.dates(dt.date(1901, 1, 1), dt.date(2298, 12, 31))
INSTANTS = st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2298, 12, 31)).map(
    lambda value: value.replace(tzinfo=dt.UTC)
)


@dataclass(frozen=True)
class Names:
    """The names that definitions may speak of; all of them may be anything by default."""

    events: SearchStrategy[str] = field(default_factory=lambda: NAMES)
    properties: SearchStrategy[str] = field(default_factory=lambda: PATHS)
    traits: SearchStrategy[str] = field(default_factory=lambda: PATHS)
    segments: SearchStrategy[str] = field(default_factory=lambda: NAMES)
    scores: SearchStrategy[str] = field(default_factory=lambda: NAMES)
    texts: SearchStrategy[str] = field(default_factory=lambda: TEXT)
    numbers: SearchStrategy[int | float] = field(default_factory=lambda: st.one_of(INTEGERS, FLOATS))


def definitions(names: Names | None = None, *, depth: int = 3) -> SearchStrategy[s.Definition]:
    """Definitions over profiles or accounts; `depth` limits the `and`, `or` and `not` inside each other."""
    names = names or Names()
    return st.one_of(
        st.builds(s.Definition, conditions(names, depth=depth), st.just(s.Entity.PROFILE)),
        st.builds(s.Definition, conditions(names, depth=depth, accounts=False), st.just(s.Entity.ACCOUNT)),
    )


def conditions(names: Names, *, depth: int = 3, accounts: bool = True) -> SearchStrategy[s.Condition]:
    """Conditions on profiles; `accounts` says whether they may speak of the profile's account."""
    return _Language(names, accounts=accounts).conditions(depth)


class _Language:
    def __init__(self, names: Names, *, accounts: bool) -> None:
        self.names = names
        self.of = st.sampled_from(s.Entity) if accounts else st.just(s.Entity.PROFILE)
        self.events = st.one_of(st.none(), names.events)
        self.numbers = st.builds(s.Number, names.numbers)
        self.texts = st.builds(s.Text, names.texts)
        self.booleans = st.builds(s.Boolean, st.booleans())

    # --- conditions ---

    def conditions(self, depth: int) -> SearchStrategy[s.Condition]:
        return _junctions(st.one_of(self.tests(), self.people()), depth)

    def people(self) -> SearchStrategy[s.Condition]:
        return st.one_of(
            st.builds(s.Did, self.selections(), self.of),
            self.sequences(),
            st.builds(s.Top, st.one_of(st.integers(1, 100), st.just(12.5)), self.ranked(), st.booleans()),
            st.builds(s.InSegment, self.names.segments),
            st.builds(s.Crossed, self.names.segments, st.booleans(), st.one_of(st.none(), self.plain_windows())),
        )

    def tests(self) -> SearchStrategy[s.Condition]:
        opened = st.one_of(self.traits(), self.open_measures())
        lengths = self.lengths()
        spans = st.builds(s.Duration, SPANS)
        weekday = self.measures(s.Function.WEEKDAY)
        instants = st.one_of(self.measures(s.Function.FIRST), self.measures(s.Function.LAST))
        return st.one_of(
            self.value_tests(opened),
            st.builds(s.Compare, self.number_values(), _ORDERED, st.one_of(self.numbers, self.number_values())),
            st.builds(s.Compare, self.numbers, _ORDERED, self.number_values()),
            st.builds(s.Compare, lengths, _ORDERED, st.one_of(spans, lengths)),
            st.builds(s.Between, lengths, spans, spans),
            st.builds(s.Compare, weekday, _EQUALITY, st.builds(s.Text, _WEEKDAYS)),
            st.builds(s.In, weekday, _tuples(st.builds(s.Text, _WEEKDAYS)), st.booleans(), st.booleans()),
            st.builds(s.Exists, st.one_of(self.number_values(), instants)),
            st.builds(s.During, st.one_of(opened_dates(self), instants), self.instant_windows(future=False)),
            st.builds(s.During, self.traits(), self.instant_windows()),
            st.builds(s.During, st.builds(s.Anniversary, st.one_of(self.traits(), instants)), _DAY_WINDOWS),
        )

    def value_tests(self, operands: SearchStrategy[s.Operand]) -> SearchStrategy[s.Condition]:
        """Tests of operands that can hold anything."""
        literals = st.one_of(self.numbers, self.texts)
        lists = st.one_of(_tuples(self.numbers), _tuples(self.texts), _tuples(self.booleans))
        search = st.sampled_from([test for test in s.TextTest if test is not s.TextTest.MATCHES])
        return st.one_of(
            st.builds(s.Compare, operands, _ORDERED, st.one_of(literals, operands)),
            st.builds(s.Compare, literals, _ORDERED, operands),
            st.builds(s.Compare, operands, st.sampled_from([s.Comparator.EQ, s.Comparator.NE]), self.booleans),
            st.builds(s.Compare, operands, _CASELESS, st.one_of(self.texts, operands)),
            st.builds(s.In, operands, lists, st.booleans()),
            st.builds(s.In, operands, _tuples(self.texts), st.booleans(), st.just(True)),
            st.tuples(self.numbers, self.numbers, operands).map(_between),
            st.builds(s.Exists, operands),
            st.builds(s.TextMatch, operands, search, self.names.texts, st.booleans()),
            st.builds(s.TextMatch, operands, st.just(s.TextTest.MATCHES), _PATTERNS, st.booleans()),
            st.builds(
                s.Near,
                operands,
                st.sampled_from([1, 5, 0.25]),
                st.sampled_from([-90, 0, 59.33]),
                st.integers(-180, 180),
            ),
        )

    def wheres(self) -> SearchStrategy[s.Condition]:
        """Conditions on an event's properties."""
        properties = st.builds(s.Property, self.names.properties)
        tests = st.one_of(
            self.value_tests(properties),
            st.builds(s.Compare, _arithmetic(st.one_of(properties, self.numbers), properties), _ORDERED, self.numbers),
            st.builds(s.During, properties, self.instant_windows()),
        )
        return _junctions(tests, 1)

    def sequences(self) -> SearchStrategy[s.Condition]:
        where = st.one_of(st.none(), self.wheres())
        within = st.one_of(st.none(), SPANS)
        first = st.builds(s.Step, self.events, where)
        later = st.builds(s.Step, self.events, where, st.just(False), within)
        never = st.builds(s.Step, self.events, where, st.just(True))
        closing = st.builds(s.Step, self.events, where, st.just(True), SPANS)
        middle = st.lists(st.one_of(later.map(lambda step: (step,)), st.tuples(never, later)), max_size=2)
        middles = middle.map(lambda groups: tuple(step for group in groups for step in group))
        steps = st.builds(lambda a, b, c: (a, *b, c), first, middles, st.one_of(later, closing))
        return st.builds(s.Sequence, steps, st.one_of(st.none(), self.windows()), self.of)

    # --- operands ---

    def traits(self) -> SearchStrategy[s.Trait]:
        return st.builds(s.Trait, self.names.traits, self.of)

    def measures(self, function: s.Function) -> SearchStrategy[s.Measure]:
        path = self.names.properties if function in s.NEEDS_PROPERTY else st.none()
        return st.builds(s.Measure, st.just(function), self.selections(), path, self.of)

    def open_measures(self) -> SearchStrategy[s.Measure]:
        function = st.sampled_from([s.Function.FAVORITE, s.Function.FIRST, s.Function.LAST])
        return st.builds(s.Measure, function, self.selections(), self.names.properties, self.of)

    def number_values(self) -> SearchStrategy[s.Operand]:
        """Operands that are numbers for each person."""
        measures = st.one_of([self.measures(function) for function in _NUMERIC])
        plain = st.one_of(measures, st.builds(s.Score, self.names.scores))
        return st.one_of(
            plain,
            st.builds(s.Quintile, self.ranked()),
            _arithmetic(st.one_of(plain, self.numbers, self.traits()), plain),
        )

    def ranked(self) -> SearchStrategy[s.Operand]:
        return st.one_of([self.traits()] + [self.measures(f) for f in (*_NUMERIC, s.Function.GAP, s.Function.LAST)])

    def lengths(self) -> SearchStrategy[s.Operand]:
        gap = self.measures(s.Function.GAP)
        return st.one_of(gap, st.builds(s.Arithmetic, st.just(s.Operator.MULTIPLY), self.numbers, gap))

    # --- selections and windows ---

    def selections(self) -> SearchStrategy[s.Selection]:
        return st.builds(
            s.Selection, self.events, st.one_of(st.none(), self.wheres()), st.one_of(st.none(), self.windows())
        )

    def windows(self) -> SearchStrategy[s.Window]:
        where = st.one_of(st.none(), self.wheres())
        anchor = st.builds(s.Selection, self.events, where, st.one_of(st.none(), self.plain_windows()))
        return st.one_of(self.plain_windows(), st.builds(s.AfterFirst, SPANS, anchor))

    def plain_windows(self) -> SearchStrategy[s.Window]:
        return st.one_of(_RELATIVE_WINDOWS, _FIXED_WINDOWS)

    def instant_windows(self, *, future: bool = True) -> SearchStrategy[s.InstantWindow]:
        windows = st.one_of(_RELATIVE_WINDOWS, _FIXED_WINDOWS)
        return st.one_of(windows, st.builds(s.InNext, SPANS)) if future else windows


def opened_dates(language: _Language) -> SearchStrategy[s.Operand]:
    """A property of the first or last event, as a date."""
    function = st.sampled_from([s.Function.FIRST, s.Function.LAST])
    return st.builds(s.Measure, function, language.selections(), language.names.properties, language.of)


def _junctions(tests: SearchStrategy[s.Condition], depth: int) -> SearchStrategy[s.Condition]:
    if depth == 0:
        return tests
    inner = _junctions(tests, depth - 1)
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        tests,
        tests,
        st.builds(s.Not, inner),
        several.map(lambda items: s.And(_spliced(s.And, items))),
        several.map(lambda items: s.Or(_spliced(s.Or, items))),
    )


def _spliced(kind: type[s.And | s.Or], items: list[s.Condition]) -> tuple[s.Condition, ...]:
    """What stands directly inside another of its kind, in its place.

    Filtering such items would do as well; but a filter that finds nothing tells what it filters, and that takes
    gigabytes for strategies as deep as these.
    """
    return tuple(part for item in items for part in (item.items if isinstance(item, kind) else (item,)))


def _arithmetic(sides: SearchStrategy[s.Operand], needed: SearchStrategy[s.Operand]) -> SearchStrategy[s.Operand]:
    operator = st.sampled_from(s.Operator)
    flat = st.one_of(st.builds(s.Arithmetic, operator, needed, sides), st.builds(s.Arithmetic, operator, sides, needed))
    return st.one_of(
        flat, st.builds(s.Arithmetic, operator, flat, sides), st.builds(s.Arithmetic, operator, sides, flat)
    )


def _tuples(values: SearchStrategy[s.Literal]) -> SearchStrategy[tuple[s.Literal, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


def _between(parts: tuple[s.Number, s.Number, s.Operand]) -> s.Condition:
    low, high = sorted(parts[:2], key=lambda number: number.value)
    return s.Between(parts[2], low, high)


def _period(days: tuple[dt.date, dt.date]) -> s.Window:
    return s.BetweenMoments(s.Moment(min(days)), s.Moment(max(days)))


_ORDERED = st.sampled_from([c for c in s.Comparator if c not in {s.Comparator.EQ_CASELESS, s.Comparator.NE_CASELESS}])
_EQUALITY = st.sampled_from([s.Comparator.EQ, s.Comparator.NE, s.Comparator.EQ_CASELESS, s.Comparator.NE_CASELESS])
_CASELESS = st.sampled_from([s.Comparator.EQ_CASELESS, s.Comparator.NE_CASELESS])
_WEEKDAYS = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
_PATTERNS = st.sampled_from(["", "^a.*z$", "[0-9]{2,3}", "(?i)pro|team", r"\d+\.\d+", "it's"])
_NUMERIC = (
    *(s.Function.COUNT, s.Function.SUM, s.Function.AVG, s.Function.MIN, s.Function.MAX, s.Function.MEDIAN),
    *(s.Function.DISTINCT, s.Function.ACTIVE_DAYS, s.Function.STREAK, s.Function.HOUR),
)
_MOMENTS = st.builds(s.Moment, st.one_of(DATES, INSTANTS))
_FIXED_WINDOWS: SearchStrategy[s.BetweenMoments | s.Since | s.Before] = st.one_of(
    st.tuples(DATES, DATES).map(_period),
    st.tuples(INSTANTS, INSTANTS).map(_period),
    st.builds(s.Since, _MOMENTS),
    st.builds(s.Before, _MOMENTS),
)
_CALENDAR = st.builds(s.InCalendar, st.sampled_from(s.CalendarUnit), st.booleans())
_RELATIVE_WINDOWS: SearchStrategy[s.InLast | s.InPreceding | s.BeforeAgo | s.InCalendar] = st.one_of(
    st.builds(s.InLast, SPANS), st.builds(s.InPreceding, SPANS, SPANS), st.builds(s.BeforeAgo, SPANS), _CALENDAR
)
_DAY_SPANS = st.builds(
    s.Span, st.integers(1, 60), st.sampled_from([s.Unit.DAY, s.Unit.WEEK, s.Unit.MONTH, s.Unit.YEAR])
)
_DAY_WINDOWS: SearchStrategy[s.InstantWindow] = st.one_of(
    st.builds(s.InNext, _DAY_SPANS), st.builds(s.InLast, _DAY_SPANS), _CALENDAR
)

__all__ = ["Names", "conditions", "definitions"]
