"""Things that come one by one and are written many at once: one transaction for all that came while the last one ran.

Step of the path: deliver. Knows no ledger: what writes comes in as a function, which runs in a thread. Whoever adds
something waits until it is written, or has the error that it could not be.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Given = TypeVar("Given")
Told = TypeVar("Told")
_MOST = 500  # that are written together


class Together(Generic[Given, Told]):
    """Writes what is added in one event loop.

    Args:
        write: what became of some things, in their order.
    """

    def __init__(self, write: Callable[[Sequence[Given]], Sequence[Told]]) -> None:
        self._write = write
        self._waiting: deque[tuple[Given, asyncio.Future[Told]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def add(self, given: Given) -> Told:
        """What became of it, once it is written."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
            try:
                told = await asyncio.to_thread(self._write, [given for given, _ in some])
            except Exception as error:  # noqa: BLE001  # whoever waits is told, whatever it is
                for _, future in some:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), each in zip(some, told, strict=True):
                if not future.done():  # nobody waits for it any more
                    future.set_result(each)
