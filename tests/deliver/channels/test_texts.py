"""Text messages: numbers, what Twilio's codes mean, what comes back, and how many segments are paid for."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
from typing import Any

import pytest

from deliver.channels.stands import HERE, TwilioStand, WhatsappStand, twilio_error
from ethogram.deliver.channels.building import build
from ethogram.deliver.channels.text_segments import segments
from ethogram.deliver.channels.texts_inbound import Asked, Reply, Report, asked_by, parse, verified
from ethogram.model.message import Accepted, Channel, Later, Letter, Lost, Misconfigured, Never, Outcome, TextContent
from ethogram.model.provider import Provider


def sent(stand: TwilioStand, address: str = "+46701740605", **settings: Any) -> Outcome:
    async def one() -> Outcome:
        provider = Provider.from_body("texts", {**stand.provider().to_body(), **settings})
        channel = build(provider, HERE, stand.clock, environment={})
        try:
            return await channel.send(Letter("msg_1", address, TextContent("Hi & bye=1")))
        finally:
            await channel.close()

    return asyncio.run(one())


def test_a_text_is_posted_as_the_api_documents() -> None:
    with TwilioStand() as stand:
        assert sent(stand, callback="https://shop.example/in?x=1") == Accepted("SM1")
        (got,) = stand.messages
        assert got.path == "/2010-04-01/Accounts/AC1/Messages.json"
        assert base64.b64decode(got.headers["authorization"].removeprefix("Basic ")) == b"AC1:secret"
        assert got.headers["content-type"] == "application/x-www-form-urlencoded"
        (form,) = stand.forms
        assert form == {
            "To": "+46701740605",
            "From": "+15005550006",
            "Body": "Hi & bye=1",
            "StatusCallback": "https://shop.example/in?x=1",
        }


def test_a_messaging_service_takes_the_senders_place() -> None:
    with TwilioStand() as stand:
        sent(stand, sender=None, messaging_service="MG1")
        assert "From" not in stand.forms[0]
        assert stand.forms[0]["MessagingServiceSid"] == "MG1"


def test_whatsapp_numbers_are_marked_as_such() -> None:
    with WhatsappStand() as stand:
        sent(stand)
        assert stand.forms[0]["To"] == "whatsapp:+46701740605"
        assert stand.forms[0]["From"] == "whatsapp:+15005550006"


def test_numbers_are_written_as_e164() -> None:
    with TwilioStand() as stand:
        assert isinstance(sent(stand, "070-174 06 05", region="SE"), Accepted)
        assert stand.forms[0]["To"] == "+46701740605"
        refused = sent(stand, "070-174 06 05")
        assert isinstance(refused, Never)
        assert refused.dead
        assert len(stand.forms) == 1


@pytest.mark.parametrize(
    ("number", "code", "means"),
    [
        (400, 21211, "dead"),
        (400, 21610, "dead"),
        (400, 21614, "dead"),
        (400, 21612, Never),
        (400, 21617, Never),
        (400, 63016, Never),
        (400, 99999, Never),
        (401, 20003, Misconfigured),
        (400, 21606, Misconfigured),
        (404, 20404, Misconfigured),
        (429, 20429, Later),
        (500, 20500, Later),
        (504, 0, Lost),
    ],
)
def test_what_each_code_means(number: int, code: int, means: type | str) -> None:
    with TwilioStand() as stand:
        stand.receiver.script = [twilio_error(number, code)]
        outcome = sent(stand)
        assert isinstance(outcome, Never if means == "dead" else means)  # type: ignore[arg-type]
        assert getattr(outcome, "dead", False) == (means == "dead")
        assert str(code or number) in outcome.reason  # type: ignore[union-attr]


def test_a_limit_says_how_long() -> None:
    with TwilioStand() as stand:
        stand.receiver.script = [twilio_error(429, 20429, Retry_After="7")]
        outcome = sent(stand)
        assert isinstance(outcome, Later)
        assert outcome.wait == dt.timedelta(seconds=7)


# --- what comes back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["STOP", "stop.", " Unsubscribe ", "STOPP", "arrêt", "Arret!", "BAJA", "стоп", "停止", "配信停止"]
)
def test_stop_in_many_languages_is_stop(text: str) -> None:
    assert asked_by(text) is Asked.STOP


@pytest.mark.parametrize(
    "text", ["Please stop by at noon", "don't stop", "", "x" * 1000, "nonstop", "cancel my order 12"]
)
def test_a_sentence_is_no_stop(text: str) -> None:
    assert asked_by(text) is None


def test_start_and_help_are_known() -> None:
    assert asked_by("Start") is Asked.START
    assert asked_by("HILFE") is Asked.HELP


def test_a_reply_is_read() -> None:
    form = {"MessageSid": "SM9", "From": "whatsapp:+46701740605", "To": "whatsapp:+15005550006", "Body": "Stop"}
    expected = Reply("SM9", Channel.WHATSAPP, "+46701740605", "+15005550006", "Stop", Asked.STOP)
    assert parse(form) == expected
    told = parse({**form, "Body": "no more please", "OptOutType": "STOP"})
    assert isinstance(told, Reply)
    assert told.asked is Asked.STOP


@pytest.mark.parametrize(
    ("status", "code", "what", "dead"),
    [
        ("delivered", None, "delivered", False),
        ("read", None, "opened", False),
        ("sent", None, None, False),
        ("undelivered", "30003", "failed", False),
        ("failed", "30006", "failed", True),
    ],
)
def test_a_report_is_read(status: str, code: str | None, what: str | None, dead: bool) -> None:
    form = {"MessageSid": "SM9", "MessageStatus": status, "To": "+46701740605", "From": "+15005550006"}
    found = parse(form | ({"ErrorCode": code} if code is not None else {}))
    assert isinstance(found, Report)
    assert (found.id, found.number, found.what, found.code, found.dead) == ("SM9", "+46701740605", what, code, dead)
    assert (found.reason is None) == (code is None)


def test_what_is_neither_is_nothing() -> None:
    assert parse({}) is None
    assert parse({"MessageSid": "SM9"}) is None


def test_only_who_knows_the_token_signs() -> None:
    # The worked example of Twilio's documentation.
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+12349013030"),
        ("Digits", "1234"),
        ("From", "+12349013030"),
        ("To", "+18005551212"),
    ]
    text = url + "".join(name + value for name, value in sorted(form))
    made = base64.b64encode(hmac.new(b"12345", text.encode(), hashlib.sha1).digest()).decode()
    assert made == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
    assert verified(url, form, made, ["old", "12345"])
    assert not verified(url, form, made, ["old"])
    assert not verified(url + "&x", form, made, ["12345"])
    assert not verified(url, [*form, ("x", "y")], made, ["12345"])
    assert not verified(url, form, "", ["12345"])


# --- segments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("x" * 160, "GSM-7", 160, 1),
        ("x" * 161, "GSM-7", 161, 2),
        ("x" * 306, "GSM-7", 306, 2),
        ("x" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("€" * 153, "GSM-7", 306, 3),  # an escape is not cut from what it escapes
        ("Ö" * 160, "GSM-7", 160, 1),
        ("ж" * 70, "UCS-2", 70, 1),
        ("ж" * 71, "UCS-2", 71, 2),
        ("🎉" * 35, "UCS-2", 70, 1),
        ("🎉" * 36, "UCS-2", 72, 2),
        ("🎉" * 67, "UCS-2", 134, 3),  # nor is half a character
    ],
)
def test_segments_are_counted_as_they_are_paid_for(text: str, encoding: str, units: int, count: int) -> None:
    found = segments(text)
    assert (found.encoding, found.units, found.count) == (encoding, units, count)
    assert (found.forces_ucs2 is None) == (encoding == "GSM-7")
