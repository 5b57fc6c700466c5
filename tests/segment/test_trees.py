"""The tree refuses what does not follow its schema, and says where."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from ethogram.errors import SegmentError
from ethogram.segment import builder as eg
from ethogram.segment.parser import parse
from ethogram.segment.tree import from_tree, json_schema, to_tree


def test_tree_leaves_defaults_out_and_keeps_fixed_values_plain() -> None:
    assert to_tree(parse("count(purchase in last 30 days) >= 3")) == {
        "condition": {
            "type": "compare",
            "left": {
                "type": "measure",
                "function": "count",
                "selection": {
                    "event": "purchase",
                    "window": {"type": "in_last", "span": {"amount": 30, "unit": "day"}},
                },
            },
            "comparator": ">=",
            "right": 3,
        }
    }


DID = {"type": "did", "selection": {"event": "a"}}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "`$`: expected an object, found []"),
        ({}, "`$`: the key `condition` is missing"),
        ({"condition": DID, "entitty": "account"}, "`$`: unknown key `entitty`\nDid you mean `entity`?"),
        ({"condition": DID, "entity": "acount"}, "`$.entity`: expected 'account', found 'acount'"),
        ({"condition": {"type": "didd"}}, "`$.condition.type`: 'didd' is no condition\nDid you mean 'did'?"),
        ({"condition": {"type": "and", "items": [DID]}}, "`$.condition.items`: expected at least 2, found 1"),
        (
            {"condition": {"type": "or", "items": [DID, {"type": "in_segment", "name": ""}]}},
            "`$.condition.items[1].name`: a name cannot be empty",
        ),
        (
            {"condition": {"type": "exists", "operand": {"type": "duration", "span": {"amount": 1.5, "unit": "day"}}}},
            "`$.condition.operand.span.amount`: expected a whole number from 1 to 100,000, found 1.5",
        ),
        (
            {
                "condition": {
                    "type": "during",
                    "operand": {"type": "trait", "name": "x"},
                    "window": {"type": "since", "start": "1"},
                }
            },
            "`$.condition.window.start`: `1` is not a date\nWrite 2026-01-31 or 2026-01-31T18:00:00Z.",
        ),
        (
            {"condition": {"type": "top", "percent": True, "operand": 1}},
            "`$.condition.percent`: expected a number, found True",
        ),
    ],
)
def test_error_names_the_json_path(tree: object, message: str) -> None:
    with pytest.raises(SegmentError) as caught:
        from_tree(tree)
    assert str(caught.value) == message
    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(tree)


def test_deep_tree_is_refused() -> None:
    tree: dict[str, Any] = DID
    for _ in range(5000):
        tree = {"type": "not", "item": tree}
    with pytest.raises(SegmentError, match="nested more than 100 deep"):
        from_tree({"condition": tree})


def test_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_builder_writes_every_phrase() -> None:
    built = (
        (eg.count("purchase").where(eg.prop("price") > 20).last(90, "days") >= 3)
        & ~eg.did("refund").this("month")
        & eg.trait("country").is_in(["SE", "NO"])
        & eg.trait("signup").date.last(7, "days")
        & eg.anniversary(eg.trait("birthday")).next(1, "week")
        & eg.sequence("view", ~eg.step("buy").within(1, "hour")).last(7, "days")
        & (eg.top(10, eg.sum("purchase", "amount")) | eg.entered("vip").since("2026-01-01"))
        & (eg.gap("purchase") > eg.length(45, "days"))
        & (eg.count("a").after_first(7, "days", eg.did("signup")) < 0.5 * eg.account.count("a"))
    )
    expected = (
        "count(purchase where price > 20 in last 90 days) >= 3 and not did(refund in this month)"
        " and country in ('SE', 'NO') and signup in last 7 days and anniversary(birthday) in next 1 week"
        " and sequence(view, not buy within 1 hour) in last 7 days"
        " and (top(10%, sum(purchase.amount)) or entered('vip' since 2026-01-01)) and gap(purchase) > 45 days"
        " and count(a in first 7 days after first(signup)) < 0.5 * account.count(a)"
    )
    assert repr(built) == expected
    assert built.definition == parse(expected)


def test_condition_of_the_builder_has_no_truth() -> None:
    with pytest.raises(TypeError, match=r"use & \| ~"):
        bool(eg.count("a") > 1)


def test_builder_refuses_what_makes_no_sense() -> None:
    with pytest.raises(SegmentError, match="only stand inside `where`"):
        _ = (eg.prop("price") > 1).definition
    with pytest.raises(SegmentError, match="no unit of time"):
        eg.did("a").last(3, "dayz")
