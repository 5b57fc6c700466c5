"""Pushes to phones and browsers: what each service's answers mean, and which devices are forgotten."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Sequence

import pytest

from deliver.channels.apns_stand import ApnsStand
from deliver.channels.stands import HERE, START, FcmStand, Stand, WebPushStand, fcm_error
from deliver.receiver import status
from ethogram.deliver.addresses import Rules
from ethogram.deliver.channels.building import build
from ethogram.deliver.channels.webpush import MOST
from ethogram.model.message import Accepted, Later, Letter, Misconfigured, Never, Outcome, PushContent


def sent(stand: Stand, *letters: Letter, rules: Rules = HERE, apart: dt.timedelta | None = None) -> Sequence[Outcome]:
    async def each() -> Sequence[Outcome]:
        channel = build(stand.provider(), rules, stand.clock, environment={})
        outcomes = []
        try:
            for letter in letters:
                outcomes.append(await channel.send(letter))
                if apart is not None:
                    stand.clock.advance(apart)
        finally:
            await channel.close()
        return outcomes

    return asyncio.run(each())


# --- FCM ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code", "message", "means", "dead"),
    [
        (404, "UNREGISTERED", "", Never, True),
        (400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", Never, True),
        (400, "INVALID_ARGUMENT", "Invalid value at 'message.android.ttl'", Never, False),
        (403, "SENDER_ID_MISMATCH", "", Misconfigured, False),
        (401, "THIRD_PARTY_AUTH_ERROR", "", Misconfigured, False),
        (404, "NOT_FOUND", "no such project", Misconfigured, False),
        (429, "QUOTA_EXCEEDED", "", Later, False),
        (503, "UNAVAILABLE", "", Later, False),
        (500, "INTERNAL", "", Later, False),
    ],
)
def test_what_firebase_says(number: int, code: str, message: str, means: type, dead: bool) -> None:
    with FcmStand() as stand:
        stand._script = [fcm_error(number, code, message)]
        (outcome,) = sent(stand, stand.letter())
        assert isinstance(outcome, means)
        assert getattr(outcome, "dead", False) == dead


def test_one_token_serves_until_shortly_before_it_ends() -> None:
    with FcmStand() as stand:
        letters = [stand.letter(f"msg_{n}") for n in range(8)]
        assert all(isinstance(each, Accepted) for each in sent(stand, *letters, apart=dt.timedelta(minutes=10)))
        assert stand.tokens == 2
        assert [each.headers["authorization"] for each in stand.messages][::7] == ["Bearer ya29.1", "Bearer ya29.2"]


def test_a_token_that_was_revoked_is_asked_for_anew() -> None:
    with FcmStand() as stand:
        stand._script = [status(401)]
        first, second = sent(stand, stand.letter(), stand.letter())
        assert isinstance(first, Misconfigured)
        assert isinstance(second, Accepted)
        assert stand.tokens == 2


def test_a_push_has_what_it_says_and_no_longer_than_it_is_good_for() -> None:
    with FcmStand() as stand:
        letter = dataclasses.replace(stand.letter("msg_7"), expires_at=START + dt.timedelta(hours=1))
        assert sent(stand, letter) == [Accepted("projects/shop/messages/1")]
        told = stand.messages[0].json["message"]
        assert told["token"] == "device:1"
        assert told["data"] == {"message_id": "msg_7", "url": "https://shop.example/"}
        assert told["android"]["ttl"] == "3600s"
        assert told["android"]["notification"]["tag"] == "msg_7"
        assert told["apns"]["headers"]["apns-collapse-id"] == "msg_7"


def test_a_device_of_a_service_without_settings_is_not_forgotten() -> None:
    with FcmStand() as stand:
        address = json.dumps({"platform": "apns", "token": "ab"})
        assert isinstance(sent(stand, Letter("msg_1", address, stand.content("x")))[0], Misconfigured)


# --- APNs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason", "means", "dead"),
    [
        (410, "Unregistered", Never, True),
        (410, "ExpiredToken", Never, True),
        (400, "BadDeviceToken", Never, False),
        (400, "BadTopic", Misconfigured, False),
        (403, "InvalidProviderToken", Misconfigured, False),
        (403, "ExpiredProviderToken", Later, False),
        (413, "PayloadTooLarge", Never, False),
        (429, "TooManyRequests", Later, False),
        (500, "InternalServerError", Later, False),
        (503, "Shutdown", Later, False),
    ],
)
def test_what_apple_says(number: int, reason: str, means: type, dead: bool) -> None:
    with ApnsStand() as stand:
        stand.script = [(number, reason, {})]
        (outcome,) = sent(stand, stand.letter())
        assert isinstance(outcome, means)
        assert getattr(outcome, "dead", False) == dead
        assert reason in outcome.reason  # type: ignore[union-attr]


def test_one_connection_and_one_signature_serve_for_forty_minutes() -> None:
    with ApnsStand() as stand:
        letters = [stand.letter(f"msg_{n}") for n in range(6)]
        assert all(isinstance(each, Accepted) for each in sent(stand, *letters, apart=dt.timedelta(minutes=10)))
        assert stand.connections == 1
        issued = [stand.claims(each)["iat"] - int(START.timestamp()) for each in stand.pushed]
        assert issued == [0, 0, 0, 0, 2400, 2400]
        assert {stand.claims(each)["iss"] for each in stand.pushed} == {"T1"}


def test_apple_is_told_the_topic_and_an_id_of_the_message() -> None:
    with ApnsStand() as stand:
        letter = dataclasses.replace(stand.letter("msg_7"), expires_at=START + dt.timedelta(hours=1))
        sent(stand, letter, letter)
        first, second = stand.pushed
        assert first.path == "/3/device/" + "ab" * 32
        assert first.headers["apns-topic"] == "example.shop"
        assert first.headers["apns-push-type"] == "alert"
        assert first.headers["apns-expiration"] == str(int(START.timestamp()) + 3600)
        assert uuid.UUID(first.headers["apns-id"]) == uuid.UUID(second.headers["apns-id"])
        assert first.json["message_id"] == "msg_7"


def test_a_server_at_home_needs_to_be_allowed_and_its_certificate_to_be_right() -> None:
    with ApnsStand() as stand:
        (refused,) = sent(stand, stand.letter(), rules=Rules())
        assert isinstance(refused, Misconfigured)
        assert "no public address" in refused.reason
    with ApnsStand(host="elsewhere.example") as stand:
        (untrusted,) = sent(stand, stand.letter())
        assert isinstance(untrusted, Misconfigured)
        assert "not to be trusted" in untrusted.reason
        assert not stand.pushed


# --- browsers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "means", "dead"),
    [
        (404, Never, True),
        (410, Never, True),
        (413, Never, False),
        (400, Never, False),
        (401, Misconfigured, False),
        (403, Misconfigured, False),
        (429, Later, False),
        (500, Later, False),
    ],
)
def test_what_a_push_service_says(number: int, means: type, dead: bool) -> None:
    with WebPushStand() as stand:
        stand.receiver.script = [status(number)]
        (outcome,) = sent(stand, stand.letter())
        assert isinstance(outcome, means)
        assert getattr(outcome, "dead", False) == dead


def test_the_browser_reads_all_of_it() -> None:
    with WebPushStand() as stand:
        (outcome,) = sent(stand, stand.letter("msg_7", "Grüße 🎉"))
        assert isinstance(outcome, Accepted)
        (got,) = stand.messages
        url = "https://shop.example/"
        expected = {"id": "msg_7", "title": "Title", "body": "Grüße 🎉", "url": url, "data": {"a": "b"}}
        assert stand.opened(got) == expected
        assert (got.headers["ttl"], got.headers["urgency"], len(got.headers["topic"])) == ("86400", "normal", 32)


def test_a_payload_of_the_most_bytes_goes_and_one_more_does_not() -> None:
    with WebPushStand() as stand:
        bare = len(json.dumps({"id": "msg_1", "title": "", "body": ""}, separators=(",", ":")))
        fits = Letter("msg_1", stand.address, PushContent("", "x" * (MOST - bare)))
        over = Letter("msg_1", stand.address, PushContent("", "x" * (MOST - bare + 1)))
        first, second = sent(stand, fits, over)
        assert isinstance(first, Accepted)
        assert isinstance(second, Never)
        assert not second.dead
        assert len(stand.messages) == 1
        assert len(stand.messages[0].body) == 4_096


def test_a_signature_serves_for_an_hour_and_what_expires_is_kept_no_longer() -> None:
    with WebPushStand() as stand:
        letter = dataclasses.replace(stand.letter(), expires_at=START + dt.timedelta(minutes=50))
        sent(stand, *[letter] * 4, apart=dt.timedelta(minutes=20))
        signed = [each.headers["authorization"] for each in stand.messages]
        assert signed[0] == signed[1] == signed[2] != signed[3]
        assert [each.headers["ttl"] for each in stand.messages] == ["3000", "1800", "600", "0"]


@pytest.mark.parametrize("endpoint", ["http://169.254.169.254/latest", "https://10.0.0.1/push", "ftp://x.example/"])
def test_an_endpoint_that_is_no_push_service_is_forgotten(endpoint: str) -> None:
    with WebPushStand() as stand:
        address = json.dumps({**json.loads(stand.address), "endpoint": endpoint})
        (outcome,) = sent(stand, Letter("msg_1", address, stand.content("x")))
        assert isinstance(outcome, Never)
        assert outcome.dead
