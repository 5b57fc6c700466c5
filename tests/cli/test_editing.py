"""`ethogram save --dry-run` and `--announce`."""

from __future__ import annotations

import json
from pathlib import Path

import ethogram as eg
from cli.conftest import Ethogram


def test_a_dry_run_shows_who_stays_enters_and_leaves_and_saves_nothing(ran: Path, command: Ethogram) -> None:
    result = command("save", "regulars", "did(purchase)", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "regulars  replaces version 1" in result.output
    assert "People who did “purchase”" in result.output
    assert "1 entry or exit would be recorded" in result.output
    assert "who stay   ann" in result.output
    assert "who enter  bob" in result.output
    assert "nothing is saved" in result.output
    with eg.open(ran) as workspace:
        assert [each.version for each in workspace.segments.versions("regulars")] == [1]


def test_the_difference_as_json(ran: Path, command: Ethogram) -> None:
    result = command("save", "regulars", "did(visit)", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["replaces"], told["population"]) == (1, 3)
    (move,) = told["moves"]
    assert (move["stay"], move["enter"], move["leave"], move["changes"]) == (0, 2, 1, 3)
    assert sorted(move["enters"]) == ["bob", "cid"]
    assert move["leaves"] == ["ann"]


def test_an_edit_that_shall_be_announced_is_kept_so(ran: Path, command: Ethogram) -> None:
    assert command("save", "regulars", "did(purchase)", "--announce").exit_code == 0
    assert command("save", "others", "did(visit)").exit_code == 0
    with eg.open(ran) as workspace:
        kept = {segment.name: segment.announce for segment in workspace._ledger.segments()}
    assert kept == {"regulars": True, "others": False}
