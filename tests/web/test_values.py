"""Odd values over HTTP: JSON that is none, numbers that do not fit, names that mean something elsewhere."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ethogram as eg
from web.here import Here, here
from web.running import stored, workspace


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    with here(workspace(tmp_path_factory.mktemp("served") / "shop")) as running:
        yield running


def with_value(value: bytes) -> bytes:
    return b'{"userId":"u","event":"e","properties":{"v":' + value + b"}}"


# --- JSON (RFC 8259) -------------------------------------------------------------------------------------------------

VALUES = (
    b"[]", b"[[]]", b"{}", b'""', b"0", b"-0", b"1e1", b"1E+1", b"1e-1", b"-1.5", b"123.456e78", b"true", b"false",
    b"null", b'"\\u0061"', b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', b'"\\uD83D\\uDE00"', b'"\xf0\x9f\x98\x80"', b'"\x7f"',
    b'"\\u0000"', b'"\xc2\xa0"', b'"\xef\xbf\xbf"', b"[1,null,2]", b"[ 1 ]", b"\t[\n]\r", b'{"a":1,"a":2}', b'{"":0}',
    b"[1.0000000000000000000000000000001]", b'"\xe2\x80\xa8"',
)  # fmt: skip
NONE = (
    b"", b"[", b"]", b"[1,]", b"[,1]", b"[1 2]", b"{", b'{"a"}', b'{"a":}', b"{a:1}", b"{'a':1}", b'{"a":1,}', b"01",
    b"+1", b"1.", b".1", b"1e", b"1e+", b"0x10", b"- 1", b"--1", b"1_000", b"NaN", b"Infinity", b"-Infinity", b"nan",
    b"True", b"undefined", b"nul", b'"', b'"\\x41"', b'"\\u12"', b'"\\uZZZZ"', b'"\n"', b'"\t"', b'"\x00"', b"'a'",
    b"a",     b"1 1", b"// no\n1", b"/* no */1", b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"',
    b"\xef\xbb\xbf1",     b"[" * 5_000, b'{"a":' * 5_000, b"1]", b'"a\\"', b"\x0c1", b"[1}", b"\xe2\x80\xa81",
)  # fmt: skip
EITHER = (
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"1" * 400,
    b"0." + b"1" * 400,
    b'"\\uD800"',
    b'"\\uDC00\\uD800"',
    b"[" * 500 + b"]" * 500,
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_json_is_taken(server: Here, value: bytes) -> None:
    answer = server.send("/v1/track", with_value(value))
    assert (answer.status, answer.json) == (200, {"success": True})


@pytest.mark.parametrize("value", NONE, ids=lambda value: repr(value[:20]))
def test_what_is_no_json_is_refused(server: Here, value: bytes) -> None:
    answer = server.send("/v1/track", with_value(value))
    assert (answer.status, answer.json["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("value", EITHER, ids=lambda value: repr(value[:20]))
def test_what_one_may_take_or_not_is_taken_or_refused_and_breaks_nothing(server: Here, value: bytes) -> None:
    answer = server.send("/v1/track", with_value(value))
    assert answer.status in (200, 400)
    assert answer.status == 200 or answer.json["message"]


@pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null", b"[{}]", b"\xef\xbb\xbf{}", "{}".encode("utf-16")])
def test_a_body_that_is_no_object_is_refused(server: Here, body: bytes) -> None:
    for path in ("/v1/track", "/v1/batch"):
        assert server.send(path, body).status == 400


# --- what is stored --------------------------------------------------------------------------------------------------


def test_odd_values_are_stored_as_they_are_and_none_takes_the_others_along(tmp_path: Path) -> None:
    place = workspace(tmp_path / "shop")
    big: dict[str, Any] = {
        "2^63": 2**63, "2^64": 2**64, "-2^63-1": -(2**63) - 1, "10^30": 10**30, "-0": -0.0, "small": 1e-300,
        "names": {"__proto__": 1, "constructor": 2, "__class__": 3, "toString": 4, "$where": 5, "": 6, "a.b": 7,
                  "é\u0301": 8},
        "texts": ["\u202egnp.exe", "\u200b", "е", "e\u0301", "é", "a\x00b", "'; DROP TABLE events --", "{{7*7}}",
                  "=1+1"],
        "deep": json.loads("[" * 50 + "]" * 50),
        "dates": ["0000-01-01", "0001-01-01T00:00:00Z", "1899-12-31", "2106-02-08", "2262-04-12", "9999-12-31",
                  "10000-01-01"],
    }  # fmt: skip
    batch: list[dict[str, Any]] = [
        {"type": "track", "userId": "u", "event": "odd", "messageId": f"odd-{at:02d}", "properties": {"v": value}}
        for at, value in enumerate(big.values())
    ]
    good: list[dict[str, Any]] = [
        {"type": "track", "userId": "u", "event": "good", "messageId": f"good-{at:02d}"} for at in range(90)
    ]
    poison = [b'{"type":"track","userId":"u","event":"e","properties":{"v":1e400}}', b'{"type":"track","userId":{}}']
    calls = b",".join([*(json.dumps(each).encode() for each in [*batch, *good]), *poison])
    with here(place) as server:
        answer = server.send("/v1/batch", b'{"batch":[' + calls + b"]}")
        assert answer.status == 200, answer.body
        assert {each["index"] for each in answer.json["rejected"]} <= {100, 101}
    _move(place)
    found = stored(place, columns="message_id, properties_text")
    ids = [id for id, _ in found if id.startswith(("odd", "good"))]
    assert ids == sorted(each["messageId"] for each in [*batch, *good])
    texts = dict(found)
    for name, at in zip(big, range(len(big)), strict=True):
        said = json.loads(texts[f"odd-{at:02d}"])["v"]
        if isinstance(big[name], int | float):
            assert float(said) == float(big[name]), name  # exactly, or as the nearest number: never another one
        else:
            assert said == big[name], name


def test_a_property_of_many_kinds_is_stored_as_each_and_compared_as_what_it_is(
    tmp_path: Path,
) -> None:
    place = workspace(tmp_path / "shop")
    amounts: dict[str, Any] = {
        "text": "100", "number": 100, "fraction": 99.5, "object": {"amount": 100}, "list": [100, 200], "true": True,
        "null": None, "empty": "", "word": "many",
    }  # fmt: skip
    with here(place) as server:
        for who, amount in amounts.items():
            call = {"userId": who, "event": "order", "messageId": who, "properties": {"amount": amount}}
            assert server.send("/v1/track", call).status == 200
    _move(place)
    said = {id: json.loads(text).get("amount") for id, text in stored(place, columns="message_id, properties_text")}
    assert said == amounts
    with eg.open(place) as opened:

        def members(text: str) -> set[str]:
            return set(map(str, opened.members(text).column("profile_id").to_pylist()))

        assert members("did(order where amount > 5)") == {"text", "number", "fraction"}
        assert members("did(order where amount = '100')") == {"text"}
        assert members("did(order where amount = true)") == {"true"}
        assert members("did(order where amount < 5)") == set()


@pytest.mark.parametrize(
    ("timestamp", "stored_at"),
    [
        ("1969-12-31T23:59:59Z", "1970-01-01"),
        ("0001-01-01T00:00:00Z", "1970-01-01"),
        ("9999-12-31T23:59:59Z", None),
        ("10000-01-01T00:00:00Z", None),
        ("2028-02-29T12:00:00+14:00", None),
        ("yesterday", None),
        (-1, "1970-01-01"),
        (1e300, None),
        ({}, None),
        ("2026-01-01T00:00:00-12:00", "2026-01-01"),
    ],
)
def test_whatever_a_timestamp_says_the_event_is_stored_between_1970_and_tomorrow(
    server: Here, timestamp: Any, stored_at: str | None
) -> None:
    call = {"userId": "u", "event": "e", "timestamp": timestamp}
    before = dt.datetime.now(dt.UTC)
    envelope = server.collector.opened("track", json.dumps(call).encode())
    (message,) = server.collector.checked(envelope).messages  # type: ignore[arg-type]  # it can be opened
    at = dt.datetime.fromtimestamp(message.at / 1e6, dt.UTC)
    if stored_at is not None:
        assert at.date().isoformat() == stored_at
    else:
        assert before - dt.timedelta(seconds=1) <= at <= before + dt.timedelta(hours=24, minutes=1)
    assert server.send("/v1/track", call).status == 200


def _move(place: Path) -> None:
    with eg.open(place) as opened:
        while opened.collect().messages:
            pass
