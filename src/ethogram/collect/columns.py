"""Columns to documents: whole columns become JSON text at once, without a loop over rows where values are plain.

Step of the path: collect. Reads the property columns of a block; gives one JSON object per row and, by row, the
reason why it cannot be kept. Files, mappings and instants are others' work.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ethogram.collect.arrays import Column, Faults, letters, pc, rows_where
from ethogram.collect.values import Limits, UnacceptableError, encoded, too_long, too_many
from ethogram.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
_JSON_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"
_SAFE_WHOLE = r"^-?[0-9]{1,18}([.eE]|$)"
_BOOLEAN = r"^(true|false|True|False|TRUE|FALSE)$"
_SAMPLE = 4_096  # values that are looked at to tell whether a column has few different ones
_PART = 1 << 18  # bytes that are looked at together


class ColumnType(StrEnum):
    """What a column of text holds."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"


def infer(column: Column) -> ColumnType:
    """The type that every non-empty value of a text column has; text when they differ or there is none.

    `007` and `1e5` are text: they are more often codes than numbers.
    """
    filled = pc.drop_null(column)
    if not len(filled):
        return ColumnType.TEXT
    if pc.all(pc.match_substring_regex(filled, _NUMBER)).as_py():
        return ColumnType.NUMBER
    if pc.all(pc.match_substring_regex(filled, _BOOLEAN)).as_py():
        return ColumnType.BOOLEAN
    return ColumnType.TEXT


def is_number(value: str) -> bool:
    """Whether a text is a number as JSON writes one."""
    return re.fullmatch(_JSON_NUMBER, value) is not None


def check_names(names: Sequence[str], limits: Limits, source: str) -> None:
    """Refuses a file whose columns cannot be properties.

    Raises:
        InputError: there are too many columns, or two have one name.
    """
    if len(names) > limits.properties:
        raise InputError(
            f"`{source}` has {too_many(len(names), limits).replace(' per row', '')}",
            hint="Leave out columns that no segment needs, or check that the file is what it should be.",
        )
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(
            f"`{source}` has several columns called `{twice[0]}`", hint="Give each column a name of its own."
        )


def documents(
    columns: Mapping[str, Column], rows: int, types: Mapping[str, ColumnType], limits: Limits
) -> tuple[Column, Faults]:
    """One JSON object per row, of the columns that have a value there.

    Args:
        columns: by property name; a dot in a name nests.
        rows: their length.
        types: for text columns; others keep their own type unless named here.
    """
    faults: Faults = {}
    pieces: list[Column] = []
    for name, column in columns.items():
        piece = _piece(name, column, types.get(name), faults)
        if piece is not None:
            pieces.append(piece)
    _refuse_collisions(columns, faults)
    if not pieces:
        return pa.array(["{}"] * rows, pa.string()), faults
    # Arrow leaves out a row whose pieces are all null, and with it the order of all that follow.
    bare = pieces[0].is_null()
    for piece in pieces[1:]:
        bare = pc.and_(bare, piece.is_null())
    pieces[0] = pc.if_else(bare, "", pieces[0])
    joined = pc.binary_join_element_wise(*pieces, ",", null_handling="skip")
    found = pc.binary_join_element_wise("{", joined, "}", "")
    size = pc.binary_length(found)
    if pc.max(size).as_py() > limits.bytes:
        for row in rows_where(pc.greater(size, limits.bytes)):
            faults.setdefault(row, too_long(size[row].as_py(), limits))
    return found, faults


def text(column: Column, faults: Faults, what: str) -> Column:
    """A column as text (null where empty), for ids and names: 17850.0 is `17850`."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_string(kind):
        return _valid_utf8(column, faults, what)
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**53))
        if pc.all(whole).as_py():
            return column.cast(pa.int64()).cast(pa.string())
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_nested(kind):
        for row in rows_where(pc.is_valid(column)):
            faults.setdefault(row, f"{what} is a {kind}, not text or a number")
        return pa.nulls(len(column), pa.string())
    return column.cast(pa.string())


def _piece(name: str, column: Column, wanted: ColumnType | None, faults: Faults) -> Column | None:
    """Each value with its name, `"name":value`; null where there is none."""
    column = _plain(column)
    key = f"{encoded(name)}:"
    coded = _coded(column)
    if coded is None:
        value = _json(name, column, wanted, faults)
        return None if value is None else pc.binary_join_element_wise(key, value, "")
    # A fault of one of the different values would name a row of the dictionary: plain text has none.
    value = _json(name, coded.dictionary, wanted, {})
    if value is None:
        return None
    return pc.binary_join_element_wise(key, value, "").take(coded.indices)


def _coded(column: Column) -> Column | None:
    """A column of few different texts as a dictionary, each of which then becomes JSON once."""
    if not pa.types.is_string(column.type) or len(column) < _SAMPLE:
        return None
    if len(column.slice(0, _SAMPLE).unique()) > _SAMPLE // 8 or not _is_utf8(column):
        return None
    return column.dictionary_encode()


def _plain(column: Column) -> Column:
    """Without dictionaries, views and large offsets, so that there is one text type to look at."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return column.cast(pa.string())
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or str(kind) == "binary_view":
        return column.cast(pa.binary())
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    return column


def _json(name: str, column: Column, wanted: ColumnType | None, faults: Faults) -> Column | None:
    """The JSON text of each value, null where there is none; None for a column without any."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_null(kind) or column.null_count == len(column):
        return None
    if pa.types.is_binary(kind) or pa.types.is_string(kind):
        column = _valid_utf8(column, faults, f"`{name}`")
    elif wanted is ColumnType.TEXT and not pa.types.is_nested(kind):
        column = column.cast(pa.string())
    elif pa.types.is_boolean(kind):
        return pc.if_else(column, "true", "false")
    elif pa.types.is_uint64(kind):
        column = column.cast(pa.string())
        return _numbers(column, pc.fill_null(pc.match_substring_regex(column, _SAFE_WHOLE), True))
    elif pa.types.is_integer(kind):
        return column.cast(pa.string())
    elif pa.types.is_floating(kind):
        for row in rows_where(pc.invert(pc.is_finite(column))):
            faults.setdefault(row, f"`{name}` is {column[row].as_py()}, which is no number that can be kept")
        return column.cast(pa.string())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.string())
        return _numbers(column, pc.match_substring_regex(column, _SAFE_WHOLE))
    elif pa.types.is_timestamp(kind):
        return _quoted(_timestamps(column))
    elif pa.types.is_date(kind) or pa.types.is_time(kind):
        return _quoted(column.cast(pa.string()))
    elif pa.types.is_duration(kind):
        micros = column.cast(pa.duration("us"), safe=False).cast(pa.int64())
        return pc.divide(micros.cast(pa.float64(), safe=False), 1e6).cast(pa.string())
    else:
        return _row_by_row(name, column, faults)
    if wanted is ColumnType.NUMBER:
        is_number = pc.fill_null(pc.match_substring_regex(column, _JSON_NUMBER), False)
        whole_fits = pc.fill_null(pc.match_substring_regex(column, _SAFE_WHOLE), False)
        return _numbers(column, pc.and_(is_number, whole_fits), is_number)
    if wanted is ColumnType.BOOLEAN:
        is_boolean = pc.match_substring_regex(column, _BOOLEAN)
        return pc.if_else(is_boolean, pc.utf8_lower(column), _quoted(column))
    return _quoted(column)


def _numbers(column: Column, plain: Column, number: Column | None = None) -> Column:
    """Text of numbers as JSON: as it stands where `plain`; what 64 bits cannot hold, and what is no number, quoted."""
    if pc.all(plain).as_py():
        return column
    found = pc.if_else(plain, column, _quoted(column))
    doubtful = rows_where(pc.and_(pc.invert(plain), pc.is_valid(column) if number is None else number))
    if doubtful:
        values = found.to_pylist()
        for row in doubtful:
            digits = str(column[row])
            if digits.lstrip("-").isdigit() and -(2**63) <= int(digits) < 2**63:
                values[row] = digits
        found = pa.array(values, pa.string())
    return found


def _quoted(column: Column) -> Column:
    if _needs_escape(column):
        # Few different texts need escaping again and again: each is encoded once.
        coded = column.dictionary_encode()
        return pa.array([encoded(value) for value in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)
    return pc.binary_join_element_wise('"', column, '"', "")


def _needs_escape(column: Column) -> bool:
    """Whether any text holds what JSON writes with a backslash; a text hidden behind a null counts too."""
    content = letters(column)
    parts = (content[at : at + _PART] for at in range(0, len(content), _PART))
    return any(((part < 0x20) | (part == ord('"')) | (part == ord("\\"))).any() for part in parts)


def _timestamps(column: Column) -> Column:
    zoned = column.type.tz is not None
    micros = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    if zoned:
        micros = micros.cast(pa.timestamp("us", tz="UTC"))
    shown = micros.cast(pa.timestamp("us")).cast(pa.string())
    shown = pc.replace_substring(shown, " ", "T")
    shown = pc.replace_substring_regex(shown, r"\.000000$", "")
    return pc.binary_join_element_wise(shown, "Z", "") if zoned else shown


def _row_by_row(name: str, column: Column, faults: Faults) -> Column:
    """Lists, objects and whatever else is rare."""
    found: list[str | None] = []
    for row, value in enumerate(column.to_pylist()):
        try:
            found.append(None if value is None else encoded(_jsonable(value)))
        except (UnacceptableError, UnicodeDecodeError) as error:
            faults.setdefault(row, f"`{name}`: {error}")
            found.append(None)
    return pa.array(found, pa.string())


def _jsonable(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _jsonable(item) for key, item in value.items()}
        case list() | tuple():
            return [_jsonable(item) for item in value]
        case bytes():
            return value.decode()
        case None | bool() | int() | float() | str():
            return value
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _is_utf8(column: Column) -> bool:
    try:
        column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _valid_utf8(column: Column, faults: Faults, what: str) -> Column:
    """The column as text; rows that are not UTF-8 become null and get a fault."""
    raw = column.cast(pa.binary())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        found: list[str | None] = []
        for row, value in enumerate(raw.to_pylist()):
            try:
                found.append(None if value is None else value.decode())
            except UnicodeDecodeError:
                faults.setdefault(row, f"{what} is not UTF-8")
                found.append(None)
        return pa.array(found, pa.string())


def _refuse_collisions(columns: Mapping[str, Column], faults: Faults) -> None:
    """Two columns on one path (`a` and `a.b`) are refused where both have a value."""
    names = set(columns)
    for name in names:
        at = name.find(".")
        while at != -1:
            outer = name[:at]
            if outer in names:
                both = pc.and_(pc.is_valid(columns[outer]), pc.is_valid(columns[name]))
                for row in rows_where(both):
                    faults.setdefault(row, f"`{outer}` has a value of its own and a part `{name}`; a dot nests")
            at = name.find(".", at + 1)
