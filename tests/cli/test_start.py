"""The command's outside without any workspace: help, its speed, parse errors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ethogram.cli.app import SECTIONS, app
from ethogram.cli.exits import MEANINGS, ExitCode

VERBS = [listed for section in SECTIONS.values() for listed in section]
HEAVY = (
    "pyarrow",
    "pandas",
    "numpy",
    "chdb",
    "clickhouse_connect",
    "sqlalchemy",
    "msgspec",
    "rich",
    "ethogram.runtime",
)


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [path]
    ctx = click.Context(command)
    inner = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
    return [path, *(found for name, each in inner if each for found in _commands(each, (*path, name)))]


@pytest.mark.parametrize("listed", VERBS, ids=lambda listed: listed.name)
def test_the_overview_says_of_each_verb_what_the_verb_says_of_itself(listed: object) -> None:
    command = app.get_command(click.Context(app), listed.name)  # type: ignore[attr-defined]
    assert command is not None
    assert command.help is not None
    assert command.help.split("\n\n")[0].replace("\n", " ") == listed.summary  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", _commands(app), ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert "Usage: ethogram" in result.output


def test_help_documents_every_exit_code() -> None:
    result = CliRunner().invoke(app, ["--help"])
    for code, meaning in MEANINGS.items():
        assert str(int(code)) in result.output
        assert meaning.split(":")[0].split(";")[0] in " ".join(result.output.split())
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(
    "args", [("--help",), ("members", "--help"), ("members", "x", "--limit", "many"), ("membres",)]
)
def test_help_and_parse_errors_import_nothing_heavy(args: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ethogram", *args], capture_output=True, text=True, check=False
    )
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "click" in imported
    assert not {name for name in imported if name in HEAVY or name.startswith(tuple(f"{each}." for each in HEAVY))}


def test_help_comes_at_once() -> None:
    def once() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "ethogram", "--help"], capture_output=True, check=True)
        return time.perf_counter() - began

    # The promise is 0.2 s on a quiet machine; a busy one gets room, an import of the engine (over 1 s) does not.
    assert min(once() for _ in range(5)) < 0.6


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("membres",), "Did you mean `members`?"),
        (("members",), "Missing argument 'SEGMENT'"),
        (("members", "x", "--as-of", "yesterday"), "nor `latest`"),
        (("preview",), "Give a segment's text"),
        (("load", "events", "x.csv", "--map", "profile_id"), "KEY=VALUE"),
        (("overlap", "a"), "at least two"),
    ],
)
def test_a_command_typed_wrongly_ends_with_2_and_says_how_it_is_used(args: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, list(args))
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_outside_of_a_workspace_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ETHOGRAM_WORKSPACE", raising=False)
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == ExitCode.USER_ERROR
    assert "ethogram init" in result.stderr
    told = CliRunner().invoke(app, ["status", "--json"])
    assert '"code": "user_error"' in told.stderr
    assert told.stdout == ""


def test_standard_output_that_is_closed_early_is_no_failure() -> None:
    done = subprocess.run(
        f"{sys.executable} -m ethogram schema | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_completion_is_offered_for_the_usual_shells() -> None:
    environment = {**os.environ, "_ETHOGRAM_COMPLETE": "zsh_source"}
    done = subprocess.run(
        [sys.executable, "-m", "ethogram"], capture_output=True, text=True, check=True, env=environment
    )
    assert "#compdef ethogram" in done.stdout
