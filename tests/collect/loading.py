"""Loads in processes of their own, to be killed.

`python loading.py` reads lines `["WORKSPACE", "FILE"]`, forks a process for each, which loads, and says how it ended:
starting an interpreter for every one would take longer than the load.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import traceback
from pathlib import Path

from ethogram.collect.load import load
from ethogram.collect.values import Limits
from ethogram.store.ledger import Ledger
from ethogram.store.warehouse import Warehouse

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def say(what: str) -> None:
    """Writes a line that the test reads."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


def main(workspace: Path, file: str) -> None:
    """Loads a file in small blocks; says when it begins and when it has finished."""
    with (
        Warehouse(f"chdb://{workspace / 'warehouse'}") as warehouse,
        Ledger(f"sqlite:///{workspace / 'l.db'}") as ledger,
    ):
        say("begins")
        summary = load(
            "events",
            [file],
            ledger=ledger,
            warehouse=warehouse,
            directory=workspace,
            now=NOW,
            limits=Limits(rows_per_block=130),
        )
        say(f"finished {summary.accepted + summary.already}")


def serve() -> None:
    """Forks a load for each line that comes in."""
    for line in sys.stdin:
        workspace, file = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                main(Path(workspace), file)
            except BaseException:  # a forked child never returns to the loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        say(f"started {child}")
        _, status = os.waitpid(child, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    serve()
