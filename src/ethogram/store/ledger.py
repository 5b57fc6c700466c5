"""The ledger: what must be exact, in one transactional database (a SQLite file, or PostgreSQL by URL).

Step of the path: store. Keeps loads, accepted batches, segments with their versions, runs with the sizes they found,
settings and the audit log. Each method is one transaction that is on disk when it returns. It reads no clock (every
instant comes in), no event, and computes no membership.
"""

from __future__ import annotations

import contextlib
import difflib
import threading
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from ethogram.errors import LedgerError, SettingError, UnknownNameError, UserError, WorkspaceBusyError
from ethogram.store import tables

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator, Mapping, Sequence

# Any fixed number: holds the migrations of one PostgreSQL database for one process at a time.
_MIGRATION_LOCK = 0x6574686F6772616D


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A segment at one version, as the ledger keeps it."""

    name: str
    number: int
    version: int
    text: str | None  # None for a static segment
    tree: dict[str, Any] | None
    english: str
    entity: str  # 'profile' or 'account'
    static: bool
    description: str
    created_at: dt.datetime  # of this version
    deleted_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One computation over everybody. `phase` is planned, evaluated, changed or done."""

    id: int
    as_of: dt.datetime
    phase: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    population: int | None
    milliseconds: float | None


@dataclass(frozen=True, slots=True)
class SizeFound:
    """What a run found for one segment."""

    number: int
    version: int
    size: int
    entered: int
    left: int
    cause: str = "run"


@dataclass(frozen=True, slots=True)
class SizeAt:
    """A segment's size at one finished run."""

    run: int
    as_of: dt.datetime
    population: int
    version: int
    size: int
    entered: int
    left: int
    cause: str


@dataclass(frozen=True, slots=True)
class Load:
    """One source, by content, and how it was read."""

    id: str
    digest: str
    kind: str
    source: str
    reading: dict[str, Any]
    state: str  # 'loading' or 'done'
    accepted: int
    rejected: int
    duplicates: int
    rejects_file: str | None
    started_at: dt.datetime
    finished_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One accepted block. `file` and `sha256` are None when the block had no acceptable row."""

    id: str
    kind: str  # 'events', 'profiles' or 'accounts'
    load: str
    ordinal: int
    file: str | None
    sha256: str | None
    rows: int
    rejected: int
    duplicates: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    state: str  # 'accepted' or 'stored'
    accepted_at: dt.datetime
    stored_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to which object."""

    at: dt.datetime
    actor: str
    verb: str
    object: str
    detail: dict[str, Any]


PHASES = ("planned", "evaluated", "changed", "done")


class Ledger:
    """A connection to the ledger; safe to use from several threads and beside other processes.

    Args:
        url: `sqlite:////absolute/file.db`, `sqlite://` (in memory, for one-off questions) or
            `postgresql://user:password@host/database`.

    Raises:
        SettingError: the address is of another kind, or its driver is not installed.
        UserError: a newer Ethogram has written this ledger.
        LedgerError: the database cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- segments --------------------------------------------------------------------------------------------------

    def save_segment(
        self,
        name: str,
        *,
        text: str | None,
        tree: Mapping[str, Any] | None,
        english: str,
        now: dt.datetime,
        entity: str = "profile",
        static: bool = False,
        description: str = "",
        actor: str = "local",
    ) -> SavedSegment:
        """The saved segment; an unchanged text keeps its version, a static segment always gets a new one.

        An empty `description` keeps the one there is.
        """
        for what, value in (("name", name), ("text", text or ""), ("description", description)):
            _storable(what, value)
        if not name.strip():
            raise UserError("a segment needs a name", hint="Name it by what it means: `vip`, `lapsing_buyers`.")
        for attempt in (1, 2):
            try:
                with self._writing() as connection:
                    return self._save_segment(
                        connection, name, text, tree, english, now, entity, description, actor, static=static
                    )
            except IntegrityError as error:
                # On PostgreSQL another process can save the same new name between our look and our insert.
                if attempt == 2:
                    raise LedgerError(f"segment `{name}` could not be saved: {_first_line(error)}") from error
        raise AssertionError("unreachable")

    def _save_segment(
        self,
        connection: sa.Connection,
        name: str,
        text: str | None,
        tree: Mapping[str, Any] | None,
        english: str,
        now: dt.datetime,
        entity: str,
        description: str,
        actor: str,
        *,
        static: bool,
    ) -> SavedSegment:
        segments, versions = tables.segments, tables.segment_versions
        live = segments.c.deleted_at.is_(None) & (segments.c.name == name)
        number = connection.execute(sa.select(segments.c.number).where(live).with_for_update()).scalar()
        latest = self._find(connection, name, None) if number is not None else None
        if number is None:
            created = connection.execute(
                segments.insert().values(name=name, description=description, created_at=now)
            ).inserted_primary_key
            assert created is not None
            number = int(created[0])
        elif description:
            connection.execute(segments.update().where(segments.c.number == number).values(description=description))
        unchanged = (
            latest is not None and not static and not latest.static and (latest.text, latest.entity) == (text, entity)
        )
        if not unchanged:
            version = latest.version + 1 if latest else 1
            connection.execute(
                versions.insert().values(
                    segment=number,
                    version=version,
                    text=text,
                    tree=dict(tree) if tree is not None else None,
                    english=english,
                    entity=entity,
                    static=static,
                    created_at=now,
                )
            )
            _audit(connection, now, actor, "save", f"segment:{name}", {"version": version, "text": text})
        saved = self._find(connection, name, None)
        assert saved is not None
        return saved

    def segment(self, name: str, version: int | None = None) -> SavedSegment:
        """The segment of that name, its newest version unless told otherwise.

        Raises:
            UnknownNameError: there is none; the hint names the nearest.
        """
        with self._reading() as connection:
            found = self._find(connection, name, version)
            if found is None:
                self._unknown(connection, name, version)
            return found

    def has_segment(self, name: str) -> bool:
        """Whether a segment of that name is saved."""
        with self._reading() as connection:
            return self._find(connection, name, None) is not None

    def segments(self) -> tuple[SavedSegment, ...]:
        """Every live segment at its newest version, by number."""
        versions, segments = tables.segment_versions, tables.segments
        newest = (
            sa.select(versions.c.segment, sa.func.max(versions.c.version).label("version"))
            .group_by(versions.c.segment)
            .subquery()
        )
        query = (
            _SEGMENT.join(newest, (newest.c.segment == versions.c.segment) & (newest.c.version == versions.c.version))
            .where(segments.c.deleted_at.is_(None))
            .order_by(segments.c.number)
        )
        with self._reading() as connection:
            return tuple(_saved(row) for row in connection.execute(query))

    def versions(self, name: str) -> tuple[SavedSegment, ...]:
        """Every version of a live segment, oldest first."""
        segments = tables.segments
        query = _SEGMENT.where(segments.c.deleted_at.is_(None) & (segments.c.name == name)).order_by(
            tables.segment_versions.c.version
        )
        with self._reading() as connection:
            found = tuple(_saved(row) for row in connection.execute(query))
            if not found:
                self._unknown(connection, name, None)
            return found

    def delete_segment(self, name: str, now: dt.datetime, actor: str = "local") -> SavedSegment:
        """The segment that was deleted; its number is never used again, its versions and sizes stay for audit."""
        segments = tables.segments
        with self._writing() as connection:
            found = self._find(connection, name, None)
            if found is None:
                self._unknown(connection, name, None)
            connection.execute(segments.update().where(segments.c.number == found.number).values(deleted_at=now))
            _audit(connection, now, actor, "delete", f"segment:{name}", {"version": found.version})
            return found

    def _find(self, connection: sa.Connection, name: str, version: int | None) -> SavedSegment | None:
        segments, versions = tables.segments, tables.segment_versions
        query = _SEGMENT.where(segments.c.deleted_at.is_(None) & (segments.c.name == name))
        if version is not None:
            query = query.where(versions.c.version == version)
        row = connection.execute(query.order_by(versions.c.version.desc()).limit(1)).first()
        return _saved(row) if row is not None else None

    def _unknown(self, connection: sa.Connection, name: str, version: int | None) -> NoReturn:
        segments = tables.segments
        names = list(connection.execute(sa.select(segments.c.name).where(segments.c.deleted_at.is_(None))).scalars())
        if version is not None and name in names:
            raise UnknownNameError(
                f"segment `{name}` has no version {version}", hint="`versions` lists what there is.", name=name
            )
        near = difflib.get_close_matches(name, names, n=1)
        raise UnknownNameError(
            f"there is no segment `{name}`",
            hint=f"Did you mean `{near[0]}`?" if near else "`ethogram segments` lists what there is.",
            name=name,
        )

    # --- runs ------------------------------------------------------------------------------------------------------

    def start_run(self, as_of: dt.datetime, now: dt.datetime) -> Run:
        """A new run in phase planned."""
        runs = tables.runs
        with self._writing() as connection:
            created = connection.execute(
                runs.insert().values(as_of=as_of, phase="planned", started_at=now)
            ).inserted_primary_key
            assert created is not None
            return self._run(connection, runs.c.id == created[0])

    def advance_run(self, run: int, phase: str) -> Run:
        """The run in its new phase; phases only move forward.

        Raises:
            ValueError: no such phase, or an earlier one than the run is in.
        """
        runs = tables.runs
        with self._writing() as connection:
            current = self._run(connection, runs.c.id == run)
            if PHASES.index(phase) < PHASES.index(current.phase):
                raise ValueError(f"run {run} is {current.phase} and cannot go back to {phase}")
            connection.execute(runs.update().where(runs.c.id == run).values(phase=phase))
            return self._run(connection, runs.c.id == run)

    def finish_run(
        self, run: int, population: int, milliseconds: float, sizes: Sequence[SizeFound], now: dt.datetime
    ) -> Run:
        """The run, done, with the sizes it found; finishing it again replaces them."""
        runs, found = tables.runs, tables.segment_sizes
        with self._writing() as connection:
            self._run(connection, runs.c.id == run)
            connection.execute(found.delete().where(found.c.run == run))
            if sizes:
                connection.execute(
                    found.insert(),
                    [
                        {
                            "run": run,
                            "segment": size.number,
                            "version": size.version,
                            "size": size.size,
                            "entered": size.entered,
                            "left": size.left,
                            "cause": size.cause,
                        }
                        for size in sizes
                    ],
                )
            connection.execute(
                runs.update()
                .where(runs.c.id == run)
                .values(phase="done", finished_at=now, population=population, milliseconds=milliseconds)
            )
            return self._run(connection, runs.c.id == run)

    def unfinished_run(self) -> Run | None:
        """The newest run that was started and not finished, or None."""
        with self._reading() as connection:
            return self._newest_run(connection, tables.runs.c.phase != "done")

    def last_run(self) -> Run | None:
        """The newest finished run, or None."""
        with self._reading() as connection:
            return self._newest_run(connection, tables.runs.c.phase == "done")

    def sizes(self, name: str) -> tuple[SizeAt, ...]:
        """A live segment's sizes at every finished run, oldest first."""
        runs, found = tables.runs, tables.segment_sizes
        with self._reading() as connection:
            segment = self._find(connection, name, None)
            if segment is None:
                self._unknown(connection, name, None)
            query = (
                sa.select(found, runs.c.as_of, runs.c.population)
                .join(runs, runs.c.id == found.c.run)
                .where(found.c.segment == segment.number)
                .order_by(runs.c.id)
            )
            return tuple(_size_at(row) for row in connection.execute(query))

    def sizes_of_run(self, run: int) -> dict[int, SizeAt]:
        """What one run found, by segment number."""
        runs, found = tables.runs, tables.segment_sizes
        query = (
            sa.select(found, runs.c.as_of, runs.c.population)
            .join(runs, runs.c.id == found.c.run)
            .where(found.c.run == run)
        )
        with self._reading() as connection:
            return {int(row.segment): _size_at(row) for row in connection.execute(query)}

    def _newest_run(self, connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Run | None:
        runs = tables.runs
        row = connection.execute(sa.select(runs).where(condition).order_by(runs.c.id.desc()).limit(1)).first()
        return Run(**row._asdict()) if row is not None else None

    def _run(self, connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Run:
        row = connection.execute(sa.select(tables.runs).where(condition)).first()
        if row is None:
            raise LedgerError("there is no such run in the ledger")
        return Run(**row._asdict())

    # --- settings and audit ----------------------------------------------------------------------------------------

    def setting(self, key: str, default: Any = None) -> Any:
        """The JSON value kept under a key, `default` when there is none."""
        settings = tables.settings
        with self._reading() as connection:
            row = connection.execute(sa.select(settings.c.value).where(settings.c.key == key)).first()
            return row[0] if row is not None else default

    def set_setting(self, key: str, value: Any) -> None:
        """Keeps a JSON value under a key, in place of the one before."""
        settings = tables.settings
        with self._writing() as connection:
            connection.execute(settings.delete().where(settings.c.key == key))
            connection.execute(settings.insert().values(key=key, value=value))

    def record(self, *, actor: str, verb: str, object: str, detail: Mapping[str, Any], now: dt.datetime) -> None:
        """Adds a line to the audit log."""
        with self._writing() as connection:
            _audit(connection, now, actor, verb, object, detail)

    def audit(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The newest lines of the audit log, newest first."""
        audit = tables.audit
        query = sa.select(audit.c.at, audit.c.actor, audit.c.verb, audit.c.object, audit.c.detail)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
            return tuple(AuditEntry(**row._asdict()) for row in rows)

    # --- loads and batches -----------------------------------------------------------------------------------------

    def start_load(
        self, load: str, *, digest: str, kind: str, source: str, reading: Mapping[str, Any], now: dt.datetime
    ) -> Load:
        """The load of that id: the one there is, or a new one."""
        loads = tables.loads
        with self._writing() as connection:
            found = self._load(connection, load)
            if found is None:
                connection.execute(
                    loads.insert().values(
                        id=load,
                        digest=digest,
                        kind=kind,
                        source=source,
                        reading=dict(reading),
                        state="loading",
                        accepted=0,
                        rejected=0,
                        duplicates=0,
                        started_at=now,
                    )
                )
                found = self._load(connection, load)
            assert found is not None
            return found

    def finish_load(self, load: str, *, counted: Collection[str], rejects_file: str | None, now: dt.datetime) -> Load:
        """The load, done, with the counts of its batches.

        Args:
            counted: the kinds whose rows are rows of the source; others (who belongs to which account) go along.
        """
        loads, batches = tables.loads, tables.batches
        own = batches.c.kind.in_(counted)
        with self._writing() as connection:
            counts = connection.execute(
                sa.select(
                    sa.func.coalesce(sa.func.sum(batches.c.rows).filter(own), 0).label("accepted"),
                    sa.func.coalesce(sa.func.sum(batches.c.rejected), 0).label("rejected"),
                    sa.func.coalesce(sa.func.sum(batches.c.duplicates).filter(own), 0).label("duplicates"),
                ).where(batches.c.load == load)
            ).one()
            connection.execute(
                loads.update()
                .where(loads.c.id == load)
                .values(
                    state="done",
                    finished_at=now,
                    rejects_file=rejects_file,
                    **{key: int(count) for key, count in counts._asdict().items()},
                )
            )
            done = self._load(connection, load)
            assert done is not None
            return done

    def loads_of(self, digest: str, kind: str) -> tuple[Load, ...]:
        """Every load of a source with these very bytes, oldest first."""
        loads = tables.loads
        query = sa.select(loads).where((loads.c.digest == digest) & (loads.c.kind == kind)).order_by(loads.c.started_at)
        with self._reading() as connection:
            return tuple(Load(**row._asdict()) for row in connection.execute(query))

    def accept_batch(
        self,
        batch: str,
        *,
        kind: str,
        load: str,
        ordinal: int,
        file: str | None,
        sha256: str | None,
        rows: int,
        rejected: int,
        duplicates: int,
        first_at: dt.datetime | None,
        last_at: dt.datetime | None,
        now: dt.datetime,
    ) -> Batch:
        """The accepted batch; accepting the same id again changes nothing. A batch without rows is stored at once."""
        batches = tables.batches
        with self._writing() as connection:
            found = connection.execute(sa.select(*_BATCH).where(batches.c.id == batch)).first()
            if found is None:
                connection.execute(
                    batches.insert().values(
                        id=batch,
                        kind=kind,
                        load=load,
                        ordinal=ordinal,
                        file=file,
                        sha256=sha256,
                        rows=rows,
                        rejected=rejected,
                        duplicates=duplicates,
                        first_at=first_at,
                        last_at=last_at,
                        state="accepted" if rows else "stored",
                        accepted_at=now,
                        stored_at=None if rows else now,
                    )
                )
                found = connection.execute(sa.select(*_BATCH).where(batches.c.id == batch)).one()
            return Batch(**found._asdict())

    def mark_stored(self, batch: str, now: dt.datetime) -> None:
        """Notes that the warehouse has the batch."""
        batches = tables.batches
        with self._writing() as connection:
            connection.execute(batches.update().where(batches.c.id == batch).values(state="stored", stored_at=now))

    def batches(self, *, load: str | None = None, state: str | None = None) -> tuple[Batch, ...]:
        """Accepted batches in the order of storing, all of them unless narrowed."""
        batches = tables.batches
        query = sa.select(*_BATCH).order_by(batches.c.sequence)
        if load is not None:
            query = query.where(batches.c.load == load)
        if state is not None:
            query = query.where(batches.c.state == state)
        with self._reading() as connection:
            return tuple(Batch(**row._asdict()) for row in connection.execute(query))

    def waiting_batches(self) -> tuple[Batch, ...]:
        """Batches that are accepted and not yet in the warehouse, in the order of storing."""
        return self.batches(state="accepted")

    def _load(self, connection: sa.Connection, load: str) -> Load | None:
        row = connection.execute(sa.select(tables.loads).where(tables.loads.c.id == load)).first()
        return Load(**row._asdict()) if row is not None else None

    # --- transactions and migrations -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _Wrapped(self.address), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with _Wrapped(self.address), self._engine.connect() as plain:
            connection = plain.execution_options(ethogram_writes=True)
            with connection.begin():
                yield connection

    def _migrate(self) -> None:
        with self._reading() as connection:
            if _revision(connection) == tables.HEAD:
                return
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            # Another process may have migrated while this one waited for the lock.
            current = _revision(connection)
            if current == tables.HEAD:
                return
            _upgrade(connection, current)


_SEGMENT = sa.select(
    tables.segments.c.name,
    tables.segments.c.number,
    tables.segment_versions.c.version,
    tables.segment_versions.c.text,
    tables.segment_versions.c.tree,
    tables.segment_versions.c.english,
    tables.segment_versions.c.entity,
    tables.segment_versions.c.static,
    tables.segments.c.description,
    tables.segment_versions.c.created_at,
    tables.segments.c.deleted_at,
).join_from(tables.segments, tables.segment_versions)

_BATCH = tuple(column for column in tables.batches.c if column.name != "sequence")


def _saved(row: Any) -> SavedSegment:
    return SavedSegment(**row._asdict())


def _size_at(row: Any) -> SizeAt:
    facts = row._asdict()
    facts.pop("segment")
    return SizeAt(**facts)


def _audit(
    connection: sa.Connection, now: dt.datetime, actor: str, verb: str, object: str, detail: Mapping[str, Any]
) -> None:
    connection.execute(tables.audit.insert().values(at=now, actor=actor, verb=verb, object=object, detail=dict(detail)))


def _storable(what: str, value: str) -> None:
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise UserError(
            f"the segment's {what} holds a NUL or half of a surrogate pair", hint="Remove it; no database keeps it."
        )


# --- opening ---------------------------------------------------------------------------------------------------------


def _engine(url: str) -> sa.Engine:
    try:
        address = sa.make_url(url)
    except SQLAlchemyError:
        address = None
    backend = address.get_backend_name() if address is not None else None
    if address is not None and backend == "sqlite":
        return _sqlite(address)
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


def _sqlite(address: sa.URL) -> sa.Engine:
    in_memory = address.database in (None, "", ":memory:")
    if not in_memory:
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
    arguments = {"timeout": 30, "isolation_level": None, "check_same_thread": False}
    plain = address.set(drivername="sqlite")
    engine = (
        sa.create_engine(plain, connect_args=arguments, poolclass=StaticPool)
        if in_memory
        else sa.create_engine(plain, connect_args=arguments)
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout = 30000")
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
            f"the ledger `{self._address}` refused a statement: {_first_line(error)}",
            hint="`ethogram doctor` looks at what is wrong.",
        ) from error


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    text = str(cause).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
