"""Files as catalogues and coupon pools: CSV, JSON lines and Parquet, plain or compressed.

A part of the composition root: reads files as events are read (collect), and keeps items and codes in the ledger
(store). A file is read whole and then kept in one transaction: a catalogue is never half of one file and half of
another. What cannot be taken is told with its line; nothing is guessed but whether a column of a CSV file is numbers.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ethogram.collect.records import Rows, read
from ethogram.collect.sources import opened, resolve
from ethogram.collect.values import Limits
from ethogram.errors import InputError
from ethogram.model.catalog import Catalog
from ethogram.model.results import Rejection
from ethogram.store import catalogs, coupons
from ethogram.store.catalogs import ItemsChanged
from ethogram.store.coupons import CodesAdded
from ethogram.store.database import Database

_SHOWN = 1_000  # characters of a rejected row
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,12})?")  # 007 and 1e5 are texts
_TRUTHS = {"true": True, "false": False}
_LISTED = 1_000  # rejections that are told one by one


@dataclass(frozen=True, slots=True)
class ItemsImported:
    """What came of an import.

    Attributes:
        rows: in the files.
        repeated: rows whose id came again later, which is the one that counts.
        rejected: how many rows were not taken; `rejections` has the first of them.
    """

    changed: ItemsChanged
    rows: int
    repeated: int
    rejected: int
    rejections: tuple[Rejection, ...]


def import_items(
    database: Database,
    catalog: Catalog,
    sources: Sequence[str | Path],
    *,
    now: dt.datetime,
    replace: bool = False,
    format: str | None = None,
) -> ItemsImported:
    """What the import did; the items of the files are in the catalogue.

    Args:
        sources: paths, globs, `-` for standard input.
        replace: the catalogue holds nothing but these afterwards; refused where a row could not be taken, as its item
            would be removed.
        format: `csv`, `jsonl` or `parquet`; told from the content otherwise.

    Raises:
        InputError: a file cannot be taken, or no row of it, or a replacement with rejected rows.
    """
    items: dict[str, dict[str, Any]] = {}
    rejections: list[Rejection] = []
    rows = repeated = 0
    for line, item in read_rows(sources, format, rejections):
        rows += 1
        typed = catalog.as_typed(item)
        fault = catalog.fault(typed)
        if fault is not None:
            rejections.append(Rejection(line, fault, str(item)[:_SHOWN]))
            continue
        id_ = str(typed[catalog.id])
        repeated += id_ in items
        items[id_] = typed
    if rejections and (replace or not items):
        first = rejections[0]
        raise InputError(
            f"{len(rejections):,} of the rows cannot be taken; the first, line {first.line}: {first.reason}",
            hint="Mend them: nothing was changed."
            + (" Replacing would remove their items." if replace and items else ""),
        )
    with database.writing() as connection:
        changed = (catalogs.replace if replace else catalogs.put)(connection, catalog.name, items, now)
    return ItemsImported(changed, rows, repeated, len(rejections), tuple(rejections[:_LISTED]))


def import_codes(
    database: Database,
    pool: str,
    sources: Sequence[str | Path],
    *,
    column: str | None = None,
    expires_at: dt.datetime | None = None,
    format: str | None = None,
) -> CodesAdded:
    """How many codes were added to a pool.

    Args:
        column: which one holds the codes; by default the one called `code`, or the only one there is. A plain list with
            one code on each line has none: its first line is a code as well.

    Raises:
        InputError: a file cannot be taken, or it is not clear which column holds the codes.
    """
    rejections: list[Rejection] = []
    codes = list(read_column(sources, format, column, ("code",), rejections))
    with database.writing() as connection:
        added = coupons.add(connection, pool, codes, expires_at=expires_at)
    return CodesAdded(added.added, added.known, added.unfit + len(rejections))


# --- reading ------------------------------------------------------------------------------------------------------


def read_rows(
    sources: Sequence[str | Path], format: str | None, rejections: list[Rejection], *, numbers: bool = True
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of files with their lines.

    Args:
        rejections: takes what a format does not allow.
        numbers: columns of a CSV file that hold nothing but numbers are numbers; else everything there is a text.
    """
    for name, path in resolve(sources):
        with opened(name, path, format) as source:
            blocks = list(read(source, Limits()))
        plain = _numbers(blocks) if numbers and source.format == "csv" else frozenset()
        for block in blocks:
            rejections += block.rejections
            yield from zip(block.lines, _items(block, plain), strict=True)


def _items(block: Rows, numbers: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The rows of a block; a value that is not there is left out."""
    if block.objects is not None:
        for each in block.objects:
            yield {name: value for name, value in each.items() if value is not None}
        return
    columns = {name: column.to_pylist() for name, column in (block.columns or {}).items()}
    for index in range(block.count):
        row = ((name, values[index]) for name, values in columns.items())
        yield {name: _plain(value, number=name in numbers) for name, value in row if value is not None}


def _plain(value: Any, *, number: bool) -> Any:
    """A value as JSON holds it."""
    if number and isinstance(value, str):
        text = value.strip()
        return _TRUTHS.get(text.lower()) if text.lower() in _TRUTHS else float(text) if "." in text else int(text)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {str(name): _plain(each, number=False) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, number=False) for each in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return float(value)  # a decimal of Parquet


def _numbers(blocks: Iterable[Rows]) -> frozenset[str]:
    """The columns of a CSV file in which every value is a number, or every one is true or false."""
    kinds: dict[str, set[str]] = {}
    for block in blocks:
        for name, column in (block.columns or {}).items():
            found = kinds.setdefault(name, set())
            for value in column.to_pylist():
                if value is not None and "text" not in found:
                    text = str(value).strip()
                    found.add("truth" if text.lower() in _TRUTHS else "number" if _NUMBER.fullmatch(text) else "text")
    return frozenset(name for name, found in kinds.items() if len(found) == 1 and "text" not in found)


def read_column(
    sources: Sequence[str | Path],
    format: str | None,
    column: str | None,
    usual: Sequence[str],
    rejections: list[Rejection],
) -> Iterator[str]:
    """The texts of one column of files, or the lines of a plain list.

    Args:
        column: its name; by default the first of the usual ones that there is, or the only one.
        rejections: takes what a format does not allow.
    """
    for name, path in resolve(sources):
        with opened(name, path, format) as source:
            blocks = list(read(source, Limits()))
        names = list(dict.fromkeys(each for block in blocks for each in _names(block)))
        chosen = column or next((each for each in usual if each in names), names[0] if len(names) == 1 else None)
        if chosen is None or chosen not in names:
            raise InputError(
                f"`{source.name}` has the columns {', '.join(f'`{each}`' for each in names[:20])}"
                + ("" if column is None else f", and no `{column}`"),
                hint="Say which one is meant.",
            )
        if source.format == "csv" and len(names) == 1 and column is None and chosen.lower() not in usual:
            yield chosen  # a plain list: what looks like a header is its first line
        for block in blocks:
            rejections += block.rejections
            for item in _items(block, frozenset()):
                if chosen in item:
                    yield str(item[chosen])


def _names(block: Rows) -> Iterator[str]:
    if block.columns is not None:
        yield from block.columns
    for each in block.objects or ():
        yield from each
