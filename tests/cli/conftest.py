"""Small workspaces, the command in this process, and the command as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ethogram.cli.app import app

ORDERS = """CustomerID,Kind,At,Amount,note
ann,purchase,2026-01-05T10:00:00Z,20,first
ann,purchase,2026-01-15T10:00:00Z,30,
ann,purchase,2026-01-25T10:00:00Z,40,"=HYPERLINK(""x"")"
bob,purchase,2026-01-20T10:00:00Z,5,
bob,visit,2026-01-30T10:00:00Z,,
cid,visit,2026-01-29T10:00:00Z,,
"""

Ethogram = Callable[..., Result]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Ethogram:
    """`ethogram …` in this process."""
    monkeypatch.delenv("ETHOGRAM_WORKSPACE", raising=False)
    monkeypatch.delenv("ETHOGRAM_TRACEBACK", raising=False)
    monkeypatch.setenv("COLUMNS", "110")

    def run(*args: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(args), input=input)

    return run


@pytest.fixture
def shop(tmp_path: Path, command: Ethogram, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is a workspace with six events of three people, and the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text(ORDERS)
    assert command("init").exit_code == 0
    loaded = command("load", "events", "orders.csv", "--map", "profile_id=CustomerID", "event=Kind", "timestamp=At")
    assert loaded.exit_code == 0, loaded.output
    return tmp_path


@pytest.fixture
def process() -> Callable[..., subprocess.Popen[str]]:
    """`ethogram …` as a process of its own."""

    def start(*args: str, cwd: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ethogram", *args],
            cwd=cwd,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")])},
        )

    return start
