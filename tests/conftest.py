"""What all tests share: a fresh SQLite ledger is a copy of one that the migrations made, once for each process.

Most tests make a ledger, and the migrations from the first on take a quarter of a second. Ledgers of PostgreSQL, those
of an older schema, and those of processes that tests start go through the migrations themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ethogram.store import database

_migrated = database._upgrade


@functools.cache
def _fresh() -> tuple[str, ...]:
    """The statements of a ledger that the migrations made of nothing, with the rows they leave behind."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        _migrated(connection, None)
        plain = connection.connection.driver_connection
        assert plain is not None
        statements = tuple(line for line in plain.iterdump() if line not in {"BEGIN TRANSACTION;", "COMMIT;"})
    engine.dispose()
    return statements


def _upgrade(connection: sa.Connection, current: str | None) -> None:
    if current is not None or connection.dialect.name != "sqlite":
        _migrated(connection, current)
        return
    for statement in _fresh():
        connection.exec_driver_sql(statement)


@pytest.fixture(autouse=True, scope="session")
def _ledgers_are_copied() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "_upgrade", _upgrade)
        yield
