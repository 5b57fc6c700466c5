"""Campaigns and definitions over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from ethogram.collecting import open_ledger
from ethogram.store import definitions
from web.running import Answer, Server
from web.shop import MANAGE, READ, serving, shop

HELLO = {"channel": "email", "subject": "Hi", "text": "Hi {{ first_name | default: 'you' }}"}
BODY = {"channel": "email", "template": "hello", "when": {"api": True}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = shop(tmp_path_factory.mktemp("shop") / "w")
    ledger = open_ledger(path)
    with ledger.database.writing() as connection:
        definitions.save(connection, "template", "hello", HELLO, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    ledger.close()
    with serving(path) as running:
        yield running


def ask(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] = MANAGE) -> Answer:
    kind = {} if body is None else {"Content-Type": "application/json"}
    return server.send(path, body, {**kind, **headers}, method=method)


def test_a_campaign_is_saved_started_and_called_once_for_each_key(server: Server) -> None:
    saved = ask(server, "PUT", "/api/campaigns/shipped", BODY).json
    assert (saved["version"], saved["body"]) == (1, BODY)
    call = {"recipients": [{"profile_id": "p1", "data": {"order": 7}}], "data": {"x": 1}, "key": "order-7"}
    early = ask(server, "POST", "/api/campaigns/shipped/trigger", call)
    assert (early.status, early.json["code"]) == (409, "user_error")
    assert ask(server, "POST", "/api/campaigns/shipped/start").json["state"] == "active"
    first = ask(server, "POST", "/api/campaigns/shipped/trigger", call).json
    assert (first["new"], first["launch"]["occurrence"]) == (True, "order-7")
    assert ask(server, "POST", "/api/campaigns/shipped/trigger", call).json["new"] is False
    other = ask(server, "POST", "/api/campaigns/shipped/trigger", {**call, "data": {"x": 2}})
    assert other.status == 409
    assert "was used for another call" in other.json["message"]
    assert [each["occurrence"] for each in ask(server, "GET", "/api/campaigns/shipped/launches").json] == ["order-7"]
    assert ask(server, "DELETE", "/api/campaigns/shipped").status == 409
    assert ask(server, "POST", "/api/campaigns/shipped/stop", {"reason": "typo"}).json["reason"] == "typo"
    assert ask(server, "POST", "/api/campaigns/shipped/start").status == 409
    assert ask(server, "POST", "/api/campaigns/shipped/resume").json["state"] == "active"
    assert ask(server, "POST", "/api/campaigns/shipped/finish").json["state"] == "finished"
    found = ask(server, "GET", "/api/campaigns", headers=READ).json
    assert [(each["definition"]["name"], each["progress"]["state"]) for each in found] == [("shipped", "finished")]
    assert ask(server, "DELETE", "/api/campaigns/shipped").status == 204
    assert ask(server, "GET", "/api/campaigns/shipped").status == 404
    assert len(ask(server, "GET", "/api/definitions?kind=campaign").json) == 0


def test_a_wrong_one_is_refused_with_all_its_faults(server: Server) -> None:
    answer = ask(server, "PUT", "/api/campaigns/x", {**BODY, "channel": "mail", "template": "helo", "speed": 0})
    assert (answer.status, answer.json["code"]) == (400, "definition_invalid")
    assert [each["place"] for each in answer.json["details"]] == ["channel", "speed"]
    answer = ask(server, "PUT", "/api/campaigns/x", {**BODY, "template": "helo"})
    assert answer.json["details"] == [{"place": "template", "wrong": "there is no template `helo`"}]


def test_documents_are_planned_and_applied(server: Server) -> None:
    document = {
        "segments": {"new ones": "did(visit)"},
        "campaigns": {"spring": {**BODY, "audience": {"in": ["buyers"]}}},
    }
    planned = ask(server, "POST", "/api/plan", document, READ).json
    assert [(each["name"], each["state"], each["people"] is not None) for each in planned] == [
        ("new ones", "new", True), ("spring", "new", True),
    ]  # fmt: skip
    assert [each["version"] for each in ask(server, "POST", "/api/apply", document).json] == [1, 1]
    held = ask(server, "GET", "/api/definitions").json
    assert (held["segments"]["new ones"], held["campaigns"]["spring"]["audience"]) == ("did(visit)", {"in": ["buyers"]})
    assert {each["state"] for each in ask(server, "POST", "/api/apply", held).json} == {"same"}


def test_templates_are_saved_checked_and_kept_while_they_are_used(server: Server) -> None:
    template = {"channel": "sms", "text": "Hi {{ first_name }}"}
    assert ask(server, "PUT", "/api/templates/sms%2Fhi", template).json["version"] == 1
    assert ask(server, "PUT", "/api/templates/sms%2Fhi", {**template, "text": "Hej"}).json["version"] == 2
    assert ask(server, "GET", "/api/templates/sms%2Fhi?version=1", headers=READ).json["body"] == template
    assert len(ask(server, "GET", "/api/templates/sms%2Fhi/versions", headers=READ).json) == 2
    wrong = ask(server, "PUT", "/api/templates/x", {"channel": "sms", "text": "{% if %}"})
    assert (wrong.status, wrong.json["details"][0]["place"]) == (400, "text")
    assert ask(server, "DELETE", "/api/templates/hello").json["code"] == "user_error"  # a campaign uses it
    assert ask(server, "DELETE", "/api/templates/sms%2Fhi").status == 204
    assert [each["name"] for each in ask(server, "GET", "/api/templates").json] == ["hello"]
