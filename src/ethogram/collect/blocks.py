"""Blocks ahead: a source's rows are read and checked, the next block while the one before is being stored.

Step of the path: collect. Reads the source; gives checked blocks in the order of its rows, each cut the same every
time. It accepts and stores nothing: what is written, and when, is `load.py`'s, in one thread and in order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from ethogram.collect.arrays import pc
from ethogram.collect.check import Reading, check
from ethogram.collect.columns import infer
from ethogram.collect.instants import date_order
from ethogram.collect.records import Rows, read

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Generator, Iterator

    from ethogram.collect.sources import Source
    from ethogram.model.results import Rejection

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """One block: the rows that may be kept, by kind, and what was left out."""

    tables: dict[str, pa.Table]
    repeats: dict[str, int]  # rows whose person and message_id an earlier row of this block has
    rejections: list[Rejection]
    read: int
    position: int  # see Rows


@contextmanager
def checked_blocks(source: Source, reading: Reading, known_at: dt.datetime) -> Iterator[Iterator[CheckedBlock]]:
    """The blocks of a source; at most two are in memory.

    Raises:
        InputError: the file as a whole cannot be taken (from the iterator, after the blocks before).
    """
    with _ahead(_blocks(source, reading, known_at)) as blocks:
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


def _blocks(source: Source, reading: Reading, known_at: dt.datetime) -> Generator[CheckedBlock, None, None]:
    settled: Reading | None = None
    for rows in read(source, reading.limits):
        # What is found out from values is found out once, from the whole first block.
        settled = settled or _after_first(rows, reading, known_at)
        checked = check(rows, settled)
        tables: dict[str, pa.Table] = {}
        repeats: dict[str, int] = {}
        for kind, table in checked.tables.items():
            tables[kind] = _first_of_each(kind, table)
            repeats[kind] = table.num_rows - tables[kind].num_rows
        yield CheckedBlock(tables, repeats, checked.rejections, rows.count + len(rows.rejections), rows.position)


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


def _first_of_each(kind: str, rows: pa.Table) -> pa.Table:
    """The rows without those whose person and message_id an earlier one has; rows without a message_id stay."""
    identified = pc.not_equal(rows["message_id"], "")
    count = pc.sum(identified).as_py()
    if not count or pc.count_distinct(rows["message_id"].filter(identified)).as_py() == count:
        return rows
    who = "account_id" if kind == "accounts" else "profile_id"
    numbered = rows.select([who, "message_id"]).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    first = numbered.filter(identified).group_by([who, "message_id"], use_threads=False).aggregate([("row", "min")])
    keep = pc.or_(pc.invert(identified), pc.is_in(numbered["row"], value_set=first["row_min"].combine_chunks()))
    return rows.filter(keep)
