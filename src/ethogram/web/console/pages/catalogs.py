"""Catalogues: the items that templates and triggers speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Response, Router, get
from litestar.params import FromPath, FromQuery

from ethogram.catalogs import Catalogs
from ethogram.web.console.given import VIEW, Asked, Opened
from ethogram.web.console.pages.documents import DocumentRow, rows
from ethogram.web.console.rendering import page, query

_PAGE = 50
_COLUMNS = 7


@dataclass(frozen=True, slots=True)
class CatalogsPage:
    """Every catalogue, with how many items it has."""

    catalogs: tuple[DocumentRow, ...]
    sizes: dict[str, int]


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """The items of a catalogue, those that have a text."""

    name: str
    q: str
    size: int
    columns: tuple[str, ...]
    items: tuple[Mapping[str, Any], ...]
    later: str


@get("/catalogs", opt=VIEW, sync_to_thread=True)
def list_catalogs(request: Asked, workspace: Opened) -> Response[Any]:
    """Every catalogue."""
    with Catalogs(workspace.path, clock=workspace.clock) as catalogs:
        sizes = dict(catalogs.sizes())
    return page(request, "catalogs/list.html", CatalogsPage(rows(workspace, "catalog"), sizes))


@get("/catalogs/{name:str}", opt=VIEW, sync_to_thread=True)
def show_catalog(
    request: Asked, workspace: Opened, name: FromPath[str], q: FromQuery[str] = "", after: FromQuery[str] = ""
) -> Response[Any]:
    """The items of a catalogue."""
    with Catalogs(workspace.path, clock=workspace.clock) as catalogs:
        found = catalogs.items(name, search=q, after=after, limit=_PAGE)
        size = catalogs.sizes().get(name, 0)
    columns = tuple(dict.fromkeys(field for item in found.items for field in item.fields))[:_COLUMNS]
    later = query(request, after=found.after) if found.after else ""
    return page(
        request,
        "catalogs/catalog.html",
        CatalogPage(name, q, size, columns, tuple(item.fields for item in found.items), later),
    )


router = Router("/", route_handlers=[list_catalogs, show_catalog])
