"""Whole columns become the JSON that each row by itself becomes."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethogram.collect.arrays import Faults, letters
from ethogram.collect.columns import ColumnType, documents
from ethogram.collect.values import Limits, document

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.sampled_from(["a", "naïve", 'quo"te', "back\\slash", "line\nend"])
MANY = 5_000  # rows: enough for a column of few different texts to be told from others
VALUES: dict[str, tuple[st.SearchStrategy[Any], pa.DataType]] = {
    "text": (TEXTS, pa.string()),
    "whole": (st.integers(-(2**63), 2**63 - 1), pa.int64()),
    "unsigned": (st.integers(0, 2**64 - 1), pa.uint64()),
    "fraction": (st.floats(allow_nan=False, allow_infinity=False), pa.float64()),
    "boolean": (st.booleans(), pa.bool_()),
    "list": (st.lists(TEXTS | st.none(), max_size=3), pa.list_(pa.string())),
}


def as_dictionary(column: Any) -> Any:
    return column.dictionary_encode()


def large(column: Any) -> Any:
    return column.cast(pa.large_string())


def from_the_middle(column: Any) -> Any:
    return pa.concat_arrays([column.slice(0, 1), column]).slice(1)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name in draw(st.lists(NAMES, unique=True, min_size=1)):
        values, _ = VALUES[kind := draw(st.sampled_from(sorted(VALUES)))]
        some = draw(st.lists(values | st.none(), min_size=1, max_size=7))
        found[f"{name} {kind}"] = [some[at % len(some)] for at in range(MANY)]
    return found


@settings(max_examples=30, deadline=None)
@given(tables())
def test_columns_become_what_rows_become(table: dict[str, list[Any]]) -> None:
    columns = {name: pa.array(values, VALUES[name.split()[-1]][1]) for name, values in table.items()}
    found, faults = documents(columns, MANY, {}, Limits())
    assert faults == {}
    for row, text in enumerate(found.to_pylist()):
        wanted, _ = document({name: values[row] for name, values in table.items()}, Limits())
        assert json.loads(text) == json.loads(wanted)


@pytest.mark.parametrize("form", [pa.array, as_dictionary, large, from_the_middle])
@pytest.mark.parametrize("different", [3, MANY])
@settings(max_examples=10, deadline=None)
@given(st.lists(TEXTS | st.none(), min_size=3, max_size=3))
def test_few_and_many_different_texts_become_the_same(form: Any, different: int, texts: list[str | None]) -> None:
    # Each text is followed by a number where many are wanted; a null stays one.
    values = [
        text if text is None or different == 3 else f"{text}{at}"
        for at, text in ((at, texts[at % 3]) for at in range(MANY))
    ]
    column = pa.array(values, pa.string())
    found, faults = documents({"t": column if form is pa.array else form(column)}, MANY, {}, Limits())
    assert faults == {}
    assert [json.loads(each) for each in found.to_pylist()] == [
        {} if value is None else {"t": value} for value in values
    ]


def test_numbers_and_booleans_among_few_different_texts_are_read() -> None:
    numbers = pa.array((["1", "2.50", "1e400", "x", None, str(2**63)] * MANY)[:MANY])
    booleans = pa.array((["True", "no", "false", None] * MANY)[:MANY])
    types = {"n": ColumnType.NUMBER, "b": ColumnType.BOOLEAN}
    found, _ = documents({"n": numbers, "b": booleans}, MANY, types, Limits())
    short, _ = documents({"n": numbers.slice(0, 24), "b": booleans.slice(0, 24)}, 24, types, Limits())
    assert found.to_pylist()[:24] == short.to_pylist()
    assert json.loads(found[0].as_py()) == {"n": 1, "b": True}
    assert json.loads(found[5].as_py()) == {"n": str(2**63), "b": "no"}


def test_a_broken_text_among_few_different_ones_is_a_fault_of_its_row() -> None:
    raw = [b"good"] * MANY
    raw[4_711] = b"\xff"
    column = pa.array(raw, pa.binary()).view(pa.string())
    found, faults = documents({"t": column}, MANY, {}, Limits())
    assert faults == {4_711: "`t` is not UTF-8"}
    assert found[0].as_py() == '{"t":"good"}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_a_fault_of_its_row(value: float) -> None:
    faults: Faults
    _, faults = documents({"n": pa.array([1.5, value])}, 2, {}, Limits())
    assert list(faults) == [1]


def test_the_letters_of_a_slice_are_its_own() -> None:
    column = pa.array(["ab", None, "", "é", "\x00"])
    assert letters(column).tobytes() == "abé\x00".encode()
    assert letters(column.slice(1, 3)).tobytes() == "é".encode()
    assert letters(pa.chunked_array([column.slice(3), column.slice(0, 1)])).tobytes() == "é\x00ab".encode()
    assert letters(pa.array([], pa.string())).tobytes() == b""
    assert letters(pa.array([None, None], pa.string())).tobytes() == b""
