"""What comes back about messages: noted once, told once, with its consequences; and who was a machine."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ethogram.deliver import receipts, sights
from ethogram.deliver.consequences import Limits
from ethogram.deliver.sights import CLICKED, OPENED, Sight, by_machine
from ethogram.model.message import Channel, Eligible, Maker, Origin, Refused, State, Wanted
from ethogram.store import (
    consents,
    identities,
    message_events,
    outbox,
    outbox_claims,
    outbox_pauses,
    requests,
    suppressions,
)
from ethogram.store.identities import Claim
from ethogram.store.ledger import Ledger
from ethogram.store.outbox_claims import Result

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def wanted(who: str, maker: Maker = Maker.CAMPAIGN, occurrence: str = "once") -> Wanted:
    origin = Origin(maker, "spring", 1, occurrence, variant="b")
    return Wanted(origin, who, Channel.EMAIL, "hello", NOW, topic="news")


def sent(ledger: Ledger, *messages: Wanted, theirs: str = "theirs") -> list[str]:
    with ledger.database.writing() as connection:
        outbox.append(connection, [(each, Eligible()) for each in messages], NOW)
        claimed = outbox_claims.claim(connection, Channel.EMAIL, NOW, SECOND, "t", most=10_000)
        places = {each.number: f"{each.wanted.profile_id}@shop.example" for each in claimed}
        outbox_claims.begin(connection, "t", places)
        results = [
            Result(each.number, State.SENT, provider_id=f"{theirs}-{each.wanted.profile_id}") for each in claimed
        ]
        outbox_claims.record(connection, "t", results, NOW)
    return [each.id for each in messages]


def report(ledger: Ledger, about: str, what: str, *, key: str = "", **said: Any) -> receipts.Reported:
    limits = said.pop("limits", None)
    with ledger.database.writing() as connection:
        return receipts.report(connection, about, what, NOW, NOW, key=key, properties=said, limits=limits)


def told(ledger: Ledger, now: dt.datetime = NOW) -> list[requests.Message]:
    while receipts.tell(ledger.database, now):
        pass
    with ledger.database.reading() as connection:
        return [each for row in requests.waiting(connection, 10_000) for each in row.messages]


def events(ledger: Ledger, now: dt.datetime = NOW) -> list[tuple[str, str]]:
    return sorted((each.user_id or each.anonymous_id, each.facts[0].event) for each in told(ledger, now))


def suppressed(ledger: Ledger, *addresses: str) -> dict[str, str]:
    with ledger.database.reading() as connection:
        return suppressions.among(connection, Channel.EMAIL, addresses)


def test_what_happened_is_an_event_in_the_inbox_once(ledger: Ledger) -> None:
    (id_,) = sent(ledger, wanted("p1"))
    report(ledger, id_, "clicked", key="1", url="https://shop.example/")
    first = told(ledger)
    assert [each.id for each in first] == [f"{id_}:sent", f"{id_}:clicked:1"]
    fact = first[1].facts[0]
    assert fact.event == "email_clicked"
    assert json.loads(fact.content) == {
        "message_id": id_, "campaign": "spring", "variant": "b", "template": "hello", "topic": "news",
        "url": "https://shop.example/",
    }  # fmt: skip
    assert told(ledger) == first
    # Even where the note that they were told is lost, the inbox knows them.
    with ledger.database.writing() as connection:
        connection.execute(sa.text("UPDATE message_events SET told = false"))
    assert told(ledger) == first


def test_refusals_say_why_and_tests_are_told_to_nobody(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        outbox.append(connection, [(wanted("p1"), Refused("capped", "two a day are enough"))], NOW)
    sent(ledger, wanted("p2", Maker.TEST))
    (event,) = told(ledger)
    said = json.loads(event.facts[0].content)
    assert event.facts[0].event == "email_refused"
    assert (said["code"], said["reason"]) == ("capped", "two a day are enough")
    assert not message_events.are_untold(ledger.database, NOW)


def test_an_anonymous_profile_does_not_become_a_known_one_by_being_written_to(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        identities.observe(connection, [Claim("anon", "ann", 1)], ["ann"], {}, NOW)
    sent(ledger, wanted("ann"), wanted("visitor"))
    assert sorted((each.user_id, each.anonymous_id) for each in told(ledger)) == [("", "visitor"), ("ann", "")]


def test_a_hard_bounce_suppresses_and_the_same_report_again_changes_nothing(ledger: Ledger) -> None:
    (id_,) = sent(ledger, wanted("p1"))
    assert report(ledger, f"<{id_}@news.shop.example>", "bounced", key="a", bounce="hard") == receipts.Reported(
        known=True, new=True
    )
    assert suppressed(ledger, "p1@shop.example") == {"p1@shop.example": "bounced"}
    with ledger.database.writing() as connection:
        suppressions.remove(connection, Channel.EMAIL, ["p1@shop.example"])
    assert report(ledger, "theirs-p1", "bounced", key="b", bounce="hard") == receipts.Reported(known=True)
    assert suppressed(ledger, "p1@shop.example") == {}
    assert events(ledger) == [("p1", "email_bounced"), ("p1", "email_sent")]


def test_soft_bounces_in_a_row_suppress_and_a_delivery_begins_anew(ledger: Ledger) -> None:
    ids = sent(ledger, *(wanted("p1", occurrence=f"{each}") for each in range(10)))
    for id_ in ids[:4]:
        report(ledger, id_, "bounced", key="soft", bounce="soft")
    report(ledger, ids[4], "delivered")
    for id_ in ids[5:9]:
        report(ledger, id_, "bounced", key="soft", bounce="soft")
    assert suppressed(ledger, "p1@shop.example") == {}
    report(ledger, ids[9], "bounced", key="soft", bounce="soft")
    assert suppressed(ledger, "p1@shop.example") == {"p1@shop.example": "bounced"}


def test_a_complaint_suppresses_and_unsubscribes(ledger: Ledger) -> None:
    (id_,) = sent(ledger, wanted("p1"))
    report(ledger, id_, "complained", key="x")
    assert suppressed(ledger, "p1@shop.example") == {"p1@shop.example": "complained"}
    with ledger.database.reading() as connection:
        (choice,) = consents.history(connection, "p1")
    assert (choice.subscribed, choice.channel, choice.source) == (False, Channel.EMAIL, "complaint")
    assert [name for _, name in events(ledger)] == ["email_complained", "email_sent", "email_unsubscribed"]


def test_many_complaints_pause_the_campaign(ledger: Ledger) -> None:
    ids = sent(ledger, *(wanted(f"p{each}") for each in range(100)))
    limits = Limits(complaints=0.03, least_complaints=2)
    for count, id_ in enumerate(ids[:3], start=1):
        report(ledger, id_, "complained", limits=limits)
        with ledger.database.reading() as connection:
            paused = outbox_pauses.paused(connection)
        assert bool(paused) is (count == 3)
    pause = paused[("campaign", "spring")]
    assert (pause.by, pause.reason) == ("complaints", "3 of 100 people complained; the limit is 3.0%")


def test_a_bounce_that_comes_before_sending_is_recorded_is_matched_later(ledger: Ledger) -> None:
    assert not report(ledger, "theirs-p1", "bounced", key="b", bounce="hard").known
    assert not message_events.are_matched(ledger.database)
    sent(ledger, wanted("p1"))
    assert message_events.are_matched(ledger.database)
    with ledger.database.writing() as connection:
        assert receipts.settle(connection, NOW) == 1
        assert receipts.settle(connection, NOW) == 0
    assert suppressed(ledger, "p1@shop.example") == {"p1@shop.example": "bounced"}
    assert events(ledger) == [("p1", "email_sent")]  # the provider's own event went its way when it came


def test_calls_of_a_webhook_about_our_messages_come_back_with_their_campaign(ledger: Ledger) -> None:
    (id_,) = sent(ledger, wanted("p1"))
    bounce = {"bounce_type": "HardBounce", "reason": "550"}
    calls: list[dict[str, Any]] = [
        {"event": "email_delivered", "messageId": "a", "properties": {"email_id": f"<{id_}@x.example>"}},
        {"event": "email_bounced", "messageId": "b", "properties": {"email_id": "theirs-p1.filter01.7.5", **bounce}},
        {"event": "email_opened", "messageId": "c", "properties": {"email_id": "somebody-else's"}},
        {"event": "order_completed", "messageId": "d", "properties": {"email_id": id_}},
    ]
    assert receipts.about_messages(calls)
    assert not receipts.about_messages(calls[3:])
    with ledger.database.writing() as connection:
        rest = receipts.take(connection, calls, [None, NOW - SECOND, None, None], NOW)
        assert receipts.take(connection, calls, [None, NOW - SECOND, None, None], NOW) == rest
    assert rest == calls[2:]
    assert events(ledger) == [("p1", "email_bounced"), ("p1", "email_delivered"), ("p1", "email_sent")]
    assert "p1@shop.example" in suppressed(ledger, "p1@shop.example")


# --- opens and clicks -------------------------------------------------------------------------------------------------


def see(ledger: Ledger, *seen: Sight) -> None:
    for each in seen:
        with ledger.database.writing() as connection:
            sights.note(connection, [each], each.at)


def machines(ledger: Ledger, now: dt.datetime) -> list[tuple[str, bool]]:
    return sorted(
        (each.facts[0].event, json.loads(each.facts[0].content).get("machine", False))
        for each in told(ledger, now)
        if not each.id.endswith(":sent")
    )


def test_people_open_and_click_and_each_link_counts_once_a_minute(ledger: Ledger) -> None:
    (id_,) = sent(ledger, wanted("p1"))
    later = NOW + 600 * SECOND
    click = Sight(id_, CLICKED, later, 1, "https://shop.example/", FIREFOX)
    see(ledger, Sight(id_, OPENED, later), Sight(id_, OPENED, later + SECOND), click, click)
    see(ledger, Sight("msg_" + "0" * 32, OPENED, later))
    assert machines(ledger, later) == [("email_clicked", False), ("email_opened", False)]


def test_whoever_clicks_before_a_person_can_is_a_machine(ledger: Ledger) -> None:
    (id_,) = sent(ledger, wanted("p1"))
    see(ledger, Sight(id_, CLICKED, NOW + SECOND, 1, "https://shop.example/", FIREFOX))
    assert machines(ledger, NOW + SECOND) == [("email_clicked", True)]


def test_whoever_follows_every_link_within_seconds_is_a_machine_from_the_first(ledger: Ledger) -> None:
    (id_,) = sent(ledger, wanted("p1"))
    at = NOW + 30 * SECOND
    see(ledger, *(Sight(id_, CLICKED, at + each * SECOND, each, "https://shop.example/", FIREFOX) for each in (1, 2)))
    assert machines(ledger, at + 5 * SECOND) == []  # they are looked at first
    see(ledger, Sight(id_, CLICKED, at + 3 * SECOND, 3, "https://shop.example/", FIREFOX))
    assert machines(ledger, at + 20 * SECOND) == [("email_clicked", True)] * 3
    see(ledger, Sight(id_, CLICKED, at + 60 * SECOND, 1, "https://shop.example/", FIREFOX))
    assert machines(ledger, at + 90 * SECOND) == [("email_clicked", False)] + [("email_clicked", True)] * 3


@pytest.mark.parametrize(
    ("method", "headers", "machine"),
    [
        ("GET", {"user-agent": FIREFOX}, False),
        ("GET", {"user-agent": "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)"}, False),
        ("HEAD", {"user-agent": FIREFOX}, True),
        ("GET", {"user-agent": FIREFOX, "sec-purpose": "prefetch;prerender"}, True),
        ("GET", {"user-agent": FIREFOX, "purpose": "Preview"}, True),
        ("GET", {"user-agent": "Mozilla/5.0"}, True),
        ("GET", {}, True),
        ("GET", {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, True),
        ("GET", {"user-agent": "BarracudaCentral/1.0"}, True),
        ("GET", {"user-agent": "Slackbot-LinkExpanding 1.0"}, True),
        ("GET", {"user-agent": "python-requests/2.32"}, True),
    ],
)  # fmt: skip
def test_machines_are_known_by_how_they_ask(method: str, headers: dict[str, str], machine: bool) -> None:
    assert by_machine(method, headers) is machine
