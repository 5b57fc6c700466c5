"""Segments straight over a data frame or a Parquet file, without any set-up.

Reads frames through Arrow (pandas, Polars, pyarrow, anything with `__arrow_c_stream__`) or Parquet paths; evaluates
in a warehouse that is gone afterwards. Keeps nothing. The rows go through the same checks and the same plans as a
workspace's, so the answers are the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.parquet as pq

from ethogram.clock import SystemClock
from ethogram.collect.check import Reading, check
from ethogram.collect.records import table_rows
from ethogram.errors import InputError, SettingError
from ethogram.segment.checker import check as check_definition
from ethogram.segment.evaluate import Evaluator
from ethogram.segment.parser import parse
from ethogram.segment.rewrites import references
from ethogram.store.loader import append
from ethogram.store.schema import EARLIEST
from ethogram.store.warehouse import IN_MEMORY, Warehouse

Frame: TypeAlias = "Any"  # pandas, Polars, pyarrow table, or a path to Parquet: whatever Arrow can read
_ROWS = 250_000
_COLUMNS = {"events": ("profile_id", "event", "timestamp"), "profiles": ("profile_id",)}


def members(
    text: str,
    *,
    events: Frame,
    profiles: Frame | None = None,
    now: dt.datetime | None = None,
    timezone: str = "UTC",
) -> pa.Table:
    """Everybody whom a segment's text describes, computed over the given events.

    Args:
        text: the segment, e.g. `count(purchase in last 30 days) >= 3`.
        events: columns `profile_id`, `event`, `timestamp`; every other column is a property. A pandas or Polars
            frame, an Arrow table, or the path of a Parquet file.
        profiles: column `profile_id`, optionally `timestamp` (since when the row holds; without it, always); every
            other column is a trait.
        now: the instant to ask about, with a zone; the present by default. For historical data pass the end of it.
        timezone: IANA name of the zone of calendar windows, and of timestamps that have none.

    Returns:
        An Arrow table with one string column, `profile_id` (`account_id` for a segment over accounts), in no order
        that means anything.

    Raises:
        SegmentSyntaxError, SegmentError: the text cannot be read, or cannot be used here (it names a saved segment).
        InputError: a column is missing or a row cannot be taken; the message names the first.
        SettingError: `now` has no zone, or `timezone` is none.

    >>> import ethogram as eg, pyarrow as pa, datetime as dt
    >>> day = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    >>> events = pa.table({"profile_id": ["ann", "ann", "bob"], "event": ["purchase"] * 3, "timestamp": [day] * 3})
    >>> eg.members("count(purchase) >= 2", events=events).column("profile_id").to_pylist()
    ['ann']
    """
    definition = parse(text)
    check_definition(definition)
    named = next(references(definition.condition), None)
    if named is not None:
        raise SettingError(
            f"the text names the segment `{named}`, and there are no saved segments over a data frame",
            hint="Put that segment's own text in its place, or use a workspace.",
        )
    if now is not None and now.tzinfo is None:
        raise SettingError(f"the instant {now.isoformat()} has no zone", hint="Add one: `tzinfo=datetime.UTC`.")
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingError(f"`{timezone}` is no time zone", hint="Use an IANA name, e.g. `Europe/Paris`.") from None
    with Warehouse(IN_MEMORY) as warehouse:
        _append("events", events, zone, warehouse)
        if profiles is not None:
            _append("profiles", profiles, zone, warehouse)
        at = (now or SystemClock().now()).astimezone(dt.UTC)
        return Evaluator(warehouse, zone).members(definition, at, numbers={})


def _append(kind: str, frame: Frame, zone: ZoneInfo, warehouse: Warehouse) -> None:
    begin = 0
    for table in _tables(kind, frame):
        missing = [name for name in _COLUMNS[kind] if name not in table.column_names]
        if missing:
            raise InputError(
                f"{kind} need a column `{missing[0]}`, and have {', '.join(f'`{n}`' for n in table.column_names)}",
                hint="Rename the column that holds it.",
            )
        mapped = (*_COLUMNS[kind], "timestamp", "message_id", "account_id")
        reading = Reading(
            kind=kind,
            mapping={name: name for name in mapped if name in table.column_names},
            event=None,
            zone=zone,
            order=None,
            types={},
            known_at=EARLIEST,
        )
        checked = check(table_rows(table, begin, begin + table.num_rows), reading)
        if checked.rejections:
            first = checked.rejections[0]
            raise InputError(
                f"row {first.line:,} of {kind} cannot be taken: {first.reason}\n  {first.row}",
                hint=f"{len(checked.rejections):,} rows have such a fault; mend them or leave them out.",
            )
        for found, rows in checked.tables.items():
            append(found, rows, warehouse)
        begin += table.num_rows


def _tables(kind: str, frame: Frame) -> Iterator[pa.Table]:
    """The frame as Arrow tables of a size that a block has."""
    if isinstance(frame, str | Path):
        try:
            file = pq.ParquetFile(frame)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(
                f"`{frame}` cannot be read as Parquet: {error}", hint="Other files are loaded with `ethogram load`."
            ) from error
        with file:
            for batch in file.iter_batches(_ROWS):
                yield pa.Table.from_batches([batch])
        return
    if isinstance(frame, pa.Table):
        table = frame
    elif hasattr(frame, "__arrow_c_stream__"):
        table = pa.table(frame)
    else:
        raise InputError(
            f"{kind} cannot be a `{type(frame).__name__}`",
            hint="Pass a pandas or Polars frame, an Arrow table, or the path of a Parquet file.",
        )
    # A pandas index travels along as a column that nobody named.
    table = table.select([name for name in table.column_names if not name.startswith("__index_level_")])
    for offset in range(0, table.num_rows, _ROWS):
        yield table.slice(offset, _ROWS)
