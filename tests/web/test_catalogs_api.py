"""Catalogues and coupons over HTTP: items and codes changed while the server runs, all faults told at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from web.running import Answer, Server
from web.shop import MANAGE, READ, quoted, serving, shop


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(shop(tmp_path_factory.mktemp("shop") / "w")) as running:
        assert ask(running, "PUT", "/api/catalogs/products", {"fields": {"price": "number"}}).status == 200
        yield running


def ask(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] = MANAGE) -> Answer:
    kind = {} if body is None or isinstance(body, bytes) else {"Content-Type": "application/json"}
    return server.send(path, body, {**kind, **headers}, method=method)


def get(server: Server, path: str) -> Any:
    answer = ask(server, "GET", path, headers=READ)
    assert answer.status == 200, answer.body
    return answer.json


ITEMS = "/api/catalogs/products/items"


def test_items_are_changed_while_the_server_runs(server: Server) -> None:
    given = [{"id": "tea/ é", "price": 4, "title": "Tea"}, {"id": 2, "price": 9}]
    assert ask(server, "PUT", ITEMS, {"items": given}).json["new"] == 2
    assert get(server, "/api/catalogs")[0]["items"] == 2
    one = f"{ITEMS}/{quoted('tea/ é')}"
    assert get(server, one) == {"id": "tea/ é", "price": 4, "title": "Tea"}
    assert ask(server, "PATCH", one, {"price": 3, "title": None}).json["changed"] == 1
    assert get(server, one) == {"id": "tea/ é", "price": 3}
    assert ask(server, "PATCH", ITEMS, {"items": [{"id": 2, "stock": 1}]}).json["changed"] == 1
    assert get(server, f"{ITEMS}/2") == {"id": 2, "price": 9, "stock": 1}
    assert ask(server, "PUT", one, {"price": 1}).json["changed"] == 1
    first = get(server, f"{ITEMS}?limit=1")
    assert [each["id"] for each in get(server, f"{ITEMS}?after={quoted(first['after'])}")["items"]] == ["tea/ é"]
    assert ask(server, "DELETE", f"{ITEMS}/2").json["removed"] == 1
    assert ask(server, "DELETE", ITEMS, {"ids": ["tea/ é", "no"]}).json["removed"] == 1
    assert ask(server, "GET", one).status == 404


def test_faults_of_all_items_are_told_and_nothing_is_changed(server: Server) -> None:
    answer = ask(server, "PUT", ITEMS, {"items": [{"id": "ok"}, {"price": 1}, {"id": "x", "price": "dear"}]})
    assert (answer.status, answer.json["code"]) == (400, "definition_invalid")
    assert [each["place"] for each in answer.json["details"]] == ["items[1]", "items[2]"]
    assert get(server, ITEMS)["items"] == []
    for method, path, body, status in (
        ("PUT", ITEMS, {"items": []}, 400), ("PUT", ITEMS, {}, 400), ("PUT", ITEMS, {"items": [1]}, 400),
        ("PUT", f"{ITEMS}/a", {"id": "b"}, 400), ("PUT", "/api/catalogs/no/items", {"items": [{"id": 1}]}, 404),
        ("DELETE", ITEMS, {"ids": []}, 400), ("GET", f"{ITEMS}?limit=0", None, 400),
        ("PUT", f"{ITEMS}/a", {"title": "a\0b"}, 400),
    ):  # fmt: skip
        assert ask(server, method, path, body).status == status, (method, path, body)
    assert ask(server, "PUT", ITEMS, {"items": [{"id": 1}]}, READ).status == 403


def test_files_of_items_and_of_codes_are_posted(server: Server) -> None:
    csv = {**MANAGE, "Content-Type": "text/csv"}
    told = ask(server, "POST", "/api/catalogs/products/import?replace=true", b"id,price\na,1\nb,2\n", csv).json
    assert told["changed"]["new"] == 2
    refused = ask(server, "POST", "/api/catalogs/products/import?replace=true", b"id,price\na,1\nb,dear\n", csv)
    assert (refused.status, ".loading" in refused.json["message"]) == (400, False)
    assert [each["id"] for each in get(server, ITEMS)["items"]] == ["a", "b"]
    assert ask(server, "POST", "/api/coupons/spring/import?expires=2036-01-01", b"A1\nA2\n", csv).json["added"] == 2
    broken = ask(server, "POST", "/api/coupons/spring/import", b"a,b\n1,2\n", csv)
    assert (broken.status, ".loading" in broken.json["message"]) == (400, False)
    assert ask(server, "POST", "/api/coupons/spring/codes", {"codes": ["A2", "A3"]}).json["added"] == 1
    assert ask(server, "POST", "/api/coupons/spring/codes", {"codes": ["A4"], "expires": "soon"}).status == 400
    assert [(each["name"], each["free"]) for each in get(server, "/api/coupons")] == [("spring", 3)]
    assert get(server, "/api/coupons/spring")["given"] == 0
    assert ask(server, "DELETE", "/api/coupons/spring").json == {"removed": 3}
    assert ask(server, "GET", "/api/coupons/spring").status == 404
