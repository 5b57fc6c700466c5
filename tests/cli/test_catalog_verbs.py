"""Catalogues and coupons on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethogram.cli.exits import ExitCode

if TYPE_CHECKING:
    from cli.conftest import Ethogram

EVIL = "tea\x1b[31m"


def answered(command: Ethogram, *args: str, code: int = 0, input: str | None = None) -> str:
    result = command(*args, input=input)
    assert result.exit_code == code, result.output
    return result.output


def told(command: Ethogram, *args: str) -> Any:
    return json.loads(command(*args, "--json").stdout)


def test_a_catalogue_is_defined_filled_looked_at_and_removed(command: Ethogram, shop: Path) -> None:
    assert "there is no catalog" in answered(command, "catalogs", "list")
    (shop / "products.yaml").write_text("id: sku\nfields: {price: number}\n")
    answered(command, "catalogs", "save", "products", str(shop / "products.yaml"))
    (shop / "p.csv").write_text(f"sku,title,price\ntea,{EVIL},4\ncup,Blue cup,9\npot,Pot,dear\n")
    text = answered(command, "catalogs", "import", "products", str(shop / "p.csv"), code=ExitCode.REJECTS)
    assert "2 new, 0 changed, 0 removed" in text
    assert "line 4: has `price`" in text
    assert "products  2 items" in answered(command, "catalogs", "list")
    assert told(command, "catalogs", "list")[0]["items"] == 2
    shown = answered(command, "catalogs", "items", "products") + answered(
        command, "catalogs", "item", "products", "tea"
    )
    assert "\x1b" not in shown
    page = told(command, "catalogs", "items", "products", "--search", "blue", "--limit", "1")
    assert ([each["id"] for each in page["items"]], page["after"]) == (["cup"], None)
    assert "there are more: --after cup" in answered(command, "catalogs", "items", "products", "--limit", "1")
    assert told(command, "catalogs", "put", "products", "cup", '{"price": 8}', "--keep")["changed"] == 1
    assert told(command, "catalogs", "item", "products", "cup") == {"sku": "cup", "title": "Blue cup", "price": 8}
    assert told(command, "catalogs", "put", "products", "cup", '{"price": 8}')["changed"] == 1
    assert told(command, "catalogs", "item", "products", "cup") == {"sku": "cup", "price": 8}
    assert "1 removed" in answered(command, "catalogs", "delete", "products", "cup", "nothing")
    (shop / "n.jsonl").write_text('{"sku": "new"}\n')
    answered(command, "catalogs", "import", "products", str(shop / "n.jsonl"), "--replace")
    assert [each["id"] for each in told(command, "catalogs", "items", "products")["items"]] == ["new"]
    answered(command, "catalogs", "remove", "products")
    for args in (
        ("items", "products"),
        ("item", "products", "a"),
        ("put", "products", "a", "{}"),
        ("delete", "p", "a"),
    ):
        assert "there is no catalog" in answered(command, "catalogs", *args, code=ExitCode.USER_ERROR)


def test_an_item_that_is_none_is_refused(command: Ethogram, shop: Path) -> None:
    (shop / "products.yaml").write_text("{}")
    answered(command, "catalogs", "save", "products", str(shop / "products.yaml"))
    for fields in ("{", "[]", '{"id": "other"}'):
        answered(command, "catalogs", "put", "products", "a", fields, code=ExitCode.USER_ERROR)


def test_pools_are_filled_counted_and_emptied(command: Ethogram, shop: Path) -> None:
    assert "there is no pool" in answered(command, "coupons", "list")
    (shop / "codes.txt").write_text("A1\nA2\nA1\n")
    text = answered(command, "coupons", "add", "spring", str(shop / "codes.txt"), "--expires", "2036-01-01")
    assert "2 codes added, 1 known already" in text
    assert "spring  2 left, 0 given" in answered(command, "coupons", "list")
    assert told(command, "coupons", "show", "spring")["free"] == 2
    (shop / "codes.csv").write_text("a,b\nB1,x\n")
    answered(command, "coupons", "add", "spring", str(shop / "codes.csv"), code=ExitCode.USER_ERROR)
    assert told(command, "coupons", "add", "spring", str(shop / "codes.csv"), "--column", "a")["added"] == 1
    assert "3 codes are gone" in answered(command, "coupons", "remove", "spring")
    answered(command, "coupons", "show", "spring", code=ExitCode.USER_ERROR)
