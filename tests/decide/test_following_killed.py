"""Killed at any point of following a catalogue, or two beside each other: everybody concerned is told once."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from decide.campaigns.test_launching import START, STOCKHOLM
from decide.campaigns.test_launching import World as Launches
from decide.journeys.world import World
from ethogram.decide.campaigns.launching import Asking, Launching
from ethogram.decide.campaigns.restocking import Restocking
from ethogram.decide.following import Looking
from ethogram.store import campaigns, catalogs, definitions
from ethogram.store.arrivals import Arrival
from ethogram.store.database import Database

PEOPLE = [f"p{number:02}" for number in range(30)]
SEEN = {"event": "Viewed", "property": "item"}
LATER = START + dt.timedelta(hours=1)


def killed(work: Callable[[Path, Callable[[str], None]], object], path: Path, point: str, nth: int) -> bool:
    """Whether a process killed itself that works and passes a point for the nth time."""
    child = os.fork()
    if child == 0:
        left = [nth]

        def passes(where: str) -> None:
            left[0] -= where == point
            if where == point and not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            work(path, passes)
        except BaseException:  # a forked child never returns to the tests
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


# --- campaigns ----------------------------------------------------------------------------------------------------


def interested(_seen: object, items: object, at: dt.datetime) -> list[tuple[str, str, dt.datetime]]:
    assert isinstance(items, dict)
    return [(id_, item, at) for id_ in PEOPLE for item in sorted(items)]


def restocked(path: Path, passes: Callable[[str], None] = lambda _: None) -> Launches:
    """Follows changes and decides about whom they concern, until there is nothing to do."""
    world = Launches(Database(f"sqlite:///{path}"), list(PEOPLE))
    asking = Asking(world.page, world.among, world.traits, lambda _ids, _at: {}, needed=("email",))
    launching = Launching(world.database, STOCKHOLM, asking, world.draw, world.put, portion=7, at_point=passes)
    following = Restocking(world.database, Looking(interested, lambda _ids, _names, _at: {}), at_point=passes)
    while following.step(LATER) or launching.step(LATER):
        pass
    return world


@pytest.mark.parametrize("point", ["asked", "keeping", "kept"])
def test_a_campaign_tells_everybody_once_of_what_changed(tmp_path: Path, point: str) -> None:
    first = tmp_path / "prepared.sqlite"
    world = Launches(Database(f"sqlite:///{first}"))
    world.start({"catalog": {"name": "products", "back_in_stock": 1, "seen": SEEN, "again": "always"}})
    with world.database.writing() as connection:
        definitions.save(connection, "catalog", "products", {}, START)
        catalogs.put(connection, "products", {"a": {"quantity": 0}, "b": {"quantity": 0}}, START)
        campaigns.change(connection, "c", watermark=2)
        catalogs.put(connection, "products", {"a": {"quantity": 3}, "b": {"quantity": 0, "price": 2}}, LATER)
    world.database.close()
    kills = 0
    for nth in range(1, 9):
        path = tmp_path / f"{nth}.sqlite"
        shutil.copy(first, path)
        kills += killed(restocked, path, point, nth)
        found = restocked(path)
        assert [each[0] for each in found.outbox()] == PEOPLE
        assert {each[3]["item"] for each in found.outbox()} == {"a"}
        with found.database.reading() as connection:
            assert campaigns.progress(connection, "c").watermark == catalogs.newest_change(found.database)
        found.database.close()
    assert kills >= 5


def test_two_who_follow_beside_each_other_make_one_launch(tmp_path: Path) -> None:
    world = Launches(Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}"), list(PEOPLE))
    world.start({"catalog": {"name": "products", "back_in_stock": 1, "seen": SEEN}})
    with world.database.writing() as connection:
        definitions.save(connection, "catalog", "products", {}, START)
        catalogs.put(connection, "products", {"a": {"quantity": 0}}, START)
        catalogs.put(connection, "products", {"a": {"quantity": 3}}, LATER)
    looking = Looking(interested, lambda _ids, _names, _at: {})
    other = Restocking(world.database, looking)

    def meanwhile(point: str) -> None:
        if point == "asked":
            other.step(LATER)

    Restocking(world.database, looking, at_point=meanwhile).step(LATER)
    with world.database.reading() as connection:
        (launch,) = campaigns.launches(connection, "c")
    assert len(launch.recipients or ()) == len(PEOPLE)
    world.database.close()


# --- journeys -----------------------------------------------------------------------------------------------------


def world_at(path: Path, passes: Callable[[str], None] = lambda _: None) -> World:
    done = [Arrival(f"m{id_}", id_, START, "Viewed", {"item": "a"}) for id_ in PEOPLE]
    return World(path, START, done=done, at_point=passes)


def entered(path: Path, passes: Callable[[str], None] = lambda _: None) -> World:
    """Looks until there is nothing to do; after a pause what one has claimed who is gone is free."""
    world = world_at(path, passes)
    for length in (dt.timedelta(hours=1), dt.timedelta(minutes=5)):
        world.now += length
        world.tick()
    return world


@pytest.mark.parametrize("point", ["entered", "items", "claimed", "keeping"])
def test_a_journey_lets_everybody_in_once_by_a_change(tmp_path: Path, point: str) -> None:
    first = tmp_path / "prepared.db"
    world = world_at(first)
    world.item("a", quantity=0)
    world.tick()
    body = {
        "entry": {"catalog": {"name": "products", "back_in_stock": 1, "seen": SEEN}},
        "again": "always",
        "overlapping": True,
        "steps": [{"name": "m", "message": {"channel": "email", "template": "m"}}],
    }
    world.save("back", body)
    world.now += dt.timedelta(minutes=1)
    world.item("a", quantity=2)
    world.ledger.close()
    path = tmp_path / "killed.db"
    shutil.copy(first, path)
    assert killed(entered, path, point, 1)
    found = entered(path)
    assert sorted(id_ for id_, _, _ in found.states()) == PEOPLE
    assert sorted(run.profile_id for run in found.runs("back")) == PEOPLE
    found.ledger.close()


def test_a_message_waits_for_the_usual_hour_of_its_person(tmp_path: Path) -> None:
    world = World(tmp_path / "ledger.db", START, hours={"ann": 18, "bob": 6})
    message = {"channel": "email", "template": "m", "send_at": "best", "expires_after": "1 hour"}
    journey = world.save("j", {"entry": {"event": "Came"}, "steps": [{"name": "m", "message": message}]})
    assert journey.to_body()["steps"][0]["message"] == message
    for id_ in ("ann", "bob", "cid"):
        world.did(id_, "Came")
    world.tick()
    assert sorted(world.messages()) == [
        ("03-02 07:00", "cid", "m"),
        ("03-02 18:00", "ann", "m"),
        ("03-03 06:00", "bob", "m"),
    ]
    world.ledger.close()
