"""Random histories through HTTP: after every step, live membership, a run over everybody and the oracle agree.

Calls come late, early, twice, in any order and in any batches; ids are claimed, merged, split and undone; segments are
edited and deleted, and time passes. The oracle knows nothing of any of the program's stages: it takes the calls as they
were sent, works out who is who by its own few lines, and evaluates in plain Python.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.collecting import Keys
from ethogram.runtime import Workspace
from ethogram.segment.parser import parse
from ethogram.team import Team
from ethogram.web import asking
from ethogram.web.metrics import Metrics
from oracle.evaluator import evaluate
from oracle.world import Event, TraitChange, World
from strategies.seeds import SEEDS
from web.here import Here, here

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
PEOPLE, DEVICES = ("ann", "bob", "cy"), ("x", "y", "z")
KEY = "mk_test"
# What each segment may be, one text after the other.
TEXTS = {
    "viewers": ("count(view in last 2 days) >= 2", "did(view)", "count(view in last 3 days) >= 3"),
    "buyers": ("did(purchase in last 4 days)", "sum(purchase.amount in last 3 days) > 20"),
    "funnel": ("sequence(view, purchase within 1 day) in last 4 days", "sequence(view, not purchase within 12 hours)"),
    "pros": ("plan = 'pro'", "plan exists and not plan = 'pro'"),
    "quiet": ("not did(any in last 2 days)", "last(any) before 36 hours ago"),
    "both": ("in_segment('viewers') and in_segment('buyers')", "in_segment('viewers') or in_segment('pros')"),
}


@dataclass
class Sent:
    """What was sent, and who is who by it; the rules in a few lines of their own."""

    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    apart: set[str] = field(default_factory=set)

    def who(self, id_: str) -> str:
        """The person behind an id."""
        if id_ in self.merged:
            return self.who(self.merged[id_])
        if (
            id_ in self.apart
            or id_ in self.merged.values()
            or any(call.get("userId") == id_ for call in self.calls.values())
        ):
            return id_
        claims = [
            (call["timestamp"], call["userId"])
            for call in self.calls.values()
            if call.get("userId")
            and ((call["type"] == "identify" and call.get("anonymousId") == id_) or call.get("previousId") == id_)
        ]
        return self.who(min(claims)[1]) if claims else id_

    def world(self, texts: dict[str, str]) -> World:
        """Everything as the oracle takes it."""
        events, traits = [], []
        for number, call in self.calls.items():
            at = dt.datetime.fromisoformat(call["timestamp"])
            person = self.who(call.get("userId") or call.get("anonymousId") or "")
            if call["type"] == "track":
                events.append(Event(person, at, call["event"], call.get("properties", {}), number))
            elif call["type"] == "identify":
                traits.append(TraitChange(person, at, call.get("traits", {}), (), number))
        return World(tuple(events), tuple(traits), definitions={name: parse(text) for name, text in texts.items()})


@dataclass
class Play:
    """One random history in the making."""

    chance: random.Random
    clock: ManualClock
    shop: Workspace
    server: Here
    sent: Sent = field(default_factory=Sent)
    texts: dict[str, str] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    kept_at: dict[str, dt.datetime] = field(default_factory=dict)
    made: int = 0

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """An answer of the management API."""
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        got = self.server.send(path, body, headers, method=method)
        return got.status, got.json

    def step(self) -> None:
        """Something happens."""
        self.clock.advance(dt.timedelta(seconds=self.chance.randint(1, 90_000)))
        for _ in range(self.chance.randint(1, 4)):
            self.waiting.append(self.call())
        if self.chance.random() < 0.25:
            self.decide()
        if self.chance.random() < 0.3:
            self.edit()
        self.chance.shuffle(self.waiting)
        kept = self.chance.randint(0, len(self.waiting))
        now, self.waiting = self.waiting[kept:], self.waiting[:kept]
        recent = self.clock.now() - dt.timedelta(days=1)  # as long as repetitions are recognised for certain
        again = [
            self.sent.calls[each] for each, at in self.kept_at.items() if at > recent and self.chance.random() < 0.2
        ]
        while now or again:
            size = self.chance.randint(1, 3)
            batch, now = [*now[:size], *again[:1]], now[size:]
            again = again[1:]
            answer = self.server.send("/v1/batch", {"batch": batch})
            assert answer.status == 200, answer.body
            for call in batch:
                self.sent.calls[call["messageId"]] = call
                self.kept_at.setdefault(call["messageId"], self.clock.now())
            if self.chance.random() < 0.5:
                self.settle()

    def call(self) -> dict[str, Any]:
        """A call that was made by now, some time ago, or with a clock that is ahead."""
        self.made += 1
        ago = self.chance.choice([0, 0, 10, 100_000, 300_000, -40_000])
        at = self.clock.now() - dt.timedelta(seconds=ago)
        call: dict[str, Any] = {"messageId": f"m{self.made}", "timestamp": at.isoformat(timespec="microseconds")}
        kind = self.chance.randint(0, 9)
        if kind < 6:
            who = self.chance.choice(
                [{"userId": self.chance.choice(PEOPLE)}, {"anonymousId": self.chance.choice(DEVICES)}]
            )
            event = self.chance.choice(["view", "view", "purchase"])
            return call | who | {"type": "track", "event": event, "properties": {"amount": self.chance.randint(1, 30)}}
        if kind < 9:
            traits = self.chance.choice([{}, {"plan": "pro"}, {"plan": "free"}])
            ids = {"userId": self.chance.choice(PEOPLE), "anonymousId": self.chance.choice(DEVICES)}
            return call | ids | {"type": "identify", "traits": traits}
        before = self.chance.choice(PEOPLE + DEVICES)
        after = self.chance.choice([who for who in PEOPLE if who != before])
        return call | {"type": "alias", "previousId": before, "userId": after}

    def decide(self) -> None:
        """Somebody merges or splits; what is refused is refused for the reason that the model has."""
        self.settle()
        one, other = self.chance.sample(PEOPLE + DEVICES, 2)
        if self.chance.random() < 0.6:
            source, target = self.sent.who(one), self.sent.who(other)
            status, _ = self.ask("POST", f"/api/identities/{one}/merge", {"into": other})
            assert status == (409 if source == target else 200)
            if source != target:
                self.sent.apart.discard(source)
                self.sent.merged[source] = target
            return
        alone = self.sent.who(one) == one
        status, _ = self.ask("POST", f"/api/identities/{one}/split")
        assert status == (404 if alone else 200)
        if alone:
            return
        if self.sent.merged.pop(one, None) is None:
            self.sent.apart.add(one)

    def edit(self) -> None:
        """Somebody saves or deletes a segment."""
        name = self.chance.choice(list(TEXTS))
        if name in self.texts and self.chance.random() < 0.2:
            status, _ = self.ask("DELETE", f"/api/segments/{name}")
            assert status in (200, 409)  # used by another
            if status == 200:
                del self.texts[name]
            return
        if name == "both" and not {"viewers", "buyers", "pros"} <= set(self.texts):
            return
        text = self.chance.choice(TEXTS[name])
        status, answer = self.ask("PUT", f"/api/segments/{name}", {"text": text})
        assert status == 200, answer
        self.texts[name] = text

    def settle(self) -> None:
        """The stages come to rest."""
        while self.shop.collect().messages:
            pass
        while self.shop.keep_live().more:
            pass

    def check(self) -> None:
        """All agree."""
        self.settle()
        now = self.clock.now()
        world = self.sent.world(self.texts)
        for name, text in self.texts.items():
            expected = evaluate(parse(text), world, now)
            assert ids(self.shop.members(name)) == expected, (name, text, "live")
            assert ids(self.shop.members(name, as_of=now)) == expected, (name, text, "computed")


def ids(table: Any) -> set[str]:
    return {str(id_) for id_ in table.column("profile_id").to_pylist()}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def play(tmp_path: Path, clock: ManualClock) -> Iterator[Play]:
    place = tmp_path / "shop"
    eg.init(place, clock=clock).close()
    with Keys(place, clock=clock) as keys:
        keys.add("manage", value=KEY)
        keys.add("write", value="wk_demo")
        with eg.open(place, clock=clock) as shop, Team(place, clock=clock) as team:
            mounts = asking.asking(shop, keys, team, clock=clock, metrics=Metrics()).mounts
            with here(place, clock=clock, mounts=dict(mounts)) as server:
                yield Play(random.Random(), clock, shop, server)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_every_step_live_is_what_a_run_and_the_oracle_find(play: Play, seed: int) -> None:
    play.chance.seed(seed)
    for name, (text, *_) in TEXTS.items():
        assert play.ask("PUT", f"/api/segments/{name}", {"text": text})[0] == 200
        play.texts[name] = text
    for _ in range(8):
        play.step()
        play.check()
    assert play.shop.verify().wrong == 0
