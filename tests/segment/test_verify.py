"""Verification: what is right is found right, and each thing that can be wrong is found and explained."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.errors import UserError
from ethogram.model.verification import Verification
from ethogram.runtime import Workspace
from ethogram.segment import verify

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SEGMENTS = {
    "buyers": "count(purchase in last 2 days) >= 1",
    "spenders": "sum(purchase.amount in last 3 days) > 20",
    "pros": "plan = 'pro'",
    "best": "top(50%, sum(purchase.amount))",
    "silent": "not did(any in last 3 days)",
}
_files = itertools.count()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Workspace]:
    """Ann and Bob have bought, Cy has looked; everybody is evaluated."""
    with eg.init(tmp_path / "shop", clock=clock) as workspace:
        for name, text in SEGMENTS.items():
            workspace.segments.save(name, text)
        send(workspace, ("ann", "purchase", START - HOUR), ("bob", "purchase", START - HOUR), amount=15)
        send(workspace, ("ann", "purchase", START - HOUR / 2), amount=15)
        send(workspace, ("cy", "view", START))
        settle(workspace)
        yield workspace


def send(workspace: Workspace, *events: tuple[str, str, dt.datetime], **properties: object) -> None:
    file = workspace.path / f"sent-{next(_files)}.jsonl"
    rows = [{"profile_id": who, "event": event, "timestamp": at.isoformat(), **properties} for who, event, at in events]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    workspace.load_events(file)


def settle(workspace: Workspace) -> None:
    while workspace.keep_live().more:
        pass


def command(workspace: Workspace, sql: str) -> None:
    workspace._warehouse.command(sql, mutations_sync=2)


def number(workspace: Workspace, name: str) -> int:
    return workspace.segments.get(name).number


def found(result: Verification) -> list[tuple[str, str]]:
    return [(each.profile_id, each.segment) for each in result.differences]


def test_what_is_right_is_found_right(shop: Workspace, clock: ManualClock) -> None:
    result = shop.verify()
    assert (result.wrong, result.differences, result.notes) == (0, (), ())
    assert (result.people, result.segments, result.as_of) == (3, 5, START)
    clock.advance(2 * DAY)
    send(shop, ("dee", "purchase", clock.now()), amount=50)
    settle(shop)
    result = shop.verify()
    assert (result.wrong, result.people) == (0, 4)


def test_whoever_waits_is_evaluated_first_and_is_no_difference(shop: Workspace, clock: ManualClock) -> None:
    clock.advance(2 * DAY)  # Ann and Bob are due
    send(shop, ("dee", "purchase", clock.now()), amount=50)
    result = shop.verify()
    assert (result.wrong, result.people) == (0, 4)
    assert result.notes == ("3 people waited to be evaluated, and were evaluated first",)


def test_a_wrong_row_of_memberships_is_found_and_explained(shop: Workspace) -> None:
    command(
        shop,
        "INSERT INTO memberships SELECT key, arrayFilter(n -> n != "
        f"{number(shop, 'buyers')}, segments), due_at, evaluated_at, revision + 1000000000000000 "
        "FROM memberships FINAL WHERE key = sipHash64('bob')",
    )
    result = shop.verify()
    assert result.wrong == 1
    (difference,) = result.differences
    assert (difference.profile_id, difference.segment, difference.entity) == ("bob", "buyers", "profile")
    assert (difference.computed, difference.recorded, difference.by_changes) == (True, False, 1)
    assert difference.problem == "belongs to `buyers`, and is not recorded in it"
    (change,) = difference.changes
    assert (change.entered, change.at, change.cause) == (True, START, "definition")
    assert difference.why is not None
    assert difference.why.member
    assert difference.person is not None
    assert [event.event for event in difference.person.timeline] == ["purchase"]


def test_a_change_that_is_not_recorded_is_found(shop: Workspace) -> None:
    command(
        shop,
        f"ALTER TABLE membership_changes DELETE WHERE key = sipHash64('ann') AND segment = {number(shop, 'spenders')}",
    )
    (difference,) = shop.verify().differences
    assert (difference.profile_id, difference.segment) == ("ann", "spenders")
    assert (difference.computed, difference.recorded, difference.by_changes) == (True, True, 0)
    assert difference.problem == "is rightly in `spenders`, but recorded entries and exits add up to 0"
    assert difference.changes == ()


def test_a_change_that_is_recorded_twice_is_found(shop: Workspace) -> None:
    command(
        shop,
        "INSERT INTO membership_changes SELECT * FROM membership_changes WHERE key = sipHash64('ann') "
        f"AND segment = {number(shop, 'buyers')}",
    )
    (difference,) = shop.verify().differences
    assert (difference.profile_id, difference.segment, difference.by_changes) == ("ann", "buyers", 2)
    assert len(difference.changes) == 2


def test_an_event_that_got_lost_is_found(shop: Workspace) -> None:
    command(shop, "ALTER TABLE events DELETE WHERE profile = sipHash64('bob')")
    result = shop.verify()
    assert found(result) == [("bob", "buyers"), ("bob", "best"), ("bob", "silent")]
    assert [each.problem for each in result.differences] == [
        "is recorded in `buyers`, and does not belong to it",
        "is recorded in `best`, and does not belong to it",
        "belongs to `silent`, and is not recorded in it",
    ]
    assert all(each.person is not None and not each.person.timeline for each in result.differences)


def test_a_person_who_would_be_looked_at_too_late_is_found(shop: Workspace) -> None:
    command(
        shop,
        "INSERT INTO memberships SELECT key, segments, toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC'), "
        "evaluated_at, revision + 1000000000000000 FROM memberships FINAL WHERE key = sipHash64('cy')",
    )
    (difference,) = shop.verify().differences
    assert (difference.profile_id, difference.segment, difference.due_at) == ("cy", "", None)
    assert difference.must_by is not None
    assert difference.must_by - (START + 3 * DAY) <= dt.timedelta(microseconds=1)
    assert difference.problem.endswith("and is looked at again never")


def test_a_person_without_a_row_is_found(shop: Workspace) -> None:
    command(shop, "ALTER TABLE memberships DELETE WHERE key = sipHash64('bob')")
    assert ("bob", "buyers") in found(shop.verify())


def test_a_row_of_nobody_is_found(shop: Workspace) -> None:
    command(shop, "ALTER TABLE profiles DELETE WHERE profile = sipHash64('bob')")
    result = shop.verify()
    assert result.people == 2
    assert found(result) == [("", "buyers"), ("", "best")]
    assert result.differences[0].person is None


def test_all_are_counted_and_the_first_are_told(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_PEOPLE_AT_ONCE", 1)  # in parts
    command(shop, "ALTER TABLE events DELETE WHERE 1")
    assert shop.verify().wrong == 3
    result = shop.verify(most=1)
    assert result.wrong == 3
    assert len({each.profile_id for each in result.differences}) == 1


def test_an_edit_that_is_not_filled_yet_is_not_compared(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("buyers", "did(view)")
    clock.advance(HOUR)
    send(shop, ("bob", "purchase", clock.now()), amount=100)
    result = shop.verify()
    assert (result.wrong, result.people, result.segments, result.as_of) == (0, 3, 4, clock.now())
    assert result.notes == (
        "1 person waited to be evaluated, and were evaluated first",
        "`buyers`: changed since everybody was evaluated; not compared",
    )
    assert shop.segments.get("buyers").size == 2  # as it was


def test_after_a_run_without_a_server_it_is_as_of_the_run(tmp_path: Path, clock: ManualClock) -> None:
    with eg.init(tmp_path / "shop", clock=clock) as shop:
        for name, text in SEGMENTS.items():
            shop.segments.save(name, text)
        send(shop, *((who, "purchase", START - HOUR) for who in ("ann", "bob", "cy")), amount=15)
        shop.run()
        shop.segments.save("buyers", "did(view)")
        clock.advance(HOUR)
        send(shop, ("bob", "purchase", clock.now()), amount=100)
        result = shop.verify()
        assert (result.wrong, result.people, result.segments) == (0, 2, 4)
        assert result.as_of == START
        assert result.notes == (
            "1 person did something since, wait to be evaluated, and are not compared",
            f"what is recorded is as of {START.isoformat()}; no server keeps it up to now",
            "`buyers`: changed since everybody was evaluated; not compared",
        )


def test_segments_over_accounts_are_compared_as_of_a_run(tmp_path: Path, clock: ManualClock) -> None:
    with eg.init(tmp_path / "firms", clock=clock) as firms:
        (tmp_path / "people.csv").write_text("profile_id,account_id\nann,acme\nbob,acme\ncy,initech\n")
        firms.load_profiles(tmp_path / "people.csv")
        send(firms, ("ann", "purchase", START), amount=15)
        firms.segments.save("paying", "for account: did(purchase)")
        firms.run()
        result = firms.verify()
        assert (result.wrong, result.accounts) == (0, 2)
        command(firms, "ALTER TABLE membership_changes DELETE WHERE 1")
        (difference,) = firms.verify().differences
        assert (difference.profile_id, difference.entity, difference.segment) == ("acme", "account", "paying")


def test_before_anybody_is_evaluated_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with eg.init(tmp_path / "new") as new, pytest.raises(UserError, match="nobody has been evaluated"):
        new.verify()


def test_a_run_does_not_forget_who_becomes_known_later(shop: Workspace, clock: ManualClock) -> None:
    send(shop, ("dee", "purchase", START + DAY), amount=50)
    settle(shop)
    shop.run()
    shop.segments.save("viewers", "did(view)")  # the next look is over everybody
    settle(shop)
    assert shop.verify().differences == ()
    clock.advance(DAY)
    settle(shop)
    assert shop.verify().differences == ()
    assert "dee" in shop.members("buyers").column("profile_id").to_pylist()


def test_a_segment_over_recorded_entries_follows_them(shop: Workspace, clock: ManualClock) -> None:
    shop.segments.save("new-buyers", "entered('buyers' in last 1 day)")
    settle(shop)
    assert shop.verify().differences == ()
    clock.advance(HOUR)
    send(shop, ("cy", "purchase", clock.now()), amount=1)
    settle(shop)
    assert shop.verify().differences == ()
    assert "cy" in shop.members("new-buyers").column("profile_id").to_pylist()


def test_who_is_recorded_anew_under_the_look_does_not_differ(
    shop: Workspace, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seemed: list[int] = []

    def meanwhile(self: verify.Verifier, *args: Any) -> tuple[int, list[int]]:
        clock.advance(HOUR)
        send(shop, ("cy", "purchase", clock.now()), amount=50)
        settle(shop)
        people, doubtful = look(self, *args)
        seemed.extend(doubtful)
        return people, doubtful

    look = verify.Verifier._doubtful
    monkeypatch.setattr(verify.Verifier, "_doubtful", meanwhile)
    result = shop.verify()
    assert (len(seemed), result.wrong, result.people) == (1, 0, 3)
