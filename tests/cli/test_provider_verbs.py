"""Providers on the command line: no secret is shown, and a test message is a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deliver.channels.smtp_stand import Server as Mailbox
from ethogram.cli.exits import ExitCode
from ethogram.collecting import open_ledger
from ethogram.deliver.channels.webpush import public_key
from ethogram.engagement import Definitions
from ethogram.store import audit

if TYPE_CHECKING:
    from cli.conftest import Ethogram

SMTP = {
    "channel": "email", "kind": "smtp", "host": "mail.example", "sender": "Shop <news@shop.example>",
    "username": "shop", "password": "hunter2",
}  # fmt: skip


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    kept = Mailbox()
    yield kept
    kept.close()


def saved(shop: Path, command: Ethogram, body: dict[str, Any], name: str = "mail") -> Any:
    file = shop / "provider.json"
    file.write_text(json.dumps(body))
    return command("providers", "save", name, str(file), "--json")


def test_secrets_are_hidden_wherever_a_provider_is_shown(command: Ethogram, shop: Path) -> None:
    told = saved(shop, command, SMTP).output
    told += saved(shop, command, {**SMTP, "per_second": 3}).output
    for args in (("list",), ("list", "--json"), ("show", "mail"), ("show", "mail", "--version", "1", "--json"),
                 ("versions", "mail"), ("versions", "mail", "--json")):  # fmt: skip
        result = command("providers", *args)
        assert result.exit_code == 0, result.output
        told += result.output
    assert "hunter2" not in told
    assert "********" in told
    assert "email by smtp" in told


def test_a_hidden_secret_saved_again_keeps_the_earlier_one_for_the_same_server_only(
    command: Ethogram, shop: Path
) -> None:
    saved(shop, command, SMTP)
    body = json.loads(command("providers", "show", "mail", "--json").stdout)["body"]
    assert saved(shop, command, {**body, "per_second": 3}).exit_code == 0
    with Definitions(shop) as opened:
        assert opened.get("provider", "mail").body["password"] == "hunter2"
    refused = saved(shop, command, {**body, "host": "evil.example", "sender": "x@evil.example"})
    assert refused.exit_code == ExitCode.USER_ERROR
    assert all(each in refused.output for each in ("`host`", "`sender`", "give the secret anew"))


def test_a_test_message_is_sent_for_real(command: Ethogram, shop: Path, mailbox: Mailbox) -> None:
    settings = shop / "ethogram.toml"
    settings.write_text(settings.read_text() + 'allow_addresses = "127.0.0.0/8"\n')
    local = {"channel": "email", "kind": "smtp", "host": "127.0.0.1", "port": mailbox.port, "security": "none"}
    saved(shop, command, {**local, "sender": "Shop <news@shop.example>"})
    sent = json.loads(command("providers", "test", "mail", "me@shop.example", "--json").stdout)
    assert sent["outcome"] == "accepted"
    (mail,) = mailbox.handler.messages
    assert mail["Subject"] == "A test of Ethogram"
    assert mailbox.handler.envelopes[0].rcpt_tos == ["me@shop.example"]
    mailbox.handler.script.append(("RCPT", "550 5.1.1 no such user"))
    refused = command("providers", "test", "mail", "nobody@shop.example")
    assert refused.exit_code == ExitCode.USER_ERROR
    assert "does not take it" in refused.output
    assert "no such user" in refused.output
    ledger = open_ledger(shop)
    with ledger.database.reading() as connection:
        noted = [(each.object, each.detail["outcome"]) for each in audit.newest(connection, 9) if each.verb == "test"]
    ledger.close()
    assert noted == [("provider:mail", "never"), ("provider:mail", "accepted")]


def test_keys_for_web_push_are_made_and_fit(command: Ethogram, shop: Path) -> None:
    keys = json.loads(command("providers", "new-keys", "--json").stdout)
    assert public_key(keys["private"]) == keys["public"]
    browsers = {"channel": "webpush", "kind": "webpush", "contact": "mailto:web@shop.example"}
    shown = saved(shop, command, {**browsers, "private_key": keys["private"]}, "browsers")
    assert (shown.exit_code, keys["private"] in shown.output) == (0, False)
    assert command("providers", "new-keys").stdout.startswith("private_key: ")


def test_what_cannot_be_tried_is_told(command: Ethogram, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    saved(shop, command, {**SMTP, "password": {"env": "NO_SUCH_SECRET"}})
    told = command("providers", "test", "mail", "me@shop.example")
    assert (told.exit_code, "NO_SUCH_SECRET" in told.output) == (ExitCode.USER_ERROR, True)
    assert "no address" in command("providers", "test", "mail", "me").output
    assert command("providers", "test", "nobody", "me@shop.example").exit_code == ExitCode.USER_ERROR
    saved(shop, command, {"channel": "push", "kind": "recording"}, "phones")
    assert "no device" in command("providers", "test", "phones", "dev_1").output
    kept = shop / "sent.jsonl"
    saved(shop, command, {"channel": "chat", "kind": "recording", "path": str(kept)}, "team")
    assert command("providers", "test", "team").exit_code == 0
    assert "A test of Ethogram" in kept.read_text()
