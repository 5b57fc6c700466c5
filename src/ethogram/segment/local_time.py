"""Local wall time in SQL: from an instant to what the clock on the wall shows, and back.

Step of the path: segment, language half. Wall time is carried as an instant "in UTC", so that adding months to it
meets no clock change. On the way back a time that occurs twice is the first one, and a time that a clock change skips
is read with the offset before it (as Python's `fold=0`, PEP 495), so that a day without midnight begins when its first
hour does.
"""

from __future__ import annotations


def wall_of(instant: str, zone: str) -> str:
    """The wall time of an instant; `zone` is SQL."""
    return f"toDateTime64(toString(toTimeZone({instant}, {zone})), 6, 'UTC')"


def instant_of(wall: str, zone: str) -> str:
    """The instant of a wall time."""
    # The engine reads a skipped time with the offset after the change, which lands before it: there the offset is
    # still the one wanted. For every other time both offsets are the same.
    nearby = f"toDateTime64(toString({wall}), 6, {zone})"
    return f"subtractSeconds({wall}, timeZoneOffset({nearby}))"


def midnight_of(day: str, zone: str) -> str:
    """The first instant of a local day, given as a Date32 expression."""
    return instant_of(f"toDateTime64({day}, 6, 'UTC')", zone)
