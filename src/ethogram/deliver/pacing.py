"""How fast, and whether at all: a provider's rate, its breaker, a campaign's speed, and a clock that jumps.

Step of the path: deliver. Kept in memory by one sender, by a clock that only goes forward (seconds), so that setting
the machine's time changes nothing; what has to outlive the process (the instant at which a message is tried again) is
in the ledger.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Hashable
from typing import TYPE_CHECKING

from ethogram.deliver.attempts import share

if TYPE_CHECKING:
    from ethogram.clock import Clock

_FAILURES = 5  # in a row, after which a provider is left alone
_SHORTEST, _LONGEST = 5.0, 600.0  # seconds that it is left alone
_LONGEST_ASKED = 3_600.0  # of what it may ask for: one message an hour harms nobody
_JITTER = 0.2
_JUMP = dt.timedelta(minutes=5)
_DOUBT = 60.0


class Bucket:
    """Grants so many a second, and a second's worth at once.

    >>> bucket = Bucket(10)
    >>> bucket.take(25, 0.0), bucket.take(25, 0.5)
    (10, 5)
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._most = max(per_second, 1.0)
        self._held = self._most
        self._at: float | None = None

    def take(self, wanted: int, at: float) -> int:
        """How many of those wanted may go now."""
        if self._at is not None:
            self._held = min(self._held + (at - self._at) * self.per_second, self._most)
        self._at = at
        granted = min(wanted, int(self._held + 1e-9))
        self._held -= granted
        return granted

    def give_back(self, unused: int) -> None:
        """Takes back what was granted and not used."""
        self._held = min(self._held + unused, self._most)


class Breaker:
    """Leaves a provider alone that fails again and again; after a pause one message tries whether it works.

    Args:
        name: makes the pauses of several processes differ.
    """

    def __init__(self, name: str) -> None:
        self.reason: str | None = None
        self.until: float | None = None  # None: closed
        self._name = name
        self._failures = 0
        self._pauses = 0

    def room(self, at: float, under_way: int) -> int | None:
        """How many may be sent beside those under way; None is any number."""
        if self.until is None:
            return None
        return 1 if at >= self.until and not under_way else 0

    def succeeded(self) -> None:
        """The provider works."""
        self.until = self.reason = None
        self._failures = self._pauses = 0

    def failed(self, reason: str, at: float, asked: dt.timedelta | None = None) -> None:
        """The provider does not work, or asks to be left alone for a while."""
        self._failures += 1
        trying = self.until is not None and at >= self.until
        if self.until is not None and not trying and asked is None:
            return  # sent before it was left alone
        if asked is None and self._failures < _FAILURES and not trying:
            return
        if self.until is None or trying:
            self._pauses += 1
        wait = min(_SHORTEST * 2 ** min(self._pauses - 1, 10), _LONGEST)
        wait += wait * _JITTER * share(f"{self._name} {self._pauses}")
        if asked is not None:
            wait = max(wait, min(asked.total_seconds(), _LONGEST_ASKED))
        self.until, self.reason = max(at + wait, self.until or 0.0), reason


class Paces:
    """Spreads the messages of campaigns that have a speed: each either goes now or gets an instant of its own.

    What was given an instant carries it in the ledger (`PACED`), so that it is not put at the end again when it comes.
    """

    def __init__(self) -> None:
        self._buckets: dict[Hashable, Bucket] = {}
        self._free_at: dict[Hashable, float] = {}  # when the next one that must wait may go

    def wait(self, name: Hashable, per_second: float, at: float, *, paced: bool) -> float:
        """Seconds that a message of a campaign waits; 0.0 is now.

        Args:
            paced: it has waited for its instant, and goes before those that have not.
        """
        bucket = self._buckets.get(name)
        if bucket is None or bucket.per_second != per_second:
            bucket = self._buckets[name] = Bucket(per_second)
            self._free_at.pop(name, None)
        free_at = self._free_at.get(name, at)
        if (paced or free_at <= at) and bucket.take(1, at):
            return 0.0
        slot = max(free_at, at) + 1 / per_second
        self._free_at[name] = slot
        return slot - at

    def keep_only(self, kept: Collection[Hashable]) -> None:
        """Forgets all other campaigns: they have no speed any more."""
        for name in [name for name in self._buckets if name not in kept]:
            del self._buckets[name]
            self._free_at.pop(name, None)


class Steady:
    """The clock's instant, doubted for a minute after it has jumped ahead.

    A clock that is days ahead for a moment must not make everything due, nor everything too late.
    """

    def __init__(self, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._wall, self._at = clock.now(), monotonic()
        self._doubted_since: float | None = None

    def now(self) -> tuple[dt.datetime, bool]:
        """The instant, and whether it can be trusted; while it cannot, it is what it would be without the jump."""
        wall, at = self._clock.now(), self._monotonic()
        expected = self._wall + dt.timedelta(seconds=at - self._at)
        if wall - expected > _JUMP:
            if self._doubted_since is None:
                self._doubted_since = at
            if at - self._doubted_since < _DOUBT:
                return expected, False
        self._doubted_since = None
        self._wall, self._at = wall, at
        return wall, True
