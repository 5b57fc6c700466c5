"""Killed at any point of a launch, everybody who is meant is decided about once."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from decide.campaigns.test_launching import START, STOCKHOLM, World
from ethogram.decide.campaigns.launching import Asking, Launching
from ethogram.decide.campaigns.planning import plan
from ethogram.store import campaigns
from ethogram.store.campaigns import LaunchState
from ethogram.store.database import Database

PEOPLE = [f"p{number:05}" for number in range(400)]
POINTS = ("asked", "keeping", "kept")


def world_at(path: Path) -> World:
    return World(Database(f"sqlite:///{path}"), list(PEOPLE))


def launched(path: Path, point: str, nth: int) -> int:
    """How a process ended that launches and kills itself when it passes a point for the nth time."""
    child = os.fork()
    if child == 0:
        left = [nth]

        def passes(where: str) -> None:
            left[0] -= where == point
            if where == point and not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            world = world_at(path)
            asking = Asking(world.page, world.among, world.traits, lambda _ids, _at: {}, needed=("email",))
            launching = Launching(world.database, STOCKHOLM, asking, world.draw, world.put, portion=20, at_point=passes)
            plan(world.database, STOCKHOLM, START)
            while launching.step(START):
                pass
        except BaseException:  # a forked child never returns to the tests
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("point", POINTS)
def test_a_launch_goes_on_behind_the_last_one_who_is_decided_about(tmp_path: Path, point: str) -> None:
    first = tmp_path / "prepared.sqlite"
    prepared = world_at(first)
    prepared.start({"now": True})
    prepared.database.close()
    kills = 0
    for nth in range(1, 16):
        path = tmp_path / f"{nth}.sqlite"
        shutil.copy(first, path)
        kills += launched(path, point, nth) == -signal.SIGKILL
        kills += launched(path, point, 3) == -signal.SIGKILL  # and again, a little later
        assert launched(path, "", 0) == 0
        world = world_at(path)
        assert [each[0] for each in world.outbox()] == PEOPLE
        with world.database.reading() as connection:
            (launch,) = campaigns.launches(connection, "c")
        assert (launch.state, launch.decided) == (LaunchState.DONE, len(PEOPLE))
        world.database.close()
    assert kills >= 25
