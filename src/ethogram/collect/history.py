"""A history: what files say that people did, in the order in which it happened.

Step of the path: collect. Reads files as `load` does, by the same mapping; gives calls of the Segment tracking spec,
each with a stable id, so that playing a history twice is telling it once. It stores nothing and knows no pace.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ethogram.collect import segment_spec
from ethogram.collect.arrays import pc
from ethogram.collect.blocks import checked_blocks
from ethogram.collect.check import Reading
from ethogram.collect.columns import ColumnType
from ethogram.collect.instants import zone_named
from ethogram.collect.mapping import complete, first_rows, is_segment_export
from ethogram.collect.seen import Seen
from ethogram.collect.sources import Source, digest, opened, resolve
from ethogram.collect.values import Limits
from ethogram.errors import InputError
from ethogram.model.results import Rejection

if TYPE_CHECKING:
    from pathlib import Path

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ORDERS = ("dmy", "mdy")
_COLUMNS = ("ts", "profile_id", "event", "content", "unset", "id")


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that a person did (`event`), or that became known of them (no event)."""

    at: int  # microseconds since 1970
    profile_id: str
    event: str | None
    content: str  # properties or traits as JSON
    unset: tuple[str, ...]
    id: str


@dataclass(frozen=True, slots=True)
class History:
    """Calls in order of time.

    Attributes:
        left_out: traits of accounts, which nobody in particular says.
    """

    rows: pa.Table
    rejected: tuple[Rejection, ...]
    left_out: int

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def first_at(self) -> int:
        return int(self.rows["ts"][0].as_py())

    @property
    def last_at(self) -> int:
        return int(self.rows["ts"][-1].as_py())

    def calls(self, *, at_once: int = 10_000) -> Iterator[Call]:
        """The calls, oldest first."""
        for begin in range(0, len(self), at_once):
            part = self.rows.slice(begin, at_once)
            columns = [part[name].to_pylist() for name in _COLUMNS]
            for at, profile_id, event, content, unset, id_ in zip(*columns, strict=True):
                yield Call(at, profile_id, event, content, tuple(unset or ()), id_)


def read_history(
    sources: Sequence[str | Path],
    *,
    known_at: dt.datetime,
    mapping: Mapping[str, str] | None = None,
    event: str | None = None,
    timezone: str | None = None,
    format: str | None = None,
    types: Mapping[str, str] | None = None,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    label: str = "",
) -> History:
    """The history in files; it is held in memory, about as large as the files decompressed.

    Args:
        known_at: of traits that have no timestamp.
        since: leave out what happened before.
        until: leave out what happened at it or later.
        label: another one gives all calls other ids.

    Raises:
        InputError: a source as a whole cannot be taken, or nothing is left of it.
    """
    tables: list[pa.Table] = []
    rejected: list[Rejection] = []
    left_out = 0
    seen: defaultdict[str, Seen] = defaultdict(Seen)
    for name, path in resolve(sources):
        with opened(name, path, format) as source:
            reading = _reading(source, known_at, mapping or {}, event, timezone, types or {})
            origin = f"{label}\n{digest(source)}\n{json.dumps([dict(reading.mapping), reading.event], sort_keys=True)}"
            prefix = hashlib.sha256(origin.encode("utf-8", "surrogateescape")).hexdigest()[:20]
            count = 0
            with checked_blocks(source, reading, known_at, seen, _written_nowhere) as blocks:
                for block in blocks:
                    rejected += block.rejections
                    for kind, table in block.tables.items():
                        if kind == "accounts":
                            left_out += table.num_rows
                        else:
                            tables.append(_calls(kind, table, prefix, count))
                            count += table.num_rows
    rows = pa.concat_tables(tables) if tables else None
    if rows is not None:
        for bound, compare in ((since, pc.greater_equal), (until, pc.less)):
            if bound is not None:
                rows = rows.filter(compare(rows["ts"], pa.scalar(_micros(bound), pa.int64())))
    if rows is None or not rows.num_rows:
        shown = f"; the first of {len(rejected):,} rejected rows: {rejected[0].reason}" if rejected else ""
        raise InputError(f"there is nothing to play{shown}", hint="Check the files, the mapping and the span of time.")
    return History(rows.sort_by("ts"), tuple(rejected), left_out)


def _reading(
    source: Source,
    known_at: dt.datetime,
    mapping: Mapping[str, str],
    event: str | None,
    timezone: str | None,
    types: Mapping[str, str],
) -> Reading:
    sample = first_rows(source)
    segment = is_segment_export(sample) and dict(mapping) in ({}, segment_spec.MAPPING)
    chosen = dict(segment_spec.MAPPING) if segment else complete(source, sample, "events", mapping, event)
    order = types.get(chosen.get("timestamp", ""))
    return Reading(
        kind="events",
        mapping=chosen,
        event=None if "event" in chosen else event,
        zone=zone_named(timezone),
        order=order if order in _ORDERS else None,
        types={name: ColumnType(wanted) for name, wanted in types.items() if wanted not in _ORDERS},
        known_at=known_at,
        segment=segment,
        limits=Limits(),
    )


def _calls(kind: str, table: pa.Table, prefix: str, before: int) -> pa.Table:
    """The rows of a block as calls; their place in the file makes their ids."""
    size = table.num_rows
    ids = [f"{prefix}-{number}" for number in range(before, before + size)]
    said: list[Any] = (
        [table["event"], table["properties"], pa.nulls(size, pa.list_(pa.string()))]
        if kind == "events"
        else [pa.nulls(size, pa.string()), table["traits"], table["unset"]]
    )
    columns = [table["ts"].cast(pa.int64()), table["profile_id"], *said, pa.array(ids)]
    return pa.table(dict(zip(_COLUMNS, columns, strict=True)))


def _written_nowhere(_ordinal: int, _kind: str, _rows: pa.Table) -> None:
    """A history is played, not accepted."""


def _micros(at: dt.datetime) -> int:
    return (at - _EPOCH) // dt.timedelta(microseconds=1)
