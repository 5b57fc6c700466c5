"""A ledger with segments, a feed to write, and what it takes to send from it on a clock that stands still."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ethogram.clock import ManualClock
from ethogram.deliver import signing
from ethogram.deliver.addresses import Rules
from ethogram.deliver.announcing import Announcing
from ethogram.deliver.sender import Sender
from ethogram.store import changes, deliveries, webhooks
from ethogram.store.changes import Draft
from ethogram.store.deliveries import Delivery
from ethogram.store.ledger import Ledger, SegmentDraft
from ethogram.store.webhooks import Webhook

START = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
HERE = Rules.of("127.0.0.1")
TRAITS: dict[str, dict[str, Any]] = {"ann": {"email": "ann@example.com", "plan": "pro"}, "bob": {"plan": "free"}}


def traits(ids: Sequence[str], entity: str, names: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    """Traits of the people above."""
    return {
        each: {name: TRAITS[each][name] for name in names if name in TRAITS[each]} for each in ids if each in TRAITS
    }


def ledger(path: Path) -> Ledger:
    """A ledger with the segments 1 `vip`, 2 `new` and 3 `firms` (over accounts)."""
    opened = Ledger(f"sqlite:///{path / 'ledger.sqlite'}")
    for name, entity in (("vip", "profile"), ("new", "profile"), ("firms", "account")):
        opened.save_segment(SegmentDraft(name, text="true", tree={}, english="E", entity=entity), START)
    return opened


def happens(opened: Ledger, *told: str, at: dt.datetime = START) -> None:
    """Appends changes such as `+ann` or `-ann 2`: who, and in which segment (1 unless said)."""
    drafts = []
    for each in told:
        who, _, segment = each[1:].partition(" ")
        drafts.append(Draft(who, int(segment or 1), 1, each[0] == "+", "event"))
    with opened.database.writing() as connection:
        changes.append(connection, drafts, at)


def edited(opened: Ledger, segment: int = 1, count: int = 3) -> None:
    """Appends what an edit is told as."""
    with opened.database.writing() as connection:
        changes.append(connection, [Draft("", segment, 1, True, "definition", count)], START)


def webhook(opened: Ledger, url: str, **options: Any) -> Webhook:
    """A webhook that is told everything."""
    given: dict[str, Any] = {
        "secret": signing.new_secret(), "label": "", "segments": None, "wanted": ["entered", "left"], "traits": [],
        "most": 1, "now": START,
    }  # fmt: skip
    return webhooks.add(opened.database, url=url, **{**given, **options})


class Sending:
    """Makes and sends deliveries, step by step."""

    def __init__(self, opened: Ledger, clock: ManualClock, *, alone: bool = True, seconds: float = 2) -> None:
        self.ledger = opened
        self.clock = clock
        self.counted: list[str] = []
        self.woken = threading.Event()
        self.announcing = Announcing(opened.database, traits, clock)
        self.sender = Sender(
            opened.database, HERE, clock, wake=self.woken.set, counted=self.counted.append, alone=alone,
            timeout=dt.timedelta(seconds=seconds),
        )  # fmt: skip

    def step(self) -> bool:
        """One step of each."""
        made = self.announcing.step()
        return self.sender.step() or made

    def settle(self) -> None:
        """Takes steps until nothing is under way and nothing is due."""
        while True:
            self.woken.clear()
            if self.step():
                continue
            if not self.sender._under_way.total():
                return
            self.woken.wait(5)

    def later(self, **length: float) -> None:
        """Lets time pass, and does what is due then."""
        self.clock.advance(dt.timedelta(**length))
        self.settle()

    def rows(self) -> list[Delivery]:
        """All deliveries, oldest first."""
        return list(reversed(deliveries.listed(self.ledger.database, limit=10_000)))


@contextmanager
def sending(path: Path, **options: Any) -> Iterator[Sending]:
    """A sender on a new ledger."""
    with ledger(path) as opened:
        made = Sending(opened, ManualClock(START), **options)
        try:
            yield made
        finally:
            made.sender.finish()
