"""Launches are planned once each, whenever and however often somebody looks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethogram.decide.campaigns.planning import plan
from ethogram.store import campaigns, definitions
from ethogram.store.campaigns import CampaignState, Launch, LaunchState
from ethogram.store.database import Database

UTC = ZoneInfo("UTC")
START = dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)  # a Monday
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.close()


def start(database: Database, when: dict[str, Any], name: str = "c", now: dt.datetime = START, **more: Any) -> None:
    body = {"channel": "email", "template": "t", "when": when, **more}
    with database.writing() as connection:
        definitions.save(connection, "campaign", name, body, now)
        campaigns.change(connection, name, state=CampaignState.ACTIVE, started_at=now)


def launches(database: Database, name: str = "c") -> list[Launch]:
    with database.reading() as connection:
        return list(reversed(campaigns.launches(connection, name)))


def state(database: Database, name: str = "c") -> CampaignState:
    with database.reading() as connection:
        return campaigns.progress(connection, name).state


def finish(database: Database, launch: Launch) -> None:
    with database.writing() as connection:
        assert campaigns.advance(connection, launch, state=LaunchState.DONE)


def test_once_is_launched_once_and_then_the_campaign_is_finished(database: Database) -> None:
    start(database, {"now": True})
    assert [plan(database, UTC, START + step * HOUR) for step in range(3)] == [1, 0, 0]
    (launch,) = launches(database)
    assert (launch.occurrence, launch.due_at, launch.state) == ("once", START, LaunchState.PLANNED)
    assert state(database) is CampaignState.ACTIVE
    finish(database, launch)
    plan(database, UTC, START + 4 * HOUR)
    assert state(database) is CampaignState.FINISHED


def test_a_recurring_one_comes_again_and_goes_on_after_a_new_version(database: Database) -> None:
    start(database, {"every": "0 8 * * *"})
    for hour in range(49):
        plan(database, UTC, START + hour * HOUR)
        if hour == 30:
            start(database, {"every": "0 8 * * *"}, priority=1)  # a new version; nothing comes twice
    assert [(each.due_at, each.version) for each in launches(database)] == [
        (START + HOUR, 1),
        (START + HOUR + DAY, 1),
    ]


def test_who_was_away_for_a_week_sends_the_newest_one_only(database: Database) -> None:
    start(database, {"every": "0 8 * * *"}, expires_after="12 hours")
    plan(database, UTC, START)
    plan(database, UTC, START + 7 * DAY + 2 * HOUR)
    assert [each.state for each in launches(database)] == [LaunchState.MISSED] * 7 + [LaunchState.PLANNED]


def test_what_is_too_late_is_not_sent(database: Database) -> None:
    start(database, {"every": "0 8 * * MON"}, expires_after="12 hours")
    plan(database, UTC, START)
    plan(database, UTC, START + 2 * DAY)
    assert [each.state for each in launches(database)] == [LaunchState.MISSED]


def test_a_clock_that_was_three_days_ahead_does_no_harm(database: Database) -> None:
    start(database, {"every": "0 8 * * *"}, expires_after="6 hours")
    plan(database, UTC, START)
    plan(database, UTC, START + 3 * DAY)  # ahead: of three occurrences it sends none, since they are too late
    assert {each.state for each in launches(database)} == {LaunchState.MISSED}
    for hour in range(4 * 24):
        plan(database, UTC, START + hour * HOUR)
    assert [(each.due_at, each.state) for each in launches(database)] == [
        (START + HOUR + day * DAY, LaunchState.PLANNED) for day in range(4)
    ]


def test_nothing_is_planned_of_what_is_stopped(database: Database) -> None:
    start(database, {"every": "0 8 * * *"})
    with database.writing() as connection:
        campaigns.change(connection, "c", state=CampaignState.STOPPED, reason="asked")
    assert plan(database, UTC, START + 2 * DAY) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.integers(-60, 600), min_size=1, max_size=30), st.integers(1, 10**9))
def test_however_the_clock_goes_each_occurrence_is_planned_at_most_once(
    database: Database, steps: list[int], name: int
) -> None:
    start(database, {"every": "*/20 * * * *"}, str(name))
    now = START
    for minutes in steps:
        now += dt.timedelta(minutes=minutes)
        plan(database, UTC, now)
    found = launches(database, str(name))
    assert len(found) == len({each.occurrence for each in found})
    assert all(each.due_at <= now or each.state is LaunchState.PLANNED for each in found)
    with database.writing() as connection:
        campaigns.change(connection, str(name), state=CampaignState.FINISHED)  # the next example has its own
