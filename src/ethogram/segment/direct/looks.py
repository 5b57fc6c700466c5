"""How a value that was sent as JSON is looked at: the same looks as `values.py` has in SQL, over Python values.

Step of the path: segment, language half. A look is None where the value is not of that kind.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ethogram.segment.sql import micros
from ethogram.segment.values import INSTANT_PATTERN, NUMBER_PATTERN
from ethogram.segment.windows import localize

_NUMBER = re.compile(NUMBER_PATTERN.removeprefix("^").removesuffix("$"), re.ASCII)
_INSTANT = re.compile(INSTANT_PATTERN.removeprefix("^").removesuffix("$"), re.ASCII)
_MOST = 2**63


def part(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """Finds the part of an object at a path; None where there is none. A dot inside a name nests like an object."""
    if len(names) == 1:
        (name,) = names
        return lambda value: value.get(name)
    return lambda value: _nested(value, names)


def _nested(value: Any, names: tuple[str, ...]) -> Any:
    if not names:
        return value
    if not isinstance(value, Mapping):
        return None
    for length in range(1, len(names) + 1):
        name = ".".join(names[:length])
        if name in value:
            found = _nested(value[name], names[length:])
            if found is not None:
                return found
    return None


def number(value: Any) -> float | None:
    """Numbers, and text that is wholly a finite number."""
    match value:
        case bool():
            return None
        case float():
            return value
        case int():
            return float(value) if -_MOST <= value < _MOST else None
        case str() if _NUMBER.fullmatch(value):
            parsed = float(value)
            return parsed if math.isfinite(parsed) else None
        case _:
            return None


def text(value: Any) -> str | None:
    """The value where it is text."""
    return value if isinstance(value, str) else None


def boolean(value: Any) -> bool | None:
    """The value where it is true or false."""
    return value if isinstance(value, bool) else None


def generic(value: Any) -> str | None:
    """The value as itself, so that 12, 12.0 and '12' are one; None for lists and objects."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if -_MOST <= value < _MOST else None
        case float() if value.is_integer() and abs(value) < _MOST:
            return str(int(value))
        case float() if 1e-6 <= abs(value) < 1e21:
            # The engine writes the shortest digits that mean the number, with an exponent only beyond these bounds.
            return f"{Decimal(repr(value)):f}"
        case float():
            digits, _, exponent = repr(value).partition("e")
            return f"{digits}e{int(exponent)}"
        case _:
            return None


def instant(value: Any, zone: ZoneInfo) -> int | None:
    """Text as an instant, in microseconds; dates and naive times are local to `zone`."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return None
    try:
        at = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return micros(at if at.tzinfo is not None else localize(at, zone))


def has(value: Any, item: str) -> bool:
    """Whether the value is a list that has the text `item`."""
    return isinstance(value, list) and item in value


def exists(value: Any) -> bool:
    """Whether there is any value: a list counts, an object if something is in it."""
    if isinstance(value, Mapping):
        return any(exists(inner) for inner in value.values())
    return value is not None
