"""The ledger's database: opened, brought to the newest schema, and used in transactions.

Step of the path: store. Knows SQLite and PostgreSQL and what each needs so that a commit that returned is on disk;
turns the driver's errors into ours. Knows nothing of what the tables hold.
"""

from __future__ import annotations

import contextlib
import json
import threading
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from ethogram.errors import LedgerError, SettingError, UserError, WorkspaceBusyError
from ethogram.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

# Any fixed number: holds the migrations of one PostgreSQL database for one process at a time.
_MIGRATION_LOCK = 0x6574686F6772616D


class Database:
    """Transactions on one database; safe to use from several threads and beside other processes.

    Args:
        url: `sqlite:////absolute/file.db`, `sqlite://` (in memory, for one-off questions) or
            `postgresql://user:password@host/database`.
        patience: seconds that a statement waits for another process that writes to a SQLite file.

    Raises:
        SettingError: the address is of another kind, or its driver is not installed.
        UserError: a newer Ethogram has written this database.
        LedgerError: the database cannot be opened.
    """

    def __init__(self, url: str, patience: float = 30) -> None:
        self._engine = _engine(url, patience)
        self._turn = _turn(self._engine.url)
        self._patience = patience
        try:
            self._migrate()
        except BaseException:
            self._engine.dispose()
            raise

    @property
    def address(self) -> str:
        """The URL without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Closes all connections; a second call does nothing."""
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for looking only."""
        with _Wrapped(self.address), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: on disk when the block ends, undone when it raises."""
        with _Wrapped(self.address), self._engine.connect() as plain, self._alone():
            connection = plain.execution_options(ethogram_writes=True)
            with connection.begin():
                yield connection

    def compact(self) -> bool:
        """Writes a SQLite file anew, without what was ever deleted from it; whether nobody stood in the way.

        PostgreSQL does that by itself, with `VACUUM`, when nobody may see the old rows any more.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        with _Wrapped(self.address), self._alone(), self._engine.connect() as connection:
            plain = connection.connection.driver_connection
            assert plain is not None
            plain.execute("VACUUM")
            # What the log still holds goes with it: readers that are under way keep it for a moment.
            for _ in range(100):
                if not plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    return True
                threading.Event().wait(0.05)
            return False

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Waits for the other threads of this process that write to a SQLite file.

        SQLite would wait, too, but asleep: it looks again after up to a tenth of a second, however soon it could write.
        """
        mine = self._turn is not None and self._turn.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if mine and self._turn is not None:
                self._turn.release()

    def _migrate(self) -> None:
        with self.reading() as connection:
            if _revision(connection) == tables.HEAD:
                return
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            # Another process may have migrated while this one waited for the lock.
            current = _revision(connection)
            if current == tables.HEAD:
                return
            _upgrade(connection, current)


_turns: dict[str, threading.Lock] = {}  # by SQLite file: whose turn it is to write, of this process's threads


def _turn(url: sa.URL) -> threading.Lock | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return _turns.setdefault(str(url.database), threading.Lock())


def first_line(error: BaseException) -> str:
    """What a driver's error says, in one line."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def _engine(url: str, patience: float) -> sa.Engine:
    try:
        address = sa.make_url(url)
    except SQLAlchemyError:
        address = None
    backend = address.get_backend_name() if address is not None else None
    if address is not None and backend == "sqlite":
        return _sqlite(address, patience)
    if address is not None and backend in ("postgresql", "postgres"):
        try:
            return sa.create_engine(address.set(drivername="postgresql+pg8000"), pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise SettingError(
                "the driver for PostgreSQL is not installed", hint="`pip install 'ethogram[postgres]'`"
            ) from error
    shown = address.render_as_string(hide_password=True) if address is not None else url.rsplit("@", 1)[-1]
    raise SettingError(
        f"`{shown}` is not a ledger's address",
        hint="Use `sqlite:////absolute/file.db` or `postgresql://user:password@host/database`.",
    )


def _sqlite(address: sa.URL, patience: float) -> sa.Engine:
    in_memory = address.database in (None, "", ":memory:")
    if not in_memory:
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
    arguments = {"timeout": patience, "isolation_level": None, "check_same_thread": False}
    plain = address.set(drivername="sqlite")
    engine = (
        sa.create_engine(plain, connect_args=arguments, json_deserializer=_from_json, poolclass=StaticPool)
        if in_memory
        else sa.create_engine(plain, connect_args=arguments, json_deserializer=_from_json)
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        if not in_memory:
            _write_ahead(connection)
        # A commit that returned is on disk, also after a power cut.
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer takes the write lock at once: two that read first and write later would deadlock.
        writes = connection.get_execution_options().get("ethogram_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _from_json(text: str) -> Any:
    return {} if text == "{}" else json.loads(text)  # most messages carry nothing


def _write_ahead(connection: Any) -> None:
    """Switches a SQLite file to write-ahead logging; the busy timeout does not cover this one statement."""
    for attempt in range(200):
        try:
            if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                return
        except Exception as error:
            if "locked" not in str(error) or attempt == 199:
                raise
        threading.Event().wait(0.05)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return str(revision) if revision is not None else None


def _upgrade(connection: sa.Connection, current: str | None) -> None:
    from alembic import command  # a ledger that is up to date opens without Alembic
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    with resources.as_file(resources.files("ethogram.store") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if current is not None and current not in known:
            raise UserError(
                f"the ledger was written by a newer Ethogram (its schema is `{current}`, this one knows up to "
                f"`{tables.HEAD}`)",
                hint="Update Ethogram: `pip install --upgrade ethogram`. Nothing was changed.",
            )
        command.upgrade(config, tables.HEAD)


class _Wrapped:
    """Turns the driver's errors into ours; a violated constraint passes, for whoever can say what it means."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, SQLAlchemyError) or isinstance(error, IntegrityError):
            return
        if isinstance(error, DBAPIError) and "database is locked" in str(error.orig):
            raise WorkspaceBusyError(
                f"the ledger `{self._address}` is being written by another process",
                hint="Try again in a moment. Nothing was changed.",
            ) from error
        raise LedgerError(
            f"the ledger `{self._address}` refused a statement: {first_line(error)}",
            hint="`ethogram doctor` looks at what is wrong.",
        ) from error
