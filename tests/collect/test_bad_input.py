"""Whatever a file holds: a clear rejection with line and reason, a clear refusal, or the values unchanged."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collect.conftest import Place, rejections
from ethogram.collect.values import Limits
from ethogram.errors import InputError

GOOD = '{"user_id":"good","timestamp":"2026-01-01T00:00:00Z","event":"e","a":1}\n'


def line(**more: Any) -> str:
    return json.dumps({"user_id": "u", "timestamp": "2026-01-01T00:00:00Z", "event": "e", **more}) + "\n"


HEAD = '{"user_id":"u","timestamp":"2026-01-01T00:00:00Z","event":"e",'
BAD_LINES: list[tuple[str | bytes, str]] = [
    ("not json", "not JSON: JSON is malformed"),
    ("[1,2]", "a JSON list where an object is expected"),
    ("3", "a JSON int where an object is expected"),
    ('{"user_id":"u"', "not JSON: Input data was truncated"),
    (HEAD + '"a":NaN}', "NaN or Infinity, which JSON does not have"),
    (HEAD + '"a":-Infinity}', "NaN or Infinity, which JSON does not have"),
    (HEAD + '"a":1e400}', "a number that is too large to be kept"),
    (HEAD + '"a":"\\ud800"}', "text with half of a surrogate pair"),
    (HEAD + '"a":"\\udc00x"}', "text with half of a surrogate pair"),
    (HEAD.encode() + b'"a":"\xff\xfe"}', "not UTF-8"),
    (line(user_id=None), "no profile_id"),
    (line(user_id=""), "no profile_id"),
    (line(user_id=" "), "no profile_id"),
    (line(user_id=["u"]), "`user_id` is a list, not text or a whole number"),
    (line(user_id=True), "`user_id` is a bool, not text or a whole number"),
    (line(user_id="a\x00b"), "the profile_id holds a NUL"),
    (line(user_id="x" * 5000), "the profile_id is longer than 4,096 bytes"),
    (line(event=""), "no event"),
    (line(event="a\x00"), "the event holds a NUL"),
    (line(event=None), "no event"),
    (line(timestamp=None), "no timestamp"),
    (line(timestamp="yesterday"), "`yesterday` is not a timestamp"),
    (line(timestamp="2026-02-30T00:00:00Z"), "`2026-02-30T00:00:00Z` is not a timestamp"),
    (line(timestamp="2026-01-01T25:00:00Z"), "`2026-01-01T25:00:00Z` is not a timestamp"),
    (line(timestamp="0001-01-01T00:00:00Z"), "`0001-01-01T00:00:00Z` is not between the years 1900 and 2299"),
    (line(timestamp="1899-12-31T23:59:59Z"), "is not between the years 1900 and 2299"),
    (line(timestamp="2300-01-01T00:00:00Z"), "is not between the years 1900 and 2299"),
    (line(timestamp="9999-12-31T00:00:00Z"), "is not between the years 1900 and 2299"),
    (line(timestamp="10000-01-01T00:00:00Z"), "is not a timestamp"),
    (line(a=1, **{"a.b": 2}), "`a` has a value of its own and a part `a.b`; a dot in a key nests"),
    (line(a={"b": 1}, **{"a.b": 2}), "`a.b` has two values, because a dot in a key nests"),
    (line(a=[{"b": 1, "b.c": 2}]), "`b` has a value of its own and a part `b.c`"),
    (line(**{f"p{at}": at for at in range(2001)}), "2,001 properties; the limit is 2,000 per row"),
    (line(a="x" * (1 << 20)), "1,048,584 bytes; the limit is 1,048,576 bytes of JSON per row"),
    (line(a="x" * 10_000_000), "the limit is 1,048,576 bytes of JSON per row"),
    (HEAD + '"a":' + "[" * 5000 + "]" * 5000 + "}", "nested"),
    (HEAD + '"a":' + '{"a":' * 70 + "1" + "}" * 70 + "}", "properties nested deeper than 64 levels"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "reason"), BAD_LINES, ids=[reason for _, reason in BAD_LINES])
def test_a_bad_line_is_rejected_and_its_neighbours_load(place: Place, bad: str | bytes, reason: str) -> None:
    content = bad if isinstance(bad, bytes) else bad.encode()
    path = place.write("a.jsonl", GOOD.encode() + content.rstrip(b"\n") + b"\n" + GOOD.encode())
    summary = place.load(path)
    assert (summary.accepted, summary.rejected) == (2, 1)
    (rejected,) = rejections(summary)
    assert rejected["line"] == 2
    assert reason in rejected["reason"]
    assert len(rejected["row"]) <= 10_000
    assert [row[0] for row in place.events()] == ["good", "good"]


def test_unusual_values_load_unchanged(place: Place) -> None:
    name = 'Robert\'); DROP TABLE events; -- `x` "y" 🎉 \\ {a:String} %s'
    kept = {
        "nul": "a\x00b", "bidi": "\u202e\u200b\ufeff", "quote'`\"\\;": "x", "🎉": "y", "big": 2**63 - 1,
        "low": -(2**63), "tiny": 5e-324, "huge": 1.7976931348623157e308, "date": "2020-01-01 00:00:00",
        "list": [True, 1, "x", None, 2.5, [1], {"y": [False, 0]}], "empty": [], "blank": "", "__proto__": 1,
        "numeral": "007", "nul\x00key": 1,
    }  # fmt: skip
    more = {"deep": {"er": {"a": 1}}, "deep.down": 2, "over": 2**63, "under": -(2**63) - 1, "vast": 10**100, "no": None}
    place.load(place.write("a.jsonl", line(user_id=name, event=name, **kept, **more)))
    ((who, _, event, properties, _),) = place.events()
    assert (who, event) == (name, name)
    assert properties == kept | {
        "deep": {"er": {"a": 1}, "down": 2}, "over": str(2**63), "under": str(-(2**63) - 1), "vast": str(10**100),
    }  # fmt: skip


BAD_CSV: list[tuple[str | bytes, int, str]] = [
    ("u,2026-01-01T00:00:00Z,e,1,2", 3, "5 fields where the header names 4"),
    ("u,2026-01-01T00:00:00Z", 3, "2 fields where the header names 4"),
    ('u,2026-01-01T00:00:00Z,e,"open', 3, "a quote opens here and does not close"),
    ('u,2026-01-01T00:00:00Z,e,"a"b', 3, "text follows a closing quote"),
    (b"u,2026-01-01T00:00:00Z,e,caf\xe9", 3, "`a` is not UTF-8"),
    (b"\xe9,2026-01-01T00:00:00Z,e,x", 3, "`user_id` is not UTF-8"),
    (",2026-01-01T00:00:00Z,e,1", 3, "no profile_id"),
    ("u,2026-01-01T00:00:00Z,,1", 3, "no event"),
    ("u,,e,1", 3, "no timestamp"),
    ("u,NaN,e,1", 3, "`NaN` is not a timestamp"),
    ("u," * 1_000_000, 3, "1,000,001 fields where the header names 4"),
    (f"u,2026-01-01T00:00:00Z,e,{'x' * 3_000_000}", 3, "a field is longer than 2,097,152 bytes"),
    (f"u,2026-01-01T00:00:00Z,e,{'x' * 1_100_000}", 3, "the limit is 1,048,576 bytes of JSON per row"),
]


@pytest.mark.parametrize(("bad", "at", "reason"), BAD_CSV, ids=[reason for _, _, reason in BAD_CSV])
def test_a_bad_row_of_csv_is_rejected_and_its_neighbours_load(
    place: Place, bad: str | bytes, at: int, reason: str
) -> None:
    good = b"good,2026-01-01T00:00:00Z,e,text\n"
    content = bad if isinstance(bad, bytes) else bad.encode()
    summary = place.load(place.write("a.csv", b"user_id,timestamp,event,a\n" + good + content + b"\n" + good + good))
    assert (summary.accepted, summary.rejected) == (3, 1)
    (rejected,) = rejections(summary)
    assert (rejected["line"], rejected["file"]) == (at, str(place.directory / "a.csv"))
    assert reason in rejected["reason"]


def test_lines_are_counted_through_broken_and_quoted_ones(place: Place) -> None:
    rows = [
        "user_id,timestamp,event,a",
        'u,2026-01-01T00:00:00Z,e,"two\nlines"',
        "bad",
        'u,bad,e,"three\n\nlines"',
        "bad",
    ]
    summary = place.load(place.write("a.csv", "\r\n".join(rows)))
    assert [each["line"] for each in rejections(summary)] == [4, 5, 8]
    assert place.events()[0][3] == {"a": "two\nlines"}


def parquet(**columns: Any) -> pa.Table:
    base: dict[str, Any] = {
        "user_id": ["a", "b", "c"],
        "timestamp": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 3,
        "event": ["e"] * 3,
    }
    return pa.table({**base, **columns})


BROKEN = pa.Array.from_buffers(
    pa.string(), 3, [None, pa.array([0, 1, 3, 4], pa.int32()).buffers()[1], pa.py_buffer(b"x\xff\xfey")]
)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"a": [1.0, float("nan"), 2.0]}, "`a` is nan, which is no number that can be kept"),
        ({"a": [1.0, float("-inf"), 2.0]}, "`a` is -inf, which is no number that can be kept"),
        ({"a": [[1.0], [float("nan")], []]}, "nan"),
        ({"a": BROKEN}, "`a` is not UTF-8"),
        ({"user_id": BROKEN}, "the profile_id is not UTF-8"),
        ({"user_id": ["a", None, "c"]}, "no profile_id"),
        ({"timestamp": pa.array([0, 10**17, 0], pa.timestamp("us", tz="UTC"))}, "not between the years"),
        ({"timestamp": pa.array([0, -(10**16), 0], pa.timestamp("us", tz="UTC"))}, "not between the years"),
        ({"timestamp": pa.array([10**9, 2**64 - 1, 10**9], pa.uint64())}, "is not a timestamp"),
        ({"a": [1, 1, 1], "a.b": [None, 2, None]}, "`a` has a value of its own and a part `a.b`"),
        ({"a": ["x", "x" * 1_100_000, "y"]}, "bytes of JSON per row"),
    ],
    # Names must be the same in every process that runs a share of the tests; an array prints its address.
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_a_bad_row_of_parquet_is_rejected_and_its_neighbours_load(
    place: Place, columns: dict[str, Any], reason: str
) -> None:
    path = place.directory / "a.parquet"
    pq.write_table(parquet(**columns), path)
    summary = place.load(path)
    assert (summary.accepted, summary.rejected) == (2, 1)
    (rejected,) = rejections(summary)
    assert rejected["line"] == 2
    assert reason in rejected["reason"]


WHOLE: list[tuple[bytes, str]] = [
    (b"", "is empty"),
    (b"   \n\n", "nothing but blanks"),
    (b"\xef\xbb\xbf", "nothing but blanks"),
    (gzip.compress(b""), "is empty once it is decompressed"),
    (gzip.compress(GOOD.encode() * 500)[:-20], "is damaged: .*gzip"),
    (b"\x28\xb5\x2f\xfdnonsense", "is damaged"),
    ("user_id,timestamp,event\n".encode("utf-16"), "is UTF-16 or binary"),
    ("user_id,timestamp,event\n".encode("utf-16-le"), "is UTF-16 or binary"),
    (b"user_id,timestamp,event\n", "has no rows"),
    (b"user_id,caf\xe9\nu,x\n", "header of .* is not UTF-8"),
    (b"user_id,a,a\nu,1,2\n", "several columns called `a`"),
    (",".join(f"c{at}" for at in range(1_000_000)).encode() + b"\n1\n", "1,000,000 properties; the limit is 2,000"),
    (b"user_id,timestamp,event\nu,2026-01-01 00:00:00,e\n", "no offset"),
    (b"user_id,timestamp,event\nu,1/2/2026,e\n", "whether the day or the month comes first"),
    (b"a,b\n1,2\n", "seems to be the profile_id"),
    (b'[{"user_id":"u"}]', "is one JSON list, not JSON lines"),
    (b"PAR1 but no more", "damaged Parquet"),
    (b"<html><body>not found</body></html>\n<p>\n", "seems to be the profile_id"),
]


@pytest.mark.parametrize(("content", "reason"), WHOLE, ids=[reason for _, reason in WHOLE])
def test_a_file_that_is_wrong_as_a_whole_is_refused_and_nothing_of_it_loads(
    place: Place, content: bytes, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        place.load(place.write("a", content))
    assert caught.value.hint or "damaged" in caught.value.message or "empty" in caught.value.message
    assert place.count() == 0
    assert place.ledger.batches() == ()


def test_what_is_not_there_is_refused(place: Place) -> None:
    for name, reason in (("nothing.csv", "does not exist"), ("*.nothing", "matches no file"), ("", "is a directory")):
        with pytest.raises(InputError, match=reason):
            place.load(place.directory / name)
    with pytest.raises(InputError, match="no file to load"):
        place.load()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mapping": {"profile_id": "usr_id"}}, "no column `usr_id`"),
        ({"mapping": {"who": "user_id"}}, "nothing called `who` to map"),
        ({"timezone": "Mars/Olympus"}, "no time zone `Mars/Olympus`"),
        ({"timezone": "../etc/passwd"}, "no time zone"),
        ({"types": {"a": "colour"}}, "cannot be of type `colour`"),
        ({"format": "xlsx"}, "no format `xlsx`"),
        ({"format": "parquet"}, "is not a Parquet file"),
        ({"event": " "}, "the event has no name"),
        ({"kind": "orders"}, "`orders` cannot be loaded"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused(place: Place, options: dict[str, Any], reason: str) -> None:
    path = place.write("a.csv", "user_id,timestamp,event\nu,2026-01-01T00:00:00Z,e\n")
    with pytest.raises(InputError, match=reason) as caught:
        place.load(path, **options)
    assert caught.value.hint
    assert place.count() == 0


def test_limits_can_be_set_and_are_named(place: Place) -> None:
    summary = place.load(
        place.write("a.jsonl", line(a=1, b=2) + line(a="xxxxxxxxxx")), limits=Limits(properties=1, bytes=10)
    )
    assert [each["reason"].split("; ")[1] for each in rejections(summary)] == [
        "the limit is 1 per row",
        "the limit is 10 bytes of JSON per row",
    ]


def test_a_file_of_rejects_alone_is_loaded_with_nothing(place: Place) -> None:
    rejects = place.directory / "mine" / "rejects.jsonl"
    summary = place.load(
        place.write("a.jsonl", GOOD + "nonsense\n" * 3), rejects=rejects, limits=Limits(rows_per_block=2)
    )
    assert (summary.accepted, summary.rejected, summary.rejects_file) == (1, 3, str(rejects))
    assert [each["line"] for each in rejections(summary)] == [2, 3, 4]
    again = place.load(place.directory / "a.jsonl")
    assert (again.accepted, again.rejected, again.already) == (0, 3, 1)
