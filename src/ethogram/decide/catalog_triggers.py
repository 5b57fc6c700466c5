"""What a change in a catalogue means to people: back in stock, cheaper, nearly gone; and who is near what there is.

Step of the path: decide. Pure. From a change of an item to its meanings; who wants to know is asked elsewhere, by what
people have looked at.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ethogram.model.catalog import CatalogChange, Stock
from ethogram.model.item_signal import BackInStock, LowStock, PriceDrop, Rule

_USUAL = Stock()
_EARTH = 6_371.0088  # km, the mean radius (IUGG)


class Kind(StrEnum):
    """What a change means."""

    BACK_IN_STOCK = "back_in_stock"
    PRICE_DROP = "price_drop"
    LOW_STOCK = "low_stock"


@dataclass(frozen=True, slots=True)
class CatalogTrigger:
    """A change that means something.

    Attributes:
        was: the quantity or the price before; None where nothing said one.
        fields: the item as it is now, for templates.
    """

    kind: Kind
    change: int
    catalog: str
    item: str
    was: float | None
    now: float | None
    fields: Mapping[str, Any]


def triggers(changes: Iterable[CatalogChange], rules: Sequence[Rule], stock: Stock = _USUAL) -> list[CatalogTrigger]:
    """What changes mean by some rules, in their order.

    A new item is not back, and one that is gone is not cheaper. A quantity that nobody gave is not zero.
    """
    return [found for change in changes for rule in rules if (found := _meaning(change, rule, stock)) is not None]


def _meaning(change: CatalogChange, rule: Rule, stock: Stock) -> CatalogTrigger | None:
    before, after = change.before, change.after
    if before is None or after is None:
        return None

    def found(kind: Kind, was: float | None, now: float | None) -> CatalogTrigger:
        return CatalogTrigger(kind, change.number, change.catalog, change.item, was, now, after)

    match rule:
        case BackInStock():
            had, has = _quantity(before, stock), _quantity(after, stock)
            if had is not None and has is not None and had < rule.least <= has:
                return found(Kind.BACK_IN_STOCK, had, has)
        case LowStock():
            had, has = _number(before, stock.quantity), _number(after, stock.quantity)
            if had is not None and has is not None and had > rule.at_most >= has > 0:
                return found(Kind.LOW_STOCK, had, has)
        case PriceDrop():
            was, costs = _number(before, stock.price), _number(after, stock.price)
            if was is not None and costs is not None and was > costs >= 0:
                less = was - costs
                if less >= rule.by and less >= rule.share * was - 1e-9 * was:
                    return found(Kind.PRICE_DROP, was, costs)
    return None


def _quantity(item: Mapping[str, Any], stock: Stock) -> float | None:
    """How many there are; of what is only available or not, one or none. What is not available is none of."""
    available, quantity = item.get(stock.available), _number(item, stock.quantity)
    if available is False:
        return 0
    if quantity is not None:
        return quantity
    return 1 if available is True else None


def _number(item: Mapping[str, Any], name: str) -> float | None:
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value


# --- supply and demand --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth, in degrees."""

    latitude: float
    longitude: float


def place_of(fields: Mapping[str, Any], stock: Stock = _USUAL) -> Place | None:
    """Where an item or a person is; None where that is not said, or not on the earth."""
    latitude, longitude = _number(fields, stock.latitude), _number(fields, stock.longitude)
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Place(latitude, longitude)


def distance(one: Place, other: Place) -> float:
    """The way between two places in km, over the ground (haversine).

    >>> round(distance(Place(55.70, 13.19), Place(59.33, 18.07)))
    498
    """
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    half = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
    return 2 * _EARTH * math.asin(min(1.0, math.sqrt(half)))


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody who wants an item.

    Attributes:
        strength: whose wish is stronger is told first, such as by how late they looked at it.
    """

    profile_id: str
    item: str
    place: Place
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class Offer:
    """An item for somebody near it."""

    profile_id: str
    item: str
    kilometres: float


def offers(
    wishes: Iterable[Wish], items: Mapping[str, tuple[Place, float]], *, within: float, each: int = 3
) -> list[Offer]:
    """Who is told of what: the nearest of the strongest wishes, and no more than there is to have.

    Args:
        items: where each is, and how many there are.
        within: km.
        each: how many people are told of every one that there is; not all of them come.
    """
    near: defaultdict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for wish in wishes:
        if wish.item in items:
            away = distance(wish.place, items[wish.item][0])
            if away <= within:
                near[wish.item].append((-wish.strength, away, wish.profile_id))
    found = []
    for item, candidates in near.items():
        told: dict[str, float] = {}
        for _, away, profile_id in sorted(candidates):
            told.setdefault(profile_id, away)
        most = math.floor(max(0.0, items[item][1]) * each)
        found += [Offer(profile_id, item, away) for profile_id, away in list(told.items())[:most]]
    return found
