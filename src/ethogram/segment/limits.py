"""How large a definition may be, and which values it may hold at all.

Step of the path: segment, language half; a part of the checker. Reads nodes; raises what no definition may be,
whatever it means.
"""

from __future__ import annotations

import datetime as dt
import math

from ethogram.errors import SegmentError
from ethogram.model import segment as model
from ethogram.model.segment import Definition
from ethogram.segment.cursor import MAX_DEPTH
from ethogram.segment.shape import walk
from ethogram.segment.syntax import FIRST_YEAR, LARGEST_WHOLE, LAST_YEAR
from ethogram.segment.window_parser import LONGEST

MAX_NODES = 2_000
MAX_VALUES = 20_000  # in all lists together


def check_size(definition: Definition) -> None:
    """Refuses definitions that are too deep or too large."""
    nodes = values = 0
    hint = "Save an inner part as a segment and use in_segment('…')."
    for node, depth in walk(definition.condition):
        if depth > MAX_DEPTH:
            raise SegmentError(f"the condition is nested more than {MAX_DEPTH} deep", hint=hint)
        nodes += 1
        if isinstance(node, model.In):
            values += len(node.values)
    if nodes - values > MAX_NODES:
        raise SegmentError(f"the segment has more than {MAX_NODES:,} parts", hint=hint)
    if values > MAX_VALUES:
        hint = "Keep long lists of people in a static segment."
        raise SegmentError(f"the lists of the segment hold {values:,} values; {MAX_VALUES:,} can be taken", hint=hint)


def check_values(definition: Definition) -> None:
    """Refuses values that only Python code can write, as the text and the tree have no form for them."""
    for node, _ in walk(definition):
        _check_value(node)


def _check_value(node: object) -> None:
    match node:
        case model.And(items) | model.Or(items):
            if len(items) < 2 or any(type(item) is type(node) for item in items):
                raise SegmentError("`and` and `or` join two conditions or more, none of them of the same kind")
        case model.Span():
            amount: object = node.amount
            if isinstance(amount, bool) or not isinstance(amount, int) or not 1 <= amount <= LONGEST:
                raise SegmentError(f"a length of time is a whole number from 1 to {LONGEST:,}, not {amount!r}")
        case model.Moment(value):
            if isinstance(value, dt.datetime) and value.utcoffset() is None:
                raise SegmentError(f"the instant {value.isoformat()} has no time zone")
            if not FIRST_YEAR <= value.year <= LAST_YEAR:
                raise SegmentError(f"the year of {value.isoformat()} is not between {FIRST_YEAR} and {LAST_YEAR}")
        case model.Number(value):
            check_number(value)
        case model.Text(text) | model.TextMatch(text=text):
            _check_text(text)
        case model.Selection(event) | model.Step(event):
            if event is not None:
                _check_name(event)
        case model.Measure(property=path):
            if path is not None:
                _check_name(path)
        case model.Trait(name) | model.Property(name) | model.Score(name) | model.InSegment(name) | model.Crossed(name):
            _check_name(name)
        case _:
            pass


def check_number(value: float) -> None:
    """Refuses numbers that are infinite, no number, or whole and beyond 64 bits."""
    if isinstance(value, bool) or not math.isfinite(value) or (isinstance(value, int) and abs(value) > LARGEST_WHOLE):
        raise SegmentError(f"`{value!r}` is no number that can be stored", hint="Write large numbers as 1e20.")


def _check_name(name: str) -> None:
    if not name:
        raise SegmentError("a name cannot be empty")
    _check_text(name)


def _check_text(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise SegmentError(f"{text!a} holds half a character (a lone surrogate), which no text can hold")
