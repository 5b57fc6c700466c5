"""What a change of an item means: again there, cheaper, nearly gone, and near somebody."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethogram.decide.catalog_triggers import (
    CatalogTrigger,
    Kind,
    Offer,
    Place,
    Wish,
    distance,
    offers,
    place_of,
    triggers,
)
from ethogram.model.catalog import CatalogChange, Stock
from ethogram.model.item_signal import BackInStock, LowStock, PriceDrop, Rule

USUAL = Stock()
AT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LUND, MALMO, STOCKHOLM = Place(55.70, 13.19), Place(55.61, 13.00), Place(59.33, 18.07)


def change(before: dict[str, Any] | None, after: dict[str, Any] | None) -> CatalogChange:
    return CatalogChange(7, "p", "a", before, after, AT)


def means(rule: Rule, before: dict[str, Any] | None, after: dict[str, Any] | None, stock: Stock = USUAL) -> bool:
    return bool(triggers([change(before, after)], [rule], stock))


@pytest.mark.parametrize(
    ("rule", "before", "after", "so"),
    [
        (BackInStock(), {"quantity": 0}, {"quantity": 1}, True),
        (BackInStock(), {"quantity": 0}, {"quantity": 0.5}, False),
        (BackInStock(), {"quantity": 1}, {"quantity": 2}, False),
        (BackInStock(), {"quantity": -2}, {"quantity": 3}, True),
        (BackInStock(5), {"quantity": 2}, {"quantity": 5}, True),
        (BackInStock(), {"available": False}, {"available": True}, True),
        (BackInStock(), {"available": False, "quantity": 4}, {"available": True, "quantity": 4}, True),
        (BackInStock(), {"available": False, "quantity": 0}, {"available": False, "quantity": 4}, False),
        (BackInStock(), {}, {"quantity": 4}, False),
        (BackInStock(), None, {"quantity": 4}, False),
        (BackInStock(), {"quantity": 0}, None, False),
        (BackInStock(), {"quantity": "0"}, {"quantity": 1}, False),
        (BackInStock(), {"quantity": False}, {"quantity": True}, False),
        (PriceDrop(), {"price": 10}, {"price": 9.99}, True),
        (PriceDrop(), {"price": 10}, {"price": 10}, False),
        (PriceDrop(), {"price": 10}, {"price": 11}, False),
        (PriceDrop(by=2), {"price": 10}, {"price": 8}, True),
        (PriceDrop(by=2), {"price": 10}, {"price": 8.5}, False),
        (PriceDrop(share=0.1), {"price": 10}, {"price": 9}, True),
        (PriceDrop(share=0.3), {"price": 1}, {"price": 0.7}, True),
        (PriceDrop(share=0.1), {"price": 10}, {"price": 9.01}, False),
        (PriceDrop(by=2, share=0.1), {"price": 100}, {"price": 95}, False),
        (PriceDrop(), {"price": 10}, {"price": -1}, False),
        (PriceDrop(), {"price": None}, {"price": 1}, False),
        (PriceDrop(), {"price": 10}, {"price": float("nan")}, False),
        (LowStock(3), {"quantity": 4}, {"quantity": 3}, True),
        (LowStock(3), {"quantity": 3}, {"quantity": 2}, False),
        (LowStock(3), {"quantity": 4}, {"quantity": 0}, False),
        (LowStock(3), {"quantity": 2}, {"quantity": 4}, False),
        (LowStock(3), None, {"quantity": 1}, False),
    ],
)
def test_a_change_means_what_it_says(
    rule: Rule, before: dict[str, Any] | None, after: dict[str, Any] | None, so: bool
) -> None:
    assert means(rule, before, after) is so


def test_fields_have_the_names_that_the_catalogue_gives_them() -> None:
    stock = Stock(quantity="antal", price="pris")
    assert means(BackInStock(), {"antal": 0}, {"antal": 2}, stock)
    assert means(PriceDrop(), {"pris": 3}, {"pris": 2}, stock)
    assert not means(PriceDrop(), {"price": 3}, {"price": 2}, stock)


def test_one_change_can_mean_several_things() -> None:
    found = triggers(
        [change({"quantity": 0, "price": 5}, {"quantity": 2, "price": 4})], [BackInStock(), PriceDrop(), LowStock(3)]
    )
    assert found == [
        CatalogTrigger(Kind.BACK_IN_STOCK, 7, "p", "a", 0, 2, {"quantity": 2, "price": 4}),
        CatalogTrigger(Kind.PRICE_DROP, 7, "p", "a", 5, 4, {"quantity": 2, "price": 4}),
    ]


quantities = st.one_of(st.integers(0, 5), st.none())


@given(st.lists(quantities, min_size=1, max_size=20))
def test_an_item_is_back_as_often_as_it_was_gone(levels: list[int | None]) -> None:
    items = [{"quantity": level} if level is not None else {} for level in levels]
    found = triggers([change(*pair) for pair in pairwise(items)], [BackInStock()])
    expected = sum(one == 0 and other not in (0, None) for one, other in pairwise(levels))
    assert len(found) == expected


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        (LUND, LUND, 0),
        (LUND, STOCKHOLM, 497.6),
        (Place(0, 179.5), Place(0, -179.5), 111.2),
        (Place(90, 0), Place(-90, 50), 20_015.1),
    ],
)
def test_distances_are_over_the_ground(one: Place, other: Place, km: float) -> None:
    assert distance(one, other) == pytest.approx(km, abs=0.5)
    assert distance(other, one) == pytest.approx(distance(one, other))


def test_who_is_near_is_told_of_what_there_is_and_no_more_people_than_can_come() -> None:
    wishes = [
        Wish("far", "chair", STOCKHOLM, 9), Wish("weak", "chair", LUND, 1), Wish("near", "chair", LUND, 5),
        Wish("nearer", "chair", MALMO, 5), Wish("nearer", "chair", MALMO, 4), Wish("other", "table", MALMO, 9),
        Wish("none", "lamp", MALMO, 9),
    ]  # fmt: skip
    items = {"chair": (MALMO, 1.0), "table": (MALMO, 0.0)}
    found = offers(wishes, items, within=50, each=2)
    assert [(offer.profile_id, offer.item) for offer in found] == [("nearer", "chair"), ("near", "chair")]
    assert found[0] == Offer("nearer", "chair", 0.0)
    assert [offer.profile_id for offer in offers(wishes, items, within=50, each=9)] == ["nearer", "near", "weak"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"latitude": 1},
        {"latitude": 91, "longitude": 0},
        {"latitude": 0, "longitude": 181},
        {"latitude": "1", "longitude": 1},
        {"latitude": float("nan"), "longitude": 1},
    ],
)
def test_a_place_that_is_none_is_none(fields: dict[str, Any]) -> None:
    assert place_of(fields) is None
    assert place_of({"latitude": 1, "longitude": 2.5}) == Place(1, 2.5)
