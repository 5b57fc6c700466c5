"""Workers: each stage that works by itself has a thread, which steps as soon as there is something to do.

Knows no stage: a step is a function that compares what is with what should be, so it may be repeated after any failure.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable

from ethogram.errors import EthogramError

_POLL = 0.1  # seconds between looks for what other processes have done
_QUIET = 30  # looks in a row that found nothing, after which there is one where there were three
_PAUSE = 5.0  # seconds after a failure


def collect_rarely() -> None:
    """Lets Python look for garbage less often, and not in what is there already: for a process that is set up.

    It finds hardly any, and looks at every object that the process has: a seventh of what sending a campaign costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class Worker:
    """Takes steps in a thread of its own until it is stopped.

    Args:
        name: what it does, for the message when it fails.
        step: does one piece of work, and says whether there may be more to do at once.
        poll: seconds between steps when there was nothing to do.
    """

    def __init__(self, name: str, step: Callable[[], bool], *, poll: float = _POLL) -> None:
        self.name = name
        self.trouble: str | None = None
        self._step = step
        self._poll = poll
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"ethogram-{name}", daemon=True)

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def wake(self) -> None:
        """Says that there is something to do."""
        self._wake.set()

    def stop(self) -> None:
        """Does what there is to do already, and ends."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        quiet = 0
        while True:
            ending = self._stopping.is_set()
            self._wake.clear()
            try:
                more = self._step()
                self.trouble = None
            except Exception as error:  # noqa: BLE001  # a full disk is no end: it goes on when there is room again
                self._complain(
                    error.message if isinstance(error, EthogramError) else f"{type(error).__name__}: {error}"
                )
                if ending:
                    return
                self._stopping.wait(_PAUSE)
                continue
            if more:
                quiet = 0
                continue
            if ending:
                return
            woken = self._wake.wait(self._poll if quiet < _QUIET else 3 * self._poll)
            quiet = 0 if woken else quiet + 1

    def _complain(self, message: str) -> None:
        if message != self.trouble:
            sys.stderr.write(f"ethogram: {self.name} failed, trying again: {message}\n")
        self.trouble = message
