"""From an accepted block to rows of the warehouse, once, whatever happens in between."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from ethogram.errors import InputError
from ethogram.store import schema, small_blocks
from ethogram.store.inbox import Block, accept, folder, sweep, verify, write_ahead
from ethogram.store.ledger import Batch, Ledger
from ethogram.store.loader import already_stored, store, store_waiting
from ethogram.store.rebuild import RebuildProgress, rebuild
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
AT = dt.datetime(2026, 1, 1, 10, 0, 0, 250_000, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def shared() -> Iterator[Warehouse]:
    with Warehouse("chdb://") as opened:
        yield opened


@pytest.fixture(params=["embedded", "through a staging table"])
def warehouse(shared: Warehouse, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """An empty one; a server takes rows through a table, and that way works on the embedded engine too."""
    shared.recreate_facts()
    monkeypatch.setattr(shared, "embedded", request.param == "embedded")
    return shared


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        opened.start_load("l", digest="d", kind="events", source="a.csv", reading={}, now=NOW)
        yield opened


def events(*ids: str, ordinal: int = 0) -> Block:
    rows = pa.table(
        {
            "profile_id": pa.array(ids, pa.string()),
            "ts": pa.array([AT] * len(ids), pa.timestamp("us", tz="UTC")),
            "event": pa.array(["buy"] * len(ids), pa.string()),
            "properties": pa.array(['{"n":1,"t":"x\\u0000y","d":"2020-01-01 00:00:00"}'] * len(ids), pa.string()),
            "message_id": pa.array([f"m-{each}" for each in ids], pa.string()),
        }
    )
    return Block(f"b{ordinal}", "events", "l", ordinal, rows)


def traits(kind: str, who: str) -> Block:
    key = "account_id" if kind == "accounts" else "profile_id"
    rows = pa.table(
        {
            key: pa.array([who], pa.string()),
            "ts": pa.array([AT], pa.timestamp("us", tz="UTC")),
            "traits": pa.array(['{"plan":"pro"}'], pa.string()),
            "unset": pa.array([["old"]], pa.list_(pa.string())),
            "message_id": pa.array([""], pa.string()),
        }
    )
    return Block(f"b-{kind}", kind, "l", 9, rows)


def put(block: Block, tmp_path: Path, ledger: Ledger) -> Batch:
    return accept(block, directory=tmp_path, ledger=ledger, now=NOW)


def count(warehouse: Warehouse, table: str = "events") -> int:
    return int(warehouse.query(f"SELECT count() FROM {table}")[0][0])


def test_an_accepted_block_is_stored_with_its_people(warehouse: Warehouse, ledger: Ledger, tmp_path: Path) -> None:
    batch = put(events("ada", "bo", "ada"), tmp_path, ledger)
    assert (batch.rows, batch.first_at, batch.state) == (3, AT, "accepted")
    assert store_waiting(warehouse, ledger, tmp_path, NOW) == 3
    rows = warehouse.query(
        "SELECT profile_id, ts, event, properties, message_id, batch FROM events "
        "JOIN (SELECT profile, any(profile_id) AS profile_id FROM profiles GROUP BY profile) AS known USING profile "
        "ORDER BY profile_id"
    )
    kept = {"n": 1, "t": "x\x00y", "d": "2020-01-01 00:00:00"}
    assert rows == [(who, AT, "buy", kept, f"m-{who}", "b0") for who in ("ada", "ada", "bo")]
    assert ledger.waiting_batches() == ()
    assert store_waiting(warehouse, ledger, tmp_path, NOW) == 0


@pytest.mark.parametrize("kind", ["profiles", "accounts"])
def test_traits_are_stored_with_what_they_unset(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path, kind: str
) -> None:
    put(traits(kind, "ada"), tmp_path, ledger)
    store_waiting(warehouse, ledger, tmp_path, NOW)
    facts = "profile_traits" if kind == "profiles" else "account_traits"
    assert warehouse.query(f"SELECT ts, traits, unset FROM {facts}") == [(AT, {"plan": "pro"}, ["old"])]
    column = kind.removesuffix("s")
    assert warehouse.query(f"SELECT {column}_id, known_at FROM {kind}") == [("ada", AT)]


def test_a_batch_that_was_stored_and_not_noted_is_stored_once(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path
) -> None:
    batch = put(events(*(f"p{at}" for at in range(500))), tmp_path, ledger)
    for _ in range(3):  # killed each time before the ledger knew
        store(batch, warehouse, ledger.database, tmp_path)
    assert count(warehouse) == 500


def test_a_block_that_never_reached_the_ledger_is_swept(ledger: Ledger, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def die() -> None:
        raise KilledError

    with pytest.raises(KilledError):
        accept(events("ada"), directory=tmp_path, ledger=ledger, now=NOW, between=die)
    put(events("bo", ordinal=1), tmp_path, ledger)
    (folder(tmp_path) / "b7.parquet.part").write_bytes(b"half")
    assert sweep(tmp_path, ledger) == ("b0.parquet", "b7.parquet.part")
    assert [path.name for path in folder(tmp_path).iterdir()] == ["b1.parquet"]
    assert put(events("ada"), tmp_path, ledger).rows == 1


def test_a_block_written_ahead_is_accepted_as_it_was_written(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path
) -> None:
    block = events("ada", "bo")
    sha256 = write_ahead(block.id, block.kind, block.rows, tmp_path)
    assert [path.name for path in folder(tmp_path).iterdir()] == ["b0.parquet.part"]
    assert ledger.batches() == ()
    batch = put(replace(block, sha256=sha256), tmp_path, ledger)
    assert batch.sha256 == sha256
    assert [path.name for path in folder(tmp_path).iterdir()] == ["b0.parquet"]
    assert store_waiting(warehouse, ledger, tmp_path, NOW) == 2


def test_a_block_written_ahead_and_swept_is_written_again(ledger: Ledger, tmp_path: Path) -> None:
    block = events("ada")
    sha256 = write_ahead(block.id, block.kind, block.rows, tmp_path)
    assert sweep(tmp_path, ledger) == ("b0.parquet.part",)
    batch = put(replace(block, sha256=sha256), tmp_path, ledger)
    assert verify(batch, tmp_path) == folder(tmp_path) / "b0.parquet"


def test_what_was_written_ahead_goes_when_nothing_of_it_is_accepted(ledger: Ledger, tmp_path: Path) -> None:
    block = events("ada")
    write_ahead(block.id, block.kind, block.rows, tmp_path)
    put(replace(block, rows=block.rows.slice(0, 0)), tmp_path, ledger)
    assert list(folder(tmp_path).iterdir()) == []


def test_a_block_without_rows_has_no_file_and_does_not_wait(ledger: Ledger, tmp_path: Path) -> None:
    batch = put(events(), tmp_path, ledger)
    assert (batch.file, batch.state) == (None, "stored")
    assert verify(batch, tmp_path) is None


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_block_is_named_and_not_stored(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path, damage: str
) -> None:
    batch = put(events("ada"), tmp_path, ledger)
    path = folder(tmp_path) / str(batch.file)
    content = bytearray(path.read_bytes())
    match damage:
        case "flipped":
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        case "cut":
            path.write_bytes(content[:-1])
        case _:
            path.unlink()
    with pytest.raises(InputError, match=r"b0\.parquet` is (damaged|missing)"):
        store_waiting(warehouse, ledger, tmp_path, NOW)
    assert count(warehouse) == 0
    assert len(ledger.waiting_batches()) == 1


def test_two_ids_with_one_key_are_refused(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "profile_key", lambda id_sql: f"toUInt64(length({id_sql}))")
    monkeypatch.setattr(small_blocks, "key_of", len)
    put(events("ada", "bo"), tmp_path, ledger)
    store_waiting(warehouse, ledger, tmp_path, NOW)
    put(events("eve", ordinal=1), tmp_path, ledger)
    with pytest.raises(InputError, match="`ada` and `eve` have the same key"):
        store_waiting(warehouse, ledger, tmp_path, NOW)
    assert count(warehouse) == 2


def test_two_ids_of_one_block_with_one_key_are_refused(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "profile_key", lambda id_sql: f"toUInt64(length({id_sql}))")
    monkeypatch.setattr(small_blocks, "key_of", len)
    put(events("ada", "bo", "eve"), tmp_path, ledger)
    with pytest.raises(InputError, match="`ada` and `eve` have the same key"):
        store_waiting(warehouse, ledger, tmp_path, NOW)
    assert count(warehouse) == 0
    assert (
        warehouse.query("SELECT name FROM system.tables WHERE engine = 'Memory' AND database = currentDatabase()") == []
    )


def test_a_person_is_known_since_the_earliest_of_all_blocks(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path
) -> None:
    for ordinal, days in enumerate((3, 1, 2)):
        block = events("ada", "ada", ordinal=ordinal)
        at = pa.array([AT + dt.timedelta(days=days), AT + dt.timedelta(days=9)], pa.timestamp("us", tz="UTC"))
        put(replace(block, rows=block.rows.set_column(1, "ts", at)), tmp_path, ledger)
        store_waiting(warehouse, ledger, tmp_path, NOW)
    found = warehouse.query("SELECT any(profile_id), min(known_at) FROM profiles GROUP BY profile")
    assert found == [("ada", AT + dt.timedelta(days=1))]


def test_known_messages_are_found_by_person_and_id(warehouse: Warehouse, ledger: Ledger, tmp_path: Path) -> None:
    put(events("ada", "bo"), tmp_path, ledger)
    store_waiting(warehouse, ledger, tmp_path, NOW)
    asked = pa.table(
        {
            "profile_id": ["bo", "ada", "bo", "ada", "cy", "bo"],
            "message_id": ["", "m-ada", "m-ada", "m-bo", "m-ada", "m-bo"],
        }
    )
    assert already_stored("events", asked, warehouse, ledger.database, tmp_path) == {1, 5}
    assert [path.name for path in folder(tmp_path).iterdir()] == ["b0.parquet"]


def test_a_rebuilt_warehouse_equals_the_one_before(warehouse: Warehouse, ledger: Ledger, tmp_path: Path) -> None:
    put(events("ada", "bo"), tmp_path, ledger)
    put(events("cy", ordinal=1), tmp_path, ledger)
    put(traits("profiles", "ada"), tmp_path, ledger)
    put(traits("accounts", "acme"), tmp_path, ledger)
    store_waiting(warehouse, ledger, tmp_path, NOW)

    def everything() -> list[list[tuple[object, ...]]]:
        return [warehouse.query(f"SELECT * FROM {table} ORDER BY ALL") for table in ("profiles", "accounts")] + [
            warehouse.query(f"SELECT * EXCEPT {column}, toString({column}) FROM {table} ORDER BY ALL")
            for table, column in (("events", "properties"), ("profile_traits", "traits"), ("account_traits", "traits"))
        ]

    before = everything()
    warehouse.command("INSERT INTO events (profile, ts, event) VALUES (1, now(), 'stray')")
    seen: list[RebuildProgress] = []
    report = rebuild(warehouse, ledger, tmp_path, NOW, seen.append)
    assert (report.batches, report.rows) == (4, 5)
    assert everything() == before
    assert [each.rows for each in seen] == [2, 3, 4, 5]
    assert seen[-1].fraction == 1.0


def test_a_rebuild_names_every_damaged_block_and_touches_nothing(
    warehouse: Warehouse, ledger: Ledger, tmp_path: Path
) -> None:
    for ordinal, who in enumerate(("ada", "bo", "cy")):
        put(events(who, ordinal=ordinal), tmp_path, ledger)
    store_waiting(warehouse, ledger, tmp_path, NOW)
    (folder(tmp_path) / "b0.parquet").unlink()
    (folder(tmp_path) / "b2.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError) as caught:
        rebuild(warehouse, ledger, tmp_path, NOW)
    assert "2 accepted blocks" in caught.value.message
    assert "b0.parquet` is missing" in caught.value.message
    assert "b2.parquet` is damaged" in caught.value.message
    assert count(warehouse) == 3
