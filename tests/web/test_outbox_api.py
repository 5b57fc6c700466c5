"""The outbox over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ethogram.collecting import open_ledger
from ethogram.model.message import Channel, Eligible, Maker, Origin, State, Wanted
from ethogram.store import audit, outbox, tables
from web.running import Answer, Server
from web.shop import MANAGE, READ, serving, shop

NOW = dt.datetime(2036, 3, 1, 12, tzinfo=dt.UTC)  # not due, so that the server leaves them alone


def wanted(who: str, channel: Channel = Channel.EMAIL) -> Wanted:
    return Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "2026-03-01"), who, channel, "hello", NOW)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = shop(tmp_path_factory.mktemp("shop") / "w")
    ledger = open_ledger(path)
    with ledger.database.writing() as connection:
        outbox.append(connection, [(wanted(who), Eligible()) for who in ("ann", "bob", "cid")], NOW)
        messages = tables.messages
        chosen = messages.c.id == wanted("ann").id
        connection.execute(messages.update().where(chosen).values(state=State.UNSURE))
    ledger.close()
    with serving(path) as running:
        yield running


def noted(path: Path) -> set[tuple[str, str]]:
    """Who did what, as the audit log has it."""
    ledger = open_ledger(path)
    try:
        with ledger.database.reading() as connection:
            return {(each.actor, each.verb) for each in audit.newest(connection, 20)}
    finally:
        ledger.close()


def ask(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] = MANAGE) -> Answer:
    kind = {} if body is None else {"Content-Type": "application/json"}
    return server.send(path, body, {**kind, **headers}, method=method)


def test_messages_are_listed_shown_decided_paused_and_cancelled(server: Server) -> None:
    ann, bob = wanted("ann").id, wanted("bob").id

    def people(query: str) -> list[str]:
        return [each["wanted"]["profile_id"] for each in ask(server, "GET", f"/api/outbox{query}", headers=READ).json]

    assert people("") == ["cid", "bob", "ann"]
    assert people("?state=unsure") == ["ann"]
    assert people("?campaign=spring&limit=1") == ["cid"]
    assert people("?profile=bob&channel=email") == ["bob"]
    assert [each["id"] for each in ask(server, "GET", "/api/outbox/unsure", headers=READ).json] == [ann]
    assert ask(server, "GET", f"/api/messages/{bob}", headers=READ).json["message"]["state"] == "waiting"
    assert ask(server, "POST", f"/api/messages/{ann}/decide", {"decision": "drop"}, READ).status == 403
    decided = ask(server, "POST", f"/api/messages/{ann}/decide", {"decision": "drop"}).json
    assert (decided["message"]["state"], decided["happened"][-1]["event"]) == ("failed", "failed")
    assert ask(server, "POST", f"/api/messages/{ann}/decide", {"decision": "drop"}).status == 409
    assert ask(server, "POST", "/api/messages/msg_no/decide", {"decision": "drop"}).status == 404
    for concerned in ({"channel": "sms"}, {"campaign": "spring", "reason": "a typo"}):
        assert ask(server, "POST", "/api/outbox/pause", concerned).json == {"changed": True}
        assert ask(server, "POST", "/api/outbox/pause", concerned).json == {"changed": False}
    pauses = ask(server, "GET", "/api/outbox/status", headers=READ).json["pauses"]
    assert {(each["kind"], each["name"], each["reason"]) for each in pauses} == {
        ("channel", "sms", ""), ("campaign", "spring", "a typo"),
    }  # fmt: skip
    assert ask(server, "POST", "/api/outbox/resume", {"campaign": "spring"}).json == {"changed": True}
    assert ask(server, "POST", "/api/outbox/cancel", {"campaign": "spring"}).json == {"cancelled": 2}
    assert ask(server, "GET", "/api/outbox/status", headers=READ).json["depths"] == []
    assert {("api", each) for each in ("decide", "pause", "resume", "cancel")} <= noted(server.path)


def test_sending_is_locked_and_unlocked(server: Server) -> None:
    assert ask(server, "POST", "/api/outbox/lock", {"reason": "rolled back"}, READ).status == 403
    locked = ask(server, "POST", "/api/outbox/lock", {"reason": "rolled back"}).json
    assert ask(server, "GET", "/api/outbox/status", headers=READ).json["locked"] == locked
    assert ask(server, "POST", "/api/outbox/lock", {"reason": "another"}).json["reason"] == "rolled back"
    assert ask(server, "POST", "/api/outbox/unlock").json == {"changed": True}
    assert ask(server, "POST", "/api/outbox/unlock").json == {"changed": False}
    assert ask(server, "GET", "/api/outbox/status", headers=READ).json["locked"] is None
    assert {("api", each) for each in ("lock", "unlock")} <= noted(server.path)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/outbox/pause", {}, 400),
        ("/api/outbox/pause", {"channel": "sms", "journey": "x"}, 400),
        ("/api/outbox/pause", {"channel": "smoke"}, 400),
        ("/api/outbox/pause", {"journey": "nonesuch"}, 404),
        ("/api/outbox/cancel", {"channel": "sms"}, 400),
        ("/api/outbox/cancel", {"campaign": "nonesuch"}, 404),
    ],
)
def test_what_means_nothing_is_refused(server: Server, path: str, body: dict[str, str], status: int) -> None:
    assert ask(server, "POST", path, body).status == status
