"""A marketer's segment reacts to what an SDK sends, and to time alone; killed servers record every change once."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest

import ethogram as eg
from web.running import Server, stored, workspace


def shop(path: Path, **segments: str) -> Path:
    place = workspace(path)
    with eg.open(place) as opened:
        for name, text in segments.items():
            opened.segments.save(name, text)
        opened.run()
    return place


def reaches(server: Server, line: str, value: float, seconds: float = 30) -> None:
    """Waits until a metric has a value; another process works meanwhile."""
    ends = time.monotonic() + seconds
    while server.metric(line) < value:
        assert time.monotonic() < ends, f"{line} is {server.metric(line)} and not {value}"
        time.sleep(0.02)


def track(who: str, event: str, **more: object) -> dict[str, object]:
    return {"userId": who, "event": event, **more}


ENTERED, LEFT = (f'ethogram_membership_changes_total{{change="{change}"}}' for change in ("entered", "left"))


def test_a_profile_enters_by_what_it_does_and_leaves_when_time_passes(tmp_path: Path) -> None:
    # The window is a minute, and the event almost a minute old when it comes.
    place = shop(tmp_path / "shop", active="did(visit in last 1 minute)", buyers="did(purchase)")
    with Server(place) as server:
        at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=50)
        assert server.send("/v1/track", track("ann", "visit", timestamp=at.isoformat())).status == 200
        assert server.send("/v1/track", track("bob", "purchase")).status == 200
        reaches(server, ENTERED, 2)
        reaches(server, LEFT, 1)
        assert server.stop() == 0
    assert stored(place, "membership_changes", "segment, toString(change), cause") == [
        (1, "entered", "event"),
        (1, "left", "time"),
        (2, "entered", "event"),
    ]
    ((entered, left),) = stored(place, "membership_changes", "min(at), max(at)")
    assert left - entered >= dt.timedelta(seconds=5)
    with eg.open(place) as opened:
        assert opened.members("buyers").column("profile_id").to_pylist() == ["bob"]
        assert opened.members("active").num_rows == 0


@pytest.mark.slow
def test_killed_servers_record_every_change_once(tmp_path: Path) -> None:
    place = shop(tmp_path / "shop", buyers="count(purchase) >= 2")
    for number in range(6):
        with Server(place) as server:
            for each in range(5):
                who = f"p{number}-{each}"
                body = {"batch": [{"type": "track", **track(who, "purchase")} for _ in range(2)]}
                assert server.send("/v1/batch", body).status == 200
            time.sleep(0.05 * number)  # another process works meanwhile, and is killed somewhere
            server.kill()
    with Server(place) as server:
        server.settle()
        server.send("/v1/track", track("last", "purchase"))
        server.send("/v1/track", track("last", "purchase"))
        reaches(server, ENTERED, 1)
        assert server.stop() == 0
    changes = stored(place, "membership_changes", "key, toString(change)")
    assert len(changes) == len(set(changes)) == 31
    with eg.open(place) as opened:
        report = opened.run()
        assert (report.entered, report.left, report.segments[0].size) == (0, 0, 31)
