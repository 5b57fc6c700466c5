"""`ethogram verify`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import ethogram as eg
from cli.conftest import Ethogram


def damage(place: Path) -> None:
    """Somebody is no longer recorded, and the record of how they got in is lost."""
    with eg.open(place) as opened:
        opened._warehouse.command(
            "ALTER TABLE membership_changes DELETE WHERE key = sipHash64('ann')", mutations_sync=2
        )


def test_what_is_equal_is_said_to_be(ran: Path, command: Ethogram) -> None:
    result = command("verify")
    assert result.exit_code == 0
    assert "all is equal: 3 profiles × 1 segment as of 2026-01-31 23:59:59" in result.output


def test_a_difference_is_told_with_the_persons_history(ran: Path, command: Ethogram) -> None:
    damage(ran)
    result = command("verify")
    assert result.exit_code == 6
    assert "ann\n  is rightly in `regulars`, but recorded entries and exits add up to 0" in result.output
    assert "ann is in regulars" in result.output
    assert "2026-01-25 10:00:00  purchase  Amount=40" in result.output
    assert "1 person differs: 3 profiles × 1 segment" in result.output


def test_differences_as_json(ran: Path, command: Ethogram) -> None:
    damage(ran)
    result = command("verify", "--json")
    assert result.exit_code == 6
    told = json.loads(result.stdout)
    assert (told["wrong"], told["people"], told["segments"]) == (1, 3, 1)
    (difference,) = told["differences"]
    assert (difference["profile_id"], difference["segment"], difference["by_changes"]) == ("ann", "regulars", 0)
    assert difference["why"]["member"]
    assert difference["person"]["events_total"] == 3


def test_before_a_run_it_says_what_to_do(shop: Path, command: Ethogram) -> None:
    result = command("verify")
    assert result.exit_code == 1
    assert "nobody has been evaluated yet" in result.output


def test_a_server_that_is_not_there(command: Ethogram) -> None:
    result = command("verify", "--url", "http://127.0.0.1:9", "--key", "k")
    assert result.exit_code == 1
    assert "the server `http://127.0.0.1:9` does not answer" in result.output
