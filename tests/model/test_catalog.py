"""A catalogue's document is read whole, and its items are looked at."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.errors import DefinitionError
from ethogram.model.catalog import Catalog, FieldType, Stock

names = st.text(string.ascii_lowercase, min_size=1, max_size=6)
definitions = st.builds(
    Catalog,
    st.just("it"),
    names,
    st.dictionaries(names, st.sampled_from(FieldType), max_size=3),
    st.builds(Stock, names, names, names, names, names),
    st.just("") | names,
)


@given(definitions)
def test_a_catalogue_comes_back_from_its_document(catalog: Catalog) -> None:
    assert Catalog.from_body("it", catalog.to_body()) == catalog


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        Catalog.from_body("it", {"fields": {"a": "money", "b": 3}, "stock": {"prize": "x"}, "ids": "x"})
    assert [place for place, _ in caught.value.faults] == ["fields.a", "fields.b", "ids", "stock.prize"]


GOODS = Catalog(
    "it", "sku",
    {"title": FieldType.TEXT, "price": FieldType.NUMBER, "sale": FieldType.BOOLEAN, "at": FieldType.INSTANT,
    "tags": FieldType.LIST, "maker": FieldType.OBJECT},
)  # fmt: skip


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        (
            {
                "sku": "a",
                "title": "x",
                "price": 3,
                "sale": True,
                "at": "2026-03-01",
                "tags": [],
                "maker": {},
                "more": 1,
            },
            None,
        ),
        ({"sku": 7, "title": None}, None),
        ({"title": "x"}, "has no `sku`"),
        ({"sku": " "}, "has no `sku`"),
        ({"sku": True}, "has no `sku`"),
        ({"sku": "a" * 201}, "more than 200 characters"),
        ({"sku": "a", "x": "y" * 100_001}, "larger than 100,000"),
        ({"sku": "a", "price": "3"}, "has `price`: '3', which is no number"),
        ({"sku": "a", "price": True}, "no number"),
        ({"sku": "a", "sale": 1}, "no boolean"),
        ({"sku": "a", "at": "soon"}, "no instant"),
        ({"sku": "a", "tags": "x"}, "no list"),
        ({"sku": "a", "maker": []}, "no object"),
        ({"sku": "a", "title": 3}, "no text"),
    ],
)
def test_an_item_that_cannot_be_taken_says_why(item: dict[str, Any], fault: str | None) -> None:
    found = GOODS.fault(item)
    assert (found is None) if fault is None else (found is not None and fault in found)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"price": "3"}, {"price": 3}), ({"price": " 3.50"}, {"price": 3.5}), ({"price": "x"}, {"price": "x"}),
        ({"sale": "TRUE"}, {"sale": True}), ({"sale": "no"}, {"sale": False}), ({"sale": "x"}, {"sale": "x"}),
        ({"title": 1984}, {"title": "1984"}), ({"other": "3"}, {"other": "3"}), ({"price": 2}, {"price": 2}),
    ],
)  # fmt: skip
def test_texts_become_what_the_catalogue_says_they_are(said: dict[str, Any], meant: dict[str, Any]) -> None:
    assert GOODS.as_typed(said) == meant
