"""A history played to a running server: everything once, in the order and at the pace of its timestamps."""

from __future__ import annotations

import csv
import datetime as dt
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ethogram as eg
from ethogram.cli.app import app
from ethogram.collect.history import read_history
from ethogram.collecting import Keys
from ethogram.errors import SettingError, UserError
from ethogram.replaying import Player, Stamps, Target
from web.running import KEY, Server, stored, workspace

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def orders(path: Path, count: int, apart: dt.timedelta = dt.timedelta(seconds=1)) -> Path:
    """A file of orders, not in order of time."""
    rows = [(f"p{at % 7}", "order", (NOW + at * apart).isoformat(), at) for at in range(count)]
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["profile_id", "event", "timestamp", "amount"])
        writer.writerows([*rows[count // 2 :], *rows[: count // 2]])
    return path


def replay(*args: str) -> Result:
    return CliRunner().invoke(app, ["replay", *args])


def test_every_event_is_played_once_however_often_it_is_played(tmp_path: Path) -> None:
    place, file = workspace(tmp_path / "shop"), orders(tmp_path / "orders.csv", 1000)
    with Server(place) as server:
        for repeated in (0, 1000):
            result = replay(str(file), "--speed", "max", "--url", server.url, "--key", KEY, "--json", "--yes")
            assert result.exit_code == 0, result.output
            told = json.loads(result.stdout)
            assert (told["sent"], told["acknowledged"], told["repeated"]) == (1000, 1000, repeated)
        again = replay(str(file), "--speed", "max", "--url", server.url, "--key", KEY, "--label", "2", "--yes")
        assert "1,000" in again.output
        server.settle()
        assert server.stop() == 0
    amounts = stored(place, columns="properties_text")
    assert len(amounts) == 2000
    assert sorted(json.loads(text)["amount"] for text in amounts) == sorted([*range(1000), *range(1000)])


def test_the_workspace_lends_a_key_that_is_good_for_nothing_afterwards(tmp_path: Path) -> None:
    place, file = workspace(tmp_path / "shop"), orders(tmp_path / "orders.csv", 50)
    with Server(place) as server:
        # The server has looked at its keys a moment ago.
        assert server.send("/v1/track", {"userId": "x", "event": "e"}).status == 200
        args = ("--speed", "max", "--url", server.url, "--yes", "-w", str(place))
        assert replay(str(file), *args).exit_code == 0
    with Keys(place) as keys:
        (_, lent) = keys.listed()
    assert (lent.label, lent.revoked_at is not None) == ("replay", True)


def test_what_a_server_rejects_is_told_with_its_reason(tmp_path: Path) -> None:
    place, file = workspace(tmp_path / "shop"), tmp_path / "orders.jsonl"
    rows = [
        {"profile_id": "ann", "event": "order", "timestamp": NOW.isoformat(), "note": "x" * size}
        for size in (3, 40_000)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"profile_id": "", "event": "order"}]))
    with Server(place) as server:
        result = replay(str(file), "--speed", "max", "--url", server.url, "--key", KEY, "--yes")
    assert result.exit_code == 3
    assert "1 too_large: " in result.output
    assert "1 row cannot be read; the first, line 3:" in result.output


def test_a_wrong_key_ends_it(tmp_path: Path) -> None:
    place, file = workspace(tmp_path / "shop"), orders(tmp_path / "orders.csv", 5)
    with Server(place) as server:
        result = replay(str(file), "--url", server.url, "--key", "wrong", "--yes")
    assert result.exit_code == 1
    assert "A key of scope write is needed" in result.output


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    file = orders(tmp_path / "orders.csv", 5)
    result = replay(str(file), "--url", "http://127.0.0.1:9", "--key", "k", "--yes")
    assert result.exit_code == 1
    assert "does not answer" in result.output


# --- pace, against a server that answers as it is told ---------------------------------------------------------------


class Listener:
    """A server that notes what it is sent, and answers with the next of some statuses, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.calls: list[dict[str, Any]] = []
        self.asked: list[float] = []
        self.sizes: list[int] = []


@contextmanager
def listening(listener: Listener) -> Iterator[Target]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            listener.asked.append(time.monotonic())
            status = listener.statuses.pop(0) if listener.statuses else 200
            if status == 200:
                listener.calls += body["batch"]
                listener.sizes.append(len(body["batch"]))
            answer = b'{"success":true}' if status == 200 else b'{"code":"x","message":"no"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if status == 429:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Target(f"http://127.0.0.1:{server.server_port}", KEY)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_events_come_in_order_at_the_pace_of_their_timestamps(tmp_path: Path) -> None:
    history = read_history([orders(tmp_path / "orders.csv", 31)], known_at=NOW)
    listener = Listener()
    with listening(listener) as target:
        began = time.monotonic()
        played = Player(history, target, speed=30.0).play()
        took = time.monotonic() - began
    assert 1.0 <= took < 5  # thirty seconds of history
    assert played.acknowledged == 31
    assert [call["properties"]["amount"] for call in listener.calls] == list(range(31))
    stamps = [dt.datetime.fromisoformat(call["timestamp"]) for call in listener.calls]
    assert stamps[-1] - stamps[0] == dt.timedelta(seconds=1)
    assert listener.asked[0] - began < 0.5


@pytest.mark.parametrize(("stamps", "first"), [(Stamps.KEPT, NOW), (Stamps.SHIFTED, NOW + dt.timedelta(days=190))])
def test_timestamps_may_stay_or_be_moved_to_end_now(tmp_path: Path, stamps: Stamps, first: dt.datetime) -> None:
    history = read_history([orders(tmp_path / "orders.csv", 11, dt.timedelta(days=1))], known_at=NOW)
    listener = Listener()
    start = NOW + dt.timedelta(days=200)
    with listening(listener) as target:
        Player(history, target, speed=float("inf"), stamps=stamps, started_at=start).play()
    came = [dt.datetime.fromisoformat(call["timestamp"]) for call in listener.calls]
    assert came == [first + dt.timedelta(days=at) for at in range(11)]


def test_it_waits_as_long_as_the_server_asks_and_sends_the_same_again(tmp_path: Path) -> None:
    history = read_history([orders(tmp_path / "orders.csv", 3)], known_at=NOW)
    listener = Listener(429, 503)
    with listening(listener) as target:
        played = Player(history, target, speed=float("inf")).play()
    assert (played.acknowledged, played.refused) == (3, 2)
    assert listener.asked[1] - listener.asked[0] >= 1
    assert len({call["messageId"] for call in listener.calls}) == 3


def test_a_request_that_is_too_large_is_cut_in_halves(tmp_path: Path) -> None:
    history = read_history([orders(tmp_path / "orders.csv", 5)], known_at=NOW)
    listener = Listener(413)
    with listening(listener) as target:
        played = Player(history, target, speed=float("inf")).play()
    assert (played.acknowledged, listener.sizes) == (5, [2, 3])


def test_stopped_and_started_again_it_goes_on_at_its_pace_with_the_same_ids(tmp_path: Path) -> None:
    history = read_history([orders(tmp_path / "orders.csv", 40)], known_at=NOW)
    listener = Listener()
    with listening(listener) as target:
        first = Player(history, target, speed=20.0)
        thread = threading.Thread(target=first.play)
        thread.start()
        while len(listener.calls) < 10:
            time.sleep(0.01)
        first.stop()
        thread.join()
        before = len(listener.calls)
        assert before < 40
        Player(history, target, speed=20.0, started_at=first.started_at).play()
    ids = [call["messageId"] for call in listener.calls]
    assert ids[before : 2 * before] == ids[:before]
    assert len(set(ids)) == 40
    stamps = {call["messageId"]: call["timestamp"] for call in reversed(listener.calls)}
    assert all(stamps[call["messageId"]] == call["timestamp"] for call in listener.calls)


# --- what is played --------------------------------------------------------------------------------------------------


def test_a_history_is_what_load_takes(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    calls = [
        {"type": "identify", "userId": "ann", "traits": {"plan": "pro", "old": None}, "timestamp": NOW.isoformat()},
        {"type": "page", "anonymousId": "x", "name": "Home", "timestamp": (NOW - dt.timedelta(days=1)).isoformat()},
        {"type": "group", "userId": "ann", "groupId": "acme", "traits": {"size": 3}, "timestamp": NOW.isoformat()},
    ]
    file.write_text("".join(json.dumps(call) + "\n" for call in calls))
    history = read_history([file], known_at=NOW)
    assert [(call.profile_id, call.event, json.loads(call.content)) for call in history.calls()] == [
        ("x", "page", {"name": "Home"}),
        ("ann", None, {"plan": "pro"}),
        ("ann", None, {"account_id": "acme"}),
    ]
    assert history.left_out == 1
    listener = Listener()
    with listening(listener) as target:
        Player(history, target, speed=float("inf")).play()
    assert [call["type"] for call in listener.calls] == ["track", "identify", "identify"]
    assert listener.calls[1]["traits"] == {"plan": "pro", "old": None}


def test_a_span_of_the_history_can_be_played(tmp_path: Path) -> None:
    file = orders(tmp_path / "orders.csv", 10, dt.timedelta(days=1))
    history = read_history([file], known_at=NOW, since=NOW + dt.timedelta(days=2), until=NOW + dt.timedelta(days=5))
    assert [json.loads(call.content)["amount"] for call in history.calls()] == [2, 3, 4]
    whole = {call.id for call in read_history([file], known_at=NOW).calls()}
    assert {call.id for call in history.calls()} < whole
    with pytest.raises(UserError, match="nothing to play"):
        read_history([file], known_at=NOW, since=NOW + dt.timedelta(days=50))


def test_a_speed_and_an_address_must_be_ones(tmp_path: Path) -> None:
    file = orders(tmp_path / "orders.csv", 2)
    for speed in ("0x", "fast", "-1"):
        assert replay(str(file), "--speed", speed).exit_code == 2
    with pytest.raises(SettingError, match="no server's address"):
        Target("ftp://x", "k")


def test_members_follow_what_is_played(tmp_path: Path) -> None:
    place, file = workspace(tmp_path / "shop"), orders(tmp_path / "orders.csv", 70)
    with eg.open(place) as opened:
        opened.segments.save("many", "count(order) >= 10")
    with Server(place) as server:
        assert replay(str(file), "--speed", "max", "--url", server.url, "--key", KEY, "--yes").exit_code == 0
        ends = time.monotonic() + 30
        while server.metric('ethogram_membership_changes_total{change="entered"}') < 7:
            assert time.monotonic() < ends
            time.sleep(0.02)
        assert server.stop() == 0
    with eg.open(place) as opened:
        assert opened.verify().wrong == 0
        assert opened.members("many").num_rows == 7
