"""Explore on the command line: what is counted, and questions that are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.conftest import JANUARY
from ethogram.cli.exits import ExitCode

if TYPE_CHECKING:
    from cli.conftest import Ethogram


@pytest.fixture
def at(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace of six events, as the place where one is."""
    monkeypatch.chdir(shop)
    return shop


def told(command: Ethogram, *args: str) -> Any:
    done = command(*args, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.usefixtures("at")
def test_trends_are_counted_beside_the_period_before(command: Ethogram) -> None:
    asked = ("explore", "trends", "purchase", "--property", "Amount", "--by", "CustomerID", "--days", "15", *JANUARY)
    found = told(command, *asked, "--compare")
    assert found["total"] == {"events": 2, "people": 2, "sum": 45.0}
    assert found["before"]["total"] == {"events": 2, "people": 1, "sum": 50.0}
    assert len(found["points"]) == len(found["before"]["points"]) == 15
    text = command(*asked, "--compare").stdout
    assert "2 events of 2 people; 2 of 1 in the period before (+0.0%)" in text
    assert "(none)" in text
    hours = told(command, "explore", "trends", "purchase", "--unit", "hour", "--days", "7", *JANUARY)
    assert [point["start"] for point in hours["points"] if point["events"]] == ["2026-01-25T10:00:00+00:00"]


@pytest.mark.usefixtures("at")
def test_funnels_retention_and_paths_are_shown(command: Ethogram) -> None:
    steps = told(command, "explore", "funnel", "purchase", "visit", "--within", "30", *JANUARY)["steps"]
    assert [step["people"] for step in steps] == [2, 1]
    assert "50.0%" in command("explore", "funnel", "purchase", "visit", "--within", "30", *JANUARY).stdout
    cohorts = told(command, "explore", "retention", "purchase", *JANUARY)["cohorts"]
    assert [(each["start"], each["people"]) for each in cohorts] == [("2026-01-05", 1), ("2026-01-19", 1)]
    assert "2026-01-19" in command("explore", "retention", "purchase", *JANUARY).stdout
    assert told(command, "explore", "paths", "visit", *JANUARY)["sessions"] == 2
    assert "2 sessions of 2 people" in command("explore", "paths", "visit", *JANUARY).stdout
    assert "No session" in command("explore", "paths", "nothing", *JANUARY).stdout


def test_a_question_is_kept_asked_and_dumped(command: Ethogram, at: Path) -> None:
    (at / "q.yaml").write_text("explore: trends\nevent: purchase\nunit: week\npinned: true\n")
    assert command("explorations", "save", "weekly", "q.yaml").exit_code == 0
    assert told(command, "explore", "ask", "weekly", *JANUARY)["total"]["events"] == 4
    assert "explorations:\n  weekly:\n    explore: trends" in command("dump").stdout
    (at / "bad.yaml").write_text("explore: trends\nevent: not purchase\nunit: hour\ndays: 300\nsteps: [a]\n")
    refused = command("explorations", "save", "bad", "bad.yaml")
    assert refused.exit_code == ExitCode.USER_ERROR
    for said in ("event:", "by the hour", "steps: is unknown"):
        assert said in refused.output
    (at / "of.yaml").write_text("explore: paths\nevent: visit\nsegment: nobody\n")
    assert "there is no segment `nobody`" in command("explorations", "save", "of", "of.yaml").output


@pytest.mark.usefixtures("at")
def test_what_cannot_be_counted_says_why(command: Ethogram) -> None:
    for asked in (
        ("trends", "not visit"),
        ("retention", "any", "--segment", "count("),
        ("trends", "any", "--unit=hour", "--days=99"),
    ):
        assert command("explore", *asked).exit_code == ExitCode.USER_ERROR
    assert command("explore", "funnel").exit_code == ExitCode.USAGE
