"""The oracle's values: how one value looks as a number, a text, a boolean, an instant, a place, a generic value.

Reads raw JSON values; writes nothing. A comparison later picks the one view that it asks for.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oracle.windows import UTC, from_local, start_of_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from oracle.world import Value

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
INSTANT = re.compile(
    DAY.pattern + r"[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
PLACE = re.compile(r" *(-?[0-9]+(?:\.[0-9]+)?) *, *(-?[0-9]+(?:\.[0-9]+)?) *")
YEARS = range(1900, 2300)
EARTH_RADIUS_KM = 6371.0088

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Views:
    """One value, seen each way; a view that it does not have is None. `present` is what `exists` asks."""

    present: bool = False
    number: float | None = None
    text: str | None = None
    boolean: bool | None = None
    instant: dt.datetime | None = None
    generic: str | None = None  # for distinct, favorite and account ids: 12 and '12' are one
    items: frozenset[str] = frozenset()  # texts in a list
    place: Place | None = None


MISSING = Views()


def of_number(value: float | None) -> Views:
    """The views of a computed number; what is not finite is missing."""
    if value is None or not math.isfinite(value):
        return MISSING
    return Views(present=True, number=float(value), generic=generic_number(value))


def of_instant(value: dt.datetime | None) -> Views:
    """The views of a measured instant."""
    return MISSING if value is None else Views(present=True, instant=value)


def of_value(value: Value, zone: ZoneInfo) -> Views:
    """The views of a raw property or trait value."""
    match value:
        case None:
            return MISSING
        case bool():  # before int: True is an int for Python and is none for us
            return Views(present=True, boolean=value, generic="true" if value else "false")
        case int() | float():
            return of_number(value)
        case str():
            return Views(
                present=True,
                number=number_in(value),
                text=value,
                instant=instant_in(value, zone),
                generic=value,
                place=place_in(value),
            )
        case list():
            return Views(present=True, items=frozenset(item for item in value if isinstance(item, str)))
        case dict():
            return Views(present=True, place=place_of(value))


def of_values(values: Sequence[Value], zone: ZoneInfo) -> Views:
    """What events, or trait changes, at one instant say together: per view, the greatest value that has it."""
    each = [of_value(value, zone) for value in values if value is not None]
    return Views(
        present=bool(each),
        number=max((one.number for one in each if one.number is not None), default=None),
        text=max((one.text for one in each if one.text is not None), default=None),
        boolean=max((one.boolean for one in each if one.boolean is not None), default=None),
        instant=max((one.instant for one in each if one.instant is not None), default=None),
        generic=max((one.generic for one in each if one.generic is not None), default=None),
        items=frozenset(item for one in each for item in one.items),
        place=max((one.place for one in each if one.place is not None), default=None),
    )


def generic_number(value: float) -> str:
    """A whole number below 2^63 without a fraction, anything else in its shortest form."""
    if float(value).is_integer() and abs(value) < 2**63:
        return str(int(value))
    return repr(float(value))


def number_in(text: str) -> float | None:
    """The number that a text is wholly, if it is one (and fits a double)."""
    if NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def instant_in(text: str, zone: ZoneInfo) -> dt.datetime | None:
    """The instant that a text writes: a local day's start, a local time, or a time with an offset."""
    try:
        day = DAY.fullmatch(text)
        if day is not None:
            return start_of_day(dt.date(*_year_month_day(day)), zone)
        full = INSTANT.fullmatch(text)
        if full is None:
            return None
        return _full_instant(full, zone)
    except ValueError:  # no such day, hour, minute, offset or year
        return None


def _year_month_day(match: re.Match[str]) -> tuple[int, int, int]:
    year = int(match[1])
    if year not in YEARS:
        raise ValueError("years before 1900 and after 2299 are not stored")
    return year, int(match[2]), int(match[3])


def _full_instant(match: re.Match[str], zone: ZoneInfo) -> dt.datetime:
    micros = int((match[7] or "0").ljust(6, "0"))
    time = dt.time(int(match[4]), int(match[5]), int(match[6] or 0), micros)
    wall = dt.datetime.combine(dt.date(*_year_month_day(match)), time)
    offset = match[8]
    if offset is None:
        return from_local(wall, zone)
    return wall.replace(tzinfo=_offset(offset)).astimezone(UTC)


def _offset(text: str) -> dt.tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError("no such offset")
    length = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-length if text[0] == "-" else length)


def place_in(text: str) -> Place | None:
    """The place that a text `lat,lon` names; blanks around the parts do not matter."""
    match = PLACE.fullmatch(text)
    return None if match is None else _place(float(match[1]), float(match[2]))


def place_of(parts: dict[str, Value]) -> Place | None:
    """The place of an object with numeric `lat` and `lon`, or `latitude` and `longitude`."""
    for latitude, longitude in (("lat", "lon"), ("latitude", "longitude")):
        north, east = parts.get(latitude), parts.get(longitude)
        if _is_number(north) and _is_number(east):
            return _place(float(north), float(east))  # type: ignore[arg-type]
    return None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _place(latitude: float, longitude: float) -> Place | None:
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return latitude, longitude


def kilometres_between(one: Place, other: Place) -> float:
    """Great-circle distance on a sphere of the Earth's mean radius, by the haversine formula."""
    north1, east1, north2, east2 = (math.radians(part) for part in (*one, *other))
    half = (
        math.sin((north2 - north1) / 2) ** 2 + math.cos(north1) * math.cos(north2) * math.sin((east2 - east1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))
