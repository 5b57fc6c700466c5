"""A warehouse opens over the descriptions of tables that were cut off while the room had ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from ethogram.errors import WarehouseError
from ethogram.store.warehouse import Warehouse


@pytest.mark.parametrize("left", [b"", b"A", b"ATTACH TABLE _ UUID '00000000-0000-4000-8000-000000000000'\n(\n    `k"])
def test_a_cut_off_table_between_two_steps_is_forgotten_and_a_whole_one_is_kept(tmp_path: Path, left: bytes) -> None:
    with Warehouse(f"chdb://{tmp_path}") as warehouse:
        warehouse.command("CREATE TABLE fill_1 (key UInt64) ENGINE = MergeTree ORDER BY key")
        warehouse.command("INSERT INTO fill_1 VALUES (7)")
    cut = tmp_path / "metadata" / "default" / "evaluation_1.sql"
    cut.write_bytes(left)
    with Warehouse(f"chdb://{tmp_path}") as warehouse:
        assert not cut.exists()
        assert warehouse.query("SELECT key FROM fill_1") == [(7,)]
        assert warehouse.damage() == ()


def test_a_cut_off_table_of_ours_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Warehouse(f"chdb://{tmp_path}").close()
    ours = tmp_path / "metadata" / "default" / "events.sql"
    whole = ours.read_bytes()
    ours.write_bytes(whole[:1])
    with pytest.raises(WarehouseError, match="cannot be opened"):
        Warehouse(f"chdb://{tmp_path}")
    assert ours.read_bytes() == whole[:1]
    ours.write_bytes(whole)
    Warehouse(f"chdb://{tmp_path}").close()
