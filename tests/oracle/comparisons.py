"""The oracle's tests of values: comparisons, `in`, `between`, text tests, nearness.

Reads views; returns booleans. A test of something missing is false, the negative ones too.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from ethogram.model.segment import (
    Boolean,
    Comparator,
    Compare,
    Duration,
    In,
    Literal,
    Near,
    Number,
    Text,
    TextMatch,
    TextTest,
)
from oracle.values import Views, kilometres_between

if TYPE_CHECKING:
    from collections.abc import Callable

HOLDS: dict[Comparator, Callable[[Any, Any], bool]] = {
    Comparator.EQ: operator.eq,
    Comparator.NE: operator.ne,
    Comparator.LT: operator.lt,
    Comparator.LE: operator.le,
    Comparator.GT: operator.gt,
    Comparator.GE: operator.ge,
    Comparator.EQ_CASELESS: lambda left, right: left.lower() == right.lower(),
    Comparator.NE_CASELESS: lambda left, right: left.lower() != right.lower(),
}
CASELESS = (Comparator.EQ_CASELESS, Comparator.NE_CASELESS)


def compare(condition: Compare, left: Views, right: Views) -> bool:
    """Whether the comparison holds, seen in the view that its literal asks for."""
    a, b = _comparable(condition, left, right)
    if a is None or b is None:
        return False
    return HOLDS[condition.comparator](a, b)


def _comparable(condition: Compare, left: Views, right: Views) -> tuple[Any, Any]:
    """Both sides in the one view that they are compared in; None for a side that is missing in it."""
    if condition.comparator in CASELESS or _either(condition, Text):
        return left.text, right.text
    if _either(condition, Number) or _either(condition, Duration):
        return left.number, right.number
    if _either(condition, Boolean):
        return left.boolean, right.boolean
    return _common(left, right)


def _common(left: Views, right: Views) -> tuple[Any, Any]:
    """No literal decides: numbers if both have one, else texts if both have one, else instants.

    Ambiguity decided here: two instants (`first(signup) < last(purchase)`) compare as instants, because nothing else
    could be meant. Booleans of two operands do not compare.
    """
    if left.number is not None and right.number is not None:
        return left.number, right.number
    if left.text is not None and right.text is not None:
        return left.text, right.text
    return left.instant, right.instant


def _either(condition: Compare, kind: type[Number | Text | Boolean | Duration]) -> bool:
    return isinstance(condition.left, kind) or isinstance(condition.right, kind)


def is_in(condition: In, value: Views) -> bool:
    """Whether the value equals one of the literals (or, negated, is there and equals none)."""
    equal = [_equals(literal, value, condition.caseless) for literal in condition.values]
    if None in equal:
        return False  # missing in that view
    return not any(equal) if condition.negated else any(equal)


def _equals(literal: Literal, value: Views, caseless: bool) -> bool | None:
    match literal:
        case Number(number):
            return None if value.number is None else value.number == number
        case Text(text):
            if value.text is None:
                return None
            return value.text.lower() == text.lower() if caseless else value.text == text
        case Boolean(boolean):
            return None if value.boolean is None else value.boolean is boolean


def is_between(value: Views, low: Views, high: Views) -> bool:
    """Whether the number lies between two numbers, both included."""
    if value.number is None or low.number is None or high.number is None:
        return False
    return low.number <= value.number <= high.number


def text_matches(condition: TextMatch, value: Views) -> bool:
    """Whether the text passes the test; a list of texts `contains` what is one of its items exactly."""
    fold = str.lower if condition.caseless else str
    wanted = fold(condition.text)
    if condition.test is TextTest.CONTAINS and wanted in [fold(item) for item in value.items]:
        return True
    if value.text is None:
        return False
    text = fold(value.text)
    match condition.test:
        case TextTest.CONTAINS:
            return wanted in text
        case TextTest.STARTS_WITH:
            return text.startswith(wanted)
        case TextTest.ENDS_WITH:
            return text.endswith(wanted)
        case TextTest.MATCHES:
            # The pattern itself is not folded: `\D` and `\d` are different.
            flags = re.IGNORECASE if condition.caseless else re.NOFLAG
            return re.search(condition.text, value.text, flags) is not None


def is_near(condition: Near, value: Views) -> bool:
    """Whether the place lies within the distance, its end included."""
    if value.place is None:
        return False
    centre = (float(condition.latitude), float(condition.longitude))
    return kilometres_between(value.place, centre) <= condition.kilometres
