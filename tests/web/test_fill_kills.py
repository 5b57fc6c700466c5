"""Servers that are killed while a segment is edited: it switches once, and nobody enters or leaves twice."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import ethogram as eg
from web.running import workspace
from web.test_kills import Servers

POINTS = ("planned", "evaluated", "changed", "kept", "told", "done")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_that_is_killed_at_any_point_of_an_edit_switches_once(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    events = tmp_path / "events.jsonl"
    rows = [(f"p{number}", nth) for number in range(12) for nth in range(number)]
    events.write_text(
        "".join(
            json.dumps({"profile_id": who, "event": "buy", "timestamp": f"2026-01-{nth + 1:02}T12:00:00Z"}) + "\n"
            for who, nth in rows
        )
    )
    with eg.open(place) as opened:
        opened.load_events(events)
        opened.segments.save("buyers", "count(buy) >= 1")
        opened.segments.save("busy", "in_segment('buyers') and count(buy) >= 3")
        while opened.keep_live().more:
            pass
    servers = Servers()
    try:
        for at, point in enumerate(POINTS):
            with eg.open(place) as opened:
                opened.segments.save("buyers", f"count(buy) >= {at + 2}", announce=True)
            servers.start(place, f"fill: fill {point}", 1)
            assert servers.ended() == -signal.SIGKILL
            with eg.open(place) as opened:
                while opened.keep_live().more:
                    pass
                assert opened.members("buyers").num_rows == 12 - (at + 2)
                result = opened.verify()
                assert (result.wrong, result.notes) == (0, ())
                assert opened.history("buyers")[-1].left == 1
    finally:
        servers.close()
    with eg.open(place) as opened:
        told = [(each.profile_id, each.entered) for each in opened.changes_after(0) if each.name == "buyers"]
        left = [who for who, entered in told if not entered]
        assert sorted(left) == sorted({f"p{at + 1}" for at in range(len(POINTS))})
