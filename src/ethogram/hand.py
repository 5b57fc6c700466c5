"""A hand: the process that writes letters and gives them to providers, for a server that has the warehouse.

`python -m ethogram.hand WORKSPACE HANDS` is started by `deliver/hands.py` and speaks with it over its standard input
and output. Reads templates, catalogues and providers and takes coupon codes (ledger); records nothing: whether a letter
may go is decided where it was claimed. Ends when its input does.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ethogram import config
from ethogram.clock import SystemClock
from ethogram.collecting import open_ledger
from ethogram.composing import templates_of
from ethogram.deliver.addresses import Rules
from ethogram.deliver.contents import Contents, Person
from ethogram.deliver.hands import Key
from ethogram.deliver.writing import ToWrite, written
from ethogram.errors import EthogramError
from ethogram.model.message import (
    Accepted,
    Channel,
    Later,
    Letter,
    Lost,
    Outcome,
    Unrenderable,
    Wanted,
)
from ethogram.model.provider import Provider, Smtp
from ethogram.providing import Opening, saved_provider
from ethogram.workers import collect_rarely

_KEPT = 60.0  # seconds that a letter waits to be begun; the server has given it up long before
_SOME_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)  # rendering does not ask when a message was due
_GATHERED = 0.005  # seconds in which answers are gathered


class Hand:
    """Writes letters and posts them.

    Args:
        tell: to the server.
    """

    def __init__(self, path: Path, hands: int, tell: Connection) -> None:
        settings = config.read(path)
        self._clock = SystemClock()
        self._database = open_ledger(path).database
        self._contents = Contents(self._database, templates_of(self._database, settings), _nobody)
        self._rules = Rules.of(settings.allow_addresses)
        self._hands = hands
        self._connection = tell
        self._telling = threading.Lock()
        self._letters: dict[str, tuple[float, Letter]] = {}  # that were written, in their order, and when
        self._ways: dict[Key, Opening | None] = {}  # of the event loop's thread
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: list[tuple[str, Outcome | str | None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ethogram-posting", daemon=True)
        self._thread.start()

    def run(self, hear: Connection) -> None:
        """Does what it is told until the server ends."""
        waiting: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        threading.Thread(target=self._hear, args=(hear, waiting), daemon=True).start()
        while (told := waiting.get()) is not None:
            _, call, now, origins, rows = told
            try:
                found = written(self._contents, _messages(origins, rows), now)
            except EthogramError as error:
                self._say(("failed", call, error.message, True))
                continue
            except Exception as error:  # noqa: BLE001  # one of them may be to blame: each is tried alone then
                self._say(("failed", call, f"{type(error).__name__}: {error}", False))
                continue
            at = time.monotonic()
            self._forget(at)
            for each in found:
                if not isinstance(each, Unrenderable):
                    self._letters.update((letter.id, (at, letter)) for letter in each)
            self._say(
                ("written", call,
                 [each if isinstance(each, Unrenderable) else [letter.id for letter in each] for each in found])
            )  # fmt: skip

    def _hear(self, hear: Connection, waiting: queue.SimpleQueue[tuple[Any, ...] | None]) -> None:
        while True:
            try:
                told = hear.recv()
            except (EOFError, OSError):
                waiting.put(None)
                return
            if told[0] == "write":
                waiting.put(told)
            elif told[0] == "send":
                self._loop.call_soon_threadsafe(self._post, told[1], told[2])
            elif told[0] == "close":
                asyncio.run_coroutine_threadsafe(self._close(told[1]), self._loop)

    def _forget(self, at: float) -> None:
        for id_, (since, _) in list(self._letters.items()):
            if at - since < _KEPT:
                return
            self._letters.pop(id_, None)

    def _say(self, told: tuple[Any, ...]) -> None:
        with self._telling:
            self._connection.send(told)

    # --- the event loop's thread ------------------------------------------------------------------------------------

    def _post(self, key: Key, letters: Sequence[tuple[str, Letter | None]]) -> None:
        for id_, given in letters:
            held = self._letters.pop(id_, None)
            letter = given or (held[1] if held is not None else None)
            if letter is None:
                self._answer(id_, Later("the process that had written it ended", provider=False))
                continue
            task = self._loop.create_task(self._send(key, letter))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, key: Key, letter: Letter) -> None:
        try:
            way = self._way(key)
            outcome = await way.send(letter) if way is not None else Later("its provider is there no more")
        except Exception as error:  # noqa: BLE001  # nobody knows how far it came
            outcome = Lost(f"{type(error).__name__}: {error}")
        self._answer(letter.id, outcome)

    def _way(self, key: Key) -> Opening | None:
        if key not in self._ways:
            channel, name, version = key
            provider = saved_provider(self._database, name, version)
            if provider is None or provider.channel is not Channel(channel):
                return None
            self._ways[key] = Opening(_share(provider, self._hands), self._rules, self._clock)
        return self._ways[key]

    def _answer(self, id_: str, outcome: Outcome) -> None:
        if not self._answers:
            self._loop.call_later(_GATHERED, self._hand_back)
        self._answers.append((id_, outcome.provider_id if isinstance(outcome, Accepted) else outcome))

    def _hand_back(self) -> None:
        answers, self._answers = self._answers, []
        self._say(("sent", answers))

    async def _close(self, key: Key) -> None:
        way = self._ways.pop(key, None)
        if way is not None:
            await way.close()

    def end(self) -> None:
        """Ends connections."""

        async def close() -> None:
            for key in list(self._ways):
                await self._close(key)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(5)


def _share(provider: Provider, hands: int) -> Provider:
    """The provider with a hand's share of the connections that it allows."""
    settings = provider.settings
    if not isinstance(settings, Smtp):  # no other keeps more of them than messages are under way
        return provider
    return replace(provider, settings=replace(settings, connections=max(settings.connections // hands, 1)))


def _messages(origins: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> list[ToWrite]:
    found = []
    for id_, profile_id, channel, template, origin, data, expires_at, addresses, traits, account, more in rows:
        wanted = Wanted(
            origins[origin], profile_id, Channel(channel), template, _SOME_TIME, data=data, expires_at=expires_at
        )
        found.append(ToWrite(0, id_, wanted, addresses, Person(traits, account, more)))
    return found


def _nobody(_: Sequence[str]) -> Mapping[str, Person]:
    return {}


def main() -> None:
    """Runs a hand on standard input and output, which are for nothing else then."""
    path, hands = Path(sys.argv[1]), int(sys.argv[2])
    tell = Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # what anybody prints must not come between
    hand = Hand(path, hands, tell)
    collect_rarely()
    hand.run(Connection(os.dup(0), writable=False))
    hand.end()


if __name__ == "__main__":
    main()
