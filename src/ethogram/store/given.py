"""Many values for one statement: given as one JSON text, whatever their number.

Step of the path: store. Any other form is compiled anew for each number of values, or costs more in Python for each row
than the database takes for it. Knows how SQLite and PostgreSQL read such a text; knows no table.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

_encode = msgspec.json.Encoder(uuid_format="hex").encode
# The name of a column's type -> how PostgreSQL calls it; SQLite takes what comes.
TEXT, LONG, BOOL, INSTANT, JSON = "text", "bigint", "boolean", "timestamptz", "json"


def among(
    connection: sa.Connection, column: sa.ColumnElement[Any], values: Iterable[str | int]
) -> sa.ColumnElement[bool]:
    """Whether a column has one of the values; these are all texts, or all whole numbers."""
    held = list(values)
    text = sa.bindparam(None, _encode(held).decode(), sa.Text, unique=True)
    if connection.dialect.name == "postgresql":
        found: Any = sa.func.json_array_elements_text(sa.cast(text, sa.JSON)).column_valued("given")
        if held and isinstance(held[0], int):
            found = sa.cast(found, sa.BigInteger)
        return column.in_(sa.select(found))
    return column.in_(sa.select(sa.func.json_each(text).table_valued("value").c.value))


def rows(connection: sa.Connection, columns: Mapping[str, str]) -> str:
    """A table `given` of rows that come as `:given` (see `text`), for a FROM clause.

    Args:
        columns: their names and types.
    """
    if connection.dialect.name == "postgresql":
        return f"json_to_recordset(CAST(:given AS json)) AS given({', '.join(map(' '.join, columns.items()))})"
    parts = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in columns)
    return f"(SELECT {parts} FROM json_each(:given)) AS given"


def text(values: Sequence[Mapping[str, Any]]) -> str:
    """Rows for `rows`."""
    return _encode(values).decode()


def json(value: Any) -> str:
    """A value for a column that holds JSON."""
    return _encode(value).decode()


def instant(connection: sa.Connection, at: dt.datetime) -> str:
    """An instant as the database's column of instants takes it in text."""
    return _instant(connection.dialect.name, at)


@functools.lru_cache(maxsize=256)  # many rows have the same one
def _instant(dialect: str, at: dt.datetime) -> str:
    if dialect == "postgresql":
        return at.isoformat()
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
