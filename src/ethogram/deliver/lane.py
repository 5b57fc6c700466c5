"""A channel's lane: messages that are claimed for it, on their way through compose to the provider.

Step of the path: deliver. Memory of one sender; the ledger knows which messages are claimed and which are begun. Each
channel has a lane with limits of its own, so that a provider that is slow or fails holds up nothing but itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from ethogram.deliver.pacing import Breaker, Bucket
from ethogram.model.message import Channel, Letter, Message, Outcome

_STALE = 10.0  # seconds after which what was composed is judged again
_AHEAD = 2.0  # seconds for which a provider's messages are claimed and composed beforehand


class Way(Protocol):
    """What gives letters to a provider; see `channels/`."""

    @property
    def idempotent(self) -> bool:
        """The provider knows a repetition by the letter's id."""
        ...

    async def send(self, letter: Letter) -> Outcome:
        """What became of a letter."""
        ...

    async def close(self) -> None:
        """Ends connections."""
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """A way out, and how it may be used.

    Attributes:
        at_once: how many messages may be under way.
        per_second: how many may begin; None is as many as there are.
    """

    way: Way
    at_once: int = 64
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A message that is ready to go, with the instant (seconds) at which it was judged."""

    message: Message
    letters: Sequence[Letter]
    at: float


class Lane:
    """What is on its way through one channel."""

    def __init__(self, channel: Channel, provider: Provider) -> None:
        self.channel = channel
        self.breaker = Breaker(channel)
        self.composing = 0
        self.ready: deque[Composed] = deque()
        self.under_way = 0
        self.held_until = 0.0  # seconds; something of ours is in trouble, and nothing is claimed before
        self._begun: deque[tuple[float, int]] = deque()  # when messages were given to the provider lately, how many
        self.threads = ThreadPoolExecutor(1, thread_name_prefix=f"ethogram-{channel}")
        self.replace(provider)

    def replace(self, provider: Provider) -> None:
        """Uses another provider from now on, of which nothing is known."""
        self.provider = provider
        self.bucket = Bucket(provider.per_second) if provider.per_second is not None else None
        self.breaker = Breaker(self.channel)
        self._begun.clear()

    @property
    def claimed(self) -> int:
        """How many are claimed and not given to the provider."""
        return self.composing + len(self.ready)

    def room(self, at: float) -> int:
        """How many may be claimed now: enough to keep the provider busy, no more than it takes in some seconds.

        None as long as half of them wait: many together cost less.
        """
        if at < self.held_until:
            return 0
        while self._begun and at - self._begun[0][0] > _AHEAD:
            self._begun.popleft()
        most = max(2 * self.provider.at_once, sum(count for _, count in self._begun))
        if self.bucket is not None:
            most = min(most, max(round(self.bucket.per_second * _STALE / 4), 1))
        probing = self.breaker.room(at, self.under_way)
        if probing is not None:
            most = min(most, probing)
        return 0 if 2 * self.claimed > most else most - self.claimed

    def next(self, at: float) -> list[Composed]:
        """The messages that may be given to the provider now, taken out of the lane."""
        free = self.provider.at_once - self.under_way
        probing = self.breaker.room(at, self.under_way)
        count = min(free, len(self.ready), probing if probing is not None else free)
        if count <= 0:
            return []
        if self.bucket is not None:
            count = self.bucket.take(count, at)
        self._begun.append((at, count))
        return [self.ready.popleft() for _ in range(count)]

    def stale(self, at: float) -> list[Composed]:
        """Those that have waited too long, or that the provider's trouble keeps, taken out to be judged anew."""
        blocked = self.breaker.until is not None and at < self.breaker.until
        found: list[Composed] = []
        while self.ready and (blocked or at - self.ready[0].at > _STALE):
            found.append(self.ready.popleft())
        return found
