"""Runs of journeys are started, moved and looked at alike in every ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ethogram.model.journey.runs import Change, ListChanged, Passed, Run, RunState, TraitsChanged, run_id
from ethogram.model.message import Channel, Eligible, Maker, Origin, Wanted
from ethogram.store import journey_changes, journey_reading, journey_runs, journeys, outbox
from ethogram.store.journey_runs import Moved, Tally
from ethogram.store.journeys import EVENTS, JourneyState
from ethogram.store.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    postgresql = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if postgresql else f"sqlite:///{tmp_path / 'ledger.db'}"
    with Ledger(url) as opened:
        yield opened


def run(id_: str, occurrence: str = "o", journey: str = "j", at: dt.datetime = NOW) -> Run:
    return Run(
        run_id(journey, id_, occurrence), journey, 1, id_, occurrence, "first", at, at, at, data={"trigger": {"n": 1}}
    )  # fmt: skip


def test_a_run_lives_from_its_start_to_its_end(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        journeys.change(connection, "j", state=JourneyState.ACTIVE, version=1, started_at=NOW)
        assert len(journey_runs.start(connection, [run("ann"), run("bob"), run("ann")])) == 2
        assert journey_runs.start(connection, [run("ann")]) == {}
        assert journey_runs.known(connection, [run("ann").id, "other"]) == {run("ann").id}
        assert journey_runs.tallies(connection, ["j"], ["ann", "cid"], NOW) == {("j", "ann"): Tally(1, 1, NOW)}
    with ledger.database.writing() as connection:
        claimed = journey_runs.claim(connection, NOW, HOUR, most=10)
        assert [each.profile_id for each in claimed] == ["ann", "bob"]
        assert claimed[0] == replace(run("ann"), number=claimed[0].number)
        assert journey_runs.claim(connection, NOW, HOUR, most=10) == []
    ann, bob = claimed
    rests = replace(ann, step="wait", resting=True, step_at=NOW, due_at=NOW + HOUR, taken=1, data={"trigger": {"n": 2}})
    over = replace(bob, state=RunState.DONE, due_at=None, taken=1, ended_at=NOW)
    wishes: list[tuple[int, Change]] = [(0, TraitsChanged({"a": 1})), (1, ListChanged("vip", added=True))]
    moved = [Moved(rests, [Passed(0, "first", "next", NOW, NOW)], wishes, told=True),
             Moved(over, [Passed(0, "first", "next", NOW, NOW)])]  # fmt: skip
    with ledger.database.writing() as connection:
        assert journey_runs.finish(connection, moved, NOW) == {ann.number, bob.number}
        assert journey_runs.finish(connection, moved, NOW) == set()
        assert journeys.in_use(connection) == (("j", 1),)
        assert journey_runs.next_due(connection) == NOW + HOUR
        assert journey_runs.active_of(connection, ["ann", "bob"]) == [replace(rests, moves=1)]
        assert [each.body for each in journey_changes.waiting(connection, "list", most=9)] == [
            {"segment": "vip", "added": True}
        ]
        counts = {each.step: (each.at, each.outcomes) for each in journey_reading.counts(connection, "j")}
        assert counts == {"first": (0, {"next": 2}), "wait": (1, {})}
        assert [each.profile_id for each in journey_reading.people_at(connection, "j", "wait")] == ["ann"]
        assert journey_reading.history(connection, bob.number) == (Passed(0, "first", "next", NOW, NOW),)
        assert [each.id for each in journey_reading.runs_of(connection, "bob")] == [bob.id]


def test_a_stopped_journey_has_nobody_who_is_due(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        journeys.change(connection, "j", state=JourneyState.STOPPED, version=1, started_at=NOW)
        journey_runs.start(connection, [run("ann"), run("bob", journey="other")])
        assert [each.journey for each in journey_runs.claim(connection, NOW, HOUR, most=10)] == ["other"]
        journeys.count_refused(connection, {"j": 3})
        assert journeys.standing(connection, "j").refused == 3
        assert journeys.dated(connection, "j", None, NOW)
        assert not journeys.dated(connection, "j", None, NOW)
        assert journeys.move_mark(connection, EVENTS, None, 5)
        assert not journeys.move_mark(connection, EVENTS, 4, 6)
        assert journeys.mark(connection, EVENTS) == 5


def test_letting_everybody_go_cancels_what_is_not_sent(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        journey_runs.start(connection, [run("ann"), run("bob")])
        origin = Origin(Maker.JOURNEY, "j", 1, run("ann").id, step="say")
        outbox.append(connection, [(Wanted(origin, "ann", Channel.EMAIL, "t", NOW), Eligible())], NOW)
        assert journey_runs.move_version(connection, "j", 1, 2, {"first": "other"}) == 2
        assert journey_runs.exit_all(connection, "j", "closed", NOW, most=1) == 1
        assert journey_runs.exit_all(connection, "j", "closed", NOW) == 1
        assert journey_runs.exit_all(connection, "j", "closed", NOW) == 0
        (ended,) = journey_reading.ended(connection, "j")
        assert (ended.version, ended.state, ended.reason, ended.runs) == (2, RunState.EXITED, "closed", 2)
        state = connection.exec_driver_sql("SELECT state FROM messages").scalar_one()
    assert state == "cancelled"


def test_who_is_found_to_be_one_person_keeps_the_older_run(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        journey_runs.start(connection, [run("ann", at=NOW + HOUR), run("anon"), run("anon", journey="other")])
        journey_runs.follow_moves(connection, [("anon", "ann")], NOW)
        assert [(each.journey, each.started_at) for each in journey_runs.active_of(connection, ["ann", "anon"])] == [
            ("j", NOW), ("other", NOW),
        ]  # fmt: skip
