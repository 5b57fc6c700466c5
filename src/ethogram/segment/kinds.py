"""What kind of value an operand has, as far as that is known before any data is seen.

Step of the path: segment, language half; a part of the checker. Reads operands; writes kinds, or says why an operand
can have none. Traits and properties can hold anything, so their kind is open.
"""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from ethogram.errors import SegmentError
from ethogram.model import segment as model
from ethogram.model.segment import Function, Operand, Operator
from ethogram.segment.printer import operand_to_text


class ValueKind(Enum):
    """A kind of value; the value is how messages call it."""

    OPEN = "any value"
    NUMBER = "a number"
    TEXT = "a text"
    BOOLEAN = "true or false"
    LENGTH = "a length of time"
    INSTANT = "an instant"


RANKED = frozenset({ValueKind.OPEN, ValueKind.NUMBER, ValueKind.LENGTH, ValueKind.INSTANT})
_OF_FUNCTION = {
    Function.FAVORITE: ValueKind.OPEN,
    Function.GAP: ValueKind.LENGTH,
    Function.WEEKDAY: ValueKind.TEXT,
}


def kind_of(operand: Operand) -> ValueKind:
    """The kind of value that an operand has.

    Raises:
        SegmentError: It is arithmetic of things that cannot be added or multiplied.
    """
    match operand:
        case model.Measure(function=Function.FIRST | Function.LAST):
            return ValueKind.INSTANT if operand.property is None else ValueKind.OPEN
        case model.Measure():
            return _OF_FUNCTION.get(operand.function, ValueKind.NUMBER)
        case model.Trait() | model.Property():
            return ValueKind.OPEN
        case model.Number() | model.Score() | model.Quintile():
            return ValueKind.NUMBER
        case model.Text():
            return ValueKind.TEXT
        case model.Boolean():
            return ValueKind.BOOLEAN
        case model.Duration():
            return ValueKind.LENGTH
        case model.Arithmetic():
            return _of_arithmetic(operand)
        case _:
            assert_never(operand)


def _of_arithmetic(operand: model.Arithmetic) -> ValueKind:
    kinds = []
    for side in (operand.left, operand.right):
        kind = kind_of(side)
        if kind in {ValueKind.TEXT, ValueKind.BOOLEAN, ValueKind.INSTANT} or isinstance(side, model.Duration):
            hint = "Instants are tested with windows: last(purchase) before 30 days ago."
            raise SegmentError(
                f"`{operand_to_text(side)}` is {kind.value}; `{operator_word(operand)}` works on numbers",
                hint=hint if kind is ValueKind.INSTANT else "Use numeric measures, traits or properties.",
            )
        kinds.append(ValueKind.LENGTH if kind is ValueKind.LENGTH else ValueKind.NUMBER)
    lengths = tuple(kind is ValueKind.LENGTH for kind in kinds)
    match operand.operator, lengths:
        case _, (False, False):
            return ValueKind.NUMBER
        case ((Operator.ADD | Operator.SUBTRACT), (True, True)):
            return ValueKind.LENGTH
        case Operator.MULTIPLY, ((True, False) | (False, True)):
            return ValueKind.LENGTH
        case Operator.DIVIDE, (True, False):
            return ValueKind.LENGTH
        case Operator.DIVIDE, (True, True):
            return ValueKind.NUMBER
        case _:
            raise SegmentError(
                f"`{operand_to_text(operand)}` mixes lengths of time and numbers",
                hint="Lengths can be added to lengths, multiplied by a number and divided by either.",
            )


def operator_word(operand: model.Arithmetic) -> str:
    """The mark of an arithmetic node."""
    return operand.operator.value
