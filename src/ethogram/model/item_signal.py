"""What a change of a catalogue's item starts: which change counts, and whom it concerns.

Frozen values that are read from a document and written to one. Which catalogues there are is not known here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, TypeAlias

from ethogram.model.reading import Part, length_text

_USUALLY = dt.timedelta(days=90)
_YEAR = dt.timedelta(days=366)
_AROUND_THE_EARTH = 20_040  # km, half of it
_CHANGES = ("back_in_stock", "price_drop", "low_stock")


@dataclass(frozen=True, slots=True)
class BackInStock:
    """It can be had again: there were none, or it was not available.

    Attributes:
        least: it counts from so many.
    """

    least: float = 1


@dataclass(frozen=True, slots=True)
class PriceDrop:
    """It costs less.

    Attributes:
        by: at least so much less.
        share: at least this share less; 0.1 is ten per cent. Both hold where both are given.
    """

    by: float = 0.0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class LowStock:
    """There are few left, and there were more."""

    at_most: float


Rule: TypeAlias = BackInStock | PriceDrop | LowStock


@dataclass(frozen=True, slots=True)
class Seen:
    """What ties a person to an item: an event of theirs that names it.

    Attributes:
        property: of the event, with the item's id; a dot goes into an object.
        within: before the change.
    """

    event: str
    property: str
    within: dt.timedelta = _USUALLY


@dataclass(frozen=True, slots=True)
class Near:
    """Only people near the item; its place is in the fields that its catalogue names, theirs in traits.

    Attributes:
        each: so many people are told of every one that there is; not all of them come.
    """

    kilometres: float
    each: int = 3
    latitude: str = "latitude"
    longitude: str = "longitude"


@dataclass(frozen=True, slots=True)
class ItemSignal:
    """An item of a catalogue changes in a way that concerns people."""

    catalog: str
    rule: Rule
    seen: Seen
    near: Near | None = None

    @classmethod
    def read(cls, part: Part) -> ItemSignal:
        """What a part of a document describes."""
        catalog = part.text("name")
        rule = _rule(part)
        seen = part.part("seen")
        within = seen.length("within", _USUALLY, least=dt.timedelta(minutes=1))
        if within > _YEAR:
            seen.wrong("within", "cannot be longer than a year")
        tie = Seen(seen.text("event"), seen.text("property"), within)
        near = part.maybe("near")
        return cls(catalog, rule, tie, None if near is None else _near(near))

    def to_body(self) -> dict[str, Any]:
        """The part of a document, without what is as it would be anyway."""
        seen: dict[str, Any] = {"event": self.seen.event, "property": self.seen.property}
        if self.seen.within != _USUALLY:
            seen["within"] = length_text(self.seen.within)
        body: dict[str, Any] = {"name": self.catalog, **_rule_body(self.rule), "seen": seen}
        if self.near is not None:
            usual = Near(self.near.kilometres)
            body["near"] = {
                name: value
                for name in Near.__slots__
                if (value := getattr(self.near, name)) != getattr(usual, name) or name == "kilometres"
            }
        return body


def _rule(part: Part) -> Rule:
    match part.one(_CHANGES):
        case "back_in_stock":
            return BackInStock(part.number("back_in_stock", least=0))
        case "price_drop":
            inner = part.part("price_drop")
            by, share = inner.number("by", 0.0, least=0), inner.share("share", 0.0)
            return PriceDrop(by, share)
        case _:
            return LowStock(part.number("low_stock", least=0))


def _rule_body(rule: Rule) -> dict[str, Any]:
    match rule:
        case BackInStock(least):
            return {"back_in_stock": least}
        case PriceDrop(by, share):
            return {"price_drop": {name: value for name, value in (("by", by), ("share", share)) if value}}
        case LowStock(at_most):
            return {"low_stock": at_most}


def _near(part: Part) -> Near:
    return Near(
        part.number("kilometres", least=0, most=_AROUND_THE_EARTH),
        part.whole("each", 3, least=1, most=1_000_000),
        part.text("latitude", "latitude"),
        part.text("longitude", "longitude"),
    )
