"""Items of catalogues, changed while they are used, and what changed in them.

Step of the path: store. Statements inside a transaction of the ledger: an item and the note of its change are kept
together, so whoever follows the changes misses none. An item that is put as it was has not changed. Who checks items is
whoever takes them; a catalogue's definition is among the definitions.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ethogram.model.catalog import CatalogChange
from ethogram.store import tables

if TYPE_CHECKING:
    from ethogram.store.database import Database

_ITEMS, _CHANGES = tables.catalog_items, tables.catalog_changes
_AT_ONCE = 500  # ids in one statement
_WORDS = 2_000  # characters that an item is looked up by
_LOCK = 0x6361_7461_6C6F  # any fixed number: holds the writers in a row on PostgreSQL


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a catalogue.

    Attributes:
        fields: all of them, its id among them.
    """

    catalog: str
    id: str
    fields: Mapping[str, Any]
    changed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ItemsChanged:
    """How many items became other ones."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0


@dataclass(frozen=True, slots=True)
class ItemsPage:
    """Some items of a catalogue, by id.

    Attributes:
        after: where the next page begins; None at the end.
    """

    items: tuple[Item, ...]
    after: str | None


def put(
    connection: sa.Connection, catalog: str, items: Mapping[str, Mapping[str, Any]], now: dt.datetime
) -> ItemsChanged:
    """Keeps items as they are given, in place of those of the same ids."""
    in_a_row(connection)
    counts = ItemsChanged()
    for some in _parts(items):
        before = read(connection, catalog, some)
        counts = _added(counts, _write(connection, catalog, before, {id_: dict(items[id_]) for id_ in some}, now))
    return counts


def patch(
    connection: sa.Connection, catalog: str, fields: Mapping[str, Mapping[str, Any]], now: dt.datetime
) -> ItemsChanged:
    """Changes some fields of items; a null takes a field away, an item that is not there is made."""
    in_a_row(connection)
    counts = ItemsChanged()
    for some in _parts(fields):
        before = read(connection, catalog, some)
        after = {
            id_: {name: value for name, value in {**before.get(id_, {}), **fields[id_]}.items() if value is not None}
            for id_ in some
        }
        counts = _added(counts, _write(connection, catalog, before, after, now))
    return counts


def delete(connection: sa.Connection, catalog: str, ids: Iterable[str], now: dt.datetime) -> ItemsChanged:
    """Removes items."""
    in_a_row(connection)
    counts = ItemsChanged()
    for some in _parts(dict.fromkeys(ids)):
        before = read(connection, catalog, some)
        counts = _added(counts, _write(connection, catalog, before, dict.fromkeys(before), now))
    return counts


def replace(
    connection: sa.Connection, catalog: str, items: Mapping[str, Mapping[str, Any]], now: dt.datetime
) -> ItemsChanged:
    """Makes a catalogue hold these items and no others."""
    counts = put(connection, catalog, items, now)
    query = sa.select(_ITEMS.c.id).where(_ITEMS.c.catalog == catalog)
    gone = [id_ for id_ in connection.execute(query).scalars().all() if id_ not in items]
    return _added(counts, delete(connection, catalog, gone, now))


def read(connection: sa.Connection, catalog: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The fields of items, by id; those that there are."""
    found: dict[str, dict[str, Any]] = {}
    for some in _parts(dict.fromkeys(ids)):
        query = sa.select(_ITEMS.c.id, _ITEMS.c.fields).where((_ITEMS.c.catalog == catalog) & _ITEMS.c.id.in_(some))
        found.update({row.id: row.fields for row in connection.execute(query)})
    return found


def items(database: Database, catalog: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The fields of items, by id; those that there are."""
    with database.reading() as connection:
        return read(connection, catalog, ids)


def page(database: Database, catalog: str, *, search: str = "", after: str = "", limit: int = 100) -> ItemsPage:
    """Some items, by id.

    Args:
        search: words that an item has in its texts or its id, each of them.
        after: the id that the page before ended with.
    """
    query = sa.select(_ITEMS).where((_ITEMS.c.catalog == catalog) & (_ITEMS.c.id > after))
    for word in search.casefold().split():
        query = query.where(_ITEMS.c.words.contains(word, autoescape=True))
    with database.reading() as connection:
        rows = connection.execute(query.order_by(_ITEMS.c.id).limit(limit + 1)).all()
    found = tuple(Item(row.catalog, row.id, row.fields, row.changed_at) for row in rows[:limit])
    return ItemsPage(found, found[-1].id if len(rows) > limit else None)


def every(connection: sa.Connection, catalog: str) -> Iterator[Item]:
    """All items of a catalogue, by id."""
    query = sa.select(_ITEMS).where(_ITEMS.c.catalog == catalog).order_by(_ITEMS.c.id)
    for row in connection.execute(query):
        yield Item(row.catalog, row.id, row.fields, row.changed_at)


def sizes(database: Database) -> dict[str, int]:
    """How many items each catalogue has, of those that have any."""
    query = sa.select(_ITEMS.c.catalog, sa.func.count()).group_by(_ITEMS.c.catalog)
    with database.reading() as connection:
        return {name: int(count) for name, count in connection.execute(query)}


def changes(
    database: Database, *, after: int = 0, catalog: str | None = None, limit: int = 1_000
) -> tuple[CatalogChange, ...]:
    """What changed after a number, oldest first."""
    query = sa.select(_CHANGES).where(_CHANGES.c.number > after)
    if catalog is not None:
        query = query.where(_CHANGES.c.catalog == catalog)
    with database.reading() as connection:
        return tuple(
            CatalogChange(**row._asdict()) for row in connection.execute(query.order_by(_CHANGES.c.number).limit(limit))
        )


def newest_change(database: Database) -> int:
    """The number of the newest change; 0 where there is none. Who begins to follow begins here."""
    with database.reading() as connection:
        return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(_CHANGES.c.number), 0))).scalar_one())


def forget_changes(connection: sa.Connection, before: dt.datetime, followed: int) -> int:
    """How many changes were forgotten: older than an instant, and followed by everybody.

    Args:
        followed: the number up to which whoever follows has come.
    """
    old = (_CHANGES.c.at < before) & (_CHANGES.c.number <= followed)
    return connection.execute(_CHANGES.delete().where(old)).rowcount


# --- writing ------------------------------------------------------------------------------------------------------


def _write(
    connection: sa.Connection,
    catalog: str,
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any] | None],
    now: dt.datetime,
) -> ItemsChanged:
    """Writes what differs, and notes it."""
    differing = {id_: item for id_, item in after.items() if not _equal(before.get(id_), item)}
    if not differing:
        return ItemsChanged(same=len(after))
    old = [id_ for id_ in differing if id_ in before]
    if old:
        connection.execute(_ITEMS.delete().where((_ITEMS.c.catalog == catalog) & _ITEMS.c.id.in_(old)))
    kept = [
        {"catalog": catalog, "id": id_, "fields": item, "words": _words(id_, item), "changed_at": now}
        for id_, item in differing.items()
        if item is not None
    ]
    if kept:
        connection.execute(_ITEMS.insert(), kept)
    noted = [
        {"catalog": catalog, "item": id_, "before": before.get(id_), "after": item, "at": now}
        for id_, item in differing.items()
    ]
    connection.execute(_CHANGES.insert(), noted)
    return ItemsChanged(
        new=len(differing) - len(old),
        changed=len(kept) - (len(differing) - len(old)),
        removed=len(differing) - len(kept),
        same=len(after) - len(differing),
    )


def _equal(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    """Whether two items are the same; 1 and true are not."""
    return before == after and json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


def _words(id_: str, item: Mapping[str, Any]) -> str:
    texts = [id_, *(each for each in _texts(item.values()) if each != id_)]
    return " ".join(texts).casefold()[:_WORDS]


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _texts(value.values())
        elif isinstance(value, Sequence):
            yield from _texts(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield str(value)


def in_a_row(connection: sa.Connection) -> None:
    """Waits for others that write to catalogues; SQLite has one writer anyway.

    Changes get their numbers when they are written and are seen when they are committed: without this, one that
    follows the numbers could pass over a change that is committed late.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _parts(ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    left = iter(ids)
    while some := tuple(islice(left, _AT_ONCE)):
        yield some


def _added(one: ItemsChanged, other: ItemsChanged) -> ItemsChanged:
    return ItemsChanged(
        one.new + other.new, one.changed + other.changed, one.removed + other.removed, one.same + other.same
    )
