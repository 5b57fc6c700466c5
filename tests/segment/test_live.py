"""Live membership: after every batch and at every instant it is what a run over everybody finds, each change once."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.runtime import Workspace
from ethogram.segment import live
from ethogram.segment.live import Live
from strategies.seeds import SEEDS

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SEGMENTS = {
    "buyers": "count(purchase in last 2 days) >= 1",
    "regulars": "count(purchase in last 5 days) >= 2 and not did(refund in last 1 day)",
    "spenders": "sum(purchase.amount in last 3 days) > 20",
    "lapsing": "last(purchase) before 2 days ago",
    "pros": "plan = 'pro'",
    "converts": "sequence(view, purchase within 6 hours) in last 4 days",
    "silent": "not did(any in last 3 days)",
    "careful": "sequence(view, not purchase within 12 hours) in last 4 days",
}
Change = tuple[str, str, str, str]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Workspace]:
    with eg.init(tmp_path / "shop", clock=clock) as workspace:
        for name, text in SEGMENTS.items():
            workspace.segments.save(name, text)
        settle(workspace)
        yield workspace


_files = itertools.count()


def send(workspace: Workspace, *events: tuple[str, str, dt.datetime], **properties: object) -> None:
    """Events reach the warehouse as a batch."""
    file = workspace.path / f"sent-{next(_files)}.jsonl"
    file.write_text(
        "".join(
            json.dumps({"profile_id": who, "event": event, "timestamp": at.isoformat(), **properties}) + "\n"
            for who, event, at in events
        )
    )
    workspace.load_events(file)


def settle(workspace: Workspace) -> None:
    while workspace.keep_live().more:
        pass


def changes(workspace: Workspace) -> list[Change]:
    rows = workspace._warehouse.query(
        "SELECT toString(key), segment, toString(change), cause FROM membership_changes ORDER BY at, segment, key"
    )
    names = {segment.number: name for name, segment in workspace._saved.live().items()}
    keys = {str(key): id_ for id_, key in workspace._evaluator.keys(["ann", "bob", "cy", "dee"]).items()}
    return [(keys[key], names[segment], change, cause) for key, segment, change, cause in rows]


def is_in(workspace: Workspace, who: str) -> set[str]:
    return {name for name in SEGMENTS if who in workspace.members(name).column("profile_id").to_pylist()}


def test_a_purchase_counts_at_once_and_time_alone_ends_it(shop: Workspace, clock: ManualClock) -> None:
    send(shop, ("ann", "purchase", START), amount=5)
    settle(shop)
    assert is_in(shop, "ann") == {"buyers"}
    clock.advance(2 * DAY - dt.timedelta(microseconds=1))
    settle(shop)
    assert is_in(shop, "ann") == {"buyers"}
    clock.advance(dt.timedelta(microseconds=1))
    settle(shop)
    assert "buyers" not in is_in(shop, "ann")
    clock.advance(dt.timedelta(microseconds=1))
    settle(shop)
    assert is_in(shop, "ann") == {"lapsing"}
    assert changes(shop) == [
        ("ann", "buyers", "entered", "event"),
        ("ann", "buyers", "left", "time"),
        ("ann", "lapsing", "entered", "time"),
    ]


def test_only_those_who_are_touched_or_due_are_looked_at(shop: Workspace, clock: ManualClock) -> None:
    send(shop, ("ann", "purchase", START), ("bob", "view", START))
    settle(shop)
    clock.advance(HOUR)
    send(shop, ("cy", "view", START + HOUR))
    assert shop.keep_live().people == 1
    assert shop.keep_live().people == 0
    clock.advance(3 * DAY)
    assert shop.keep_live().people == 3


def test_an_event_dated_ahead_counts_from_its_instant_on(shop: Workspace, clock: ManualClock) -> None:
    send(shop, ("dee", "purchase", START + DAY))
    settle(shop)
    assert is_in(shop, "dee") == set()
    clock.advance(DAY)
    settle(shop)
    assert is_in(shop, "dee") == {"buyers"}


def test_a_changed_segment_is_looked_at_for_everybody(shop: Workspace, clock: ManualClock) -> None:
    send(shop, ("ann", "purchase", START), ("bob", "view", START))
    settle(shop)
    shop.segments.save("buyers", "did(view)")
    settle(shop)
    assert set(changes(shop)) == {
        ("ann", "buyers", "entered", "event"),
        ("ann", "buyers", "left", "definition"),
        ("bob", "buyers", "entered", "definition"),
    }


def test_too_much_at_once_is_a_run(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_BEHIND", 2)
    send(shop, ("ann", "purchase", START), ("bob", "view", START), ("cy", "view", START))
    settle(shop)
    assert changes(shop) == [("ann", "buyers", "entered", "run")]


def test_batches_are_looked_at_together_and_a_tick_says_that_some_are_left(
    shop: Workspace, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(shop, ("ann", "view", START), ("bob", "view", START))
    send(shop, ("ann", "purchase", START))
    ticked = shop.keep_live()
    assert (ticked.people, ticked.entered, ticked.behind) == (2, 1, False)
    monkeypatch.setattr(live, "MOST_TOUCHED", 2)
    send(shop, ("bob", "purchase", START), ("cy", "view", START))
    send(shop, ("cy", "purchase", START), ("dee", "view", START))
    first, second = shop.keep_live(), shop.keep_live()
    assert (first.people, first.behind, second.people, second.behind) == (2, True, 2, False)
    # What is stored counts, also where its batch's turn comes later.
    assert (first.entered, second.entered) == (2, 0)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", ["planned", "changed", "kept", "done"])
def test_killed_at_any_point_every_change_is_recorded_once(
    shop: Workspace, clock: ManualClock, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(at: str) -> None:
        if at == point:
            raise KilledError

    send(shop, ("ann", "purchase", START), ("bob", "purchase", START))
    shop._live = Live(shop._warehouse, shop._ledger, shop._saved, shop._scoped, shop.path, die)
    with pytest.raises(KilledError):
        shop.keep_live()
    shop._live = Live(shop._warehouse, shop._ledger, shop._saved, shop._scoped, shop.path)
    # More arrives before the next process goes on.
    clock.advance(HOUR)
    send(shop, ("ann", "refund", START + HOUR))
    settle(shop)
    assert sorted(changes(shop)) == [
        ("ann", "buyers", "entered", "event"),
        ("bob", "buyers", "entered", "event"),
    ]
    assert nothing_to_do(shop)


def test_a_run_after_a_kill_finishes_the_plan_first(shop: Workspace) -> None:
    def die(at: str) -> None:
        raise KilledError

    send(shop, ("ann", "purchase", START))
    shop._live = Live(shop._warehouse, shop._ledger, shop._saved, shop._scoped, shop.path, die)
    with pytest.raises(KilledError):
        shop.keep_live()
    shop._live = Live(shop._warehouse, shop._ledger, shop._saved, shop._scoped, shop.path)
    shop.run()
    settle(shop)
    assert changes(shop) == [("ann", "buyers", "entered", "event")]


def nothing_to_do(workspace: Workspace) -> bool:
    """Whether a run over everybody finds exactly what is recorded."""
    report = workspace.run()
    return report.entered == report.left == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_after_everything_that_happens_live_state_is_what_a_run_finds(
    shop: Workspace, clock: ManualClock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(live, "MOST_PEOPLE", 2)  # so that batches are taken in parts
    people = ["ann", "bob", "cy", "dee"]
    for _ in range(10):
        clock.advance(dt.timedelta(microseconds=1))  # so that changes have an order
        match chance.randrange(4):
            case 0 | 1:
                events = [
                    (
                        chance.choice(people),
                        chance.choice(["purchase", "purchase", "view", "refund"]),
                        # Late, on time, or ahead of time.
                        clock.now() + chance.choice([-3 * DAY, -HOUR, 0 * HOUR, 0 * HOUR, 5 * HOUR]),
                    )
                    for _ in range(chance.randint(1, 5))
                ]
                send(shop, *events, amount=chance.randint(1, 30))
            case 2:
                file = shop.path / f"traits-{next(_files)}.jsonl"
                row = {"profile_id": chance.choice(people), "timestamp": clock.now().isoformat()}
                file.write_text(json.dumps(row | {"plan": chance.choice(["pro", "free", None])}) + "\n")
                shop.load_profiles(file)
            case _:
                clock.advance(chance.choice([HOUR, 7 * HOUR, DAY, 3 * DAY]))
        settle(shop)
        assert nothing_to_do(shop)
    moves: dict[tuple[str, str], str] = {}
    for who, segment, change, _ in changes(shop):
        assert moves.get((who, segment), "left") != change
        moves[who, segment] = change
