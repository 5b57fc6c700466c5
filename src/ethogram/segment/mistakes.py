"""What to say when a text stops making sense: the likely mistake and how to mend it.

Step of the path: segment, language half; a part of the parser. Reads the place that a cursor has reached; returns the
error to raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethogram.model.segment import Comparator, Entity, Number, Operand, Property, Trait
from ethogram.segment import window_parser
from ethogram.segment.cursor import Cursor
from ethogram.segment.syntax import FUNCTIONS, Kind, nearest, quoted_name

if TYPE_CHECKING:
    from ethogram.errors import SegmentSyntaxError

_COMPARATORS = frozenset(str(comparator) for comparator in Comparator)
_BEHIND_OPERANDS = ("in", "between", "exists", "contains", "starts", "ends", "matches", "before", "since", "not")
_BEHIND_EVENTS = ("where", "in", "before", "since", "between", "and", "or", "within")


def no_value(cursor: Cursor, expected: str) -> SegmentSyntaxError:
    """Neither a value nor a condition begins here."""
    token = cursor.token
    if token.kind is Kind.DATE:
        hint = "Dates stand in windows: signup_date since 2026-01-01, between 2026-01-01 and 2026-01-31."
        return cursor.error(f"expected {expected}, found the date `{token.text}`", hint=hint)
    if token.kind is Kind.WORD and token.text in FUNCTIONS:
        hint = f"Write {token.text}(…). A trait or property of that name goes in double quotes: "
        return cursor.error(
            f"`{token.text}` is a function and needs brackets", hint=f"{hint}{quoted_name(token.text)}."
        )
    if token.kind is Kind.WORD:
        hint = f"A trait or property of that name goes in double quotes: {quoted_name(token.text)}."
        return cursor.error(f"expected {expected}, found the reserved word `{token.text}`", hint=hint)
    return cursor.expected(expected)


def no_test(cursor: Cursor, left: Operand) -> SegmentSyntaxError:
    """A value stands alone: nothing says what it is compared with."""
    token = cursor.token
    hint: str | None = None
    if token.kind is Kind.WORD:
        near = nearest(token.text, _BEHIND_OPERANDS)
        hint = f"Did you mean `{near}`?" if near else None
        if token.text in {"is", "equals", "eq", "like"}:
            hint = "Write `= 'text'`, or `contains 'text'` for a part of it."
    if hint is None and isinstance(left, Number) and cursor.at_symbol("%"):
        hint = "Percentages stand in top(10%, …) and bottom(10%, …)."
    elif hint is None and isinstance(left, Trait) and left.of is Entity.PROFILE and "." not in left.name:
        hint = f"For the event write did({left.name}); to see whether the trait is there, {left.name} exists."
    elif hint is None and isinstance(left, Trait | Property):
        hint = "To see whether it is there write `exists` after it; for a yes-or-no value write `= true`."
    return cursor.expected("a comparison (`=`, `>`, `in (…)`, `in last …`, `exists`, …)", hint=hint)


def left_over(cursor: Cursor) -> SegmentSyntaxError:
    """The definition is complete, but the text goes on."""
    token = cursor.token
    if cursor.at_symbol(")"):
        return cursor.error("this bracket closes nothing", hint="Remove it, or open one before.")
    if window_parser.at_window(cursor):
        hint = "A window of events stands inside the brackets: count(purchase in last 30 days) >= 3."
        return cursor.error("a window cannot stand here", hint=hint)
    if cursor.at_word("where"):
        return cursor.error("`where` cannot stand here", hint="It stands inside: count(purchase where price > 20).")
    if token.kind is Kind.SYMBOL and token.text in _COMPARATORS:
        hint = "Comparisons cannot be chained: join them with `and`, or use between … and …."
        return cursor.expected("`and`, `or` or the end", hint=hint)
    return cursor.expected("`and`, `or` or the end", words=("and", "or"))


def unclosed(cursor: Cursor) -> str | None:
    """A hint for a bracket that something else than `)` follows."""
    token = cursor.token
    if token.kind is Kind.WORD and (near := nearest(token.text, _BEHIND_EVENTS)):
        return f"Did you mean `{near}`?"
    return "A bracket is left open." if token.kind is Kind.END else None
