"""`ethogram load`: what is asked, shown, counted and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import ORDERS, Ethogram
from ethogram.cli import load, segments
from ethogram.cli.exits import ExitCode

MAP = ("--map", "profile_id=CustomerID", "event=Kind", "timestamp=At")
NAIVE = "profile_id,event,timestamp\nann,visit,2026-01-02 10:00:00\n"


@pytest.fixture
def empty(tmp_path: Path, command: Ethogram, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, the current directory, with `orders.csv` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text(ORDERS)
    assert command("init", "--timezone", "Europe/Stockholm").exit_code == 0
    return tmp_path


@pytest.fixture
def somebody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "is_terminal", lambda: True)
    monkeypatch.setattr(segments, "is_terminal", lambda: True)


def test_a_guess_is_shown_and_refused_when_nobody_can_be_asked(empty: Path, command: Ethogram) -> None:
    Path("plain.csv").write_text("customer_id,event,timestamp,x\nann,visit,2026-01-02T10:00:00Z,1\n")
    result = command("load", "events", "plain.csv")
    assert result.exit_code == ExitCode.USER_ERROR
    assert "→ profile_id" in result.stderr
    line = next(line for line in result.stderr.splitlines() if "ethogram load events" in line)
    assert "--map profile_id=customer_id" in line
    assert json.loads(command("status", "--json").stdout)["events"] == 0

    typed = line.split()[1:]
    assert command(*typed).exit_code == 0, "the command it says is a command that works"
    assert json.loads(command("status", "--json").stdout)["events"] == 1


def test_a_guess_is_taken_with_yes_or_by_answering(empty: Path, command: Ethogram, somebody_there: None) -> None:
    Path("plain.csv").write_text("customer_id,event,timestamp\nann,visit,2026-01-02T10:00:00Z\n")
    no = command("load", "events", "plain.csv", input="n\n")
    assert (no.exit_code, "nothing was loaded" in no.stderr) == (ExitCode.USER_ERROR, True)
    assert command("load", "events", "plain.csv", input="y\n").exit_code == 0


def test_naive_timestamps_are_declared_never_guessed_silently(empty: Path, command: Ethogram) -> None:
    Path("naive.csv").write_text(NAIVE)
    whole = ("--map", "profile_id=profile_id", "event=event", "timestamp=timestamp")
    refused = command("load", "events", "naive.csv", *whole)
    assert refused.exit_code == ExitCode.USER_ERROR
    assert "--timezone Europe/Stockholm" in refused.stderr
    taken = command("load", "events", "naive.csv", *whole, "--timezone", "America/New_York", "--json")
    assert taken.exit_code == 0
    assert json.loads(taken.stdout)["first_at"] == "2026-01-02T15:00:00+00:00"


def test_rows_that_cannot_be_taken_are_written_down_and_end_with_3(empty: Path, command: Ethogram) -> None:
    Path("bad.csv").write_text(ORDERS + "dan,purchase,someday,3,\n")
    result = command("load", "events", "bad.csv", *MAP, "--rejects", "rejects.csv", "--json")
    assert result.exit_code == ExitCode.REJECTS
    summary = json.loads(result.stdout)
    assert (summary["accepted"], summary["rejected"]) == (6, 1)
    assert "someday" in Path("rejects.csv").read_text()


def test_the_same_file_twice_adds_nothing(empty: Path, command: Ethogram) -> None:
    assert command("load", "events", "orders.csv", *MAP).exit_code == 0
    again = command("load", "events", "orders.csv", *MAP, "--json")
    assert again.exit_code == 0
    summary = json.loads(again.stdout)
    assert (summary["accepted"], summary["already"]) == (0, 6)


def test_every_row_can_be_one_event(empty: Path, command: Ethogram) -> None:
    Path("orders2.csv").write_text("CustomerID,At\nann,2026-01-02T10:00:00Z\n")
    result = command(
        "load", "events", "orders2.csv", "--event", "bought it", "-m", "profile_id=CustomerID", "timestamp=At"
    )
    assert result.exit_code == 0, result.output
    assert "bought it" in command("events").stdout


def test_profiles_and_accounts_are_loaded_as_traits(empty: Path, command: Ethogram) -> None:
    Path("people.csv").write_text("profile_id,zip,account_id\nann,01234,acme\n")
    assert command("load", "profiles", "people.csv", "--type", "zip=text", "--yes").exit_code == 0
    Path("firms.csv").write_text("account_id,plan\nacme,team\n")
    assert command("load", "accounts", "firms.csv", "--yes").exit_code == 0
    assert json.loads(command("profile", "ann", "--json").stdout)["traits"]["zip"] == "01234"


def test_standard_input_is_loaded_when_it_is_told_what_is_what(empty: Path, command: Ethogram) -> None:
    refused = command("load", "events", "-", "--format", "csv", input=ORDERS)
    assert refused.exit_code == ExitCode.USER_ERROR
    assert "Traceback" not in refused.output
    assert command("load", "events", "-", "--format", "csv", *MAP, input=ORDERS).exit_code == 0


def test_data_of_the_past_comes_with_a_hint(empty: Path, command: Ethogram) -> None:
    Path("old.csv").write_text("profile_id,event,timestamp\nann,visit,2011-12-09T10:00:00Z\n")
    assert "ethogram config now latest" in command("load", "events", "old.csv", "--yes").stderr
    command("config", "now", "latest")
    Path("old2.csv").write_text("profile_id,event,timestamp\nbob,visit,2011-12-09T10:00:00Z\n")
    assert "ethogram config now latest" not in command("load", "events", "old2.csv", "--yes").stderr


@pytest.mark.parametrize("name", ["nowhere.csv", "empty.csv"])
def test_files_that_are_not_there_or_empty_end_with_1(empty: Path, command: Ethogram, name: str) -> None:
    Path("empty.csv").write_text("")
    result = command("load", "events", name, "--yes")
    assert result.exit_code == ExitCode.USER_ERROR
    assert name in result.stderr
