"""Timestamps as they come, and the instants that they mean.

Step of the path: collect. Reads a column of text, numbers or timestamps; gives instants in UTC, and a reason for each
row that has none. A timestamp without an offset is an instant only with a declared time zone: nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from ethogram.collect.arrays import Column, Faults, pc, rows_where
from ethogram.errors import InputError
from ethogram.store.schema import EARLIEST, LATEST

UTC = dt.UTC
_NAIVE = pa.timestamp("us")
_AWARE = pa.timestamp("us", tz="UTC")
_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?((Z|[+-]\d{2}(:?\d{2})?))?)?$"
_OFFSET = r"\d{2}:\d{2}.*(Z|[+-]\d{2}(:?\d{2})?)$"
_EPOCH = r"^[1-9]\d{8,17}(\.\d+)?$|^1\d{18}$"
_SLASHED = r"^(\d{1,2})([/.])(\d{1,2})[/.](\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$"


def zone_named(name: str | None) -> dt.tzinfo | None:
    """The time zone of that IANA name.

    Raises:
        InputError: there is no such zone.
    """
    if name is None:
        return None
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(
            f"there is no time zone `{name}`", hint="Use an IANA name, for example `Europe/Stockholm` or `UTC`."
        ) from error


def has_naive(values: Column) -> bool:
    """Whether any timestamp in the column lacks an offset."""
    if pa.types.is_timestamp(values.type):
        return bool(values.type.tz is None and values.null_count < len(values))
    if pa.types.is_date(values.type):
        return bool(values.null_count < len(values))
    if not _is_text(values.type):
        return False
    text = _tidy(values)
    iso = pc.match_substring_regex(text, _ISO)
    naive = pc.and_(iso, pc.invert(pc.match_substring_regex(text, _OFFSET)))
    return bool(pc.any(pc.or_(naive, pc.match_substring_regex(text, _SLASHED))).as_py())


def date_order(values: Column) -> str | None:
    """`dmy` or `mdy` for dates like 12/31/2010, as the column itself proves; None when it has none.

    Raises:
        InputError: the column proves neither, or both.
    """
    if not _is_text(values.type):
        return None
    text = _tidy(values)
    slashed = pc.drop_null(text.filter(pc.match_substring_regex(text, _SLASHED)))
    if not len(slashed):
        return None
    parts = pc.extract_regex(slashed, _NAMED)
    first = pc.max(pc.struct_field(parts, "a").cast(pa.int32())).as_py()
    second = pc.max(pc.struct_field(parts, "b").cast(pa.int32())).as_py()
    if (first > 12) == (second > 12):
        raise InputError(
            f"dates like `{slashed[0]}` do not say whether the day or the month comes first",
            hint="Say it with `--type COLUMN=dmy` or `--type COLUMN=mdy`.",
        )
    return "dmy" if first > 12 else "mdy"


_NAMED = r"^(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<y>\d{4})(?:[ T](?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2}))?)?$"


def instants(values: Column, zone: dt.tzinfo | None, order: str | None = None) -> tuple[Column, Faults]:
    """The instants (null where there is none) and, by row, the reason why.

    Args:
        values: text (ISO 8601, epoch, 31/12/2010 14:30), numbers (epoch in s, ms, µs or ns by size), dates, timestamps.
        zone: of timestamps without an offset. Where clocks go back the first pass is meant; where they skip, the time
            is read with the offset before the change.
        order: `dmy` or `mdy`, for dates with slashes.
    """
    faults: Faults = {}
    if pa.types.is_timestamp(values.type):
        found = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
        found = found.cast(_AWARE) if values.type.tz else _localised(found, zone)
    elif pa.types.is_date(values.type):
        found = _localised(values.cast(pa.timestamp("ms")).cast(_NAIVE), zone)
    elif _is_text(values.type):
        found = _from_text(_tidy(values), zone, order)
    elif pa.types.is_null(values.type):
        found = pa.nulls(len(values), _AWARE)
    else:
        found = _from_epoch(values)
    outside = pc.or_(
        pc.less(found, pa.scalar(EARLIEST, _AWARE)),
        pc.greater(found, pa.scalar(LATEST, _AWARE)),
    )
    for row in rows_where(outside):
        faults.setdefault(row, f"the timestamp `{_shown(values, row)}` is not between the years 1900 and 2299")
    for row in rows_where(pc.is_null(found)):
        shown = _shown(values, row)
        faults.setdefault(row, f"`{shown}` is not a timestamp" if shown else "no timestamp")
    return found, faults


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _tidy(values: Column) -> Column:
    """Without blanks around it; `10:00 UTC` and `10:00 +02:00` as `10:00Z` and `10:00+02:00`."""
    text = pc.utf8_trim_whitespace(values)
    text = pc.replace_substring_regex(text, r"(\d{2}:\d{2}\S*) ?UTC$", r"\1Z")
    return pc.replace_substring_regex(text, r"(\d{2}:\d{2}\S*) (Z|[+-]\d{2}(:?\d{2})?)$", r"\1\2")


def _shown(values: Column, row: int) -> str:
    try:
        value = values[row].as_py()
    except (ValueError, OverflowError):  # a year that Python does not have
        value = values[row].cast(pa.int64())
    return "" if value is None else str(value)[:60]


def _from_text(text: Column, zone: dt.tzinfo | None, order: str | None) -> Column:
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    iso = pc.fill_null(pc.match_substring_regex(text, _ISO), False)
    offset = pc.and_(iso, pc.fill_null(pc.match_substring_regex(text, _OFFSET), False))
    naive = pc.and_(iso, pc.invert(offset))
    found = pa.nulls(len(text), _AWARE)
    clean = pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")
    if pc.any(offset).as_py():
        found = pc.if_else(offset, _cast(pc.if_else(offset, clean, None), _AWARE), found)
    if pc.any(naive).as_py():
        local = _localised(_cast(pc.if_else(naive, clean, None), _NAIVE), zone)
        found = pc.if_else(naive, local, found)
    rest = pc.and_(pc.invert(iso), pc.is_valid(text))
    if pc.any(rest).as_py():
        epoch = pc.and_(rest, pc.fill_null(pc.match_substring_regex(text, _EPOCH), False))
        if pc.any(epoch).as_py():
            numbers = pc.if_else(epoch, text, None)
            fractions = pc.any(pc.match_substring(numbers, ".")).as_py()
            kind = pa.float64() if fractions else pa.int64()
            found = pc.if_else(epoch, _from_epoch(numbers.cast(kind)), found)
        slashed = pc.and_(rest, pc.fill_null(pc.match_substring_regex(text, _SLASHED), False))
        if pc.any(slashed).as_py() and order is not None:
            found = pc.if_else(slashed, _localised(_slashed(pc.if_else(slashed, text, None), order), zone), found)
    return found


def _cast(text: Column, kind: pa.DataType) -> Column:
    """Text that looks like a timestamp as timestamps; one 30 February must not sink the block."""
    try:
        return pc.cast(text, kind)
    except pa.ArrowInvalid:
        return pa.array([_read(value) for value in text.to_pylist()], kind)


def _read(value: str | None) -> dt.datetime | None:
    if value is None:
        return None
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        return None


def _slashed(text: Column, order: str) -> Column:
    parts = pc.extract_regex(text, _NAMED)
    day, month = ("a", "b") if order == "dmy" else ("b", "a")

    def two(name: str) -> Column:
        field = pc.struct_field(parts, name)
        return pc.utf8_lpad(pc.if_else(pc.equal(field, ""), "00", field), 2, "0")

    joined = pc.binary_join_element_wise(
        pc.binary_join_element_wise(pc.struct_field(parts, "y"), two(month), two(day), "-"),
        pc.binary_join_element_wise(two("h"), two("m"), two("s"), ":"),
        "T",
    )
    return _cast(joined, _NAIVE)


def _from_epoch(numbers: Column) -> Column:
    """Seconds, milliseconds, microseconds or nanoseconds, by their size: each unit's range begins in 1973."""
    if not pa.types.is_integer(numbers.type):
        doubles = numbers.cast(pa.float64(), safe=False).fill_null(float("nan")).to_numpy(zero_copy_only=False)
        usable = np.isfinite(doubles) & (np.abs(doubles) < 9e18)
        doubles = np.where(usable, doubles, 0.0)
        size = np.abs(doubles)
        # Fractions count only for seconds and milliseconds; beyond, a double holds no smaller part.
        micros = np.round(
            np.select([size < 1e11, size < 1e14, size < 1e17], [doubles * 1e6, doubles * 1e3, doubles], doubles / 1e3)
        ).astype(np.int64)
        return pa.array(micros, mask=~usable).cast(_AWARE)
    if pa.types.is_uint64(numbers.type):
        numbers = pc.if_else(pc.less(numbers, pa.scalar(2**63, pa.uint64())), numbers, None)
    whole = numbers.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    size = np.abs(whole)
    seconds, millis = np.where(size < 10**11, whole, 0), np.where(size < 10**14, whole, 0)
    micros = np.select(
        [size < 10**11, size < 10**14, size < 10**17], [seconds * 1_000_000, millis * 1_000, whole], whole // 1_000
    )
    return pa.array(micros, mask=pc.is_null(numbers).to_numpy(zero_copy_only=False)).cast(_AWARE)


def _localised(naive: Column, zone: dt.tzinfo | None) -> Column:
    if naive.null_count == len(naive):
        return pa.nulls(len(naive), _AWARE)
    if zone is None:
        raise InputError(
            "the timestamps have no offset, so they mean nothing without a time zone",
            hint="Declare it: `ethogram load events FILE --timezone Europe/Stockholm` (`timezone=` in Python).",
        )
    if zone is UTC:
        return naive.cast(_AWARE)
    name = str(zone)
    try:
        early, late = (
            pc.assume_timezone(naive, name, ambiguous="earliest", nonexistent=which) for which in ("earliest", "latest")
        )
    except pa.ArrowInvalid:  # a machine without time zone files, or a year they do not reach
        return pa.array([_convert(value, zone) for value in naive.to_pylist()], _AWARE)
    found = early.cast(_AWARE)
    skipped = rows_where(pc.not_equal(early, late))
    if skipped:
        values = found.to_pylist()
        for row in skipped:
            values[row] = _convert(naive[row].as_py(), zone)
        found = pa.array(values, _AWARE)
    return found


def _convert(value: dt.datetime | None, zone: dt.tzinfo) -> dt.datetime | None:
    if value is None:
        return None
    try:
        return value.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None
