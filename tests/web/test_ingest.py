"""The collection API of a running server: what SDKs send, what must be refused, and what must not break it."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethogram.collecting import Keys
from web.running import BASIC, KEY, Server, stored, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(os.environ.get("ETHOGRAM_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data")).parent
FIXTURES = SHARED / "fixtures" / "sdk_requests"
TRACK = {"userId": "u1", "event": "Bought"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace(tmp_path_factory.mktemp("served") / "shop")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    with Server(place) as running:
        yield running


def calls(*ids: str, **more: Any) -> dict[str, Any]:
    return {"batch": [{"type": "track", **TRACK, "messageId": each, **more} for each in ids]}


# --- what clients send -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [BASIC, {"Authorization": f"Bearer {KEY}"}, {"X-Write-Key": KEY}])
def test_the_key_may_come_in_a_header(server: Server, headers: dict[str, str]) -> None:
    answer = server.send("/v1/track", TRACK, headers)
    assert (answer.status, answer.json) == (200, {"success": True})


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=UTF-8"])
def test_the_key_may_come_in_the_body_whatever_the_body_is_called(server: Server, kind: str) -> None:
    assert server.send("/v1/t", {**TRACK, "writeKey": KEY}, {"Content-Type": kind}).status == 200
    packed = gzip.compress(json.dumps({**calls("k"), "writeKey": KEY}).encode())
    for declared in ({}, {"Content-Encoding": "gzip"}):
        assert server.send("/v1/b", packed, {"Content-Type": kind, **declared}).status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_key"),
        ({"Authorization": "Basic bm9wZTo="}, "unknown_key"),
        ({"Authorization": "Bearer nope"}, "unknown_key"),
        ({"Authorization": "Basic ***"}, "missing_key"),
        ({"Authorization": "Digest x"}, "missing_key"),
    ],
)
def test_without_a_good_key_nothing_is_taken(server: Server, headers: dict[str, str], code: str) -> None:
    answer = server.send("/v1/track", TRACK, headers)
    assert (answer.status, answer.json["code"]) == (401, code)
    assert answer.json["message"]


def test_one_bad_event_does_not_take_its_batch_with_it(server: Server) -> None:
    body = calls(*(f"good-{at}" for at in range(99)))
    body["batch"].insert(40, {"type": "track", "userId": {"no": 1}, "event": "e", "messageId": "poison"})
    answer = server.send("/v1/batch", body)
    assert answer.status == 200
    assert [(each["index"], each["code"], each["messageId"]) for each in answer.json["rejected"]] == [
        (40, "invalid_id", "poison")
    ]
    only_bad = server.send("/v1/batch", {"batch": [{"type": "track"}]})
    assert (only_bad.status, only_bad.json["code"]) == (400, "missing_id")
    assert server.send("/v1/track", {"userId": "u"}).json["code"] == "missing_event"


def test_a_page_of_another_site_may_send(server: Server) -> None:
    asked = {"Origin": "https://shop.test", "Access-Control-Request-Headers": "authorization,x-retry-count"}
    answer = server.send("/v1/t", None, asked, method="OPTIONS")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://shop.test"
    assert {"authorization", "content-type", "x-retry-count", "x-write-key"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )
    # A client may add a header of its own, but no line.
    own = {"Origin": "https://shop.test", "Access-Control-Request-Headers": "X-Own-Retry-Reason, a b, authorization"}
    allowed = server.send("/v1/t", None, own, method="OPTIONS").headers["access-control-allow-headers"].split(", ")
    assert "x-own-retry-reason" in allowed
    assert len(allowed) == len(set(allowed))
    assert "a b" not in allowed
    for status, body in ((200, TRACK), (400, {})):
        sent = server.send("/v1/t", body, {**BASIC, "Origin": "https://shop.test"})
        assert (sent.status, sent.headers["access-control-allow-origin"]) == (status, "https://shop.test")


def test_fifty_requests_at_once_with_one_message_keep_it_once(server: Server) -> None:
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: server.send("/v1/batch", calls("the-one")), range(50)))
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.json.get("duplicates", 0) for answer in answers) == 49


# --- what must not break it ------------------------------------------------------------------------------------------


def packed(size: int) -> bytes:
    return gzip.compress(bytes(size), 9)


@pytest.mark.parametrize(
    ("name", "body", "headers", "status", "code"),
    [
        ("a bomb of 100 MB", packed(100 << 20), {"Content-Encoding": "gzip"}, 413, "too_large"),
        ("a bomb that nobody declared", packed(50 << 20), {}, 413, "too_large"),
        ("a truncated gzip", gzip.compress(b'{"batch":[]}', mtime=0)[:-9], {}, 400, "invalid_gzip"),
        ("a gzip with a wrong sum", gzip.compress(b"{}", mtime=0)[:-8] + b"\0" * 8, {}, 400, "invalid_gzip"),
        ("a gzip in a gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), {}, 400, "invalid_json"),
        ("no gzip", b"{}", {"Content-Encoding": "gzip"}, 400, "invalid_gzip"),
        ("another encoding", zlib.compress(b"{}"), {"Content-Encoding": "deflate"}, 400, "unknown_encoding"),
        ("brackets", b"[" * 100_000, {}, 400, "invalid_json"),
        ("NaN", b'{"batch":[{"a":NaN}]}', {}, 400, "invalid_json"),
        ("one byte too many", b" " * (500 * 1024 + 1), {}, 413, "too_large"),
        ("nothing", b"", {}, 400, "empty_body"),
    ],
)
def test_a_bad_body_is_refused_with_a_code_and_the_connection_stays(
    server: Server, name: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    answer = server.send("/v1/batch", body, {**BASIC, **headers}, connection=connection)
    assert (answer.status, answer.json["code"]) == (status, code), name
    assert server.send("/v1/batch", calls("after"), connection=connection).status == 200
    connection.close()


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_the_limit_counts_bytes_to_the_last_one(server: Server, beyond: int) -> None:
    frame = json.dumps({**TRACK, "properties": {"é": ""}}, ensure_ascii=False).encode()
    body = frame.replace(b'""', b'"' + "é".encode() * ((32 * 1024 - len(frame)) // 2) + b'"')
    body = body[:-1] + b" " * (32 * 1024 - len(body) + beyond) + b"}"
    assert len(body) == 32 * 1024 + beyond
    for sent in (body, gzip.compress(body)):
        assert server.send("/v1/track", sent).status == (413 if beyond > 0 else 200)


@pytest.mark.parametrize(
    "text",
    [
        b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n{}",
        b"POST /v1/track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nzz\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_malformed_http_is_refused_and_the_connection_is_closed(server: Server, text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(text)
        said = b""
        while piece := raw.recv(4096):
            said += piece
    assert said.startswith(b"HTTP/1.1 400")
    assert said.count(b"HTTP/1.1") == 1


def test_a_sender_that_hangs_up_leaves_nothing_behind(server: Server) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(b"POST /v1/track HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{")
    assert server.send("/v1/track", TRACK).status == 200


def test_what_is_not_there_says_so_in_json(server: Server) -> None:
    assert server.send("/v1/nothing", {}).status == 404
    assert server.send("/v1/track", None, method="GET").status == 405
    assert server.send("/nowhere", None, method="GET").json["code"] == "not_found"


# --- looking after it ------------------------------------------------------------------------------------------------


def test_health_and_metrics_tell_what_is_going_on(server: Server) -> None:
    before = server.metric('ethogram_events_total{call="track"}')
    server.send("/v1/batch", calls("metric-1", "metric-2"))
    server.send("/v1/batch", calls("metric-1"))
    assert server.metric('ethogram_events_total{call="track"}') == before + 3
    assert server.metric('ethogram_duplicates_total{content="same"}') >= 1
    server.settle()
    assert server.metric("ethogram_inbox_lag_seconds") == 0
    assert server.send("/healthz", method="GET", headers={}).status == 200
    assert server.send("/readyz", method="GET", headers={}).json == {"status": "ready"}


def test_the_files_that_the_snippet_asks_for_are_served(server: Server) -> None:
    script = server.send("/ethogram.js", method="GET", headers={})
    assert (script.status, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert server.send(f"/analytics.js/v1/{KEY}/analytics.min.js", method="GET", headers={}).status == 200
    settings = server.send(f"/v1/projects/{KEY}/settings", method="GET", headers={}).json
    assert settings["integrations"]["Segment.io"]["apiHost"] == f"127.0.0.1:{server.port}/v1"
    for path, headers in ((f"/sourceConfig/?writeKey={KEY}", {}), ("/sourceConfig", BASIC)):
        source = server.send(path, method="GET", headers=headers).json["source"]
        assert (source["writeKey"], source["enabled"], source["destinations"]) == (KEY, True, [])


# --- each with a server of its own -----------------------------------------------------------------------------------


@pytest.mark.outside
def test_what_21_set_ups_of_clients_really_send_is_stored_once(tmp_path: Path) -> None:
    if not FIXTURES.is_dir():
        pytest.skip(f"the captured requests are not at {FIXTURES}")
    place = workspace(tmp_path / "shop")
    expected: dict[str, str] = {}
    with Server(place) as server:
        for _ in range(2):
            for file in sorted(FIXTURES.glob("*.json")):
                for request in json.loads(file.read_text())["requests"]:
                    if request["method"] != "POST" or not request["path"].startswith("/v1/"):
                        continue
                    headers = {name: value for name, value in request["headers"] if name.lower() not in
                               ("content-length", "host", "connection", "transfer-encoding")}  # fmt: skip
                    body = json.dumps(request["json"]).encode()
                    zipped = any(
                        value == "gzip" for name, value in headers.items() if name.lower() == "content-encoding"
                    )
                    answer = server.send(request["path"], gzip.compress(body) if zipped else body, headers)
                    assert answer.status == 200, (file.name, answer.body)
                    assert "rejected" not in answer.json, (file.name, answer.body)
                    for call in request["json"].get("batch", [request["json"]]):
                        expected[call["messageId"]] = call.get("type") or request["path"].rsplit("/", 1)[-1]
        server.settle()
        assert server.stop() == 0
    kinds = {"t": "track", "p": "page", "s": "screen", "i": "identify", "g": "group", "a": "alias"}
    sent = {each: kinds.get(call, call) for each, call in expected.items()}
    assert len(sent) > 60
    assert stored(place) == sorted(each for each, call in sent.items() if call in ("track", "page", "screen"))
    assert stored(place, "profile_traits") == sorted(
        each for each, call in sent.items() if call in ("identify", "group")
    )
    assert stored(place, "account_traits") == sorted(each for each, call in sent.items() if call == "group")


def test_a_key_that_is_revoked_or_added_while_it_runs_counts_within_seconds(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with Server(place, role="collect") as server, Keys(place) as keys:
        assert server.send("/v1/track", TRACK).status == 200
        keys.add("write", value="another-key")
        _until(lambda: server.send("/v1/track", TRACK, {"Authorization": "Bearer another-key"}).status == 200)
        keys.revoke(1)
        _until(lambda: server.send("/v1/track", TRACK).status == 401)


def test_collectors_on_one_ledger_feed_the_one_that_owns_the_warehouse(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    with Server(place, "work") as work, Server(place, "collect") as one, Server(place, "collect") as other:
        assert work.send("/v1/track", TRACK).status == 404
        with ThreadPoolExecutor(8) as threads:
            said = list(
                threads.map(
                    lambda at: (one, other)[at % 2].send("/v1/batch", calls(f"m{at // 2}", f"n{at}")).status, range(80)
                )
            )
        assert set(said) == {200}
        work.settle()
        assert [each.stop() for each in (one, other, work)] == [0, 0, 0]
    assert stored(place) == sorted([*(f"m{at}" for at in range(40)), *(f"n{at}" for at in range(80))])


@pytest.mark.parametrize("limit", ["queued_messages", "queued_requests"])
def test_more_than_can_wait_is_refused_at_once_and_what_was_taken_is_stored(tmp_path: Path, limit: str) -> None:
    import sqlite3

    place = workspace(tmp_path / "shop")
    settings = place / "ethogram.toml"
    settings.write_text(settings.read_text() + f"{limit} = 40\n")
    with Server(place, "collect") as server:
        server.send("/v1/batch", calls("first"))
        busy = sqlite3.connect(place / "ledger.sqlite", isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(60) as threads:
            futures = [threads.submit(server.send, "/v1/batch", calls(f"m{at}")) for at in range(60)]
            _until(lambda: sum(each.done() for each in futures) >= 20)
            refused = [each.result() for each in futures if each.done()]
            assert {(each.status, each.json["code"]) for each in refused} == {(429, "overloaded")}
            assert all(int(each.headers["retry-after"]) > 0 for each in refused)
            busy.execute("ROLLBACK")
            answers = [each.result() for each in futures]
        busy.close()
        assert [each.status for each in answers].count(200) == 40
        assert server.stop() == 0
    kept = {f"m{at}" for at, each in enumerate(answers) if each.status == 200}
    with Server(place, "work") as work:
        work.settle()
        work.stop()
    assert set(stored(place)) == {"first", *kept}


def _until(done: Any) -> None:
    """Another process needs its time; a second look is no second meaning."""
    import time

    ends = time.monotonic() + 20
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.05)
