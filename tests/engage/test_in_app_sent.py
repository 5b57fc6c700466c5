"""Campaigns and journeys whose messages pages show: the same eligibility as on other channels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from engage.shop import PEOPLE, Shop
from ethogram.deliver.channels.inapp import InAppChannel
from ethogram.deliver.lane import Provider
from ethogram.journeying import Journeys
from ethogram.model.message import Channel
from ethogram.showing import Showing, Visitor
from ethogram.store import consents
from ethogram.store.consents import Choice

OFFER = {
    "channel": "inapp", "form": "card", "body": "Look",
    "title": "{{ first_name | default: 'You' }}, {{ campaign.name | default: 'hi' }}", "show": {"for": "2 days"},
}  # fmt: skip


@pytest.fixture
def showing(market: Shop) -> Iterator[Showing]:
    market.outbox.replace(Channel.INAPP, Provider(InAppChannel("inapp", market.database, market.clock)))
    market.save("template", "offer", OFFER)
    opened = Showing(market.path, clock=market.clock)
    yield opened
    opened.close()


def titles(showing: Showing) -> dict[str, str]:
    """What a page would show to each person."""
    found = {id_: showing.choose(Visitor(id_), "https://shop.example/", ())[0] for id_ in PEOPLE}
    return {id_: shown.content["title"] for id_, shown in found.items() if shown is not None}


def test_a_campaign_shows_to_those_who_want_it_and_are_not_held_out(market: Shop, showing: Showing) -> None:
    market.save("topic", "offers", {})
    now = market.clock.now()
    said = [Choice(id_, Channel.INAPP, "offers", False, now, "preferences") for id_ in PEOPLE[:10]]
    with market.database.writing() as connection:
        consents.append(connection, said, now)
    market.start(channel="inapp", template="offer", topic="offers", holdout=0.4)
    market.work()
    states = market.states()
    assert states["unsubscribed"] == 10
    assert states["held_out"] + states["sent"] == 20
    assert states["held_out"] > 0
    shown = titles(showing)
    assert len(shown) == states["sent"]
    assert not set(shown) & set(PEOPLE[:10])
    assert all(title.endswith(", c") for title in shown.values())
    market.clock.advance(dt.timedelta(days=2))
    assert titles(showing) == {}


def test_a_cap_leaves_room_for_the_more_important_one(market: Shop, showing: Showing) -> None:
    market.save("cap", "calm", {"most": 1, "per": "day"})
    market.start("first", channel="inapp", template="offer", priority=5)
    market.work()
    market.start("second", channel="inapp", template="offer", priority=1)
    market.work()
    assert market.states("first") == {"sent": 30}
    assert set(market.states("second")) <= {"capped", "outranked"}
    assert {title.rpartition(" ")[2] for title in titles(showing).values()} == {"first"}


def test_a_step_of_a_journey_shows_its_message(market: Shop, showing: Showing) -> None:
    journey = {
        "entry": {"event": {"name": "cart"}},
        "steps": [
            {"name": "wait", "delay": "1 hour"},
            {"name": "remind", "message": {"channel": "inapp", "template": "offer"}},
        ],
    }
    market.save("journey", "cart", journey)
    with Journeys(market.path, clock=market.clock) as journeys:
        journeys.start("cart")
        market.work()
        market.clock.advance(dt.timedelta(minutes=1))
        market.happened((PEOPLE[3], "cart", {"product": "tea"}))
        market.work()
        assert titles(showing) == {}
        market.clock.advance(dt.timedelta(hours=1))
        market.work()
        assert set(titles(showing)) == {PEOPLE[3]}
        journeys.stop("cart")
        market.clock.advance(dt.timedelta(seconds=6))
        assert titles(showing) == {}
