"""Generated definitions whose results are rarely trivial, because they speak of what the generated worlds hold.

Builds nodes directly, never through the text form, one draw after the other (a tree of strategies would be built
anew for each scene, which takes seconds). Thresholds, literals, spans and dates come from the same small
vocabulary as `histories.py`; what the checker would refuse is not built.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from hypothesis import strategies as st

from ethogram.model import segment as s
from oracle import histories
from oracle.windows import local_date

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn

    from oracle.histories import Scene

COMPARATORS = (
    s.Comparator.EQ,
    s.Comparator.NE,
    s.Comparator.LT,
    s.Comparator.LE,
    s.Comparator.GT,
    s.Comparator.GE,
)
EQUALITIES = (s.Comparator.EQ, s.Comparator.NE)
TEXT_COMPARATORS = (*COMPARATORS, s.Comparator.EQ_CASELESS, s.Comparator.NE_CASELESS)
PATTERNS = ("^b", "o+k", "[0-9]", "s$", "tv|free", "^.r", "i.f")
PIECES = ("o", "B", "oo", "12", "", "Å", "r", "'")
STEP_SPANS = (s.Span(1, s.Unit.HOUR), s.Span(30, s.Unit.MINUTE), s.Span(1, s.Unit.DAY), s.Span(1, s.Unit.MONTH))
ANNIVERSARY_SPANS = (
    s.Span(1, s.Unit.DAY),
    s.Span(7, s.Unit.DAY),
    s.Span(2, s.Unit.WEEK),
    s.Span(1, s.Unit.MONTH),
    s.Span(1, s.Unit.YEAR),
)
COUNTING = (s.Function.COUNT, s.Function.ACTIVE_DAYS, s.Function.STREAK)
NUMERIC = (s.Function.SUM, s.Function.AVG, s.Function.MIN, s.Function.MAX, s.Function.MEDIAN)
ENDS = (s.Function.FIRST, s.Function.LAST)
PROPERTIES = (*histories.NUMERIC, *histories.TEXTUAL, *histories.NESTED, *histories.FLAGS)


# A whole number is written without a fraction, so 12.0 is the literal 12.
NUMBERS = tuple(sorted({int(value) if float(value).is_integer() else value for value in histories.NUMBERS}))
TEXTS = (*histories.TEXTS, *histories.CITIES, *histories.PLANS, "mon", "sun")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ITEMS = histories.TEXTS[:4]

Choice = TypeVar("Choice")
Choose: TypeAlias = "Callable[[Sequence[Any]], Any]"


class Author:
    """Writes the nodes that make sense in one scene, over profiles or over accounts."""

    def __init__(self, choose: Choose, scene: Scene, entity: s.Entity = s.Entity.PROFILE) -> None:
        self.choose = choose
        self.scene = scene
        self.entity = entity
        self.events = (*sorted({event.event for event in scene.world.events}), None)
        today = local_date(scene.now, scene.world.zone)
        days = [today + dt.timedelta(days=days) for days in (-60, -31, -30, -7, -2, -1, 0, 1, 7)]
        self.moments = [s.Moment(value) for value in (*days, *scene.instants, scene.now)]

    # --- choices ---

    def pick(self, choices: Sequence[Choice]) -> Choice:
        chosen: Choice = self.choose(choices)
        return chosen

    def flip(self) -> bool:
        return self.pick((False, True))

    def write(self, *kinds: Callable[[], Any]) -> Any:
        """One of several kinds of node."""
        return self.pick(kinds)()

    def some(self, literals: Sequence[Choice]) -> tuple[Choice, ...]:
        return tuple(dict.fromkeys(self.pick(literals) for _ in range(self.pick((1, 2, 3)))))

    def span(self) -> s.Span:
        return self.pick(histories.SPANS)

    def of(self) -> s.Entity:
        """Mostly the subject itself; `for account:` speaks of the account without `account.`."""
        if self.entity is s.Entity.ACCOUNT:
            return s.Entity.PROFILE
        return self.pick((s.Entity.PROFILE, s.Entity.PROFILE, s.Entity.PROFILE, s.Entity.ACCOUNT))

    # --- windows ---

    def instant_window(self) -> Any:
        """A window for instants, without the one that reaches into the future."""
        return self.write(
            lambda: s.InLast(self.span()),
            lambda: s.InLast(self.span()),
            lambda: s.InPreceding(self.span(), self.span()),
            lambda: s.BeforeAgo(self.span()),
            self.calendar_window,
            self.between_moments,
            lambda: s.Since(self.pick(self.moments)),
            lambda: s.Before(self.pick(self.moments)),
        )

    def calendar_window(self) -> s.InCalendar:
        return s.InCalendar(self.pick(tuple(s.CalendarUnit)), self.flip())

    def between_moments(self) -> s.BetweenMoments:
        pair = (self.pick(self.moments), self.pick(self.moments))
        start, end = sorted(pair, key=lambda moment: (str(moment.value)[:10], str(moment.value)))
        return s.BetweenMoments(start, end)

    def any_instant_window(self) -> Any:
        return self.write(self.instant_window, self.instant_window, lambda: s.InNext(self.span()))

    def window(self) -> Any:
        """A window for a selection: also none, and the one that hangs on an anchor."""
        return self.write(lambda: None, self.instant_window, self.instant_window, self.hanging_window)

    def hanging_window(self) -> s.AfterFirst:
        anchor = s.Selection(self.pick(self.events), self.where(0), self.write(lambda: None, self.last_window))
        return s.AfterFirst(self.span(), anchor)

    def last_window(self) -> s.InLast:
        return s.InLast(self.span())

    # --- conditions on one event ---

    def where(self, depth: int = 1) -> Any:
        """No condition, or one on the event's properties."""
        return self.nested(self.property_test, depth) if self.pick((False, False, True)) else None

    def property_test(self) -> Any:
        return self.write(
            lambda: self.numeric_test(self.numeric_property),
            lambda: self.numeric_test(self.numeric_property),
            lambda: self.text_test(self.text_property),
            lambda: self.text_test(self.text_property),
            lambda: s.Compare(s.Property("gift"), self.pick(EQUALITIES), s.Boolean(self.flip())),
            lambda: s.Exists(s.Property(self.pick((*PROPERTIES, "tags", "address")))),
            lambda: _contains(s.Property("tags"), self.pick(ITEMS), self.flip()),
            lambda: s.During(s.Property("due"), self.any_instant_window()),
        )

    def numeric_property(self) -> Any:
        return self.write(
            self.price,
            self.price,
            lambda: s.Property(self.pick(PROPERTIES)),
            lambda: s.Arithmetic(self.pick(tuple(s.Operator)), self.price(), self.write(self.price, self.number)),
        )

    def price(self) -> s.Property:
        return s.Property(self.pick(histories.NUMERIC))

    def text_property(self) -> s.Property:
        return s.Property(self.pick((*histories.TEXTUAL, *histories.NESTED, *histories.NUMERIC)))

    # --- tests of operands ---

    def number(self) -> s.Number:
        return s.Number(self.pick(NUMBERS))

    def numeric_test(self, operand: Callable[[], Any]) -> Any:
        """A comparison with a number near the values that there are, or with another operand."""
        return self.write(
            lambda: s.Compare(operand(), self.pick(COMPARATORS), self.number()),
            lambda: s.Compare(operand(), self.pick(COMPARATORS), self.number()),
            lambda: s.Compare(self.number(), self.pick(COMPARATORS), operand()),
            lambda: s.Compare(operand(), self.pick(COMPARATORS), operand()),
            lambda: s.Between(operand(), self.number(), self.number()),
            lambda: s.In(operand(), tuple(s.Number(each) for each in self.some(NUMBERS)), self.flip()),
        )

    def text_test(self, operand: Callable[[], Any]) -> Any:
        """A test against a text that there is, or against another operand."""
        tests = (s.TextTest.CONTAINS, s.TextTest.STARTS_WITH, s.TextTest.ENDS_WITH)
        return self.write(
            lambda: s.Compare(operand(), self.pick(TEXT_COMPARATORS), s.Text(self.pick(TEXTS))),
            lambda: s.Compare(operand(), self.pick(TEXT_COMPARATORS), operand()),
            lambda: s.In(operand(), tuple(s.Text(each) for each in self.some(TEXTS)), self.flip(), self.flip()),
            lambda: s.TextMatch(operand(), self.pick(tests), self.pick(PIECES), self.flip()),
            lambda: s.TextMatch(operand(), s.TextTest.MATCHES, self.pick(PATTERNS), self.flip()),
        )

    # --- operands ---

    def selection(self) -> s.Selection:
        return s.Selection(self.pick(self.events), self.where(), self.window())

    def measure(self, functions: Sequence[s.Function], *properties: str) -> s.Measure:
        """A measure of one of these functions over a selection."""
        chosen = self.pick(properties) if properties else None
        return s.Measure(self.pick(functions), self.selection(), chosen, self.of())

    def trait(self, *names: str) -> s.Trait:
        return s.Trait(self.pick(names), self.of())

    def counting(self) -> s.Measure:
        return self.measure(COUNTING)

    def plain_number(self) -> Any:
        kinds: list[Callable[[], Any]] = [
            self.counting,
            lambda: self.measure(NUMERIC, *histories.NUMERIC, "category", "address.zip"),
            lambda: self.measure((s.Function.DISTINCT,), *PROPERTIES),
            lambda: self.measure((s.Function.HOUR,)),
            lambda: self.measure(ENDS, *histories.NUMERIC),
            lambda: self.trait("age", "address.zip", "plan"),
        ]
        if self.entity is s.Entity.PROFILE:
            kinds.append(lambda: s.Score("churn"))
        return self.write(*kinds)

    def numeric_operand(self) -> Any:
        """An operand that is a number."""
        plain = self.plain_number
        return self.write(
            plain,
            plain,
            plain,
            lambda: s.Arithmetic(self.pick(tuple(s.Operator)), plain(), self.write(plain, self.number)),
            lambda: s.Quintile(plain()),
        )

    def text_operand(self) -> Any:
        """An operand that is a text."""
        return self.write(
            lambda: self.trait("plan", "city", "address.city"),
            lambda: self.measure((s.Function.FAVORITE,), *PROPERTIES),
            lambda: self.measure(ENDS, *histories.TEXTUAL, "address.city"),
            lambda: self.measure((s.Function.WEEKDAY,)),
        )

    def instant_operand(self) -> Any:
        """An operand that is an instant."""
        return self.write(
            lambda: self.measure(ENDS),
            lambda: self.measure(ENDS, "due"),
            lambda: self.trait(*histories.TRAITS_DATED),
        )

    # --- conditions ---

    def leaf(self) -> Any:
        """A condition without `and`, `or`, `not`, of any kind."""
        kinds: list[Callable[[], Any]] = [
            lambda: s.Did(self.selection(), self.of()),
            lambda: self.numeric_test(self.counting),
            lambda: self.numeric_test(self.numeric_operand),
            lambda: self.numeric_test(self.numeric_operand),
            lambda: self.text_test(self.text_operand),
            self.usual_time,
            self.gap_test,
            lambda: s.Compare(self.trait("is_vip"), self.pick(EQUALITIES), s.Boolean(self.flip())),
            lambda: s.Exists(self.write(self.numeric_operand, self.text_operand, self.instant_operand)),
            lambda: s.Exists(self.trait("tags", "address", "age", "birthday")),
            lambda: _contains(self.trait("tags"), self.pick(ITEMS), self.flip()),
            lambda: s.During(self.instant_operand(), self.any_instant_window()),
            self.anniversary,
            self.near,
            self.sequence,
            self.sequence,
            lambda: s.Top(self.pick((10, 20, 25, 50, 12.5, 100)), self.numeric_operand(), self.flip()),
        ]
        if self.entity is s.Entity.PROFILE:
            kinds.append(self.recorded)
        return self.write(*kinds)

    def usual_time(self) -> Any:
        days = tuple(s.Text(day) for day in self.some(WEEKDAYS))
        hours = (s.Number(self.pick(range(24))), s.Number(self.pick(range(24))))
        return self.write(
            lambda: s.In(self.measure((s.Function.WEEKDAY,)), days, self.flip()),
            lambda: s.Between(self.measure((s.Function.HOUR,)), min(hours, key=_value), max(hours, key=_value)),
        )

    def gap_test(self) -> Any:
        """Gaps meet only lengths: two means of unequal counts may differ in their last bit."""
        lengths = [s.Duration(self.pick((*histories.SPANS, s.Span(12, s.Unit.HOUR)))) for _ in range(2)]
        gap = self.measure((s.Function.GAP,))
        return self.write(
            lambda: s.Compare(gap, self.pick(COMPARATORS[2:]), lengths[0]),
            lambda: s.Between(gap, *lengths),
        )

    def anniversary(self) -> s.During:
        day = self.write(lambda: self.trait(*histories.TRAITS_DATED), lambda: self.measure(ENDS))
        span = self.pick(ANNIVERSARY_SPANS)
        window = self.write(lambda: s.InNext(span), lambda: s.InLast(span), self.calendar_window)
        return s.During(s.Anniversary(day), window)

    def near(self) -> s.Near:
        place = self.trait("location", "home")
        return s.Near(
            place,
            self.pick((5, 20, 40, 500, 2000)),
            self.pick((59.3293, 59.25, 48.5)),
            self.pick((18.0686, 18)),
        )

    def recorded(self) -> Any:
        names = (*histories.STATIC, *sorted(self.scene.world.definitions))
        return self.write(
            lambda: s.InSegment(self.pick(names)),
            lambda: s.Crossed(self.pick(histories.STATIC), self.flip(), self.write(lambda: None, self.instant_window)),
        )

    def step(self, *, negated: bool = False, within: s.Span | None = None) -> s.Step:
        return s.Step(self.pick(self.events), self.where(0), negated, within)

    def sequence(self) -> s.Sequence:
        """One to three steps that happen, now and then one that must not between two, or at the end."""
        steps = [self.step()]
        for _ in range(self.pick((0, 1, 1, 2))):
            if self.flip():
                steps.append(self.step(negated=True))
            steps.append(self.step(within=self.pick(STEP_SPANS) if self.flip() else None))
        if len(steps) == 1 or self.flip():
            steps.append(self.step(negated=True, within=self.pick(STEP_SPANS)))
        return s.Sequence(tuple(steps), self.window(), self.of())

    def condition(self, depth: int = 2) -> Any:
        return self.nested(self.leaf, depth)

    def nested(self, leaf: Callable[[], Any], depth: int) -> Any:
        """A leaf, or `and`, `or`, `not` of conditions that are less deep."""
        if depth == 0:
            return leaf()

        def several() -> list[Any]:
            return [self.nested(leaf, depth - 1) for _ in range(self.pick((2, 2, 3)))]

        return self.write(
            leaf,
            leaf,
            lambda: _flat(s.And, several()),
            lambda: _flat(s.Or, several()),
            lambda: s.Not(self.nested(leaf, depth - 1)),
        )


def _value(number: s.Number) -> float:
    return number.value


def _contains(operand: s.Operand, text: str, caseless: bool) -> s.TextMatch:
    return s.TextMatch(operand, s.TextTest.CONTAINS, text, caseless)


def _flat(kind: type[s.And | s.Or], items: list[Any]) -> Any:
    """`and` of `and`s is one `and`, as in every definition that is read."""
    flat = [part for item in items for part in (item.items if isinstance(item, kind) else (item,))]
    return kind(tuple(flat))


@st.composite
def questions(draw: DrawFn, entity: s.Entity | None = None, *, varied: bool = False) -> tuple[s.Definition, Scene]:
    """A definition and the scene that it speaks of, whose world holds a segment `saved` for `in_segment`.

    Args:
        entity: what the definition is over; without it mostly profiles, sometimes accounts.
        varied: the definition's parts come from a seed and the events. They then cover the language evenly, while
            Hypothesis by itself repeats and mutates what it drew before; in return a failing one does not shrink.
    """
    scene = draw(histories.scenes())
    choose: Choose = (
        random.Random(repr((draw(st.integers(0, 2**32)), scene.world.events))).choice if varied else _choosing(draw)
    )
    saved = {"saved": s.Definition(Author(choose, scene).condition(depth=1))}
    scene = histories.Scene(histories.with_definitions(scene.world, saved), scene.now, scene.instants)
    over = entity or choose((*(s.Entity.PROFILE,) * 4, s.Entity.ACCOUNT))
    return s.Definition(Author(choose, scene, over).condition(), over), scene


def _choosing(draw: DrawFn) -> Choose:
    return lambda choices: draw(st.sampled_from(choices))
