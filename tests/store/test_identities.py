"""Which profile an id points at follows from what was said, in whatever order and in whatever blocks it came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.errors import SettingError, UnknownNameError
from ethogram.store import identities
from ethogram.store.database import Database
from ethogram.store.identities import Claim

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
MONTH = dt.timedelta(days=30)


@dataclass(frozen=True)
class Call:
    """What a message says of ids: an `identify` or `alias` with both, a `track` with one of them."""

    anonymous: str
    user: str
    at: int

    @property
    def claim(self) -> Claim | None:
        both = self.anonymous and self.user and self.anonymous != self.user
        return Claim(self.anonymous, self.user, self.at) if both else None


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.close()


def observe(database: Database, calls: Sequence[Call], stored: dict[str, bool] | None = None) -> None:
    claims = [call.claim for call in calls if call.claim is not None]
    with database.writing() as connection:
        identities.observe(connection, claims, {call.user for call in calls if call.user}, stored or {}, NOW)


def expected(calls: Sequence[Call]) -> dict[str, str]:
    """The rule, said directly: a `userId` stands for itself; of any other id the earliest claim wins."""
    users = {call.user for call in calls if call.user}
    points = {}
    for id_ in {call.anonymous for call in calls if call.anonymous} | users:
        claims = [(call.at, call.user) for call in calls if call.claim and call.anonymous == id_]
        points[id_] = min(claims)[1] if claims and id_ not in users else id_
    return points


def pointed(database: Database, ids: Sequence[str]) -> dict[str, str]:
    found = identities.aliases(database, ids)
    return {id_: found.get(id_, id_) for id_ in ids}


NAMES = st.sampled_from(["a", "b", "c", "u", "v", "w"])
CALLS = st.lists(
    st.builds(Call, st.one_of(st.just(""), NAMES), st.one_of(st.just(""), NAMES), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)


class Stored:
    """The warehouse as far as ids matter: where what came under each id is, following the planned moves."""

    def __init__(self) -> None:
        self.place: dict[str, str] = {}
        self.users: set[str] = set()

    def take(self, database: Database, calls: Sequence[Call]) -> None:
        claimed = {call.anonymous for call in calls if call.claim}
        here = {id_: id_ in self.users for id_ in claimed if id_ in self.place.values()}
        observe(database, calls, here)
        for call in calls:
            id_ = call.user or call.anonymous
            if id_ and id_ not in self.place:
                self.place[id_] = pointed(database, [id_])[id_]
            self.users |= {call.user} - {""}
        for move in identities.planned(database, 1000):
            if move.identity in self.place:
                assert self.place[move.identity] in (move.source, move.target)
                self.place[move.identity] = move.target
            with database.writing() as connection:
                identities.mark_done(connection, [move])


@settings(max_examples=150, deadline=None)
@given(CALLS, st.randoms(use_true_random=False))
def test_the_answer_depends_on_no_order(calls: list[Call], chance: object) -> None:
    answers = []
    for _ in range(2):
        database = Database("sqlite://")
        stored = Stored()
        left = list(calls)
        chance.shuffle(left)  # type: ignore[attr-defined]
        while left:
            size = chance.randint(1, len(left))  # type: ignore[attr-defined]
            block, left = left[:size], left[size:]
            stored.take(database, block)
        points = expected(calls)
        assert pointed(database, list(points)) == points
        # What is stored has followed: wherever it was put first, it is now where its id points.
        assert all(place == points[id_] for id_, place in stored.place.items())
        answers.append(points)
        database.close()
    assert answers[0] == answers[1]


def test_a_shared_device_stays_with_who_was_first_and_joins_nobody(database: Database) -> None:
    observe(database, [Call("device", "ann", 10)])
    observe(database, [Call("device", "bob", 20)])
    assert pointed(database, ["device", "ann", "bob"]) == {"device": "ann", "ann": "ann", "bob": "bob"}
    observe(database, [Call("device", "cy", 5)])  # came late, happened first
    assert pointed(database, ["device", "ann", "bob", "cy"])["device"] == "cy"


def test_an_alias_of_a_known_person_joins_nobody_and_circles_end(database: Database) -> None:
    observe(database, [Call("", "ann", 1), Call("", "bob", 1)])
    observe(database, [Call("ann", "bob", 2), Call("bob", "ann", 3)])
    assert pointed(database, ["ann", "bob"]) == {"ann": "ann", "bob": "bob"}


def test_somebody_whom_the_warehouse_knows_as_a_user_is_known(database: Database) -> None:
    observe(database, [Call("ann", "bob", 2)], {"ann": True})
    assert pointed(database, ["ann"]) == {"ann": "ann"}


def test_merging_and_splitting_can_be_undone(database: Database) -> None:
    observe(database, [Call("x", "ann", 1), Call("y", "bob", 1)])
    ids = ["x", "y", "ann", "bob"]
    before = pointed(database, ids)

    def merge(identity: str, into: str) -> int:
        with database.writing() as connection:
            return identities.merge(connection, identity, into, ["ann", "bob"], NOW, "me").id

    def split(identity: str, now: dt.datetime = NOW) -> int:
        with database.writing() as connection:
            return identities.split(connection, identity, now, "me", MONTH).id

    number = merge("y", "x")  # two people, by any of their ids
    assert pointed(database, ids) == dict.fromkeys(ids, "ann")
    with pytest.raises(SettingError, match="one person already"):
        merge("ann", "bob")
    with database.writing() as connection:
        identities.undo(connection, number, NOW, "me", MONTH)
    assert pointed(database, ids) == before
    merge("bob", "ann")
    split("bob")
    assert pointed(database, ids) == before
    alone = split("y")
    assert pointed(database, ids) == {**before, "y": "y"}
    observe(database, [Call("y", "bob", 0)])  # whatever is said, what was split stays apart …
    assert pointed(database, ids) == {**before, "y": "y"}
    with database.writing() as connection:
        identities.undo(connection, alone, NOW, "me", MONTH)  # … until that is undone
    assert pointed(database, ids) == before
    with pytest.raises(SettingError, match="undone already"), database.writing() as connection:
        identities.undo(connection, alone, NOW, "me", MONTH)
    merge("bob", "ann")
    with pytest.raises(SettingError, match="30 days"):
        split("bob", NOW + MONTH + dt.timedelta(seconds=1))
    with pytest.raises(UnknownNameError, match="nothing to split"):
        split("ann")
    with pytest.raises(UnknownNameError, match="no decision 99"), database.writing() as connection:
        identities.undo(connection, 99, NOW, "me", MONTH)


def test_merges_in_a_row_lead_to_one_person_and_come_apart_one_by_one(database: Database) -> None:
    def merge(identity: str, into: str) -> int:
        with database.writing() as connection:
            return identities.merge(connection, identity, into, ["a", "b", "c"], NOW, "me").id

    first, second = merge("a", "b"), merge("b", "c")
    assert pointed(database, ["a", "b", "c"]) == {"a": "c", "b": "c", "c": "c"}
    with database.writing() as connection:
        identities.undo(connection, first, NOW, "me", MONTH)
    assert pointed(database, ["a", "b", "c"]) == {"a": "a", "b": "c", "c": "c"}
    merge("c", "a")
    assert pointed(database, ["a", "b", "c"]) == {"a": "a", "b": "a", "c": "a"}
    with database.writing() as connection:
        identities.undo(connection, second, NOW, "me", MONTH)
    assert pointed(database, ["a", "b", "c"]) == {"a": "a", "b": "b", "c": "a"}
