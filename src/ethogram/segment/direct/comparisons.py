"""Comparisons and text tests as functions: the same ones over a person and over one event's properties.

Step of the path: segment, language half. Every result is true or false; a comparison with what is missing is false.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ethogram.model.segment import (
    Arithmetic,
    Between,
    Boolean,
    Comparator,
    Compare,
    Condition,
    Duration,
    Exists,
    In,
    Number,
    Operand,
    Operator,
    Text,
    TextMatch,
    TextTest,
)
from ethogram.segment.comparisons import flip, seconds

Get = Callable[[Any], Any]
Test = Callable[[Any], bool]

_OPERATORS: dict[Comparator, Callable[[Any, Any], bool]] = {
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
}
_ARITHMETIC: dict[Operator, Callable[[float, float], float]] = {
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.DIVIDE: operator.truediv,
}


class NotDirect(Exception):  # noqa: N818 - a way out that the caller takes, not an error
    """The definition needs the engine."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How to look at an operand's value; a look that cannot be is None."""

    number: Get | None = None
    text: Get | None = None
    boolean: Get | None = None
    instant: Get | None = None
    has: Callable[[Any, str], bool] | None = None
    exists: Test = lambda _: True
    is_instant: bool = False


def _always(value: Any) -> Get:
    return lambda _: value


class Comparisons:
    """Compiles leaf conditions over operands whose looks `resolve` knows."""

    def __init__(self, resolve: Callable[[Operand], Looks]) -> None:
        self._resolve = resolve

    def looks(self, operand: Operand) -> Looks:
        """The looks of any operand; literals and arithmetic are made here, the rest is resolved."""
        match operand:
            case Number(value):
                return Looks(number=_always(float(value)))
            case Text(value):
                return Looks(text=_always(value))
            case Boolean(value):
                return Looks(boolean=_always(value))
            case Duration(span):
                return Looks(number=_always(float(seconds(span))))
            case Arithmetic():
                result = self._arithmetic(operand)
                return Looks(number=result, exists=lambda it: result(it) is not None)
            case _:
                return self._resolve(operand)

    def _arithmetic(self, node: Arithmetic) -> Get:
        left, right = self.looks(node.left).number, self.looks(node.right).number
        if left is None or right is None:
            return _always(None)
        work, divides = _ARITHMETIC[node.operator], node.operator is Operator.DIVIDE

        def value(it: Any) -> float | None:
            first, second = left(it), right(it)
            if first is None or second is None or (divides and second == 0):
                return None
            result = work(float(first), float(second))
            return result if math.isfinite(result) else None

        return value

    def leaf(self, node: Condition) -> Test | None:
        """The test of a leaf condition; None for a condition of another kind.

        Raises:
            NotDirect: the condition needs the engine.
        """
        match node:
            case Compare():
                return self.compare(node)
            case In():
                return self._is_in(node)
            case Between(operand, low, high):
                at_least = self.compare(Compare(operand, Comparator.GE, low))
                at_most = self.compare(Compare(operand, Comparator.LE, high))
                return lambda it: at_least(it) and at_most(it)
            case Exists(operand):
                return self.looks(operand).exists
            case TextMatch():
                return self._text_match(node)
            case _:
                return None

    def compare(self, node: Compare) -> Test:
        """The test of a comparison; the literal says which look it takes."""
        node = flip(node)
        if node.comparator not in _OPERATORS:
            raise NotDirect
        holds = _OPERATORS[node.comparator]
        left, right = self.looks(node.left), self.looks(node.right)
        match node.right:
            case Number() | Duration():
                return _with_literal(holds, left.number, right.number)
            case Text():
                return _with_literal(holds, left.text, right.text)
            case Boolean():
                return _with_literal(holds, left.boolean, right.boolean)
            case _:
                pass
        if left.is_instant or right.is_instant:
            return _binary(holds, left.instant, right.instant)
        by_number = _binary(holds, left.number, right.number)
        by_text = _binary(holds, left.text, right.text)
        if left.text is None or right.text is None:
            return by_number
        if left.number is None or right.number is None:
            return by_text
        first, second = left.number, right.number
        return lambda it: by_number(it) if first(it) is not None and second(it) is not None else by_text(it)

    def _is_in(self, node: In) -> Test:
        if node.caseless:
            raise NotDirect
        looks, literal = self.looks(node.operand), node.values[0]
        if isinstance(literal, Number):
            value = looks.number
        else:
            value = looks.text if isinstance(literal, Text) else looks.boolean
        if value is None:
            return _always(False)
        items, wanted, get = frozenset(each.value for each in node.values), not node.negated, value

        def holds(it: Any) -> bool:
            found = get(it)
            return found is not None and (found in items) is wanted

        return holds

    def _text_match(self, node: TextMatch) -> Test:
        if node.caseless or node.test is TextTest.MATCHES:
            raise NotDirect
        looks, item = self.looks(node.operand), node.text
        value, has = looks.text, looks.has
        if value is None:
            return _always(False)
        get = value
        match node.test:
            case TextTest.STARTS_WITH:
                return lambda it: (found := get(it)) is not None and found.startswith(item)
            case TextTest.ENDS_WITH:
                return lambda it: (found := get(it)) is not None and found.endswith(item)
            case _:
                return lambda it: (
                    ((found := get(it)) is not None and item in found) or (has is not None and has(it, item))
                )


def _binary(holds: Callable[[Any, Any], bool], left: Get | None, right: Get | None) -> Test:
    if left is None or right is None:
        return _always(False)

    def test(it: Any) -> bool:
        first, second = left(it), right(it)
        return first is not None and second is not None and holds(first, second)

    return test


def _with_literal(holds: Callable[[Any, Any], bool], left: Get | None, literal: Get | None) -> Test:
    """Like `_binary`, where the second value is the same for all."""
    if left is None or literal is None:
        return _always(False)
    second = literal(None)

    def test(it: Any) -> bool:
        first = left(it)
        return first is not None and holds(first, second)

    return test
