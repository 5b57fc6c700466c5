"""Who is who, on the command line: shown, merged, split and undone, and a person is found by any id."""

from __future__ import annotations

import json
from pathlib import Path

import ethogram as eg
from cli.conftest import Ethogram


def test_people_are_merged_shown_and_parted(command: Ethogram, tmp_path: Path) -> None:
    shop = str(tmp_path / "shop")
    events = tmp_path / "events.csv"
    events.write_text("profile_id,event,timestamp\nann,view,2026-01-01T00:00Z\nbob,view,2026-01-02T00:00Z\n")
    with eg.init(shop) as workspace:
        workspace.load_events(events)
    merged = command("-w", shop, "identities", "merge", "bob", "ann", "--json")
    assert merged.exit_code == 0, merged.output
    decision = json.loads(merged.output)
    assert (decision["verb"], decision["identity"], decision["into"]) == ("merge", "bob", "ann")
    assert json.loads(command("-w", shop, "identities", "of", "bob", "--json").output) == {
        "profile_id": "ann",
        "identities": [{"id": "bob", "known": False}],
    }
    view = json.loads(command("-w", shop, "profile", "bob", "--json").output)
    assert (view["profile_id"], view["identities"], view["events_total"]) == ("ann", ["bob"], 2)
    assert "bob" in command("-w", shop, "profile", "ann").output
    refused = command("-w", shop, "identities", "merge", "ann", "bob")
    assert refused.exit_code == 1
    assert "one person already" in refused.output
    assert command("-w", shop, "identities", "undo", str(decision["id"])).exit_code == 0
    assert json.loads(command("-w", shop, "profile", "bob", "--json").output)["events_total"] == 1
    listed = command("-w", shop, "identities", "list").output
    assert "merge bob into ann" in listed
    assert command("-w", shop, "identities", "split", "bob").exit_code == 1
