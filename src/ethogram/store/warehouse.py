"""The warehouse: ClickHouse, embedded in this process or on a server, behind one small class.

Step of the path: store. Reads and writes what it is told to; knows no segment, no file format and no ledger.
Values are always bound.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from ethogram.errors import SettingError, WarehouseError, WorkspaceBusyError
from ethogram.store.connections import Connections
from ethogram.store.cut_off import forget_cut_off
from ethogram.store.lock import PathLock
from ethogram.store.schema import ADDED, FACT_TABLES, TABLES

Parameters = Mapping[str, Any]

_SETTINGS: dict[str, Any] = {
    # Everything groups by profile and events are sorted by profile: halves the time, bounds the memory.
    "optimize_aggregation_in_order": 1,
    # Costs a third of the planning of a hundred segments and finds nothing to do in them.
    "optimize_and_compare_chain": 0,
    # Text that looks like a date is text; the language decides when it is an instant.
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "input_format_json_read_bools_as_numbers": 0,
    # Where facts are spread over a cluster, what is joined to them comes from all of it; elsewhere it changes nothing.
    "distributed_product_mode": "global",
    # The engine has no limits of its own.
    "max_memory_usage": 4_000_000_000,
    "max_execution_time": 3600,
    "join_use_nulls": 0,
    "max_query_size": 64_000_000,
    "max_ast_elements": 5_000_000,
    "max_expanded_ast_elements": 5_000_000,
    "max_parser_depth": 10_000,
}


# Questions about one person: they take one core for milliseconds, beside whatever else goes on.
# What the engine does to make long questions shorter only makes these longer.
_QUICK: dict[str, Any] = {
    "max_threads": 1,
    "max_execution_time": 30,
    "compile_expressions": 0,
    "optimize_aggregation_in_order": 0,
    "optimize_move_to_prewhere": 0,
}
_MOST_READING, _MOST_QUICK = 4, 4

# The address of a warehouse for one-off questions.
ROOM = 256 << 20  # bytes that the embedded engine leaves free on its disk
IN_MEMORY = "chdb://"
# Directories whose embedded engine this process holds: at most one, since the engine opens one at a time.
_held: list[str] = []


class Warehouse:
    """The warehouse, for any number of threads: reads go on beside each other and beside a write; writes take turns.

    Args:
        dsn: `chdb:///absolute/directory` (embedded), `chdb://` (embedded, in memory, for one-off questions) or
            `clickhouse://user:password@host:port/database` / `https://…` (a server).

    Raises:
        WorkspaceBusyError: another process holds the embedded directory.
        SettingError: the address is neither embedded nor a server's.
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._lock: PathLock | None = None
        self._directory: str | None = None
        self._scratch: str | None = None
        self._closed = False
        self._mutex = threading.RLock()
        self._place: dict[str, Any] = {}
        if dsn == IN_MEMORY:
            self._client = self._open_scratch()
        elif dsn.startswith("chdb://"):
            path = dsn.removeprefix("chdb://")
            Path(path).mkdir(parents=True, exist_ok=True)
            _refuse_second(path)
            self._lock = PathLock(Path(path))
            self._directory = path
            self._place = {"interface": "chdb", "path": path}
            try:
                forget_cut_off(Path(path), kept=TABLES)
                self._client = self._connect(**self._place)
            except BaseException:
                self._lock.release()
                raise
            _held.append(path)
        elif dsn.startswith(("clickhouse://", "clickhouses://", "http://", "https://")):
            self._place = {"dsn": dsn}
            self._client = self._connect(**self._place)
        else:
            raise SettingError(
                f"`{dsn}` is not a warehouse's address",
                hint="Use `chdb:///a/directory` or `clickhouse://user:password@host:8123/database`.",
            )
        self.embedded = dsn.startswith("chdb://")
        self._reading = Connections(lambda: self._connect(**self._place), _MOST_READING)
        self._quick = Connections(lambda: self._connect(**self._place), _MOST_QUICK)
        try:
            for ddl in (*TABLES.values(), *ADDED):
                self.command(ddl)
        except BaseException:
            self.close()
            raise

    def _open_scratch(self) -> Client:
        """A database of its own, in the engine that this process has already or else in memory; gone on closing."""
        self._scratch = f"scratch_{uuid.uuid4().hex}"
        place = {"path": _held[-1]} if _held else {}
        with self._connect(interface="chdb", **place) as first:
            first.command(f"CREATE DATABASE {self._scratch}")
            # The engine lives as long as a connection to it: open ours before this one closes.
            self._place = {"interface": "chdb", "database": self._scratch, **place}
            return self._connect(**self._place)

    def _connect(self, **arguments: Any) -> Client:
        try:
            return clickhouse_connect.get_client(settings=_SETTINGS, **arguments)
        except (ClickHouseError, RuntimeError, OSError) as error:
            raise WarehouseError(
                f"the warehouse `{self.dsn.split('@')[-1]}` cannot be opened: {_first_line(error)}",
                hint="`ethogram doctor` looks at what is wrong.",
            ) from error

    def query(self, sql: str, parameters: Parameters | None = None, **settings: Any) -> list[tuple[Any, ...]]:
        """The rows of a query as tuples; instants come back aware, in UTC."""
        return self._rows(self._reading, sql, parameters, settings)

    def look_up(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """Like `query`, for what reads little and must be quick: it waits for no other kind of question."""
        return self._rows(self._quick, sql, parameters, _QUICK)

    @staticmethod
    def _rows(
        connections: Connections[Client], sql: str, parameters: Parameters | None, settings: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        with connections.lend() as client, _Wrapped(sql):
            result = client.query(sql, parameters=dict(parameters or {}), settings=settings, tz_mode="aware")
            return [tuple(row) for row in result.result_rows]

    def arrow(self, sql: str, parameters: Parameters | None = None, **settings: Any) -> pa.Table:
        """The rows of a query as an Arrow table."""
        with self._reading.lend() as client, _Wrapped(sql):
            return client.query_arrow(sql, parameters=dict(parameters or {}), settings=settings)

    def measured(self, sql: str, parameters: Parameters | None = None) -> tuple[list[tuple[Any, ...]], int, int]:
        """Like `query`, with the rows and bytes that the engine read."""
        with self._reading.lend() as client, _Wrapped(sql):
            result = client.query(sql, parameters=dict(parameters or {}), tz_mode="aware")
            summary = result.summary or {}
            rows = [tuple(row) for row in result.result_rows]
            return rows, int(summary.get("read_rows", 0)), int(summary.get("read_bytes", 0))

    def command(
        self, sql: str, parameters: Parameters | None = None, *, token: str | None = None, **settings: Any
    ) -> None:
        """Runs a statement that returns nothing.

        Args:
            token: deduplication token of an `INSERT … SELECT`: the same token twice stores once.
        """
        extra = {"insert_deduplication_token": token, "insert_deduplicate": 1} if token else {}
        if self._directory is not None and sql.startswith("INSERT"):
            _refuse_without_room(self._directory)
        with self._mutex, _Wrapped(sql):
            self._client.command(sql + _clause(settings | extra), parameters=dict(parameters or {}))

    def insert_arrow(self, table: str, data: pa.Table, *, token: str | None = None) -> None:
        """Appends an Arrow table whose column names are the table's."""
        extra = {"insert_deduplication_token": token, "insert_deduplicate": 1} if token else {}
        with self._mutex, _Wrapped(f"INSERT INTO {table}"):
            self._client.insert_arrow(table, data, settings=extra)

    def damage(self) -> tuple[str, ...]:
        """Parts of our tables that the engine set aside as broken, as sentences; empty when all is well.

        The engine starts without them and answers with fewer rows, so this is asked at every start.
        """
        rows = self.query(
            "SELECT table, name, reason FROM system.detached_parts "
            "WHERE database = currentDatabase() AND reason NOT IN ('', 'ignored', 'clone', 'attaching', 'deleting') "
            "ORDER BY table, name"
        )
        return tuple(f"table `{table}`: part `{name}` was set aside ({reason})" for table, name, reason in rows)

    def bytes_on_disk(self) -> int:
        """Size of all active parts, in bytes."""
        rows = self.query(
            "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() "
            "AND table IN {tables:Array(String)}",
            {"tables": list(TABLES)},
        )
        return int(rows[0][0])

    def recreate_facts(self) -> None:
        """Drops and creates the tables that hold what was loaded; for a rebuild."""
        for table in FACT_TABLES:
            self.command(f"DROP TABLE IF EXISTS {table} SYNC")
            self.command(TABLES[table])

    def close(self) -> None:
        """Closes the connections and gives an embedded directory free; a second call does nothing.

        Statements under way are waited for.
        """
        with self._mutex:
            if self._closed:
                return
            self._closed = True
            try:
                self._reading.close()
                self._quick.close()
                if self._scratch is not None:
                    with _Wrapped("DROP DATABASE"):
                        self._client.command(f"DROP DATABASE IF EXISTS {self._scratch} SYNC")
            finally:
                # Whatever happened, the engine must be free for the next one.
                self._client.close()
                if self._lock is not None:
                    self._lock.release()
                    _held.remove(self.dsn.removeprefix("chdb://"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refuse_second(path: str) -> None:
    if _held and _held[-1] != path:
        raise WorkspaceBusyError(
            f"this process has the warehouse `{_held[-1]}` open, and the embedded engine opens one at a time",
            hint="Close that workspace first, or use another process or a warehouse on a server.",
            path=_held[-1],
        )


class _Wrapped:
    """Turns the driver's errors into ours, with the statement at hand for whoever debugs."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClickHouseError):
            raise WarehouseError(
                f"the warehouse refused a statement: {_first_line(error)}",
                hint="`ethogram doctor` checks the warehouse; set ETHOGRAM_TRACEBACK=1 to see where this comes from.",
                sql=self._sql,
            ) from error


def integers(values: Iterable[object]) -> str:
    """An array of whole numbers as the text to bind; the driver's own way takes a hundred times as long.

    Args:
        values: numbers, or such texts for an array of arrays.
    """
    return f"[{','.join(map(str, values))}]"


def _clause(settings: Mapping[str, Any]) -> str:
    """Settings as the end of a statement; the embedded engine takes ten milliseconds to change and restore its own."""
    values = {
        name: str(value) if isinstance(value, int) else "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
        for name, value in settings.items()
    }
    return "\nSETTINGS " + ", ".join(f"{name} = {value}" for name, value in values.items()) if values else ""


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:500] if text else type(error).__name__


def _refuse_without_room(directory: str) -> None:
    """Stops short of a full disk: there, the embedded engine calls a part stored whose files are cut off."""
    free = shutil.disk_usage(directory).free
    if free < ROOM:
        raise WarehouseError(
            f"the disk of the warehouse `{directory}` is all but full: {free >> 20} MB are free, and "
            f"{ROOM >> 20} MB are left alone",
            hint="Make room. What was accepted waits, and is stored by itself then.",
        )
