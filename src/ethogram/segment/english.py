"""Definition to one English sentence that a marketer can check.

Step of the path: segment, language half. Reads nodes; writes “People who did “purchase” at least 3 times in the last
90 days and whose plan is “pro”.” The sentence says the same as the text, missing values included; the text stays the
form of reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import assert_never

from ethogram.model import segment as model
from ethogram.model.segment import Comparator, Condition, Definition, Entity, Function, Operand
from ethogram.segment.nouns import Nouns
from ethogram.segment.phrases import (
    listed,
    literal_words,
    number_words,
    quoted,
    span_words,
    times,
    window_words,
)
from ethogram.segment.printer import number_text

_FLIPPED = {
    Comparator.LT: Comparator.GT,
    Comparator.LE: Comparator.GE,
    Comparator.GT: Comparator.LT,
    Comparator.GE: Comparator.LE,
}
_OPPOSITE = {
    Comparator.EQ: Comparator.NE,
    Comparator.NE: Comparator.EQ,
    Comparator.LT: Comparator.GE,
    Comparator.LE: Comparator.GT,
    Comparator.GT: Comparator.LE,
    Comparator.GE: Comparator.LT,
}
_IS = {
    Comparator.EQ: "is {}",
    Comparator.NE: "is something other than {}",
    Comparator.LT: "is less than {}",
    Comparator.LE: "is at most {}",
    Comparator.GT: "is more than {}",
    Comparator.GE: "is at least {}",
    Comparator.EQ_CASELESS: "is {} (in capitals or not)",
    Comparator.NE_CASELESS: "is something other than {} (in capitals or not)",
}
_IN_ORDER = {
    Comparator.LT: "comes before {} in order",
    Comparator.LE: "is {} or comes before it in order",
    Comparator.GT: "comes after {} in order",
    Comparator.GE: "is {} or comes after it in order",
}
_AMOUNTS = {
    Comparator.EQ: "exactly {}",
    Comparator.LT: "fewer than {}",
    Comparator.LE: "at most {}",
    Comparator.GT: "more than {}",
    Comparator.GE: "at least {}",
}
_NEVER_MISSING = frozenset({Function.COUNT, Function.SUM, Function.DISTINCT, Function.ACTIVE_DAYS, Function.STREAK})
_TESTS = {
    model.TextTest.CONTAINS: "contains",
    model.TextTest.STARTS_WITH: "starts with",
    model.TextTest.ENDS_WITH: "ends with",
    model.TextTest.MATCHES: "matches the pattern",
}
_ANY_CASE = " (in capitals or not)"


# Days whose name says already that they come back every year.
_YEARLY = frozenset({"birthday", "anniversary"})


def to_english(definition: Definition) -> str:
    """One sentence: “People who ….” or “Accounts that ….”"""
    accounts = definition.entity is Entity.ACCOUNT
    english = _English("that" if accounts else "who")
    return f"{'Accounts' if accounts else 'People'} {english.clause(definition.condition).whole()}."


def condition_to_english(condition: Condition) -> str:
    """A condition as a phrase: “did “purchase” at least 3 times”, “plan is “pro””."""
    clause = _English("who").clause(condition)
    return clause.text if clause.pronoun else re.sub(r"^(who|whose|for whom) ", "", clause.text)


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part of the sentence and the pronoun it hangs on; empty where it holds its own."""

    pronoun: str
    text: str

    def whole(self) -> str:
        return f"{self.pronoun} {self.text}" if self.pronoun else self.text


@dataclass(frozen=True, slots=True)
class _English(Nouns):
    who: str  # the pronoun of the subject; empty inside `where`, where the subject is the event

    # --- composition ---

    def where_words(self, condition: Condition) -> str:
        return _English("").clause(condition).text

    def clause(self, condition: Condition) -> _Clause:
        match condition:
            case model.And():
                return self._joined(condition.items, "and")
            case model.Or():
                return self._joined(condition.items, "or")
            case model.Not():
                return self._negated(condition.item)
            case model.Did():
                return self._doing(condition.of, f"did {self.selection(condition.selection, anything='anything')}")
            case model.Sequence():
                return self._doing(condition.of, f"did {self._steps(condition)}")
            case model.Top():
                return self._verb(f"are {self._rank(condition)}")
            case model.InSegment():
                return self._verb(f"are in the segment {quoted(condition.name)}")
            case model.Crossed():
                return self._verb(f"{'left' if condition.left else 'entered'} {self._segment(condition)}")
            case _:
                return self._test(condition)

    def _verb(self, text: str) -> _Clause:
        return _Clause(self.who, text)

    def _whose(self, text: str) -> _Clause:
        return _Clause("whose" if self.who else "", text)

    def _value_of(self, operand: Operand, text: str) -> _Clause:
        """`whose amount is …`; arithmetic has a “their” for each of its parts."""
        if isinstance(operand, model.Arithmetic):
            return _Clause("for whom" if self.who else "", f"{self.value(operand)} {text}")
        return self._whose(f"{self.noun(operand)} {text}")

    def _doing(self, of: Entity, text: str) -> _Clause:
        return self._whose(f"account {text}") if of is Entity.ACCOUNT else self._verb(text)

    def _joined(self, items: tuple[Condition, ...], word: str) -> _Clause:
        """Clauses in a row; a pronoun is left out where it follows itself, except “whose”."""
        parts: list[str] = []
        before = ""
        for item in items:
            clause = self.clause(item)
            if isinstance(item, model.And | model.Or):
                clause = _Clause("", f"({clause.whole()})")
            repeated = clause.pronoun == before == self.who
            parts.append(clause.text if repeated else clause.whole())
            before = clause.pronoun
        return _Clause("", f" {word} ".join(parts))

    # --- not ---

    def _negated(self, item: Condition) -> _Clause:
        match item:
            case model.Did():
                return self._never(item.selection, item.of)
            case model.InSegment():
                return self._verb(f"are not in the segment {quoted(item.name)}")
            case model.Crossed():
                return self._verb(f"did not {'leave' if item.left else 'enter'} {self._segment(item)}")
            case model.Top():
                return self._verb(f"are not {self._rank(item)}")
            case model.Sequence():
                return self._doing(item.of, f"did not do in this order: {self._steps(item)}")
            case model.Exists():
                return self._value_of(item.operand, "is not known")
            case model.Compare(model.Measure(function) as left, comparator, model.Number() as right) if (
                function in _NEVER_MISSING and comparator in _OPPOSITE
            ):
                return self._compare(model.Compare(left, _OPPOSITE[comparator], right))
            case model.Compare(left, Comparator.EQ, model.Number() | model.Text() | model.Boolean() as right):
                return self._value_of(left, f"is not {self._equal(left, right)} (or not known)")
            case model.In(negated=False, caseless=False):
                return self._value_of(item.operand, f"is not {self._values(item)} (or not known)")
            case _:
                clause = self.clause(item)
                if not self.who:
                    return _Clause("", f"not ({clause.whole()})")
                return self._verb(f"are not among those ({clause.whole()})")

    def _never(self, selection: model.Selection, of: Entity) -> _Clause:
        if selection.window is None:
            return self._doing(of, f"never did {self.selection(selection, anything='anything')}")
        return self._doing(of, f"did not do {self.selection(selection, anything='anything')}")

    # --- tests ---

    def _test(
        self,
        condition: model.Compare
        | model.In
        | model.Between
        | model.Exists
        | model.TextMatch
        | model.During
        | model.Near,
    ) -> _Clause:
        match condition:
            case model.Compare():
                return self._compare(condition)
            case model.In():
                return self._in(condition)
            case model.Between():
                return self._between(condition)
            case model.Exists():
                return self._value_of(condition.operand, "is known")
            case model.TextMatch():
                case = _ANY_CASE if condition.caseless else ""
                words = f"{_TESTS[condition.test]} {quoted(condition.text)}{case}"
                return self._value_of(condition.operand, words)
            case model.During():
                return self._during(condition)
            case model.Near():
                place = f"({number_text(condition.latitude)}, {number_text(condition.longitude)})"
                distance = number_words(condition.kilometres)
                return self._value_of(condition.operand, f"is within {distance} km of {place}")
            case _:
                assert_never(condition)

    def _compare(self, condition: model.Compare) -> _Clause:
        left, comparator, right = condition.left, condition.comparator, condition.right
        if isinstance(left, model.Number | model.Text | model.Boolean | model.Duration):
            left, comparator, right = right, _FLIPPED.get(comparator, comparator), left
        if isinstance(left, model.Measure) and isinstance(right, model.Number) and isinstance(right.value, int):
            counted = self._counted(left, comparator, right.value)
            if counted is not None:
                return counted
        if (
            isinstance(left, model.Quintile)
            and comparator is Comparator.EQ
            and right in {model.Number(1), model.Number(5)}
        ):
            end = "highest" if right == model.Number(5) else "lowest"
            return self._verb(f"are in the {end} fifth by {self.noun(left.operand)}")
        if isinstance(right, model.Text) and comparator in _IN_ORDER:
            return self._value_of(left, _IN_ORDER[comparator].format(quoted(right.value)))
        equality = comparator not in _IN_ORDER
        if equality and isinstance(right, model.Number | model.Text | model.Boolean):
            value = self._equal(left, right)
        else:
            value = self.value(right)
        return self._value_of(left, _IS[comparator].format(value))

    def _counted(self, measure: model.Measure, comparator: Comparator, amount: int) -> _Clause | None:
        """Counts and days read best with a verb: “did “login” at least 3 times”, “… on at least 3 days in a row”."""
        if measure.function not in {Function.COUNT, Function.ACTIVE_DAYS, Function.STREAK} or amount < 0:
            return None
        if (comparator, amount) in {(Comparator.GT, 0), (Comparator.NE, 0)}:
            comparator, amount = Comparator.GE, 1
        if (comparator, amount) in {(Comparator.EQ, 0), (Comparator.LE, 0), (Comparator.LT, 1)}:
            if measure.function is Function.COUNT:
                return self._never(measure.selection, measure.of)
            return None
        if comparator not in _AMOUNTS or amount == 0:
            return None
        return self._done_times(measure, _AMOUNTS[comparator], amount)

    def _done_times(self, measure: model.Measure, pattern: str, amount: int, low: int | None = None) -> _Clause:
        selection = measure.selection
        event = self.event(selection.event, selection.where, anything="anything")
        between = f"between {low:,} and " if low is not None else ""
        if measure.function is Function.COUNT:
            words = pattern.format(between + times(amount))
        else:
            plural = "" if amount == 1 else "s"
            kind, end = ("", " in a row, up to today or yesterday")
            if measure.function is Function.ACTIVE_DAYS:
                kind, end = "different ", ""
            words = f"on {pattern.format(f'{between}{amount:,} {kind}day{plural}')}{end}"
        return self._doing(measure.of, f"did {event} {words}{self.window(selection.window)}")

    def _equal(self, left: Operand, right: model.Literal) -> str:
        weekday = isinstance(left, model.Measure) and left.function is Function.WEEKDAY
        return literal_words(right, weekday=weekday)

    def _values(self, condition: model.In) -> str:
        return listed([self._equal(condition.operand, value) for value in condition.values], "or")

    def _in(self, condition: model.In) -> _Clause:
        words = "is something other than" if condition.negated else "is"
        case = _ANY_CASE if condition.caseless else ""
        return self._value_of(condition.operand, f"{words} {self._values(condition)}{case}")

    def _between(self, condition: model.Between) -> _Clause:
        operand, low, high = condition.operand, condition.low, condition.high
        if (
            isinstance(operand, model.Measure)
            and operand.function in {Function.COUNT, Function.ACTIVE_DAYS, Function.STREAK}
            and isinstance(low, model.Number)
            and isinstance(high, model.Number)
            and isinstance(low.value, int)
            and isinstance(high.value, int)
            and 0 <= low.value < high.value
        ):
            return self._done_times(operand, "{}", high.value, low.value)
        return self._value_of(operand, f"is between {self.value(low)} and {self.value(high)}")

    def _during(self, condition: model.During) -> _Clause:
        operand, window = condition.operand, window_words(condition.window)
        if isinstance(operand, model.Anniversary):
            verb = "fell" if isinstance(condition.window, model.InLast) else "falls"
            day = self.noun(operand.operand)
            if day not in _YEARLY:
                day = f"anniversary of {day}"
            return self._whose(f"{day} {verb} {window}")
        past = isinstance(operand, model.Measure) and operand.property is None
        return self._value_of(operand, f"{'was' if past else 'is'} {window}")

    # --- relative to others, in order, over time ---

    def _rank(self, condition: model.Top) -> str:
        end = "bottom" if condition.bottom else "top"
        return f"in the {end} {number_text(condition.percent)}% by {self.noun(condition.operand)}"

    def _segment(self, condition: model.Crossed) -> str:
        return f"the segment {quoted(condition.name)}{self.window(condition.window)}"

    def _steps(self, sequence: model.Sequence) -> str:
        """`“a”, then “b” within 2 days, then no “c” within 1 hour, all in the last 7 days`."""
        parts: list[str] = []
        between: list[str] = []
        last = len(sequence.steps) - 1
        for index, step in enumerate(sequence.steps):
            event = self.event(step.event, step.where)
            within = "" if step.within is None else f" within {span_words(step.within)}"
            if step.negated and index < last:
                between.append(event)
                continue
            if step.negated:
                parts.append(f"then not {event}{within}")
                continue
            without = f" with no {' and no '.join(between)} in between" if between else ""
            between = []
            parts.append(f"{'then ' if parts else ''}{event}{within}{without}")
        window = self.window(sequence.window)
        return ", ".join(parts) + (f", all{window}" if window else "")
