"""Consents, suppressions and devices by hand: all faults at once, all noted, and a yes that needs a second one asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.collecting import open_ledger
from ethogram.consenting import Consents
from ethogram.engagement import Definitions
from ethogram.errors import DefinitionError, InputError, UnknownNameError
from ethogram.model.message import Channel, Eligible, Maker, Origin, Wanted
from ethogram.reaching import Devices, Suppressions
from ethogram.store import audit, devices, outbox, outbox_claims, outbox_reading, suppressions
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
YES = {"channel": "email", "topic": "news", "subscribed": True}


@pytest.fixture
def at(tmp_path: Path) -> Path:
    eg.init(tmp_path / "w", timezone="Europe/Stockholm").close()
    with Definitions(tmp_path / "w") as opened:
        opened.save("topic", "news", {"needs": "double_opt_in", "channels": ["email", "sms"]})
        opened.save("topic", "offers", {})
    return tmp_path / "w"


@pytest.fixture
def ledger(at: Path) -> Iterator[Ledger]:
    with open_ledger(at) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def said(at: Path, clock: ManualClock) -> Iterator[Consents]:
    with Consents(at, clock=clock) as opened:
        yield opened


def questions(ledger: Ledger, topic: str = "news") -> list[tuple[str, str, Mapping[str, Any]]]:
    with ledger.database.reading() as connection:
        found = outbox_reading.listed(connection, origin=(Maker.TOPIC, topic))
    return [(each.wanted.channel.value, each.wanted.template, each.wanted.data) for each in found]


def noted(ledger: Ledger) -> list[tuple[str, str, str]]:
    with ledger.database.reading() as connection:
        found = audit.newest(connection, 50)
    return [(each.actor, each.verb, each.object) for each in found if each.verb != "save"][::-1]


def test_what_is_said_holds_and_what_was_said_before_is_history(said: Consents, ledger: Ledger) -> None:
    given = [{"channel": "email", "subscribed": True}, {"channel": "sms", "topic": "offers", "subscribed": False}]
    assert [(each.about, each.subscribed) for each in said.set("ann", given, actor="api").holding] == [
        (("email", ""), True), (("sms", "offers"), False),
    ]  # fmt: skip
    earlier = {"channel": "email", "subscribed": False, "at": "2026-02-01T00:00:00+01:00", "source": "paper"}
    said.set("ann", [earlier])
    assert [each.subscribed for each in said.holding("ann")] == [True, False]
    assert [(each.source, each.subscribed) for each in said.history("ann")] == [
        ("paper", False), ("api", True), ("api", False),
    ]  # fmt: skip
    assert said.holding("nobody") == said.history("nobody") == ()
    assert noted(ledger) == [("api", "set", "consents:ann"), ("local", "set", "consents:ann")]


def test_all_faults_are_told_and_nothing_is_written(said: Consents) -> None:
    given: list[dict[str, Any]] = [
        {"channel": "email", "subscribed": True},
        {"channel": "smoke", "subscribed": True},
        {"channel": "email"},
        {"channel": "email", "topic": "nothing", "subscribed": True},
        {"channel": "push", "topic": "news", "subscribed": True},
        {"channel": "email", "subscribed": False, "confirmed": True},
        {"channel": "email", "subscribed": True, "at": "yesterday"},
        {"channel": "email", "subscribed": True, "colour": "red"},
    ]
    with pytest.raises(DefinitionError) as refused:
        said.set("ann", given)
    assert sorted(place for place, _ in refused.value.faults) == [
        "choices[1].channel", "choices[2].subscribed", "choices[3].topic", "choices[4].topic", "choices[5].confirmed",
        "choices[6].at", "choices[7].colour",
    ]  # fmt: skip
    assert said.history("ann") == ()
    for profile, choices in (("", [YES]), ("a\0b", [YES]), ("ann", [])):
        with pytest.raises(InputError):
            said.set(profile, choices)


def test_a_yes_that_needs_a_second_one_asks_once_an_hour(said: Consents, ledger: Ledger, clock: ManualClock) -> None:
    assert said.set("ann", [YES]).asked == 1
    assert questions(ledger) == [
        ("email", "confirm-subscription-email", {"topic": {"name": "news", "title": "news", "description": ""}})
    ]
    assert said.set("ann", [YES]).asked == 0
    clock.advance(dt.timedelta(minutes=61))
    assert said.set("ann", [YES]).asked == 1
    assert said.set("bob", [{**YES, "channel": "sms"}, {**YES, "topic": "offers"}]).asked == 1
    assert next(each[:2] for each in questions(ledger)) == ("sms", "confirm-subscription-text")


def test_nobody_is_asked_who_said_no_or_has_confirmed(said: Consents, ledger: Ledger) -> None:
    said.set("ann", [{**YES, "subscribed": False}])
    said.set("bob", [{**YES, "confirmed": True}])
    assert said.set("bob", [YES]).holding[0].confirmed, "said again, it is confirmed still"
    assert questions(ledger) == []
    said.set("bob", [{**YES, "subscribed": False}])
    assert said.set("bob", [YES]).asked == 1, "after a no, the earlier confirmation is worth nothing"
    assert not said.holding("bob")[0].confirmed


def test_a_topic_asks_by_its_own_template_where_that_speaks_on_the_channel(
    said: Consents, ledger: Ledger, at: Path
) -> None:
    topic = {"needs": "double_opt_in", "confirmation": "really"}
    with Definitions(at) as opened:
        with pytest.raises(DefinitionError, match="there is no template `really`"):
            opened.save("topic", "news", topic)
        opened.save("template", "really", {"channel": "email", "subject": "?", "text": "{{ confirm_url }}"})
        opened.save("topic", "news", topic)
        with pytest.raises(DefinitionError, match="of no use"):
            opened.save("topic", "offers", {"confirmation": "really"})
    said.set("ann", [YES, {**YES, "channel": "sms"}])
    assert sorted(each[:2] for each in questions(ledger)) == [("email", "really"), ("sms", "confirm-subscription-text")]


def test_a_yes_to_a_channel_takes_back_that_its_address_was_unsubscribed(said: Consents, ledger: Ledger) -> None:
    def sent_to(who: str, address: str, reason: str) -> None:
        wanted = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "once"), who, Channel.EMAIL, "hello", NOW)
        with ledger.database.writing() as connection:
            outbox.append(connection, [(wanted, Eligible())], NOW)
            (claimed,) = outbox_claims.claim(connection, Channel.EMAIL, NOW, dt.timedelta(minutes=5), who, most=9)
            outbox_claims.begin(connection, who, {claimed.number: address})
            suppressions.add(connection, Channel.EMAIL, [address], reason, "one-click", NOW)

    sent_to("ann", "ann@shop.example", suppressions.UNSUBSCRIBED)
    sent_to("bob", "bob@shop.example", "bounced")
    for who in ("ann", "bob"):
        said.set(who, [{"channel": "email", "topic": "offers", "subscribed": True}])
    with ledger.database.reading() as connection:
        assert len(suppressions.listed(connection)) == 2, "a yes to a topic is no yes to the channel"
    for who in ("ann", "bob"):
        said.set(who, [{"channel": "email", "subscribed": True}])
    with ledger.database.reading() as connection:
        assert [each.address for each in suppressions.listed(connection)] == ["bob@shop.example"]


def test_choices_are_imported_and_rows_that_are_none_are_told(said: Consents, ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "c.csv"
    file.write_text(
        "profile_id,channel,topic,subscribed,at,confirmed\n"
        "007,email,news,yes,2026-02-01T12:00:00,true\n"
        "bob,sms,,no,2026-02-01T12:00:00Z,\n"
        "cid,email,nothing,maybe,,\n"
        ",email,,yes,,\n"
    )
    done = said.import_files([file], actor="api")
    assert (done.written, done.rejected) == (2, 2)
    assert [each.line for each in done.rejections] == [4, 5]
    assert "`topic` there is no topic `nothing`; `subscribed` must be true or false" in done.rejections[0].reason
    (held,) = said.holding("007")
    assert (held.confirmed, held.source, held.at) == (True, "import", dt.datetime(2026, 2, 1, 11, tzinfo=dt.UTC))
    assert said.holding("bob")[0].subscribed is False
    assert (noted(ledger), questions(ledger)) == ([("api", "import", "consents")], [])
    file.write_text("profile_id,channel\nx,smoke\n")
    with pytest.raises(InputError, match="line 2"):
        said.import_files([file])


def test_addresses_are_suppressed_in_their_one_form(at: Path, ledger: Ledger, tmp_path: Path) -> None:
    with Suppressions(at, clock=ManualClock(NOW)) as opened:
        assert opened.add(Channel.EMAIL, ["Ann@Shop.Example", "bob@shop.example"], reason="asked-us") == 2
        assert opened.find(Channel.EMAIL, "ANN@shop.example").reason == "asked-us"
        with pytest.raises(DefinitionError) as refused:
            opened.add(Channel.EMAIL, ["cid@shop.example", "cid", "", "+46701740605"])
        assert [place for place, _ in refused.value.faults] == ["addresses[1]", "addresses[2]", "addresses[3]"]
        with pytest.raises(UnknownNameError):
            opened.find(Channel.EMAIL, "cid@shop.example")
        for channel, addresses, reason in ((Channel.PUSH, ["x"], "added"), (Channel.EMAIL, [], "added"),
                                           (Channel.EMAIL, ["a@b.example"], "No way")):  # fmt: skip
            with pytest.raises(InputError):
                opened.add(channel, addresses, reason=reason)
        opened.add(Channel.SMS, ["+46701740605"])
        opened.add(Channel.WHATSAPP, ["0046701740605"])
        file = tmp_path / "out.csv"
        file.write_text("name,email\nx,dan@shop.example\ny,nobody\n")
        done = opened.import_files(Channel.EMAIL, [file])
        assert (done.added, done.faulty, done.examples) == (1, 1, ("nobody",))
        seen, after = [], ""
        while True:  # a number that is suppressed on two channels is on two pages
            page = opened.listed(after=after, limit=1)
            seen += [(each.channel.value, each.address) for each in page.suppressions]
            if page.after is None:
                break
            after = page.after
        assert seen == [
            ("sms", "+46701740605"), ("whatsapp", "+46701740605"), ("email", "ann@shop.example"),
            ("email", "bob@shop.example"), ("email", "dan@shop.example"),
        ]  # fmt: skip
        assert opened.remove(Channel.EMAIL, ["ANN@SHOP.EXAMPLE", "no@shop.example"], actor="api") == 1
        assert len(opened.listed(Channel.EMAIL).suppressions) == 2
    assert noted(ledger)[-1] == ("api", "unsuppress", "channel:email")


def test_devices_are_listed_and_removed(at: Path, ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        ids = [devices.register(connection, who, Channel.PUSH, "fcm", f"token {who}", NOW) for who in ("ann", "bob")]
    with Devices(at, clock=ManualClock(NOW)) as opened:
        assert [each.id for each in opened.of("ann")] == ids[:1]
        assert [each.id for each in opened.listed()] == sorted(ids)
        assert [each.id for each in opened.listed(after=min(ids), limit=5)] == [max(ids)]
        assert opened.listed(Channel.WEBPUSH) == ()
        assert opened.remove(ids[0]).end_reason == "it was removed by hand"
        opened.remove(ids[0], actor="api")
        assert [each.id for each in opened.listed()] == ids[1:]
        assert len(opened.listed(ended=True)) == 2
        with pytest.raises(UnknownNameError):
            opened.remove("dev_no")
    assert noted(ledger) == [("local", "remove", f"device:{ids[0]}")]
