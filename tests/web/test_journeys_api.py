"""Journeys over HTTP, moved by a running server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ethogram.engagement import Definitions
from web.running import Answer, Server
from web.shop import MANAGE, READ, serving, shop

TEMPLATE = {"channel": "email", "subject": "Hi", "text": "{{ trigger.product | default: 'tea' }}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path: Path = shop(tmp_path_factory.mktemp("shop") / "w")
    with Definitions(path) as definitions:
        definitions.save("template", "hello", TEMPLATE)
        definitions.save("provider", "mail", {"channel": "email", "kind": "recording"})
    with serving(path) as running:
        yield running


def ask(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] = MANAGE) -> Answer:
    kind = {} if body is None else {"Content-Type": "application/json"}
    return server.send(path, body, {**kind, **headers}, method=method)


def wait(condition: Callable[[], bool], what: str) -> None:
    patience = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < patience, f"not in time: {what}"
        time.sleep(0.05)  # another process works meanwhile


def test_an_event_lets_somebody_in_and_another_ends_it(server: Server) -> None:
    body = {
        "entry": {"event": "cart"},
        "again": "always",
        "exits": [{"event": "purchase", "reason": "bought"}],
        "steps": [
            {"name": "greet", "message": {"channel": "email", "template": "hello"}},
            {"name": "rest", "delay": "1 day"},
        ],
    }
    assert ask(server, "PUT", "/api/journeys/cart", body).json["version"] == 1
    assert ask(server, "POST", "/api/journeys/cart/start", {}).json["state"] == "active"
    server.send("/v1/identify", {"userId": "p1", "traits": {"email": "p1@example.com"}})
    server.send("/v1/track", {"userId": "p1", "event": "cart", "properties": {"product": "pot"}})

    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(server, "GET", "/api/journeys/cart/runs", headers=READ).json
        return found

    wait(lambda: [each["step"] for each in runs()] == ["rest"], "a run at rest")

    def entered() -> list[int]:
        told = ask(server, "GET", "/api/journeys/cart/report", headers=READ).json
        return [each["did"].get("entered", 0) for each in told["variants"]]

    wait(lambda: entered() == [1], "the entry as an event")
    (run,) = runs()
    assert (run["profile_id"], run["data"]["trigger"]["product"]) == ("p1", "pot")
    assert len(ask(server, "GET", "/api/journeys/cart/runs?step=rest", headers=READ).json) == 1
    server.send("/v1/track", {"userId": "p1", "event": "purchase"})
    wait(lambda: runs()[0]["state"] == "exited", "the end of the run")
    passage = ask(server, "GET", f"/api/runs/{run['id']}", headers=READ).json
    assert passage["run"]["reason"] == "bought"
    assert [each["step"] for each in passage["passed"]] == ["greet", "rest"]
    shown = ask(server, "GET", "/api/journeys/cart/people", headers=READ).json
    assert [each["runs"] for each in shown["ended"]] == [1]


def test_a_call_lets_people_in_once_for_each_key(server: Server) -> None:
    body = {"entry": {"api": True}, "steps": [{"name": "rest", "delay": "1 day"}]}
    saved = ask(server, "PUT", "/api/journeys/called", body)
    assert saved.status == 200, saved.body
    call = {"people": [{"profile_id": "p2"}, {"profile_id": "p3", "data": {"x": 1}}], "key": "k"}
    assert ask(server, "POST", "/api/journeys/called/call", call).status == 409
    ask(server, "POST", "/api/journeys/called/start", {})
    assert ask(server, "POST", "/api/journeys/called/call", call).json == {"entered": 2, "refused": 0}
    assert ask(server, "POST", "/api/journeys/called/call", call).json["entered"] == 0
    assert len(ask(server, "GET", "/api/journeys/called/runs").json) == 2
    assert ask(server, "POST", "/api/journeys/called/end-runs", {"reason": "over"}).json == {"ended": 2}
    assert ask(server, "POST", "/api/journeys/called/close").json["state"] == "closed"
    assert ask(server, "POST", "/api/journeys/called/resume").status == 409


def test_ready_journeys_are_there(server: Server) -> None:
    assert len(ask(server, "GET", "/api/ready-journeys", headers=READ).json) >= 20
    refused = ask(server, "POST", "/api/ready-journeys", {"names": ["subscription_renewal"]})
    assert (refused.status, refused.json["code"]) == (400, "setting_invalid")
    assert ask(server, "POST", "/api/ready-journeys", {"names": ["nonesuch"]}).status == 404


def test_a_dry_run_counts_without_sending(server: Server) -> None:
    ask(server, "PUT", "/api/campaigns/once", {"channel": "email", "template": "hello", "when": {"now": True}})
    told = ask(server, "POST", "/api/campaigns/once/dry-run?samples=1", headers=READ).json
    assert told["audience"] == 41
    assert told["eligible"] + sum(told["refused"].values()) == 41
    assert [each["profile_id"] for each in told["samples"]] == ["p1"]
