"""Answering a few people directly: the looks at values are the engine's, what is refused needs the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethogram.segment import values
from ethogram.segment.compiler import Context
from ethogram.segment.direct import looks
from ethogram.segment.direct.comparisons import NotDirect
from ethogram.segment.direct.conditions import Conditions
from ethogram.segment.parser import parse
from ethogram.segment.sql import Binder
from ethogram.segment.templates import Applied, apply, template
from ethogram.segment.windows import Frame
from ethogram.store.warehouse import Warehouse
from segment.templates.cases import CASES
from segment.templates.histories import NOW, PLAIN

STOCKHOLM = ZoneInfo("Europe/Stockholm")
NASTY: list[Any] = [
    None, True, False, 0, -1, 12, 12.0, 12.5, -0.0, 1e21, 1e22, 1.5e300, 1e-7, 5e-324, 0.1, 2**53 + 1, 2**63 - 1,
    -(2**63), 2**63, 2**64 - 1, 9.3e18, "", "12", "12.0", "-1.50", "+1", " 1", "1e5", "1e400", "12\n", "١٢", "nan",
    "2026-03-29", "2026-03-29 02:30", "2026-10-25T02:30:00", "2026-02-30", "2026-01-01T10:00:00.123456Z", "2024-02-29",
    "2026-01-01T10:00:00+05:30", "1899-01-01", "2026-01-01T24:00", "2299-12-31", "20260101", [], ["a"], ["12", "a"],
    [1, "a", None], [1, 2], {}, {"b": 1}, {"b": None}, {"b": {}}, {"b": {"c": "x"}}, {"b": []},
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
    | st.from_regex(values.NUMBER_PATTERN, fullmatch=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["b", "c"]), inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    with Warehouse("chdb://") as opened:
        yield opened


def looked_at(warehouse: Warehouse, sent: list[Any]) -> list[tuple[Any, ...]]:
    """What the engine sees in each value: number, text, boolean, itself, instant, has 'a', exists."""
    warehouse.command(
        "CREATE OR REPLACE TABLE looked (place UInt32, properties JSON(max_dynamic_paths = 256)) ENGINE = Memory"
    )
    warehouse.command(
        "INSERT INTO looked SELECT number, {sent:Array(String)}[number + 1] FROM numbers({many:UInt64})",
        {"sent": [json.dumps({"a": value}) for value in sent], "many": len(sent)},
    )
    binder = Binder()
    whole = values.path("properties", "a")
    shown = [
        values.number(whole, binder),
        values.text(whole),
        values.boolean(whole),
        values.generic(whole),
        f"toUnixTimestamp64Micro({values.instant(values.text(whole), STOCKHOLM.key, binder)})",
        values.list_has(whole, binder.text("a")),
        values.exists("properties", "a"),
    ]
    return warehouse.query(f"SELECT {', '.join(shown)} FROM looked ORDER BY place", binder.parameters)


def check_looks(warehouse: Warehouse, sent: list[Any]) -> None:
    for value, engine in zip(sent, looked_at(warehouse, sent), strict=True):
        mine = (
            looks.number(value),
            looks.text(value),
            looks.boolean(value),
            looks.generic(value),
            looks.instant(value, STOCKHOLM),
            looks.has(value, "a"),
            looks.exists(value),
        )
        assert mine == (*engine[:5], *map(bool, engine[5:])), value


def test_every_look_at_a_nasty_value_is_the_engines(warehouse: Warehouse) -> None:
    check_looks(warehouse, NASTY)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(JSON, min_size=1, max_size=60))
def test_every_look_at_any_value_is_the_engines(warehouse: Warehouse, sent: list[Any]) -> None:
    check_looks(warehouse, sent)


NEED_THE_ENGINE = (
    "ACCOUNT", "Anniversary(", "Near(", "MATCHES", "CASELESS", "caseless=True", "Top(", "Quintile(",
    "During(operand=Property(",
)  # fmt: skip


def test_only_definitions_that_need_the_engine_are_left_to_it() -> None:
    direct = Conditions(Context(Frame(NOW, ZoneInfo("UTC"))))
    left = []
    for case in CASES:
        applied = apply(template(case.template), PLAIN, case.parameters)
        assert isinstance(applied, Applied)
        definition = parse(applied.text)
        try:
            direct.definition(definition)
        except NotDirect:
            left.append(definition)
    assert [each for each in left if not any(word in repr(each) for word in NEED_THE_ENGINE)] == []
    assert len(left) < len(CASES) / 5
