"""Sends messages: claims what is due, asks once more whether it may be sent, composes, sends, records the outcome.

Step of the path: deliver. Reads and writes messages (ledger); uses the network through the channels. Only whoever
calls `step` uses the ledger here, with one transaction a step; gate and compose run in a thread for each channel,
providers are asked in an event loop. Killed anywhere, a message that was not begun is sent by the next sender, and one
that was is sent again only where that makes no second copy, or where two are better than none.
"""

from __future__ import annotations

import datetime as dt
import queue
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ethogram.deliver import status
from ethogram.deliver.composing import Judged, Trouble, judged
from ethogram.deliver.hooks import Hooks
from ethogram.deliver.lane import Composed, Lane, Provider
from ethogram.deliver.outcomes import one_of, result_of
from ethogram.deliver.pacing import Steady
from ethogram.deliver.posting import Posting
from ethogram.deliver.sorting import Sorting
from ethogram.deliver.status import Status
from ethogram.model.message import (
    Accepted,
    Channel,
    Later,
    Lost,
    Message,
    Misconfigured,
    Never,
    Outcome,
    State,
)
from ethogram.store import message_events, outbox_claims, outbox_pauses
from ethogram.store.message_events import Happening
from ethogram.store.outbox_claims import Result
from ethogram.store.outbox_pauses import CHANNEL, Pause

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ethogram.clock import Clock
    from ethogram.store.database import Database

LEASE = dt.timedelta(minutes=3)
_MOST_CLAIMED = 1_000  # of one channel in one step
_TROUBLE = 5.0  # seconds that a channel rests after gate or compose has failed
_ENDING = 5.0  # seconds for what is under way when the process ends


class Outbox:
    """Sends the messages of one ledger.

    Args:
        providers: the ways out; messages of other channels wait.
        wake: called when there is something to do.
        alone: no other process sends from this ledger, so what a killed one had claimed is free at once.
        lease: how long a claim holds without a word; longer than any provider may take to answer.
        monotonic: seconds that only go forward.
        steady: doubts a clock that jumps ahead; not for a clock that tests move.
    """

    def __init__(
        self,
        database: Database,
        providers: Mapping[Channel, Provider],
        hooks: Hooks,
        clock: Clock,
        *,
        wake: Callable[[], None] = lambda: None,
        alone: bool = False,
        lease: dt.timedelta = LEASE,
        monotonic: Callable[[], float] = time.monotonic,
        steady: bool = True,
    ) -> None:
        self._database = database
        self._hooks = hooks
        self._monotonic = monotonic
        self._clock = clock
        self._steady = Steady(clock, monotonic) if steady else None
        self._wake = wake
        self._alone = alone
        self._lease = lease
        self._orphans = True
        self._token = secrets.token_hex(8)
        self._lanes = {channel: Lane(channel, provider) for channel, provider in providers.items()}
        self._composed: queue.SimpleQueue[tuple[Lane, Judged | Trouble]] = queue.SimpleQueue()
        self._results: list[Result] = []  # to be recorded with the next transaction
        self._sorting = Sorting()
        self._pauses: dict[tuple[str, str], Pause] = {}
        self._unprovided: list[Channel] = []
        self._withdrawn: set[Channel] = set()  # whose provider was removed; what it has under way ends
        self._renewed_at = monotonic()
        self._trouble: dict[Channel, str] = {}
        self._ending = False
        self._posting = Posting(wake, hooks.at_point)

    # --- steps ------------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Records what was answered, begins what is composed, claims what is due; whether there may be more at once."""
        now, trusted = self._steady.now() if self._steady is not None else (self._clock.now(), True)
        at = self._monotonic()
        with self._database.reading() as connection:
            self._pauses = outbox_pauses.paused(connection)
            due = [] if self._ending or not trusted else outbox_claims.due_channels(connection, now)
        self._unprovided = [each for each in due if each not in self._lanes or each in self._withdrawn]
        wanted = {
            channel: room
            for channel in due
            if channel in self._lanes
            and not self._paused(channel)
            and (room := min(self._lanes[channel].room(at), _MOST_CLAIMED))
        }
        self._take_composed(at)
        answers = self._posting.answers()
        starting = self._starting(at) if trusted else []
        busy = bool(wanted or answers or starting or self._results)
        if busy or self._orphans or self._is_time(at):
            self._write(now, at, answers, starting, wanted)
        return busy

    def _write(
        self,
        now: dt.datetime,
        at: float,
        answers: list[tuple[Composed, Lane, Sequence[Outcome]]],
        starting: list[tuple[Lane, Composed]],
        wanted: Mapping[Channel, int],
    ) -> None:
        """The transaction of a step; what it was to record is kept where it fails."""
        alerts: list[tuple[Channel, str]] = []
        found: dict[Channel, list[Message]] = {}
        try:
            with self._database.writing() as connection:
                self._free(connection, now, at)
                results = [*self._results, *(self._result(*each, now) for each in answers)]
                self._hooks.at_point("recording")
                recorded = outbox_claims.record(connection, self._token, results, now)
                self._note_dead(connection, answers, recorded, now)
                alerts = self._pause_refused(connection, answers, now)
                addresses = {each.message.number: each.letters[0].address for _, each in starting}
                begun = outbox_claims.begin(connection, self._token, addresses) if addresses else set()
                for channel, most in wanted.items():
                    claimed = outbox_claims.claim(connection, channel, now, self._lease, self._token, most=most)
                    found[channel] = self._sorted_out(connection, claimed, now, at)
                self._hooks.at_point("claiming")
        except BaseException:
            self._posting.put_back(answers)
            for lane, each in reversed(starting):
                lane.ready.appendleft(each)
            raise
        self._hooks.at_point("committed")
        self._results = []
        for _, lane, outcomes in answers:
            lane.under_way -= 1
            self._judge_provider(lane, outcomes, at)
        ended = Counter(result.state.value for result in results if result.number in recorded)
        for state, count in ended.items():
            self._hooks.counted(state, count)
        for channel, reason in alerts:
            self._hooks.alert(channel, reason)
        going = [(lane, each) for lane, each in starting if each.message.number in begun]
        for lane, _ in going:
            lane.under_way += 1
        self._posting.post(going)
        for channel, messages in found.items():
            self._compose(self._lanes[channel], messages, now)

    # --- claims -----------------------------------------------------------------------------------------------------

    def _is_time(self, at: float) -> bool:
        return not self._alone and at - self._renewed_at >= self._lease.total_seconds() / 6

    def _free(self, connection: sa.Connection, now: dt.datetime, at: float) -> None:
        """Frees what nobody sends any more, and holds on to what is ours."""
        idempotent = [channel for channel, lane in self._lanes.items() if lane.provider.way.idempotent]
        if self._orphans:
            if self._alone:
                outbox_claims.release(connection, idempotent, now)
            self._orphans = False
        if self._alone:
            return
        if self._is_time(at):
            outbox_claims.renew(connection, self._token, now + self._lease)
            outbox_claims.release_expired(connection, idempotent, now)
            self._renewed_at = at

    def _sorted_out(
        self, connection: sa.Connection, claimed: Sequence[Message], now: dt.datetime, at: float
    ) -> list[Message]:
        """Those that go on; what becomes of the others is recorded at once."""
        going, others = self._sorting.sorted_out(claimed, self._pauses, self._hooks.speeds(), now, at)
        outbox_claims.record(connection, self._token, others, now)
        if late := sum(each.state is State.FAILED for each in others):
            self._hooks.counted(State.FAILED.value, late)
        return going

    # --- composing --------------------------------------------------------------------------------------------------

    def _compose(self, lane: Lane, messages: list[Message], now: dt.datetime) -> None:
        if not messages:
            return
        lane.composing += len(messages)

        def work() -> None:
            found = judged(messages, now, self._hooks.gate, self._hooks.compose)
            self._composed.put((lane, found))
            self._wake()

        lane.threads.submit(work)

    def _take_composed(self, at: float) -> None:
        while not self._composed.empty():
            lane, found = self._composed.get()
            lane.composing -= found.count
            if isinstance(found, Trouble):
                lane.held_until = at + _TROUBLE
                self._trouble[lane.channel] = found.reason
                self._results += [Result(number, State.WAITING) for number in found.numbers]
                continue
            self._trouble.pop(lane.channel, None)
            self._results += found.results
            lane.ready.extend(Composed(message, letters, at) for message, letters in found.ready)

    def _starting(self, at: float) -> list[tuple[Lane, Composed]]:
        """What is given to providers now; what must not go now is freed."""
        starting: list[tuple[Lane, Composed]] = []
        for lane in self._lanes.values():
            away = lane.stale(at)
            if self._paused(lane.channel) or self._ending:
                away += lane.ready
                lane.ready.clear()
            for each in lane.next(at):
                origin = each.message.wanted.origin
                if (origin.maker, origin.name) in self._pauses:
                    away.append(each)
                else:
                    starting.append((lane, each))
            self._results += [Result(each.message.number, State.WAITING) for each in away]
        return starting

    # --- outcomes ---------------------------------------------------------------------------------------------------

    def _result(self, composed: Composed, lane: Lane, outcomes: Sequence[Outcome], now: dt.datetime) -> Result:
        return result_of(composed.message, one_of(outcomes), now, idempotent=lane.provider.way.idempotent)

    def _note_dead(
        self,
        connection: sa.Connection,
        answers: Sequence[tuple[Composed, Lane, Sequence[Outcome]]],
        recorded: set[int],
        now: dt.datetime,
    ) -> None:
        bounced: list[Happening] = []
        for composed, _, outcomes in answers:
            message = composed.message
            for letter, outcome in zip(composed.letters, outcomes, strict=True):
                if isinstance(outcome, Never) and outcome.dead:
                    self._hooks.dead(connection, message, letter, outcome.reason, now)
            if isinstance(final := one_of(outcomes), Never) and final.dead and message.number in recorded:
                why = {"bounce": "hard", "reason": final.reason}
                bounced.append(Happening(message.number, "bounced", now, "hard", why))
        message_events.append(connection, bounced, now)

    def _pause_refused(
        self,
        connection: sa.Connection,
        answers: Sequence[tuple[Composed, Lane, Sequence[Outcome]]],
        now: dt.datetime,
    ) -> list[tuple[Channel, str]]:
        """Pauses channels whose providers refuse us; those that were sending until now."""
        refused = {
            lane.channel: outcome.reason
            for _, lane, outcomes in answers
            for outcome in outcomes
            if isinstance(outcome, Misconfigured)
        }
        return [
            (channel, reason)
            for channel, reason in refused.items()
            if outbox_pauses.pause_channel(connection, channel, reason, now, by="provider")
        ]

    def _judge_provider(self, lane: Lane, outcomes: Sequence[Outcome], at: float) -> None:
        for outcome in outcomes:
            match outcome:
                case Later(reason, wait, provider=True):
                    lane.breaker.failed(reason, at, wait)
                case Lost(reason):
                    lane.breaker.failed(reason, at)
                case Accepted() | Never() | Later():
                    lane.breaker.succeeded()
                case Misconfigured():
                    pass

    # --- for people -------------------------------------------------------------------------------------------------

    def replace(self, channel: Channel, provider: Provider) -> None:
        """Sends a channel's messages another way from now on."""
        self._withdrawn.discard(channel)
        lane = self._lanes.get(channel)
        if lane is None:
            self._lanes = {**self._lanes, channel: Lane(channel, provider)}
            return
        self._posting.close_later(lane.provider.way)
        lane.replace(provider)

    def withdraw(self, channel: Channel) -> None:
        """Sends no more messages of a channel, which has no provider from now on; what is under way ends."""
        if channel in self._lanes:
            self._withdrawn.add(channel)

    def _paused(self, channel: Channel) -> bool:
        return channel in self._withdrawn or (CHANNEL, channel.value) in self._pauses

    def status(self) -> tuple[Status, ...]:
        """How each channel does that has a provider or messages that are due."""
        lanes = [lane for channel, lane in self._lanes.items() if channel not in self._withdrawn]
        return status.of(lanes, self._pauses, self._trouble, self._unprovided)

    def trouble(self) -> str | None:
        """What keeps messages from being sent that a person should mend; None where nothing does."""
        return status.trouble(self._pauses, self._trouble)

    def finish(self) -> None:
        """Frees what is not begun, waits for what is, and ends; what takes longer is for the next process to judge."""
        self._ending = True
        for lane in self._lanes.values():
            lane.threads.shutdown(wait=True)
        end = self._monotonic() + _ENDING
        waiting = queue.SimpleQueue[None]()
        while self.step() or any(lane.under_way for lane in self._lanes.values()):
            if self._monotonic() >= end:
                break
            try:
                waiting.get(timeout=0.01)
            except queue.Empty:
                continue
        self._posting.finish([lane.provider.way for lane in self._lanes.values()])
