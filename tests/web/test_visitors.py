"""Pages ask what to show and tell what came of it: each person their own messages, by their rules, each thing once."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ethogram.campaigning import Campaigns
from ethogram.config import Settings
from ethogram.deliver import receipts
from ethogram.deliver.channels.webpush import new_keys
from ethogram.errors import LedgerError, SettingError
from ethogram.model.message import Channel, Maker
from ethogram.sending import Messages
from ethogram.showing import Showing
from ethogram.store import consents, devices, identities, in_app, persons, requests
from ethogram.store.consents import Choice
from web.here import until
from web.running import KEY
from web.visiting import HOME, NOW, Desk, desk

DAY = dt.timedelta(days=1)
SUBSCRIPTION = {"endpoint": "https://push.example/1", "keys": {"p256dh": "B" * 87, "auth": "a" * 22}}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as opened:
        yield opened


# --- what is shown ------------------------------------------------------------------------------------------------


def test_a_page_is_told_what_to_show_and_nothing_else_of_the_person(at: Desk) -> None:
    buttons = [
        {"text": "Go on", "url": "https://shop.example/cart", "event": "went_on", "style": "primary"},
        {"text": "No"},
    ]
    id_ = at.put(
        title="Hi Ann", body="Two left", image="https://shop.example/tea.png", buttons=tuple(buttons),
        style={"accent": "#0a6"}, show={"after": "3 seconds", "scroll": 50, "again": "1 day"},
    )  # fmt: skip
    answer = at.ask()
    assert answer.json == {
        "message": {
            "id": id_, "form": "modal", "title": "Hi Ann", "body": "Two left", "buttons": buttons, "after": 3.0,
            "image": "https://shop.example/tea.png", "style": {"accent": "#0a6"}, "scroll": 50, "again": True,
        }
    }  # fmt: skip
    assert answer.headers["cache-control"] == "no-store"


def test_messages_are_for_whoever_they_were_sent_to_under_any_id(at: Desk) -> None:
    mine = at.put("ann")
    at.put("bo")
    before = at.put("browser-1", priority=-1)  # sent when nobody knew who looks
    assert at.shown("ann") == mine
    assert at.shown("carl") is None
    body = {"writeKey": KEY, "anonymousId": "browser-1", "url": HOME}
    assert at.server.send("/v1/messages", body, {}).json["message"]["id"] == before
    with at.ledger.database.writing() as connection:
        claim = identities.Claim("browser-1", "ann", 1)
        identities.observe(connection, [claim], ["ann"], {}, NOW)
    assert at.server.send("/v1/messages", body, {}).json["message"]["id"] == mine
    at.report(mine, "dismissed")
    assert at.shown("ann") == before
    # Who is known is meant before who merely looks: a shared browser shows nobody else's.
    assert at.server.send("/v1/messages", {**body, "userId": "carl"}, {}).json == {"message": None}


def test_the_most_important_comes_first_and_one_at_a_time(at: Desk) -> None:
    first, last, urgent = at.put(), at.put(), at.put(priority=5)
    for expected in (urgent, first, last):
        assert at.shown() == expected
        assert at.report(expected, "shown", showing="s").status == 200
    assert at.shown() is None


@pytest.mark.parametrize(
    ("rule", "url", "fits"),
    [
        ({"is": "/cart"}, "https://shop.example/cart?x=1#y", True),
        ({"is": "/cart"}, "https://shop.example/cart/1", False),
        ({"is": "/cart?x=1"}, "https://shop.example/cart?x=1", True),
        ({"is": "/cart?x=1"}, "https://shop.example/cart", False),
        ({"is": "/"}, "https://shop.example", True),
        ({"is": "https://shop.example/cart"}, "https://shop.example/cart?x=1", True),
        ({"is": "https://shop.example/cart"}, "https://other.example/cart", False),
        ({"is": "/#/cart"}, "https://shop.example/#/cart", True),
        ({"contains": "sale"}, "https://shop.example/x?from=sale", True),
        ({"contains": "sale"}, "https://shop.example/x", False),
        ({"matches": "/p/*"}, "https://shop.example/p/tea", True),
        ({"matches": "/p/*/reviews"}, "https://shop.example/p/tea/reviews", True),
        ({"matches": "/p/*/reviews"}, "https://shop.example/p/reviews", False),
        ({"matches": "*://*.shop.example/*"}, "https://www.shop.example/x", True),
        ({"matches": "/a*b*c"}, "/abc", True),
        ({"matches": "/a*bb*b"}, "/abb", False),
        ([{"is": "/a"}, {"is": "/b"}], "https://shop.example/b", True),
        ({"matches": "/" + "*a" * 200 + "!"}, "https://shop.example/" + "a" * 7_000, False),
    ],
)
def test_pages_are_meant_by_their_addresses(at: Desk, rule: Any, url: str, fits: bool) -> None:
    at.put(show={"page": rule})
    assert (at.shown(url=url) is not None) == fits


def test_some_wait_for_what_is_tracked_on_the_page(at: Desk) -> None:
    id_ = at.put(show={"event": ["cart_viewed", "cart_left"]})
    assert at.shown() is None
    assert at.shown(events=["searched"]) is None
    assert at.shown(events=["searched", "cart_left"]) == id_


def test_a_message_is_shown_once_until_it_is_dismissed_or_every_so_often(at: Desk) -> None:
    once = at.put("a")
    until = at.put("b", show={"again": "until_dismissed"})
    daily = at.put("c", show={"again": "1 day"})
    for person, id_ in (("a", once), ("b", until), ("c", daily)):
        assert at.shown(person) == id_
        at.report(id_, "shown", person, showing="1")
    assert (at.shown("a"), at.shown("b"), at.shown("c")) == (None, until, None)
    at.clock.advance(DAY)
    assert at.shown("c") == daily
    at.report(until, "dismissed", "b")
    at.report(daily, "clicked", "c", showing="2", button=1)
    at.clock.advance(DAY)
    assert (at.shown("b"), at.shown("c")) == (None, None)


def test_a_message_waits_as_long_as_its_rules_let_it(at: Desk) -> None:
    at.put("a", show={"for": "2 days"})
    at.put("b", show={"for": "9 days"}, send_within=DAY)
    at.put("c")
    at.clock.advance(2 * DAY - dt.timedelta(seconds=1))
    assert at.shown("a")
    at.clock.advance(dt.timedelta(seconds=1))
    assert at.shown("a") is None
    assert at.shown("b")  # it was sent in time
    at.clock.advance(27 * DAY)
    assert at.shown("b") is None
    assert at.shown("c")
    at.clock.advance(DAY)
    assert at.shown("c") is None
    assert in_app.prune(at.ledger.database, at.clock.now() + DAY) == 3


def test_who_takes_consent_back_after_sending_is_shown_nothing(at: Desk) -> None:
    at.save("topic", "offers", {})
    at.put(topic="offers")
    owed = at.put("ann", transactional=True)

    def say(topic: str, *, yes: bool) -> None:
        choice = Choice("ann", Channel.INAPP, topic, yes, at.clock.now(), "preferences")
        with at.ledger.database.writing() as connection:
            consents.append(connection, [choice], at.clock.now())
        at.clock.advance(dt.timedelta(seconds=1))

    assert at.shown() != owed
    say("offers", yes=False)
    assert at.shown() == owed  # what is owed to a person needs no consent
    say("offers", yes=True)
    assert at.shown() != owed
    say("", yes=False)
    assert at.shown() == owed


def test_what_is_stopped_or_paused_is_not_shown_until_it_goes_on(at: Desk) -> None:
    id_ = at.put(name="spring")
    with Campaigns(at.place, clock=at.clock) as campaigns:
        at.save("campaign", "spring", {"channel": "inapp", "template": "t", "when": {"api": True}})
        campaigns.start("spring")
        assert at.shown() == id_
        campaigns.stop("spring", reason="wrong price")
        at.clock.advance(dt.timedelta(seconds=6))
        assert at.shown() is None
        campaigns.resume("spring")
    at.clock.advance(dt.timedelta(seconds=6))
    assert at.shown() == id_
    with Messages(at.place, clock=at.clock) as messages:
        steps: list[tuple[Callable[[], bool], str | None]] = [
            (lambda: messages.pause_channel(Channel.INAPP, "x"), None),
            (lambda: messages.resume_channel(Channel.INAPP), id_),
            (lambda: messages.pause(Maker.CAMPAIGN, "spring", "x"), None),
            (lambda: messages.resume(Maker.CAMPAIGN, "spring"), id_),
        ]
        for change, expected in steps:
            assert change()
            at.clock.advance(dt.timedelta(seconds=6))
            assert at.shown() == expected


# --- what came of it ----------------------------------------------------------------------------------------------


def test_what_a_page_does_comes_back_as_events_each_once(at: Desk) -> None:
    id_ = at.put(buttons=({"text": "Go", "url": "/cart"}, {"text": "No"}), show={"again": "until_dismissed"})
    assert at.told(id_) == []
    at.shown()
    at.shown()
    until(lambda: at.told(id_) == ["delivered"])  # noted when the page has its answer already
    for showing in ("1", "1", "2"):
        assert at.report(id_, "shown", showing=showing).json == {"success": True}
    for _ in range(2):
        at.report(id_, "clicked", showing="2", button=1)
        at.report(id_, "dismissed")
    assert at.told(id_) == ["clicked", "delivered", "dismissed", "opened", "opened"]
    (clicked,) = [each for each in at.happened(id_) if each.event == "clicked"]
    assert clicked.properties == {"button": 1, "text": "Go", "url": "/cart"}
    assert receipts.tell(at.ledger.database, at.clock.now()) == 6
    named = [fact.event for fact in _told(at)]
    assert sorted(named) == [
        "inapp_clicked", "inapp_delivered", "inapp_dismissed", "inapp_opened", "inapp_opened", "inapp_sent",
    ]  # fmt: skip


def _told(at: Desk) -> list[Any]:
    with at.ledger.database.reading() as connection:
        found = requests.waiting(connection, 100)
    return [fact for row in found for message in row.messages for fact in message.facts]


def test_nobody_reports_about_somebody_elses_message(at: Desk) -> None:
    id_ = at.put("ann")
    for what in ("shown", "clicked", "dismissed"):
        answer = at.report(id_, what, "eve")
        assert (answer.status, answer.json["code"]) == (404, "unknown_message")
    assert at.shown("ann") == id_
    until(lambda: at.told(id_) == ["delivered"])
    assert at.report("msg_" + "0" * 32, "shown").status == 404


def test_a_flood_of_showings_ends(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ethogram.deliver.showings._MOST_SHOWN", 3)
    id_ = at.put(show={"again": "until_dismissed"})
    for number in range(5):
        assert at.report(id_, "shown", showing=str(number)).status == 200
    assert at.told(id_).count("opened") == 3


# --- who may ask --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/messages", {"userId": "ann"}, 401, "missing_key"),
        ("/v1/messages", {"userId": "ann", "writeKey": "wk_other"}, 401, "unknown_key"),
        ("/v1/messages", {"writeKey": KEY}, 400, "missing_id"),
        ("/v1/messages", {"writeKey": KEY, "userId": "  "}, 400, "missing_id"),
        ("/v1/messages", {"writeKey": KEY, "userId": ["ann"]}, 400, "invalid_json"),
        ("/v1/messages", {"writeKey": KEY, "userId": "a" * 2_000}, 400, "invalid_json"),
        ("/v1/messages", {"writeKey": KEY, "userId": "å" * 1_024, "url": "x" * 9_000}, 400, "invalid_json"),
        ("/v1/messages", {"writeKey": KEY, "userId": "ann", "events": ["x"] * 101}, 400, "invalid_json"),
        ("/v1/messages", {"writeKey": KEY, "userId": "ann", "more": "x" * 20_000}, 413, "too_large"),
        ("/v1/messages", b"\xff", 400, "invalid_json"),
        ("/v1/messages/x/eaten", {"writeKey": KEY, "userId": "ann"}, 404, "not_found"),
        ("/v1/messages/x", {"writeKey": KEY, "userId": "ann"}, 404, "not_found"),
        ("/v1/messages/x/shown", {"userId": "ann"}, 401, "missing_key"),
        ("/v1/devices", {"writeKey": KEY, "token": "t"}, 400, "missing_id"),
        ("/v1/devices", {"writeKey": KEY, "userId": "ann", "platform": "fax", "token": "t"}, 400, None),
        ("/v1/devices", {"writeKey": KEY, "userId": "ann", "platform": "fcm", "token": " "}, 400, None),
        ("/v1/devices", {"writeKey": KEY, "userId": "ann", "subscription": {"endpoint": "http://x"}}, 400, None),
        ("/v1/devices", {"writeKey": KEY, "userId": "ann"}, 400, None),
        ("/v1/devices/remove", {"writeKey": KEY, "token": ""}, 400, None),
    ],
)
def test_what_cannot_be_answered_says_why(at: Desk, path: str, body: Any, status: int, code: str | None) -> None:
    answer = at.server.send(path, body, {})
    assert answer.status == status
    assert code is None or answer.json["code"] == code
    assert answer.json["message"]


def test_where_a_proof_is_asked_for_an_id_alone_opens_nothing(tmp_path: Path) -> None:
    secret = "a secret of the site's server"
    proof = hmac.new(secret.encode(), b"ann", hashlib.sha256).hexdigest()
    with desk(tmp_path, visitor_secret=secret) as at:
        id_, loose = at.put("ann"), at.put("browser-1")
        for wrong in ("", "0" * 64, proof[:-1], "å"):
            assert (at.ask(proof=wrong).status, at.ask(proof=wrong).json["code"]) == (401, "unproven")
            assert at.report(id_, "dismissed", proof=wrong).status == 401
        assert at.shown(proof=proof) == id_
        # Whoever claims in public to be Ann becomes one with her profile, and sees nothing of hers.
        anonymous = {"writeKey": KEY, "anonymousId": "browser-1", "url": HOME}
        assert at.server.send("/v1/messages", anonymous, {}).json["message"]["id"] == loose
        with at.ledger.database.writing() as connection:
            identities.observe(connection, [identities.Claim("browser-1", "ann", 1)], ["ann"], {}, NOW)
        assert at.server.send("/v1/messages", anonymous, {}).json == {"message": None}
        assert at.server.send(f"/v1/messages/{id_}/dismissed", anonymous, {}).status == 404
        device = {"platform": "fcm", "token": "t1"}
        assert at.server.send("/v1/devices", {**anonymous, **device}, {}).status == 401
        body = {"writeKey": KEY, "userId": "ann", "proof": proof.upper(), **device}
        assert at.server.send("/v1/devices", body, {}).status == 200
        assert _devices(at, "ann") == {"push": [device]}


def test_the_secret_is_long_and_shown_to_nobody() -> None:
    settings = Settings(visitor_secret="0123456789abcdef", ledger="postgresql://u:p@h/d")
    assert (settings.shown()["visitor_secret"], settings.shown()["ledger"]) == ("***", "postgresql://u:***@h/d")
    assert "0123456789abcdef" not in repr(settings)
    with pytest.raises(SettingError, match="too short"):
        Settings(visitor_secret="0123456789")


def test_pages_of_other_sites_may_ask(at: Desk) -> None:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = at.server.send("/v1/messages", None, headers, method="OPTIONS")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://shop.example")
    asked = at.server.send("/v1/messages", {"writeKey": KEY, "userId": "ann"}, {"Origin": "https://shop.example"})
    assert asked.headers["access-control-allow-origin"] == "https://shop.example"
    assert at.server.send("/v1/messages", None, {}, method="GET").status == 405


def test_more_pages_than_can_be_answered_come_again_later(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    id_ = at.put()
    with monkeypatch.context() as full:
        full.setattr("ethogram.web.visitors._MOST", 0)
        answer = at.ask()
    assert (answer.status, answer.json["code"]) == (429, "overloaded")
    assert int(answer.headers["retry-after"]) > 0
    assert at.shown() == id_


def test_a_ledger_that_fails_is_said_so_and_nothing_is_lost_of_what_comes_again(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = at.put()

    def fail(*_: object) -> None:
        raise LedgerError("no room")

    with monkeypatch.context() as broken:
        broken.setattr(Showing, "_note", fail)
        broken.setattr(Showing, "choose", fail)
        assert at.ask().status == 503
    assert at.shown() == id_


# --- devices ------------------------------------------------------------------------------------------------------


def _devices(at: Desk, person: str) -> dict[str, list[Any]]:
    with at.ledger.database.reading() as connection:
        found = devices.of(connection, persons.of(connection, [person])).get(person, {})
    return {channel.value: [json.loads(each.address) for each in mine] for channel, mine in found.items()}


def test_browsers_and_phones_register_and_leave(at: Desk) -> None:
    def post(path: str, **body: Any) -> Any:
        answer = at.server.send(path, {"writeKey": KEY, **body}, {})
        assert answer.status == 200, answer.body
        return answer.json

    web = {"subscription": {**SUBSCRIPTION, "expirationTime": None}}
    registered = post("/v1/devices", userId="ann", **web)
    assert registered["id"].startswith("dev_")
    post("/v1/devices", userId="ann", platform="apns", token="ab12")
    assert _devices(at, "ann") == {
        "webpush": [SUBSCRIPTION], "push": [{"platform": "apns", "token": "ab12"}],
    }  # fmt: skip
    assert post("/v1/devices", anonymousId="b1", **web)["id"] == registered["id"]
    assert "webpush" not in _devices(at, "ann")  # whoever registers a device last has it
    assert _devices(at, "b1") == {"webpush": [SUBSCRIPTION]}
    post("/v1/devices/remove", **web)
    post("/v1/devices/remove", platform="apns", token="ab12")
    assert (_devices(at, "ann"), _devices(at, "b1")) == ({}, {})
    post("/v1/devices/remove", **web)


def test_the_key_for_browsers_is_that_of_the_provider(at: Desk) -> None:
    def key() -> Any:
        at.clock.advance(dt.timedelta(minutes=1))
        return at.server.send("/v1/devices/key", None, {"Origin": HOME}, method="GET")

    assert (key().status, key().json["code"]) == (404, "no_web_push")
    made = new_keys()
    at.save(
        "provider", "browsers",
        {"channel": "webpush", "kind": "webpush", "private_key": made.private, "contact": "mailto:web@shop.example"},
    )  # fmt: skip
    assert key().json == {"key": made.public}
    assert key().headers["access-control-allow-origin"] == HOME
