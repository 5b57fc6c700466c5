"""Changes of catalogues start campaigns and journeys for those whom they concern, each change once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from engage.shop import NOW, Shop
from ethogram.campaigning import Campaigns
from ethogram.catalogs import Catalogs
from ethogram.errors import DefinitionError
from ethogram.journeying import Journeys
from ethogram.model.campaign import Campaign
from ethogram.store import catalogs as kept
from ethogram.store import definitions

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SEEN = {"event": "Product Viewed", "property": "product_id", "within": "4 weeks"}
BACK = {"name": "products", "back_in_stock": 1, "seen": SEEN}
ITEM = {
    "channel": "email",
    "subject": "{{ trigger.fields.title }}",
    "text": "{{ trigger.item }} was {{ trigger.was }}, is {{ trigger.now }}; {{ trigger.kilometres | default: '-' }}",
}


@pytest.fixture
def stocked(market: Shop) -> Shop:
    market.save("catalog", "products", {"fields": {"title": "text", "quantity": "number", "price": "number"}})
    market.save("template", "item", ITEM)
    changed(market, *({"id": id_, "title": id_.upper(), "quantity": 0, "price": 20} for id_ in ("tea", "cup", "pot")))
    return market


def changed(shop: Shop, *items: dict[str, Any]) -> None:
    with Catalogs(shop.path, clock=shop.clock) as opened:
        opened.patch("products", items)


def viewed(shop: Shop, *rows: tuple[str, str]) -> None:
    shop.happened(*((id_, "Product Viewed", {"product_id": item}) for id_, item in rows))


def wait(shop: Shop, length: dt.timedelta) -> None:
    shop.clock.advance(length)


def test_a_campaign_tells_those_who_looked_at_an_item_that_it_is_back(stocked: Shop) -> None:
    viewed(stocked, ("p00", "tea"), ("p01", "cup"), ("p02", "tea"), ("p20", "tea"))
    stocked.start("back", template="item", when={"catalog": BACK}, audience={"in": ["pros"]})
    stocked.work()
    wait(stocked, HOUR)
    changed(stocked, {"id": "tea", "quantity": 4}, {"id": "pot", "quantity": 9})
    stocked.work()
    assert stocked.got() == {  # p20 is no pro
        f"{id_}@example.com": "TEA: tea was 0, is 4; -" for id_ in ("p00", "p02")
    }
    changed(stocked, {"id": "tea", "quantity": 5})  # it was there already
    stocked.work()
    assert len(stocked.channel.letters) == 2


def test_several_items_at_once_are_one_message_and_again_says_how_soon_there_is_another(stocked: Shop) -> None:
    viewed(stocked, ("p00", "tea"), ("p00", "cup"))
    stocked.start("back", template="item", when={"catalog": {**BACK, "again": "1 day"}})
    wait(stocked, HOUR)
    changed(stocked, {"id": "tea", "quantity": 4}, {"id": "cup", "quantity": 1})
    stocked.work()
    assert len(stocked.channel.letters) == 1
    changed(stocked, {"id": "tea", "quantity": 0}, {"id": "cup", "quantity": 0})
    changed(stocked, {"id": "tea", "quantity": 4})
    stocked.work()
    assert len(stocked.channel.letters) == 1  # within a day
    wait(stocked, DAY)
    changed(stocked, {"id": "cup", "quantity": 7})
    stocked.work()
    assert len(stocked.channel.letters) == 2


def test_what_changed_before_a_campaign_began_or_long_ago_starts_nothing(stocked: Shop) -> None:
    viewed(stocked, ("p00", "tea"), ("p01", "cup"))
    changed(stocked, {"id": "tea", "quantity": 4})
    stocked.start("back", template="item", when={"catalog": BACK})
    changed(stocked, {"id": "cup", "quantity": 4})
    wait(stocked, 2 * DAY)  # nobody was there to see it
    stocked.work()
    assert stocked.got() == {}


def test_who_looked_too_long_ago_or_after_the_change_is_not_told(stocked: Shop) -> None:
    viewed(stocked, ("p00", "tea"))
    wait(stocked, 31 * DAY)
    viewed(stocked, ("p01", "tea"))
    stocked.start("back", template="item", when={"catalog": BACK})
    wait(stocked, HOUR)
    changed(stocked, {"id": "tea", "quantity": 4})
    wait(stocked, HOUR)
    viewed(stocked, ("p02", "tea"))
    stocked.work()
    assert set(stocked.got()) == {"p01@example.com"}


def test_of_few_left_the_nearest_of_those_who_want_it_are_told(stocked: Shop) -> None:
    places = {"p00": (55.71, 13.20), "p01": (55.75, 13.25), "p02": (59.33, 18.07), "p03": (55.70, 13.19)}
    stocked.workspace.load_profiles(_profiles(stocked, places))
    changed(stocked, {"id": "tea", "quantity": 9, "latitude": 55.70, "longitude": 13.19})
    viewed(stocked, ("p00", "tea"), ("p01", "tea"), ("p02", "tea"), ("p03", "tea"), ("p04", "tea"))
    few = {"name": "products", "low_stock": 2, "seen": SEEN, "near": {"kilometres": 50, "each": 1}}
    stocked.start("few", template="item", when={"catalog": few})
    wait(stocked, HOUR)
    changed(stocked, {"id": "tea", "quantity": 2})
    stocked.work()
    assert stocked.got() == {  # p01 is farther, p02 far away, and where p04 is nobody knows
        "p00@example.com": "TEA: tea was 9, is 2; 1.3",
        "p03@example.com": "TEA: tea was 9, is 2; 0.0",
    }


def test_a_journey_starts_by_a_change_and_waits_as_it_says(stocked: Shop) -> None:
    journey = {
        "entry": {"catalog": {"name": "products", "price_drop": {"share": "10%"}, "seen": SEEN}},
        "where": "not did(\"Order Completed\" where product_id = '{{ trigger.item }}')",
        "again": "1 day",
        "steps": [
            {"name": "hour", "delay": "1 hour"},
            {"name": "m", "message": {"channel": "email", "template": "item"}},
        ],
    }
    stocked.save("journey", "cheaper", journey)
    with Journeys(stocked.path, clock=stocked.clock) as opened:
        opened.start("cheaper")
    stocked.work()
    viewed(stocked, ("p00", "tea"), ("p01", "tea"), ("p02", "cup"))
    stocked.happened(("p01", "Order Completed", {"product_id": "tea"}))
    wait(stocked, HOUR)
    changed(stocked, {"id": "tea", "price": 15}, {"id": "cup", "price": 19})
    stocked.work()
    assert stocked.got() == {}
    wait(stocked, HOUR)
    stocked.work()
    assert stocked.got() == {"p00@example.com": "TEA: tea was 20, is 15; -"}


def test_changes_that_everybody_has_followed_are_forgotten(stocked: Shop) -> None:
    stocked.start("back", template="item", when={"catalog": BACK})
    stocked.work()
    assert len(kept.changes(stocked.database)) == 3
    wait(stocked, 40 * DAY)
    changed(stocked, {"id": "tea", "quantity": 4})
    with Campaigns(stocked.path, clock=stocked.clock) as opened:
        opened.stop("back")
    stocked.engaging.tidy()
    assert len(kept.changes(stocked.database)) == 1  # the stopped campaign may go on
    wait(stocked, 40 * DAY)
    stocked.engaging.tidy()
    assert len(kept.changes(stocked.database)) == 1
    with Campaigns(stocked.path, clock=stocked.clock) as opened:
        opened.finish("back")
    stocked.engaging.decide()
    stocked.engaging.tidy()
    assert kept.changes(stocked.database) == ()


def test_a_document_is_read_and_written_alike_and_its_catalogue_is_there(stocked: Shop) -> None:
    near = {"kilometres": 20, "each": 5, "latitude": "home.lat", "longitude": "home.lon"}
    for signal in (
        {"name": "products", "low_stock": 3, "seen": SEEN, "near": near, "again": "never"},
        {"name": "products", "price_drop": {"by": 2, "share": 0.1}, "seen": SEEN, "again": "always"},
        BACK,
    ):
        body = {"channel": "email", "when": {"catalog": signal}, "template": "item"}
        assert Campaign.from_body("c", body).to_body() == body
    stocked.save("campaign", "c", {"channel": "email", "when": {"catalog": BACK}, "template": "item"})
    assert definitions.get(stocked.database, "campaign", "c").body["when"] == {"catalog": BACK}
    elsewhere = {"channel": "email", "when": {"catalog": {**BACK, "name": "shelf"}}, "template": "item"}
    with pytest.raises(DefinitionError, match="shelf"):
        stocked.save("campaign", "d", elsewhere)
    with pytest.raises(DefinitionError, match=r"exactly one of back_in_stock, price_drop, low_stock"):
        Campaign.from_body("c", {"channel": "email", "when": {"catalog": {"name": "p", "seen": SEEN}}, "template": "t"})


def _profiles(shop: Shop, places: dict[str, tuple[float, float]]) -> Any:
    file = shop.path.parent / "places.csv"
    rows = [f"{id_},{NOW.isoformat()},{latitude},{longitude}" for id_, (latitude, longitude) in places.items()]
    file.write_text("\n".join(["profile_id,ts,latitude,longitude", *rows]))
    return file
