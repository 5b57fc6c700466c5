"""The command on small workspaces, from nothing to reasons."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from pyarrow import ipc

from cli.conftest import JANUARY, REGULARS, Ethogram
from ethogram.cli.exits import ExitCode


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_from_nothing_to_who_is_in_it_and_why(shop: Path, command: Ethogram) -> None:
    previewed = _json(command("preview", REGULARS, *JANUARY, "--json"))
    assert (previewed["count"], previewed["population"], previewed["sample"]) == (1, 3, ["ann"])

    saved = _json(command("save", "regulars", REGULARS, "--json"))
    assert (saved["name"], saved["version"]) == ("regulars", 1)

    report = _json(command("run", *JANUARY, "--json"))
    assert [(each["name"], each["size"]) for each in report["segments"]] == [("regulars", 1)]
    assert report["as_of"] == "2026-01-31T23:59:59.999999+00:00"

    page = _json(command("members", "regulars", "--json"))
    assert [each["profile_id"] for each in page["members"]] == ["ann"]
    assert page["next_after"] is None

    why = _json(command("why", "regulars", "ann", *JANUARY, "--json"))
    assert why["member"] is True
    assert why["conditions"][0]["evidence"]

    history = _json(command("history", "regulars", "--json"))
    assert [(point["size"], point["entered"]) for point in history["points"]] == [(1, 1)]

    assert _json(command("evaluate", "ann", "bob", *JANUARY, "--json")) == {"ann": ["regulars"], "bob": []}
    assert _json(command("status", "--json"))["events"] == 6


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("run", *JANUARY), "regulars"),
        (("members", "regulars"), "ann"),
        (("why", "regulars", "bob", *JANUARY), "bob is not in regulars"),
        (("why", "regulars", "ann", *JANUARY), "✓"),
        (("explain", "regulars"), "SELECT"),
        (("history", "regulars"), "█"),
        (("segments",), "regulars"),
        (("segments", "show", "regulars"), REGULARS),
        (("segments", "versions", "regulars"), REGULARS),
        (("events",), "purchase"),
        (("events", "purchase"), "Amount"),
        (("traits",), "No trait"),
        (("profile", "ann", *JANUARY), "purchase"),
        (("status",), "6"),
        (("doctor",), "ok"),
        (("config",), "UTC"),
        (("evaluate", "ann", "nobody", *JANUARY), "regulars"),
        (("ready",), "needs"),
        (("vocabulary",), "purchase"),
    ],
)
def test_every_verb_answers_in_plain_text(ran: Path, command: Ethogram, args: tuple[str, ...], said: str) -> None:
    result = command(*args)
    assert result.exit_code == 0, result.output
    assert said in result.stdout
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    "args",
    [
        ("events",), ("events", "purchase"), ("traits",), ("profile", "ann"), ("status",), ("doctor",), ("config",),
        ("segments",), ("segments", "list"), ("segments", "show", "regulars"), ("segments", "versions", "regulars"),
        ("explain", "regulars"), ("ready",), ("vocabulary",), ("schema",), ("history", "regulars"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_verb_that_prints_data_prints_json(ran: Path, command: Ethogram, args: tuple[str, ...]) -> None:
    _json(command(*args, *(() if args == ("schema",) else ("--json",))))


def test_a_second_run_shows_who_came_and_went(ran: Path, command: Ethogram) -> None:
    later = _json(command("run", "--as-of", "2026-02-20", "--json"))["segments"][0]
    assert (later["size"], later["entered"], later["left"], later["previous"]) == (0, 0, 1, 1)


def test_text_comes_from_a_file_or_from_standard_input(shop: Path, command: Ethogram) -> None:
    (shop / "seg.txt").write_text(f"# who buys\n{REGULARS}\n")
    assert _json(command("preview", "-f", "seg.txt", *JANUARY, "--json"))["count"] == 1
    assert _json(command("preview", "-", *JANUARY, "--json", input=REGULARS))["count"] == 1
    assert command("save", "regulars", "-f", "-", input=REGULARS).exit_code == 0


def test_a_broken_text_shows_the_place(shop: Path, command: Ethogram) -> None:
    result = command("preview", "count(purchase >= 3")
    assert result.exit_code == ExitCode.USER_ERROR
    assert "line 1, column" in result.stderr
    assert "^" in result.stderr
    assert "Traceback" not in result.output


def test_names_that_are_not_there_end_with_1(ran: Path, command: Ethogram) -> None:
    for args in (
        ("members", "nonesuch name"),
        ("history", "nonesuch"),
        ("segments", "show", "nonesuch"),
        ("events", "purchse"),
        ("profile", "nobody"),
        ("ready", "show", "nonesuch"),
        ("config", "timezone", "Mars/Olympus"),
        ("overlap", "regulars", "nonesuch"),
    ):
        result = command(*args)
        assert result.exit_code == ExitCode.USER_ERROR, (args, result.output)
        assert "error:" in result.stderr


def test_members_are_paged(shop: Path, command: Ethogram) -> None:
    command("save", "all", "did(any)")
    command("run", *JANUARY)
    first = _json(command("members", "all", "--limit", "2", "--json"))
    found = [each["profile_id"] for each in first["members"]]
    assert (len(found), first["next_after"]) == (2, found[-1])
    second = _json(command("members", "all", "--limit", "2", "--after", found[-1], "--json"))
    assert second["next_after"] is None
    assert sorted(found + [each["profile_id"] for each in second["members"]]) == ["ann", "bob", "cid"]
    assert f"--after {found[-1]}" in command("members", "all", "--limit", "2").stderr


def test_members_are_exported_whole_in_four_formats(shop: Path, command: Ethogram) -> None:
    command("save", "all", "did(any)")
    command("run", *JANUARY)
    for ending in ("csv", "parquet", "jsonl", "arrow"):
        assert command("members", "all", "--output", f"all.{ending}").exit_code == 0
    head, *ids = [line.split(",")[0] for line in Path("all.csv").read_text().splitlines()]
    assert (head, sorted(ids)) == ("profile_id", ["ann", "bob", "cid"])
    assert pq.read_table("all.parquet")["profile_id"].to_pylist() == ids
    assert [json.loads(line)["profile_id"] for line in Path("all.jsonl").read_text().splitlines()] == ids
    assert ipc.open_file("all.arrow").read_all()["profile_id"].to_pylist() == ids
    streamed = command("members", "all", "--format", "arrow")
    assert ipc.open_stream(streamed.stdout_bytes).read_all().num_rows == 3
    assert command("members", "all", "--output", "all.xlsx").exit_code == ExitCode.USER_ERROR
    assert not Path("all.xlsx").exists()


def test_ids_that_look_like_formulas_are_disarmed_in_csv_only(shop: Path, command: Ethogram) -> None:
    Path("evil.csv").write_text("profile_id,event,timestamp\n=1+1,visit,2026-01-02T00:00:00Z\n")
    assert command("load", "events", "evil.csv", "--yes").exit_code == 0
    evil = ("did(any) and not did(purchase) and not did(visit in last 10 days)", *JANUARY)
    assert "'=1+1" in command("members", *evil, "--format", "csv").stdout
    assert '"=1+1"' in command("members", *evil, "--format", "jsonl").stdout


def test_hostile_event_names_do_not_reach_the_terminal(shop: Path, command: Ethogram) -> None:
    row = {
        "profile_id": "ann",
        "event": "\x1b[2Jgone\u202e",
        "timestamp": "2026-01-02T00:00:00Z",
        "x\x9b": "\x1b]0;t\x07",
    }
    Path("evil.jsonl").write_text(json.dumps(row) + "\n")
    assert command("load", "events", "evil.jsonl", "--yes").exit_code == 0
    for args in (
        ("events",),
        ("events", "--json"),
        ("profile", "ann", *JANUARY),
        ("profile", "ann", *JANUARY, "--json"),
    ):
        result = command(*args)
        assert result.exit_code == 0, result.output
        assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(result.output), args
    assert "\\x1b[2Jgone\\u202e" in command("events").stdout


def test_static_segments_come_from_a_list_or_a_snapshot(shop: Path, command: Ethogram) -> None:
    command("config", "now", "latest")
    command("save", "regulars", REGULARS)
    (shop / "ids.csv").write_text("who,n\nann,1\ncid,2\nann,3\n")
    assert _json(command("segments", "upload", "letter", "ids.csv", "--column", "who", "--json"))["static"] is True
    assert "2 different ids" in command("segments", "upload", "letter", "-", input="ann\ncid\n").stderr
    assert _json(command("segments", "freeze", "january", "--of", "regulars", "--json"))["static"] is True
    assert command("segments", "upload", "letter", "ids.csv", "--column", "nope").exit_code == ExitCode.USER_ERROR
    assert command("run").exit_code == 0
    overlap = _json(command("overlap", "regulars", "letter", "--json"))
    assert overlap["union"] == 2
    assert {tuple(each["names"]): each["count"] for each in overlap["exact"]}[("regulars", "letter")] == 1
    assert "100 %" in command("overlap", "regulars", "letter").stdout
    assert "ann" in command("members", "january").stdout


def test_a_segment_is_deleted_only_when_somebody_says_so(ran: Path, command: Ethogram) -> None:
    refused = command("segments", "delete", "regulars")
    assert refused.exit_code == ExitCode.USER_ERROR
    assert "--yes" in refused.stderr
    assert command("segments", "delete", "regulars", "--yes").exit_code == 0
    assert _json(command("segments", "--json")) == []


def test_settings_are_shown_and_changed(shop: Path, command: Ethogram) -> None:
    assert command("config", "timezone", "Europe/Stockholm").exit_code == 0
    assert command("config", "now", "latest").exit_code == 0
    settings = _json(command("config", "--json"))
    assert (settings["timezone"], settings["now"]) == ("Europe/Stockholm", "latest")
    assert _json(command("preview", REGULARS, "--json"))["as_of"].startswith("2026-01-30T10:00:00")


def test_the_workspace_is_found_from_below_by_option_and_by_environment(
    shop: Path, command: Ethogram, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    below = shop / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert command("status").exit_code == 0
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert command("status").exit_code == ExitCode.USER_ERROR
    assert command("status", "--workspace", str(shop)).exit_code == 0
    assert command("--workspace", str(shop), "status").exit_code == 0
    monkeypatch.setenv("ETHOGRAM_WORKSPACE", str(shop))
    assert command("status").exit_code == 0
    assert "workspace already" in command("init").stderr


def test_templates_are_listed_shown_and_applied(shop: Path, command: Ethogram) -> None:
    listed = _json(command("ready", "--json"))
    name = next(each["name"] for each in listed if each["needs"] == ["purchase"] and not each["parameters"])
    assert name in command("ready", "show", name).stdout
    applied = command("ready", "apply", name)
    assert applied.exit_code == 0, applied.output
    assert [each["name"] for each in _json(command("segments", "--json"))] == [name]


def test_the_vocabulary_is_set_and_unset(shop: Path, command: Ethogram) -> None:
    words = _json(command("vocabulary", "set", "purchase=visit", "purchase.where=note = 'first'", "--json"))
    assert (words["purchase"]["name"], words["purchase"]["where"]) == ("visit", "note = 'first'")
    assert "purchase" not in _json(command("vocabulary", "set", "purchase=", "--json"))


def test_a_rebuild_keeps_every_answer(ran: Path, command: Ethogram) -> None:
    assert command("rebuild").exit_code == 0
    assert _json(command("status", "--json"))["events"] == 6
    assert _json(command("preview", REGULARS, *JANUARY, "--json"))["sample"] == ["ann"]


def test_a_damaged_warehouse_refuses_to_answer_until_it_is_rebuilt(
    ran: Path, process: Callable[..., subprocess.Popen[str]]
) -> None:
    def done(*args: str) -> tuple[int, str, str]:
        started = process(*args, cwd=ran)
        out, err = started.communicate(timeout=120)
        return started.returncode, out, err

    part = next((ran / "warehouse" / "data" / "default" / "events").resolve().glob("all_*"))
    for file in part.iterdir():
        file.write_bytes(b"broken")
    code, _, err = done("preview", REGULARS, *JANUARY)
    assert (code, "ethogram rebuild" in err, "Traceback" in err) == (ExitCode.DAMAGED, True, False), err
    code, out, _ = done("doctor")
    assert (code, "broken" in out) == (ExitCode.DAMAGED, True)
    assert done("rebuild")[0] == 0
    code, out, _ = done("preview", REGULARS, *JANUARY, "--json")
    assert (code, json.loads(out)["sample"]) == (0, ["ann"])
