"""A server that is killed again and again: what it acknowledged is stored, and nothing twice."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from web.running import Server, stored, workspace

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("ETHOGRAM_SERVER_KILLS", "20"))
SENDERS = 4


class Sender(threading.Thread):
    """Sends batches until it is told to stop; a batch that got no answer is sent again, as an SDK does."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.server: Server | None = None
        self.acknowledged: set[str] = set()
        self.tried: set[str] = set()
        self.stopping = False

    def run(self) -> None:
        at = 0
        pending: list[str] = []
        while not self.stopping:
            pending = pending or [f"s{self.number}-{at + each}" for each in range(random.Random(at).randrange(1, 40))]
            at += len(pending)
            self.tried.update(pending)
            body = {
                "batch": [{"type": "track", "userId": each[-1], "event": "e", "messageId": each} for each in pending]
            }
            try:
                assert self.server is not None
                if self.server.send("/v1/batch", body).status == 200:
                    self.acknowledged.update(pending)
                    pending = []
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)


@pytest.mark.slow
def test_what_was_acknowledged_survives_every_kill_once(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    chosen = random.Random(7)
    senders = [Sender(number) for number in range(SENDERS)]
    for kill in range(KILLS):
        with Server(place) as server:
            for sender in senders:
                sender.server = server
                if not sender.is_alive():
                    sender.start()
            time.sleep(chosen.uniform(0.02, 0.6))
            assert server.process.poll() is None, f"the server ended by itself before kill {kill}"
    for sender in senders:
        sender.stopping = True
        sender.join(timeout=60)
    with Server(place) as server:
        server.settle()
        assert server.stop() == 0
    found = stored(place)
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    tried = set().union(*(sender.tried for sender in senders))
    assert len(acknowledged) > 20 * KILLS
    assert acknowledged - set(found) == set()
    assert len(found) == len(set(found))
    assert set(found) <= tried


def test_a_polite_end_answers_what_is_under_way_and_loses_nothing(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    senders = [Sender(number) for number in range(SENDERS)]
    with Server(place) as server, contextlib.ExitStack() as stack:
        for sender in senders:
            sender.server = server
            sender.start()
        # Those who dawdle hold nothing up.
        for said in (b"", b"POST /v1/tr", b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{"):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))).sendall(said)
        time.sleep(0.5)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 15
        for sender in senders:
            sender.stopping = True
            sender.join(timeout=60)
    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    found = stored(place)
    assert acknowledged
    assert acknowledged <= set(found)
    assert len(found) == len(set(found))
