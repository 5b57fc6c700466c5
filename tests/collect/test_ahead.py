"""Blocks are checked ahead of being stored: one by one, in order, an error in its place."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ethogram.collect import blocks
from ethogram.collect.values import Limits
from ethogram.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Generator

    from collect.conftest import Place


class Made:
    """Numbers that are made one after the other, and whether their maker was told to stop."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.made: list[int] = []
        self.threads: set[int] = set()
        self.stopped = False
        self._count = count
        self._error = error

    def items(self) -> Generator[int, None, None]:
        try:
            for number in range(1, self._count + 1):
                self.threads.add(threading.get_ident())
                self.made.append(number)
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.stopped = True


def test_the_next_item_is_made_elsewhere_and_no_more_than_one() -> None:
    made = Made(5)
    with blocks._ahead(made.items()) as items:
        for number in items:
            assert len(made.made) <= number + 1
    assert made.made == [1, 2, 3, 4, 5]
    assert made.stopped
    assert threading.get_ident() not in made.threads
    assert len(made.threads) == 1


def test_an_error_comes_after_the_items_before_it() -> None:
    with blocks._ahead(Made(2, ValueError("broken")).items()) as items:
        assert [next(items), next(items)] == [1, 2]
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_who_stops_early_stops_the_maker() -> None:
    made = Made(100)
    with blocks._ahead(made.items()) as items:
        assert [next(items) for _ in range(3)] == [1, 2, 3]
    assert made.stopped
    assert len(made.made) <= 4
    assert not [each for each in threading.enumerate() if each.name.startswith("ethogram-check")]


def test_a_source_that_breaks_half_way_keeps_the_blocks_before(place: Place) -> None:
    table = pa.table(
        {
            "profile_id": [f"p{at}" for at in range(3_000)],
            "timestamp": pa.array(range(3_000), pa.timestamp("s", tz="UTC")),
            "event": ["e"] * 3_000,
        }
    )
    path = place.directory / "a.parquet"
    pq.write_table(table, path, row_group_size=1_000, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    content[start : start + 16] = b"\xff" * 16
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged Parquet"):
        place.load(path, limits=Limits(rows_per_block=500))
    assert place.count() in (1_500, 2_000)
    assert [batch.state for batch in place.ledger.batches()] == ["stored"] * (place.count() // 500)


def test_repeats_within_a_block_and_across_blocks_are_counted_once(place: Place) -> None:
    rows = "".join(
        f"p{at % 3},2026-01-01T00:00:{at % 60:02}Z,e,{f'm{at % 7}' if at % 4 else ''}\n" for at in range(100)
    )
    path = place.write("a.csv", "profile_id,timestamp,event,message_id\n" + rows)
    summary = place.load(path, limits=Limits(rows_per_block=30))
    different = {(at % 3, at % 7) for at in range(100) if at % 4}
    assert summary.accepted == place.count() == 25 + len(different)
    assert summary.duplicates == 75 - len(different)
    # The first of each is kept, whatever block it is in.
    first = min(at for at in range(100) if at % 4 and (at % 3, at % 7) == (0, 0))
    kept = place.warehouse.query(
        "SELECT toSecond(ts) FROM events WHERE profile = sipHash64('p0') AND message_id = 'm0'"
    )
    assert kept == [(first % 60,)]
