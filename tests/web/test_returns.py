"""Texts and mail that come back to a server: believed with a signature or a key, and what follows holds at once."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from deliver.test_bounces import bounce
from ethogram.collecting import Keys, open_ledger
from ethogram.engagement import Definitions
from ethogram.model.message import Channel, Eligible, Maker, Origin, State, Wanted
from ethogram.sending import Messages
from ethogram.store import outbox, outbox_claims, suppressions
from ethogram.store.outbox_claims import Result
from web.running import Answer, Server, workspace

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
TOKEN = "a-secret-token"
NUMBER = "+46701740605"
PUBLIC = "https://news.shop.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MANAGE = {"Authorization": "Bearer mk_demo"}
TWILIO = {"channel": "sms", "kind": "twilio", "account": "AC1", "token": TOKEN, "sender": "+4687000000"}


def sent(path: Path, channel: Channel, address: str, occurrence: str) -> str:
    wanted = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, occurrence), "ann", channel, "hello", NOW)
    with open_ledger(path) as ledger, ledger.database.writing() as connection:
        outbox.append(connection, [(wanted, Eligible())], NOW)
        (claimed,) = outbox_claims.claim(connection, channel, NOW, dt.timedelta(minutes=5), "t", most=9)
        outbox_claims.begin(connection, "t", {claimed.number: address})
        outbox_claims.record(connection, "t", [Result(claimed.number, State.SENT, provider_id=f"SM{occurrence}")], NOW)
    return wanted.id


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = workspace(tmp_path_factory.mktemp("shop") / "w", public_url=PUBLIC)
    with Keys(path) as keys:
        keys.add("manage", value="mk_demo")
    with Definitions(path) as opened:
        opened.save("provider", "texts", TWILIO)
        opened.save("provider", "mail", {"channel": "email", "kind": "recording"})
    return path


@pytest.fixture(scope="module", params=["all", "collect"])
def server(at: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(at, role=request.param) as running:
        yield running


@pytest.fixture
def occurrence(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


def signed(place: str, form: dict[str, str], base: str = PUBLIC, token: str = TOKEN) -> dict[str, str]:
    told = base + place + "".join(name + value for name, value in sorted(form.items()))
    mac = base64.b64encode(hmac.new(token.encode(), told.encode(), hashlib.sha1).digest()).decode()
    return {**FORM, "X-Twilio-Signature": mac}


def text(server: Server, form: dict[str, str], place: str = "/v1/texts/texts", **how: str) -> Answer:
    return server.send(place, urlencode(form).encode(), signed(place, form, **how))


def suppressed(path: Path, channel: Channel, address: str) -> str | None:
    with open_ledger(path) as ledger, ledger.database.reading() as connection:
        return suppressions.among(connection, channel, [address]).get(address)


def test_stop_and_start_are_honoured_and_answered(server: Server, at: Path, occurrence: str) -> None:
    sent(at, Channel.SMS, NUMBER, occurrence)
    form = {"MessageSid": "SM900", "From": NUMBER, "To": "+4687000000", "Body": "Arrêt"}
    stopped = text(server, form)
    assert (stopped.status, stopped.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert b"<Message>You get no more messages from us." in stopped.body
    assert suppressed(at, Channel.SMS, NUMBER) == "stopped"
    by_provider = text(server, {**form, "Body": "STOP", "OptOutType": "STOP"})
    assert b"<Message>" not in by_provider.body, "the provider has answered already"
    assert b"Answer STOP" in text(server, {**form, "Body": "START"}).body
    assert suppressed(at, Channel.SMS, NUMBER) is None
    assert b"<Message>" not in text(server, {**form, "Body": "please stop by at noon"}).body
    assert suppressed(at, Channel.SMS, NUMBER) is None


def test_a_report_reaches_its_message(server: Server, at: Path, occurrence: str) -> None:
    id_ = sent(at, Channel.SMS, NUMBER, occurrence)
    form = {"MessageSid": f"SM{occurrence}", "MessageStatus": "undelivered", "To": NUMBER, "ErrorCode": "30006"}
    answer = text(server, form, "/v1/texts/texts?from=here")
    assert (answer.status, b"<Message>" in answer.body) == (200, False)
    assert suppressed(at, Channel.SMS, NUMBER) == "bounced"
    with Messages(at) as messages:
        _, happened = messages.get(id_)
    assert [(each.event, each.properties.get("code")) for each in happened if each.event == "bounced"] == [
        ("bounced", "30006")
    ]
    with open_ledger(at) as ledger, ledger.database.writing() as connection:
        suppressions.remove(connection, Channel.SMS, [NUMBER])


def test_what_the_provider_has_not_signed_is_not_believed(server: Server, at: Path) -> None:
    form = {"MessageSid": "SM901", "From": "+46700000001", "To": "+4687000000", "Body": "STOP"}
    for how in ({"token": "another"}, {"base": "https://evil.example"}):
        assert text(server, form, **how).status == 403
    assert server.send("/v1/texts/texts", urlencode(form).encode(), FORM).status == 403
    changed = urlencode({**form, "From": "+46700000002"}).encode()
    assert server.send("/v1/texts/texts", changed, signed("/v1/texts/texts", form)).status == 403
    assert suppressed(at, Channel.SMS, "+46700000001") is None
    for place in ("/v1/texts/mail", "/v1/texts/nobody", "/v1/texts"):
        assert text(server, form, place).status == 404
    assert server.send("/v1/texts/texts", None, method="GET").status == 405
    assert server.send("/v1/texts/texts", b"\xff\xfe", signed("/v1/texts/texts", {})).status == 400
    local = text(server, {**form, "Body": "hello"}, base=server.url)
    assert local.status == 200, "the address as this server sees it will do as well"


def test_mail_that_came_back_is_handed_over_with_a_key(server: Server, at: Path, occurrence: str) -> None:
    id_ = sent(at, Channel.EMAIL, "ann@example.com", occurrence)
    raw = bounce("5.1.1", headers=f"Message-ID: <{id_}@shop.example>\r\n")
    assert server.send("/v1/bounces", raw, {}).status == 401
    assert server.send("/v1/bounces", raw).status == 403, "a write key is in everybody's browser"
    assert suppressed(at, Channel.EMAIL, "ann@example.com") is None
    answer = server.send("/v1/bounces", raw, MANAGE)
    assert (answer.status, answer.json) == (200, {"found": 1, "known": 1})
    assert suppressed(at, Channel.EMAIL, "ann@example.com") == "bounced"
    assert server.send("/v1/bounces", b"Subject: x\r\n\r\nhello", MANAGE).json == {"found": 0, "known": 0}
    by_address = bounce("5.1.1", headers="X: y\r\n")
    assert server.send(f"/v1/bounces?to=bounces%2B{id_}%40shop.example", by_address, MANAGE).json["known"] == 1
    assert server.send("/v1/bounces", gzip.compress(bytes(3 << 20)), MANAGE).status == 413
    assert server.send("/v1/bounces", b"", MANAGE, method="PUT").status == 405
    with open_ledger(at) as ledger, ledger.database.writing() as connection:
        suppressions.remove(connection, Channel.EMAIL, ["ann@example.com"])
