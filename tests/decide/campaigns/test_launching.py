"""A launch decides about everybody who is meant, once, wherever it was interrupted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from ethogram.decide.campaigns.launching import Asking, Drawn, Launching, text_of, zone_of
from ethogram.decide.campaigns.planning import plan
from ethogram.model.campaign import Audience, Campaign
from ethogram.model.message import Wanted
from ethogram.segment.parser import parse
from ethogram.store import campaigns, definitions, settings
from ethogram.store.campaigns import CampaignState, LaunchState
from ethogram.store.database import Database

STOCKHOLM = ZoneInfo("Europe/Stockholm")
START = dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)
ZONES = {"p00001": "Asia/Tokyo", "p00002": "America/New_York", "p00003": "Mars/Olympus", "p00004": 5}


@dataclass
class World:
    """People, and an outbox inside the ledger's transactions."""

    database: Database
    ids: list[str] = field(default_factory=lambda: [f"p{number:05}" for number in range(5_001)])
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    fails: bool = False

    def launching(self) -> Launching:
        asking = Asking(self.page, self.among, self.traits, lambda _ids, _at: {}, needed=("email",))
        return Launching(self.database, STOCKHOLM, asking, self.draw, self.put)

    def page(self, text: str, at: dt.datetime, after: str | None, limit: int) -> Sequence[str]:
        self.asked.append((text, after))
        return [id_ for id_ in self.ids if after is None or id_ > after][: min(limit, 3_000)]

    def among(self, text: str, ids: Sequence[str], at: dt.datetime) -> frozenset[str]:
        return frozenset(ids) & frozenset(self.ids)

    def traits(self, ids: Sequence[str], names: Sequence[str], at: dt.datetime) -> Mapping[str, Mapping[str, Any]]:
        assert list(names) == ["email", "timezone"]
        assert at.tzinfo is dt.UTC
        return {id_: {"timezone": ZONES[id_]} for id_ in ids if id_ in ZONES}

    @staticmethod
    def draw(campaign: Campaign, id_: str) -> Drawn:
        return Drawn(campaign.variants[0], id_.endswith("7"))

    def put(
        self,
        connection: sa.Connection,
        wanted: Sequence[tuple[Wanted, bool]],
        traits: Mapping[str, Mapping[str, Any]],
        now: dt.datetime,
    ) -> None:
        held = settings.read(connection, "outbox", [])
        added = [
            (each.profile_id, each.due_at.isoformat(), held_out, dict(each.data), each.id) for each, held_out in wanted
        ]
        settings.keep(connection, "outbox", held + added)
        if self.fails:
            self.fails = False
            raise RuntimeError("the disk is full")

    def outbox(self) -> list[list[Any]]:
        with self.database.reading() as connection:
            return list(settings.read(connection, "outbox", []))

    def start(self, when: dict[str, Any], **more: Any) -> None:
        body = {"channel": "email", "template": "t", "when": when, **more}
        with self.database.writing() as connection:
            definitions.save(connection, "campaign", "c", body, START)
            campaigns.change(connection, "c", state=CampaignState.ACTIVE, started_at=START)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield World(database)
    database.close()


def test_everybody_is_decided_about_once(world: World) -> None:
    world.start({"now": True})
    plan(world.database, STOCKHOLM, START)
    launching = world.launching()
    steps = 0
    while launching.step(START):
        steps += 1
    assert steps == 5  # 2,000, the rest of a page, 2,000, 1, and nobody
    assert [each[0] for each in world.outbox()] == world.ids
    assert sum(each[2] for each in world.outbox()) == 500
    with world.database.reading() as connection:
        (launch,) = campaigns.launches(connection, "c")
    assert (launch.state, launch.decided, launch.audience) == (LaunchState.DONE, 5_001, 5_001)


def test_it_goes_on_behind_the_last_one_after_a_failure_and_in_another_process(world: World) -> None:
    world.start({"now": True})
    plan(world.database, STOCKHOLM, START)
    first = world.launching()
    first.step(START)
    world.fails = True
    with pytest.raises(RuntimeError):
        first.step(START)
    assert len(world.outbox()) == 2_000
    second = world.launching()
    while second.step(START) or first.step(START):  # two at once are in each other's way, and no harm comes of it
        pass
    assert sorted(each[0] for each in world.outbox()) == world.ids


def test_who_is_stopped_decides_nothing_more_until_resumed(world: World) -> None:
    world.start({"now": True})
    plan(world.database, STOCKHOLM, START)
    launching = world.launching()
    launching.step(START)
    with world.database.writing() as connection:
        campaigns.change(connection, "c", state=CampaignState.STOPPED)
    assert not launching.step(START)
    assert len(world.outbox()) == 2_000
    with world.database.writing() as connection:
        campaigns.change(connection, "c", state=CampaignState.ACTIVE)
    while launching.step(START):
        pass
    assert [each[0] for each in world.outbox()] == world.ids


def test_each_person_waits_for_their_own_local_time(world: World) -> None:
    world.ids = world.ids[:5]
    world.start({"local": {"date": "2026-03-29", "time": "02:30"}})
    at = dt.datetime(2026, 3, 28, 12, 30, tzinfo=dt.UTC)
    plan(world.database, STOCKHOLM, at)
    while world.launching().step(at):
        pass
    assert {each[0]: each[1] for each in world.outbox()} == {
        "p00000": "2026-03-29T01:00:00+00:00",  # the workspace's zone, where there is no 02:30 on that day
        "p00001": "2026-03-28T17:30:00+00:00",
        "p00002": "2026-03-29T06:30:00+00:00",
        "p00003": "2026-03-29T01:00:00+00:00",
        "p00004": "2026-03-29T01:00:00+00:00",
    }


def test_a_call_reaches_its_recipients_who_are_meant_with_their_data(world: World) -> None:
    world.start({"api": True})
    recipients = [{"profile_id": id_, "data": {"n": id_}} for id_ in ("p00001", "stranger", "p00003")]
    with world.database.writing() as connection:
        for _ in range(2):
            campaigns.plan(connection, "c", 1, "call-1", START, START, data={"a": 1}, recipients=recipients)
    launching = world.launching()
    while launching.step(START):
        pass
    assert [(each[0], each[3]) for each in world.outbox()] == [
        ("p00001", {"a": 1, "n": "p00001"}),
        ("p00003", {"a": 1, "n": "p00003"}),
    ]


def test_an_audience_is_a_text_of_the_language() -> None:
    for audience in (
        Audience(),
        Audience(("it's", "b"), ("c",), "plan = 'pro' or did(x)"),
        Audience(without=("c", "d")),
    ):
        parse(text_of(audience))


@pytest.mark.parametrize("zone", ["../../etc/passwd", "", "Europe", 7, None, "\0", "x" * 10_000])
def test_a_zone_that_is_none_is_the_workspaces(zone: object) -> None:
    assert zone_of({"timezone": zone}, STOCKHOLM) == STOCKHOLM
