"""A server under a steady load for long, killed now and then: nothing is lost, and its memory stays flat.

`make soak SOAK_MINUTES=60` is the long one; the suite takes a third of a minute.
"""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from pathlib import Path

import pytest

import ethogram as eg
from web.running import Server, stored, workspace
from web.test_faults import calls, resident

MINUTES = float(os.environ.get("SOAK_MINUTES", "0.33"))
LIFE = 10.0  # minutes between kills in a long soak
RATE = 20  # batches a second
BATCH = 10
ALLOWED = 40 << 20  # bytes that a process may grow by, beside a tenth of what it held


class Load(threading.Thread):
    """Sends at a steady rate; what got no answer is sent again."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.server: Server | None = None
        self.acknowledged = 0  # batches, each with the next ids
        self.stopping = False

    def run(self) -> None:
        next_at = time.monotonic()
        while not self.stopping:
            ids = [f"{self.acknowledged:07d}-{each}" for each in range(BATCH)]
            body = calls(*ids, event="buy")
            for at, call in enumerate(body["batch"]):
                call["userId"] = f"p{(self.acknowledged * 7 + at) % 5_000}"
            try:
                assert self.server is not None
                if self.server.send("/v1/batch", body).status == 200:
                    self.acknowledged += 1
            except OSError:
                pass  # nobody is there; the same batch comes again
            next_at = max(next_at + 1 / RATE, time.monotonic() - 1)
            time.sleep(max(0.0, next_at - time.monotonic()))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_server_under_a_steady_load_keeps_its_memory_and_loses_nothing(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with eg.open(place) as opened:
        opened.segments.save("buyers", "count(buy in last 1 day) >= 2")
        opened.run()
    chance = random.Random(5)
    load = Load()
    lives = max(2, round(MINUTES / LIFE))
    # The first life is short where there is little time: what counts is how long one of them goes on.
    shares = [chance.uniform(0.2, 0.4), 1.0] if lives == 2 else [chance.uniform(0.5, 1.5) for _ in range(lives)]
    for share in shares:
        server = Server(place)
        load.server = server
        if not load.is_alive():
            load.start()
        held = _watched(server, MINUTES * 60 * share / sum(shares))
        third = max(1, len(held) // 3)
        before, after = statistics.median(held[:third]), statistics.median(held[-third:])
        print(f"{len(held)} looks: {before / 2**20:.0f} MB, then {after / 2**20:.0f} MB; {load.acknowledged} batches")
        assert after < before * 1.1 + ALLOWED
        if share is not shares[-1]:
            server.kill()
    load.stopping = True
    load.join(30)
    server.settle()
    assert server.stop() == 0
    server.kill()
    found = stored(place)
    sent = [f"{batch:07d}-{each}" for batch in range(load.acknowledged) for each in range(BATCH)]
    assert len(found) == len(set(found))
    assert set(sent) <= set(found)
    assert len(found) - len(sent) <= BATCH
    assert load.acknowledged > MINUTES * 60 * RATE / 10


def _watched(server: Server, seconds: float) -> list[int]:
    """How much memory a server held, look by look, after it has warmed up for a fifth of the time."""
    held = []
    begins = time.monotonic() + seconds / 5
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.2)  # another process works meanwhile
        if time.monotonic() > begins:
            held.append(resident(server.process.pid))
    return held
