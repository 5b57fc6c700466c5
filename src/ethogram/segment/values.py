"""How a value that was sent as JSON is looked at: as a number, a text, a boolean, an instant, or as itself.

Step of the path: segment, language half. One property may have been sent as several kinds; every look is an
expression that is NULL where the value is not of that kind, so that nothing is dropped and no query fails.
"""

from __future__ import annotations

from ethogram.segment import local_time
from ethogram.segment.sql import Binder, quote

# Text that is wholly a number; no blanks, no signs in front but a minus, no bare points.
NUMBER_PATTERN = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"
# Dates and instants; what matches is then parsed by the engine, which refuses the 30th of February.
INSTANT_PATTERN = (
    r"^(19|2[0-2])\d\d-\d\d-\d\d"
    r"([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?)?$"
)
_ZONED_PATTERN = r"(Z|[+-]\d\d:\d\d)$"
_EARTH_RADIUS_KM = 6371.0088  # mean radius R1, IUGG 1980


def path(column: str, name: str) -> str:
    """A JSON column's part; dots in `name` nest."""
    return column + "".join(f".{quote(part)}" for part in name.split("."))


def of_type(value: str, kind: str) -> str:
    """Nullable: the value where it was stored as the engine's type `kind`.

    All looks at a value take it from one column, which is read once; `value.:kind` would be a column for each look.
    """
    return f"dynamicElement({value}, '{kind}')"


def text(value: str) -> str:
    """Nullable(String): the value where it is text."""
    return of_type(value, "String")


def boolean(value: str) -> str:
    """Nullable(Bool): the value where it is true or false."""
    return of_type(value, "Bool")


def number(value: str, binder: Binder) -> str:
    """Nullable(Float64): numbers, and text that is wholly a number."""
    whole = f"toFloat64({of_type(value, 'Int64')})"
    return f"coalesce({of_type(value, 'Float64')}, {whole}, {number_of_text(text(value), binder)})"


def number_of_text(expression: str, binder: Binder) -> str:
    """Nullable(Float64) of a text expression that is wholly a finite number."""
    parsed = f"toFloat64OrNull({expression})"
    pattern = binder.text(NUMBER_PATTERN)
    return f"if(isNull({expression}), NULL, if(match({expression}, {pattern}) AND isFinite({parsed}), {parsed}, NULL))"


def generic(value: str) -> str:
    """Nullable(String): the value as itself, so that 12, 12.0 and '12' are one; NULL for lists and objects."""
    float_ = of_type(value, "Float64")
    whole = f"{float_} = trunc({float_}) AND abs({float_}) < 9223372036854775807"
    return (
        f"coalesce({text(value)}, toString({of_type(value, 'Int64')}), "
        f"if(isNull({float_}), NULL, "
        f"if({whole}, toString(accurateCastOrNull({float_}, 'Int64')), toString({float_}))), "
        f"toString({boolean(value)}))"
    )


def exists(column: str, name: str) -> str:
    """Whether there is any value: a list or an object counts."""
    inside = f"{column}.^{'.'.join(quote(part) for part in name.split('.'))}"
    return f"(isNotNull({path(column, name)}) OR toString({inside}) != '{{}}')"


def list_has(value: str, item: str, *, caseless: bool = False) -> str:
    """Whether the value is a list that has the text `item`."""
    texts = of_type(value, "Array(Nullable(String))")
    mixed = f"arrayMap(x -> dynamicElement(x, 'String'), {of_type(value, 'Array(Dynamic)')})"
    if caseless:
        texts, mixed = (f"arrayMap(x -> lowerUTF8(x), {items})" for items in (texts, mixed))
        item = f"lowerUTF8({item})"
    return f"(has({texts}, {item}) OR has({mixed}, {item}))"


def instant(expression: str, zone: str, binder: Binder) -> str:
    """Nullable(DateTime64): a text expression as an instant; dates and naive times are local to `zone`."""
    fits = f"match({expression}, {binder.text(INSTANT_PATTERN)})"
    as_utc = f"toTimeZone(parseDateTime64BestEffortOrNull({expression}, 6, 'UTC'), 'UTC')"
    naive = local_time.instant_of(f"assumeNotNull({as_utc})", binder.text(zone))
    zoned = f"match({expression}, {binder.text(_ZONED_PATTERN)})"
    return f"if(isNull({expression}), NULL, if({fits} AND isNotNull({as_utc}), if({zoned}, {as_utc}, {naive}), NULL))"


def distance_km(latitude: str, longitude: str, to_latitude: str, to_longitude: str) -> str:
    """Great-circle distance on a sphere in kilometres (haversine formula)."""
    d_lat = f"(radians({to_latitude}) - radians({latitude})) / 2"
    d_lon = f"(radians({to_longitude}) - radians({longitude})) / 2"
    return (
        f"2 * {_EARTH_RADIUS_KM} * asin(least(1., sqrt(pow(sin({d_lat}), 2) + "
        f"cos(radians({latitude})) * cos(radians({to_latitude})) * pow(sin({d_lon}), 2))))"
    )
