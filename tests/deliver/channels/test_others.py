"""Webhooks are verified by the reference library; chat says what Apprise told; recordings survive a restart."""

from __future__ import annotations

import asyncio
import builtins
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deliver.channels.stands import HERE, START, ChatStand, WebhookStand
from deliver.receiver import status
from deliver.reference import Reference
from ethogram.clock import ManualClock
from ethogram.deliver import signing
from ethogram.deliver.addresses import Rules
from ethogram.deliver.channels.building import build
from ethogram.errors import SettingError
from ethogram.model.message import (
    Accepted,
    EmailContent,
    Later,
    Letter,
    Lost,
    Misconfigured,
    Never,
    Outcome,
    TextContent,
    WebhookContent,
)
from ethogram.model.provider import Provider


def sent(body: Mapping[str, Any], *letters: Letter, rules: Rules = HERE) -> list[Outcome]:
    async def each() -> list[Outcome]:
        channel = build(Provider.from_body("p", body), rules, ManualClock(START), environment={})
        try:
            return [await channel.send(letter) for letter in letters]
        finally:
            await channel.close()

    return asyncio.run(each())


def test_a_receiver_verifies_with_the_old_secret_and_the_new() -> None:
    with WebhookStand() as stand:
        new = signing.new_secret()
        letter = Letter("msg_1", "", WebhookContent(stand.base + "/hook", b'{"a":1}', {"X-Own": "yes"}))
        assert sent({"channel": "webhook", "secrets": [new, stand.secret]}, letter) == [Accepted()]
        (got,) = stand.messages
        for secret in (new, stand.secret):
            assert Reference(secret, START).verify(got.body, got.headers) == {"a": 1}
        assert got.headers["x-own"] == "yes"


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nY: b"}, {"X\r\nY": "a"}, {"Host": "x"}, {"webhook-id": "x"}, {"Content-Length": "0"}, {"": "a"}],
)
def test_a_template_cannot_say_every_header(headers: dict[str, str]) -> None:
    with WebhookStand() as stand:
        letter = Letter("msg_1", "", WebhookContent(stand.base, b"{}", headers))
        assert isinstance(sent(stand.provider().to_body(), letter)[0], Never)
        assert not stand.messages


@pytest.mark.parametrize(("number", "means"), [(401, Never), (403, Never), (302, Never), (410, Never), (429, Later)])
def test_a_receivers_trouble_is_its_own(number: int, means: type) -> None:
    with WebhookStand() as stand:
        stand.receiver.script = [status(number, Location="https://elsewhere.example/")]
        (outcome,) = sent(stand.provider().to_body(), stand.letter())
        assert isinstance(outcome, means)
        assert not getattr(outcome, "provider", False)
        assert len(stand.messages) == 1


def test_an_address_inside_gets_nothing() -> None:
    with WebhookStand() as stand:
        (outcome,) = sent(stand.provider().to_body(), stand.letter(), rules=Rules())
        assert isinstance(outcome, Never)
        assert not stand.messages


def test_several_chats_of_which_one_fails_are_not_told_apart() -> None:
    with ChatStand() as stand, ChatStand() as other:
        other.will("later")
        urls = [f"json://127.0.0.1:{each.receiver.port}" for each in (stand, other)]
        assert isinstance(sent({"channel": "chat", "urls": urls}, stand.letter())[0], Lost)
        assert len(stand.messages) == len(other.messages) == 1


def test_an_address_that_apprise_does_not_know_is_named_by_its_number_only() -> None:
    with ChatStand() as stand:
        (outcome,) = sent({"channel": "chat", "urls": ["nosuch://hunter2"]}, stand.letter())
        assert isinstance(outcome, Misconfigured)
        assert "number 1" in outcome.reason
        assert "hunter2" not in outcome.reason


def test_without_apprise_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(SettingError, match=r"ethogram\[chat\]"):
        sent({"channel": "chat", "urls": ["json://x"]})


def test_a_recording_has_a_line_for_each_message_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    body = {"channel": "email", "kind": "recording", "path": str(path)}
    first = Letter("msg_1", "ann@example.com", EmailContent("Grüße", "<p>x</p>", "x"))
    second = dataclasses.replace(first, id="msg_2", content=TextContent("a\nb"))
    assert sent(body, first, first) == [Accepted("msg_1")] * 2
    with path.open("ab") as file:
        file.write(b'{"id":"msg_3","cut')  # as a crash leaves it
    sent(body, first, second)
    lines = path.read_bytes().split(b"\n")
    assert [json.loads(line)["id"] for line in (lines[0], lines[2])] == ["msg_1", "msg_2"]
    assert json.loads(lines[0])["subject"] == "Grüße"
    assert len(lines) == 4


def test_a_recording_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    body = {"channel": "sms", "kind": "recording", "path": str(tmp_path / "none" / "sent.jsonl")}
    (outcome,) = sent(body, Letter("msg_1", "", TextContent("x")))
    assert isinstance(outcome, Later)
    assert "sent.jsonl" in outcome.reason
