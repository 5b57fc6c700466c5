"""Conditions as functions of a person: whether they hold, and when that may change by itself.

Step of the path: segment, language half. The counterpart of `compiler.py`; a definition that it cannot take is
refused with `NotDirect` and answered by the plan.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ethogram.model.segment import (
    AfterFirst,
    And,
    Anniversary,
    Arithmetic,
    Between,
    Comparator,
    Compare,
    Condition,
    Crossed,
    Definition,
    Did,
    During,
    Entity,
    Exists,
    Function,
    In,
    InLast,
    InSegment,
    InstantWindow,
    Measure,
    Not,
    Number,
    Operand,
    Or,
    Property,
    Quintile,
    Score,
    Selection,
    Sequence,
    TextMatch,
    Top,
    Trait,
)
from ethogram.segment.comparisons import flip
from ethogram.segment.compiler import QUINTILES, Context
from ethogram.segment.direct import looks
from ethogram.segment.direct.calendar import Calendar, Edges
from ethogram.segment.direct.comparisons import Comparisons, Get, Looks, NotDirect, Test
from ethogram.segment.direct.facts import Person
from ethogram.segment.direct.measures import Due, Measures, edge_looks
from ethogram.segment.direct.sequences import Sequences
from ethogram.segment.measures import MOST_LATEST
from ethogram.segment.windows import Frame


@dataclass(frozen=True, slots=True)
class Compiled:
    """Whether a condition holds, and instants (None: never) at which that may change."""

    holds: Test
    dues: tuple[Due, ...] = ()


@dataclass(frozen=True, slots=True)
class Wakes:
    """What may change whether a definition holds, beside time."""

    events: frozenset[str]
    any_event: bool
    traits: bool
    segments: frozenset[int]  # whose recorded entries and exits it looks at

    def by(self, told: Told) -> bool:
        """Whether something of what was told of a profile may change the answer."""
        if self.segments or (told.traits and self.traits):
            return True
        return bool(told.events) and (self.any_event or not self.events.isdisjoint(told.events))


@dataclass(slots=True)
class Told:
    """What new facts tell of a profile: the names of events, and whether traits are among them."""

    events: set[str] = field(default_factory=set)
    traits: bool = False


class Conditions:
    """Compiles definitions over profiles at one instant, and takes them to others.

    Args:
        context: the same that a plan takes; cut-offs that it lacks make a definition `NotDirect`.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._calendar = Calendar(context.frame)
        self._where = Comparisons(self._property_looks)
        self.measures = Measures(self._calendar, self._test_of)
        self._sequences = Sequences(self.measures)
        self._compare = Comparisons(self._looks)
        # What a fetch must bring beside events.
        self.needs_traits = False
        self.segments: set[int] = set()

    def move(self, frame: Frame) -> None:
        """Takes everything that was compiled to another instant of the same zone."""
        self._calendar.move(frame)

    def definition(self, definition: Definition) -> Compiled:
        """A definition over profiles.

        Raises:
            NotDirect: it needs the engine.
        """
        return self.woken(definition)[0]

    def woken(self, definition: Definition) -> tuple[Compiled, Wakes]:
        """A definition over profiles, and what wakes it.

        Raises:
            NotDirect: it needs the engine.
        """
        if definition.entity is Entity.ACCOUNT:
            raise NotDirect
        measures = self.measures
        before = (measures.events, measures.any_event, self.needs_traits, self.segments)
        measures.events, measures.any_event, self.needs_traits, self.segments = set(), False, False, set()
        try:
            compiled = self.compile(definition.condition)
            mine = frozenset(measures.events), measures.any_event, self.needs_traits, frozenset(self.segments)
        finally:
            measures.events |= before[0]
            measures.any_event |= before[1]
            self.needs_traits |= before[2]
            self.segments |= before[3]
        return compiled, Wakes(*mine)

    # --- on one event ---------------------------------------------------------------------------------------

    def _test_of(self, node: Condition) -> Test:
        match node:
            case And(items):
                return _all_of([self._test_of(item) for item in items])
            case Or(items):
                return _any_of([self._test_of(item) for item in items])
            case Not(item):
                test = self._test_of(item)
                return lambda bag: not test(bag)
            case _:
                leaf = self._where.leaf(node)
                if leaf is None:
                    raise NotDirect
                return leaf

    def _property_looks(self, operand: Operand) -> Looks:
        if not isinstance(operand, Property):
            raise NotDirect
        part, zone = looks.part(tuple(operand.name.split("."))), self._context.frame.zone

        def look(how: Callable[[Any], Any]) -> Get:
            return lambda bag: how(part(bag))

        return Looks(
            number=look(looks.number),
            text=look(looks.text),
            boolean=look(looks.boolean),
            instant=lambda bag: looks.instant(part(bag), zone),
            has=lambda bag, item: looks.has(part(bag), item),
            exists=look(looks.exists),
        )

    # --- on one profile -------------------------------------------------------------------------------------

    def _looks(self, operand: Operand) -> Looks:
        match operand:
            case Measure():
                return self.measures.looks(operand)
            case Trait(name, Entity.PROFILE):
                return self._trait(name)
            case Score(name):
                return self._trait(f"$score.{name}")
            case Quintile(inner):
                return self._quintile(inner)
            case _:
                raise NotDirect

    def _trait(self, name: str) -> Looks:
        self.needs_traits = True
        path = tuple(name.split("."))
        return edge_looks(lambda person: person.trait(path), self._calendar)

    def compile(self, node: Condition) -> Compiled:
        """A condition on profiles."""
        match node:
            case And(items):
                inner = [self.compile(item) for item in items]
                return Compiled(_all_of([each.holds for each in inner]), _dues_of(inner))
            case Or(items):
                inner = [self.compile(item) for item in items]
                return Compiled(_any_of([each.holds for each in inner]), _dues_of(inner))
            case Not(item):
                compiled = self.compile(item)
                holds = compiled.holds
                return Compiled(lambda it: not holds(it), compiled.dues)
            case Did(selection, of):
                return self.compile(Compare(Measure(Function.COUNT, selection, of=of), Comparator.GE, Number(1)))
            case Compare():
                return self._counted(node) or Compiled(self._compare.compare(node), self._dues(node.left, node.right))
            case Between(operand, low, high):
                leaf = self._compare.leaf(node)
                assert leaf is not None
                return Compiled(leaf, self._dues(operand, low, high))
            case In(operand) | Exists(operand) | TextMatch(operand):
                leaf = self._compare.leaf(node)
                assert leaf is not None
                return Compiled(leaf, self._dues(operand))
            case During(operand, window):
                return self._during(operand, window)
            case Sequence():
                test, dues = self._sequences.compile(node)
                return Compiled(test, tuple(dues))
            case Top(percent, operand, bottom):
                return self._top(Fraction(str(percent)) / 100, operand, bottom=bottom)
            case InSegment(name):
                return self._in_segment(self._number(name))
            case Crossed(name, left, window):
                return self._crossed(self._number(name), Selection(None, window=window), entered=not left)
            case _:
                raise NotDirect

    def _dues(self, *operands: Operand) -> tuple[Due, ...]:
        found: list[Due] = []
        for operand in operands:
            match operand:
                case Measure():
                    found += self.measures.dues(operand)
                case Arithmetic(_, left, right):
                    found += self._dues(left, right)
                case Quintile(inner):
                    found += self._dues(inner)
                case _:
                    pass
        return tuple(found)

    def _counted(self, node: Compare) -> Compiled | None:
        """Windowed counts against a small whole number, which change when their last event leaves."""
        node = flip(node)
        if not isinstance(node.left, Measure) or node.left.function is not Function.COUNT:
            return None
        if not isinstance(node.right, Number) or node.right.value != int(node.right.value):
            return None
        selection, number = node.left.selection, int(node.right.value)
        if node.left.of is Entity.ACCOUNT or not isinstance(selection.window, InLast) or not 1 <= number < MOST_LATEST:
            return None
        match node.comparator:
            case Comparator.GE | Comparator.LT:
                borders = [number]
            case Comparator.GT | Comparator.LE:
                borders = [number + 1]
            case Comparator.EQ | Comparator.NE:
                borders = [number, number + 1]
            case _:
                return None
        thresholds = [self.measures.threshold(selection, border) for border in borders]
        reaches, *beyond = [holds for holds, _ in thresholds]
        wanted = node.comparator in {Comparator.GE, Comparator.GT, Comparator.EQ}
        dues = tuple(leaves for _, leaves in thresholds)
        if not beyond:
            return Compiled(lambda it: reaches(it) is wanted, dues)
        exceeds = beyond[0]
        return Compiled(lambda it: (reaches(it) and not exceeds(it)) is wanted, dues)

    def _during(self, operand: Operand | Anniversary, window: InstantWindow) -> Compiled:
        if isinstance(operand, Anniversary):
            raise NotDirect
        get = self._compare.looks(operand).instant
        if get is None:
            return Compiled(lambda _: False, self._dues(operand))
        at, within = get, self._calendar.edges(window)

        def holds(person: Person) -> bool:
            found = at(person)
            if found is None or (within.low is not None and found < within.low):
                return False
            return within.high is None or found <= within.high

        def due(move: Callable[[int], int | None]) -> Due:
            return lambda person: None if (found := at(person)) is None else move(found)

        dues = [due(move) for move in self._calendar.during_dues(window)]
        return Compiled(holds, (*self._dues(operand), *dues))

    # --- relative to everybody ------------------------------------------------------------------------------

    def _ranked(self, operand: Operand) -> Get:
        found = self._compare.looks(operand)
        value = found.instant if found.is_instant else found.number
        if value is None:
            raise NotDirect
        get = value
        return lambda it: None if (each := get(it)) is None else float(each)

    def _cutoff(self, operand: Operand, share: Fraction, *, bottom: bool) -> float | None:
        key = (operand, share, bottom)
        if key not in self._context.cutoffs:
            raise NotDirect
        return self._context.cutoffs[key]

    def _top(self, share: Fraction, operand: Operand, *, bottom: bool) -> Compiled:
        ranked, dues = self._ranked(operand), self._dues(operand)
        cutoff = self._cutoff(operand, share, bottom=bottom)
        if cutoff is None:
            return Compiled(lambda _: False, dues)
        edge = cutoff
        if bottom:
            return Compiled(lambda it: (value := ranked(it)) is not None and value <= edge, dues)
        return Compiled(lambda it: (value := ranked(it)) is not None and value >= edge, dues)

    def _quintile(self, operand: Operand) -> Looks:
        ranked = self._ranked(operand)
        cuts = [cut for share in QUINTILES if (cut := self._cutoff(operand, share, bottom=False)) is not None]
        complete = len(cuts) == len(QUINTILES)

        def quintile(person: Person) -> float | None:
            value = ranked(person)
            return 1.0 + sum(value >= cut for cut in cuts) if complete and value is not None else None

        return Looks(number=quintile, exists=lambda person: ranked(person) is not None)

    # --- recorded membership --------------------------------------------------------------------------------

    def _number(self, name: str) -> int:
        number = self._context.numbers.get(name)
        if number is None:
            raise NotDirect
        self.segments.add(number)
        return number

    @staticmethod
    def _in_segment(number: int) -> Compiled:
        return Compiled(lambda person: person.is_in(number))

    def _crossed(self, number: int, selection: Selection, *, entered: bool) -> Compiled:
        if isinstance(selection.window, AfterFirst):
            raise NotDirect

        def instants(within: Edges) -> Callable[[Person], list[int]]:
            def found(person: Person) -> list[int]:
                ts = person.changes(number, entered=entered)
                start = 0 if within.low is None else bisect_left(ts, within.low)
                return ts[start : len(ts) if within.high is None else bisect_right(ts, within.high)]

            return found

        def due(within: Edges, moved: Callable[[int], int]) -> Due:
            crossing = instants(within)
            return lambda person: moved(found[0]) if (found := crossing(person)) else None

        inside = instants(self._calendar.edges(selection.window))
        dues = tuple(due(within, moved) for within, moved in self._calendar.crossings(selection.window))
        return Compiled(lambda person: bool(inside(person)), dues)


def _dues_of(compiled: list[Compiled]) -> tuple[Due, ...]:
    return tuple(due for each in compiled for due in each.dues)


# A loop with a generator takes twice as long as the tests that it asks.
def _all_of(tests: list[Test]) -> Test:
    def holds(it: Any) -> bool:
        for test in tests:  # noqa: SIM110
            if not test(it):
                return False
        return True

    return holds


def _any_of(tests: list[Test]) -> Test:
    def holds(it: Any) -> bool:
        for test in tests:  # noqa: SIM110
            if test(it):
                return True
        return False

    return holds
