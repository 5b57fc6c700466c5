"""Sends what is to be sent: claims deliveries, posts them at the same time, records what came of each.

Step of the path: deliver. Reads and writes deliveries and endpoints (ledger); uses the network. Requests run in an
event loop in a thread of its own, so that an endpoint that does not answer holds up nothing but itself; the ledger is
only used by whoever calls `step`. Killed anywhere, a delivery is sent again under the same id, and none is lost.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import queue
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ethogram.clock import Clock
from ethogram.deliver import attempts, signing
from ethogram.deliver.addresses import Rules
from ethogram.deliver.attempts import Delivered, Failed, Gone, Outcome
from ethogram.deliver.client import TIMEOUT, Client
from ethogram.store import deliveries
from ethogram.store.database import Database
from ethogram.store.deliveries import DEAD, SENT, WAITING, Claimed, Result

_MOST, _MOST_EACH = 64, 8  # requests under way: in all, and of one endpoint
_GRACE = dt.timedelta(seconds=20)  # for recording, on top of a request's own time
_ENDING = 5.0  # seconds for what is under way when the process ends

Counted = Callable[[str], None]
Answer = TypeVar("Answer")


class Sender:
    """Sends the deliveries of one ledger.

    Args:
        rules: which addresses may be connected to.
        wake: called when something can be recorded.
        counted: called with the outcome of each attempt: sent, failed or dead.
        alone: no other process sends from this ledger, so what a killed one had claimed is free at once.
    """

    def __init__(
        self,
        database: Database,
        rules: Rules,
        clock: Clock,
        *,
        wake: Callable[[], None] = lambda: None,
        counted: Counted = lambda _: None,
        alone: bool = False,
        timeout: dt.timedelta = TIMEOUT,
    ) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake
        self._counted = counted
        self._lease = timeout + _GRACE
        self._token = secrets.token_hex(8)
        self._under_way: Counter[int] = Counter()
        self._answers: queue.SimpleQueue[tuple[Claimed, Outcome]] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        # Names are looked up in threads: one that nobody answers for must not hold up the others.
        self._loop.set_default_executor(ThreadPoolExecutor(_MOST, thread_name_prefix="ethogram-names"))
        self._thread = threading.Thread(target=self._loop.run_forever, name="ethogram-sending", daemon=True)
        self._thread.start()
        self._client = self._soon(_client(rules, clock, timeout)).result()
        self._orphans = alone

    def step(self) -> bool:
        """Records what was answered and sends what is due; whether there was any of it."""
        if self._orphans:
            deliveries.release(self._database)
            self._orphans = False
        recorded = self._record()
        now = self._clock.now()
        claimed = deliveries.claim(
            self._database,
            now,
            self._lease,
            self._token,
            most=_MOST - self._under_way.total(),
            most_each=_MOST_EACH,
            under_way=self._under_way,
        )
        for each in claimed:
            self._under_way[each.endpoint.id] += 1
            self._soon(self._send(each, now))
        return bool(recorded or claimed)

    def finish(self) -> None:
        """Waits for what is under way, records it, and ends; what takes longer is sent again by the next process."""
        ends = threading.Event()
        for _ in range(int(_ENDING / 0.05)):
            self._record()
            if not self._under_way.total():
                break
            ends.wait(0.05)
        self._soon(self._client.close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    # --- the event loop's thread --------------------------------------------------------------------------------

    def _soon(self, coroutine: Coroutine[Any, Any, Answer]) -> Future[Answer]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _send(self, claimed: Claimed, now: dt.datetime) -> None:
        delivery, endpoint = claimed.delivery, claimed.endpoint
        try:
            signed = signing.headers(delivery.id, now, delivery.body, endpoint.signers(now))
            outcome = await self._client.post(endpoint.url, signed, delivery.body)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is recorded like any other failure
            outcome = Failed(f"{type(error).__name__}: {error}")
        self._answers.put((claimed, outcome))
        self._wake()

    # --- recording ----------------------------------------------------------------------------------------------

    def _record(self) -> int:
        answers: list[tuple[Claimed, Outcome]] = []
        while not self._answers.empty():
            answers.append(self._answers.get())
        if not answers:
            return 0
        now = self._clock.now()
        results = [result_of(claimed, outcome, now) for claimed, outcome in answers]
        try:
            deliveries.record(self._database, self._token, results, now)
        except BaseException:
            for answer in answers:  # the ledger will answer again
                self._answers.put(answer)
            raise
        for (claimed, _), result in zip(answers, results, strict=True):
            self._under_way[claimed.endpoint.id] -= 1
            self._counted("failed" if result.state == WAITING else result.state)
        self._under_way += Counter()  # drops those that have none
        return len(answers)


def result_of(claimed: Claimed, outcome: Outcome, now: dt.datetime) -> Result:
    """What to record of an attempt, and when the next one is."""
    delivery, endpoint = claimed.delivery, claimed.endpoint
    match outcome:
        case Delivered(status):
            return Result(delivery, SENT, now, status, None)
        case Gone(status, reason):
            return Result(delivery, WAITING, now, status, reason, disable=reason)
        case Failed():
            return _failed(claimed, outcome, now, endpoint.failures + 1, delivery.attempts + 1)


def _failed(claimed: Claimed, outcome: Failed, now: dt.datetime, failures: int, tried: int) -> Result:
    delivery, endpoint = claimed.delivery, claimed.endpoint
    wait = attempts.next_wait(delivery.id, tried, outcome.wait)
    disable = None
    if wait is None and endpoint.in_order:
        disable = f"a delivery failed {tried} times, and the ones after it wait for it: {outcome.reason}"
    elif (
        failures >= attempts.MOST_ATTEMPTS
        and endpoint.failing_since is not None
        and now - endpoint.failing_since >= attempts.GIVES_UP_AFTER
    ):
        disable = f"it has failed since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC: {outcome.reason}"
    pause = attempts.hold(endpoint.id, failures, outcome) if outcome.endpoint else None
    return Result(
        delivery,
        DEAD if wait is None else WAITING,
        now if wait is None else now + wait,
        outcome.status,
        outcome.reason,
        disable=disable,
        failed=outcome.endpoint,
        held_until=None if pause is None else now + pause,
    )


async def _client(rules: Rules, clock: Clock, longest: dt.timedelta) -> Client:
    return Client(rules, clock, timeout=longest)
