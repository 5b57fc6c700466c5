from __future__ import annotations

import datetime as dt
import json
from dataclasses import fields
from pathlib import Path

from ethogram.cli.plain import to_json, to_plain
from ethogram.model.results import Finding, Health, HistoryPoint, Overlap, Preview

AT = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)


def test_a_result_has_the_keys_of_its_dataclass_and_instants_with_zone() -> None:
    point = HistoryPoint(AT, 2, 10, 3, 1, "run")
    assert to_plain(point) == {
        "at": "2026-01-31T12:00:00+00:00",
        "version": 2,
        "size": 10,
        "entered": 3,
        "left": 1,
        "cause": "run",
    }


def test_combinations_of_names_become_a_list() -> None:
    overlap = Overlap(("a", "b"), {"a": 2, "b": 1}, {("a", "b"): 1}, {("a",): 1, ("a", "b"): 1}, 2, AT)
    plain = to_plain(overlap)
    assert plain["pairs"] == [{"names": ["a", "b"], "count": 1}]
    assert plain["exact"] == [{"names": ["a"], "count": 1}, {"names": ["a", "b"], "count": 1}]


def test_everything_becomes_json_that_a_strict_reader_takes() -> None:
    value = {
        "nan": float("nan"),
        "infinite": float("inf"),
        "health": Finding("parts", Health.BROKEN, "two are gone").health,
        "path": Path("a/b"),
        "length": dt.timedelta(minutes=2),
        "day": dt.date(2026, 1, 31),
        "big": 2**70,
        "set": {"b", "a"},
        1: None,
    }
    assert json.loads(to_json(value)) == {
        "nan": None,
        "infinite": None,
        "health": "broken",
        "path": "a/b",
        "length": 120.0,
        "day": "2026-01-31",
        "big": 2**70,
        "set": ["a", "b"],
        "1": None,
    }


def test_an_empty_mapping_stays_a_mapping() -> None:
    assert to_plain(Preview("t", "e", 0, 0, (), AT, 1.0)).keys() == {field.name for field in fields(Preview)}
    assert to_plain({}) == {}
