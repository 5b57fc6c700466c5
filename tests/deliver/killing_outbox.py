"""Senders in processes of their own, to be killed: by themselves at a named point, or from outside.

`python killing_outbox.py` reads lines of JSON (see `Job`), forks a sender for each, and says how it ended. What the
stand-in for a provider has taken is in a file: it is written before the provider answers, so it is the truth.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ethogram.clock import SystemClock
from ethogram.deliver.hooks import Hooks
from ethogram.deliver.lane import Provider
from ethogram.deliver.outbox import Outbox
from ethogram.model.message import (
    Accepted,
    Channel,
    Eligible,
    Letter,
    Message,
    Never,
    Outcome,
    Refused,
    TextContent,
    Verdict,
)
from ethogram.store import outbox_reading
from ethogram.store.ledger import Ledger

POINTS = ("claiming", "committed", "accepted", "recording")


@dataclass(frozen=True, slots=True)
class Job:
    """What a sender does.

    Attributes:
        point: where it signals itself, when it passes for the nth time; empty is nowhere.
        on_the_way: it passes only while the provider has messages that are not recorded.
        alone: it knows to be the only one.
        slow: seconds that composing and the provider take at most.
        lease: seconds that its claims hold.
    """

    url: str
    taken: str
    point: str = ""
    nth: int = 0
    on_the_way: bool = False
    signal: int = signal.SIGKILL
    idempotent: bool = False
    alone: bool = True
    slow: float = 0.002
    lease: float = 180.0
    at_once: int = 12


def rejects(id_: str) -> bool:
    """Whether the stand-in takes no message of this id, ever."""
    return hashlib.sha256(id_.encode()).digest()[0] < 8


class StandIn:
    """Takes letters by writing their ids into a file."""

    def __init__(self, job: Job) -> None:
        self.idempotent = job.idempotent
        self._slow = job.slow
        self._file = os.open(job.taken, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._random = random.Random()
        self.on_the_way = 0

    async def send(self, letter: Letter) -> Outcome:
        self.on_the_way += 1
        try:
            return await self._taken(letter)
        finally:
            self.on_the_way -= 1

    async def _taken(self, letter: Letter) -> Outcome:
        await asyncio.sleep(self._random.random() * self._slow)
        if rejects(letter.id):
            return Never("no such address")
        os.write(self._file, f"{letter.id}\n".encode())
        await asyncio.sleep(self._random.random() * self._slow)
        return Accepted(f"theirs-{letter.id}")

    async def close(self) -> None:
        os.close(self._file)


def main(job: Job) -> None:
    """Sends until nothing is left, or until it is killed."""
    left = job.nth
    slow = threading.Event()
    stand_in = StandIn(job)

    def at_point(point: str) -> None:
        nonlocal left
        if point == job.point and (stand_in.on_the_way or not job.on_the_way):
            left -= 1
            if left == 0:
                Path(f"{job.taken}-{job.point}").touch()
                os.kill(os.getpid(), job.signal)

    def gate(messages: Sequence[Message], now: dt.datetime) -> list[Verdict]:
        assert now.tzinfo is not None
        return [
            Refused("unsubscribed", "meanwhile") if message.wanted.profile_id.endswith("99") else Eligible()
            for message in messages
        ]

    def compose(messages: Sequence[Message]) -> list[Letter]:
        slow.wait(job.slow)
        return [Letter(each.id, f"{each.wanted.profile_id}@x.example", TextContent("hello")) for each in messages]

    wake = threading.Event()
    with Ledger(job.url) as ledger:
        providers = {Channel.EMAIL: Provider(stand_in, at_once=job.at_once)}
        outbox = Outbox(
            ledger.database, providers, Hooks(gate, compose, at_point=at_point), SystemClock(), wake=wake.set,
            alone=job.alone, lease=dt.timedelta(seconds=job.lease),
        )  # fmt: skip
        while True:
            wake.clear()
            if outbox.step():
                continue
            with ledger.database.reading() as connection:
                if not any(each.waiting for each in outbox_reading.depths(connection, SystemClock().now())):
                    break
            wake.wait(0.02)
        outbox.finish()


def say(what: str) -> None:
    """Writes a line that the test reads."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


def fork() -> None:
    """Forks a sender for each line that comes in."""
    for line in sys.stdin:
        job = Job(**json.loads(line))
        Path(job.taken).touch()
        child = os.fork()
        if child == 0:
            try:
                main(job)
            except BaseException:  # a forked child never returns to the loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        say(f"started {child}")
        _, status = os.waitpid(child, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    fork()
