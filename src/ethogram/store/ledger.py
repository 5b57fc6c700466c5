"""The ledger: what must be exact, in one transactional database (a SQLite file, or PostgreSQL by URL).

Step of the path: store. Keeps loads, accepted batches, segments with their versions, runs with the sizes they found,
settings and the audit log. Each method is one transaction that is on disk when it returns; the statements are in a
module for each topic. It reads no clock (every instant comes in), no event, and computes no membership.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, Unpack

from sqlalchemy.exc import IntegrityError

from ethogram.errors import LedgerError
from ethogram.store import audit, loads, runs, segments, settings
from ethogram.store.audit import AuditEntry
from ethogram.store.database import Database, first_line
from ethogram.store.loads import Batch, BatchFacts, Load
from ethogram.store.runs import Run, SizeAt, SizeFound
from ethogram.store.segments import SavedSegment, SegmentDraft

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    import sqlalchemy as sa

__all__ = ["AuditEntry", "Batch", "Ledger", "Load", "Run", "SavedSegment", "SegmentDraft", "SizeAt", "SizeFound"]

_REVISION = "membership_revision"  # the setting with the newest one


class Ledger:
    """A connection to the ledger; safe to use from several threads and beside other processes.

    Args:
        url: `sqlite:////absolute/file.db`, `sqlite://` (in memory, for one-off questions) or
            `postgresql://user:password@host/database`.
        patience: seconds that a statement waits for another process that writes to a SQLite file.

    Raises:
        SettingError: the address is of another kind, or its driver is not installed.
        UserError: a newer Ethogram has written this ledger.
        LedgerError: the database cannot be opened.
    """

    def __init__(self, url: str, patience: float = 30) -> None:
        self.database = Database(url, patience)

    def close(self) -> None:
        """Closes all connections; a second call does nothing."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- segments --------------------------------------------------------------------------------------------------

    def save_segment(self, draft: SegmentDraft, now: dt.datetime, actor: str = "local") -> SavedSegment:
        """The saved segment; an unchanged text keeps its version, a static segment always gets a new one.

        An empty description keeps the one there is.
        """
        try:
            return self._save_segment(draft, now, actor)
        except IntegrityError:
            # On PostgreSQL another process can save the same new name between our look and our insert; now it is there.
            try:
                return self._save_segment(draft, now, actor)
            except IntegrityError as error:
                raise LedgerError(f"segment `{draft.name}` could not be saved: {first_line(error)}") from error

    def _save_segment(self, draft: SegmentDraft, now: dt.datetime, actor: str) -> SavedSegment:
        with self.database.writing() as connection:
            return segments.save(connection, draft, now, actor)

    def delete_segment(self, name: str, now: dt.datetime, actor: str = "local") -> SavedSegment:
        """The segment that was deleted; its number is never used again, its versions and sizes stay for audit.

        Raises:
            UnknownNameError: there is none of that name.
        """
        with self.database.writing() as connection:
            return segments.delete(connection, name, now, actor)

    def restore_segment(self, name: str, now: dt.datetime, actor: str = "local") -> SavedSegment:
        """The segment of that name that was deleted last, live again with its versions and its history.

        Raises:
            UnknownNameError: none of that name was deleted.
            SegmentError: another one has the name now.
        """
        with self.database.writing() as connection:
            return segments.restore(connection, name, now, actor)

    def segment(self, name: str, version: int | None = None) -> SavedSegment:
        """The segment of that name, its newest version unless told otherwise.

        Raises:
            UnknownNameError: there is none; the hint names the nearest.
        """
        with self.database.reading() as connection:
            return segments.existing(connection, name, version)

    def has_segment(self, name: str) -> bool:
        """Whether a segment of that name is saved."""
        with self.database.reading() as connection:
            return segments.find(connection, name) is not None

    def segments(self) -> tuple[SavedSegment, ...]:
        """Every live segment at its newest version, by number."""
        with self.database.reading() as connection:
            return segments.live(connection)

    def segments_revision(self) -> int:
        """A number that is another one whenever the live segments have changed, whichever process changed them."""
        with self.database.reading() as connection:
            return segments.revision(connection)

    def recorded_segments(self) -> tuple[SavedSegment, ...]:
        """Every segment that recorded membership follows, at the version that it follows: deleted ones, too."""
        with self.database.reading() as connection:
            return segments.recorded(connection)

    def versions(self, name: str) -> tuple[SavedSegment, ...]:
        """Every version of a live segment, oldest first."""
        with self.database.reading() as connection:
            return segments.versions(connection, name)

    # --- runs ------------------------------------------------------------------------------------------------------

    def start_run(self, as_of: dt.datetime, now: dt.datetime, *, fill: Mapping[str, Any] | None = None) -> Run:
        """A new run in phase planned; a fill of some segments where it is told what to do."""
        with self.database.writing() as connection:
            return runs.start(connection, as_of, now, fill)

    def advance_run(self, run: int, phase: str, **known: Unpack[runs.Known]) -> Run:
        """The run in its new phase; phases only move forward.

        Raises:
            ValueError: no such phase, or an earlier one than the run is in.
        """
        with self.database.writing() as connection:
            return runs.advance(connection, run, phase, **known)

    def finish_run(
        self,
        run: int,
        population: int,
        milliseconds: float,
        sizes: Sequence[SizeFound],
        now: dt.datetime,
        *,
        gone: Collection[int] = (),
    ) -> Run:
        """The run, done, with the sizes it found; finishing it again replaces them.

        From now on recorded membership follows the versions that it found: only these after a run over every segment.

        Args:
            gone: segments that recorded membership follows no more.
        """
        with self.database.writing() as connection:
            return runs.finish(connection, run, population, milliseconds, sizes, now, gone)

    def forget_run(self, run: int) -> None:
        """Removes a run of which nothing was recorded: one that is still planned."""
        with self.database.writing() as connection:
            runs.forget(connection, run)

    def unfinished_run(self, *, fill: bool = False) -> Run | None:
        """The newest run (or fill) that was started and not finished, or None."""
        with self.database.reading() as connection:
            return runs.newest(connection, finished=False, fill=fill)

    def last_run(self, *, fill: bool | None = False) -> Run | None:
        """The newest finished run over every segment, or None.

        Args:
            fill: the newest fill instead; None is whichever is newer.
        """
        with self.database.reading() as connection:
            return runs.newest(connection, finished=True, fill=fill)

    def sizes(self, name: str) -> tuple[SizeAt, ...]:
        """A live segment's sizes at every finished run, oldest first."""
        with self.database.reading() as connection:
            return runs.sizes_of_segment(connection, segments.existing(connection, name).number)

    def sizes_of_run(self, run: int) -> dict[int, SizeAt]:
        """What one run found, by segment number."""
        with self.database.reading() as connection:
            return runs.sizes_of_run(connection, run)

    def sizes_now(self) -> dict[int, SizeAt]:
        """What the newest run or fill that concerned it found of each segment, by segment number."""
        with self.database.reading() as connection:
            return runs.sizes_now(connection)

    # --- settings and audit ----------------------------------------------------------------------------------------

    def setting(self, key: str, default: Any = None) -> Any:
        """The JSON value kept under a key, `default` when there is none."""
        with self.database.reading() as connection:
            return settings.read(connection, key, default)

    def settings_below(self, prefix: str) -> dict[str, Any]:
        """Every JSON value whose key begins with a prefix, by key."""
        with self.database.reading() as connection:
            return settings.read_below(connection, prefix)

    def set_setting(self, key: str, value: Any) -> None:
        """Keeps a JSON value under a key, in place of the one before."""
        with self.database.writing() as connection:
            settings.keep(connection, key, value)

    def next_revision(self, at_least: int) -> int:
        """A number for rows of membership that are written now: greater than every one before it."""
        with self.database.writing() as connection:
            return next_revision(connection, at_least)

    def record(self, *, actor: str, verb: str, object: str, detail: Mapping[str, Any], now: dt.datetime) -> None:
        """Adds a line to the audit log."""
        with self.database.writing() as connection:
            audit.record(connection, actor=actor, verb=verb, object=object, detail=detail, now=now)

    def audit(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The newest lines of the audit log, newest first."""
        with self.database.reading() as connection:
            return audit.newest(connection, limit)

    # --- loads and batches -----------------------------------------------------------------------------------------

    def start_load(
        self, load: str, *, digest: str, kind: str, source: str, reading: Mapping[str, Any], now: dt.datetime
    ) -> Load:
        """The load of that id: the one there is, or a new one."""
        with self.database.writing() as connection:
            return loads.start(connection, load, digest=digest, kind=kind, source=source, reading=reading, now=now)

    def finish_load(self, load: str, *, counted: Collection[str], rejects_file: str | None, now: dt.datetime) -> Load:
        """The load, done, with the counts of its batches.

        Args:
            counted: the kinds whose rows are rows of the source; others (who belongs to which account) go along.
        """
        with self.database.writing() as connection:
            return loads.finish(connection, load, counted=counted, rejects_file=rejects_file, now=now)

    def loads_of(self, digest: str, kind: str) -> tuple[Load, ...]:
        """Every load of a source with these very bytes, oldest first."""
        with self.database.reading() as connection:
            return loads.of_content(connection, digest, kind)

    def accept_batch(self, batch: str, *, now: dt.datetime, **facts: Unpack[BatchFacts]) -> Batch:
        """The accepted batch; accepting the same id again changes nothing. A batch without rows is stored at once."""
        with self.database.writing() as connection:
            return loads.accept(connection, batch, facts, now)

    def mark_stored(self, batch: str, now: dt.datetime) -> None:
        """Notes that the warehouse has the batch."""
        with self.database.writing() as connection:
            loads.mark_stored(connection, batch, now)

    def batches(self, *, load: str | None = None, state: str | None = None) -> tuple[Batch, ...]:
        """Accepted batches in the order of storing, all of them unless narrowed."""
        with self.database.reading() as connection:
            return loads.batches(connection, load=load, state=state)

    def stored_batches(self) -> int:
        """How many batches the warehouse has: more whenever something was loaded, whichever process loaded it."""
        with self.database.reading() as connection:
            return loads.stored(connection)

    def last_stored(self) -> int:
        """The place in the order of storing of the last batch before which all are stored; 0 where there is none."""
        with self.database.reading() as connection:
            return loads.last_stored(connection)

    def stored_after(self, sequence: int) -> tuple[tuple[int, Batch], ...]:
        """The stored batches after a place in the order of storing, with their places."""
        with self.database.reading() as connection:
            return loads.stored_after(connection, sequence)

    def waiting_batches(self) -> tuple[Batch, ...]:
        """Batches that are accepted and not yet in the warehouse, in the order of storing."""
        return self.batches(state="accepted")


def next_revision(connection: sa.Connection, at_least: int) -> int:
    """A number for rows of membership, inside a transaction that writes more; see `Ledger.next_revision`."""
    revision = max(at_least, int(settings.read(connection, _REVISION, 0)) + 1)
    settings.keep(connection, _REVISION, revision)
    return revision
