"""A message that may wait for the best time comes when its person usually is active."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import ethogram as eg
from ethogram.clock import ManualClock

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def test_each_person_is_best_reached_in_their_usual_hour(tmp_path: Path) -> None:
    rows = [
        *[{"profile_id": "early", "ts": f"2026-02-{day:02}T06:10:00Z", "event": "view"} for day in range(1, 9)],
        *[{"profile_id": "early", "ts": f"2026-02-{day:02}T20:10:00Z", "event": "view"} for day in range(1, 5)],
        *[{"profile_id": "late", "ts": f"2026-02-{day:02}T22:10:00Z", "event": "view"} for day in range(1, 7)],
        {"profile_id": "new", "ts": "2026-02-20T13:00:00Z", "event": "view"},
        {"profile_id": "newer", "ts": "2026-02-20T20:00:00Z", "event": "view"},
        *[{"profile_id": "old", "ts": f"2025-02-{day:02}T03:10:00Z", "event": "view"} for day in range(1, 9)],
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    with eg.init(tmp_path / "shop", clock=ManualClock(NOW), timezone="Europe/Stockholm") as workspace:
        workspace.load_events(file)
        found = workspace.people.best_at(["early", "late", "new", "old", "stranger"], NOW)
    assert {id_: at.isoformat() for id_, at in found.items()} == {
        "early": "2026-03-02T06:00:00+00:00",
        "late": "2026-03-01T22:00:00+00:00",
        "new": "2026-03-01T20:00:00+00:00",  # the hour of most people
        "old": "2026-03-01T20:00:00+00:00",
        "stranger": "2026-03-01T20:00:00+00:00",
    }
