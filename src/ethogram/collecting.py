"""Composition for collecting: what a process needs to take events, beside or without the one that owns the warehouse.

Puts the ledger, its keys and the intake together; opens no warehouse, so that any number of collectors may run on one
ledger. `runtime.py` is the same for everything that asks or computes; the server and `ethogram keys` come through here.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, Self, TypeVar

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collect import payload
from ethogram.collect.intake import Failed, Intake, Outcome
from ethogram.collect.payload import ENDPOINTS, Envelope, PayloadLimits, Refused, Taken
from ethogram.collect.rejections import Rejections
from ethogram.errors import EthogramError
from ethogram.store import keys, rejected, requests
from ethogram.store.keys import Key, Scope
from ethogram.store.ledger import Ledger
from ethogram.store.rejected import Rejected, RejectedDraft
from ethogram.store.requests import Kept

__all__ = [
    "ENDPOINTS", "Collector", "Envelope", "Failed", "Kept", "Key", "Keys", "Refused", "Rejected", "RejectedCalls",
    "RejectedDraft", "Scope", "Taken", "Unsure",
]  # fmt: skip

Ticket = TypeVar("Ticket")
_FRESH = dt.timedelta(seconds=5)  # a revoked key is good for nothing after this
_UNKNOWN = dt.timedelta(seconds=1)  # between looks for one that is not known
_NOTED = dt.timedelta(minutes=1)
_PATIENCE = 5.0  # seconds that events wait for a ledger that another process writes to, before senders come again


class Keys:
    """The keys of a workspace, to add, list and revoke; needs the ledger only, so it works beside a running server."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path)
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def add(self, scope: str, *, label: str = "", value: str | None = None) -> tuple[Key, str]:
        """A new key with its value, which nobody can show again."""
        return keys.add(self._ledger.database, Scope(scope), self._clock.now(), label=label, value=value)

    def listed(self) -> tuple[Key, ...]:
        """Every key that there is or was, oldest first."""
        return keys.listed(self._ledger.database)

    def revoke(self, number: int) -> Key:
        """The key of that number, which is good for nothing any more."""
        return keys.revoke(self._ledger.database, number, self._clock.now())

    def note_used(self, used: Mapping[int, dt.datetime]) -> None:
        """Notes when keys were used last, by their numbers."""
        keys.note_used(self._ledger.database, used)

    @staticmethod
    def digest(value: str) -> str:
        """What the ledger keeps of a key."""
        return keys.digest(value)


class RejectedCalls:
    """What senders sent in vain to a workspace; needs the ledger only, so it works beside a running server."""

    def __init__(self, path: Path) -> None:
        self._ledger = open_ledger(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    def listed(self, *, limit: int = 50, code: str | None = None) -> list[Rejected]:
        """The rejected calls, newest first; with a code only those of this reason."""
        return rejected.listed(self._ledger.database, limit=limit, code=code)

    def counts(self) -> dict[str, int]:
        """How many are kept of each reason, the most first."""
        return rejected.counts(self._ledger.database)


class Unsure:
    """The ledger cannot say now whether a key is good: senders come again, instead of dropping what they have."""


class Collector(Generic[Ticket]):
    """Takes requests and keeps their messages.

    Args:
        path: the workspace's directory.
        answer: is called, in another thread, with what became of requests.
    """

    def __init__(
        self, path: Path, answer: Callable[[Sequence[tuple[Ticket, Outcome]]], None], *, clock: Clock | None = None
    ) -> None:
        settings = config.read(path)
        self.clock = clock or SystemClock()
        self.limits = PayloadLimits(settings.event_kilobytes << 10, settings.batch_kilobytes << 10)
        self.most_requests = settings.queued_requests
        self._ledger = open_ledger(path, _PATIENCE)
        self._rejections = Rejections(self._ledger.database)
        self._keys: dict[str, Key] = {}
        self._read_at: dt.datetime | None = None
        self._noted_at = self.clock.now()
        self._used: dict[int, dt.datetime] = {}
        self._reading = threading.Lock()
        self._intake: Intake[Ticket] = Intake(self._ledger.database, answer, most_messages=settings.queued_messages)

    @property
    def queued(self) -> int:
        """How many messages wait for the disk in this process."""
        return self._intake.waiting

    def close(self) -> None:
        """Keeps and answers what was taken on, then closes the ledger."""
        self._intake.close()
        with contextlib.suppress(EthogramError):  # what is only for information holds no end up
            self._note_used(self.clock.now())
            self.note_rejected()
        self._ledger.close()

    # --- keys ------------------------------------------------------------------------------------------------------

    def known(self, value: str, wanted: Scope = Scope.WRITE) -> Key | None:
        """The key, as far as this process knows: None for one that it does not know or that does not allow this."""
        key = self._keys.get(keys.digest(value))
        if key is None or not key.allows(wanted):
            return None
        self._used[key.id] = self.clock.now()
        return key

    def is_stale(self, value: str) -> bool:
        """Whether the keys should be read again before or while this one is used.

        One that is not known may have been added a moment ago, and a sender drops what is refused for its key.
        """
        fresh = _FRESH if keys.digest(value) in self._keys else _UNKNOWN
        return self._read_at is None or not dt.timedelta() <= self.clock.now() - self._read_at < fresh

    def read_keys(self) -> Unsure | None:
        """Reads the keys anew; Unsure when the ledger does not answer, and the ones known stay good."""
        with self._reading:
            now = self.clock.now()
            try:
                self._keys = {key.hash: key for key in keys.listed(self._ledger.database)}
                if now - self._noted_at >= _NOTED:
                    self._note_used(now)
            except EthogramError:
                return Unsure()
            self._read_at = now
            return None

    def _note_used(self, now: dt.datetime) -> None:
        used, self._used = self._used, {}
        self._noted_at = now
        if used:
            keys.note_used(self._ledger.database, used)

    # --- messages --------------------------------------------------------------------------------------------------

    def opened(self, endpoint: str, body: bytes) -> Envelope | Refused:
        """The request, opened, or why it cannot be."""
        return payload.opened(endpoint, body, self.limits)

    def checked(self, envelope: Envelope) -> Taken:
        """What of a request is taken."""
        return payload.checked(envelope, self.clock.now(), self.limits)

    def offer(self, ticket: Ticket, taken: Taken) -> bool:
        """Whether the messages are taken on, to be answered under the ticket; otherwise too many wait."""
        return self._intake.offer(ticket, taken.messages, self.clock.now())

    def trouble(self) -> str | None:
        """What keeps events from being kept, looked at anew, so that it is known when nothing does any more."""
        if self._intake.trouble is None:
            return None
        try:
            requests.probe(self._ledger.database, self.clock.now())
        except EthogramError as error:
            return error.message
        self._intake.trouble = None
        return None

    def reject(self, draft: RejectedDraft, content: bytes = b"", secret: str | None = None) -> None:
        """Takes note of a rejected call, for `note_rejected`; see `Rejections.add`."""
        self._rejections.add(draft, content, secret)

    def note_rejected(self) -> bool:
        """Writes down what was rejected; a step that never has more to do at once."""
        return self._rejections.flush(self.clock.now())

    def depth(self) -> tuple[int, dt.timedelta]:
        """How many kept messages wait for the warehouse, and for how long the oldest has."""
        count, oldest = requests.depth(self._ledger.database)
        return count, max(self.clock.now() - oldest, dt.timedelta()) if oldest is not None else dt.timedelta()


def open_ledger(path: Path, patience: float = 30) -> Ledger:
    """The ledger of the workspace in a directory; see `Ledger` for the patience."""
    return Ledger(config.read(path).ledger or f"sqlite:///{path.resolve() / 'ledger.sqlite'}", patience)
