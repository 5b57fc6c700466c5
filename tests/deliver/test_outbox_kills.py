"""Senders that are killed at every point: nobody is missed, nobody is written to twice, and what is unsure is said."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO, Self

import pytest

from deliver.killing_outbox import POINTS, Job, rejects
from ethogram.clock import SystemClock
from ethogram.model.message import Channel, Eligible, HeldOut, Maker, Origin, Refused, State, Wanted
from ethogram.store import outbox, outbox_reading
from ethogram.store.ledger import Ledger

KILLS = int(os.environ.get("ETHOGRAM_OUTBOX_KILLS", "60"))  # for each kind of provider
PEOPLE = 2_000
HERE = Path(__file__).parent


class Senders:
    """Forks senders, one at a time, and says how they ended."""

    def __init__(self) -> None:
        place = os.pathsep.join([str(HERE.parent), *sys.path])
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "killing_outbox.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": place},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe(self._process.stdin).close()
        assert self._process.wait(20) == 0
        self._pipe(self._process.stdout).close()

    def start(self, job: Job) -> int:
        """The number of the process of a new sender."""
        stdin = self._pipe(self._process.stdin)
        stdin.write(json.dumps(dataclasses.asdict(job)) + "\n")
        stdin.flush()
        return int(self._line("started"))

    def end(self) -> int:
        """How the sender ended."""
        return int(self._line("ended"))

    def _line(self, word: str) -> str:
        said = self._pipe(self._process.stdout).readline().split()
        assert said[:1] == [word], said
        return said[1]

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def _campaign(ledger: Ledger, people: int = PEOPLE) -> dict[str, State]:
    """What a campaign's messages may come to at best, by id."""
    now = SystemClock().now()
    expected: dict[str, State] = {}
    judged: list[outbox.Judged] = []
    for number in range(people):
        wanted = Wanted(Origin(Maker.CAMPAIGN, "spring", 1, "once"), f"p{number:05}", Channel.EMAIL, "hello", now)
        if number % 20 == 0:
            judged.append((wanted, Refused("capped", "two a day")))
            expected[wanted.id] = State.REFUSED
        elif number % 20 == 1:
            judged.append((wanted, HeldOut("a tenth is compared with")))
            expected[wanted.id] = State.HELD_OUT
        else:
            judged.append((wanted, Eligible()))
            end = State.FAILED if rejects(wanted.id) else State.SENT
            expected[wanted.id] = State.REFUSED if number % 100 == 99 else end
    with ledger.database.writing() as connection:
        assert outbox.append(connection, judged, now).known == 0
    return expected


def _states(ledger: Ledger) -> dict[str, State]:
    with ledger.database.reading() as connection:
        return {each.id: each.state for each in outbox_reading.listed(connection, limit=10 * PEOPLE)}


def _verified(expected: dict[str, State], found: dict[str, State], taken: Counter[str], *, idempotent: bool) -> int:
    """How many are unsure, after everything else was looked at."""
    unsure = {id_ for id_, state in found.items() if state is State.UNSURE}
    assert set(found) == set(expected)
    assert {id_: state for id_, state in found.items() if id_ not in unsure} == {
        id_: state for id_, state in expected.items() if id_ not in unsure
    }
    sent = {id_ for id_, state in found.items() if state is State.SENT}
    assert sent <= set(taken)
    assert set(taken) <= sent | unsure
    if idempotent:
        assert not unsure
    else:
        assert set(taken.values()) == {1}
    return len(unsure)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("idempotent", [True, False])
def test_a_sender_that_is_killed_anywhere_misses_nobody_and_doubles_nobody(tmp_path: Path, idempotent: bool) -> None:
    chosen = random.Random(3)
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    job = Job(url, str(tmp_path / "taken"), idempotent=idempotent)
    killed: Counter[str] = Counter()
    with Ledger(url) as ledger, Senders() as senders:
        expected = _campaign(ledger)
        for kill in range(KILLS):
            point = ("random", *POINTS)[kill % (len(POINTS) + 1)]
            if point == "random":
                number = senders.start(job)
                time.sleep(chosen.uniform(0.02, 0.12))
                os.kill(number, signal.SIGKILL)
            else:
                most = 14 if point == "accepted" else 3
                senders.start(dataclasses.replace(job, point=point, nth=chosen.randint(1, most)))
            if senders.end() == -signal.SIGKILL:
                killed[point] += 1
        senders.start(job)
        assert senders.end() == 0
        taken = Counter(Path(job.taken).read_text().split())
        unsure = _verified(expected, _states(ledger), taken, idempotent=idempotent)
    assert all(killed[point] >= KILLS // 10 for point in ("random", *POINTS)), killed
    assert killed.total() >= 0.85 * KILLS
    assert idempotent or unsure > 0


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("idempotent", [True, False])
def test_two_senders_at_once_share_what_there_is(tmp_path: Path, idempotent: bool) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    job = Job(url, str(tmp_path / "taken"), idempotent=idempotent, alone=False)
    with Ledger(url) as ledger, Senders() as one, Senders() as other:
        expected = _campaign(ledger)
        one.start(job)
        other.start(job)
        assert one.end() == other.end() == 0
        taken = Counter(Path(job.taken).read_text().split())
        assert _verified(expected, _states(ledger), taken, idempotent=idempotent) == 0
        assert set(taken.values()) == {1}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_sender_that_was_stopped_for_long_finds_its_claims_gone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    job = Job(url, str(tmp_path / "taken"), alone=False, lease=2.0)
    # It holds no lock of the database where it stops, and has messages claimed and on the way.
    stopping = dataclasses.replace(job, point="committed", nth=4, on_the_way=True, signal=signal.SIGSTOP)
    with Ledger(url) as ledger, Senders() as senders, Senders() as others:
        expected = _campaign(ledger, 400)
        zombie = senders.start(stopping)
        deadline = time.monotonic() + 30
        while not Path(f"{job.taken}-committed").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        others.start(job)
        assert others.end() == 0  # everybody else is written to, whoever was on the way is unsure
        between = _states(ledger)
        assert not {State.WAITING, State.CLAIMED} & set(between.values())
        os.kill(zombie, signal.SIGCONT)
        assert senders.end() == 0
        taken = Counter(Path(job.taken).read_text().split())
        # What it still learned is recorded; what it had only claimed, it did not send a second time.
        assert _verified(expected, _states(ledger), taken, idempotent=False) == 0
        assert State.UNSURE in between.values()


def test_the_stand_in_rejects_some() -> None:
    ids = [Origin(Maker.CAMPAIGN, "spring", 1, "once").message_id(f"p{n:05}", Channel.EMAIL) for n in range(PEOPLE)]
    assert 20 < sum(map(rejects, ids)) < 200
