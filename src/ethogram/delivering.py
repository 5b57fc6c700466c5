"""Composition for delivering: what sends, in the process that has the warehouse.

Puts the ledger, the rules about addresses and the stage `deliver` together; whoever has the warehouse hands in members
and traits. What shall be sent is said in `recipients.py`, beside it or in another process.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ethogram import config
from ethogram.clock import Clock
from ethogram.collecting import open_ledger
from ethogram.deliver.addresses import Rules
from ethogram.deliver.announcing import Announcing, Traits
from ethogram.deliver.mirroring import Members, Mirroring
from ethogram.deliver.sender import Counted, Sender
from ethogram.store import deliveries
from ethogram.store.deliveries import Depth
from ethogram.store.ledger import Ledger

_SENT_KEPT = dt.timedelta(days=3)
_PRUNE_EVERY = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sources:
    """What the process with the warehouse hands in.

    Attributes:
        members: the ids of everybody in a segment, by its name.
        traits: chosen traits of ids.
    """

    members: Members
    traits: Traits


class Delivering:
    """Sends what is to be sent, in the process that owns the warehouse.

    Args:
        path: the workspace's directory.
        counted: called with the outcome of each attempt.
    """

    def __init__(self, path: Path, sources: Sources, *, clock: Clock, counted: Counted = lambda _: None) -> None:
        settings = config.read(path)
        self.wake: Callable[[], None] = _nothing
        self._ledger: Ledger = open_ledger(path)
        self._clock = clock
        self._kept_for = dt.timedelta(days=settings.keep_days)
        self._pruned_at: dt.datetime | None = None
        self._ending = False
        database = self._ledger.database
        self._announcing = Announcing(database, sources.traits, clock)
        self._mirroring = Mirroring(database, path, settings.zone, sources.members, sources.traits, clock)
        self._sender = Sender(
            database,
            Rules.of(settings.allow_addresses),
            clock,
            wake=lambda: self.wake(),  # noqa: PLW0108  # it is another one later
            counted=counted,
            alone=not settings.warehouse,  # an embedded warehouse has one owner
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.finish()
        self._ledger.close()

    def send(self) -> bool:
        """Makes deliveries of new changes, sends what is due and records what was answered; whether there was any."""
        if self._ending:
            return False
        made = self._announcing.step()
        sent = self._sender.step()
        now = self._clock.now()
        if self._pruned_at is None or abs(now - self._pruned_at) >= _PRUNE_EVERY:
            self._pruned_at = now
            deliveries.prune(
                self._ledger.database,
                sent_before=now - min(_SENT_KEPT, self._kept_for),
                dead_before=now - self._kept_for,
            )
        return made or sent

    def mirror(self) -> bool:
        """Takes the syncs one step further; whether there may be more to do."""
        return not self._ending and self._mirroring.step()

    def end(self) -> None:
        """Begins nothing new."""
        self._ending = True

    def depth(self) -> Depth:
        """How much is to be sent, and how much was given up."""
        return deliveries.depth(self._ledger.database)

    def gauges(self) -> dict[str, tuple[str, float]]:
        """The same for Prometheus: name → what it says, and its value."""
        depth = self.depth()
        lag = (self._clock.now() - depth.oldest_at).total_seconds() if depth.oldest_at is not None else 0.0
        return {
            "ethogram_deliveries_waiting": ("Deliveries that are to be sent.", depth.waiting),
            "ethogram_deliveries_dead": ("Deliveries that were given up.", depth.dead),
            "ethogram_deliveries_lag_seconds": (
                "For how long the oldest of those to be sent has waited.",
                max(lag, 0.0),
            ),
        }


def _nothing() -> None:
    """Nobody waits."""
