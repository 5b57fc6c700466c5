"""Blocks ahead: a source's rows are read and checked, the next block while the one before is being stored.

Step of the path: collect. Reads the source; gives checked blocks in the order of its rows, each cut the same every
time. It accepts and stores nothing: that is `load.py`'s, in one thread and in order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from ethogram.collect.arrays import pc
from ethogram.collect.check import Reading, check
from ethogram.collect.columns import infer
from ethogram.collect.instants import date_order
from ethogram.collect.records import Rows, read
from ethogram.collect.seen import Seen, fingerprints, first_of_each

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Generator, Iterator, Mapping

    from numpy.typing import NDArray

    from ethogram.collect.sources import Source
    from ethogram.model.results import Rejection

Item = TypeVar("Item")
# Writes a block's rows ahead of their acceptance, given its place in the source, kind and rows; gives their SHA-256.
Write: TypeAlias = "Callable[[int, str, pa.Table], str | None]"


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """One block: the rows that may be kept, by kind, and what was left out."""

    tables: dict[str, pa.Table]
    doubtful: dict[str, NDArray[np.int64]]  # the rows whose message may have been in a block before; no others were
    files: dict[str, str | None]  # SHA-256 of what was written ahead
    repeats: dict[str, int]  # rows whose person and message_id an earlier row of this block has
    rejections: list[Rejection]
    read: int
    position: int  # see Rows


@contextmanager
def checked_blocks(
    source: Source, reading: Reading, known_at: dt.datetime, seen: Mapping[str, Seen], write: Write
) -> Iterator[Iterator[CheckedBlock]]:
    """The blocks of a source; at most two are in memory.

    Args:
        seen: by kind, the messages of sources before; those of this one are added.
        write: called with the rows of each block; see `Write`.

    Raises:
        InputError: the file as a whole cannot be taken (from the iterator, after the blocks before).
    """
    with _ahead(_blocks(source, reading, known_at, seen, write)) as blocks:
        yield blocks


@contextmanager
def _ahead(items: Generator[Item, None, None]) -> Iterator[Iterator[Item]]:
    """The same items, each made by a thread while the one before is used; an error comes in its place."""
    # Arrow, the engine and the disk work without the interpreter's lock, so that this is more than taking turns.
    with ThreadPoolExecutor(1, thread_name_prefix="ethogram-check") as thread:

        def taken() -> Iterator[Item]:
            following = thread.submit(next, items, None)
            while (item := following.result()) is not None:
                following = thread.submit(next, items, None)
                yield item

        try:
            yield taken()
        finally:
            thread.submit(items.close)


def _blocks(
    source: Source, reading: Reading, known_at: dt.datetime, seen: Mapping[str, Seen], write: Write
) -> Generator[CheckedBlock, None, None]:
    settled: Reading | None = None
    for ordinal, rows in enumerate(read(source, reading.limits)):
        # What is found out from values is found out once, from the whole first block.
        settled = settled or _after_first(rows, reading, known_at)
        checked = check(rows, settled)
        tables: dict[str, pa.Table] = {}
        doubtful: dict[str, NDArray[np.int64]] = {}
        files: dict[str, str | None] = {}
        repeats: dict[str, int] = {}
        for kind, table in checked.tables.items():
            tables[kind], doubtful[kind] = _once(kind, table, seen[kind])
            files[kind] = write(ordinal, kind, tables[kind])
            repeats[kind] = table.num_rows - tables[kind].num_rows
        yield CheckedBlock(
            tables, doubtful, files, repeats, checked.rejections, rows.count + len(rows.rejections), rows.position
        )


def _after_first(rows: Rows, reading: Reading, known_at: dt.datetime) -> Reading:
    types = dict(reading.types)
    order = reading.order
    if rows.columns is not None:
        at = rows.columns.get(reading.mapping.get("timestamp", ""))
        if order is None and at is not None:
            order = date_order(at)
        inferred = {
            name: infer(column)
            for name, column in rows.columns.items()
            if pa.types.is_string(column.type) and isinstance(rows.lines, list)
        }
        types = inferred | types
    return replace(reading, order=order, types=types, known_at=known_at)


def _once(kind: str, rows: pa.Table, seen: Seen) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows, each message once, and those of them whose message may have been in a block before."""
    identified = pc.not_equal(rows["message_id"], "").combine_chunks().to_numpy(zero_copy_only=False)
    if not identified.any():
        return rows, np.empty(0, np.int64)
    prints = fingerprints(kind, rows)
    ordered = np.sort(prints[identified])
    if (ordered[1:] == ordered[:-1]).any():
        rows = first_of_each(kind, rows)
        prints = fingerprints(kind, rows)
    doubtful = np.flatnonzero(seen.maybe(prints))
    seen.add(prints)
    return rows, doubtful
