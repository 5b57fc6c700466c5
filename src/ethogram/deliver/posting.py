"""Gives letters to providers, many at the same time, in an event loop in a thread of its own.

Step of the path: deliver. Knows no ledger: what it is given was begun there, and what it hands back is to be recorded.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ethogram.deliver.hands import LONGEST, SILENT, HandWay
from ethogram.model.message import Lost, Outcome

if TYPE_CHECKING:
    from ethogram.deliver.lane import Composed, Lane, Way

_GATHERED = 0.05  # seconds in which answers are gathered, or half of those under way: recording many costs less

Answer: TypeAlias = "tuple[Composed, Lane, Sequence[Outcome]]"


class Posting:
    """Sends what is begun.

    Args:
        wake: called when there are answers.
        at_point: called when a provider has answered, before anybody knows.
    """

    def __init__(self, wake: Callable[[], None], at_point: Callable[[str], None]) -> None:
        self._wake = wake
        self._at_point = at_point
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._gathered: list[Answer] = []  # of the event loop's thread
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ethogram-posting", daemon=True)
        self._thread.start()

    def post(self, going: Sequence[tuple[Lane, Composed]]) -> None:
        """Begins to send."""
        if going:
            self._loop.call_soon_threadsafe(self._start, going)

    def answers(self) -> list[Answer]:
        """What was answered since the last look."""
        found: list[Answer] = []
        while not self._answers.empty():
            found.append(self._answers.get())
        return found

    def put_back(self, answers: Sequence[Answer]) -> None:
        """Keeps answers that could not be recorded for the next look."""
        for answer in answers:
            self._answers.put(answer)

    def close_later(self, way: Way) -> None:
        """Ends a way that nothing more is sent by."""
        asyncio.run_coroutine_threadsafe(way.close(), self._loop)

    def finish(self, ways: Sequence[Way]) -> None:
        """Ends the ways and the thread; what is still under way is left."""

        async def end() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, *(way.close() for way in ways), return_exceptions=True)
            self._hand_back()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    # --- the event loop's thread ------------------------------------------------------------------------------------

    def _start(self, going: Sequence[tuple[Lane, Composed]]) -> None:
        for lane, composed in going:
            way = lane.provider.way
            if isinstance(way, HandWay):
                self._give(lane, way, composed)
                continue
            task = self._loop.create_task(self._send(lane, way, composed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _give(self, lane: Lane, way: HandWay, composed: Composed) -> None:
        """Sends by another process: without a task for each message, which would cost more than all else here."""
        outcomes: dict[int, Outcome] = {}

        def answered(index: int, outcome: Outcome) -> None:
            outcomes[index] = outcome
            if len(outcomes) == len(composed.letters):
                self._gather(composed, lane, [outcomes[each] for each in range(len(outcomes))])

        for index, letter in enumerate(composed.letters):
            way.post(letter, partial(answered, index), self._loop)

    async def _send(self, lane: Lane, way: Way, composed: Composed) -> None:
        outcomes: list[Outcome] = []
        for letter in composed.letters:
            try:
                async with asyncio.timeout(LONGEST):
                    outcomes.append(await way.send(letter))
            except TimeoutError:
                outcomes.append(SILENT)
            except Exception as error:  # noqa: BLE001  # nobody knows how far it came
                outcomes.append(Lost(f"{type(error).__name__}: {error}"))
        self._gather(composed, lane, outcomes)

    def _gather(self, composed: Composed, lane: Lane, outcomes: Sequence[Outcome]) -> None:
        self._at_point("accepted")
        self._gathered.append((composed, lane, outcomes))
        if 2 * len(self._gathered) >= lane.provider.at_once:
            self._hand_back()
        elif len(self._gathered) == 1:
            self._loop.call_later(_GATHERED, self._hand_back)

    def _hand_back(self) -> None:
        if not self._gathered:
            return
        for answer in self._gathered:
            self._answers.put(answer)
        self._gathered.clear()
        self._wake()
