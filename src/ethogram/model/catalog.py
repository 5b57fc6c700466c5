"""A catalogue: items that templates show and whose changes start messages, such as products with price and stock.

Frozen values that are read from a document and written to one; and what a change of an item is.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ethogram.model.reading import Part, read

KIND = "catalog"
LONGEST_ID = 200  # characters
_LARGEST = 100_000  # characters of an item


class FieldType(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    LIST = "list"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Stock:
    """Which fields say whether an item can be had, what it costs and where it is.

    Attributes:
        quantity: how many there are.
        available: whether it can be had, where nothing says how many.
        price: what it costs.
        latitude: of the place where it is; with `longitude`.
    """

    quantity: str = "quantity"
    available: str = "available"
    price: str = "price"
    latitude: str = "latitude"
    longitude: str = "longitude"


@dataclass(frozen=True, slots=True)
class Catalog:
    """A catalogue's definition; its items are kept apart, as they change while it is used.

    Attributes:
        id: the field that tells items apart.
        fields: what fields hold; an item may have others, too.
    """

    name: str
    id: str = "id"
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    stock: Stock = Stock()
    description: str = ""

    @classmethod
    def from_body(cls, name: str, body: object) -> Catalog:
        """The catalogue that a document describes.

        Raises:
            DefinitionError: with all faults of the document.
        """
        return read(f"catalog `{name}`", body, lambda top: _catalog(name, top))

    def to_body(self) -> dict[str, Any]:
        """The document, without what is as it would be anyway."""
        body: dict[str, Any] = {}
        if self.description:
            body["description"] = self.description
        if self.id != "id":
            body["id"] = self.id
        if self.fields:
            body["fields"] = {name: kind.value for name, kind in self.fields.items()}
        usual = Stock()
        stock = {
            name: getattr(self.stock, name)
            for name in Stock.__slots__
            if getattr(self.stock, name) != getattr(usual, name)
        }
        if stock:
            body["stock"] = stock
        return body

    def fault(self, item: Mapping[str, Any]) -> str | None:
        """What is wrong with an item; None where nothing is."""
        id_ = item.get(self.id)
        if isinstance(id_, bool) or not isinstance(id_, (str, int)) or not str(id_).strip():
            return f"has no `{self.id}`, which tells items apart"
        if len(str(id_)) > LONGEST_ID or "\x00" in str(id_):
            return f"has an `{self.id}` of more than {LONGEST_ID} characters, or with a null in it"
        told = repr(item)
        if len(told) > _LARGEST:
            return f"is larger than {_LARGEST:,} characters"
        if "\\x00" in told and _has_null(item):
            return "has a text with a null in it"
        for name, kind in self.fields.items():
            value = item.get(name)
            if value is not None and not _is(value, kind):
                return f"has `{name}`: {str(value)[:50]!r}, which is no {kind.value}"
        return None

    def as_typed(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """An item whose fields are of their kinds, where a text says such a value: from CSV, all of them are texts."""
        return {name: _typed(value, self.fields.get(name)) for name, value in item.items()}


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """An item became another one.

    Attributes:
        number: in the order of changing.
        before: None where it is new.
        after: None where it is gone.
    """

    number: int
    catalog: str
    item: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    at: dt.datetime


def _catalog(name: str, top: Part) -> Catalog:
    kinds: dict[str, FieldType] = {}
    fields = top.maybe("fields")
    if fields is not None:
        names = [each.value for each in FieldType]
        said = {each: fields.text(each, one_of=names) for each in fields.names()}
        kinds = {each: FieldType(kind or FieldType.TEXT) for each, kind in said.items()}
    stock = top.maybe("stock")
    usual = Stock()
    return Catalog(
        name,
        id=top.text("id", "id"),
        fields=kinds,
        stock=usual
        if stock is None
        else Stock(**{each: stock.text(each, getattr(usual, each)) for each in Stock.__slots__}),
        description=top.text("description", ""),
    )


def _is(value: object, kind: FieldType) -> bool:
    match kind:
        case FieldType.TEXT:
            return isinstance(value, str)
        case FieldType.NUMBER:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.INSTANT:
            return isinstance(value, str) and _instant(value)
        case FieldType.LIST:
            return isinstance(value, list)
        case FieldType.OBJECT:
            return isinstance(value, dict)


def _has_null(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(_has_null(each) for each in (*value, *value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_null, value))


def _instant(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _typed(value: object, kind: FieldType | None) -> object:
    if kind is FieldType.TEXT and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if kind is FieldType.NUMBER:
        try:
            number = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            return value
        return number if isinstance(number, int) or math.isfinite(number) else value
    if kind is FieldType.BOOLEAN:
        return {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}.get(text.lower(), value)
    return value
