"""Consents, suppressions and devices over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from ethogram.collecting import open_ledger
from ethogram.model.message import Channel
from ethogram.store import devices
from web.running import Answer, Server
from web.shop import MANAGE, READ, quoted, serving, shop

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = shop(tmp_path_factory.mktemp("shop") / "w")
    ledger = open_ledger(path)
    with ledger.database.writing() as connection:
        devices.register(connection, "p1", Channel.PUSH, "fcm", "token", NOW)
    ledger.close()
    with serving(path) as running:
        yield running


def ask(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] = MANAGE) -> Answer:
    kind = {} if body is None or isinstance(body, bytes) else {"Content-Type": "application/json"}
    return server.send(path, body, {**kind, **headers}, method=method)


def get(server: Server, path: str) -> Any:
    answer = ask(server, "GET", path, headers=READ)
    assert answer.status == 200, answer.body
    return answer.json


CSV = {**MANAGE, "Content-Type": "text/csv"}


def test_consents_are_said_shown_and_imported(server: Server) -> None:
    ask(server, "PUT", "/api/topics/news", {"needs": "double_opt_in"})
    person = f"/api/consents/{quoted('odd/id ?&#%2F é')}"
    choices = [{"channel": "email", "topic": "news", "subscribed": True}, {"channel": "sms", "subscribed": False}]
    said = ask(server, "PUT", person, {"choices": choices}).json
    assert ([each["subscribed"] for each in said["holding"]], said["asked"]) == ([True, False], 1)
    assert get(server, person) == said["holding"]
    assert len(get(server, f"{person}/history")) == 2
    questions = get(server, f"/api/outbox?profile={quoted('odd/id ?&#%2F é')}")
    assert [each["wanted"]["origin"]["maker"] for each in questions] == ["topic"]
    done = ask(server, "POST", "/api/consents/import", b"profile_id,channel,subscribed\np9,email,no\n,email,no\n", CSV)
    assert (done.json["written"], done.json["rejections"][0]["line"]) == (1, 3)
    assert get(server, "/api/consents/p9")[0]["subscribed"] is False


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/api/consents/p1", {"choices": []}, 400),
        ("PUT", "/api/consents/p1", {"choices": [{"channel": "smoke"}, {"channel": "email"}]}, 400),
        ("PUT", "/api/consents/p1", {"choices": [{"channel": "email", "subscribed": True, "source": "a\0"}]}, 400),
        ("PUT", "/api/consents/%00", {"choices": [{"channel": "email", "subscribed": True}]}, 400),
        ("POST", "/api/suppressions", {"channel": "push", "addresses": ["x"]}, 400),
        ("POST", "/api/suppressions", {"channel": "email", "addresses": ["x", "y"]}, 400),
        ("POST", "/api/suppressions", {"channel": "email", "addresses": ["a@b.example"], "reason": "No!"}, 400),
        ("GET", "/api/suppressions/smoke/x", None, 400),
        ("GET", "/api/suppressions/email/a%40b.example", None, 404),
        ("DELETE", "/api/devices/dev_no", None, 404),
        ("GET", "/api/devices?channel=email", None, 400),
    ],
)
def test_what_means_nothing_is_refused(server: Server, method: str, path: str, body: Any, status: int) -> None:
    answer = ask(server, method, path, body)
    assert answer.status == status, answer.body


def test_faults_of_all_choices_are_told(server: Server) -> None:
    answer = ask(server, "PUT", "/api/consents/p1", {"choices": [{"channel": "smoke"}, {"subscribed": 1}]})
    assert answer.json["code"] == "definition_invalid"
    assert sorted(each["place"] for each in answer.json["details"]) == [
        "choices[0].channel", "choices[0].subscribed", "choices[1].channel", "choices[1].subscribed",
    ]  # fmt: skip


def test_addresses_are_suppressed_and_let_go(server: Server) -> None:
    given = {"channel": "email", "addresses": ["Ann@Shop.example", "bob@shop.example"], "reason": "asked-us"}
    assert ask(server, "POST", "/api/suppressions", given).json == {"added": 2}
    assert ask(server, "POST", "/api/suppressions", given, READ).status == 403
    first = get(server, "/api/suppressions?limit=1")
    second = get(server, f"/api/suppressions?after={quoted(first['after'])}")
    assert [each["address"] for each in first["suppressions"] + second["suppressions"]] == [
        "ann@shop.example", "bob@shop.example",
    ]  # fmt: skip
    assert get(server, "/api/suppressions/email/ANN%40shop.example")["reason"] == "asked-us"
    done = ask(server, "POST", "/api/suppressions/sms/import", b"+46701740605\nnone\n", CSV).json
    assert (done["added"], done["faulty"]) == (1, 1)
    gone = ask(server, "DELETE", "/api/suppressions", {"channel": "email", "addresses": ["ann@shop.example"]})
    assert gone.json == {"removed": 1}


def test_devices_are_listed_and_end(server: Server) -> None:
    (device,) = get(server, "/api/devices?profile=p1")
    assert get(server, "/api/devices?channel=push") == [device]
    assert ask(server, "DELETE", f"/api/devices/{device['id']}").json["end_reason"] == "it was removed by hand"
    assert get(server, "/api/devices") == get(server, "/api/devices?profile=p1") == []
    assert len(get(server, "/api/devices?ended=true")) == 1
