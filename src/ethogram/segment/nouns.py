"""Measures, traits and selections of events as parts of the English sentence.

Step of the path: segment, language half; a part of `english.py`. Reads operands and selections; writes noun phrases
that fit behind “whose” and “their”.
"""

from __future__ import annotations

from typing import assert_never

from ethogram.model import segment as model
from ethogram.model.segment import Condition, Entity, Function, Operand, Operator, Selection
from ethogram.segment.phrases import literal_words, number_words, plain, quoted, span_words, the_span, window_words

_STRENGTH = {Operator.ADD: 1, Operator.SUBTRACT: 1, Operator.MULTIPLY: 2, Operator.DIVIDE: 2}
_OPERATORS = {
    Operator.ADD: "plus",
    Operator.SUBTRACT: "minus",
    Operator.MULTIPLY: "times",
    Operator.DIVIDE: "divided by",
}
_OF_PROPERTY = {
    Function.SUM: "total {} of {}",
    Function.AVG: "average {} of {}",
    Function.MIN: "lowest {} of {}",
    Function.MAX: "highest {} of {}",
    Function.MEDIAN: "median {} of {}",
    Function.DISTINCT: "number of different values of {} in {}",
    Function.FAVORITE: "most frequent {} of {}",
    Function.FIRST: "{} of the first {}",
    Function.LAST: "{} of the last {}",
}
_OF_EVENTS = {
    Function.COUNT: "number of {} events",
    Function.FIRST: "first {}",
    Function.LAST: "last {}",
    Function.ACTIVE_DAYS: "number of different days with {}",
    Function.STREAK: "current run of days in a row with {}",
    Function.GAP: "average time between {} events",
    Function.HOUR: "usual hour of {}",
    Function.WEEKDAY: "usual weekday of {}",
}


class Nouns:
    """The part of the English that names values and events."""

    def where_words(self, condition: Condition) -> str:
        """A condition on an event's properties; the rest of the English knows how to say it."""
        raise NotImplementedError

    # --- events ---

    def event(self, event: str | None, where: Condition | None, *, anything: str = "any event") -> str:
        """`“purchase”`, `“purchase” (where price is more than 20)`."""
        words = anything if event is None else quoted(event)
        return words if where is None else f"{words} (where {self.where_words(where)})"

    def window(self, window: model.Window | None) -> str:
        """A window with a space before it, or nothing."""
        if window is None:
            return ""
        if isinstance(window, model.AfterFirst):
            anchor = self.event(window.anchor.event, window.anchor.where, anything="event of any kind")
            first = f"their first {anchor}{self.window(window.anchor.window)}"
            return f" in the first {the_span(window.span)} after {first}"
        if isinstance(window, model.BeforeAgo):
            return f" earlier than {span_words(window.span)} ago"
        return f" {window_words(window)}"

    def selection(self, selection: Selection, *, anything: str = "any event") -> str:
        """Events with their window."""
        return self.event(selection.event, selection.where, anything=anything) + self.window(selection.window)

    # --- values ---

    def noun(self, operand: Operand) -> str:
        """A value as it stands behind “whose”: `total amount of “purchase” in the last 365 days`."""
        match operand:
            case model.Measure():
                return f"{_of(operand.of)}{self._measure(operand)}"
            case model.Trait():
                return f"{_of(operand.of)}{plain(operand.name)}"
            case model.Property():
                return plain(operand.name)
            case model.Score():
                return f"score for {quoted(operand.name)}"
            case model.Quintile():
                return f"fifth (1 is the lowest, 5 the highest) by {self.noun(operand.operand)}"
            case model.Arithmetic():
                return self._arithmetic(operand)
            case model.Number():
                return number_words(operand.value)
            case model.Text() | model.Boolean():
                return literal_words(operand)
            case model.Duration():
                return span_words(operand.span)
            case _:
                assert_never(operand)

    def value(self, operand: Operand) -> str:
        """A value as it stands behind “is more than”: fixed ones as they are, others are theirs."""
        if isinstance(operand, model.Number | model.Text | model.Boolean | model.Duration | model.Property):
            return self.noun(operand)
        if isinstance(operand, model.Arithmetic):
            return self._arithmetic(operand)
        return f"their {self.noun(operand)}"

    def _measure(self, measure: model.Measure) -> str:
        selection = measure.selection
        if measure.property is not None:
            words = self.event(selection.event, selection.where)
            wording = _OF_PROPERTY[measure.function]
            if measure.function is Function.SUM and measure.property.startswith("total"):
                wording = "sum of {} of {}"  # “total total” reads like a slip
            phrase = wording.format(plain(measure.property), words)
        elif measure.function in {Function.COUNT, Function.GAP} and selection.event is None:
            where = "" if selection.where is None else f" (where {self.where_words(selection.where)})"
            phrase = (
                "number of events" if measure.function is Function.COUNT else "average time between events"
            ) + where
        else:
            words = self.event(selection.event, None)
            phrase = _OF_EVENTS.get(measure.function, f"{measure.function} of {{}}").format(words)
            if selection.where is not None:
                phrase += f" (where {self.where_words(selection.where)})"
        return phrase + self.window(selection.window)

    def _arithmetic(self, operand: model.Arithmetic) -> str:
        among = _among(operand)
        if among is not None:
            return f"{self.value(operand.left)} (among those who did {self.selection(among)})"
        strength = _STRENGTH[operand.operator]
        left, right = self._term(operand.left, strength), self._term(operand.right, strength + 1)
        return f"{left} {_OPERATORS[operand.operator]} {right}"

    def _term(self, operand: Operand, strength: int) -> str:
        if isinstance(operand, model.Arithmetic):
            words = self._arithmetic(operand)
            return f"({words})" if _STRENGTH[operand.operator] < strength else words
        return self.value(operand)


def _among(operand: model.Arithmetic) -> Selection | None:
    """The events of `m * (count(x) / count(x))`, or the same with `distinct`.

    That is m itself for whoever did x and missing for everybody else: how a segment ranks only those who did
    something, since a measure over nothing is 0 and would be ranked too.
    """
    match operand:
        case model.Arithmetic(Operator.MULTIPLY, _, model.Arithmetic(Operator.DIVIDE, above, below)) if above == below:
            if isinstance(above, model.Measure) and above.function in {Function.COUNT, Function.DISTINCT}:
                return above.selection
            return None
        case _:
            return None


def _of(entity: Entity) -> str:
    return "account's " if entity is Entity.ACCOUNT else ""
