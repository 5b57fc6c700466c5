"""Segments written in Python: `count("purchase").where(prop("price") > 20).last(90, "days") >= 3`.

Step of the path: segment, language half. Builds nodes; `repr` of every piece is the text of the language and
`.definition` the checked definition. Nothing is evaluated here: `==`, `>` and `&` make conditions, not answers.

>>> count("purchase").where(prop("price") > 20).last(90, "days") >= 3
count(purchase where price > 20 in last 90 days) >= 3
>>> did("signup").this("month") & ~(trait("plan") == "pro")
did(signup in this month) and not (plan = 'pro')
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NoReturn, Self, TypeAlias

from ethogram.errors import SegmentError
from ethogram.model import segment as model
from ethogram.model.segment import Comparator, Condition, Definition, Entity, Function, Operand, Operator, Selection
from ethogram.segment.checker import check
from ethogram.segment.printer import condition_to_text, operand_to_text
from ethogram.segment.syntax import UNITS, nearest, read_moment, whole_if_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

Given: TypeAlias = "Value | int | float | str | bool"
Date: TypeAlias = "dt.date | dt.datetime | str"


def _span(amount: int, unit: str) -> model.Span:
    if unit not in UNITS:
        near = nearest(unit, UNITS)
        raise SegmentError(f"`{unit}` is no unit of time", hint=f"Did you mean '{near}'?" if near else None)
    return model.Span(amount, UNITS[unit])


def _moment(date: Date) -> model.Moment:
    if isinstance(date, str):
        try:
            return model.Moment(read_moment(date))
        except ValueError as problem:
            raise SegmentError(str(problem), hint="Write '2026-01-31' or '2026-01-31T18:00:00Z'.") from None
    if isinstance(date, dt.datetime):
        if date.utcoffset() is None:
            raise SegmentError(f"the instant {date.isoformat()} has no time zone", hint="Give it a tzinfo.")
        return model.Moment(date.astimezone(dt.UTC))
    return model.Moment(date)


def _operand(given: Given) -> Operand:
    if isinstance(given, Value):
        return given.operand
    if isinstance(given, bool):
        return model.Boolean(given)
    if isinstance(given, int):
        return model.Number(given)
    if isinstance(given, float):
        return model.Number(whole_if_whole(given))
    if isinstance(given, str):
        return model.Text(given)
    raise SegmentError(f"`{given!r}` is no value of the language", hint="Use numbers, texts, True, False or measures.")


def _literal(given: float | str | bool) -> model.Literal:  # noqa: FBT001 - it is the value itself
    operand = _operand(given)
    if not isinstance(operand, model.Number | model.Text | model.Boolean):
        raise SegmentError("a list holds fixed values only")
    return operand


class Test:
    """A condition; join with `&` and `|`, turn round with `~`."""

    __test__: ClassVar[bool] = False  # pytest: this is no test case

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    @property
    def definition(self) -> Definition:
        """The checked definition over profiles.

        Raises:
            SegmentError: The condition makes no sense.
        """
        definition = Definition(self.condition)
        check(definition)
        return definition

    @property
    def account_definition(self) -> Definition:
        """The checked definition over accounts (`for account: …`).

        Raises:
            SegmentError: The condition makes no sense.
        """
        definition = Definition(self.condition, Entity.ACCOUNT)
        check(definition)
        return definition

    def __and__(self, other: Test) -> Test:
        return Test(model.And((*_items(self, model.And), *_items(other, model.And))))

    def __or__(self, other: Test) -> Test:
        return Test(model.Or((*_items(self, model.Or), *_items(other, model.Or))))

    def __invert__(self) -> Test:
        return Test(model.Not(self.condition))

    def __bool__(self) -> NoReturn:
        raise TypeError("a condition is neither true nor false: use & | ~ instead of and, or, not, and no chains")

    def __repr__(self) -> str:
        return condition_to_text(self.condition)


def _items(test: Test, kind: type[model.And | model.Or]) -> tuple[Condition, ...]:
    condition = test.condition
    if isinstance(condition, model.And | model.Or) and type(condition) is kind:
        return condition.items
    return (condition,)


class Windowed:
    """What has a window of events; a new window replaces the one before."""

    def _within(self, window: model.Window) -> Self:
        raise NotImplementedError

    def last(self, amount: int, unit: str) -> Self:
        """`in last 30 days`."""
        return self._within(model.InLast(_span(amount, unit)))

    def before_last(self, amount: int, unit: str, shift: int, shift_unit: str) -> Self:
        """`in 14 days before last 14 days`."""
        return self._within(model.InPreceding(_span(amount, unit), _span(shift, shift_unit)))

    def ago(self, amount: int, unit: str) -> Self:
        """`before 30 days ago`."""
        return self._within(model.BeforeAgo(_span(amount, unit)))

    def this(self, unit: str) -> Self:
        """`in this month`; a day is today."""
        return self._within(model.InCalendar(model.CalendarUnit(unit)))

    def previous(self, unit: str) -> Self:
        """`in previous month`; a day is yesterday."""
        return self._within(model.InCalendar(model.CalendarUnit(unit), previous=True))

    def dates(self, start: Date, end: Date) -> Self:
        """`between 2026-01-01 and 2026-01-31`."""
        return self._within(model.BetweenMoments(_moment(start), _moment(end)))

    def since(self, start: Date) -> Self:
        """`since 2026-01-01`."""
        return self._within(model.Since(_moment(start)))

    def until(self, end: Date) -> Self:
        """`before 2026-01-01`."""
        return self._within(model.Before(_moment(end)))

    def after_first(self, amount: int, unit: str, anchor: Did) -> Self:
        """`in first 7 days after first(signup)`; the anchor is given as `did("signup")`."""
        return self._within(model.AfterFirst(_span(amount, unit), anchor.did.selection))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Value:
    """Something that has a value: compare it, calculate with it, test it."""

    operand: Operand

    def __repr__(self) -> str:
        return operand_to_text(self.operand)

    def _compare(self, comparator: Comparator, other: Given) -> Test:
        return Test(model.Compare(self.operand, comparator, _operand(other)))

    def __eq__(self, other: Given) -> Test:  # type: ignore[override]
        return self._compare(Comparator.EQ, other)

    def __ne__(self, other: Given) -> Test:  # type: ignore[override]
        return self._compare(Comparator.NE, other)

    __hash__ = None  # type: ignore[assignment] # `==` makes a condition

    def __lt__(self, other: Given) -> Test:
        return self._compare(Comparator.LT, other)

    def __le__(self, other: Given) -> Test:
        return self._compare(Comparator.LE, other)

    def __gt__(self, other: Given) -> Test:
        return self._compare(Comparator.GT, other)

    def __ge__(self, other: Given) -> Test:
        return self._compare(Comparator.GE, other)

    def same_text(self, other: Given) -> Test:
        """`city ~= 'paris'`: equal, capitals or not."""
        return self._compare(Comparator.EQ_CASELESS, other)

    def other_text(self, other: Given) -> Test:
        """`city !~= 'paris'`."""
        return self._compare(Comparator.NE_CASELESS, other)

    def __add__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.ADD, self.operand, _operand(other)))

    def __radd__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.ADD, _operand(other), self.operand))

    def __sub__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.SUBTRACT, self.operand, _operand(other)))

    def __rsub__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.SUBTRACT, _operand(other), self.operand))

    def __mul__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.MULTIPLY, self.operand, _operand(other)))

    def __rmul__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.MULTIPLY, _operand(other), self.operand))

    def __truediv__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.DIVIDE, self.operand, _operand(other)))

    def __rtruediv__(self, other: Given) -> Value:
        return Value(model.Arithmetic(Operator.DIVIDE, _operand(other), self.operand))

    def is_in(self, values: Iterable[float | str | bool], *, caseless: bool = False) -> Test:
        """`country in ('SE', 'NO')`."""
        return Test(model.In(self.operand, tuple(map(_literal, values)), caseless=caseless))

    def not_in(self, values: Iterable[float | str | bool], *, caseless: bool = False) -> Test:
        """`country not in ('SE', 'NO')`."""
        return Test(model.In(self.operand, tuple(map(_literal, values)), negated=True, caseless=caseless))

    def between(self, low: Given, high: Given) -> Test:
        """`hour(login) between 18 and 23`, both ends included."""
        return Test(model.Between(self.operand, _operand(low), _operand(high)))

    def exists(self) -> Test:
        """`email exists`."""
        return Test(model.Exists(self.operand))

    def contains(self, text: str, *, caseless: bool = False) -> Test:
        """`email contains '@'`."""
        return Test(model.TextMatch(self.operand, model.TextTest.CONTAINS, text, caseless))

    def starts_with(self, text: str, *, caseless: bool = False) -> Test:
        """`email starts with 'info'`."""
        return Test(model.TextMatch(self.operand, model.TextTest.STARTS_WITH, text, caseless))

    def ends_with(self, text: str, *, caseless: bool = False) -> Test:
        """`email ends with '.org'`."""
        return Test(model.TextMatch(self.operand, model.TextTest.ENDS_WITH, text, caseless))

    def matches(self, pattern: str, *, caseless: bool = False) -> Test:
        """`email matches '[0-9]'`: a regular expression of RE2, found anywhere."""
        return Test(model.TextMatch(self.operand, model.TextTest.MATCHES, pattern, caseless))

    def near(self, kilometres: float, latitude: float, longitude: float) -> Test:
        """`location within 5 km of (59.3293, 18.0686)`."""
        return Test(model.Near(self.operand, *map(whole_if_whole_of, (kilometres, latitude, longitude))))

    @property
    def date(self) -> DateValue:
        """The value as a date, to test with windows: `trait("signup_date").date.last(7, "days")`."""
        return DateValue(self.operand)


def whole_if_whole_of(value: float) -> int | float:
    """An int as it is, a float as the int that it equals, if any."""
    return value if isinstance(value, int) else whole_if_whole(value)


@dataclass(frozen=True, slots=True, eq=False)
class DateValue:
    """A date to test with windows."""

    operand: Operand | model.Anniversary

    def _during(self, window: model.InstantWindow) -> Test:
        return Test(model.During(self.operand, window))

    def last(self, amount: int, unit: str) -> Test:
        """`in last 7 days`."""
        return self._during(model.InLast(_span(amount, unit)))

    def next(self, amount: int, unit: str) -> Test:
        """`in next 7 days`."""
        return self._during(model.InNext(_span(amount, unit)))

    def before_last(self, amount: int, unit: str, shift: int, shift_unit: str) -> Test:
        """`in 14 days before last 14 days`."""
        return self._during(model.InPreceding(_span(amount, unit), _span(shift, shift_unit)))

    def ago(self, amount: int, unit: str) -> Test:
        """`before 30 days ago`."""
        return self._during(model.BeforeAgo(_span(amount, unit)))

    def this(self, unit: str) -> Test:
        """`in this month`; a day is today."""
        return self._during(model.InCalendar(model.CalendarUnit(unit)))

    def previous(self, unit: str) -> Test:
        """`in previous month`; a day is yesterday."""
        return self._during(model.InCalendar(model.CalendarUnit(unit), previous=True))

    def dates(self, start: Date, end: Date) -> Test:
        """`between 2026-01-01 and 2026-01-31`."""
        return self._during(model.BetweenMoments(_moment(start), _moment(end)))

    def since(self, start: Date) -> Test:
        """`since 2026-01-01`."""
        return self._during(model.Since(_moment(start)))

    def until(self, end: Date) -> Test:
        """`before 2026-01-01`."""
        return self._during(model.Before(_moment(end)))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeasureValue(Value, Windowed):
    """A measure over events; narrow the events with `where` and a window, then compare it."""

    operand: model.Measure

    def where(self, *tests: Test) -> MeasureValue:
        """`where price > 20`; several tests must all hold."""
        selection = replace(self.operand.selection, where=_where(self.operand.selection.where, tests))
        return MeasureValue(replace(self.operand, selection=selection))

    def _within(self, window: model.Window) -> MeasureValue:
        return MeasureValue(replace(self.operand, selection=replace(self.operand.selection, window=window)))


class Did(Test, Windowed):
    """`did(purchase …)`."""

    def __init__(self, condition: model.Did) -> None:
        super().__init__(condition)
        self.did = condition

    def where(self, *tests: Test) -> Did:
        """`where price > 20`; several tests must all hold."""
        selection = replace(self.did.selection, where=_where(self.did.selection.where, tests))
        return Did(replace(self.did, selection=selection))

    def _within(self, window: model.Window) -> Did:
        return Did(replace(self.did, selection=replace(self.did.selection, window=window)))


class SequenceTest(Test, Windowed):
    """`sequence(view, purchase) …`."""

    def __init__(self, condition: model.Sequence) -> None:
        super().__init__(condition)
        self.sequence = condition

    def _within(self, window: model.Window) -> SequenceTest:
        return SequenceTest(replace(self.sequence, window=window))


class CrossedTest(Test, Windowed):
    """`entered('vip' …)`, `left('vip' …)`."""

    def __init__(self, condition: model.Crossed) -> None:
        super().__init__(condition)
        self.crossed = condition

    def _within(self, window: model.Window) -> CrossedTest:
        return CrossedTest(replace(self.crossed, window=window))


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """One step of a sequence; `~` negates it."""

    step: model.Step

    def where(self, *tests: Test) -> SequenceStep:
        """`where price > 20`; several tests must all hold."""
        return SequenceStep(replace(self.step, where=_where(self.step.where, tests)))

    def within(self, amount: int, unit: str) -> SequenceStep:
        """`within 1 hour`."""
        return SequenceStep(replace(self.step, within=_span(amount, unit)))

    def __invert__(self) -> SequenceStep:
        return SequenceStep(replace(self.step, negated=not self.step.negated))


def _where(before: Condition | None, tests: tuple[Test, ...]) -> Condition | None:
    joined = Test(before) if before is not None else None
    for test in tests:
        joined = test if joined is None else joined & test
    return None if joined is None else joined.condition


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose events and traits are meant: the profile's (the functions of this module) or its `account`'s."""

    of: Entity

    def _measure(self, function: Function, event: str | None, path: str | None = None) -> MeasureValue:
        return MeasureValue(model.Measure(function, Selection(event), path, self.of))

    def count(self, event: str | None = None) -> MeasureValue:
        """`count(purchase)`; without an event, of any."""
        return self._measure(Function.COUNT, event)

    def sum(self, event: str | None, prop: str) -> MeasureValue:
        """`sum(purchase.amount)`."""
        return self._measure(Function.SUM, event, prop)

    def avg(self, event: str | None, prop: str) -> MeasureValue:
        """`avg(purchase.amount)`."""
        return self._measure(Function.AVG, event, prop)

    def min(self, event: str | None, prop: str) -> MeasureValue:
        """`min(purchase.amount)`."""
        return self._measure(Function.MIN, event, prop)

    def max(self, event: str | None, prop: str) -> MeasureValue:
        """`max(purchase.amount)`."""
        return self._measure(Function.MAX, event, prop)

    def median(self, event: str | None, prop: str) -> MeasureValue:
        """`median(purchase.amount)`."""
        return self._measure(Function.MEDIAN, event, prop)

    def distinct(self, event: str | None, prop: str) -> MeasureValue:
        """`distinct(view.product_id)`."""
        return self._measure(Function.DISTINCT, event, prop)

    def favorite(self, event: str | None, prop: str) -> MeasureValue:
        """`favorite(view.category)`."""
        return self._measure(Function.FAVORITE, event, prop)

    def first(self, event: str | None = None, prop: str | None = None) -> MeasureValue:
        """`first(session)`: its instant, or with `prop` a property of it."""
        return self._measure(Function.FIRST, event, prop)

    def latest(self, event: str | None = None, prop: str | None = None) -> MeasureValue:
        """`last(session)`: its instant, or with `prop` a property of it."""
        return self._measure(Function.LAST, event, prop)

    def active_days(self, event: str | None = None) -> MeasureValue:
        """`active_days(any)`."""
        return self._measure(Function.ACTIVE_DAYS, event)

    def streak(self, event: str | None = None) -> MeasureValue:
        """`streak(login)`."""
        return self._measure(Function.STREAK, event)

    def gap(self, event: str | None = None) -> MeasureValue:
        """`gap(purchase)`, to compare with `length(45, "days")`."""
        return self._measure(Function.GAP, event)

    def hour(self, event: str | None = None) -> MeasureValue:
        """`hour(login)`: 0 to 23."""
        return self._measure(Function.HOUR, event)

    def weekday(self, event: str | None = None) -> MeasureValue:
        """`weekday(purchase)`: 'mon' to 'sun'."""
        return self._measure(Function.WEEKDAY, event)

    def trait(self, name: str) -> Value:
        """A trait: `plan`, or `account.plan`."""
        return Value(model.Trait(name, self.of))

    def did(self, event: str | None = None) -> Did:
        """`did(purchase)`."""
        return Did(model.Did(Selection(event), self.of))

    def sequence(self, *steps: str | SequenceStep) -> SequenceTest:
        """`sequence(view, purchase)`; steps are names or `step(…)`."""
        taken = tuple(model.Step(item) if isinstance(item, str) else item.step for item in steps)
        return SequenceTest(model.Sequence(taken, None, self.of))


profile = Owner(Entity.PROFILE)
account = Owner(Entity.ACCOUNT)

count, median, distinct, favorite = profile.count, profile.median, profile.distinct, profile.favorite
avg, sum, min, max = profile.avg, profile.sum, profile.min, profile.max  # noqa: A001 - the language's own words
first, last, active_days, streak = profile.first, profile.latest, profile.active_days, profile.streak
gap, hour, weekday = profile.gap, profile.hour, profile.weekday
trait, did, sequence = profile.trait, profile.did, profile.sequence


def prop(name: str) -> Value:
    """A property of the event at hand, inside `where`."""
    return Value(model.Property(name))


def score(name: str) -> Value:
    """`score(churn)`."""
    return Value(model.Score(name))


def quintile(value: Value) -> Value:
    """`quintile(sum(purchase.amount))`: 1 to 5."""
    return Value(model.Quintile(value.operand))


def length(amount: int, unit: str) -> Value:
    """A length of time to compare `gap` with."""
    return Value(model.Duration(_span(amount, unit)))


def anniversary(value: Value) -> DateValue:
    """`anniversary(birthday)`, to test with `.next(7, "days")`."""
    if not isinstance(value.operand, model.Trait | model.Measure):
        raise SegmentError("an anniversary is that of a trait, or of first(…) or last(…)")
    return DateValue(model.Anniversary(value.operand))


def step(event: str | None = None) -> SequenceStep:
    """A step of a sequence, to narrow with `.where(…)` and `.within(…)` and to negate with `~`."""
    return SequenceStep(model.Step(event))


def top(percent: float, value: Value) -> Test:
    """`top(10%, sum(purchase.amount))`."""
    return Test(model.Top(whole_if_whole_of(percent), value.operand))


def bottom(percent: float, value: Value) -> Test:
    """`bottom(10%, sum(purchase.amount))`."""
    return Test(model.Top(whole_if_whole_of(percent), value.operand, bottom=True))


def in_segment(name: str) -> Test:
    """`in_segment('vip')`."""
    return Test(model.InSegment(name))


def entered(name: str) -> CrossedTest:
    """`entered('vip')`."""
    return CrossedTest(model.Crossed(name))


def left(name: str) -> CrossedTest:
    """`left('vip')`."""
    return CrossedTest(model.Crossed(name, left=True))


def of_definition(definition: Definition) -> Test:
    """A definition as a condition to build on."""
    return Test(definition.condition)
