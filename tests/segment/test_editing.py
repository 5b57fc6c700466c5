"""Before an edit: the difference that is shown is what saving then records, there and where it is referred to."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.errors import SegmentError
from ethogram.runtime import Workspace
from strategies.seeds import SEEDS

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
PEOPLE = [f"p{number}" for number in range(12)]
_files = itertools.count()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Workspace]:
    """Person number n has bought n times, for n each time, and even ones belong to one of two accounts."""
    with eg.init(tmp_path / "shop", clock=clock) as workspace:
        events = [
            {"profile_id": who, "event": "purchase", "timestamp": (START - (nth + 1) * HOUR).isoformat(), "amount": n}
            for n, who in enumerate(PEOPLE)
            for nth in range(n)
        ]
        store(workspace, "events", events)
        traits = [
            {"profile_id": who, "timestamp": START.isoformat(), "account_id": f"firm{n % 4}"}
            for n, who in enumerate(PEOPLE)
            if n % 2 == 0
        ]
        store(workspace, "profiles", traits)
        yield workspace


def store(workspace: Workspace, kind: str, rows: Sequence[Mapping[str, object]]) -> None:
    file = workspace.path / f"{kind}-{next(_files)}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (workspace.load_events if kind == "events" else workspace.load_profiles)(file)


def settle(workspace: Workspace, clock: ManualClock) -> None:
    clock.advance(dt.timedelta(microseconds=1))
    while workspace.keep_live().more:
        pass


def ids(workspace: Workspace, name: str) -> set[str]:
    return {str(each) for each in workspace.members(name).column(0).to_pylist()}


def test_the_difference_says_who_stays_enters_and_leaves(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("buyers", "count(purchase) between 3 and 6")
    settle(shop, clock)
    found = shop.segments.difference("buyers", "count(purchase) between 5 and 9")
    (move,) = found.moves
    assert (move.stay, move.enter, move.leave, move.changes) == (2, 3, 2, 5)
    assert set(move.stays) == {"p5", "p6"}
    assert set(move.enters) == {"p7", "p8", "p9"}
    assert set(move.leaves) == {"p3", "p4"}
    assert (found.population, found.replaces, found.entity) == (12, 1, "profile")
    # Nothing is saved by asking.
    assert shop.segments.get("buyers").version == 1
    assert ids(shop, "buyers") == {"p3", "p4", "p5", "p6"}


def test_all_who_are_described_enter_a_segment_that_is_new(shop: Workspace, clock: ManualClock) -> None:
    settle(shop, clock)
    found = shop.segments.difference("loyal", "count(purchase) >= 10")
    assert found.replaces is None
    assert (found.moves[0].stay, found.moves[0].enter, found.moves[0].leave) == (0, 2, 0)


def test_the_same_text_changes_nothing(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("loyal", "count(purchase) >= 10")
    settle(shop, clock)
    assert shop.segments.difference("loyal", "count(purchase) >= 10").moves[0].changes == 0


def test_segments_that_refer_to_it_are_told_too(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("buyers", "count(purchase) >= 3")
    shop.segments.save("others", "not in_segment('buyers')")
    shop.segments.save("others_again", "in_segment('others') and did(purchase)")
    shop.segments.save("newly", "entered('buyers' in last 3 days)")
    shop.segments.save("apart", "count(purchase) >= 1")
    settle(shop, clock)
    found = shop.segments.difference("buyers", "count(purchase) >= 5")
    assert {move.segment: (move.stay, move.enter, move.leave) for move in found.moves} == {
        "buyers": (7, 0, 2),
        "others": (3, 2, 0),
        "others_again": (2, 2, 0),
    }
    assert found.moves[0].segment == "buyers"
    assert found.watching == ("newly",)


def test_accounts_are_compared_with_accounts(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("firms", "for account: count(purchase) >= 19")
    settle(shop, clock)
    found = shop.segments.difference("firms", "for account: count(purchase) < 19")
    (move,) = found.moves
    # firm0 has bought 0 + 4 + 8 times, firm2 2 + 6 + 10 times.
    assert (found.entity, found.population) == ("account", 2)
    assert (set(move.stays), set(move.enters), set(move.leaves)) == (set(), {"firm0", "firm2"}, set())


def test_who_is_no_longer_of_the_kind_leaves(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("busy", "count(purchase) >= 10")
    settle(shop, clock)
    move = shop.segments.difference("busy", "for account: count(purchase) >= 18").moves[0]
    assert (move.stay, set(move.enters)) == (0, {"firm2"})
    assert move.leave == 2


def test_a_circle_is_refused_before_anything_is_computed(shop: Workspace) -> None:
    shop.segments.save("buyers", "count(purchase) >= 3")
    shop.segments.save("others", "not in_segment('buyers')")
    with pytest.raises(SegmentError, match="circle"):
        shop.segments.difference("buyers", "in_segment('others')")


TEXTS = (
    "count(purchase) >= {n}",
    "count(purchase in last {n} hours) < 3",
    "sum(purchase.amount) > {n}0",
    "top({n}0%, count(purchase))",
    "not did(purchase) or count(purchase) = {n}",
    "account.count(purchase) >= 1{n}",
)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_shown_is_what_saving_records(shop: Workspace, clock: ManualClock, seed: int) -> None:
    chance = random.Random(seed)

    def text() -> str:
        return chance.choice(TEXTS).format(n=chance.randint(1, 9))

    shop.segments.save("a", text())
    shop.segments.save("b", f"not in_segment('a') or ({text()})")
    shop.segments.save("c", f"in_segment('b') and ({text()})")
    settle(shop, clock)
    for _ in range(3):
        name = chance.choice("abc")
        # Segments refer to those before them in the alphabet.
        new = text() if name == "a" else f"in_segment('{chr(ord(name) - 1)}') or ({text()})"
        before = {each: ids(shop, each) for each in "abc"}
        found = shop.segments.difference(name, new, sample=len(PEOPLE))
        shop.segments.save(name, new)
        settle(shop, clock)
        shown = {move.segment: move for move in found.moves}
        for each in "abc":
            after = ids(shop, each)
            if each not in shown:
                assert after == before[each]
                continue
            assert set(shown[each].stays) == before[each] & after
            assert set(shown[each].enters) == after - before[each]
            assert set(shown[each].leaves) == before[each] - after
            assert (shown[each].stay, shown[each].enter, shown[each].leave) == (
                len(before[each] & after),
                len(after - before[each]),
                len(before[each] - after),
            )
