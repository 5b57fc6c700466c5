"""Who is due soon is kept beside the stored memberships, and is always what they say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.runtime import Workspace
from ethogram.segment import due
from ethogram.segment.due import DueSoon
from ethogram.segment.sql import micros
from ethogram.store.warehouse import Warehouse

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse("chdb://") as opened:
        yield opened


def put(warehouse: Warehouse, *rows: tuple[int, dt.datetime], revision: int = 1) -> None:
    for key, at in rows:
        warehouse.command(
            "INSERT INTO memberships SELECT {key:UInt64}, [], {at:DateTime64(6, 'UTC')}, now64(6), {revision:UInt64}",
            {"key": key, "at": at, "revision": revision},
        )


def test_the_earliest_come_first_and_nobody_before_their_instant(warehouse: Warehouse) -> None:
    put(warehouse, (1, START + 3 * SECOND), (2, START + SECOND), (3, START + 2 * SECOND), (4, START + 90 * SECOND))
    soon = DueSoon(warehouse)
    assert soon.at(START, 10) == []
    assert soon.at(START + 2 * SECOND, 10) == [2, 3]
    assert soon.at(START + 3 * SECOND, 2) == [2, 3]
    assert soon.at(START + 90 * SECOND, 10) == [2, 3, 1]  # until these are done; then it looks further
    put(warehouse, *((key, START + 500 * SECOND) for key in (1, 2, 3)), revision=2)
    soon.note((key, micros(START + 500 * SECOND)) for key in (1, 2, 3))
    assert soon.at(START + 90 * SECOND, 10) == [4]


def test_what_a_tick_stores_is_taken_over(warehouse: Warehouse) -> None:
    put(warehouse, (1, START + 5 * SECOND))
    soon = DueSoon(warehouse)
    soon.note([(9, micros(START))])  # nothing is known yet: it will be read
    assert soon.at(START, 10) == []
    soon.note([(1, micros(START + 10 * SECOND)), (2, micros(START + 4 * SECOND))])
    assert soon.at(START + 5 * SECOND, 10) == [2]
    assert soon.at(START + 10 * SECOND, 10) == [2, 1]


def test_however_many_are_due_at_one_instant_all_are_found(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "_MOST", 3)
    put(warehouse, *((key, START) for key in range(1, 8)), (8, START + SECOND))
    soon, now, found = DueSoon(warehouse), START + SECOND, list[int]()
    while keys := soon.at(now, 2):
        found += keys
        put(warehouse, *((key, START + 900 * SECOND) for key in keys), revision=2)
        soon.note((key, micros(START + 900 * SECOND)) for key in keys)
    assert sorted(found) == list(range(1, 9))


def test_ticks_without_anything_to_do_do_not_look_through_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(START)
    with eg.init(tmp_path / "shop", clock=clock) as shop:
        shop.segments.save("buyers", "count(purchase in last 2 days) >= 1")
        settle(shop)
        asked: list[str] = []
        query = shop._warehouse.query

        def noted(sql: str, *more: Any) -> list[tuple[Any, ...]]:
            asked.append(sql)
            return query(sql, *more)

        monkeypatch.setattr(shop._warehouse, "query", noted)
        for _ in range(20):
            clock.advance(SECOND)
            settle(shop)
        assert len([sql for sql in asked if "FROM memberships" in sql]) <= 1


def test_a_run_that_others_make_is_seen(tmp_path: Path) -> None:
    clock = ManualClock(START)
    with eg.init(tmp_path / "shop", clock=clock) as shop:
        shop.segments.save("buyers", "count(purchase in last 2 days) >= 1")
        settle(shop)
        (tmp_path / "sent.csv").write_text(f"profile_id,event,timestamp\nann,purchase,{START.isoformat()}\n")
        shop.load_events(tmp_path / "sent.csv")
        clock.advance(dt.timedelta(days=2) - SECOND)
        shop.run()
        assert shop.members("buyers").num_rows == 1
        clock.advance(SECOND)
        settle(shop)
        assert shop.members("buyers").num_rows == 0


def settle(shop: Workspace) -> None:
    while shop.keep_live().more:
        pass
