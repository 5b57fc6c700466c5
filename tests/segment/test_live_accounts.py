"""Accounts live: what one person does changes at once what the account is in, and what the colleagues are in."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.runtime import Workspace
from ethogram.segment import live
from ethogram.segment.live import Live
from ethogram.store import changes as feed
from strategies.seeds import SEEDS

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)
SEGMENTS = {
    "busy_firms": "for account: count(purchase in last 2 days) >= 2",
    "paying_firms": "for account: plan = 'pro'",
    "lively": "account.count(purchase in last 2 days) >= 2",
    "paid_for": "account.plan = 'pro' and did(view)",
    "buyers": "count(purchase in last 2 days) >= 1",
}
_files = itertools.count()


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


def store(workspace: Workspace, kind: str, *rows: Mapping[str, object]) -> None:
    file = workspace.path / f"{kind}-{next(_files)}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    load = {"events": workspace.load_events, "profiles": workspace.load_profiles, "accounts": workspace.load_accounts}
    load[kind](file)


def buys(workspace: Workspace, who: str, at: dt.datetime, event: str = "purchase") -> None:
    store(workspace, "events", {"profile_id": who, "event": event, "timestamp": at.isoformat()})


def joins(workspace: Workspace, who: str, firm: str | None, at: dt.datetime) -> None:
    store(workspace, "profiles", {"profile_id": who, "timestamp": at.isoformat(), "account_id": firm})


def settle(workspace: Workspace) -> None:
    while workspace.keep_live().more:
        pass


def ids(workspace: Workspace, name: str) -> set[str]:
    return {str(each) for each in workspace.members(name).column(0).to_pylist()}


def told(workspace: Workspace) -> list[tuple[str, str, bool, str]]:
    found = feed.after(workspace._ledger.database, 0, limit=10_000)
    return [(each.profile_id, each.name, each.entered, each.cause) for each in found]


def nothing_to_do(workspace: Workspace) -> bool:
    """Whether a run over everybody finds exactly what is recorded."""
    report = workspace.run()
    return report.entered == report.left == 0


def test_what_one_does_moves_the_account_and_the_colleagues(shop: Workspace, clock: ManualClock) -> None:
    joins(shop, "ann", "acme", START)
    joins(shop, "bob", "acme", START)
    joins(shop, "cy", "other", START)
    settle(shop)
    clock.advance(HOUR)
    buys(shop, "ann", clock.now())
    settle(shop)
    clock.advance(HOUR)
    buys(shop, "ann", clock.now())
    settle(shop)
    assert ids(shop, "busy_firms") == {"acme"}
    assert ids(shop, "lively") == {"ann", "bob"}
    clock.advance(2 * DAY - HOUR)
    settle(shop)
    assert ids(shop, "busy_firms") == ids(shop, "lively") == set()
    assert sorted(told(shop)) == [
        ("acme", "busy_firms", False, "time"),
        ("acme", "busy_firms", True, "event"),
        ("ann", "buyers", True, "event"),
        ("ann", "lively", False, "time"),
        ("ann", "lively", True, "event"),
        ("bob", "lively", False, "time"),
        ("bob", "lively", True, "event"),
    ]
    assert nothing_to_do(shop)


def test_who_changes_the_account_moves_both(shop: Workspace, clock: ManualClock) -> None:
    joins(shop, "ann", "acme", START)
    joins(shop, "bob", "acme", START)
    joins(shop, "cy", "other", START)
    buys(shop, "ann", START)
    buys(shop, "ann", START)
    settle(shop)
    buys(shop, "ann", START + TICK)
    clock.advance(HOUR)
    settle(shop)
    assert (ids(shop, "busy_firms"), ids(shop, "lively")) == ({"acme"}, {"ann", "bob"})
    joins(shop, "ann", "other", clock.now())
    clock.advance(TICK)
    settle(shop)
    assert (ids(shop, "busy_firms"), ids(shop, "lively")) == ({"other"}, {"ann", "cy"})
    assert nothing_to_do(shop)


def test_what_is_said_of_an_account_concerns_its_people(shop: Workspace, clock: ManualClock) -> None:
    joins(shop, "ann", "acme", START)
    buys(shop, "ann", START, "view")
    settle(shop)
    clock.advance(HOUR)
    store(shop, "accounts", {"account_id": "acme", "timestamp": clock.now().isoformat(), "plan": "pro"})
    settle(shop)
    assert (ids(shop, "paying_firms"), ids(shop, "paid_for")) == ({"acme"}, {"ann"})


def test_an_account_that_is_said_to_come_counts_from_then_on(shop: Workspace, clock: ManualClock) -> None:
    store(shop, "accounts", {"account_id": "acme", "timestamp": (START + DAY).isoformat(), "plan": "pro"})
    settle(shop)
    assert nothing_to_do(shop)  # and the run does not forget it
    assert ids(shop, "paying_firms") == set()
    clock.advance(DAY)
    settle(shop)
    assert ids(shop, "paying_firms") == {"acme"}


def test_many_colleagues_follow_page_by_page_and_none_is_forgotten(
    shop: Workspace, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"p{number}" for number in range(11)]
    store(
        shop,
        "profiles",
        *({"profile_id": who, "timestamp": START.isoformat(), "account_id": "acme"} for who in people),
    )
    settle(shop)
    monkeypatch.setattr(live, "MOST_PEOPLE", 3)
    clock.advance(HOUR)
    buys(shop, "p0", clock.now() - HOUR)
    buys(shop, "p1", clock.now())
    assert shop.keep_live().people == 6  # two who bought, the account, and a page of three
    assert len(ids(shop, "lively")) < len(people)
    # Another process goes on, and the account is touched again in between.
    shop._live = Live(shop._warehouse, shop._ledger, shop._saved, shop._scoped, shop.path)
    clock.advance(TICK)
    buys(shop, "p2", clock.now())
    settle(shop)
    assert ids(shop, "lively") == set(people)
    assert sorted(name for name, segment, *_ in told(shop) if segment == "lively") == sorted(people)


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", ["planned", "changed", "kept", "done"])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_at_any_point_accounts_and_colleagues_change_once(
    shop: Workspace, clock: ManualClock, point: str, nth: int
) -> None:
    for who in ("ann", "bob"):
        joins(shop, who, "acme", START)
    settle(shop)
    clock.advance(HOUR)
    seen = itertools.count(1)

    def die(at: str) -> None:
        if at == point and next(seen) == nth:
            raise KilledError

    buys(shop, "ann", clock.now())
    buys(shop, "bob", clock.now())
    shop._live = Live(shop._warehouse, shop._ledger, shop._saved, shop._scoped, shop.path, die)
    with pytest.raises(KilledError):
        settle(shop)
    shop._live = Live(shop._warehouse, shop._ledger, shop._saved, shop._scoped, shop.path)
    settle(shop)
    assert sorted(told(shop)) == [
        ("acme", "busy_firms", True, "event"),
        ("ann", "buyers", True, "event"),
        ("ann", "lively", True, "event"),
        ("bob", "buyers", True, "event"),
        ("bob", "lively", True, "event"),
    ]
    assert nothing_to_do(shop)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_everything_that_happens_accounts_are_in_what_a_run_finds(
    shop: Workspace, clock: ManualClock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(live, "MOST_PEOPLE", 2)
    monkeypatch.setattr(live, "MOST_ACCOUNTS", 1)
    people, firms = ["ann", "bob", "cy", "dee", "eve"], ["acme", "other"]

    def when() -> dt.datetime:
        return clock.now() + chance.choice([-3 * DAY, -HOUR, 0 * HOUR, 0 * HOUR, 5 * HOUR])

    for _ in range(12):
        clock.advance(TICK)  # so that changes have an order
        match chance.randrange(5):
            case 0 | 1:
                for _ in range(chance.randint(1, 4)):
                    buys(shop, chance.choice(people), when(), chance.choice(["purchase", "purchase", "view"]))
            case 2:
                joins(shop, chance.choice(people), chance.choice([*firms, *firms, None]), when())
            case 3:
                said = {"account_id": chance.choice(firms), "timestamp": when().isoformat()}
                store(shop, "accounts", said | {"plan": chance.choice(["pro", "free"])})
            case _:
                clock.advance(chance.choice([HOUR, 7 * HOUR, DAY, 3 * DAY]))
        settle(shop)
        assert nothing_to_do(shop)
    moves: dict[tuple[str, str], bool] = {}
    for who, segment, entered, cause in told(shop):
        if cause != "definition":
            assert who
            assert moves.get((who, segment), False) != entered
            moves[who, segment] = entered
