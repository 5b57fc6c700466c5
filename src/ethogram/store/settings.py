"""Settings that the program keeps for itself: a JSON value under a key.

Step of the path: store. Statements inside a transaction of the ledger (`ledger.py`). What people set is not here but
in the workspace's own file (`config.py`).
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ethogram.store import tables

# Asked all the time: built once, for building a statement takes longer than running it.
_ONE: Final = sa.select(tables.settings.c.value).where(tables.settings.c.key == sa.bindparam("name"))


def read(connection: sa.Connection, key: str, default: Any = None) -> Any:
    """The value kept under a key, `default` when there is none."""
    row = connection.execute(_ONE, {"name": key}).first()
    return row[0] if row is not None else default


def read_below(connection: sa.Connection, prefix: str) -> dict[str, Any]:
    """Every value whose key begins with a prefix, by key."""
    settings = tables.settings
    rows = connection.execute(
        sa.select(settings.c.key, settings.c.value).where(settings.c.key.startswith(prefix, autoescape=True))
    )
    return {row.key: row.value for row in rows}


def keep(connection: sa.Connection, key: str, value: Any) -> None:
    """Keeps a value under a key, in place of the one before."""
    settings = tables.settings
    connection.execute(settings.delete().where(settings.c.key == key))
    connection.execute(settings.insert().values(key=key, value=value))


def keep_first(connection: sa.Connection, key: str, value: Any) -> Any:
    """The value kept under a key: this one, unless another was there first."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(tables.settings).values(key=key, value=value).on_conflict_do_nothing())
    return read(connection, key)
