"""The whole history follows an id to its person, memberships with it, and back; wherever the process is killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

import ethogram as eg
from ethogram.clock import ManualClock
from ethogram.runtime import Workspace
from ethogram.store import changes as feed
from ethogram.store import joining, mover, requests
from ethogram.store.requests import Fact, Message
from strategies.seeds import SEEDS

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)
SEGMENTS = {
    "viewers": "count(view in last 2 days) >= 2",
    "buyers": "did(purchase)",
    "funnel": "sequence(view, purchase within 1 day)",
    "pros": "plan = 'pro'",
    "strangers": "not did(purchase) and not plan = 'pro'",
    "of acme": "account_id = 'acme'",
}
_numbers = itertools.count()


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


def micros(at: dt.datetime) -> int:
    return (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // TICK


def track(event: str, at: dt.datetime, *, user: str = "", anonymous: str = "") -> Message:
    return Message(f"m{next(_numbers)}", "track", user, anonymous, micros(at), (Fact("events", "{}", event),))


def identify(user: str, anonymous: str, at: dt.datetime, traits: str = "{}") -> Message:
    return Message(f"m{next(_numbers)}", "identify", user, anonymous, micros(at), (Fact("profiles", traits),))


def alias(previous: str, user: str, at: dt.datetime) -> Message:
    return Message(f"m{next(_numbers)}", "alias", user, "", micros(at), (), previous)


def send(workspace: Workspace, *messages: Message) -> None:
    requests.keep(workspace._ledger.database, [messages], workspace.now())
    while workspace.collect().messages:
        pass


def settle(workspace: Workspace) -> None:
    while workspace.keep_live().more:
        pass


def ids(table: pa.Table) -> set[str]:
    return {str(id_) for id_ in table.column("profile_id").to_pylist()}


def members(workspace: Workspace) -> dict[str, set[str]]:
    return {name: ids(workspace.members(name)) for name in SEGMENTS}


def computed(workspace: Workspace) -> dict[str, set[str]]:
    return {name: ids(workspace.members(name, as_of=workspace.now())) for name in SEGMENTS}


def told(workspace: Workspace) -> dict[str, set[str]]:
    """Membership as the feed adds it up."""
    held: dict[str, set[str]] = {name: set() for name in SEGMENTS}
    for change in feed.after(workspace._ledger.database, 0, limit=100_000):
        assert change.profile_id, "nothing of this is an edit"
        assert (change.profile_id in held[change.name]) != change.entered, "entered or left twice"
        (held[change.name].add if change.entered else held[change.name].discard)(change.profile_id)
    return held


def test_an_anonymous_history_counts_as_soon_as_its_person_is_known(shop: Workspace, clock: ManualClock) -> None:
    send(shop, track("view", START, anonymous="x"), track("view", START, anonymous="x"))
    settle(shop)
    assert members(shop)["viewers"] == {"x"}
    assert shop.profile("x").anonymous
    clock.advance(TICK)
    send(shop, identify("ann", "x", START, '{"plan":"pro"}'), track("purchase", START + TICK, user="ann"))
    settle(shop)
    assert members(shop)["viewers"] == members(shop)["funnel"] == members(shop)["pros"] == {"ann"}
    assert members(shop)["strangers"] == set()
    view = shop.profile("x")
    assert (view.profile_id, view.identities, view.anonymous, view.events_total) == ("ann", ("x",), False, 3)
    assert shop.evaluate(["x"])["x"] == shop.evaluate(["ann"])["ann"]
    assert shop.why("funnel", "x").member
    assert shop.status().profiles == 1
    assert shop.catalogue().events[0].count + shop.catalogue().events[1].count == 3
    causes = {(each.profile_id, each.name, each.cause) for each in feed.after(shop._ledger.database, 0, limit=99)}
    assert {("x", "viewers", "event"), ("x", "viewers", "merge"), ("ann", "viewers", "merge")} <= causes
    joined = [entry for entry in shop._ledger.audit() if entry.verb == "join"]
    assert [(entry.object, entry.detail["id"]) for entry in joined] == [("profile:ann", "x")]
    assert told(shop) == members(shop)


def test_late_anonymous_events_land_on_the_person(shop: Workspace, clock: ManualClock) -> None:
    send(shop, identify("ann", "x", START))
    clock.advance(TICK)
    send(shop, track("view", START - TICK, anonymous="x"), track("view", START, anonymous="x"))
    settle(shop)
    assert members(shop)["viewers"] == {"ann"}
    assert [each.id for each in shop.identities.of("ann")] == ["x"]
    assert shop.status().profiles == 1


def test_a_shared_device_joins_no_two_people(shop: Workspace, clock: ManualClock) -> None:
    send(shop, identify("ann", "x", START), track("purchase", START, user="ann", anonymous="x"))
    send(shop, identify("bob", "x", START + TICK), track("view", START, user="bob", anonymous="x"))
    clock.advance(2 * TICK)
    settle(shop)
    assert members(shop)["buyers"] == {"ann"}
    assert members(shop)["strangers"] == {"bob"}


def test_who_turns_out_to_be_known_is_parted_again(shop: Workspace, clock: ManualClock) -> None:
    send(shop, track("view", START, anonymous="old"), track("view", START, anonymous="old"))
    send(shop, alias("old", "new", START))
    settle(shop)
    assert members(shop)["viewers"] == {"new"}
    clock.advance(TICK)
    send(shop, track("purchase", START, user="old"))
    settle(shop)
    assert members(shop)["viewers"] == members(shop)["buyers"] == {"old"}
    assert told(shop) == members(shop)


def test_merging_brings_the_history_lists_and_accounts_and_splitting_takes_them_back(
    shop: Workspace, clock: ManualClock
) -> None:
    send(
        shop,
        *(
            track("view", START, user="ann"),
            track("view", START, user="ann"),
            track("purchase", START + TICK, user="bob"),
        ),
        identify("ann", "", START, '{"account_id":"acme"}'),
    )
    clock.advance(TICK)
    settle(shop)
    shop.segments.save_static("chosen", ["ann"])
    before = members(shop)
    clock.advance(TICK)
    settle(shop)
    shop.identities.merge("ann", into="bob")
    clock.advance(TICK)
    settle(shop)
    assert members(shop) == {**{key: {"bob"} for key in SEGMENTS}, "pros": set(), "strangers": set()}
    assert shop.members("chosen").column("profile_id").to_pylist() == ["bob"]
    assert shop.profile("ann").profile_id == "bob"
    clock.advance(TICK)
    shop.identities.split("ann")
    clock.advance(TICK)
    settle(shop)
    assert members(shop) == before
    assert shop.members("chosen").column("profile_id").to_pylist() == ["ann"]
    assert [decision.verb for decision in shop.identities.decisions() if decision.undone_at] == ["merge"]


def test_a_rebuild_gives_everything_to_the_same_people(shop: Workspace, clock: ManualClock) -> None:
    send(shop, track("view", START, anonymous="x"), track("view", START, anonymous="y"))
    send(shop, identify("ann", "x", START), identify("bob", "y", START, '{"plan":"pro"}'))
    shop.identities.merge("bob", into="ann")
    settle(shop)
    before = (members(shop), shop.profile("ann").traits, shop.status().profiles)
    shop.rebuild()
    clock.advance(TICK)
    shop.run()
    assert (members(shop), shop.profile("ann").traits, shop.status().profiles) == before
    assert shop.status().profiles == 1


class KilledError(Exception):
    """Stands for the end of the process."""


@contextlib.contextmanager
def killed(
    path: Path, clock: ManualClock, before: Sequence[Message], last: Sequence[Message], point: str
) -> Iterator[Workspace]:
    """A workspace whose process was killed at a point of moving the last messages, opened again and settled."""

    def die(at: str) -> None:
        if at == point:
            raise KilledError

    with eg.init(path, clock=clock) as shop:
        for name, text in SEGMENTS.items():
            shop.segments.save(name, text)
        settle(shop)
        for message in before:
            send(shop, message)
        settle(shop)
        clock.advance(TICK)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(mover.move, "__kwdefaults__", {**(mover.move.__kwdefaults__ or {}), "at_point": die})
            with pytest.raises(KilledError):
                send(shop, *last)
    with eg.open(path, clock=clock) as shop:
        while shop.collect().messages:
            pass
        settle(shop)
        assert told(shop) == members(shop) == computed(shop)
        assert not [each for each in shop.doctor() if each.check in ("stored rows", "profile keys") and each.hint]
        yield shop


@pytest.mark.parametrize("point", ["planned", "stored", "marked", "copied", "left", "counted", "noted"])
def test_killed_at_any_point_of_a_joining_everything_follows_once(
    tmp_path: Path, clock: ManualClock, point: str
) -> None:
    before = [track("view", START, anonymous="x"), identify("", "x", START, '{"plan":"pro"}')]
    last = [track("view", START, anonymous="x"), identify("ann", "x", START)]
    with killed(tmp_path / "shop", clock, before, last, point) as shop:
        assert members(shop) == {**{name: set() for name in SEGMENTS}, "viewers": {"ann"}, "pros": {"ann"}}
        assert shop.profile("x").events_total == shop.status().events == 2
        assert shop.status().profiles == 1


@pytest.mark.parametrize("point", ["planned", "cleared", "copied", "removed", "counted", "noted"])
def test_killed_at_any_point_of_a_parting_everything_comes_back_once(
    tmp_path: Path, clock: ManualClock, point: str
) -> None:
    views = [track("view", START, anonymous="old"), track("view", START, anonymous="old")]
    before = [*views, track("view", START, user="new"), alias("old", "new", START)]
    last = [track("purchase", START + TICK, user="old")]
    with killed(tmp_path / "shop", clock, before, last, point) as shop:
        clock.advance(TICK)
        settle(shop)
        held = {"viewers": {"old"}, "buyers": {"old"}, "funnel": {"old"}, "strangers": {"new"}}
        assert members(shop) == {**{name: set() for name in SEGMENTS}, **held}
        assert (shop.profile("old").events_total, shop.profile("new").events_total) == (3, 1)
        assert (shop.status().events, shop.status().profiles) == (4, 2)


def test_what_is_left_behind_is_swept_and_nobody_notices(shop: Workspace, clock: ManualClock) -> None:
    def rows() -> int:
        return int(shop._warehouse.query("SELECT count() FROM events")[0][0])

    send(shop, track("view", START, anonymous="x"), track("view", START, anonymous="x"))
    send(shop, identify("ann", "x", START))
    settle(shop)
    before = (members(shop), shop.status().events, [each.count for each in shop.catalogue().events])
    assert rows() == 4
    for _ in range(1000):  # the engine removes them in the background
        joining.sweep(shop._warehouse, shop._ledger)
        if not shop._warehouse.query("SELECT count() FROM left_behind")[0][0]:
            break
    assert rows() == 2
    assert (members(shop), shop.status().events, [each.count for each in shop.catalogue().events]) == before
    clock.advance(TICK)
    shop.identities.split("x")
    settle(shop)
    assert members(shop)["viewers"] == {"x"}
    assert (rows(), shop.status().events, shop.status().profiles) == (2, 2, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_every_step_of_a_random_history_live_is_what_a_run_finds(
    shop: Workspace, clock: ManualClock, seed: int
) -> None:
    chance = random.Random(seed)
    people, devices = ["ann", "bob", "cy"], ["x", "y", "z"]
    sent: list[Message] = []
    for _ in range(10):
        clock.advance(dt.timedelta(seconds=chance.randint(1, 90_000)))
        at = clock.now() - dt.timedelta(seconds=chance.choice([0, 10, 100_000]))
        for _ in range(chance.randint(1, 3)):
            match chance.randint(0, 8):
                case 0 | 1 | 2:
                    sent.append(track(chance.choice(["view", "purchase"]), at, anonymous=chance.choice(devices)))
                case 3 | 4:
                    sent.append(track(chance.choice(["view", "purchase"]), at, user=chance.choice(people)))
                case 5 | 6:
                    traits = chance.choice(["{}", '{"plan":"pro"}', '{"account_id":"acme"}'])
                    sent.append(identify(chance.choice(people), chance.choice(devices), at, traits))
                case 7:
                    sent.append(alias(chance.choice(people + devices), chance.choice(people), at))
                case _:
                    decide(shop, chance, people + devices)
        chance.shuffle(sent)
        kept = chance.randint(0, len(sent))
        if sent[kept:]:
            send(shop, *sent[kept:])
        sent = sent[:kept]
        settle(shop)
        assert members(shop) == computed(shop) == told(shop)
    shop.rebuild()
    assert computed(shop) == members(shop)


def decide(workspace: Workspace, chance: random.Random, ids: Sequence[str]) -> None:
    """A merge, a split or an undoing, where it is possible."""
    try:
        match chance.randint(0, 2):
            case 0:
                workspace.identities.merge(chance.choice(ids), into=chance.choice(ids))
            case 1:
                workspace.identities.split(chance.choice(ids))
            case _:
                open_ = [each.id for each in workspace.identities.decisions() if each.undone_at is None]
                if open_:
                    workspace.identities.undo(chance.choice(open_))
    except eg.EthogramError:
        pass
