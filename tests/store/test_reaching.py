"""Replies, questions, devices and suppressions mean the same in either kind of ledger."""

from __future__ import annotations

import datetime as dt

from ethogram.deliver import confirming, returned
from ethogram.deliver.channels.texts_inbound import Asked, Reply
from ethogram.model.eligibility import Needs, Topic
from ethogram.model.message import Channel, Eligible, Maker, Origin, Wanted
from ethogram.store import (
    catalogs,
    consents,
    definitions,
    devices,
    outbox,
    outbox_claims,
    outbox_reading,
    requests,
    suppressions,
)
from ethogram.store.catalogs import ItemsChanged
from ethogram.store.consents import Choice
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
NUMBER = "+46701740605"


def sent(ledger: Ledger, who: str, channel: Channel, occurrence: str) -> None:
    wanted = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, occurrence), who, channel, "hello", NOW)
    with ledger.database.writing() as connection:
        outbox.append(connection, [(wanted, Eligible())], NOW)
        (claimed,) = outbox_claims.claim(connection, channel, NOW, dt.timedelta(minutes=5), occurrence, most=9)
        outbox_claims.begin(connection, occurrence, {claimed.number: NUMBER})


def test_a_reply_finds_whoever_got_texts_at_its_number(ledger: Ledger) -> None:
    for occurrence, (who, channel) in enumerate(
        (("ann", Channel.SMS), ("bob", Channel.SMS), ("ann", Channel.SMS), ("cid", Channel.WHATSAPP))
    ):
        sent(ledger, who, channel, str(occurrence))
    reply = Reply("SM1", Channel.SMS, NUMBER, "+4687000000", "STOP", Asked.STOP)
    with ledger.database.writing() as connection:
        assert returned.take_reply(connection, reply, NOW) == ("ann", "bob")
        returned.take_reply(connection, reply, NOW)
    with ledger.database.reading() as connection:
        found = suppressions.find(connection, Channel.SMS, NUMBER)
        held = consents.holding(connection, ["ann", "bob", "cid"])
        told = [each.facts[0].event for row in requests.waiting(connection, 10) for each in row.messages]
    assert found is not None
    assert (found.reason, sorted(held), told) == ("stopped", ["ann", "bob"], ["sms_received"] * 2)


def test_a_question_is_asked_once_an_hour(ledger: Ledger) -> None:
    yes = Choice("ann", Channel.EMAIL, "news", True, NOW, "api")
    with ledger.database.writing() as connection:
        topic = Topic("news", needs=Needs.DOUBLE_OPT_IN)
        definitions.save(connection, "topic", "news", topic.to_body(), NOW)
        consents.append(connection, [yes], NOW)
        assert [confirming.ask(connection, [yes], NOW + dt.timedelta(minutes=each)) for each in (0, 59, 60)] == [
            1,
            0,
            1,
        ]
        found = outbox_reading.listed(connection, origin=(Maker.TOPIC, "news"))
    assert [each.wanted.origin.step for each in found] == ["confirm"] * 2


def test_suppressions_and_devices_come_in_pages(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        for channel in (Channel.SMS, Channel.WHATSAPP):
            suppressions.add(connection, channel, [NUMBER], "added", "test", NOW)
        first = suppressions.listed(connection, limit=1)
        rest = suppressions.listed(connection, after=first[0].address, after_channel=first[0].channel)
        assert [each.channel for each in first + rest] == [Channel.SMS, Channel.WHATSAPP]
        ids = [devices.register(connection, "ann", Channel.PUSH, "fcm", token, NOW) for token in ("one", "two")]
        page = devices.every(connection, limit=1)
        assert sorted(ids) == [each.id for each in page + devices.every(connection, after=page[0].id)]
        assert [devices.end_by_id(connection, ids[0], "gone", NOW) for _ in range(2)] == [True, False]
        assert len(devices.of_person(connection, "ann")) == 2
        assert devices.get(connection, ids[0]).end_reason == "gone"


def test_a_catalogue_is_emptied_with_a_note_of_each_item(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        catalogs.in_a_row(connection)
        catalogs.put(connection, "products", {"tea": {"id": "tea", "title": "Ü☕"}}, NOW)
        assert catalogs.replace(connection, "products", {}, NOW) == ItemsChanged(removed=1)
    assert [each.after for each in catalogs.changes(ledger.database)] == [{"id": "tea", "title": "Ü☕"}, None]
