"""Generated definitions whose results are rarely trivial, because they speak of what the generated worlds hold.

Builds nodes directly, never through the text form. Thresholds, literals, spans and dates come from the same small
vocabulary as `histories.py`; what the checker would refuse is not built.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from ethogram.model import segment as s
from oracle import histories
from oracle.windows import local_date

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

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
COUNTS = (0, 1, 2, 3)
WORKING_SPANS = histories.SPANS
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
PROPERTIES = (*histories.NUMERIC, *histories.TEXTUAL, *histories.NESTED, *histories.FLAGS)


class Vocabulary:
    """Strategies for the nodes that make sense in one scene, for profiles or for accounts."""

    def __init__(self, scene: Scene, entity: s.Entity = s.Entity.PROFILE) -> None:
        self.scene = scene
        self.entity = entity
        over_profiles = entity is s.Entity.PROFILE
        # `for account:` speaks of the account itself; its measures are not written `account.…`.
        usually = (s.Entity.PROFILE, s.Entity.PROFILE, s.Entity.PROFILE, s.Entity.ACCOUNT)
        self.ofs = st.sampled_from(usually if over_profiles else (s.Entity.PROFILE,))
        self.spans = st.sampled_from(WORKING_SPANS)
        self.events = st.sampled_from((*sorted({event.event for event in scene.world.events}), None))

    # --- windows ---

    def moments(self) -> SearchStrategy[s.Moment]:
        """Days around now and instants at which something happens."""
        today = local_date(self.scene.now, self.scene.world.zone)
        days = [today + dt.timedelta(days=days) for days in (-60, -31, -30, -7, -2, -1, 0, 1, 7)]
        return st.sampled_from([s.Moment(value) for value in (*days, *self.scene.instants, self.scene.now)])

    def _between(self) -> SearchStrategy[s.BetweenMoments]:
        def in_order(pair: tuple[s.Moment, s.Moment]) -> s.BetweenMoments:
            start, end = sorted(pair, key=lambda moment: (str(moment.value)[:10], str(moment.value)))
            return s.BetweenMoments(start, end)

        return st.tuples(self.moments(), self.moments()).map(in_order)

    def instant_windows(self) -> SearchStrategy[Any]:
        """Windows for instants, without those that reach into the future."""
        periods = st.builds(s.InCalendar, st.sampled_from(s.CalendarUnit), st.booleans())
        return st.one_of(
            st.builds(s.InLast, self.spans),
            st.builds(s.InLast, self.spans),
            st.builds(s.InPreceding, self.spans, self.spans),
            st.builds(s.BeforeAgo, self.spans),
            periods,
            self._between(),
            st.builds(s.Since, self.moments()),
            st.builds(s.Before, self.moments()),
        )

    def windows(self) -> SearchStrategy[Any]:
        """Windows for selections: also none, and the one that hangs on an anchor."""
        anchor = st.builds(
            s.Selection,
            self.events,
            st.none() | self.wheres(depth=0),
            st.none() | st.builds(s.InLast, self.spans),
        )
        hanging = st.builds(s.AfterFirst, self.spans, anchor)
        return st.one_of(st.none(), self.instant_windows(), self.instant_windows(), hanging)

    # --- conditions on one event ---

    def wheres(self, depth: int = 1) -> SearchStrategy[Any]:
        """Conditions on an event's properties."""
        prices = st.sampled_from(histories.NUMERIC).map(s.Property)
        numeric = prices | st.sampled_from(PROPERTIES).map(s.Property)
        textual = st.sampled_from((*histories.TEXTUAL, *histories.NESTED, *histories.NUMERIC)).map(s.Property)
        product = st.builds(s.Arithmetic, st.sampled_from(s.Operator), prices, prices | _numbers())
        leaf = st.one_of(
            self.numeric_tests(numeric | product, numeric),
            self.text_tests(textual, textual),
            st.builds(s.Compare, st.just(s.Property("gift")), st.sampled_from(EQUALITIES), _booleans()),
            st.builds(s.Exists, st.sampled_from((*PROPERTIES, "tags", "address")).map(s.Property)),
            st.builds(_contains, st.just(s.Property("tags")), st.sampled_from(histories.TEXTS[:4]), st.booleans()),
            st.builds(s.During, st.just(s.Property("due")), self.instant_windows() | self._in_next()),
        )
        return _nested(leaf, depth)

    def _in_next(self) -> SearchStrategy[s.InNext]:
        return st.builds(s.InNext, self.spans)

    # --- tests of operands ---

    def numeric_tests(self, operand: SearchStrategy[Any], other: SearchStrategy[Any]) -> SearchStrategy[Any]:
        """Comparisons with numbers near the values that there are."""
        comparators = st.sampled_from(COMPARATORS)
        number = _numbers()
        return st.one_of(
            st.builds(s.Compare, operand, comparators, number),
            st.builds(s.Compare, operand, comparators, number),
            st.builds(s.Compare, number, comparators, operand),
            st.builds(s.Compare, operand, comparators, other),
            st.builds(s.Between, operand, number, number),
            st.builds(s.In, operand, _some(number), st.booleans()),
        )

    def text_tests(self, operand: SearchStrategy[Any], other: SearchStrategy[Any]) -> SearchStrategy[Any]:
        """Comparisons with texts that there are."""
        comparators = st.sampled_from(TEXT_COMPARATORS)
        text = _texts()
        tests = (s.TextTest.CONTAINS, s.TextTest.STARTS_WITH, s.TextTest.ENDS_WITH)
        return st.one_of(
            st.builds(s.Compare, operand, comparators, text),
            st.builds(s.Compare, operand, comparators, other),
            st.builds(s.In, operand, _some(text), st.booleans(), st.booleans()),
            st.builds(s.TextMatch, operand, st.sampled_from(tests), st.sampled_from(PIECES), st.booleans()),
            st.builds(s.TextMatch, operand, st.just(s.TextTest.MATCHES), st.sampled_from(PATTERNS), st.booleans()),
        )

    # --- operands ---

    def selections(self) -> SearchStrategy[s.Selection]:
        """Which events: a name that there is, half the time with a condition."""
        return st.builds(s.Selection, self.events, st.none() | self.wheres(), self.windows())

    def measures(self, functions: tuple[s.Function, ...], *properties: str | None) -> SearchStrategy[s.Measure]:
        """Measures of these functions over generated selections."""
        chosen = st.sampled_from(properties or (None,))
        return st.builds(s.Measure, st.sampled_from(functions), self.selections(), chosen, self.ofs)

    def traits(self, *names: str) -> SearchStrategy[s.Trait]:
        """Traits of the profile or of its account."""
        return st.builds(s.Trait, st.sampled_from(names), self.ofs)

    def numbers(self) -> SearchStrategy[Any]:
        """Operands that are numbers."""
        plain = st.one_of(
            self.measures(COUNTING),
            self.measures(NUMERIC, *histories.NUMERIC, "category", "address.zip"),
            self.measures((s.Function.DISTINCT,), *PROPERTIES),
            self.measures((s.Function.HOUR,)),
            self.measures((s.Function.FIRST, s.Function.LAST), *histories.NUMERIC),
            self.traits("age", "address.zip", "plan"),
        )
        if self.entity is s.Entity.PROFILE:
            plain |= st.builds(s.Score, st.just("churn"))
        calculated = st.builds(s.Arithmetic, st.sampled_from(s.Operator), plain, plain | _numbers())
        ranked = st.builds(s.Quintile, plain)
        return st.one_of(plain, plain, plain, calculated, ranked)

    def texts(self) -> SearchStrategy[Any]:
        """Operands that are texts."""
        return st.one_of(
            self.traits("plan", "city", "address.city"),
            self.measures((s.Function.FAVORITE,), *PROPERTIES),
            self.measures((s.Function.FIRST, s.Function.LAST), *histories.TEXTUAL, "address.city"),
            self.measures((s.Function.WEEKDAY,)),
        )

    def instants(self) -> SearchStrategy[Any]:
        """Operands that are instants."""
        return st.one_of(
            self.measures((s.Function.FIRST, s.Function.LAST)),
            self.measures((s.Function.FIRST, s.Function.LAST), "due"),
            self.traits(*histories.TRAITS_DATED),
        )

    # --- conditions ---

    def leaves(self) -> SearchStrategy[Any]:
        """Conditions without `and`, `or`, `not`: every kind of node."""
        gaps = self.measures((s.Function.GAP,))
        lengths = st.sampled_from((*WORKING_SPANS, s.Span(12, s.Unit.HOUR))).map(s.Duration)
        ordered = st.sampled_from(COMPARATORS[2:])
        # Sums of lengths of days and quarters are exact; a share of a mean gap is not, so gaps meet only lengths.
        kinds = [
            st.builds(s.Did, self.selections(), self.ofs),
            self.numeric_tests(self.measures(COUNTING), self.measures(COUNTING)),
            self.numeric_tests(self.numbers(), self.numbers()),
            self.text_tests(self.texts(), self.texts()),
            st.builds(s.In, self.measures((s.Function.WEEKDAY,)), _some(_weekdays()), st.booleans()),
            st.builds(s.Between, self.measures((s.Function.HOUR,)), *(st.integers(0, 23).map(s.Number),) * 2),
            st.builds(s.Compare, gaps, ordered, lengths),
            st.builds(s.Between, gaps, lengths, lengths),
            st.builds(s.Compare, self.traits("is_vip"), st.sampled_from(EQUALITIES), _booleans()),
            st.builds(s.Exists, self.numbers() | self.texts() | self.instants() | self.traits("tags", "address")),
            st.builds(_contains, self.traits("tags"), st.sampled_from(histories.TEXTS[:4]), st.booleans()),
            st.builds(s.During, self.instants(), self.instant_windows() | self._in_next()),
            self._anniversaries(),
            st.builds(
                s.Near,
                self.traits("location", "home"),
                st.sampled_from((5, 20, 40, 500, 2000)),
                st.sampled_from((59.3293, 59.25, 48.5)),
                st.sampled_from((18.0686, 18)),
            ),
            self.sequences(),
            self.sequences(),
            st.builds(s.Top, st.sampled_from((10, 20, 25, 50, 12.5, 100)), self.numbers(), st.booleans()),
        ]
        if self.entity is s.Entity.PROFILE:
            kinds.append(self._recorded())
        return st.one_of(kinds)

    def _recorded(self) -> SearchStrategy[Any]:
        names = st.sampled_from((*histories.STATIC, *sorted(self.scene.world.definitions)))
        crossed = st.builds(
            s.Crossed,
            st.sampled_from(histories.STATIC),
            st.booleans(),
            st.none() | self.instant_windows(),
        )
        return st.builds(s.InSegment, names) | crossed

    def _anniversaries(self) -> SearchStrategy[s.During]:
        days = self.traits(*histories.TRAITS_DATED) | self.measures((s.Function.FIRST, s.Function.LAST))
        span = st.sampled_from(ANNIVERSARY_SPANS)
        periods = st.builds(s.InCalendar, st.sampled_from(s.CalendarUnit), st.booleans())
        window = st.builds(s.InNext, span) | st.builds(s.InLast, span) | periods
        return st.builds(s.During, days.map(s.Anniversary), window)

    @st.composite
    @staticmethod
    def _steps(draw: DrawFn, vocabulary: Vocabulary) -> tuple[s.Step, ...]:
        """Positive steps, now and then a negated one between two, now and then one that closes."""
        limit = st.sampled_from(STEP_SPANS)
        where = st.none() | vocabulary.wheres(depth=0)
        steps = [s.Step(draw(vocabulary.events), draw(where))]
        for _ in range(draw(st.integers(0, 2))):
            if draw(st.booleans()):
                steps.append(s.Step(draw(vocabulary.events), draw(where), negated=True))
            steps.append(s.Step(draw(vocabulary.events), draw(where), within=draw(st.none() | limit)))
        if len(steps) == 1 or draw(st.booleans()):
            steps.append(s.Step(draw(vocabulary.events), draw(where), negated=True, within=draw(limit)))
        return tuple(steps)

    def sequences(self) -> SearchStrategy[s.Sequence]:
        """Sequences of one to three steps that happen."""
        return st.builds(s.Sequence, Vocabulary._steps(self), self.windows(), self.ofs)

    def conditions(self, depth: int = 2) -> SearchStrategy[Any]:
        """Conditions, nested up to a depth."""
        return _nested(self.leaves(), depth)


def _numbers() -> SearchStrategy[s.Number]:
    # A whole number is written without a fraction, so 12.0 is the literal 12.
    values = [int(value) if float(value).is_integer() else value for value in (*COUNTS, *histories.NUMBERS)]
    return st.sampled_from(values).map(s.Number)


def _texts() -> SearchStrategy[s.Text]:
    return st.sampled_from((*histories.TEXTS, *histories.CITIES, *histories.PLANS, "mon", "sun")).map(s.Text)


def _booleans() -> SearchStrategy[s.Boolean]:
    return st.booleans().map(s.Boolean)


def _weekdays() -> SearchStrategy[s.Text]:
    return st.sampled_from(("mon", "tue", "wed", "thu", "fri", "sat", "sun")).map(s.Text)


def _some(literals: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    return st.lists(literals, min_size=1, max_size=3, unique=True).map(tuple)


def _contains(operand: s.Operand, text: str, caseless: bool) -> s.TextMatch:
    return s.TextMatch(operand, s.TextTest.CONTAINS, text, caseless)


def _flat(kind: type[s.And | s.Or], items: list[Any]) -> Any:
    """`and` of `and`s is one `and`, as in every definition that is read."""
    flat = [part for item in items for part in (item.items if isinstance(item, kind) else (item,))]
    return kind(tuple(flat))


def _nested(leaf: SearchStrategy[Any], depth: int) -> SearchStrategy[Any]:
    if depth == 0:
        return leaf
    inner = _nested(leaf, depth - 1)
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        leaf,
        leaf,
        several.map(lambda items: _flat(s.And, items)),
        several.map(lambda items: _flat(s.Or, items)),
        inner.map(s.Not),
    )


@st.composite
def questions(draw: DrawFn, entity: s.Entity | None = None) -> tuple[s.Definition, Scene]:
    """A definition and the scene that it speaks of; the scene's world holds two saved segments for `in_segment`."""
    scene = draw(histories.scenes())
    saved = {"saved": s.Definition(draw(Vocabulary(scene).conditions(depth=1)))}
    scene = histories.Scene(histories.with_definitions(scene.world, saved), scene.now, scene.instants)
    over = draw(st.sampled_from((s.Entity.PROFILE,) * 4 + (s.Entity.ACCOUNT,))) if entity is None else entity
    return s.Definition(draw(Vocabulary(scene, over).conditions()), over), scene
