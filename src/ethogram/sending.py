"""Composition for messages: what sends them, in the process that has the warehouse, and what people do about them.

Puts the ledger and the stage `deliver` together; who may be written to and what messages say come in as functions, for
they need the warehouse. `Messages` is the facade of the command line, the library and the management API, and works
beside a running server.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ethogram import config
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.deliver import consequences, receipts
from ethogram.deliver.hooks import Hooks
from ethogram.deliver.lane import Provider
from ethogram.deliver.outbox import Outbox
from ethogram.deliver.status import Status
from ethogram.errors import UnknownNameError
from ethogram.model.message import Channel, Maker, Message, State
from ethogram.store import (
    addressed,
    audit,
    definitions,
    evidence,
    in_app,
    message_events,
    outbox,
    outbox_pauses,
    outbox_reading,
)
from ethogram.store.evidence import Evidence, Locked
from ethogram.store.message_events import Happening
from ethogram.store.outbox import Decision
from ethogram.store.outbox_pauses import Pause
from ethogram.store.outbox_reading import Count, Depth

__all__ = [
    "Count",
    "Decision",
    "Depth",
    "Happening",
    "Hooks",
    "Locked",
    "Messages",
    "Pause",
    "Provider",
    "Sending",
    "Status",
]

_COUNT_EVERY = dt.timedelta(seconds=10)
_PRUNE_EVERY = dt.timedelta(hours=1)
_TOLD_KEPT = dt.timedelta(days=90)  # a repetition is known for as long
_PARKED_KEPT = dt.timedelta(days=2)
_ADDRESSED_KEPT = dt.timedelta(days=60)  # a launch is long over by then
_KEPT = dt.timedelta(days=400)  # whatever may still want a message again ends before


class Sending:
    """Sends messages, in the process that owns the warehouse.

    Args:
        path: the workspace's directory.
        providers: the ways out.
        hooks: who may be written to, what messages say, and who is told; dead addresses are seen to here.
    """

    def __init__(
        self, path: Path, providers: Mapping[Channel, Provider], hooks: Hooks, *, clock: Clock | None = None
    ) -> None:
        settings = config.read(path)
        self.wake: Callable[[], None] = _nothing
        self._ledger = open_ledger(path)
        self._clock = clock or SystemClock()
        self._pruned_at: dt.datetime | None = None
        self._outbox = Outbox(
            self._ledger.database,
            providers,
            replace(hooks, dead=consequences.dead),
            self._clock,
            wake=lambda: self.wake(),  # noqa: PLW0108  # it is another one later
            alone=not settings.warehouse,  # an embedded warehouse has one owner
            steady=isinstance(self._clock, SystemClock),
        )
        self._evidence = Evidence(self._ledger.database, path)
        self._locked: Locked | None = None
        self._counted_at: dt.datetime | None = None
        self._ending = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._outbox.finish()
        self.tell()
        self._ledger.close()

    def send(self) -> bool:
        """Takes the outbox one step further; whether there may be more to do at once."""
        return not self._ending and self._may_send() and self._outbox.step()

    def _may_send(self) -> bool:
        """Whether nothing says that this ledger does not know all that was sent."""
        now = self._clock.now()
        late = self._counted_at is None or abs(now - self._counted_at) >= _COUNT_EVERY
        if late or self._locked is not None:
            self._locked = self._evidence.check(now)
        if late and self._locked is None:
            self._evidence.count()
            self._counted_at = now
        return self._locked is None

    def tell(self) -> bool:
        """Makes events of what happened to messages, and forgets what is old; whether there was any of it."""
        now = self._clock.now()
        if message_events.are_matched(self._ledger.database):
            with self._ledger.database.writing() as connection:
                receipts.settle(connection, now)
        told = receipts.tell(self._ledger.database, now)
        if self._pruned_at is None or abs(now - self._pruned_at) >= _PRUNE_EVERY:
            self._pruned_at = now
            message_events.prune(self._ledger.database, told_before=now - _TOLD_KEPT, parked_before=now - _PARKED_KEPT)
            outbox_reading.prune(self._ledger.database, now - _KEPT)
            in_app.prune(self._ledger.database, now)
            addressed.prune(self._ledger.database, now - _ADDRESSED_KEPT)
        return bool(told)

    def end(self) -> None:
        """Begins nothing new."""
        self._ending = True

    def replace(self, channel: Channel, provider: Provider) -> None:
        """Sends a channel's messages another way from now on."""
        self._outbox.replace(channel, provider)

    def withdraw(self, channel: Channel) -> None:
        """Sends no more messages of a channel, whose provider was removed."""
        self._outbox.withdraw(channel)

    def status(self) -> tuple[Status, ...]:
        """How each channel does."""
        return self._outbox.status()

    def trouble(self) -> str | None:
        """What keeps messages from being sent that a person should mend; None where nothing does."""
        if self._locked is not None:
            return (
                f"sending is locked: {self._locked.reason}; look at what was sent and what waits (`ethogram outbox "
                "list`), then `ethogram outbox unlock` lets it go on"
            )
        return self._outbox.trouble()

    def gauges(self) -> dict[str, tuple[str, float]]:
        """How much is to be sent, for Prometheus: name → what it says, and its value."""
        now = self._clock.now()
        with self._ledger.database.reading() as connection:
            depths = outbox_reading.depths(connection, now)
        oldest = [now - each.oldest_at for each in depths if each.oldest_at is not None]
        return {
            "ethogram_messages_waiting": ("Messages that are not sent yet.", sum(each.waiting for each in depths)),
            "ethogram_messages_due": ("Messages that are to be sent now.", sum(each.due for each in depths)),
            "ethogram_messages_unsure": ("Messages that may have been sent.", sum(each.unsure for each in depths)),
            "ethogram_messages_lag_seconds": (
                "For how long the oldest of those to be sent now has been due.",
                max((each.total_seconds() for each in oldest), default=0.0),
            ),
        }


class Messages:
    """The messages of a workspace, to look at and to decide about; needs the ledger only."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._path = path
        self._ledger = open_ledger(path)
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    # --- looking ----------------------------------------------------------------------------------------------------

    def get(self, id_: str) -> tuple[Message, list[Happening]]:
        """The message of an id, and what happened to it.

        Raises:
            UnknownNameError: there is none.
        """
        with self._ledger.database.reading() as connection:
            message = outbox_reading.find(connection, id_)
            if message is None:
                raise UnknownNameError(f"there is no message `{id_}`", hint="`ethogram outbox list` shows the newest.")
            return message, message_events.of_message(connection, message.number)

    def listed(
        self,
        *,
        state: State | None = None,
        origin: tuple[Maker, str] | None = None,
        profile_ids: Sequence[str] | None = None,
        channel: Channel | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[Message, ...]:
        """Messages, newest first, narrowed as told; see `store/outbox_reading.py`."""
        with self._ledger.database.reading() as connection:
            return outbox_reading.listed(
                connection, state=state, origin=origin, profile_ids=profile_ids, channel=channel, before=before,
                limit=limit,
            )  # fmt: skip

    def unsure(self) -> tuple[Message, ...]:
        """Messages of which nobody knows whether they were sent, oldest first."""
        with self._ledger.database.reading() as connection:
            return outbox_reading.unsure(connection)

    def counts(self, maker: Maker, name: str, *, occurrence: str | None = None) -> tuple[Count, ...]:
        """How many messages of a campaign or journey are in which state, by version, step and variant."""
        with self._ledger.database.reading() as connection:
            return outbox_reading.counts(connection, maker, name, occurrence=occurrence)

    def depths(self) -> tuple[Depth, ...]:
        """How much is to be sent, for each channel that has anything."""
        with self._ledger.database.reading() as connection:
            return outbox_reading.depths(connection, self._clock.now())

    def paused(self) -> tuple[Pause, ...]:
        """What is not sent for now."""
        with self._ledger.database.reading() as connection:
            return tuple(outbox_pauses.paused(connection).values())

    def locked(self) -> Locked | None:
        """Why nothing at all is sent; None where it is not locked."""
        with self._ledger.database.reading() as connection:
            return evidence.locked(connection)

    # --- deciding ---------------------------------------------------------------------------------------------------

    def decide(self, id_: str, decision: Decision, *, actor: str = "local") -> None:
        """Says what shall become of an unsure message.

        Raises:
            UnknownNameError: there is none of that id.
            InputError: it is not unsure.
        """
        now = self._clock.now()
        with self._ledger.database.writing() as connection:
            outbox.decide(connection, id_, decision, now)
            self._note(connection, actor, "decide", f"message:{id_}", now, decision=decision.value)

    def cancel(self, maker: Maker, name: str, reason: str, *, actor: str = "local") -> int:
        """How many messages of a campaign or journey are not sent any more.

        Raises:
            UnknownNameError: there is none of that name, and there are no messages of one.
        """
        now = self._clock.now()
        with self._ledger.database.writing() as connection:
            _known(connection, maker, name)
            cancelled = outbox.cancel(connection, now, reason, origin=(maker, name))
            self._note(connection, actor, "cancel", f"{maker}:{name}", now, reason=reason, messages=cancelled)
        return cancelled

    def pause_channel(self, channel: Channel, reason: str, *, actor: str = "local") -> bool:
        """Whether the channel was sending until now."""
        now = self._clock.now()
        with self._ledger.database.writing() as connection:
            changed = outbox_pauses.pause_channel(connection, channel, reason, now)
            if changed:
                self._note(connection, actor, "pause", f"channel:{channel}", now, reason=reason)
        return changed

    def resume_channel(self, channel: Channel, *, actor: str = "local") -> bool:
        """Whether the channel was paused."""
        with self._ledger.database.writing() as connection:
            changed = outbox_pauses.resume_channel(connection, channel)
            if changed:
                self._note(connection, actor, "resume", f"channel:{channel}", self._clock.now())
        return changed

    def pause(self, maker: Maker, name: str, reason: str, *, actor: str = "local") -> bool:
        """Whether the campaign or journey was sending until now.

        Raises:
            UnknownNameError: there is none of that name, and there are no messages of one.
        """
        now = self._clock.now()
        with self._ledger.database.writing() as connection:
            _known(connection, maker, name)
            changed = outbox_pauses.pause(connection, maker, name, reason, now)
            if changed:
                self._note(connection, actor, "pause", f"{maker}:{name}", now, reason=reason)
        return changed

    def resume(self, maker: Maker, name: str, *, actor: str = "local") -> bool:
        """Whether the campaign or journey was paused."""
        now = self._clock.now()
        with self._ledger.database.writing() as connection:
            changed = outbox_pauses.resume(connection, maker, name, now)
            if changed:
                self._note(connection, actor, "resume", f"{maker}:{name}", now)
        return changed

    def lock(self, reason: str, *, actor: str = "local") -> Locked:
        """Sends nothing at all until it is unlocked, such as after a disk was rolled back to an older state."""
        now = self._clock.now()
        with self._ledger.database.writing() as connection:
            before = evidence.locked(connection)
            held = evidence.lock(connection, reason or "a person has locked it", now)
            if before is None:
                self._note(connection, actor, "lock", "outbox", now, reason=held.reason)
        return held

    def unlock(self, *, actor: str = "local") -> bool:
        """Whether sending was locked; from now on this ledger's word is taken for what was sent.

        Whoever unlocks has seen to what the ledger does not know: messages that it holds as waiting, and that were
        sent before a backup of it was restored, are sent again.
        """
        held = self.locked()
        if held is None:
            return False
        Evidence(self._ledger.database, self._path).begin_again()
        with self._ledger.database.writing() as connection:
            changed = evidence.unlock(connection)
            if changed:
                self._note(connection, actor, "unlock", "outbox", self._clock.now(), reason=held.reason)
        return changed

    @staticmethod
    def _note(connection: Any, actor: str, verb: str, about: str, now: dt.datetime, **detail: object) -> None:
        audit.record(connection, actor=actor, verb=verb, object=about, detail=detail, now=now)


def _known(connection: Any, maker: Maker, name: str) -> None:
    """Raises where a name means nothing; one that was removed may still have messages."""
    if definitions.find(connection, maker.value, name) is None and not outbox_reading.listed(
        connection, origin=(maker, name), limit=1
    ):
        raise UnknownNameError(f"there is no {maker} `{name}`", hint=f"`ethogram {maker}s list` shows those there are.")


def _nothing() -> None:
    """Nobody waits."""
