"""Texts that people send, reports about texts and mail that comes back: what follows holds, once, and is an event."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.event import listen

from deliver.test_bounces import bounce
from ethogram.deliver import bounces, receipts, returned
from ethogram.deliver.channels.email import _queue_id
from ethogram.deliver.channels.texts_inbound import Asked, Reply, Report
from ethogram.model.message import Channel, Eligible, Maker, Origin, State, Wanted
from ethogram.store import consents, identities, outbox, outbox_claims, outbox_reading, requests, suppressions
from ethogram.store.identities import Claim
from ethogram.store.ledger import Ledger
from ethogram.store.outbox_claims import Result

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
NUMBER = "+46701740605"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def sent(ledger: Ledger, who: str, channel: Channel, address: str, occurrence: str = "once") -> str:
    wanted = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, occurrence), who, channel, "hello", NOW)
    with ledger.database.writing() as connection:
        outbox.append(connection, [(wanted, Eligible())], NOW)
        (claimed,) = outbox_claims.claim(connection, channel, NOW, dt.timedelta(minutes=5), "t", most=9)
        outbox_claims.begin(connection, "t", {claimed.number: address})
        result = Result(claimed.number, State.SENT, provider_id=f"SM-{who}-{occurrence}")
        outbox_claims.record(connection, "t", [result], NOW)
    return wanted.id


def reply(text: str, asked: Asked | None, id_: str = "SM1", channel: Channel = Channel.SMS) -> Reply:
    return Reply(id_, channel, NUMBER, "+4687000000", text, asked)


def take(ledger: Ledger, given: Reply | Report, now: dt.datetime = NOW) -> Any:
    with ledger.database.writing() as connection:
        if isinstance(given, Reply):
            return returned.take_reply(connection, given, now)
        return returned.take_report(connection, given, now)


def suppressed(ledger: Ledger, channel: Channel, address: str) -> str | None:
    with ledger.database.reading() as connection:
        return suppressions.among(connection, channel, [address]).get(address)


def holds(ledger: Ledger, who: str) -> dict[tuple[str, str], tuple[bool, str]]:
    with ledger.database.reading() as connection:
        held = consents.holding(connection, [who]).get(who, {})
    return {about: (choice.subscribed, choice.source) for about, choice in held.items()}


def events(ledger: Ledger) -> list[tuple[str, str, dict[str, Any]]]:
    while receipts.tell(ledger.database, NOW):
        pass
    with ledger.database.reading() as connection:
        found = [each for row in requests.waiting(connection, 10_000) for each in row.messages]
    return [
        (each.user_id or each.anonymous_id, each.facts[0].event, json.loads(each.facts[0].content)) for each in found
    ]


def test_stop_ends_texts_to_the_number_and_start_takes_it_back(ledger: Ledger) -> None:
    sent(ledger, "ann", Channel.SMS, NUMBER, "one")
    sent(ledger, "ann", Channel.SMS, NUMBER, "two")
    sent(ledger, "bob", Channel.SMS, NUMBER)  # they share a phone
    sent(ledger, "cid", Channel.WHATSAPP, NUMBER)
    for _ in range(2):  # the provider may send it again
        assert take(ledger, reply("Stop!", Asked.STOP)) == ("bob", "ann")
    assert suppressed(ledger, Channel.SMS, NUMBER) == "stopped"
    assert suppressed(ledger, Channel.WHATSAPP, NUMBER) is None
    for who in ("ann", "bob"):
        assert holds(ledger, who) == {("sms", ""): (False, "stop-word")}
    told = [each for each in events(ledger) if each[1] != "sms_sent" and each[0] != "cid"]
    assert sorted(each[:2] for each in told) == [
        (who, event) for who in ("ann", "bob") for event in ("sms_received", "sms_unsubscribed")
    ]  # fmt: skip
    received = next(each[2] for each in told if each[1] == "sms_received")
    assert received == {"text": "Stop!", "to": "+4687000000", "asked": "stop"}
    assert {each[2].get("campaign") for each in told if each[1] == "sms_unsubscribed"} == {"spring"}
    take(ledger, reply("start", Asked.START, "SM2"), NOW + dt.timedelta(seconds=1))
    assert suppressed(ledger, Channel.SMS, NUMBER) is None
    assert holds(ledger, "ann") == {("sms", ""): (True, "start-word")}


def test_whoever_answers_is_found_by_the_index_of_texts(ledger: Ledger) -> None:
    asked: list[tuple[str, Any]] = []
    with ledger.database.reading() as connection:
        listen(connection, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
        outbox_reading.newest_texted(connection, Channel.SMS, NUMBER)
        statement, bound = next(each for each in asked if "FROM messages" in each[0])
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", bound).all()
    assert "ix_messages_texted" in str(plan)


def test_a_number_that_nobody_is_known_by_is_suppressed_all_the_same(ledger: Ledger) -> None:
    assert take(ledger, reply("STOP", Asked.STOP)) == ()
    assert suppressed(ledger, Channel.SMS, NUMBER) == "stopped"
    assert events(ledger) == []


def test_start_does_not_undo_what_somebody_else_has_said(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        suppressions.add(connection, Channel.SMS, [NUMBER], "asked-us", "api", NOW)
    take(ledger, reply("start", Asked.START))
    assert suppressed(ledger, Channel.SMS, NUMBER) == "asked-us"


def test_any_other_text_is_an_event_of_the_person_and_nothing_else(ledger: Ledger) -> None:
    sent(ledger, "ann", Channel.WHATSAPP, NUMBER)
    with ledger.database.writing() as connection:
        identities.observe(connection, [Claim("anon", "ann", 1)], ["ann"], {}, NOW)
    take(ledger, reply("Where is my\0 order? \ud800", None, channel=Channel.WHATSAPP))
    assert events(ledger)[0] == ("ann", "whatsapp_received", {"text": "Where is my order? �", "to": "+4687000000"})
    assert holds(ledger, "ann") == {}


@pytest.mark.parametrize(
    ("what", "code", "dead", "event", "bounced", "why"),
    [
        ("delivered", None, False, "sms_delivered", None, None),
        ("opened", None, False, "sms_opened", None, None),
        ("failed", "30003", False, "sms_bounced", "soft", None),
        ("failed", "30006", True, "sms_bounced", "hard", "bounced"),
    ],
)
def test_a_report_is_an_event_of_its_message(
    ledger: Ledger, what: str, code: str | None, dead: bool, event: str, bounced: str | None, why: str | None
) -> None:
    sent(ledger, "ann", Channel.SMS, NUMBER)
    report = Report("SM-ann-once", Channel.SMS, NUMBER, what, code, "said why" if code else None, dead)
    assert take(ledger, report).new
    assert not take(ledger, report).new
    told = {each[1]: each[2] for each in events(ledger)}
    assert sorted(told) == sorted(["sms_sent", event])
    assert (told[event].get("bounce"), suppressed(ledger, Channel.SMS, NUMBER)) == (bounced, why)


def test_a_report_of_a_text_that_is_still_on_its_way_says_nothing(ledger: Ledger) -> None:
    sent(ledger, "ann", Channel.SMS, NUMBER)
    assert not take(ledger, Report("SM-ann-once", Channel.SMS, NUMBER, None, None, None)).known
    assert [each[1] for each in events(ledger)] == ["sms_sent"]


def mail(ledger: Ledger, raw: bytes, to: str = "") -> returned.MailTaken:
    with ledger.database.writing() as connection:
        return returned.take_mail(connection, bounces.parse(raw, to=to), NOW)


def dsn(id_: str, status: str, action: str = "failed") -> bytes:
    return bounce(status, action, headers=f"Message-ID: <{id_}@shop.example>\r\n")


def test_a_mail_that_cannot_be_delivered_ever_suppresses_its_address_once(ledger: Ledger) -> None:
    id_ = sent(ledger, "ann", Channel.EMAIL, "Ann@example.com")
    for _ in range(2):
        assert mail(ledger, dsn(id_, "5.1.1")) == returned.MailTaken(1, 1)
    assert suppressed(ledger, Channel.EMAIL, "ann@example.com") == "bounced"
    (told,) = [each[2] for each in events(ledger) if each[1] == "email_bounced"]
    assert (told["bounce"], told["code"], told["campaign"]) == ("hard", "5.1.1", "spring")


def test_a_bounce_that_passes_and_a_delay_suppress_nobody(ledger: Ledger) -> None:
    id_ = sent(ledger, "ann", Channel.EMAIL, "ann@example.com")
    mail(ledger, dsn(id_, "4.2.2", "delayed"))
    mail(ledger, dsn(id_, "5.2.2"))
    assert suppressed(ledger, Channel.EMAIL, "ann@example.com") is None
    assert [each[1] for each in events(ledger)] == ["email_sent", "email_deferred", "email_bounced"]


def test_a_mail_that_names_another_address_or_no_message_of_ours_says_nothing(ledger: Ledger) -> None:
    id_ = sent(ledger, "ann", Channel.EMAIL, "ann@shop.example")
    assert mail(ledger, dsn(id_, "5.1.1")) == returned.MailTaken(1, 0)
    assert mail(ledger, dsn("msg_" + "0" * 32, "5.1.1")) == returned.MailTaken(1, 0)
    assert mail(ledger, b"Subject: hello\r\n\r\nI am on holiday.\r\n") == returned.MailTaken(0, 0)
    assert suppressed(ledger, Channel.EMAIL, "ann@shop.example") is None
    assert mail(ledger, bounce("5.1.1", headers="X: y\r\n"), to=f"bounces+{id_}@shop.example").known == 0


def test_a_complaint_by_mail_unsubscribes_and_suppresses(ledger: Ledger) -> None:
    id_ = sent(ledger, "ann", Channel.EMAIL, "ann@example.com")
    raw = (
        "From: fbl@isp.example\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\r\n"
        "--B\r\nContent-Type: message/rfc822\r\n\r\n"
        f"Message-ID: <{id_}@shop.example>\r\nTo: ann@example.com\r\n\r\nx\r\n"
        "--B--\r\n"
    )
    assert mail(ledger, raw.encode()).known == 1
    assert suppressed(ledger, Channel.EMAIL, "ann@example.com") == "complained"
    assert holds(ledger, "ann") == {("email", ""): (False, "complaint")}


@pytest.mark.parametrize(
    ("answer", "id_"),
    [
        ("Ok 0100018f3c2a4b5c-1a2b3c4d-1234-5678-9abc-def012345678-000000",
         "0100018f3c2a4b5c-1a2b3c4d-1234-5678-9abc-def012345678-000000"),
        ("2.0.0 Ok: queued as 4B2C1", "4B2C1"),
        ("Ok: queued as geismtpd-19", "geismtpd-19"),
        ("Ok", None),
        ("2.0.0 Ok", None),
    ],
)  # fmt: skip
def test_the_servers_own_id_is_known_by_which_its_events_name_the_message(answer: str, id_: str | None) -> None:
    assert _queue_id(answer) == id_
