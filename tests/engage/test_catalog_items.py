"""Items of catalogues changed while they are used, and pools of codes: all or nothing, with every fault, and noted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram.catalogs import Catalogs
from ethogram.clock import ManualClock
from ethogram.collecting import open_ledger
from ethogram.coupons import Coupons
from ethogram.engagement import Definitions
from ethogram.errors import DefinitionError, InputError, UnknownNameError
from ethogram.store import audit, catalogs
from ethogram.store.catalogs import ItemsChanged

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def at(tmp_path: Path) -> Path:
    eg.init(tmp_path / "w", timezone="Europe/Stockholm").close()
    with Definitions(tmp_path / "w") as opened:
        opened.save("catalog", "products", {"id": "sku", "fields": {"price": "number", "title": "text"}})
    return tmp_path / "w"


@pytest.fixture
def products(at: Path) -> Iterator[Catalogs]:
    with Catalogs(at, clock=ManualClock(NOW)) as opened:
        yield opened


def noted(path: Path) -> list[tuple[str, dict[str, Any]]]:
    ledger = open_ledger(path)
    with ledger.database.reading() as connection:
        found = [(each.verb, each.detail) for each in audit.newest(connection, 50) if each.verb != "save"]
    ledger.close()
    return found[::-1]


def test_items_are_put_patched_and_deleted(products: Catalogs, at: Path) -> None:
    assert products.put("products", [{"sku": 7, "price": "4"}, {"sku": "cup", "price": 9}]) == ItemsChanged(new=2)
    assert products.item("products", "7") == {"sku": 7, "price": 4}
    assert products.put("products", [{"sku": "7", "price": 4, "title": None}]) == ItemsChanged(same=1)
    assert products.patch("products", [{"sku": "7", "title": "Tea"}, {"sku": "new"}]) == ItemsChanged(new=1, changed=1)
    assert products.patch_one("products", "7", {"price": None}) == ItemsChanged(changed=1)
    assert products.item("products", "7") == {"sku": 7, "title": "Tea"}
    assert products.put_one("products", "cup", {"price": 1}) == ItemsChanged(changed=1)
    assert [each.id for each in products.items("products", search="TEA").items] == ["7"]
    assert products.sizes() == {"products": 3}
    assert products.delete("products", ["7", "gone"]) == ItemsChanged(removed=1)
    with pytest.raises(UnknownNameError):
        products.item("products", "7")
    assert [verb for verb, _ in noted(at)] == ["put items", *["patch items"] * 2, "put items", "delete items"]


def test_where_one_item_cannot_be_kept_none_is_and_each_is_told(products: Catalogs) -> None:
    given: list[dict[str, Any]] = [
        {"sku": "a", "price": 1}, {"price": 2}, {"sku": "b", "price": "dear"}, {"sku": "a"},
        {"sku": "c", "title": "x\0y"},
    ]  # fmt: skip
    for change in (products.put, products.patch):
        with pytest.raises(DefinitionError) as refused:
            change("products", given)
        assert [place for place, _ in refused.value.faults] == ["items[1]", "items[2]", "items[3]", "items[4]"]
    assert products.items("products").items == ()
    with pytest.raises(DefinitionError, match="keeps its id"):
        products.put_one("products", "a", {"sku": "b"})
    products.put("products", [{"sku": "a", "price": 1}])
    with pytest.raises(DefinitionError, match="price"):
        products.patch("products", [{"sku": "a", "price": "dear"}])
    assert products.item("products", "a") == {"sku": "a", "price": 1}


def test_what_is_not_there_or_is_nothing_is_refused(products: Catalogs) -> None:
    for call in (lambda: products.put("nothing", [{"id": 1}]), lambda: products.items("nothing"),
                 lambda: products.delete("nothing", ["1"])):  # fmt: skip
        with pytest.raises(UnknownNameError):
            call()
    with pytest.raises(InputError):
        products.put("products", [])


def test_a_catalogue_that_is_removed_takes_its_items_along(products: Catalogs, at: Path) -> None:
    products.put("products", [{"sku": "a"}])
    with Definitions(at) as definitions:
        definitions.remove("catalog", "products")
        definitions.save("catalog", "products", {"id": "sku"})
    assert products.items("products").items == ()
    ledger = open_ledger(at)
    assert [each.after for each in catalogs.changes(ledger.database)] == [{"sku": "a"}, None]
    ledger.close()


def test_files_of_items_are_imported_and_noted(products: Catalogs, at: Path) -> None:
    file = at.parent / "p.csv"
    file.write_text("sku,price\na,1\nb,dear\n,3\n")
    done = products.import_items("products", [file], actor="api")
    assert (done.changed.new, done.rejected) == (1, 2)
    assert noted(at) == [("import items", {"new": 1, "changed": 0, "removed": 0})]


def test_codes_expire_at_the_end_of_a_day_in_the_workspaces_zone(at: Path) -> None:
    clock = ManualClock(NOW)
    with Coupons(at, clock=clock) as opened:
        assert opened.add("spring", ["A", "B", "A", ""], expires="2026-03-05").added == 2
        clock.advance(dt.datetime(2026, 3, 5, 22, 59, tzinfo=dt.UTC) - NOW)
        assert (opened.pool("spring").free, opened.pool("spring").expired) == (2, 0)
        clock.advance(dt.timedelta(minutes=2))
        assert (opened.pool("spring").free, opened.pool("spring").expired) == (0, 2)
        opened.add("spring", ["C"])
        assert [(each.name, each.free) for each in opened.pools()] == [("spring", 1)]
        assert opened.remove("spring") == 3
        for call in (lambda: opened.pool("spring"), lambda: opened.remove("spring")):
            with pytest.raises(UnknownNameError):
                call()
        for name, expires in (("spring", "soon"), ("", None), ("a\nb", None), ("spring", "0001-01-01T00:00:00+14:00")):
            with pytest.raises(InputError):
                opened.add(name, ["D"], expires=expires)
        file = at.parent / "codes.txt"
        file.write_text("X1\nX2\n")
        assert opened.import_codes("autumn", [file]).added == 2
    assert [verb for verb, _ in noted(at)] == ["add codes", "add codes", "remove codes", "add codes"]
