"""A load that is killed at any instant is finished by the same command: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collect import loading
from ethogram.store.ledger import Ledger
from ethogram.store.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = int(os.environ.get("ETHOGRAM_KILLS", "50"))
ROWS = 400


def file_of(folder: Path, seed: int) -> Path:
    path = folder / f"{seed}.jsonl"
    path.write_text(
        "".join(
            json.dumps(
                {"user_id": f"u{at % 17}", "event": "e", "timestamp": 1767225600 + at, "n": at, "file": seed}
                | ({"message_id": f"{seed}-{at}"} if seed % 2 else {})
            )
            + "\n"
            for at in range(ROWS)
        )
        + "this line is rejected\n"
    )
    return path


class Loads:
    """The process that forks loads."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(loading.__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, workspace: Path, path: Path, kill_after: float | None) -> tuple[int, list[str]]:
        """How a load ended (its exit code, or minus the signal), and what it said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(workspace), str(path)]) + "\n")
        self._process.stdin.flush()
        said: list[str] = []
        child = 0
        timer: threading.Timer | None = None
        for line in self._process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "started":
                child = int(rest)
            elif word == "ended":
                if timer is not None:
                    timer.cancel()
                return int(rest), said
            else:
                said.append(line.strip())
            if child and "begins" in said and timer is None and kill_after is not None:
                timer = threading.Timer(kill_after, os.kill, (child, signal.SIGKILL))
                timer.start()
        raise AssertionError("the process that forks loads has ended")

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(60)


@pytest.fixture
def loads() -> Iterator[Loads]:
    opened = Loads()
    yield opened
    opened.close()


@pytest.mark.slow
def test_a_load_killed_at_random_moments_is_finished_by_the_same_command(tmp_path: Path, loads: Loads) -> None:
    chance = random.Random(7)
    kills = 0
    files: list[Path] = []
    # A load takes about so long; the span adapts, so that most kills hit the work.
    span = 0.5
    while kills < KILLS:
        path = file_of(tmp_path, len(files))
        files.append(path)
        for _ in range(4):
            if kills >= KILLS:
                break
            status, said = loads.run(tmp_path, path, chance.uniform(0.0, span))
            assert status in (0, -signal.SIGKILL), said
            if status == 0:
                span *= 0.8
                break
            kills += 1
            span = min(span * 1.05, 0.8)
    for path in files:
        assert loads.run(tmp_path, path, None) == (0, ["begins", f"finished {ROWS}"])
    with Warehouse(f"chdb://{tmp_path / 'warehouse'}") as warehouse, Ledger(f"sqlite:///{tmp_path / 'l.db'}") as ledger:
        found = warehouse.query("SELECT properties.file::Int64, properties.n::Int64 FROM events ORDER BY 1, 2")
        assert found == [(seed, at) for seed in range(len(files)) for at in range(ROWS)]
        batches = ledger.batches()
        assert {batch.state for batch in batches} == {"stored"}
        known = {batch.file for batch in batches}
        assert {each.name for each in (tmp_path / "batches").iterdir()} == known - {None}
        assert warehouse.query("SELECT uniqExact(profile) FROM profiles") == [(17,)]
