"""Whether a definition makes sense: kinds of values, places of properties, shapes of sequences, sizes.

Step of the path: segment, language half. Reads nodes, whichever form they came from; raises the first thing that is
readable but meaningless. Names that were never seen are warnings and live in `unknown_names.py`; cycles through
`in_segment` need the saved segments and are found where those are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from ethogram.errors import SegmentError
from ethogram.model import segment as model
from ethogram.model.segment import Comparator, Condition, Definition, Entity, Function, Operand, Selection
from ethogram.segment import limits, regexes
from ethogram.segment.kinds import RANKED, ValueKind, kind_of
from ethogram.segment.printer import condition_to_text, number_text, operand_to_text, window_to_text
from ethogram.segment.shape import LITERALS
from ethogram.segment.syntax import nearest, quoted_text
from ethogram.segment.unknown_names import Known, warnings
from ethogram.segment.window_parser import reversed_moments

__all__ = ["Known", "check", "warnings"]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_EQUALITY = frozenset({Comparator.EQ, Comparator.NE, Comparator.EQ_CASELESS, Comparator.NE_CASELESS})
_CASELESS = frozenset({Comparator.EQ_CASELESS, Comparator.NE_CASELESS})
_TEXTUAL = frozenset({ValueKind.OPEN, ValueKind.TEXT})
_FINE_UNITS = frozenset({model.Unit.MINUTE, model.Unit.HOUR})


def check(definition: Definition) -> None:
    """Returns if a definition makes sense.

    Raises:
        SegmentError: It does not; the message quotes the part that is wrong and the hint says what would be right.
    """
    limits.check_size(definition)
    limits.check_values(definition)
    _Place(definition.entity).condition(definition.condition)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a definition the checker stands."""

    entity: Entity
    in_where: bool = False

    # --- conditions ---

    def condition(self, condition: Condition) -> None:
        match condition:
            case model.And() | model.Or():
                for item in condition.items:
                    self.condition(item)
            case model.Not():
                self.condition(condition.item)
            case model.Did() | model.Sequence() | model.Top() | model.InSegment() | model.Crossed():
                if self.in_where:
                    raise SegmentError(
                        f"`{condition_to_text(condition)}` cannot stand inside `where`",
                        hint="Inside `where` stand tests of the event's own properties.",
                    )
                self._about_people(condition)
            case _:
                self._test(condition)

    def _about_people(
        self, condition: model.Did | model.Sequence | model.Top | model.InSegment | model.Crossed
    ) -> None:
        match condition:
            case model.Did():
                self._owner(condition.of, condition_to_text(condition))
                self.selection(condition.selection)
            case model.Sequence():
                self._owner(condition.of, condition_to_text(condition))
                self._sequence(condition)
            case model.Top():
                if isinstance(condition.percent, bool) or not 0 < condition.percent <= 100:
                    shown = condition_to_text(condition)
                    raise SegmentError(f"the percentage in `{shown}` is not between 0 and 100")
                self._ranked(condition.operand, condition_to_text(condition))
            case model.Crossed():
                if condition.window is not None:
                    if isinstance(condition.window, model.AfterFirst):
                        raise SegmentError(f"`{condition_to_text(condition)}` cannot hang on a first event")
                    self._window(condition.window)
            case model.InSegment():
                pass
            case _:
                assert_never(condition)

    def _test(
        self,
        condition: model.Compare
        | model.In
        | model.Between
        | model.Exists
        | model.TextMatch
        | model.During
        | model.Near,
    ) -> None:
        match condition:
            case model.Compare():
                self._compare(condition)
            case model.In():
                self._in(condition)
            case model.Between():
                self._between(condition)
            case model.Exists():
                self.operand(condition.operand)
                if isinstance(condition.operand, (*LITERALS, model.Duration)):
                    raise SegmentError(f"`{condition_to_text(condition)}`: a fixed value always exists")
            case model.TextMatch():
                self._text_match(condition)
            case model.During():
                self._during(condition)
            case model.Near():
                self._near(condition)
            case _:
                assert_never(condition)

    def _compare(self, condition: model.Compare) -> None:
        shown = condition_to_text(condition)
        left, right = self.operand(condition.left), self.operand(condition.right)
        if _is_fixed(condition.left) and _is_fixed(condition.right):
            raise SegmentError(f"`{shown}` compares two fixed values", hint="Compare a measure, trait or property.")
        _compatible(left, right, shown)
        if condition.comparator in _CASELESS and not {left, right} <= _TEXTUAL:
            raise SegmentError(f"`{shown}`: `~` folds the case of texts", hint="Compare other values without `~`.")
        if condition.comparator not in _EQUALITY and ValueKind.BOOLEAN in {left, right}:
            raise SegmentError(f"`{shown}`: true and false have no order", hint="Use `=` or `!=`.")
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if _is_weekday(one):
                if condition.comparator not in _EQUALITY:
                    raise SegmentError(f"`{shown}`: weekdays have no order", hint="Use in ('sat', 'sun').")
                _check_weekday(other, shown, caseless=condition.comparator in _CASELESS)

    def _in(self, condition: model.In) -> None:
        kind = self.operand(condition.operand)
        if not condition.values:
            raise SegmentError(f"the list of `{operand_to_text(condition.operand)} in (…)` is empty")
        kinds = {kind_of(value) for value in condition.values}
        shown = condition_to_text(condition)
        if len(kinds) > 1:
            raise SegmentError(
                f"the list of `{_clipped(shown)}` mixes kinds of values",
                hint="Use only texts, only numbers or only true and false.",
            )
        if _is_fixed(condition.operand):
            raise SegmentError(f"`{_clipped(shown)}` looks for a fixed value", hint="Test a trait or a measure.")
        _compatible(kind, kinds.pop(), _clipped(shown))
        if condition.caseless and not isinstance(condition.values[0], model.Text):
            raise SegmentError(f"`{_clipped(shown)}`: `~` folds the case of texts", hint="Write `in` without `~`.")
        if _is_weekday(condition.operand):
            for value in condition.values:
                _check_weekday(value, shown, caseless=condition.caseless)

    def _between(self, condition: model.Between) -> None:
        shown = condition_to_text(condition)
        kind = self.operand(condition.operand)
        for bound in (condition.low, condition.high):
            bound_kind = self.operand(bound)
            if bound_kind not in {ValueKind.OPEN, ValueKind.NUMBER, ValueKind.LENGTH} or kind is ValueKind.TEXT:
                raise SegmentError(f"`{shown}`: `between` takes numbers or lengths of time")
            _compatible(kind, bound_kind, shown)
        if _is_fixed(condition.operand):
            raise SegmentError(f"`{shown}` tests a fixed value", hint="Test a measure, a trait or a property.")
        low, high = condition.low, condition.high
        if isinstance(low, model.Number) and isinstance(high, model.Number) and high.value < low.value:
            raise SegmentError(f"`{shown}` ends before it starts", hint="Write the lower number first.")

    def _text_match(self, condition: model.TextMatch) -> None:
        shown = condition_to_text(condition)
        if self.operand(condition.operand) not in _TEXTUAL or _is_fixed(condition.operand):
            raise SegmentError(f"`{shown}` tests `{operand_to_text(condition.operand)}`, which is no text")
        if condition.test is model.TextTest.MATCHES and (problem := regexes.problem_of(condition.text)):
            raise SegmentError(
                f"{quoted_text(condition.text)} is no regular expression of RE2: {problem}",
                hint="https://github.com/google/re2/wiki/Syntax lists what it may hold.",
            )

    def _during(self, condition: model.During) -> None:
        shown = condition_to_text(condition)
        operand = condition.operand
        self._window(condition.window)
        if isinstance(operand, model.Anniversary):
            self._anniversary(operand, condition.window, shown)
            return
        self.operand(operand)
        if not _can_be_instant(operand):
            hint = "Dates are in traits and properties, and first(…) and last(…) are instants."
            if isinstance(operand, model.Measure):
                hint = "A window of events stands inside the brackets: count(purchase in last 30 days) >= 3."
            raise SegmentError(f"`{shown}`: `{operand_to_text(operand)}` is no date", hint=hint)
        if isinstance(condition.window, model.InNext) and kind_of(operand) is ValueKind.INSTANT:
            raise SegmentError(f"`{shown}`: events lie in the past", hint="Use `in last …` or `before … ago`.")

    def _anniversary(self, anniversary: model.Anniversary, window: model.InstantWindow, shown: str) -> None:
        self.operand(anniversary.operand)
        if self.in_where:
            raise SegmentError(f"`{shown}` cannot stand inside `where`", hint="Test anniversaries of traits outside.")
        if not _can_be_instant(anniversary.operand):
            raise SegmentError(f"`{shown}`: `{operand_to_text(anniversary.operand)}` is no date")
        allowed = isinstance(window, model.InNext | model.InLast | model.InCalendar)
        if not allowed or (isinstance(window, model.InNext | model.InLast) and window.span.unit in _FINE_UNITS):
            raise SegmentError(
                f"`{shown}`: an anniversary is a day and cannot be tested {window_to_text(window)}",
                hint="Use `in next 7 days`, `in last 2 weeks`, `in today`, `in this month`.",
            )

    def _near(self, condition: model.Near) -> None:
        shown = condition_to_text(condition)
        self.operand(condition.operand)
        if kind_of(condition.operand) is not ValueKind.OPEN:
            raise SegmentError(f"`{shown}`: `{operand_to_text(condition.operand)}` is no place")
        for value in (condition.kilometres, condition.latitude, condition.longitude):
            limits.check_number(value)
        if condition.kilometres <= 0:
            raise SegmentError(f"`{shown}`: the distance must be more than 0 km")
        if abs(condition.latitude) > 90 or abs(condition.longitude) > 180:
            raise SegmentError(
                f"`{shown}`: ({number_text(condition.latitude)}, {number_text(condition.longitude)}) is not on Earth",
                hint="Latitude (-90 to 90) comes first, then longitude (-180 to 180).",
            )

    def _sequence(self, sequence: model.Sequence) -> None:
        steps = sequence.steps
        shown = condition_to_text(sequence)
        if len(steps) < 2:
            raise SegmentError(f"`{shown}` has no second step", hint="For one event use did(…).")
        if steps[0].negated or steps[0].within is not None:
            what = "be negated" if steps[0].negated else "have `within`: nothing comes before it"
            raise SegmentError(f"`{shown}`: the first step cannot {what}")
        for index, step in enumerate(steps):
            following = steps[index + 1] if index + 1 < len(steps) else None
            if step.negated and following is None and step.within is None:
                raise SegmentError(
                    f"`{shown}`: a last step with `not` needs `within`",
                    hint="Say how long nothing may come, as in: not purchase within 1 hour.",
                )
            if step.negated and following is not None and (following.negated or step.within is not None):
                what = "another one may not follow it" if following.negated else "it lasts until the next step"
                raise SegmentError(
                    f"`{shown}`: `not {step.event or 'any'}` stands between two steps; {what}",
                    hint="Only a last step with `not` has `within`.",
                )
            self._where(step.where)
        if sequence.window is not None:
            self._window(sequence.window)

    # --- selections and windows ---

    def selection(self, selection: Selection) -> None:
        self._where(selection.where)
        if selection.window is not None:
            self._window(selection.window)

    def _where(self, where: Condition | None) -> None:
        if where is not None:
            _Place(self.entity, in_where=True).condition(where)

    def _window(self, window: model.Window | model.InstantWindow) -> None:
        if isinstance(window, model.AfterFirst):
            if isinstance(window.anchor.window, model.AfterFirst):
                raise SegmentError("a window of `first(…)` cannot hang on another `first(…)`")
            self.selection(window.anchor)
        elif isinstance(window, model.BetweenMoments) and reversed_moments(window.start, window.end):
            raise SegmentError(f"the window `{window_to_text(window)}` ends before it starts", hint="Swap the dates.")

    # --- operands ---

    def operand(self, operand: Operand) -> ValueKind:
        """The kind of an operand, checked with everything inside it."""
        shown = operand_to_text(operand)
        if isinstance(operand, model.Property) and not self.in_where:
            raise SegmentError(
                f"`{shown}` is a property of an event and can only stand inside `where`",
                hint=f"For the last one write last(event.{shown}).",
            )
        if self.in_where and isinstance(operand, model.Measure | model.Trait | model.Score | model.Quintile):
            raise SegmentError(
                f"`{shown}` cannot stand inside `where`",
                hint="Inside `where` stand tests of the event's own properties; join others with `and` outside.",
            )
        match operand:
            case model.Measure():
                self._measure(operand, shown)
            case model.Trait():
                self._owner(operand.of, shown)
            case model.Quintile():
                self._ranked(operand.operand, shown)
            case model.Arithmetic():
                self.operand(operand.left)
                self.operand(operand.right)
            case _:
                pass
        return kind_of(operand)

    def _measure(self, measure: model.Measure, shown: str) -> None:
        self._owner(measure.of, shown)
        if measure.property is None and measure.function in model.NEEDS_PROPERTY:
            raise SegmentError(f"`{shown}`: `{measure.function}` needs a property of the event")
        if measure.property is not None and measure.function not in model.TAKES_PROPERTY:
            raise SegmentError(f"`{shown}`: `{measure.function}` takes an event, not a property of it")
        self.selection(measure.selection)

    def _ranked(self, operand: Operand, shown: str) -> None:
        kind = self.operand(operand)
        if kind not in RANKED or _is_fixed(operand):
            raise SegmentError(
                f"`{shown}` ranks by `{operand_to_text(operand)}`, which has no order among people",
                hint="Rank by a measure or by a trait that is a number.",
            )

    def _owner(self, of: Entity, shown: str) -> None:
        if of is Entity.ACCOUNT and self.entity is Entity.ACCOUNT:
            raise SegmentError(
                f"`{shown}`: the segment is over accounts already",
                hint="Leave `account.` out behind `for account:`.",
            )


def _compatible(left: ValueKind, right: ValueKind, shown: str) -> None:
    kinds = {left, right}
    if ValueKind.INSTANT in kinds:
        hint = "Test instants with windows: last(purchase) before 30 days ago, first(session) in last 7 days."
        raise SegmentError(f"`{shown}` compares an instant", hint=hint)
    if ValueKind.LENGTH in kinds and len(kinds) > 1:
        raise SegmentError(
            f"`{shown}` compares a length of time with {(kinds - {ValueKind.LENGTH}).pop().value}",
            hint="Compare gap(…) with a length such as `45 days`, and nothing else with one.",
        )
    if ValueKind.OPEN not in kinds and len(kinds) > 1:
        raise SegmentError(f"`{shown}` compares {left.value} with {right.value}", hint="Use values of one kind.")


def _is_fixed(operand: Operand) -> bool:
    """Whether an operand is the same for everybody."""
    if isinstance(operand, model.Arithmetic):
        return _is_fixed(operand.left) and _is_fixed(operand.right)
    return isinstance(operand, model.Number | model.Text | model.Boolean | model.Duration)


def _is_weekday(operand: Operand) -> bool:
    return isinstance(operand, model.Measure) and operand.function is Function.WEEKDAY


def _check_weekday(operand: Operand, shown: str, *, caseless: bool) -> None:
    if not isinstance(operand, model.Text):
        return
    day = operand.value.lower() if caseless else operand.value
    if day not in WEEKDAYS:
        near = operand.value[:3].lower()
        hint = f"Did you mean '{near if near in WEEKDAYS else nearest(near, WEEKDAYS) or 'mon'}'?"
        raise SegmentError(f"`{_clipped(shown)}`: weekdays are {', '.join(WEEKDAYS)}", hint=hint)


def _can_be_instant(operand: Operand) -> bool:
    if isinstance(operand, model.Measure):
        return operand.function in {Function.FIRST, Function.LAST}
    return isinstance(operand, model.Trait | model.Property)


def _clipped(shown: str) -> str:
    return shown if len(shown) <= 120 else shown[:119] + "…"
