"""A campaign from its document to what people get, in manual time."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from engage.shop import HELLO, NOW, PEOPLE
from ethogram.campaigning import Campaigns, CampaignState
from ethogram.model.message import Channel, State
from ethogram.store import consents, outbox_reading, suppressions
from ethogram.store.consents import Choice

if TYPE_CHECKING:
    from engage.shop import Shop


def test_everybody_who_may_gets_it_once_and_the_others_have_a_reason(market: Shop) -> None:
    with market.database.writing() as connection:
        consents.append(connection, [Choice("p00", Channel.EMAIL, "news", False, NOW, "api")], NOW)
        suppressions.add(connection, Channel.EMAIL, ["p01@example.com"], "bounced", "smtp", NOW)
    market.start(topic="news", audience={"in": ["pros"]})
    market.work()
    assert market.states() == {"sent": 16, "unsubscribed": 1, "suppressed": 1, "unreachable": 1, "duplicate": 1}
    got = market.got()
    assert len(got) == len(market.channel.letters) == 16
    assert got["p07@example.com"] == "Hi Name 7: Code -, c"
    assert got["p02@example.com"] == "Hi you: Code -, c"
    market.work()
    market.work()
    assert len(market.channel.letters) == 16
    with Campaigns(market.path, clock=market.clock) as opened:
        assert opened.progress("c").state is CampaignState.FINISHED


def test_variants_and_a_holdout_are_drawn_for_ever(market: Shop) -> None:
    market.save("template", "other", {**HELLO, "subject": "Other"})
    variants = [
        {"name": name, "share": 0.5, "template": template} for name, template in (("a", "hello"), ("b", "other"))
    ]
    body = {"when": {"every": "0 8 * * *"}, "template": None, "variants": variants, "holdout": 0.3}
    market.save("campaign", "c", {key: value for key, value in {"channel": "email", **body}.items() if value})
    with Campaigns(market.path, clock=market.clock) as opened:
        opened.start("c")
    market.work()
    drawn = []
    for _ in range(2):
        market.clock.advance(dt.timedelta(days=1))
        market.channel.letters.clear()
        market.work()
        drawn.append(market.got())
    assert drawn[0].keys() == drawn[1].keys()
    assert {address: said.startswith("Other") for address, said in drawn[0].items()} == {
        address: said.startswith("Other") for address, said in drawn[1].items()
    }
    held = market.states()["held_out"]
    assert 2 <= held // 2 <= 16
    assert held % 2 == 0
    assert len(drawn[0]) == 28 - held // 2


def test_each_person_gets_it_at_their_own_local_time_if_they_are_meant_still(market: Shop) -> None:
    market.start(when={"local": {"date": "2026-03-03", "time": "09:00"}}, audience={"in": ["pros"]})
    at: dict[str, set[str]] = {}
    for hour in range(48):
        before = set(market.channel.letters)
        market.work()
        for letter in (market.channel.letters[id_] for id_ in set(market.channel.letters) - before):
            at.setdefault((NOW + dt.timedelta(hours=hour)).isoformat(), set()).add(letter.address)
        if hour == 20:
            file = market.path.parent / "change.jsonl"
            change = {"profile_id": "p02", "ts": market.clock.now().isoformat(), "plan": "free"}
            file.write_text(json.dumps(change))
            market.workspace.load_profiles(file)
        market.clock.advance(dt.timedelta(hours=1))
    assert {instant: len(addresses) for instant, addresses in at.items()} == {
        "2026-03-03T00:00:00+00:00": 6,  # Tokyo, where one has no address
        "2026-03-03T08:00:00+00:00": 6,  # Stockholm, where one has the address of another one
        "2026-03-03T14:00:00+00:00": 5,  # New York, where one is no pro any more
    }
    assert market.states() == {"sent": 17, "duplicate": 1, "unreachable": 1, "left_audience": 1}


def test_who_unsubscribes_while_it_waits_gets_nothing(market: Shop) -> None:
    market.start(when={"local": {"date": "2026-03-03", "time": "09:00"}})
    market.clock.advance(dt.timedelta(hours=13))
    market.work()
    with market.database.writing() as connection:
        choices = [Choice(id_, Channel.EMAIL, "", False, market.clock.now(), "one-click") for id_ in PEOPLE]
        consents.append(connection, choices, market.clock.now())
    market.clock.advance(dt.timedelta(days=2))
    market.work()
    assert market.channel.letters == {}
    assert set(market.states()) == {"unsubscribed", "duplicate", "unreachable"}


def test_a_call_sends_to_its_recipients_with_their_data(market: Shop) -> None:
    market.start(when={"api": True}, audience={"in": ["pros"]}, transactional=True)
    with Campaigns(market.path, clock=market.clock) as opened:
        recipients: list[dict[str, Any]] = [
            {"profile_id": "p02", "data": {"code": "A"}},
            {"profile_id": "p03"},
            {"profile_id": "p29"},
        ]
        for _ in range(3):
            opened.trigger("c", recipients, data={"code": "B"}, key="one")
    market.work()
    assert market.got() == {"p02@example.com": "Hi you: Code A, c", "p03@example.com": "Hi Name 3: Code B, c"}


def test_a_cap_lets_the_more_important_campaign_speak(market: Shop) -> None:
    market.save("cap", "calm", {"most": 1, "per": "day"})
    market.start("small", when={"at": (NOW + dt.timedelta(minutes=1)).isoformat()}, priority=1)
    market.start(
        "great", when={"at": (NOW + dt.timedelta(minutes=1)).isoformat()}, priority=2, audience={"in": ["pros"]}
    )
    market.clock.advance(dt.timedelta(minutes=2))
    market.work()
    assert market.states("great") == {"sent": 18, "unreachable": 1, "duplicate": 1}
    # The ten who are no pros, and the profile whose address has got the great one for another profile.
    assert market.states("small") == {"sent": 11, "outranked": 18, "unreachable": 1}
    with market.database.reading() as connection:
        sent = outbox_reading.listed(connection, state=State.SENT, limit=1_000)
    assert max(Counter(each.wanted.profile_id for each in sent).values()) == 1


def test_a_template_that_lacks_a_variable_sends_nobody_a_blank(market: Shop) -> None:
    market.save("template", "hello", {"channel": "email", "subject": "Hi {{ first_name }}", "text": "x"})
    market.start()
    market.work()
    assert market.states() == {"sent": 15, "unrenderable": 13, "unreachable": 1, "duplicate": 1}
    with market.database.reading() as connection:
        failed = outbox_reading.listed(connection, state=State.FAILED, limit=1)
    assert "first_name" in str(failed[0].reason)


def test_what_is_stopped_sends_nothing_until_it_is_resumed_and_nothing_more_when_it_is_finished(market: Shop) -> None:
    market.start(when={"local": {"date": "2026-03-03", "time": "09:00"}})
    market.clock.advance(dt.timedelta(hours=13))
    market.work()
    with Campaigns(market.path, clock=market.clock) as opened:
        opened.stop("c", reason="a typo")
        market.clock.advance(dt.timedelta(hours=6))
        market.work()
        assert market.channel.letters == {}
        opened.resume("c")
        market.work()
        assert len(market.channel.letters) == 9  # Tokyo
        opened.finish("c")
        market.clock.advance(dt.timedelta(days=1))
        market.work()
    assert len(market.channel.letters) == 9
    assert market.states() == {"sent": 9, "cancelled": 19, "duplicate": 1, "unreachable": 1}


def test_who_does_something_gets_it_later_if_a_condition_holds_still(market: Shop) -> None:
    market.save("template", "hello", {**HELLO, "text": "{{ trigger.product }}"})
    still = "not did(buy where product = '{{ trigger.product }}' in last 2 hours)"
    when = {"name": "cart", "where": "price > 10", "delay": "1 hour", "still": still, "again": "1 day"}
    market.start(when={"event": when}, audience={"in": ["pros"]})
    market.work()
    market.happened(
        ("p01", "cart", {"product": "tea", "price": 20}),
        ("p02", "cart", {"product": "tea", "price": 5}),  # too cheap
        ("p03", "cart", {"product": "tea", "price": 20}),  # will buy it
        ("p07", "cart", {"product": "pot", "price": 30}),  # will buy something else
        ("p29", "cart", {"product": "tea", "price": 20}),  # is no pro
    )
    market.work()
    assert market.channel.letters == {}
    market.clock.advance(dt.timedelta(minutes=30))
    market.happened(("p03", "buy", {"product": "tea"}), ("p07", "buy", {"product": "tea"}))
    market.clock.advance(dt.timedelta(minutes=30))
    market.work()
    assert market.got() == {"p01@example.com": "Hi Name 1: tea", "p07@example.com": "Hi Name 7: pot"}
    assert market.states() == {"sent": 2, "no_longer": 1}
    market.happened(("p01", "cart", {"product": "cup", "price": 20}))  # within a day
    market.clock.advance(dt.timedelta(days=1))
    market.happened(("p01", "cart", {"product": "can", "price": 20}))
    market.clock.advance(dt.timedelta(hours=1))
    market.work()
    assert len(market.channel.letters) == 3
    assert market.got()["p01@example.com"] == "Hi Name 1: can"


def test_what_happened_before_a_campaign_was_started_sends_nothing(market: Shop) -> None:
    market.happened(("p01", "cart", {}))
    market.clock.advance(dt.timedelta(minutes=1))
    market.start(when={"event": {"name": "cart"}})
    market.work()
    market.happened(("p02", "cart", {}))
    market.work()
    market.work()
    assert list(market.got()) == ["p02@example.com"]
