"""Servers in processes of their own, to be killed: by themselves at a named point, or from outside.

`python killing.py` reads lines `["WORKSPACE", "POINT", NTH]`, forks a server for each, which kills itself when it
passes the point for the nth time (an empty point is none), and says how it ended. Starting an interpreter for every one
would take longer than what it does.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from ethogram import runtime, serving
from ethogram.collect import intake
from ethogram.segment.fill import Filler
from ethogram.segment.live import Live
from ethogram.store import mover, requests

MOVING = ("written", "published", "planned", "stored", "marked")  # blocks on their way to the warehouse
LIVE = ("planned", "changed", "kept")  # memberships
KEEPING = ("before", "after")  # the transaction of a collector
STAGES = {"keep": KEEPING, "move": MOVING, "live": LIVE}
POINTS = tuple(f"{stage}: {point}" for stage, points in STAGES.items() for point in points)


def say(what: str) -> None:
    """Writes a line that the test reads."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


class Killer:
    """Kills this process when a point is passed for the nth time."""

    def __init__(self, point: str, nth: int) -> None:
        self._point = point
        self._left = nth

    def __call__(self, stage: str, point: str) -> None:
        if f"{stage}: {point}" == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def main(workspace: Path, point: str, nth: int) -> None:
    """Serves until it is killed."""
    killer = Killer(point, nth)
    keep = requests.keep

    def kept(*args: Any) -> Any:
        killer("keep", "before")
        found = keep(*args)
        killer("keep", "after")
        return found

    setattr(intake, "keep", kept)  # noqa: B010  # the checker knows that it is a function
    setattr(mover, "move", functools.partial(mover.move, at_point=functools.partial(killer, "move")))  # noqa: B010
    setattr(runtime, "Live", functools.partial(Live, at_point=functools.partial(killer, "live")))  # noqa: B010
    setattr(runtime, "Filler", functools.partial(Filler, at_point=functools.partial(killer, "fill")))  # noqa: B010
    serving.serve(workspace, host="127.0.0.1", port=0, announce=lambda url: say(f"listens {url}"))


def fork() -> None:
    """Forks a server for each line that comes in."""
    for line in sys.stdin:
        workspace, point, nth = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                main(Path(workspace), point, nth)
            except BaseException:  # a forked child never returns to the loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        say(f"started {child}")
        _, status = os.waitpid(child, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    fork()
