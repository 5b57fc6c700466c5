"""Small workspaces, the command in this process, and the command as a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ethogram.cli.app import app

SOURCE = str(Path(__file__).parents[2] / "src")
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


REGULARS = "count(purchase in last 30 days) >= 2"
JANUARY = ("--as-of", "2026-01-31")


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two workspaces that tests copy: `shop` with six events of three people, `ran` with a segment computed too."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "shop").mkdir()
    (folder / "shop" / "orders.csv").write_text(ORDERS)

    def done(where: str, *args: str) -> None:
        result = CliRunner().invoke(app, ["--workspace", str(folder / where), *args])
        assert result.exit_code == 0, result.output

    orders = str(folder / "shop" / "orders.csv")
    done("shop", "init")
    done("shop", "load", "events", orders, "--map", "profile_id=CustomerID", "event=Kind", "timestamp=At")
    shutil.copytree(folder / "shop", folder / "ran", symlinks=True)
    done("ran", "save", "regulars", REGULARS)
    done("ran", "run", *JANUARY)
    return folder


@pytest.fixture
def shop(_prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with six events of three people, and the current directory."""
    shutil.copytree(_prepared / "shop", tmp_path / "shop", symlinks=True)
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def ran(_prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shop with the segment `regulars`, run as of the end of January."""
    shutil.copytree(_prepared / "ran", tmp_path / "ran", symlinks=True)
    monkeypatch.chdir(tmp_path / "ran")
    return tmp_path / "ran"


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
            # Tests that run in the background inherit a SIGINT that is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509  # no threads here
            env={**os.environ, "PYTHONPATH": SOURCE},
        )

    return start
