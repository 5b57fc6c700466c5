"""Settings of providers: read with all their faults at once, written back, and never shown with their secrets."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from deliver.channels.stands import HERE, START
from ethogram.clock import ManualClock
from ethogram.deliver.channels.building import build
from ethogram.deliver.channels.webpush import new_keys
from ethogram.errors import DefinitionError, SettingError
from ethogram.model.provider import Provider, Secret

SMTP = {"channel": "email", "host": "smtp.example.com", "sender": "Shop <news@shop.example>"}
BODIES: list[dict[str, Any]] = [
    {**SMTP, "kind": "smtp", "username": "me", "password": "hunter2", "port": 2525, "timeout": "5 seconds"},
    {"channel": "sms", "kind": "twilio", "account": "AC1", "token": {"env": "T"}, "sender": "+15005550006"},
    {"channel": "whatsapp", "kind": "twilio", "account": "AC1", "token": "hunter2", "messaging_service": "MG1"},
    {
        "channel": "push",
        "kind": "push",
        "fcm": {"account": "hunter2"},
        "apns": {"key": "hunter2", "key_id": "K", "team_id": "T", "topic": "example.shop", "server": "sandbox"},
    },
    {"channel": "webpush", "kind": "webpush", "private_key": "hunter2", "contact": "mailto:a@b.example"},
    {"channel": "webhook", "kind": "webhook", "secrets": ["hunter2", {"env": "OLD"}]},
    {"channel": "chat", "kind": "apprise", "urls": ["slack://hunter2"]},
    {"channel": "sms", "kind": "recording", "path": "sent.jsonl", "at_once": 4, "per_second": 10},
]
IDS = [f"{body['channel']} {body['kind']}" for body in BODIES]


@pytest.mark.parametrize("body", BODIES, ids=IDS)
def test_what_is_read_is_written_back(body: dict[str, Any]) -> None:
    assert Provider.from_body("p", body).to_body() == body


@pytest.mark.parametrize("body", BODIES, ids=IDS)
def test_no_secret_is_shown(body: dict[str, Any]) -> None:
    provider = Provider.from_body("p", body)
    for shown in (repr(provider), repr(provider.describe())):
        assert "hunter2" not in shown
    assert set(provider.describe()) == set(body)
    if "hunter2" in repr(body):
        assert "********" in repr(provider.describe())


def test_what_is_shown_is_not_taken_for_the_secret() -> None:
    shown = Provider.from_body("p", BODIES[0]).describe()
    with pytest.raises(DefinitionError, match="password"):
        Provider.from_body("p", shown)


def test_all_faults_come_at_once() -> None:
    body = {
        "channel": "email",
        "host": "no host",
        "port": 0,
        "security": "ssl",
        "username": "me",
        "return_path": "nobody",
        "at_once": 0,
        "passwort": "x",
    }
    with pytest.raises(DefinitionError) as raised:
        Provider.from_body("mail", body)
    places = {place for place, _ in raised.value.faults}
    expected = {"host", "port", "security", "password", "return_path", "at_once", "passwort", "sender"}
    assert places == expected
    assert "did you mean `password`" in str(raised.value)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**SMTP, "security": "none", "username": "me", "password": "x"}, "security"),
        ({"channel": "inapp"}, "channel"),
        ({"channel": "sms", "kind": "smtp"}, "kind"),
        ({"channel": "push"}, ""),
        ({"channel": "chat", "urls": []}, "urls"),
        ({"channel": "sms", "account": "../x", "token": "t", "sender": "+1"}, "account"),
        ({"channel": "sms", "account": "AC1", "token": "t"}, ""),
        ({"channel": "webpush", "private_key": "x", "contact": "me"}, "contact"),
        ({"channel": "webhook", "secrets": ["x", 3]}, "secrets[1]"),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(body: dict[str, Any], place: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        Provider.from_body("p", body)
    assert place in {found for found, _ in raised.value.faults}


def test_a_secret_comes_from_the_environment() -> None:
    assert Secret(variable="T").reveal({"T": "hunter2"}) == "hunter2"
    with pytest.raises(SettingError, match="`T`"):
        Secret(variable="T").reveal({})


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({**SMTP, "ca_file": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
    ({**SMTP, "ca_file": __file__}, "no certificates"),
    ({**SMTP, "sender": "@"}, "no sender"),
    ({"channel": "push", "fcm": {"account": "{}"}}, "service account"),
    ({"channel": "push", "apns": {"key": "x", "key_id": "K", "team_id": "T", "topic": "t"}}, ".p8"),
    ({"channel": "webpush", "private_key": "x", "contact": "mailto:a@b.example"}, "VAPID"),
    ({"channel": "webhook", "secrets": ["x"]}, "whsec_"),
]


@pytest.mark.parametrize(("body", "told"), UNUSABLE, ids=[told for _, told in UNUSABLE])
def test_settings_that_cannot_be_used_are_named_when_a_channel_is_made(body: dict[str, Any], told: str) -> None:
    async def made() -> None:
        await build(Provider.from_body("p", body), HERE, ManualClock(START)).close()

    with pytest.raises(SettingError, match=told) as raised:
        asyncio.run(made())
    assert "`p`" in raised.value.message


def test_a_pair_of_keys_fits(tmp_path: Path) -> None:
    keys = new_keys()
    body = {"channel": "webpush", "private_key": keys.private, "contact": "mailto:a@b.example", "ttl": "1 hour"}
    provider = Provider.from_body("p", body)
    assert provider.timeout == dt.timedelta(seconds=20)
    assert len(keys.private) == 43
    assert len(keys.public) == 87
