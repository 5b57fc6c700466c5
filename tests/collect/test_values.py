"""JSON values load unchanged; what cannot be kept is refused, never bent."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethogram.collect.values import Limits, UnacceptableError, document
from ethogram.store.ledger import Ledger

if TYPE_CHECKING:
    from collect.conftest import Place

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# A dot in a key nests, and an empty part of a path has no name.
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="."), min_size=1, max_size=10)
WHOLE = st.integers(-(2**63), 2**63 - 1)
FRACTIONS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.booleans() | TEXTS | FRACTIONS | WHOLE
SMALL = st.booleans() | TEXTS | FRACTIONS | st.integers(-(2**53), 2**53)
LISTS = st.lists(SMALL | st.none(), max_size=4)
VALUES = st.recursive(SCALARS | LISTS, lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=8)


def same(one: Any, other: Any) -> bool:
    """Equal in value and kind; whole fractions may come back as whole numbers."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case list(), list():
            return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
        case bool(), _:
            return one is other
        case ((int() | float()), (int() | float())):
            # The engine shows a large fraction as the whole number of its digits: the double is the same.
            whole = type(one) is int
            return not isinstance(other, bool) and (one == other if whole else float(one) == float(other))
        case _:
            return type(one) is type(other) and one == other


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), min_size=1, max_size=20))
def test_any_json_value_loads_unchanged(place: Place, rows: list[dict[str, Any]]) -> None:
    place.warehouse.recreate_facts()
    # Never the name of a role (`user_id`, `tenant_id`), which would be taken for it.
    rows = [{f"p {key}": value for key, value in row.items()} for row in rows]
    lines = [{**row, "user_id": "u", "timestamp": 1767225600 + at, "event": "e"} for at, row in enumerate(rows)]
    path = place.write("a.jsonl", "\n".join(json.dumps(each) for each in lines))
    mapping = {"profile_id": "user_id", "timestamp": "timestamp", "event": "event"}
    with Ledger("sqlite://") as ledger:
        replace(place, ledger=ledger).load(path, mapping=mapping)
    texts = place.warehouse.query("SELECT toString(properties) FROM events ORDER BY ts")
    assert len(texts) == len(rows)
    for (text,), row in zip(texts, rows, strict=True):
        back = json.loads(text)
        assert same(row, back), {key: (row.get(key), back.get(key)) for key in row if row.get(key) != back.get(key)}


def test_whole_numbers_that_64_bits_cannot_hold_are_kept_as_text() -> None:
    text, _ = document({"a": 2**63, "b": [-(2**63) - 1], "c": {"d": 10**40}}, Limits())
    assert json.loads(text) == {"a": str(2**63), "b": [str(-(2**63) - 1)], "c": {"d": str(10**40)}}


def test_a_large_whole_number_beside_a_fraction_in_a_list_is_kept_as_text() -> None:
    assert json.loads(document({"a": [2**53 + 1, 0.5]}, Limits())[0]) == {"a": [str(2**53 + 1), 0.5]}
    assert json.loads(document({"a": [2**53 + 1, 1]}, Limits())[0]) == {"a": [2**53 + 1, 1]}


def test_null_is_absent_and_named() -> None:
    assert document({"a": None, "b": {"c": None, "d": 1}, "e": [None]}, Limits()) == (
        '{"b":{"d":1},"e":[null]}',
        ["a", "b.c"],
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [math.nan], {"a": math.inf}, "\ud800", ["a\udfff"]])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(UnacceptableError):
        document({"a": value}, Limits())


@pytest.mark.parametrize(
    "properties",
    [
        {"a": 1, "a.b": 2},
        {"a.b": 1, "a": {"b": 2}},
        {"a": [1], "a.b.c": 2},
        {"x": {"a": 1, "a.b": 2}},
        {"a.b": 1, "a.b.c": 2},
    ],
)
def test_two_values_on_one_path_are_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(UnacceptableError, match="a dot in a key nests"):
        document(properties, Limits())


def test_dots_that_meet_in_one_object_are_fine() -> None:
    assert json.loads(document({"a": {"b": 1}, "a.c": 2, "a.d": None}, Limits())[0]) == {"a": {"b": 1}, "a.c": 2}
