"""What happens now, as pages show it: events and membership changes as server-sent events, for who is signed in.

Follows the ledger while anybody looks, once for all who do. A reader that does not keep up misses lines and is told so
by nothing: this is a picture of now; the feed that misses nothing is `/v1/changes`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec

from ethogram.errors import EthogramError
from ethogram.following import Change, Following

_LOOK: Final = 0.4  # seconds between looks for what is new
_ALIVE: Final = 15.0
_MOST_READERS: Final = 100
_MOST_LINES: Final = 40  # of a look; more than this nobody reads
_WAITING: Final = 200  # lines that a slow reader may be behind


class Live:
    """Tells what is new to everybody who listens; used from the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: set[asyncio.Queue[str | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    def end(self) -> None:
        """Ends every stream, so that the server need not wait for them."""
        self._ending = True
        for reader in self._readers:
            with contextlib.suppress(asyncio.QueueFull):
                reader.put_nowait(None)

    async def lines(self) -> AsyncIterator[str]:
        """The stream of one reader, as the browser's `EventSource` takes it."""
        if len(self._readers) >= _MOST_READERS:
            yield "event: full\ndata: {}\n\n"
            return
        mine: asyncio.Queue[str | None] = asyncio.Queue(_WAITING)
        self._readers.add(mine)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        try:
            yield "retry: 3000\n\n"
            while not self._ending:
                try:
                    line = await asyncio.wait_for(mine.get(), _ALIVE)
                except TimeoutError:
                    line = ": alive\n\n"
                if line is None:
                    return
                yield line
        finally:
            self._readers.discard(mine)

    async def _follow(self) -> None:
        following: Following | None = None
        try:
            while self._readers and not self._ending:
                try:
                    if following is None:
                        following = await asyncio.to_thread(Following, self._path)
                    for line in _lines(await asyncio.to_thread(following.step)):
                        for reader in self._readers:
                            with contextlib.suppress(asyncio.QueueFull):
                                reader.put_nowait(line)
                except EthogramError:
                    await asyncio.sleep(1)  # the ledger does not answer now
                await asyncio.sleep(_LOOK)
        finally:
            if following is not None:
                following.__exit__()


def _lines(new: list[Any]) -> list[str]:
    events = [each for each in new if not isinstance(each, Change)]
    changes = [each for each in new if isinstance(each, Change)]
    told = [_line("count", {"events": len(events), "changes": len(changes)})] if new else []
    told += [
        _line(
            "event",
            {
                "at": each.at,
                "name": each.name,
                "call": each.call,
                "profile_id": each.profile_id,
                "content": each.content,
            },
        )
        for each in events[-_MOST_LINES:]
    ]
    told += [
        _line(
            "change",
            {
                "at": each.at,
                "segment": each.name,
                "change": "entered" if each.entered else "left",
                "profile_id": each.profile_id,
                "entity": each.entity,
                "cause": each.cause,
                "count": each.count,
            },
        )
        for each in changes[-_MOST_LINES:]
    ]
    return told


def _line(kind: str, told: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {msgspec.json.encode(told).decode()}\n\n"
