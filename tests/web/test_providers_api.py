"""Providers over HTTP: saved, shown without their secrets, tried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from web.running import Answer, Server
from web.shop import MANAGE, READ, serving, shop

SMTP = {
    "channel": "email", "kind": "smtp", "host": "mail.example", "sender": "Shop <news@shop.example>",
    "username": "shop", "password": "hunter2",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(shop(tmp_path_factory.mktemp("shop") / "w")) as running:
        yield running


def ask(server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] = MANAGE) -> Answer:
    kind = {} if body is None else {"Content-Type": "application/json"}
    return server.send(path, body, {**kind, **headers}, method=method)


def test_no_answer_has_a_secret_and_what_was_shown_can_be_saved(server: Server) -> None:
    told = [ask(server, "PUT", "/api/providers/mail", SMTP)]
    shown = ask(server, "GET", "/api/providers/mail", headers=READ)
    assert shown.json["body"]["password"] == "********"
    told += [shown, ask(server, "PUT", "/api/providers/mail", {**shown.json["body"], "per_second": 2})]
    assert told[-1].json["version"] == 2
    told += [ask(server, "GET", path, headers=READ) for path in (
        "/api/providers", "/api/providers/mail/versions", "/api/providers/mail?version=1", "/api/definitions",
    )]  # fmt: skip
    assert {each.status for each in told} == {200}
    assert not [each for each in told if b"hunter2" in each.body]
    refused = ask(server, "PUT", "/api/providers/mail", {**shown.json["body"], "host": "evil.example"})
    assert (refused.status, refused.json["code"]) == (400, "definition_invalid")
    assert refused.json["details"][0]["place"] == "password"
    assert ask(server, "DELETE", "/api/providers/mail").status == 204


def test_a_provider_is_tried_out_by_whoever_may_manage(server: Server) -> None:
    ask(server, "PUT", "/api/providers/team", {"channel": "chat", "kind": "recording"})
    assert ask(server, "POST", "/api/providers/team/test", {}).json["outcome"] == "accepted"
    assert ask(server, "POST", "/api/providers/team/test", {}, READ).status == 403
    assert ask(server, "POST", "/api/providers/nobody/test", {}).status == 404
    ask(server, "PUT", "/api/providers/local", {**SMTP, "host": "127.0.0.1"})
    told = ask(server, "POST", "/api/providers/local/test", {"to": "me@shop.example"}).json
    assert told["outcome"] == "misconfigured"  # an address within one's own network, which nobody allowed
    assert ask(server, "POST", "/api/providers/local/test", {"to": "me"}).status == 400
