"""The intake: requests that came at the same time are kept in one transaction, and answered when it is on disk.

Step of the path: collect. One thread writes to the ledger; while a transaction is on its way to the disk, the next
requests gather. What waits is bounded: more is refused at once, before memory grows. It decides nothing about messages.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from ethogram.errors import EthogramError
from ethogram.store.requests import Kept, Message, keep

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from ethogram.store.database import Database

Ticket = TypeVar("Ticket")
_FRAME = 1_000  # bytes of a message beside its content, about


@dataclass(frozen=True, slots=True)
class Failed:
    """Why messages could not be kept; they may be sent again."""

    reason: str


Outcome = Kept | Failed


class Intake(Generic[Ticket]):
    """Keeps messages in the ledger, many requests at a time.

    Args:
        answer: is called in the writing thread with what became of the requests of one transaction.
        most_messages: how many may wait; a request beyond is refused.
        most_bytes: how much they may hold; likewise.
        most_together: how many one transaction may take.
    """

    def __init__(
        self,
        database: Database,
        answer: Callable[[Sequence[tuple[Ticket, Outcome]]], None],
        *,
        most_messages: int,
        most_bytes: int = 64 << 20,
        most_together: int = 10_000,
    ) -> None:
        self.trouble: str | None = None
        self._database = database
        self._answer = answer
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._most_together = most_together
        self._queue: deque[tuple[Ticket, tuple[Message, ...], dt.datetime]] = deque()
        self._waiting = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="ethogram-intake", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many messages wait for their transaction."""
        return self._waiting

    def offer(self, ticket: Ticket, messages: tuple[Message, ...], now: dt.datetime) -> bool:
        """Whether the request is taken on: it will be answered under its ticket. Otherwise too many wait."""
        held = _bytes(messages)
        with self._changed:
            # One request is taken whatever its size, where nothing else waits.
            if self._closed or (
                self._waiting
                and (self._waiting + len(messages) > self._most_messages or self._bytes + held > self._most_bytes)
            ):
                return False
            self._queue.append((ticket, messages, now))
            self._waiting += len(messages)
            self._bytes += held
            self._changed.notify()
        return True

    def close(self) -> None:
        """Keeps and answers what waits, and takes nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closed:
                    self._changed.wait()
                if not self._queue:
                    return
                group = [self._queue.popleft()]
                size = len(group[0][1])
                while self._queue and size + len(self._queue[0][1]) <= self._most_together:
                    group.append(self._queue.popleft())
                    size += len(group[-1][1])
            outcomes: Sequence[Outcome]
            try:
                outcomes = keep(self._database, [messages for _, messages, _ in group], min(now for *_, now in group))
                self.trouble = None
            except Exception as error:  # noqa: BLE001  # whatever it is, the senders are told to come again
                reason = error.message if isinstance(error, EthogramError) else f"{type(error).__name__}: {error}"
                outcomes = [Failed(reason)] * len(group)
                self._complain(reason)
            held = sum(_bytes(messages) for _, messages, _ in group)
            with self._changed:
                self._waiting -= size
                self._bytes -= held
            self._answer([(ticket, outcome) for (ticket, *_), outcome in zip(group, outcomes, strict=True)])

    def _complain(self, reason: str) -> None:
        if reason != self.trouble:
            sys.stderr.write(f"ethogram: events cannot be kept, senders are asked to come again: {reason}\n")
        self.trouble = reason


def _bytes(messages: tuple[Message, ...]) -> int:
    """About how much memory messages hold."""
    return sum(len(fact.content) for message in messages for fact in message.facts) + _FRAME * len(messages)
