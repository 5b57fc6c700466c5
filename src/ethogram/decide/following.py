"""Whom changes of catalogues concern: what a change means by a signal, and who looked at the item, or is near it.

Step of the path: decide. Pure but for the questions about people, which come in as functions. Everything is asked as of
the change's own instant, so that whoever looks again after a crash finds the same people.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ethogram.decide.campaigns.launching import Traits
from ethogram.decide.catalog_triggers import CatalogTrigger, Place, Wish, offers, place_of, triggers
from ethogram.model.catalog import CatalogChange, Stock
from ethogram.model.item_signal import ItemSignal, Seen

# Who did something about items up to an instant: profile id, item, and when they last did.
Interested = Callable[[Seen, Collection[str], dt.datetime], Sequence[tuple[str, str, dt.datetime]]]


@dataclass(frozen=True, slots=True)
class Concerned:
    """Somebody whom a change concerns.

    Attributes:
        change: its number.
        data: what messages may say of it.
    """

    profile_id: str
    change: int
    at: dt.datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Looking:
    """How it is learned whom items concern."""

    interested: Interested
    traits: Traits


def concerned(signal: ItemSignal, stock: Stock, changes: Sequence[CatalogChange], looking: Looking) -> list[Concerned]:
    """Whom changes concern, those of one change together; of those who are near, the nearest of the latest."""
    ours = [each for each in changes if each.catalog == signal.catalog]
    instants = {each.number: each.at for each in ours}
    by_instant: defaultdict[dt.datetime, list[CatalogTrigger]] = defaultdict(list)
    for found in triggers(ours, [signal.rule], stock):
        by_instant[instants[found.change]].append(found)
    people: list[Concerned] = []
    for at, meant in by_instant.items():
        newest = {each.item: each for each in meant}  # what is written at once is one change of each item
        seen = looking.interested(signal.seen, newest, at)
        if signal.near is None:
            chosen: list[tuple[str, str, Mapping[str, Any]]] = [(id_, item, {}) for id_, item, _ in seen]
        else:
            chosen = _near(signal, stock, newest, seen, at, looking.traits)
        people += [
            Concerned(id_, newest[item].change, at, {**_data(newest[item]), **more}) for id_, item, more in chosen
        ]
    return people


def _near(
    signal: ItemSignal,
    stock: Stock,
    meant: Mapping[str, CatalogTrigger],
    seen: Sequence[tuple[str, str, dt.datetime]],
    at: dt.datetime,
    traits: Traits,
) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Those near the items, as many as are worth telling, each with the way in km."""
    near = signal.near
    assert near is not None, "whoever calls has looked"
    theirs = Stock(latitude=near.latitude, longitude=near.longitude)
    known = traits(list(dict.fromkeys(id_ for id_, _, _ in seen)), [near.latitude, near.longitude], at)
    places = {id_: place for id_, found in known.items() if (place := place_of(found, theirs)) is not None}
    wishes = [Wish(id_, item, places[id_], latest.timestamp()) for id_, item, latest in seen if id_ in places]
    items: dict[str, tuple[Place, float]] = {}
    for item, found in meant.items():
        place, count = place_of(found.fields, stock), found.fields.get(stock.quantity)
        if place is not None:
            # Of what is only said to be available there is one.
            items[item] = (place, float(count) if isinstance(count, int | float) else 1.0)
    return [
        (offer.profile_id, offer.item, {"kilometres": round(offer.kilometres, 1)})
        for offer in offers(wishes, items, within=near.kilometres, each=near.each)
    ]


def _data(found: CatalogTrigger) -> dict[str, Any]:
    return {
        "catalog": found.catalog, "item": found.item, "change": found.kind.value, "was": found.was, "now": found.now,
        "fields": dict(found.fields),
    }  # fmt: skip
