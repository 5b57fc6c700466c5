"""Loading: files become accepted batches, and these rows of the warehouse.

Step of the path: collect → store. A source is cut into blocks that are the same every time; a block is checked,
accepted (on disk, in the ledger) and stored. Killed at any instant, the same call goes on: accepted blocks are
skipped, waiting ones are stored first. A source whose bytes were loaded before adds nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ethogram.collect import segment_spec
from ethogram.collect.blocks import CheckedBlock, checked_blocks
from ethogram.collect.check import Reading
from ethogram.collect.columns import ColumnType
from ethogram.collect.instants import zone_named
from ethogram.collect.mapping import complete, first_rows, is_segment_export
from ethogram.collect.records import Rows
from ethogram.collect.rejects import RejectsFile
from ethogram.collect.seen import Seen
from ethogram.collect.sources import Source, digest, opened, resolve
from ethogram.collect.values import Limits
from ethogram.errors import InputError
from ethogram.model.results import LoadSummary
from ethogram.store import tombstones
from ethogram.store.inbox import SCHEMAS, Block, accept, sweep, write_ahead
from ethogram.store.loader import already_stored, known_profiles, store_waiting, stored_rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ethogram.store.ledger import Batch, Ledger, Load
    from ethogram.store.warehouse import Warehouse

_ORDERS = ("dmy", "mdy")


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far a load is."""

    source: str
    rows: int  # read so far, of all sources
    rejected: int
    fraction: float | None  # of all bytes; None while it is not known (standard input)


Report = Callable[[LoadProgress], None]


@dataclass(slots=True)
class _Counts:
    """What has come of the rows so far."""

    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    already: int = 0
    read: int = 0
    first_at: dt.datetime | None = None
    last_at: dt.datetime | None = None
    bytes_before: int = 0
    bytes_total: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a load goes and how it reads, the same for all its sources."""

    kind: str
    ledger: Ledger
    warehouse: Warehouse
    directory: Path
    now: dt.datetime
    mapping: Mapping[str, str]
    event: str | None
    timezone: str | None
    format: str | None
    types: Mapping[str, str]
    again: bool
    limits: Limits
    known_at: dt.datetime
    rejects: RejectsFile
    progress: Report | None
    counts: _Counts = field(default_factory=_Counts)
    rows: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))  # accepted by this load, by kind
    seen: defaultdict[str, Seen] = field(default_factory=lambda: defaultdict(Seen))  # their messages, and some more


def load(
    kind: str,
    sources: Sequence[str | Path],
    *,
    ledger: Ledger,
    warehouse: Warehouse,
    directory: Path,
    now: dt.datetime,
    mapping: Mapping[str, str] | None = None,
    event: str | None = None,
    timezone: str | None = None,
    format: str | None = None,
    types: Mapping[str, str] | None = None,
    rejects: Path | None = None,
    again: bool = False,
    limits: Limits | None = None,
    known_at: dt.datetime | None = None,
    progress: Report | None = None,
) -> LoadSummary:
    """What the load did; everything it counts as accepted is on disk and in the warehouse.

    Args:
        kind: 'events', 'profiles' or 'accounts'.
        sources: paths, globs, `-` for standard input; CSV, JSON lines, calls of the Segment spec or Parquet, each
            optionally gzip or zstd.
        directory: the workspace.
        now: when the load happens.
        known_at: since when traits without a timestamp are true; by default since `now`.
        mapping: role → column; what is left out is guessed from names and contents.
        event: the event of every row, where no column says it.
        timezone: IANA name, for timestamps without an offset.
        types: column → `text`, `number` or `boolean`; for a timestamp column like 12/31/2010: `dmy` or `mdy`.
        rejects: where rows that are not taken go; by default a file in the workspace's folder `rejects`.
        again: load bytes that were loaded before once more, with another mapping.

    Raises:
        InputError: a source as a whole cannot be taken; sources before it are loaded.
    """
    began = time.perf_counter()
    _check_options(kind, event, types or {}, timezone)
    found = resolve(sources)
    sweep(directory, ledger)
    store_waiting(warehouse, ledger, directory, now)
    before = known_profiles(warehouse)
    effective: dict[str, str] = {}
    rejects_path = rejects or directory / "rejects" / f"{now:%Y%m%dT%H%M%S}-{_short(found)}.jsonl"
    with RejectsFile(rejects_path) as rejected:
        place = _Place(
            kind,
            ledger,
            warehouse,
            directory,
            now,
            mapping or {},
            event,
            timezone,
            format,
            types or {},
            again,
            limits or Limits(),
            known_at or now,
            rejected,
            progress,
        )
        place.counts.bytes_total = sum(path.stat().st_size for _, path in found if path is not None)
        earlier: list[str] = []
        for name, path in found:
            with opened(name, path, format) as source:
                done = _load_source(source, place)
                effective = dict(done.reading["mapping"])
                if done.rejects_file and done.rejects_file not in earlier:
                    earlier.append(done.rejects_file)
                place.counts.bytes_before += source.size
        rejects_file = rejected.name or (earlier[0] if earlier else None)
    counts = place.counts
    return LoadSummary(
        files=tuple(name for name, _ in found),
        accepted=counts.accepted,
        rejected=counts.rejected,
        duplicates=counts.duplicates,
        already=counts.already,
        profiles=known_profiles(warehouse) - before,
        seconds=time.perf_counter() - began,
        rejects_file=rejects_file,
        first_at=counts.first_at,
        last_at=counts.last_at,
        mapping=effective,
    )


def _check_options(kind: str, event: str | None, types: Mapping[str, str], timezone: str | None) -> None:
    if kind not in ("events", "profiles", "accounts"):
        raise InputError(f"`{kind}` cannot be loaded", hint="Load events, profiles or accounts.")
    if event is not None and kind != "events":
        raise InputError(f"{kind} have no event", hint="Leave `event` out, or load events.")
    if event is not None and (not event.strip() or "\x00" in event):
        raise InputError("the event has no name", hint="Name it: `--event purchase`.")
    known = [*(str(each) for each in ColumnType), *_ORDERS]
    for column, wanted in types.items():
        if wanted not in known:
            raise InputError(f"column `{column}` cannot be of type `{wanted}`", hint=f"Types are {', '.join(known)}.")
    zone_named(timezone)


def _short(found: Sequence[tuple[str, Path | None]]) -> str:
    return hashlib.sha256("\n".join(name for name, _ in found).encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _load_source(source: Source, place: _Place) -> Load:
    """The finished load of one source."""
    content = digest(source)
    sample = first_rows(source)
    reading, settled = _reading(source, sample, place)
    kind = "segment" if reading.segment else place.kind
    identity = hashlib.sha256(json.dumps([content, kind, settled], sort_keys=True).encode()).hexdigest()[:32]
    known = place.ledger.loads_of(content, kind)
    same = next((each for each in known if each.id == identity), None)
    if same is None and known and not place.again:
        raise InputError(
            f"`{source.name}` was loaded before and read differently: {_difference(known[-1].reading, settled)}",
            hint="To have its rows a second time, read the new way, add `--again`. Nothing was loaded.",
        )
    if same is not None and same.state == "done":
        _count_earlier(same, place)
        return same
    started = place.ledger.start_load(
        identity,
        digest=content,
        kind=kind,
        source=source.name,
        reading={**settled, "known_at": place.known_at.isoformat()},
        now=place.now,
    )
    known_at = dt.datetime.fromisoformat(started.reading["known_at"])
    _load_blocks(source, started, reading, known_at, place)
    return place.ledger.finish_load(identity, counted=_counted(reading), rejects_file=place.rejects.name, now=place.now)


def _reading(source: Source, sample: Rows, place: _Place) -> tuple[Reading, dict[str, Any]]:
    """How the source is read, and the same as the ledger keeps it (what makes two loads of one file the same)."""
    segment = is_segment_export(sample) and dict(place.mapping) in ({}, segment_spec.MAPPING)
    if segment:
        mapping = dict(segment_spec.MAPPING)
    else:
        mapping = complete(source, sample, place.kind, place.mapping, place.event)
    event = None if "event" in mapping else place.event
    timestamp = mapping.get("timestamp", "")
    settled: dict[str, Any] = {
        "mapping": mapping,
        "event": event,
        "timezone": place.timezone,
        "types": dict(sorted(place.types.items())),
    }
    order = place.types.get(timestamp)
    types = {name: ColumnType(wanted) for name, wanted in place.types.items() if wanted not in _ORDERS}
    reading = Reading(
        kind=place.kind,
        mapping=mapping,
        event=event,
        zone=zone_named(place.timezone),
        order=order if order in _ORDERS else None,
        types=types,
        known_at=place.known_at,
        segment=segment,
        limits=place.limits,
    )
    return reading, settled


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    flat_before, flat_now = ({**each, **each["types"], **each["mapping"]} for each in (before, now))
    changed = [
        key
        for key in {**flat_before, **flat_now}
        if key not in ("mapping", "types", "known_at") and flat_before.get(key) != flat_now.get(key)
    ]
    return "; ".join(f"{key} was {_brief(flat_before.get(key))}, is {_brief(flat_now.get(key))}" for key in changed)


def _brief(value: Any) -> str:
    return "not given" if value is None else f"`{value}`"


def _count_earlier(done: Load, place: _Place) -> None:
    counts = place.counts
    counts.already += done.accepted + done.duplicates
    counts.rejected += done.rejected
    counts.read += done.accepted + done.duplicates + done.rejected
    for batch in place.ledger.batches(load=done.id):
        _widen(counts, batch)


def _widen(counts: _Counts, batch: Batch) -> None:
    if batch.first_at is not None:
        counts.first_at = min(filter(None, (counts.first_at, batch.first_at)))
    if batch.last_at is not None:
        counts.last_at = max(filter(None, (counts.last_at, batch.last_at)))


# --- blocks ------------------------------------------------------------------------------------------------------


def _load_blocks(source: Source, started: Load, reading: Reading, known_at: dt.datetime, place: _Place) -> None:
    counts = place.counts
    accepted = {batch.id: batch for batch in place.ledger.batches(load=started.id)}
    counted = _counted(reading)
    behind = 0

    def write(ordinal: int, kind: str, rows: pa.Table) -> str | None:
        batch_id = _batch_id(started, ordinal, kind)
        return None if batch_id in accepted else write_ahead(batch_id, kind, rows, place.directory)

    with checked_blocks(source, reading, known_at, place.seen, write) as blocks:
        for ordinal, block in enumerate(blocks):
            place.rejects.add(source.name, block.rejections)
            counts.rejected += len(block.rejections)
            counts.read += block.read
            main = "events" if "events" in block.tables or not block.tables else next(iter(block.tables))
            for kind in [main, *(each for each in block.tables if each != main)]:
                batch_id = _batch_id(started, ordinal, kind)
                batch = accepted.get(batch_id)
                if batch is None:
                    batch = _accept_block(batch_id, kind, ordinal, block, started, place, main=kind == main)
                    counts.accepted += batch.rows if kind in counted else 0
                    counts.duplicates += batch.duplicates if kind in counted else 0
                elif kind in counted:
                    counts.already += batch.rows + batch.duplicates
                _widen(counts, batch)
            store_waiting(place.warehouse, place.ledger, place.directory, place.now)
            behind = block.position if source.format == "parquet" else behind + block.position
            _report(source, behind, place)


def _batch_id(started: Load, ordinal: int, kind: str) -> str:
    return f"{started.id[:20]}-{ordinal:06d}-{kind}"


def _counted(reading: Reading) -> tuple[str, ...]:
    """The kinds whose rows are rows of the file; a membership in an account is said along with them."""
    # A `group` call is one account's row and one profile's: it counts as the profile's.
    return ("events", "profiles") if reading.segment else (reading.kind,)


def _accept_block(
    batch_id: str, kind: str, ordinal: int, block: CheckedBlock, started: Load, place: _Place, *, main: bool
) -> Batch:
    rows = block.tables.get(kind)
    if rows is None:
        rows = SCHEMAS[kind].empty_table()
    known = _known(kind, rows, block.doubtful.get(kind), place)
    erased = _erased(kind, rows, place)
    if known or erased:
        rows = rows.take(np.delete(np.arange(rows.num_rows), [*known, *erased]))
    duplicates = block.repeats.get(kind, 0) + len(known)
    rejected = len(block.rejections) if main else 0
    sha256 = None if known or erased else block.files.get(kind)
    accepted = Block(batch_id, kind, started.id, ordinal, rows, rejected, duplicates, sha256)
    place.rows[kind] += rows.num_rows
    return accept(accepted, directory=place.directory, ledger=place.ledger, now=place.now)


def _known(kind: str, rows: pa.Table, doubtful: NDArray[np.int64] | None, place: _Place) -> list[int]:
    """The rows of a block whose person and message_id are stored already."""
    # Only while all that is stored is of this load do its own blocks tell which rows to look up.
    if doubtful is None or stored_rows(kind, place.warehouse) != place.rows[kind]:
        doubtful = np.arange(rows.num_rows)
    if not len(doubtful):
        return []
    found = already_stored(kind, rows.take(doubtful), place.warehouse, place.ledger.database, place.directory)
    return [int(doubtful[at]) for at in found]


def _erased(kind: str, rows: pa.Table, place: _Place) -> list[int]:
    """The rows of a block whose person was erased; they are counted, and not taken."""
    if kind == "accounts":
        return []
    with place.ledger.database.reading() as connection:
        if not tombstones.exist(connection):
            return []
    ids = [str(id_) for id_ in rows["profile_id"].to_pylist()]
    with place.ledger.database.writing() as connection:
        gone = tombstones.among(connection, set(ids))
        found = [row for row, id_ in enumerate(ids) if id_ in gone]
        tombstones.count(connection, Counter(ids[row] for row in found))
    return found


def _report(source: Source, behind: int, place: _Place) -> None:
    if place.progress is None:
        return
    counts = place.counts
    total = counts.bytes_total
    # Blocks of a compressed text count decompressed bytes, which say nothing of how much is left.
    unknown = not total or (source.compression is not None and source.format != "parquet")
    fraction = None if unknown else min(1.0, (counts.bytes_before + min(behind, source.size)) / total)
    place.progress(LoadProgress(source.name, counts.read, counts.rejected, fraction))
