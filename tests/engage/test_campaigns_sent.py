"""A campaign from its document to what people get, in manual time."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram import Workspace
from ethogram.campaigning import Campaigns, CampaignState
from ethogram.clock import ManualClock
from ethogram.deliver.channels.recording import RecordingChannel
from ethogram.deliver.hooks import Hooks
from ethogram.deliver.lane import Provider
from ethogram.deliver.outbox import Outbox
from ethogram.engagement import Definitions
from ethogram.engaging import Engaging
from ethogram.model.message import Channel, EmailContent, Maker, State
from ethogram.store import consents, outbox_reading, suppressions
from ethogram.store.consents import Choice

NOW = dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)
ZONES = ("Asia/Tokyo", "Europe/Stockholm", "America/New_York")
PEOPLE = [f"p{number:02}" for number in range(30)]
HELLO = {
    "channel": "email",
    "subject": "Hi {{ first_name | default: 'you' }}",
    "text": "Code {{ trigger.code | default: '-' }}, {{ campaign.name }}",
}


class Shop:
    """A workspace with people, what decides, and what sends into a recording channel."""

    def __init__(self, workspace: Workspace, clock: ManualClock) -> None:
        self.workspace, self.clock = workspace, clock
        self.path = workspace.path
        self.database = workspace._ledger.database
        self.engaging = Engaging(self.path, workspace.people, clock=clock)
        self.channel = RecordingChannel("email", clock)
        hooks = Hooks(self.engaging.gate, self.engaging.compose, self.engaging.speeds)
        self.outbox = Outbox(
            self.database, {Channel.EMAIL: Provider(self.channel)}, hooks, clock, alone=True, steady=False
        )

    def close(self) -> None:
        self.outbox.finish()
        self.engaging.__exit__()

    def save(self, kind: str, name: str, body: dict[str, Any]) -> None:
        with Definitions(self.path, clock=self.clock) as opened:
            opened.save(kind, name, body)

    def start(self, name: str = "c", **more: Any) -> None:
        self.save("campaign", name, {"channel": "email", "template": "hello", "when": {"now": True}, **more})
        with Campaigns(self.path, clock=self.clock) as opened:
            opened.start(name)

    def happened(self, *rows: tuple[str, str, dict[str, Any]]) -> None:
        """Stores events of this instant."""
        file = self.path.parent / "happened.jsonl"
        at = self.clock.now().isoformat()
        said = [{"profile_id": id_, "ts": at, "event": event, **properties} for id_, event, properties in rows]
        file.write_text("\n".join(map(json.dumps, said)))
        self.workspace.load_events(file)

    def work(self) -> None:
        """Decides and sends until there is nothing to do at this instant."""
        while self.engaging.decide():
            pass
        patience = time.monotonic() + 60
        while self.outbox.step() or self._under_way():
            assert time.monotonic() < patience, "it does not come to an end"
            time.sleep(0.001)

    def _under_way(self) -> bool:
        with self.database.reading() as connection:
            claimed = outbox_reading.listed(connection, state=State.CLAIMED, limit=1)
            return bool(claimed) or any(each.due for each in outbox_reading.depths(connection, self.clock.now()))

    def states(self, name: str = "c") -> Counter[str]:
        found: Counter[str] = Counter()
        with self.database.reading() as connection:
            for each in outbox_reading.counts(connection, Maker.CAMPAIGN, name):
                found[each.code or each.state.value] += each.messages
        return found

    def got(self) -> dict[str, str]:
        """What each address got, the last of several."""
        return {letter.address: _said(letter.content) for letter in self.channel.letters.values()}


def _said(content: object) -> str:
    assert isinstance(content, EmailContent)
    return f"{content.subject}: {content.text.strip()}"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Shop]:
    profiles = tmp_path / "profiles.jsonl"
    with profiles.open("w") as file:
        for number, id_ in enumerate(PEOPLE):
            traits: dict[str, Any] = {"email": f"{id_}@example.com", "timezone": ZONES[number % 3]}
            traits["plan"] = "pro" if number < 20 else "free"
            if number % 2:
                traits["first_name"] = f"Name {number}"
            if number == 5:
                traits["email"] = "P04@Example.com"  # the address of another profile
            if number == 6:
                del traits["email"]
            row = {"profile_id": id_, "ts": (NOW - dt.timedelta(days=50)).isoformat(), **traits}
            file.write(json.dumps(row) + "\n")
    with eg.init(tmp_path / "shop", clock=clock) as workspace:
        workspace.load_profiles(profiles)
        workspace.segments.save("pros", "plan = 'pro'")
        workspace.run()
        opened = Shop(workspace, clock)
        opened.save("template", "hello", HELLO)
        opened.save("topic", "news", {})
        yield opened
        opened.close()


def test_everybody_who_may_gets_it_once_and_the_others_have_a_reason(shop: Shop) -> None:
    with shop.database.writing() as connection:
        consents.append(connection, [Choice("p00", Channel.EMAIL, "news", False, NOW, "api")], NOW)
        suppressions.add(connection, Channel.EMAIL, ["p01@example.com"], "bounced", "smtp", NOW)
    shop.start(topic="news", audience={"in": ["pros"]})
    shop.work()
    assert shop.states() == {"sent": 16, "unsubscribed": 1, "suppressed": 1, "unreachable": 1, "duplicate": 1}
    got = shop.got()
    assert len(got) == len(shop.channel.letters) == 16
    assert got["p07@example.com"] == "Hi Name 7: Code -, c"
    assert got["p02@example.com"] == "Hi you: Code -, c"
    shop.work()
    shop.work()
    assert len(shop.channel.letters) == 16
    with Campaigns(shop.path, clock=shop.clock) as opened:
        assert opened.progress("c").state is CampaignState.FINISHED


def test_variants_and_a_holdout_are_drawn_for_ever(shop: Shop) -> None:
    shop.save("template", "other", {**HELLO, "subject": "Other"})
    variants = [
        {"name": name, "share": 0.5, "template": template} for name, template in (("a", "hello"), ("b", "other"))
    ]
    body = {"when": {"every": "0 8 * * *"}, "template": None, "variants": variants, "holdout": 0.3}
    shop.save("campaign", "c", {key: value for key, value in {"channel": "email", **body}.items() if value})
    with Campaigns(shop.path, clock=shop.clock) as opened:
        opened.start("c")
    shop.work()
    drawn = []
    for _ in range(2):
        shop.clock.advance(dt.timedelta(days=1))
        shop.channel.letters.clear()
        shop.work()
        drawn.append(shop.got())
    assert drawn[0].keys() == drawn[1].keys()
    assert {address: said.startswith("Other") for address, said in drawn[0].items()} == {
        address: said.startswith("Other") for address, said in drawn[1].items()
    }
    held = shop.states()["held_out"]
    assert 2 <= held // 2 <= 16
    assert held % 2 == 0
    assert len(drawn[0]) == 28 - held // 2


def test_each_person_gets_it_at_their_own_local_time_if_they_are_meant_still(shop: Shop) -> None:
    shop.start(when={"local": {"date": "2026-03-03", "time": "09:00"}}, audience={"in": ["pros"]})
    at: dict[str, set[str]] = {}
    for hour in range(48):
        before = set(shop.channel.letters)
        shop.work()
        for letter in (shop.channel.letters[id_] for id_ in set(shop.channel.letters) - before):
            at.setdefault((NOW + dt.timedelta(hours=hour)).isoformat(), set()).add(letter.address)
        if hour == 20:
            file = shop.path.parent / "change.jsonl"
            change = {"profile_id": "p02", "ts": shop.clock.now().isoformat(), "plan": "free"}
            file.write_text(json.dumps(change))
            shop.workspace.load_profiles(file)
        shop.clock.advance(dt.timedelta(hours=1))
    assert {instant: len(addresses) for instant, addresses in at.items()} == {
        "2026-03-03T00:00:00+00:00": 6,  # Tokyo, where one has no address
        "2026-03-03T08:00:00+00:00": 6,  # Stockholm, where one has the address of another one
        "2026-03-03T14:00:00+00:00": 5,  # New York, where one is no pro any more
    }
    assert shop.states() == {"sent": 17, "duplicate": 1, "unreachable": 1, "left_audience": 1}


def test_who_unsubscribes_while_it_waits_gets_nothing(shop: Shop) -> None:
    shop.start(when={"local": {"date": "2026-03-03", "time": "09:00"}})
    shop.clock.advance(dt.timedelta(hours=13))
    shop.work()
    with shop.database.writing() as connection:
        choices = [Choice(id_, Channel.EMAIL, "", False, shop.clock.now(), "one-click") for id_ in PEOPLE]
        consents.append(connection, choices, shop.clock.now())
    shop.clock.advance(dt.timedelta(days=2))
    shop.work()
    assert shop.channel.letters == {}
    assert set(shop.states()) == {"unsubscribed", "duplicate", "unreachable"}


def test_a_call_sends_to_its_recipients_with_their_data(shop: Shop) -> None:
    shop.start(when={"api": True}, audience={"in": ["pros"]}, transactional=True)
    with Campaigns(shop.path, clock=shop.clock) as opened:
        recipients: list[dict[str, Any]] = [
            {"profile_id": "p02", "data": {"code": "A"}},
            {"profile_id": "p03"},
            {"profile_id": "p29"},
        ]
        for _ in range(3):
            opened.trigger("c", recipients, data={"code": "B"}, key="one")
    shop.work()
    assert shop.got() == {"p02@example.com": "Hi you: Code A, c", "p03@example.com": "Hi Name 3: Code B, c"}


def test_a_cap_lets_the_more_important_campaign_speak(shop: Shop) -> None:
    shop.save("cap", "calm", {"most": 1, "per": "day"})
    shop.start("small", when={"at": (NOW + dt.timedelta(minutes=1)).isoformat()}, priority=1)
    shop.start("great", when={"at": (NOW + dt.timedelta(minutes=1)).isoformat()}, priority=2, audience={"in": ["pros"]})
    shop.clock.advance(dt.timedelta(minutes=2))
    shop.work()
    assert shop.states("great") == {"sent": 18, "unreachable": 1, "duplicate": 1}
    # The ten who are no pros, and the profile whose address has got the great one for another profile.
    assert shop.states("small") == {"sent": 11, "outranked": 18, "unreachable": 1}
    with shop.database.reading() as connection:
        sent = outbox_reading.listed(connection, state=State.SENT, limit=1_000)
    assert max(Counter(each.wanted.profile_id for each in sent).values()) == 1


def test_a_template_that_lacks_a_variable_sends_nobody_a_blank(shop: Shop) -> None:
    shop.save("template", "hello", {"channel": "email", "subject": "Hi {{ first_name }}", "text": "x"})
    shop.start()
    shop.work()
    assert shop.states() == {"sent": 15, "unrenderable": 13, "unreachable": 1, "duplicate": 1}
    with shop.database.reading() as connection:
        failed = outbox_reading.listed(connection, state=State.FAILED, limit=1)
    assert "first_name" in str(failed[0].reason)


def test_what_is_stopped_sends_nothing_until_it_is_resumed_and_nothing_more_when_it_is_finished(shop: Shop) -> None:
    shop.start(when={"local": {"date": "2026-03-03", "time": "09:00"}})
    shop.clock.advance(dt.timedelta(hours=13))
    shop.work()
    with Campaigns(shop.path, clock=shop.clock) as opened:
        opened.stop("c", reason="a typo")
        shop.clock.advance(dt.timedelta(hours=6))
        shop.work()
        assert shop.channel.letters == {}
        opened.resume("c")
        shop.work()
        assert len(shop.channel.letters) == 9  # Tokyo
        opened.finish("c")
        shop.clock.advance(dt.timedelta(days=1))
        shop.work()
    assert len(shop.channel.letters) == 9
    assert shop.states() == {"sent": 9, "cancelled": 19, "duplicate": 1, "unreachable": 1}


def test_who_does_something_gets_it_later_if_a_condition_holds_still(shop: Shop) -> None:
    shop.save("template", "hello", {**HELLO, "text": "{{ trigger.product }}"})
    still = "not did(buy where product = '{{ trigger.product }}' in last 2 hours)"
    when = {"name": "cart", "where": "price > 10", "delay": "1 hour", "still": still, "again": "1 day"}
    shop.start(when={"event": when}, audience={"in": ["pros"]})
    shop.work()
    shop.happened(
        ("p01", "cart", {"product": "tea", "price": 20}),
        ("p02", "cart", {"product": "tea", "price": 5}),  # too cheap
        ("p03", "cart", {"product": "tea", "price": 20}),  # will buy it
        ("p07", "cart", {"product": "pot", "price": 30}),  # will buy something else
        ("p29", "cart", {"product": "tea", "price": 20}),  # is no pro
    )
    shop.work()
    assert shop.channel.letters == {}
    shop.clock.advance(dt.timedelta(minutes=30))
    shop.happened(("p03", "buy", {"product": "tea"}), ("p07", "buy", {"product": "tea"}))
    shop.clock.advance(dt.timedelta(minutes=30))
    shop.work()
    assert shop.got() == {"p01@example.com": "Hi Name 1: tea", "p07@example.com": "Hi Name 7: pot"}
    assert shop.states() == {"sent": 2, "no_longer": 1}
    shop.happened(("p01", "cart", {"product": "cup", "price": 20}))  # within a day
    shop.clock.advance(dt.timedelta(days=1))
    shop.happened(("p01", "cart", {"product": "can", "price": 20}))
    shop.clock.advance(dt.timedelta(hours=1))
    shop.work()
    assert len(shop.channel.letters) == 3
    assert shop.got()["p01@example.com"] == "Hi Name 1: can"


def test_what_happened_before_a_campaign_was_started_sends_nothing(shop: Shop) -> None:
    shop.happened(("p01", "cart", {}))
    shop.clock.advance(dt.timedelta(minutes=1))
    shop.start(when={"event": {"name": "cart"}})
    shop.work()
    shop.happened(("p02", "cart", {}))
    shop.work()
    shop.work()
    assert list(shop.got()) == ["p02@example.com"]
