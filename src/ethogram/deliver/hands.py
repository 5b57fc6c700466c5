"""Hands: other processes that write letters and give them to providers, so that sending takes more than one core.

Step of the path: deliver. This process decides what is sent, claims, begins and records, and so keeps every rate,
limit and breaker, as if it sent alone; a hand renders letters, keeps them until they are begun, and posts them. Letters
do not come back, only where they go and what became of them. A hand that ends is started again: what it had begun is
lost (nobody knows), what it had written is written anew. It ends with this process, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import IO, Any

from ethogram.deliver.writing import ToWrite, Written
from ethogram.errors import InternalError
from ethogram.model.message import Accepted, Letter, Lost, Outcome, TextContent, Unrenderable

_AGAIN = 5.0  # seconds between attempts to start a hand
_ENDING = 10.0  # seconds that a hand may take to end
LONGEST = 90.0  # seconds that a provider may take; each channel has shorter limits of its own
SILENT = Lost(f"the provider did not answer within {LONGEST:.0f} seconds")
_LOOK = 5.0  # seconds between looks for letters that took longer
_THERE = TextContent("")

# A provider's channel, name and version: which way out letters take.
Key = tuple[str, str, int]
# Told what became of a letter.
Answered = Callable[[Outcome], object]


@dataclass(frozen=True, slots=True)
class Held(Letter):
    """A letter that a hand holds; what it says is there.

    Attributes:
        hand: which one.
    """

    hand: int = 0


class Hands:
    """Some hands, between which messages are shared out by their numbers: a message always comes to the same one.

    Args:
        command: starts a hand.
        count: how many.
    """

    def __init__(self, command: Sequence[str], count: int) -> None:
        self._hands = [_Hand(index, [*command, str(count)]) for index in range(count)]

    def write(self, messages: Sequence[ToWrite], now: dt.datetime) -> list[Written]:
        """The letters of messages, in their order; or why there are none.

        Raises:
            InternalError: a hand has ended.
        """
        shares: list[list[int]] = [[] for _ in self._hands]
        for index, message in enumerate(messages):
            shares[message.number % len(self._hands)].append(index)
        asked = [
            (share, hand.write([messages[index] for index in share], now))
            for share, hand in zip(shares, self._hands, strict=True)
            if share
        ]
        found: list[Written] = [()] * len(messages)
        for share, future in asked:
            for index, each in zip(share, future.result(), strict=True):
                found[index] = each
        return found

    def way(self, key: Key, *, idempotent: bool) -> HandWay:
        """The way out of a provider, by the hands."""
        return HandWay(self._hands, key, idempotent=idempotent)

    def close(self) -> None:
        """Ends the hands."""
        for hand in self._hands:
            hand.end()
        for hand in self._hands:
            hand.wait()


class HandWay:
    """Gives letters to a provider by the hand that holds them."""

    def __init__(self, hands: Sequence[_Hand], key: Key, *, idempotent: bool) -> None:
        self.idempotent = idempotent
        self._hands = hands
        self._key = key

    async def send(self, letter: Letter) -> Outcome:
        """What became of a letter."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self.post(letter, lambda outcome: None if future.done() else future.set_result(outcome), loop)
        return await future

    def post(self, letter: Letter, answered: Answered, loop: asyncio.AbstractEventLoop) -> None:
        """Sends a letter; what became of it is told within the event loop, in whose thread this is called."""
        if isinstance(letter, Held):
            self._hands[letter.hand].post(self._key, letter.id, None, answered, loop)
        else:
            self._hands[0].post(self._key, letter.id, letter, answered, loop)

    async def close(self) -> None:
        """Ends the provider's connections."""
        for hand in self._hands:
            hand.close_way(self._key)


class _Hand:
    """One process, as this one sees it: asked from several threads, read by one of its own."""

    def __init__(self, index: int, command: Sequence[str]) -> None:
        self._index = index
        self._command = command
        self._lock = threading.Lock()  # of starting, and of what is waited for
        self._telling = threading.Lock()  # one request at a time goes into the pipe
        self._process: subprocess.Popen[bytes] | None = None
        self._tell: Connection | None = None
        self._started_at: float | None = None
        self._calls = itertools.count()
        self._writing: dict[int, Future[list[Any]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None  # of whoever sends
        self._posting: dict[str, tuple[Answered, float]] = {}  # of the event loop's thread, with when
        self._leaving: dict[Key, list[tuple[str, Letter | None]]] = {}  # of the event loop's thread
        self._ended = False

    # --- writing ----------------------------------------------------------------------------------------------------

    def write(self, messages: Sequence[ToWrite], now: dt.datetime) -> Future[list[Written]]:
        """The letters of messages, later."""
        self._start()
        call = next(self._calls)
        raw: Future[list[Any]] = Future()
        with self._lock:
            self._writing[call] = raw
        origins = {each.wanted.origin: None for each in messages}
        numbers = {origin: number for number, origin in enumerate(origins)}
        rows = [
            (
                each.id, each.wanted.profile_id, each.wanted.channel.value, each.wanted.template,
                numbers[each.wanted.origin], each.wanted.data, each.wanted.expires_at, each.addresses,
                each.person.traits, each.person.account, each.person.more,
            )
            for each in messages
        ]  # fmt: skip
        try:
            self._say(("write", call, now, list(origins), rows))
        except InternalError:
            self._taken(call)
            raise
        found: Future[list[Written]] = Future()
        raw.add_done_callback(lambda done: self._hold(done, messages, found))
        return found

    def _hold(self, done: Future[list[Any]], messages: Sequence[ToWrite], found: Future[list[Written]]) -> None:
        error = done.exception()
        if error is not None:
            found.set_exception(error)
            return
        found.set_result(
            [
                each
                if isinstance(each, Unrenderable)
                else [
                    Held(id_, address, _THERE, message.wanted.expires_at, self._index)
                    for id_, address in zip(each, message.addresses, strict=True)
                ]
                for message, each in zip(messages, done.result(), strict=True)
            ]
        )

    # --- posting, in the event loop of whoever sends ------------------------------------------------------------------

    def post(
        self, key: Key, id_: str, letter: Letter | None, answered: Answered, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Sends a letter, together with others that are sent now."""
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(_LOOK, self._look)
        self._posting[id_] = (answered, loop.time())
        if not self._leaving:
            loop.call_soon(self._leave)
        self._leaving.setdefault(key, []).append((id_, letter))

    def _look(self) -> None:
        """Gives up letters that nothing was heard of for too long."""
        assert self._loop is not None
        late = self._loop.time() - LONGEST
        silent = itertools.takewhile(lambda each: each[1][1] < late, self._posting.items())  # in order of posting
        self._answered([(id_, SILENT) for id_, _ in list(silent)])
        self._loop.call_later(_LOOK, self._look)

    def _leave(self) -> None:
        leaving, self._leaving = self._leaving, {}
        for key, letters in leaving.items():
            try:
                self._say(("send", key, letters))
            except InternalError as error:
                self._answered([(id_, Lost(error.message)) for id_, _ in letters])

    def close_way(self, key: Key) -> None:
        """Ends a provider's connections, when nothing more is sent by them."""
        try:
            self._say(("close", key))
        except InternalError:
            return  # they have ended with the hand

    # --- the process ------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        with self._lock:
            if self._tell is not None or self._ended:
                return
            at = time.monotonic()
            if self._started_at is not None and at - self._started_at < _AGAIN:
                raise InternalError("a process that writes letters has ended; it is started again")
            self._started_at = at
            # In a session of its own: Ctrl-C is for the server, which ends its hands when it has recorded.
            self._process = subprocess.Popen(  # noqa: S603  # a command of ours
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
            self._tell, hear = _ours(self._process.stdin, writes=True), _ours(self._process.stdout, writes=False)
            threading.Thread(
                target=self._read, args=(self._process, hear), name=f"ethogram-hand-{self._index}", daemon=True
            ).start()

    def _say(self, told: tuple[Any, ...]) -> None:
        with self._telling:
            if self._tell is None:
                raise InternalError("a process that writes letters has ended")
            try:
                self._tell.send(told)
            except OSError as error:
                raise InternalError(f"a process that writes letters has ended: {error}") from None

    def _read(self, process: subprocess.Popen[bytes], hear: Connection) -> None:
        while True:
            try:
                told = hear.recv()
            except (EOFError, OSError):
                break
            match told:
                case ("written", call, found):
                    self._taken(call).set_result(found)
                case ("failed", call, reason, ours):  # what is not ours is due to one of the messages
                    self._taken(call).set_exception(InternalError(reason) if ours else ValueError(reason))
                case (_, answers):
                    self._sent(answers)
                case _:
                    break  # another version of ours, or no hand
        process.wait()
        with self._telling, self._lock:
            self._tell = None
            writing, self._writing = self._writing, {}
        reason = f"the process that had the message ended ({process.returncode})"
        for future in writing.values():
            future.set_exception(InternalError(reason))
        self._sent([(id_, Lost(reason)) for id_ in list(self._posting)])

    def _taken(self, call: int) -> Future[list[Any]]:
        with self._lock:
            return self._writing.pop(call, None) or Future()

    def _sent(self, answers: Sequence[tuple[str, Outcome | str | None]]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # nobody sends any more
                self._loop.call_soon_threadsafe(self._answered, answers)

    def _answered(self, answers: Sequence[tuple[str, Outcome | str | None]]) -> None:
        for id_, outcome in answers:
            waiting = self._posting.pop(id_, None)
            if waiting is not None:
                waiting[0](Accepted(outcome) if outcome is None or isinstance(outcome, str) else outcome)

    def end(self) -> None:
        """Tells the process to end."""
        with self._lock:
            self._ended = True
        with self._telling:
            if self._tell is not None:
                self._tell.close()
                self._tell = None

    def wait(self) -> None:
        """Waits until the process has ended."""
        if self._process is not None:
            try:
                self._process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _ours(pipe: IO[bytes] | None, *, writes: bool) -> Connection:
    """Our end of a pipe, which belongs to nobody else from now on."""
    assert pipe is not None
    connection = Connection(os.dup(pipe.fileno()), readable=not writes, writable=writes)
    pipe.close()
    return connection
