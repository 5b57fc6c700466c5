"""Several processes on one workspace, and Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from cli.conftest import Ethogram
from ethogram import runtime
from ethogram.cli.exits import ExitCode

Process = Callable[..., "subprocess.Popen[str]"]


def test_a_second_process_says_exactly_who_holds_the_workspace(shop: Path, process: Process) -> None:
    with runtime.Workspace(shop):
        second = process("status", cwd=shop)
        out, err = second.communicate(timeout=60)
        told = process("status", "--json", cwd=shop)
        _, as_json = told.communicate(timeout=60)
    assert second.returncode == ExitCode.BUSY
    assert out == ""
    assert "in use by process" in err
    assert "Traceback" not in err
    assert json.loads(as_json)["error"]["code"] == "workspace_busy"
    third = process("status", cwd=shop)
    third.communicate(timeout=60)
    assert third.returncode == 0


def test_ctrl_c_leaves_nothing_half_done_and_the_same_command_finishes(
    shop: Path, process: Process, command: Ethogram
) -> None:
    rows = 300_000  # two blocks
    with (shop / "many.csv").open("w") as file:
        file.write("profile_id,event,timestamp\n")
        file.writelines(f"p{n % 1000},tick,2026-01-{n % 28 + 1:02d}T00:00:{n % 60:02d}.{n:06d}Z\n" for n in range(rows))
    args = ("load", "events", "many.csv", "--yes")
    before = len(list((shop / "batches").glob("*.parquet")))
    loading = process(*args, cwd=shop)
    deadline = time.monotonic() + 120
    while len(list((shop / "batches").glob("*.parquet"))) == before and loading.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    loading.send_signal(signal.SIGINT)
    _, err = loading.communicate(timeout=60)
    assert loading.returncode == ExitCode.INTERRUPTED, err
    assert "the same command goes on where it was" in err
    assert "Traceback" not in err

    finished = command(*args, "--json")
    assert finished.exit_code == 0, finished.output
    assert json.loads(command("status", "--json").stdout)["events"] == rows + 6
