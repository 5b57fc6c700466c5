"""Servers that are killed at every named point and at random: nothing acknowledged is lost, doubled or altered."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import ethogram as eg
from web import killing
from web.running import BASIC, SOURCE, stored, workspace

NAMED = [(point, nth) for point in killing.POINTS for nth in (1, 3)]
RANDOM = int(os.environ.get("ETHOGRAM_RANDOM_KILLS", "16"))
ANONYMOUS = 3  # every so often somebody is known under another name first


class Servers:
    """The process that forks servers, one at a time."""

    def __init__(self) -> None:
        root = str(Path(__file__).parents[1])
        self._process = subprocess.Popen(
            [sys.executable, killing.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((SOURCE, root))},
        )

    def start(self, place: Path, point: str, nth: int) -> tuple[int, int]:
        """The process id and the port of a server that listens."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(place), point, nth]) + "\n")
        self._process.stdin.flush()
        pid = int(self._said("started"))
        return pid, int(urlsplit(self._said("listens")).port or 0)

    def ended(self) -> int:
        """How the server ended; waits for it."""
        return int(self._said("ended"))

    def _said(self, wanted: str) -> str:
        assert self._process.stdout is not None
        word, _, rest = self._process.stdout.readline().strip().partition(" ")
        assert word == wanted, f"{word} {rest}"
        return rest

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(60)


@pytest.fixture
def servers() -> Iterator[Servers]:
    opened = Servers()
    yield opened
    opened.close()


class Sender(threading.Thread):
    """Sends one person after the other, who buys twice; what got no answer is sent again, as an SDK does."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.port = 0
        self.people = 0
        self.acknowledged: set[str] = set()
        self.tried: set[str] = set()
        self.stopping = False

    def run(self) -> None:
        pending: list[dict[str, Any]] = []
        while not self.stopping:
            if not pending:
                pending = list(_calls(self.people))
                self.people += 1
                self.tried.update(call["messageId"] for call in pending)
            try:
                if self._send({"batch": pending}) == 200:
                    self.acknowledged.update(call["messageId"] for call in pending)
                    pending = []
                    time.sleep(0.01)  # people take their time
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)  # nobody is there

    def _send(self, body: dict[str, Any]) -> int:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as used:
            used.request("POST", "/v1/batch", json.dumps(body), BASIC)
            return used.getresponse().status


def _calls(person: int) -> Iterator[dict[str, Any]]:
    who = {"userId": f"p{person}"}
    if person % ANONYMOUS == 0:
        yield {"type": "track", "anonymousId": f"a{person}", "event": "visit", "messageId": f"{person}-0"}
        yield {"type": "identify", **who, "anonymousId": f"a{person}", "messageId": f"{person}-i"}
    for at in (1, 2):
        yield {"type": "track", **who, "event": "buy", "messageId": f"{person}-{at}", "properties": _said(person, at)}


def _said(person: int, at: int) -> dict[str, Any]:
    return {"person": person, "at": at, "text": "é☃" * (person % 50)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_at_every_named_point_and_at_random_lose_double_and_alter_nothing(
    tmp_path: Path, servers: Servers
) -> None:
    place = workspace(tmp_path / "shop")
    with eg.open(place) as opened:
        opened.segments.save("buyers", "count(buy) >= 2")
        opened.segments.save("visitors", "did(visit)")
        opened.run()
    chance = random.Random(11)
    plan = [*NAMED, *[("", 0)] * RANDOM]
    chance.shuffle(plan)
    sender = Sender()
    kills = 0
    for point, nth in plan:
        pid, sender.port = servers.start(place, point, nth)
        if not sender.is_alive():
            sender.start()
        # A point that is not reached would otherwise be waited for without end.
        timer = threading.Timer(chance.uniform(0.01, 0.5) if not point else 30, os.kill, (pid, signal.SIGKILL))
        timer.start()
        began = time.monotonic()
        assert servers.ended() == -signal.SIGKILL
        timer.cancel()
        assert not point or time.monotonic() - began < 30, f"`{point}` was not passed {nth} times"
        kills += 1
    sender.stopping = True
    sender.join(30)
    pid, port = servers.start(place, "", 0)
    _settle(port)
    os.kill(pid, signal.SIGTERM)
    assert servers.ended() == 0

    found = stored(place, columns="message_id, properties_text")
    ids = [id for id, _ in found] + stored(place, "profile_traits")
    lost = {each for each in sender.acknowledged if not each.endswith("-i")} - set(ids)
    expected = {
        call["messageId"]: call.get("properties", {}) for person in range(sender.people) for call in _calls(person)
    }
    altered = [id for id, text in found if json.loads(text) != expected[id]]
    doubled = len(ids) - len(set(ids))
    print(f"{kills} kills, {len(sender.acknowledged)} acknowledged: {len(lost)} lost, {doubled} doubled,", end=" ")
    print(f"{len(altered)} altered")
    assert kills == len(NAMED) + RANDOM
    assert len(sender.acknowledged) > 3 * kills
    assert (lost, doubled, altered) == (set(), 0, [])
    assert set(ids) <= sender.tried

    bought = {id.partition("-")[0] for id in ids if id.endswith("-2")}
    changes = stored(place, "membership_changes", "segment, key, toString(change)")
    assert len(changes) == len(set(changes))
    with eg.open(place) as opened:
        members = map(str, opened.members("buyers").column("profile_id").to_pylist())
        assert sorted(members) == sorted(f"p{person}" for person in bought)
        report = opened.run()
        assert (report.entered, report.left) == (0, 0)
        assert opened.verify().differences == ()


def _settle(port: int) -> None:
    """Waits until nothing waits for the warehouse, and memberships follow."""
    ends = time.monotonic() + 60
    while True:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as used:
            used.request("GET", "/metrics")
            if b"ethogram_inbox_messages 0\n" in used.getresponse().read():
                return
        assert time.monotonic() < ends
        time.sleep(0.05)  # another process works meanwhile
