"""Killed at any point, or two beside each other: nobody gets anything twice, nobody is left behind."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decide.journeys.conftest import START
from decide.journeys.world import World
from ethogram.model.journey.runs import RunState

PEOPLE = 40
POINTS = ("decided", "keeping", "kept", "claimed", "dated")
BODY: dict[str, Any] = {
    "entry": {"event": "Came"},
    "exits": [{"event": "Left"}],
    "steps": [
        {"name": "hello", "message": {"channel": "email", "template": "hello"}},
        {"name": "note", "update": {"set": {"greeted": True}}},
        {"name": "wait", "delay": "1 hour"},
        {"name": "more", "message": {"channel": "email", "template": "more"}},
        {"name": "click", "wait": {"for": {"event": "Clicked"}, "at_most": "1 day"}, "next": "end"},
        {"name": "last", "message": {"channel": "email", "template": "last"}},
    ],
}
DATED: dict[str, Any] = {
    "entry": {"date": {"trait": "birthday", "at": "08:30", "every": "year"}},
    "steps": [{"name": "wish", "message": {"channel": "email", "template": "wish"}}],
}


def opened(path: Path, passes: Callable[[str], None] = lambda _: None) -> World:
    """The world of that ledger, with the people who are known already."""
    traits = {f"p{number:02}": {"birthday": "1990-03-02"} for number in range(PEOPLE)}
    return World(path, START, traits=traits, at_point=passes)


def scenario(world: World) -> None:
    """People come, some click and some leave; whoever plays it again after a kill finds what was there."""
    for number in range(PEOPLE):
        world.did(f"p{number:02}", "Came", at=START)
    settle(world, dt.timedelta())
    settle(world, dt.timedelta(hours=1))
    for number in range(PEOPLE):
        world.did(f"p{number:02}", ("Clicked", "Left", "Looked")[number % 3], at=world.now)
    settle(world, dt.timedelta(hours=1, minutes=3))
    settle(world, dt.timedelta(hours=26))


def settle(world: World, at: dt.timedelta) -> None:
    """Everything is done that there is to do; after some minutes the claims of one that is gone are free."""
    for pause in (dt.timedelta(), dt.timedelta(minutes=3)):
        world.now = START + at + pause
        world.tick()


def expected() -> list[tuple[str, str]]:
    """Who gets what."""
    found = []
    for number in range(PEOPLE):
        said = ["hello", "more", "wish", *(["last"] if number % 3 == 2 else [])]
        found += [(f"p{number:02}", template) for template in said]
    return sorted(found)


def check(path: Path) -> None:
    """Everybody got what is theirs, once, and everybody's run has ended."""
    world = opened(path)
    assert sorted((id_, template) for id_, template, _ in world.states()) == expected()
    assert {run.state for run in world.runs("all")} == {RunState.DONE, RunState.EXITED}
    assert len(world.runs("all")) == PEOPLE
    with world.database.reading() as connection:
        wishes = (
            connection.exec_driver_sql("SELECT profile_id FROM journey_changes WHERE kind = 'traits' ORDER BY 1")
            .scalars()
            .all()
        )
        events = connection.exec_driver_sql(
            "SELECT profile_id FROM journey_changes WHERE kind = 'event' AND id LIKE '%.exited' ORDER BY 1"
        )
        ended = events.scalars().all()
    assert wishes == [f"p{number:02}" for number in range(PEOPLE)]
    assert ended == sorted(2 * wishes)  # of both journeys


def killed_once(path: Path, point: str, nth: int) -> int:
    """How a process ended that plays the scenario and kills itself when it passes a point for the nth time."""
    child = os.fork()
    if child == 0:
        left = [nth]

        def passes(where: str) -> None:
            if where == point:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            world = opened(path, passes)
            scenario(world)
        except BaseException:  # a forked child never returns to the tests
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def prepared(path: Path) -> None:
    """A ledger with the journeys under way, before anybody came."""
    world = opened(path)
    world.save("all", BODY)
    world.save("birthday", DATED)
    world.ledger.close()


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_it_goes_on_where_it_was(point: str, tmp_path: Path, empty_ledger: Path) -> None:
    first = tmp_path / "prepared.db"
    shutil.copy(empty_ledger, first)
    prepared(first)
    kills = 0
    for nth in range(1, 10):
        path = tmp_path / f"{nth}.db"
        shutil.copy(first, path)
        status = killed_once(path, point, nth)
        assert status in (0, -signal.SIGKILL)
        kills += status != 0
        # The claims of the one that is gone end by and by.
        world = opened(path)
        scenario(world)
        world.now += dt.timedelta(minutes=5)
        world.tick()
        world.ledger.close()
        check(path)
        if not status:
            break
    assert kills


def test_two_runners_beside_each_other_do_everything_once(tmp_path: Path, empty_ledger: Path) -> None:
    path = tmp_path / "ledger.db"
    shutil.copy(empty_ledger, path)
    prepared(path)
    meet = threading.Barrier(2, timeout=60)
    failed: list[BaseException] = []

    def play() -> None:
        try:
            world = opened(path)
            meet.wait()
            scenario(world)
            world.ledger.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=play) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    world = opened(path)
    scenario(world)
    world.ledger.close()
    check(path)


def test_a_runner_that_was_held_up_writes_nothing_over_what_another_did(world: World) -> None:
    scenario_body = {**BODY, "exits": []}
    world.save("all", scenario_body)
    world.did("ann", "Came")
    world.tick()
    world.now += dt.timedelta(hours=1)
    other = world.another()
    held: list[str] = []

    def passes(where: str) -> None:
        if where == "decided" and not held:
            held.append(where)
            # Its claim ends while it sleeps, and another one moves the run.
            assert other.tick(world.now + dt.timedelta(minutes=10)).moved == 1

    world.at_point = passes
    assert world.tick().moved == 0
    assert [template for _, template, _ in world.states()] == ["hello", "more"]
    assert world.run("all").moves == 2
