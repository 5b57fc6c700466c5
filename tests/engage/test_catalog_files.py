"""Files become catalogues and pools of codes, whole or not at all."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ethogram.catalog_files import import_codes, import_items
from ethogram.errors import InputError
from ethogram.model.catalog import Catalog, FieldType
from ethogram.store import catalogs, coupons
from ethogram.store.catalogs import ItemsChanged
from ethogram.store.coupons import CodesAdded
from ethogram.store.database import Database

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PRODUCTS = Catalog("products")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def items(database: Database) -> dict[str, Any]:
    return {item.id: item.fields for item in catalogs.page(database, "products").items}


def test_a_csv_file_becomes_items(database: Database, tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.csv",
        'id,title,price,quantity,available,sku,year\n1,"Blå, skjorta",19.90,3,true,007,1984\n'
        "2,Hat,5,,false,12,ca 2000\n",
    )
    told = import_items(database, PRODUCTS, [path], now=NOW)
    assert (told.changed, told.rows, told.rejected) == (ItemsChanged(new=2), 2, 0)
    assert items(database) == {
        "1": {
            "id": 1,
            "title": "Blå, skjorta",
            "price": 19.9,
            "quantity": 3,
            "available": True,
            "sku": "007",
            "year": "1984",
        },
        "2": {"id": 2, "title": "Hat", "price": 5, "available": False, "sku": "12", "year": "ca 2000"},
    }
    again = import_items(database, PRODUCTS, [path], now=NOW)
    assert again.changed == ItemsChanged(same=2)


def test_fields_are_what_the_catalogue_says(database: Database, tmp_path: Path) -> None:
    catalog = Catalog("products", "sku", {"sku": FieldType.TEXT, "size": FieldType.TEXT, "price": FieldType.NUMBER})
    path = write(tmp_path / "p.csv", "sku,size,price\n10,38,3\n11,39,cheap\n,40,1\n")
    told = import_items(database, catalog, [path], now=NOW)
    assert items(database) == {"10": {"sku": "10", "size": "38", "price": 3}}
    assert [(each.line, each.reason) for each in told.rejections] == [
        (3, "has `price`: 'cheap', which is no number"), (4, "has no `sku`, which tells items apart"),
    ]  # fmt: skip
    assert (told.rows, told.rejected) == (3, 2)


def test_json_lines_keep_their_structure(database: Database, tmp_path: Path) -> None:
    lines = [{"id": "a", "tags": ["x"], "maker": {"name": "M"}, "gone": None}, {"id": "a", "price": 1}, {"id": "b"}]
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join([*map(json.dumps, lines), "[1]", "{"]).encode()))
    told = import_items(database, PRODUCTS, [path], now=NOW)
    assert items(database) == {"a": {"id": "a", "price": 1}, "b": {"id": "b"}}
    assert (told.rows, told.repeated, told.rejected) == (3, 1, 2)
    assert [each.line for each in told.rejections] == [4, 5]


def test_a_parquet_file_keeps_its_types(database: Database, tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["a", "b"], "price": pa.array([1.5, None]),
            "at": pa.array([NOW, None], pa.timestamp("us", "UTC")),
            "tags": pa.array([["x", "y"], None]),
            "maker": pa.array([{"name": "M", "since": dt.date(2000, 1, 1)}, None]),
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "p.parquet")
    import_items(database, PRODUCTS, [tmp_path / "p.parquet"], now=NOW)
    assert items(database) == {
        "a": {
            "id": "a", "price": 1.5, "at": "2026-03-01T00:00:00+00:00", "tags": ["x", "y"],
            "maker": {"name": "M", "since": "2000-01-01"},
        },
        "b": {"id": "b"},
    }  # fmt: skip


def test_replacing_removes_what_the_file_lacks_but_not_because_of_a_bad_row(database: Database, tmp_path: Path) -> None:
    import_items(database, PRODUCTS, [write(tmp_path / "1.csv", "id,n\na,1\nb,2\n")], now=NOW)
    bad = write(tmp_path / "2.csv", "id,n\na,1\n,2\n")
    with pytest.raises(InputError, match=r"1 of the rows cannot be taken; the first, line 3"):
        import_items(database, PRODUCTS, [bad], now=NOW, replace=True)
    assert sorted(items(database)) == ["a", "b"]
    told = import_items(database, PRODUCTS, [write(tmp_path / "3.csv", "id,n\na,1\nc,3\n")], now=NOW, replace=True)
    assert told.changed == ItemsChanged(new=1, removed=1, same=1)
    assert sorted(items(database)) == ["a", "c"]


def test_a_file_of_which_nothing_can_be_taken_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no `id`"):
        import_items(database, PRODUCTS, [write(tmp_path / "1.csv", "sku,n\na,1\n")], now=NOW)
    with pytest.raises(InputError, match="does not exist"):
        import_items(database, PRODUCTS, [tmp_path / "none.csv"], now=NOW)


@pytest.mark.parametrize(
    ("text", "column", "codes"),
    [
        ("code,made\nA1,x\nA2,y\n", None, ["A1", "A2"]),
        ("Code\nA1\nA2\n", None, ["A1", "A2"]),
        ("A1\n007\nA1\n", None, ["A1", "007"]),
        ("a,b\n1,X\n2,Y\n", "b", ["X", "Y"]),
        ('{"code": "A1"}\n{"code": 12}\n', None, ["A1", "12"]),
    ],
)
def test_codes_are_read_from_the_column_that_holds_them(
    database: Database, tmp_path: Path, text: str, column: str | None, codes: list[str]
) -> None:
    path = write(tmp_path / ("c.jsonl" if text.startswith("{") else "c.csv"), text)
    told = import_codes(database, "w", [path], column=column)
    assert told.added == len(codes)
    with database.writing() as connection:
        found = coupons.take_many(connection, "w", {f"m{n}": "p" for n in range(9)}, NOW)
    assert list(found.values()) == codes


def test_it_must_be_clear_which_column_holds_the_codes(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "a,b\n1,X\n")
    for column in (None, "c"):
        with pytest.raises(InputError, match="has the columns `a`, `b`"):
            import_codes(database, "w", [path], column=column)
    assert import_codes(database, "w", [path], column="a") == CodesAdded(added=1, known=0, unfit=0)
