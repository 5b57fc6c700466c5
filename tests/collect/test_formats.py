"""Every format and compression gives back the rows that the file holds."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import sys
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collect.conftest import NOW, Place, rejections
from ethogram.collect.values import Limits
from ethogram.errors import InputError

START = dt.datetime(2025, 12, 1, tzinfo=dt.UTC)
ROWS: list[dict[str, Any]] = [
    {
        "user_id": f"ü{at % 7}",
        "timestamp": START + dt.timedelta(minutes=at, microseconds=at),
        "event": ["buy", 'view "it"; `x` 🎉'][at % 2],
        "price": at / 4 if at % 5 else None,
        "code": f"{at:03}",
        "text": ['plain, "quoted"\nand broken', "tab\t and \\ and ', é"][at % 2],
        "vip": at % 3 == 0,
    }
    for at in range(60)
]


def properties(row: dict[str, Any]) -> dict[str, Any]:
    named = ("price", "code", "text", "vip")
    return {name: row[name] for name in named if row[name] is not None}


EXPECTED = [(row["user_id"], row["timestamp"], row["event"], properties(row), "") for row in ROWS]


def as_csv(delimiter: str = ",", lineterminator: str = "\r\n") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=lineterminator)
    writer.writerow(ROWS[0])
    for row in ROWS:
        shown = {**row, "timestamp": row["timestamp"].isoformat(), "vip": str(row["vip"]).lower()}
        writer.writerow(["" if value is None else value for value in shown.values()])
    return text.getvalue().encode()


def as_json() -> bytes:
    return b"".join(json.dumps(row, default=dt.datetime.isoformat).encode() + b"\n" for row in ROWS)


def as_parquet(**options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), buffer, **options)
    return buffer.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


CONTENTS = {
    "csv": as_csv(),
    "csv with a byte order mark": b"\xef\xbb\xbf" + as_csv(),
    "csv with semicolons": as_csv(";", "\n"),
    "csv with tabs": as_csv("\t"),
    "csv without a last line end": as_csv().rstrip(),
    "jsonl": as_json(),
    "jsonl with blank lines": as_json().replace(b"\n", b"\n\n"),
    "parquet": as_parquet(),
    "parquet in small groups": as_parquet(row_group_size=7),
    "parquet with dictionaries": as_parquet(use_dictionary=True, compression="gzip"),
}


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
def test_rows_come_back_as_the_file_holds_them(place: Place, content: bytes, compress: Any) -> None:
    summary = place.load(place.write("rows", compress(content)), limits=Limits(rows_per_block=25))
    assert place.events() == EXPECTED
    assert (summary.accepted, summary.rejected, summary.already, summary.profiles) == (60, 0, 0, 7)
    assert (summary.first_at, summary.last_at) == (ROWS[0]["timestamp"], ROWS[-1]["timestamp"])
    assert len(place.ledger.batches()) == 3


def test_globs_and_several_files_load_in_order(place: Place) -> None:
    place.write("a-1.csv", as_csv())
    place.write("a-2.jsonl", as_json())
    seen: list[int] = []
    summary = place.load(str(place.directory / "a-*"), progress=lambda report: seen.append(report.rows))
    assert summary.accepted == 120
    assert [name.rsplit("/", 1)[-1] for name in summary.files] == ["a-1.csv", "a-2.jsonl"]
    assert seen == [60, 120]


def test_standard_input_loads_once_like_a_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for accepted in (60, 0):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(as_json(), mtime=0))))
        assert place.load("-").accepted == accepted
    assert place.events() == EXPECTED


@pytest.mark.parametrize("content", [as_csv(), as_json(), as_parquet()], ids=["csv", "jsonl", "parquet"])
def test_loading_the_same_file_twice_adds_nothing(place: Place, content: bytes) -> None:
    place.load(place.write("first", content))
    again = place.load(place.write("copy", content))
    assert (again.accepted, again.already, again.profiles) == (0, 60, 0)
    assert place.events() == EXPECTED


def test_the_same_bytes_read_differently_are_refused_unless_asked_for(place: Place) -> None:
    path = place.write("a.csv", as_csv())
    place.load(path)
    with pytest.raises(InputError, match="read differently: event was `event`, is `code`"):
        place.load(path, mapping={"event": "code"})
    assert place.count() == 60
    assert place.load(path, mapping={"event": "code"}, again=True).accepted == 60
    assert place.count() == 120


def test_all_columns_of_parquet_become_plain_values(place: Place) -> None:
    aware = pa.timestamp("ns", tz="Europe/Paris")
    table = pa.table(
        {
            "user_id": pa.array([17850.0, 12.0]),
            "timestamp": pa.array([START, START + dt.timedelta(days=1)], aware),
            "event": pa.array(["a", "b"]).dictionary_encode(),
            "big": pa.array([2**63, 5], pa.uint64()),
            "small": pa.array([-(2**63), 2**63 - 1]),
            "day": pa.array([dt.date(2020, 2, 29), None]),
            "naive": pa.array([1577840523000004, 1577836800000000], pa.timestamp("us")),
            "aware": pa.array([START, None], aware),
            "list": pa.array([[1, 2], []]),
            "object": pa.array([{"x": 1, "y": None}, {"x": 2, "y": "z"}]),
            "single": pa.array([0.1, 16777216.0], pa.float32()),
            "large": pa.array(["a", None], pa.large_string()),
            "nothing": pa.nulls(2),
            "seconds": pa.array([dt.timedelta(seconds=1.5), None]),
        }
    )
    path = place.directory / "a.parquet"
    pq.write_table(table, path)
    place.load(path)
    (_, _, _, first, _), (_, _, _, second, _) = place.events()
    assert first == {
        "big": "9223372036854775808", "small": -(2**63), "day": "2020-02-29", "naive": "2020-01-01T01:02:03.000004",
        "aware": "2025-12-01T00:00:00Z", "list": [1, 2], "object": {"x": 1}, "single": 0.1, "large": "a",
        "seconds": 1.5,
    }  # fmt: skip
    assert second == {
        "big": 5, "small": 2**63 - 1, "naive": "2020-01-01T00:00:00", "list": [], "object": {"x": 2, "y": "z"},
        "single": 16777216,
    }  # fmt: skip
    assert [row[0] for row in place.events()] == ["17850", "12"]


def test_types_come_from_the_whole_first_block_and_later_misfits_stay_text(place: Place) -> None:
    lines = ["user_id,timestamp,event,n,zip,flag,mixed"]
    lines += [f"u,2026-01-0{at}T00:00:00Z,e,{at}.50,0{at},true,{'x' if at == 3 else at}" for at in range(1, 4)]
    lines += ["u,2026-01-04T00:00:00Z,e,n/a,4,maybe,4", "u,2026-01-05T00:00:00Z,e,9223372036854775808,5,FALSE,5"]
    place.load(place.write("a.csv", "\n".join(lines)), limits=Limits(rows_per_block=3))
    kept = [row[3] for row in place.events()]
    assert kept[0] == {"n": 1.5, "zip": "01", "flag": True, "mixed": "1"}
    assert kept[3] == {"n": "n/a", "zip": "4", "flag": "maybe", "mixed": "4"}
    assert kept[4] == {"n": "9223372036854775808", "zip": "5", "flag": False, "mixed": "5"}


def test_a_declared_type_wins(place: Place) -> None:
    path = place.write(
        "a.csv", "user_id,timestamp,event,n,t\nu,2026-01-01T00:00:00Z,e,x,1\nu,2026-01-02T00:00:00Z,e,2,2"
    )
    place.load(path, types={"n": "number", "t": "text"})
    assert [row[3] for row in place.events()] == [{"n": "x", "t": "1"}, {"n": 2, "t": "2"}]


def test_one_event_name_for_a_file_without_a_column_for_it(place: Place) -> None:
    path = place.write("a.csv", "CustomerID,InvoiceDate,Quantity\n17850,12/1/2010 8:26,6\n17850,12/31/2010 9:00,8\n")
    with pytest.raises(InputError, match="--event purchase"):
        place.load(path, timezone="Europe/London")
    place.load(path, event="purchase", timezone="Europe/London")
    assert [row[:4] for row in place.events()] == [
        ("17850", dt.datetime(2010, 12, 1, 8, 26, tzinfo=dt.UTC), "purchase", {"Quantity": 6}),
        ("17850", dt.datetime(2010, 12, 31, 9, 0, tzinfo=dt.UTC), "purchase", {"Quantity": 8}),
    ]


def test_profiles_and_accounts_load_as_traits(place: Place) -> None:
    people = place.write("p.jsonl", '{"user_id":1,"plan":"pro","old":null,"company_id":"acme"}\n')
    assert place.load(people, kind="profiles").accepted == 1
    companies = place.write("c.csv", "company_id,seats\nacme,5\n")
    assert place.load(companies, kind="accounts").accepted == 1
    traits = place.warehouse.query("SELECT ts, traits, unset FROM profile_traits")
    assert traits == [(NOW, {"plan": "pro", "account_id": "acme"}, ["old"])]
    assert place.warehouse.query("SELECT ts, traits FROM account_traits") == [(NOW, {"seats": 5})]
    assert place.load(people, kind="profiles", now=NOW + dt.timedelta(days=1)).already == 1


def test_an_account_column_of_events_says_who_belongs_where(place: Place) -> None:
    lines = ["user_id,timestamp,event,account_id"]
    lines += [f"u{at % 2},2026-01-0{at + 1}T00:00:00Z,e,acme{at // 4}" for at in range(6)]
    summary = place.load(place.write("a.csv", "\n".join(lines)))
    assert (summary.accepted, summary.profiles) == (6, 2)
    assert [row[3] for row in place.events()] == [{}] * 6
    said = place.warehouse.query("SELECT ts, traits.account_id::String FROM profile_traits ORDER BY ts")
    assert [(at.day, name) for at, name in said] == [(1, "acme0"), (2, "acme0"), (5, "acme1"), (6, "acme1")]
    assert place.warehouse.query("SELECT account_id FROM accounts ORDER BY 1") == [("acme0",), ("acme1",)]


SEGMENT = [
    {"type": "track", "event": "Order Completed", "userId": "u", "messageId": "m1",
     "timestamp": "2026-01-01T00:00:00.000Z", "properties": {"total": 12.5}, "context": {"page": {"path": "/"}}},
    {"type": "track", "event": "Order Completed", "userId": "u", "messageId": "m1",
     "timestamp": "2026-01-01T00:00:00.000Z", "properties": {"total": 12.5}},
    {"type": "identify", "userId": "u", "traits": {"plan": "pro", "old": None}, "timestamp": "2026-01-02T00:00:00Z"},
    {"type": "group", "userId": "u", "groupId": "acme", "traits": {"seats": 5}, "timestamp": "2026-01-03T00:00:00Z"},
    {"type": "page", "anonymousId": "a", "name": "Home", "originalTimestamp": "2026-01-04T00:00:00Z",
     "sentAt": "2026-01-04T00:00:10Z", "receivedAt": "2026-01-04T00:01:10Z"},
    {"type": "alias", "userId": "u", "previousId": "a"},
]  # fmt: skip


def test_a_segment_export_becomes_events_traits_and_accounts(place: Place) -> None:
    path = place.write("s.jsonl", "\n".join(json.dumps(call) for call in SEGMENT))
    summary = place.load(path)
    assert (summary.accepted, summary.duplicates, summary.rejected) == (4, 1, 1)
    assert rejections(summary)[0]["reason"] == "`alias` calls join two ids, which is not supported"
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert place.events() == [
        ("u", day, "Order Completed", {"total": 12.5, "context": {"page": {"path": "/"}}}, "m1"),
        # The sender's clock was a minute slow.
        ("a", day + dt.timedelta(days=3, minutes=1), "page", {"name": "Home"}, ""),
    ]
    traits = place.warehouse.query("SELECT traits, unset FROM profile_traits ORDER BY ts")
    assert traits == [({"plan": "pro"}, ["old"]), ({"account_id": "acme"}, [])]
    assert place.warehouse.query("SELECT traits FROM account_traits") == [({"seats": 5},)]
    assert place.load(path, kind="profiles").already == 5


def test_message_ids_count_once_per_person_within_and_across_loads(place: Place) -> None:
    def line(who: str, message: str, day: int) -> str:
        return json.dumps(
            {"user_id": who, "message_id": message, "event": "e", "timestamp": f"2026-01-{day:02}T00:00Z"}
        )

    one = place.write("1.jsonl", "\n".join([line("a", "1", 1), line("a", "1", 2), line("b", "1", 3), line("a", "", 4)]))
    two = place.write("2.jsonl", "\n".join([line("a", "1", 5), line("a", "2", 6), line("a", "", 7), line("b", "2", 8)]))
    assert place.load(one, limits=Limits(rows_per_block=1)).duplicates == 1
    summary = place.load(two)
    assert (summary.accepted, summary.duplicates) == (3, 1)
    assert [(row[0], row[4], row[1].day) for row in place.events()] == [
        ("a", "1", 1), ("b", "1", 3), ("a", "", 4), ("a", "2", 6), ("a", "", 7), ("b", "2", 8),
    ]  # fmt: skip
