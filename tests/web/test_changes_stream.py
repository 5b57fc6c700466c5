"""Membership changes as they come: each once and in order, over lost connections, and none held for a slow reader."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from web.here import until
from web.running import BASIC, Server, stored
from web.shop import READ, WRITE, serving, shop


class Reader:
    """Reads the stream until it is told to stop, in a thread of its own."""

    def __init__(self, server: Server, query: str = "", headers: dict[str, str] | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.connection.request("GET", f"/v1/changes{query}", headers={**READ, **(headers or {})})
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.events: list[dict[str, Any]] = []
        self.place = ""
        self.ended = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        if self.answer.status == 200:
            self.thread.start()
        else:
            self.cut()

    def _read(self) -> None:
        event: dict[str, Any] = {}
        try:
            for raw in self.answer:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name == "id":
                    self.place = value
                elif name in ("event", "data"):
                    event[name] = value
                elif not name and event:
                    self.events.append({"id": int(self.place), "event": event["event"], **json.loads(event["data"])})
                    event = {}
            self.ended = True
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass  # it was cut

    def cut(self) -> None:
        """Ends the connection as a lost network would."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.thread.is_alive():
            self.thread.join(10)
        self.answer.close()
        self.connection.close()
        self.socket.close()

    def until(self, count: int) -> list[dict[str, Any]]:
        until(lambda: len(self.events) >= count, 30)
        return self.events


def _buy(server: Server, who: str, times: int = 1) -> None:
    batch = [
        {"type": "track", "event": "purchase", "userId": who, "messageId": f"{who}-{n}-{time.monotonic_ns()}"}
        for n in range(times)
    ]
    assert server.send("/v1/batch", {"batch": batch}, BASIC).status == 200


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop") / "w")


@pytest.fixture(scope="module")
def server(path: Path) -> Iterator[Server]:
    with serving(path) as server:
        until(lambda: server.send("/readyz", method="GET").status == 200)
        _buy(server, "first")  # the first look at everybody is over when this one is in
        until(lambda: server.send("/v1/profiles/first/segments", headers=READ, method="GET").json.get("segments"), 60)
        yield server


def test_each_change_comes_once_in_order_and_as_it_is(server: Server) -> None:
    reader = Reader(server)
    assert reader.answer.headers["content-type"] == "text/event-stream"
    _buy(server, "n1")
    _buy(server, "n2", 3)
    events = reader.until(3)
    told = {(each["profile_id"], each["segment"], each["change"], each["cause"], each["version"]) for each in events}
    assert told == {
        ("n1", "buyers", "entered", "event", 1), ("n2", "buyers", "entered", "event", 1),
        ("n2", "regulars", "entered", "event", 1),
    }  # fmt: skip
    assert [each["id"] for each in events] == sorted({each["id"] for each in events})
    reader.cut()


def test_reader_of_one_segment_hears_of_no_other(server: Server) -> None:
    reader, all_ = Reader(server, "?segment=regulars"), Reader(server)
    _buy(server, "m1", 3)
    all_.until(2)
    assert [(each["profile_id"], each["segment"]) for each in reader.until(1)] == [("m1", "regulars")]
    reader.cut()
    all_.cut()


def test_nothing_is_lost_or_doubled_over_lost_connections(server: Server) -> None:
    whole = Reader(server)
    found: list[dict[str, Any]] = []
    reader = Reader(server)
    start = reader
    for n in range(6):
        _buy(server, f"r{n}", 3)
        if n % 2:
            # What the connection held is thrown away, as a client does that dies: only whole events that it has count.
            reader.until(1)
            reader.cut()
            reader.thread.join(10)
            kept = reader.events[: len(reader.events) // 2 + 1]
            found += kept
            _buy(server, f"away{n}")
            reader = Reader(server, headers={"Last-Event-ID": str(kept[-1]["id"])})
    expected = whole.until(6 * 2 + 3)
    until(lambda: len(found) + len(reader.events) >= len(expected), 30)
    assert found + reader.events == expected
    assert start is not reader
    for each in (whole, reader):
        each.cut()


def test_reader_may_begin_anywhere(server: Server) -> None:
    _buy(server, "b1", 3)
    everything = Reader(server, "?after=0")
    all_ = until(lambda: [e for e in everything.events if e.get("profile_id") == "b1"] and everything.events)
    place = all_[len(all_) // 2]["id"]
    later = Reader(server, f"?after={place}")
    assert later.until(len([e for e in all_ if e["id"] > place]))[0]["id"] > place
    beyond = Reader(server, "?after=9000000000")  # a place of another feed: it goes on with what comes
    _buy(server, "b2")
    assert beyond.until(1)[0]["profile_id"] == "b2"
    for each in (everything, later, beyond):
        each.cut()


def test_edit_is_told_in_sum(server: Server) -> None:
    reader = Reader(server)
    manage = {"Authorization": "Bearer mk_demo"}
    assert server.send("/api/segments/loyal", {"text": "count(purchase) >= 2"}, manage, method="PUT").status == 200
    told = reader.until(1)[0]
    assert (told["segment"], told["cause"], told["change"]) == ("loyal", "definition", "entered")
    assert told["count"] > 0
    assert "profile_id" not in told
    reader.cut()


def test_only_a_key_that_may_read_and_a_place_that_can_be_are_taken(server: Server) -> None:
    assert Reader(server, headers={"Authorization": ""}).answer.status == 401
    assert Reader(server, headers=WRITE).answer.status == 403
    for query in ("?after=x", "?after=-1", "?after=99999999999999999999", "?since=1", "?after=%F0%9F%A6%8A"):
        assert Reader(server, query).answer.status == 400, query
    assert Reader(server, headers={"Last-Event-ID": "x"}).answer.status == 400
    assert Reader(server, "?segment=nothing").answer.status == 404
    assert server.send("/v1/changes", {}, READ).status == 405


def test_slow_reader_holds_nothing_up(server: Server) -> None:
    slow = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    slow.request("GET", "/v1/changes?after=0", headers=READ)  # and reads nothing
    quick = Reader(server)
    for n in range(20):
        _buy(server, f"s{n}", 3)
    assert len(quick.until(40)) >= 40
    answer = slow.getresponse()
    until(lambda: b"s19" in answer.readline())
    answer.close()
    slow.close()
    quick.cut()


def test_streams_end_when_the_server_stops_and_go_on_with_the_next(path: Path, server: Server) -> None:
    reader = Reader(server)
    _buy(server, "last", 3)
    place = reader.until(2)[-1]["id"]
    began = time.monotonic()
    assert server.stop() == 0
    reader.thread.join(10)
    assert reader.ended, "the answer has a proper end"
    reader.cut()
    assert time.monotonic() - began < 15
    with eg.open(path) as opened:
        assert opened.changes_kept()[1] >= place
    with serving(path) as again:
        back = Reader(again, headers={"Last-Event-ID": str(place)})
        _buy(again, "next")
        assert [each["profile_id"] for each in back.until(1)] == ["next"]
        back.cut()
    assert stored(path)
