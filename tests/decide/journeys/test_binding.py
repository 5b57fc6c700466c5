"""A run's data stands in conditions as values, whatever it holds; what is missing compares as missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.decide.journeys.binding import bind, check_placeholders
from ethogram.model.segment import And, Boolean, Compare, Did, Number, Selection, Text
from ethogram.segment.parser import parse
from ethogram.segment.printer import to_text


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("did(Bought where sku = '{{ trigger.sku }}')", "did(Bought where sku = 'a''b')"),
        ("count(x) > '{{ trigger.count }}'", "count(x) > 3"),
        ("paid = '{{trigger.paid}}'", "paid = true"),
        ("sku in ('{{ trigger.skus }}')", "sku in ('a', 'b')"),
        ("sku in ('z', '{{ trigger.count }}')", "sku in ('z', '3')"),
        ("sku contains 'no {{ trigger.count }}!'", "sku contains 'no 3!'"),
        ("sku = '{{ trigger.deep.one }}'", "sku = 1"),
        ("sku = '{{ trigger.with.dot }}'", "sku = 'dotted'"),
        ("sku = '{{ trigger.none }}'", "sku exists and not (sku exists)"),
        ("a = 1 and sku in ('{{ trigger.none }}')", "a = 1 and sku exists and not (sku exists)"),
        ("not sku = '{{ trigger.none }}'", "not (sku exists and not (sku exists))"),
        ("did(x where sku != '{{ trigger.none }}')", "did(x where sku exists and not (sku exists))"),
        ("plan = 'pro'", "plan = 'pro'"),
    ],
)
def test_placeholders_become_values(text: str, bound: str) -> None:
    trigger = {"sku": "a'b", "count": 3, "paid": True, "skus": ["a", "b"], "deep": {"one": 1}, "with.dot": "dotted"}
    assert to_text(bind(parse(text), {"trigger": trigger})) == bound


@given(st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False)))
def test_any_value_leaves_the_condition_what_it_was(value: Any) -> None:
    bound = bind(parse("did(x where sku = '{{ trigger.sku }}') and plan = 'a'"), {"trigger": {"sku": value}})
    match bound.condition:
        case And((Did(Selection(where=Compare(right=(Text() | Number() | Boolean()) as literal))), other)):
            assert literal.value == value
            assert other == parse("plan = 'a'").condition
        case _:
            pytest.fail(f"it became {bound}")


@pytest.mark.parametrize("path", ["foo", "trigger", "profile.name", "trigger.", "trigger.a | upcase", ""])
def test_a_placeholder_that_names_nothing_of_a_run_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="names nothing of a run"):
        check_placeholders(parse("sku = '{{ " + path + " }}'"))
