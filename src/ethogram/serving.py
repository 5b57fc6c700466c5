"""Composition of a server: collectors, the mover and the web application in one process, or apart by role.

Opens what a role needs, runs it, closes it. `all` owns the warehouse and takes events; `collect` takes events beside
another process; `work` owns the warehouse and takes none. Each stage keeps its own state in the stores, so any of them
may be killed at any instant.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import Collector, Failed, Kept
from ethogram.errors import EthogramError
from ethogram.runtime import Workspace
from ethogram.web.app import App
from ethogram.web.ingest import Ticket, settle
from ethogram.web.metrics import Metrics
from ethogram.web.server import bound, run

_POLL = 0.1  # seconds between looks for what other processes have kept
_PAUSE = 5.0  # seconds after a failure
_PRUNE_EVERY = dt.timedelta(hours=1)


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    COLLECT = "collect"
    WORK = "work"


class Mover:
    """Moves what waits into the warehouse and keeps memberships right, in a thread of its own, as soon as it can."""

    def __init__(self, workspace: Workspace, metrics: Metrics, clock: Clock) -> None:
        self._workspace = workspace
        self._metrics = metrics
        self._clock = clock
        self._pruned_at: dt.datetime | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self.trouble: str | None = None
        self._thread = threading.Thread(target=self._work, name="ethogram-mover", daemon=True)

    def start(self) -> None:
        """Begins to move."""
        self._thread.start()

    def wake(self) -> None:
        """Says that there is something to move."""
        self._wake.set()

    def stop(self) -> None:
        """Moves what waits already, and ends."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def depth(self) -> tuple[int, dt.timedelta]:
        """How many kept messages wait for the warehouse, and for how long the oldest has."""
        return self._workspace.collected.depth()

    def _work(self) -> None:
        while True:
            ending = self._stopping.is_set()
            self._wake.clear()
            try:
                moved = self._workspace.collected.move()
                self._metrics.count("ethogram_moved_total", "messages", moved.messages)
                self._metrics.count("ethogram_moved_total", "rows", moved.rows)
                ticked = self._workspace.keep_live()
                self._prune()
                self.trouble = None
            except Exception as error:  # noqa: BLE001  # a full disk is no end: it goes on when there is room again
                self._complain(
                    error.message if isinstance(error, EthogramError) else f"{type(error).__name__}: {error}"
                )
                if ending:
                    return
                self._stopping.wait(_PAUSE)
                continue
            self._metrics.count("ethogram_membership_changes_total", "entered", ticked.entered)
            self._metrics.count("ethogram_membership_changes_total", "left", ticked.left)
            if moved.messages or ticked.more:
                continue
            if ending:
                return
            self._wake.wait(_POLL)

    def _prune(self) -> None:
        now = self._clock.now()
        if self._pruned_at is None or now - self._pruned_at >= _PRUNE_EVERY:
            settings = self._workspace.settings
            self._workspace.collected.prune(
                keep_for=dt.timedelta(days=settings.keep_days), remember_for=dt.timedelta(days=settings.remember_days)
            )
            self._pruned_at = now

    def _complain(self, message: str) -> None:
        if message != self.trouble:
            sys.stderr.write(f"ethogram: moving to the warehouse failed, trying again: {message}\n")
        self.trouble = message


def serve(
    path: Path,
    *,
    host: str,
    port: int,
    role: Role = Role.ALL,
    announce: Callable[[str], None],
    clock: Clock | None = None,
) -> None:
    """Runs a server on a workspace until it is told to stop.

    Args:
        port: 0 is any free one.
        announce: called with the server's address when it listens.

    Raises:
        WorkspaceBusyError: another process owns the warehouse; `--role collect` needs none.
        SettingError: the address cannot be used.
    """
    chosen = clock or SystemClock()
    metrics = Metrics()
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(bound(host, port))
        mover = stack.enter_context(_mover(path, metrics, chosen)) if role is not Role.COLLECT else None

        def answer(settled: Sequence[tuple[Ticket, Kept | Failed]]) -> None:
            settle(settled)
            if mover is not None:
                mover.wake()

        collector: Collector[Ticket] | None = None
        if role is not Role.WORK:
            collector = Collector(path, answer, clock=chosen)
        backlog = collector or mover
        assert backlog is not None
        app = App(
            collector=collector,
            backlog=backlog,
            metrics=metrics,
            trouble=lambda: mover.trouble if mover is not None else None,
            started=mover.start if mover is not None else _nothing,
            stopped=collector.close if collector is not None else _nothing,
        )
        address = listening.getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        announce(f"http://{shown}:{address[1]}")
        run(app, listening)


def _nothing() -> None:
    """A role that has nothing to start or to finish."""


@contextlib.contextmanager
def _mover(path: Path, metrics: Metrics, clock: Clock) -> Iterator[Mover]:
    with Workspace(path, clock=clock) as workspace:
        mover = Mover(workspace, metrics, clock)
        try:
            yield mover
        finally:
            mover.stop()
