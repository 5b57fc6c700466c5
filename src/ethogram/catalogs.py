"""Items of catalogues as people and programs change them while they are used: one by one, in sets, and from files.

Composition over the ledger alone, so it works beside a running server, which sees what changed at once. What a
catalogue is, is among the definitions (`engagement.py`); here are its items. Every change is in the audit log, in sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ethogram.catalog_files import ItemsImported, import_items
from ethogram.clock import Clock, SystemClock
from ethogram.collecting import open_ledger
from ethogram.errors import DefinitionError, InputError, UnknownNameError
from ethogram.model.catalog import KIND, Catalog
from ethogram.store import audit, catalogs, definitions
from ethogram.store.catalogs import Item, ItemsChanged, ItemsPage

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Catalogs", "Item", "ItemsChanged", "ItemsImported", "ItemsPage"]

MOST = 10_000  # items of one call
_TOLD = 100  # faults that are told one by one
_Merge = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


class Catalogs:
    """The items of a workspace's catalogues: `Catalogs(path).put("products", [{"id": "tea", "price": 4}])`."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._ledger = open_ledger(path)
        self._database = self._ledger.database
        self._clock = clock or SystemClock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ledger.close()

    # --- looking ----------------------------------------------------------------------------------------------------

    def sizes(self) -> dict[str, int]:
        """How many items each catalogue has, by name."""
        found = catalogs.sizes(self._database)
        return {saved.name: found.get(saved.name, 0) for saved in definitions.listed(self._database, KIND)}

    def items(self, name: str, *, search: str = "", after: str = "", limit: int = 100) -> ItemsPage:
        """Some items, by id.

        Args:
            search: words that an item has in its texts or its id, each of them.
            after: the id that the page before ended with.

        Raises:
            UnknownNameError: there is no such catalogue.
        """
        self._catalog(name)
        return catalogs.page(self._database, name, search=search, after=after, limit=limit)

    def item(self, name: str, id_: str) -> Mapping[str, Any]:
        """The fields of an item.

        Raises:
            UnknownNameError: there is no such catalogue, or no such item in it.
        """
        self._catalog(name)
        found = catalogs.items(self._database, name, [id_]).get(id_)
        if found is None:
            raise UnknownNameError(
                f"catalog `{name}` has no item `{id_[:100]}`", hint=f"`ethogram catalogs items {name}` shows them."
            )
        return found

    # --- changing ---------------------------------------------------------------------------------------------------

    def put(self, name: str, items: Sequence[Mapping[str, Any]], *, actor: str = "local") -> ItemsChanged:
        """How many items became other ones: those given take the place of those with the same ids.

        Raises:
            UnknownNameError: there is no such catalogue.
            DefinitionError: with the faults of all items; none is kept then.
        """
        return self._write(name, items, lambda _, item: _without_nulls(item), "put", actor)

    def patch(self, name: str, items: Sequence[Mapping[str, Any]], *, actor: str = "local") -> ItemsChanged:
        """How many items became other ones: the fields that are given change, a null takes one away.

        An item that is not there is made.

        Raises:
            UnknownNameError: there is no such catalogue.
            DefinitionError: with the faults of all items as they would become; none is changed then.
        """
        return self._write(name, items, lambda before, item: _without_nulls({**before, **item}), "patch", actor)

    def put_one(self, name: str, id_: str, fields: Mapping[str, Any], *, actor: str = "local") -> ItemsChanged:
        """As `put`, for one item; its fields need not name its id."""
        return self.put(name, [self._named(name, id_, fields)], actor=actor)

    def patch_one(self, name: str, id_: str, fields: Mapping[str, Any], *, actor: str = "local") -> ItemsChanged:
        """As `patch`, for one item; its fields need not name its id."""
        return self.patch(name, [self._named(name, id_, fields)], actor=actor)

    def delete(self, name: str, ids: Sequence[str], *, actor: str = "local") -> ItemsChanged:
        """How many items were removed; ids that are not there are left alone.

        Raises:
            UnknownNameError: there is no such catalogue.
        """
        self._catalog(name)
        _few(ids)
        now = self._clock.now()
        with self._database.writing() as connection:
            changed = catalogs.delete(connection, name, list(ids), now)
            self._note(connection, actor, "delete items", name, changed)
        return changed

    def import_items(
        self,
        name: str,
        sources: Sequence[str | Path],
        *,
        replace: bool = False,
        format: str | None = None,
        actor: str = "local",
    ) -> ItemsImported:
        """What came of files of items: CSV, JSON lines or Parquet; a file is kept whole or not at all.

        Args:
            replace: the catalogue holds nothing but these afterwards.

        Raises:
            UnknownNameError: there is no such catalogue.
            InputError: a file cannot be taken, or no row of it, or a replacement with rejected rows.
        """
        catalog = self._catalog(name)
        now = self._clock.now()
        imported = import_items(self._database, catalog, sources, now=now, replace=replace, format=format)
        with self._database.writing() as connection:
            self._note(connection, actor, "import items", name, imported.changed)
        return imported

    def _write(
        self, name: str, items: Sequence[Mapping[str, Any]], merge: _Merge, verb: str, actor: str
    ) -> ItemsChanged:
        catalog = self._catalog(name)
        _few(items)
        named, faults = _by_id(catalog, items)
        now = self._clock.now()
        with self._database.writing() as connection:
            catalogs.in_a_row(connection)
            before = catalogs.read(connection, name, named)
            after = {}
            for id_, (index, item) in named.items():
                after[id_] = merge(before.get(id_, {}), item)
                if id_ in before:
                    after[id_][catalog.id] = before[id_][catalog.id]  # 7 and "7" are one id: it stays as it was
                fault = catalog.fault(after[id_])
                if fault is not None:
                    faults.append((index, fault))
            if faults:
                told = [(f"items[{index}]", fault) for index, fault in sorted(faults)[:_TOLD]]
                raise DefinitionError(f"what is given for catalog `{name}`", told)
            changed = catalogs.put(connection, name, after, now)
            self._note(connection, actor, f"{verb} items", name, changed)
        return changed

    def _named(self, name: str, id_: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        field = self._catalog(name).id
        if fields.get(field, id_) != id_ and str(fields[field]) != id_:
            wrong = f"is `{str(fields[field])[:100]}`, and the item is `{id_[:100]}`; an item keeps its id"
            raise DefinitionError(f"what is given for catalog `{name}`", [(field, wrong)])
        return {**fields, field: id_}

    def _catalog(self, name: str) -> Catalog:
        saved = definitions.get(self._database, KIND, name)
        return Catalog.from_body(name, saved.body)

    def _note(self, connection: sa.Connection, actor: str, verb: str, name: str, changed: ItemsChanged) -> None:
        if changed.new or changed.changed or changed.removed:
            detail = {"new": changed.new, "changed": changed.changed, "removed": changed.removed}
            about = f"{KIND}:{name}"
            audit.record(connection, actor=actor, verb=verb, object=about, detail=detail, now=self._clock.now())


def _few(given: Sequence[object]) -> None:
    if not given:
        raise InputError("nothing is given", hint="Name one item at least.")
    if len(given) > MOST:
        raise InputError(
            f"{len(given):,} items are given; {MOST:,} are the most", hint="Send several calls, or a file."
        )


def _by_id(
    catalog: Catalog, items: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, tuple[int, dict[str, Any]]], list[tuple[int, str]]]:
    """Items as the catalogue's types have them, by id, each with its place; and the places of those without an id."""
    named: dict[str, tuple[int, dict[str, Any]]] = {}
    faults = []
    for index, item in enumerate(items):
        typed = catalog.as_typed(item)
        id_ = typed.get(catalog.id)
        if isinstance(id_, bool) or not isinstance(id_, (str, int)) or not str(id_).strip():
            faults.append((index, f"has no `{catalog.id}`, which tells items apart"))
        elif str(id_) in named:
            faults.append((index, f"has the `{catalog.id}` of items[{named[str(id_)][0]}]"))
        else:
            named[str(id_)] = (index, typed)
    return named, faults


def _without_nulls(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if value is not None}
