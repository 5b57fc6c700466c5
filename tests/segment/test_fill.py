"""An edit of a live segment: only what has changed is evaluated, beside what goes on, and switched at once."""

from __future__ import annotations

import contextlib
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
from ethogram.segment import fill, live
from ethogram.segment.fill import Filler
from strategies.seeds import SEEDS

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
PEOPLE = [f"p{number}" for number in range(8)]
FIRMS = ["account:a", "account:b"]
SEGMENTS = {
    "buyers": "count(purchase in last 2 days) >= 1",
    "pros": "plan = 'pro'",
    "silent": "not did(any in last 3 days)",
    "eager": "in_segment('buyers') and count(purchase) >= 3",
    "new_buyers": "entered('buyers' in last 1 day)",
    "best": "top(25%, count(purchase))",
    "lively": "account.count(purchase in last 2 days) >= 4",
}
# What edits choose from; several refer to others, and some compare with everybody.
TEXTS = {
    "buyers": ["count(purchase in last 3 days) >= 2", "did(purchase in last 1 day)", SEGMENTS["buyers"], "did(view)"],
    "eager": [SEGMENTS["eager"], "in_segment('buyers') and in_segment('pros')", "count(purchase) >= 2"],
    "best": [SEGMENTS["best"], "top(50%, count(purchase))", "quintile(count(view)) = 5"],
    "lively": [SEGMENTS["lively"], "account.count(purchase in last 1 day) >= 2", "did(view)"],
    "firms": [
        "for account: count(purchase in last 2 days) >= 5",
        "for account: count(purchase) >= 3",
        "for account: top(50%, count(view))",
    ],
    "extra": ["not in_segment('buyers')", "in_segment('best')", "left('buyers' in last 2 days)"],
}
_files = itertools.count()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Workspace]:
    """Person number n has bought n times in the days before."""
    with eg.init(tmp_path / "shop", clock=clock) as workspace:
        send(
            workspace,
            *((who, "purchase", START - nth * 7 * HOUR) for n, who in enumerate(PEOPLE) for nth in range(n)),
        )
        send(workspace, ("p0", "view", START - HOUR))
        for number, firm in ((1, "a"), (2, "a"), (6, "b")):
            joins(workspace, PEOPLE[number], firm, START - DAY)
        for name, text in SEGMENTS.items():
            workspace.segments.save(name, text)
        settle(workspace, clock)
        yield workspace


def send(workspace: Workspace, *events: tuple[str, str, dt.datetime]) -> None:
    file = workspace.path / f"sent-{next(_files)}.jsonl"
    rows = ({"profile_id": who, "event": event, "timestamp": at.isoformat()} for who, event, at in events)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    workspace.load_events(file)


def joins(workspace: Workspace, who: str, firm: str | None, at: dt.datetime) -> None:
    file = workspace.path / f"joined-{next(_files)}.jsonl"
    file.write_text(json.dumps({"profile_id": who, "timestamp": at.isoformat(), "account_id": firm}) + "\n")
    workspace.load_profiles(file)


def settle(workspace: Workspace, clock: ManualClock) -> None:
    clock.advance(dt.timedelta(microseconds=1))  # so that changes have an order
    while workspace.keep_live().more:
        clock.advance(dt.timedelta(microseconds=1))


def members(workspace: Workspace, name: str) -> set[str]:
    return set(map(str, workspace.members(name).column("profile_id").to_pylist()))


def changes(workspace: Workspace) -> list[tuple[str, str, str, str]]:
    names = {segment.number: segment.name for segment in workspace._ledger.recorded_segments()}
    ids = {str(key): id_ for id_, key in workspace._evaluator.keys([*PEOPLE, "p8", "p9", *FIRMS]).items()}
    rows = workspace._warehouse.query(
        "SELECT toString(key), segment, toString(change), cause FROM membership_changes ORDER BY at, version, segment"
    )
    return [(ids[key], names.get(number, ""), change, cause) for key, number, change, cause in rows]


def held(workspace: Workspace) -> dict[int, tuple[int, ...]]:
    rows = workspace._warehouse.query("SELECT key, segments FROM memberships FINAL")
    return {int(key): tuple(sorted(segments)) for key, segments in rows}


def is_right(workspace: Workspace) -> bool:
    """Whether what is recorded is what computing everything anew gives, and every change is there once."""
    result = workspace.verify()
    assert result.differences == ()
    return not any("not compared" in note for note in result.notes)


def test_only_what_has_changed_is_evaluated_and_switched(shop: Workspace, clock: ManualClock) -> None:
    runs = shop._ledger.last_run()
    before = len(changes(shop))
    shop.segments.save("buyers", "count(purchase in last 2 days) >= 7")
    settle(shop, clock)
    assert shop._ledger.last_run() == runs
    assert members(shop, "buyers") == {"p7"}
    assert members(shop, "eager") == {"p7"}
    assert {(name, cause) for _, name, _, cause in changes(shop)[before:]} == {
        ("buyers", "definition"),
        ("eager", "definition"),
    }
    assert is_right(shop)
    segment = shop.segments.get("buyers")
    assert (segment.size, segment.evaluated_at is not None) == (1, True)
    assert [(point.version, point.size, point.left) for point in shop.history("buyers")] == [(1, 7, 0), (2, 1, 6)]


def test_whoever_left_a_deleted_segment_is_told_so(shop: Workspace, clock: ManualClock) -> None:
    number = shop.segments.get("best").number
    before = members(shop, "best")
    newest = shop.changes_kept()[1]
    shop.segments.delete("best")
    settle(shop, clock)
    assert not any(number in segments for segments in held(shop).values())
    (told,) = shop.changes_after(newest)
    assert (told.segment, told.entered, told.cause, told.count) == (number, False, "definition", len(before))


def test_an_edit_is_told_in_sum_unless_it_is_announced(shop: Workspace, clock: ManualClock) -> None:
    newest = shop.changes_kept()[1]
    shop.segments.save("pros", "count(purchase) >= 6")
    settle(shop, clock)
    assert [(each.profile_id, each.count, each.cause) for each in shop.changes_after(newest)] == [("", 2, "definition")]
    newest = shop.changes_kept()[1]
    shop.segments.save("pros", "count(purchase) >= 5", announce=True)
    settle(shop, clock)
    assert [(each.profile_id, each.count, each.cause) for each in shop.changes_after(newest)] == [
        ("p5", 1, "definition")
    ]


def test_what_refers_to_an_edit_is_told_like_the_edit(shop: Workspace, clock: ManualClock) -> None:
    for announce, bought in ((True, 7), (False, 2)):
        newest = shop.changes_kept()[1]
        shop.segments.save("buyers", f"count(purchase in last 2 days) >= {bought}", announce=announce)
        settle(shop, clock)
        told = {(each.name, bool(each.profile_id)) for each in shop.changes_after(newest) if each.cause == "definition"}
        assert told == {("buyers", announce), ("eager", announce)}


def test_cut_offs_are_refreshed_on_schedule_and_each_change_recorded_once(shop: Workspace, clock: ManualClock) -> None:
    assert members(shop, "best") == {"p6", "p7"}
    send(shop, *(("p1", "purchase", START - nth * DAY) for nth in range(1, 30)))
    settle(shop, clock)
    assert members(shop, "best") == {"p1", "p6", "p7"}  # by the cut-off that was found before
    before = len(changes(shop))
    found_at = shop.segments.get("best").cutoffs_at
    assert found_at is not None
    assert clock.now() - found_at < dt.timedelta(minutes=1)
    why = shop.why("best", "p6")
    assert (why.member, why.cutoffs_at) == (True, found_at)
    assert shop.segments.get("buyers").cutoffs_at is None
    clock.advance(dt.timedelta(minutes=shop.settings.refresh_minutes))
    settle(shop, clock)
    assert members(shop, "best") == {"p1", "p7"}
    why = shop.why("best", "p6")
    assert (why.member, why.cutoffs_at) == (False, shop.segments.get("best").cutoffs_at)
    assert [each for each in changes(shop)[before:] if each[1] == "best"] == [("p6", "best", "left", "time")]
    assert is_right(shop)


def test_the_difference_of_a_relative_edit_is_what_the_fill_records(shop: Workspace, clock: ManualClock) -> None:
    send(shop, *((who, "purchase", START - nth * HOUR) for who in ("p1", "p2") for nth in range(1, 30)))
    settle(shop, clock)
    # By the recorded cut-off still four are among the best; found anew, two would be.
    text = "top(25%, count(purchase)) and count(purchase) < 20"
    shown = shop.segments.difference("best", text)
    shop.segments.save("best", text, announce=True)
    newest = shop.changes_kept()[1]
    settle(shop, clock)
    told = [(each.profile_id, each.entered) for each in shop.changes_after(newest)]
    assert sorted(told) == [("p1", False), ("p2", False)]
    assert sorted(shown.moves[0].leaves) == ["p1", "p2"]
    assert shown.moves[0].enter == 0
    assert members(shop, "best") == {"p6", "p7"}


def test_a_list_that_changes_is_followed_by_whoever_refers_to_it(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save_static("team", ["p1", "p2"])
    shop.segments.save("busy_team", "in_segment('team') and count(purchase) >= 2")
    settle(shop, clock)
    assert members(shop, "busy_team") == {"p2"}
    newest = shop.changes_kept()[1]
    clock.advance(HOUR)
    shop.segments.save_static("team", ["p1", "p3"])
    settle(shop, clock)
    assert (members(shop, "team"), members(shop, "busy_team")) == ({"p1", "p3"}, {"p3"})
    told = {(each.profile_id, each.entered, each.cause) for each in shop.changes_after(newest)}
    assert told == {("p2", False, "list"), ("p3", True, "list")}
    assert is_right(shop)


def test_the_others_are_kept_right_while_a_fill_goes_on(
    shop: Workspace, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fill, "PEOPLE_AT_ONCE", 2)
    shop.segments.save("extra", "did(view in last 2 days) or did(refund)")
    shop.segments.save("buyers", "count(purchase in last 2 days) >= 2")
    clock.advance(dt.timedelta(microseconds=1))
    assert shop.keep_live().more
    clock.advance(dt.timedelta(microseconds=1))
    send(shop, ("p0", "purchase", clock.now()), ("p9", "refund", clock.now()))
    shop.keep_live()
    # As buyers were, and not yet as they will be.
    assert shop._saved.recorded()["buyers"].version == 1
    numbers = {name: segment.number for name, segment in shop._saved.recorded().items()}
    assert numbers["buyers"] in held(shop)[shop._evaluator.keys(["p0"])["p0"]]
    assert "extra" not in numbers
    settle(shop, clock)
    assert members(shop, "extra") == {"p0", "p9"}
    assert members(shop, "buyers") == {f"p{number}" for number in range(2, 8)}
    assert is_right(shop)


def test_an_edit_during_a_fill_begins_another(
    shop: Workspace, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fill, "PEOPLE_AT_ONCE", 2)
    shop.segments.save("pros", "count(purchase) >= 6")
    shop.keep_live()
    shop.segments.save("pros", "count(purchase) >= 7")
    settle(shop, clock)
    assert members(shop, "pros") == {"p7"}
    assert [each for each in changes(shop) if each[1] == "pros"] == [("p7", "pros", "entered", "definition")]


class KilledError(Exception):
    """Stands for the end of the process."""


POINTS = ["planned", "evaluated", "changed", "kept", "told", "done"]


def killed_at(workspace: Workspace, point: str | None) -> Filler:
    """A filler as another process has it, which ends at a point."""

    def die(at: str) -> None:
        if at == f"fill {point}":
            raise KilledError

    return Filler(
        workspace._warehouse,
        workspace._ledger,
        workspace._saved,
        workspace._evaluator,
        workspace._live.touched_after,
        workspace._live.finish,
        die,
    )


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_every_change_is_recorded_once(shop: Workspace, clock: ManualClock, point: str) -> None:
    newest = shop.changes_kept()[1]
    shop.segments.save("pros", "count(purchase) >= 6", announce=True)
    shop.segments.delete("best")
    clock.advance(dt.timedelta(microseconds=1))
    shop._filler = killed_at(shop, point)
    with pytest.raises(KilledError):
        settle(shop, clock)
    shop._filler = killed_at(shop, None)
    # More arrives before the next process goes on.
    clock.advance(HOUR)
    send(shop, ("p5", "purchase", clock.now()))
    settle(shop, clock)
    assert members(shop, "pros") == {"p5", "p6", "p7"}
    told = [(each.profile_id, each.entered) for each in shop.changes_after(newest) if each.name == "pros"]
    assert sorted(told) == [("p5", True), ("p6", True), ("p7", True)]
    # Until it switched, whoever did something could still enter.
    moved = [(each.entered, each.count) for each in shop.changes_after(newest) if each.name == "best"]
    assert moved in ([(False, 2)], [(True, 1), (False, 3)])
    assert is_right(shop)
    assert shop._ledger.unfinished_run(fill=True) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_through_edits_deletions_and_refreshes_live_state_is_what_computing_anew_gives(
    shop: Workspace, clock: ManualClock, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(live, "MOST_PEOPLE", 2)
    monkeypatch.setattr(fill, "PEOPLE_AT_ONCE", 3)
    for _ in range(12):
        clock.advance(dt.timedelta(microseconds=1))
        match chance.randrange(6):
            case 0 | 1:
                whom = [chance.choice([*PEOPLE, "p8", "p9"]) for _ in range(chance.randint(1, 4))]
                late = chance.choice([-2 * DAY, -HOUR, 0 * HOUR, 5 * HOUR])
                send(shop, *((who, chance.choice(["purchase", "view"]), clock.now() + late) for who in whom))
            case 2:
                name = chance.choice(list(TEXTS))
                shop.segments.save(name, chance.choice(TEXTS[name]), announce=chance.random() < 0.5)
            case 3:
                clock.advance(chance.choice([HOUR, 7 * HOUR, DAY]))
            case 4:
                joins(shop, chance.choice(PEOPLE), chance.choice(["a", "b", None]), clock.now())
            case _:
                if "extra" in shop._saved.live():
                    shop.segments.delete("extra")
        if chance.random() < 0.3:
            shop._filler = killed_at(shop, chance.choice(POINTS))
            with contextlib.suppress(KilledError):
                settle(shop, clock)
            shop._filler = killed_at(shop, None)
        elif chance.random() < 0.5:
            shop.keep_live()  # what comes next finds a fill under way
            continue
        settle(shop, clock)
        assert is_right(shop)
    moves: dict[tuple[str, str], str] = {}
    for who, segment, change, _ in changes(shop):
        if segment:
            assert moves.get((who, segment), "left") != change
            moves[who, segment] = change
