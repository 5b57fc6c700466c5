"""Composition for tracked links and open pixels: what a server needs to believe them and to note who came.

Puts the ledger and the stage `deliver` together; opens no warehouse, so that any collector can answer. Whoever follows
a link is on the way before the ledger has noted it, where that takes long; what was noted is on disk.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path

from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver import links, sights
from ethogram.deliver.links import PATHS, Link, Purpose
from ethogram.deliver.sights import CLICKED, OPENED, Sight
from ethogram.errors import EthogramError

__all__ = ["CLICK_PATH", "OPEN_PATH", "Link", "Tracking"]

CLICK_PATH, OPEN_PATH = PATHS[Purpose.CLICK], PATHS[Purpose.OPEN]
_TOGETHER = 1_000  # that one transaction notes
_MOST = 50_000  # that wait for the ledger; more are not noted
_PAUSE = 1.0  # seconds after a failure


class Tracking:
    """Believes links, and notes who opened and clicked, many with one transaction.

    Args:
        path: the workspace's directory.
    """

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path, 5.0)
        self._clock = clock or SystemClock()
        self._signer = links.signer(self._ledger.database)
        self._seen: queue.Queue[tuple[Sight, Future[None]] | None] = queue.Queue(_MOST)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="ethogram-tracking", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Notes what was seen, and closes the ledger."""
        self._closing.set()
        self._seen.put(None)
        self._thread.join()
        self._ledger.close()

    def clicked(self, token: str) -> Link | None:
        """The link of a token, which leads where a message of ours did; None for any other."""
        return self._signer.verify(token, Purpose.CLICK)

    def opened(self, token: str) -> Link | None:
        """The message whose pixel has the token; None for any other."""
        return self._signer.verify(token, Purpose.OPEN)

    def note(self, link: Link, method: str, headers: Mapping[str, str]) -> Future[None]:
        """Notes that somebody came; done when it is on disk.

        Args:
            headers: of the request, by lower-case name.
        """
        done: Future[None] = Future()
        what = CLICKED if link.purpose is Purpose.CLICK else OPENED
        agent = headers.get("user-agent", "")
        machine = sights.by_machine(method, headers)
        sight = Sight(link.message_id, what, self._clock.now(), link.number, link.url, agent, machine)
        try:
            self._seen.put_nowait((sight, done))
        except queue.Full:
            done.set_result(None)  # whoever came shall not wait for what cannot be noted
        return done

    def _write(self) -> None:
        while (first := self._seen.get()) is not None:
            group = [first]
            ended = False
            while len(group) < _TOGETHER and not self._seen.empty():
                one = self._seen.get()
                if one is None:
                    ended = True
                    break
                group.append(one)
            self._keep([sight for sight, _ in group])
            for _, done in group:
                with contextlib.suppress(Exception):  # nobody waits any more
                    done.set_result(None)
            if ended:
                return

    def _keep(self, seen: list[Sight]) -> None:
        """Notes them, again and again until the ledger takes them or the process ends."""
        while True:
            try:
                with self._ledger.database.writing() as connection:
                    sights.note(connection, seen, self._clock.now())
                return
            except EthogramError as error:
                if self._closing.is_set():
                    sys.stderr.write(f"ethogram: {len(seen)} opens and clicks were not noted: {error.message}\n")
                    return
                self._closing.wait(_PAUSE)
