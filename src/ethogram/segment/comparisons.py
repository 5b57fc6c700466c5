"""Comparisons, text tests and places to SQL, given views of the values: the same for events and for profiles.

Step of the path: segment, language half. Every result is true or false, never NULL: a comparison with what is
missing is false.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from ethogram.errors import SegmentError
from ethogram.model.segment import (
    Arithmetic,
    Between,
    Boolean,
    Comparator,
    Compare,
    Duration,
    Exists,
    In,
    Near,
    Number,
    Operand,
    Operator,
    Span,
    Text,
    TextMatch,
    TextTest,
    Unit,
)
from ethogram.segment import values
from ethogram.segment.measures import Views
from ethogram.segment.sql import Binder

_SECONDS = {
    Unit.MINUTE: 60,
    Unit.HOUR: 3600,
    Unit.DAY: 86400,
    Unit.WEEK: 7 * 86400,
    # A mean gap has no calendar to follow.
    Unit.MONTH: 30 * 86400,
    Unit.YEAR: 365 * 86400,
}
_FLIPPED = {
    Comparator.LT: Comparator.GT,
    Comparator.LE: Comparator.GE,
    Comparator.GT: Comparator.LT,
    Comparator.GE: Comparator.LE,
}
_CASELESS = (Comparator.EQ_CASELESS, Comparator.NE_CASELESS)
_LITERALS = (Number, Text, Boolean, Duration)


def seconds(span: Span) -> int:
    """The length of a duration literal."""
    return span.amount * _SECONDS[span.unit]


def flip(comparison: Compare) -> Compare:
    """The same comparison with a literal, if there is one, on the right."""
    if isinstance(comparison.left, _LITERALS) and not isinstance(comparison.right, _LITERALS):
        comparator = _FLIPPED.get(comparison.comparator, comparison.comparator)
        return Compare(comparison.right, comparator, comparison.left)
    return comparison


class Comparisons:
    """Compiles leaf conditions over operands whose views `resolve` knows; `derive` names long expressions."""

    def __init__(
        self, binder: Binder, resolve: Callable[[Operand], Views], derive: Callable[[str], str] = lambda sql: sql
    ) -> None:
        self._binder = binder
        self._resolve = resolve
        self._derive = derive

    def views(self, operand: Operand) -> Views:
        """Views of any operand; literals and arithmetic are made here, the rest is resolved."""
        match operand:
            case Number(number):
                return Views(number=lambda: self._binder.number(number), exists=lambda: "true")
            case Text(text):
                return Views(text=lambda: self._binder.text(text), exists=lambda: "true")
            case Boolean(value):
                return Views(boolean=lambda: "true" if value else "false", exists=lambda: "true")
            case Duration(span):
                return Views(number=lambda: self._binder.number(seconds(span)), exists=lambda: "true")
            case Arithmetic():
                return Views(
                    number=lambda: self._arithmetic(operand),
                    exists=lambda: f"isNotNull({self._arithmetic(operand)})",
                )
            case _:
                return self._resolve(operand)

    def _arithmetic(self, node: Arithmetic) -> str:
        left, right = self.views(node.left).number(), self.views(node.right).number()
        if left is None or right is None:
            return "CAST(NULL AS Nullable(Float64))"
        left, right = f"toFloat64({left})", f"toFloat64({right})"
        match node.operator:
            case Operator.DIVIDE:
                result = f"({left} / nullIf({right}, 0))"
            case Operator.ADD | Operator.SUBTRACT | Operator.MULTIPLY:
                result = f"({left} {node.operator.value} {right})"
            case _:
                assert_never(node.operator)
        return self._derive(f"if(isFinite({result}), {result}, NULL)")

    # --- conditions -----------------------------------------------------------------------------------------

    def compare(self, node: Compare) -> str:
        node = flip(node)
        left, right = self.views(node.left), self.views(node.right)
        match node.right:
            case Number() | Duration():
                return self._binary(node.comparator, left.number(), right.number())
            case Text():
                return self._binary(node.comparator, left.text(), right.text())
            case Boolean():
                return self._binary(node.comparator, left.boolean(), right.boolean())
            case _:
                pass
        if left.is_instant or right.is_instant:
            return self._binary(node.comparator, left.instant(), right.instant())
        numbers = left.number(), right.number()
        texts = left.text(), right.text()
        if node.comparator in _CASELESS:
            return self._binary(node.comparator, *texts)
        by_number = self._binary(node.comparator, *numbers)
        if None in texts:
            return by_number
        by_text = self._binary(node.comparator, *texts)
        if None in numbers:
            return by_text
        return f"if(isNotNull({numbers[0]}) AND isNotNull({numbers[1]}), {by_number}, {by_text})"

    def _binary(self, comparator: Comparator, left: str | None, right: str | None) -> str:
        if left is None or right is None:
            return "false"
        match comparator:
            case Comparator.EQ_CASELESS:
                return f"ifNull(lowerUTF8({left}) = lowerUTF8({right}), false)"
            case Comparator.NE_CASELESS:
                return f"ifNull(lowerUTF8({left}) != lowerUTF8({right}), false)"
            case _:
                return f"ifNull({left} {comparator.value} {right}, false)"

    def is_in(self, node: In) -> str:
        views = self.views(node.operand)
        first = node.values[0]
        if isinstance(first, Number):
            value, kind = views.number(), "Array(Float64)"
            items: list[object] = [float(v.value) for v in node.values if isinstance(v, Number)]
        elif isinstance(first, Text):
            value, kind = views.text(), "Array(String)"
            items = [v.value for v in node.values if isinstance(v, Text)]
            if node.caseless and value is not None:
                value = f"lowerUTF8({value})"
        else:
            value, kind = views.boolean(), "Array(Bool)"
            items = [v.value for v in node.values if isinstance(v, Boolean)]
        if value is None:
            return "false"
        bound = self._binder.bind(kind, items)
        if node.caseless:
            bound = f"arrayMap(v -> lowerUTF8(v), {bound})"
        found = f"has({bound}, assumeNotNull({value}))"
        return f"(isNotNull({value}) AND {'NOT ' if node.negated else ''}{found})"

    def between(self, node: Between) -> str:
        low = self.compare(Compare(node.operand, Comparator.GE, node.low))
        high = self.compare(Compare(node.operand, Comparator.LE, node.high))
        return f"({low} AND {high})"

    def exists(self, node: Exists) -> str:
        return self.views(node.operand).exists()

    def text_match(self, node: TextMatch) -> str:
        views = self.views(node.operand)
        value, item = views.text(), self._binder.text(node.text)
        if value is None:
            return "false"
        if node.caseless:
            folded, wanted = f"lowerUTF8({value})", f"lowerUTF8({item})"
        else:
            folded, wanted = value, item
        match node.test:
            case TextTest.CONTAINS:
                found = f"ifNull(position({folded}, {wanted}) > 0, false)"
                in_list = views.has(item, node.caseless)
                return f"({found} OR {in_list})" if in_list else found
            case TextTest.STARTS_WITH:
                return f"ifNull(startsWith({folded}, {wanted}), false)"
            case TextTest.ENDS_WITH:
                return f"ifNull(endsWith({folded}, {wanted}), false)"
            case TextTest.MATCHES:
                pattern = self._binder.text(("(?i)" if node.caseless else "") + node.text)
                return f"ifNull(match({value}, {pattern}), false)"
            case _:
                assert_never(node.test)

    def near(self, node: Near) -> str:
        place = self.views(node.operand).place()
        if place is None:
            raise SegmentError(
                "`within … km of` needs a trait or property that holds a place",
                hint="A place is an object with `lat` and `lon`, or text such as '59.33,18.07'.",
            )
        distance = values.distance_km(*place, self._binder.number(node.latitude), self._binder.number(node.longitude))
        return f"ifNull({distance} <= {self._binder.number(node.kilometres)}, false)"
