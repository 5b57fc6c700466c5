"""Catalogues: what they are, and their items, changed one by one, in sets and from files while they are used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, delete, get, patch, post, put
from litestar.params import JSONBody, QueryParameter

from ethogram.catalogs import MOST, Catalogs, ItemsChanged, ItemsImported, ItemsPage
from ethogram.engagement import Definitions, Saved
from ethogram.errors import InputError
from ethogram.web.api import posted
from ethogram.web.api.defined import routes_of_one
from ethogram.web.api.given import READ, Named, Opened
from ethogram.web.api.posted import FileOperation, Format, Posted

_SHOWN = 100  # rejected rows in the answer
_ONLY = "The catalogue holds nothing but these afterwards."
_Fields = JSONBody[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CatalogFound:
    """A catalogue, and how many items it has."""

    name: str
    version: int
    body: dict[str, Any]
    items: int


@dataclass(frozen=True, slots=True)
class Items:
    """Some items, each with the field that tells them apart."""

    items: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MOST)]


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of some items."""

    ids: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST)]


def _found(saved: Saved, size: int) -> CatalogFound:
    return CatalogFound(saved.name, saved.version, saved.body, size)


@get("/catalogs", opt=READ, sync_to_thread=True)
def list_catalogs(workspace: Opened) -> list[CatalogFound]:
    """Every catalogue by name, and how many items each has."""
    with Definitions(workspace.path) as definitions, Catalogs(workspace.path) as opened:
        sizes = opened.sizes()
        return [_found(saved, sizes.get(saved.name, 0)) for saved in definitions.listed("catalog")]


@get("/catalogs/{name:str}/items", opt=READ, sync_to_thread=True)
def list_items(
    workspace: Opened,
    name: Named,
    search: Annotated[str, QueryParameter(max_length=200, description="Words that an item has.")] = "",
    after: Annotated[str, QueryParameter(max_length=1_000, description="The id that the page before ended with.")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=1_000, description="How many at most.")] = 100,
) -> ItemsPage:
    """Items of a catalogue, by id, page by page."""
    with Catalogs(workspace.path) as opened:
        return opened.items(name, search=search, after=after, limit=limit)


@put("/catalogs/{name:str}/items", sync_to_thread=True)
def put_items(workspace: Opened, name: Named, data: JSONBody[Items]) -> ItemsChanged:
    """Keeps items in place of those with the same ids; where one of them cannot be kept, none is."""
    with Catalogs(workspace.path) as opened:
        return opened.put(name, data.items, actor="api")


@patch("/catalogs/{name:str}/items", sync_to_thread=True)
def patch_items(workspace: Opened, name: Named, data: JSONBody[Items]) -> ItemsChanged:
    """Changes the fields that are given, each item's id among them; a null takes a field away."""
    with Catalogs(workspace.path) as opened:
        return opened.patch(name, data.items, actor="api")


@delete("/catalogs/{name:str}/items", status_code=200, sync_to_thread=True)
def delete_items(workspace: Opened, name: Named, data: JSONBody[Ids]) -> ItemsChanged:
    """Removes items."""
    with Catalogs(workspace.path) as opened:
        return opened.delete(name, data.ids, actor="api")


@get("/catalogs/{name:str}/items/{item:str}", opt=READ, sync_to_thread=True)
def get_item(workspace: Opened, name: Named, item: Named) -> dict[str, Any]:
    """The fields of an item."""
    with Catalogs(workspace.path) as opened:
        return dict(opened.item(name, item))


@put("/catalogs/{name:str}/items/{item:str}", sync_to_thread=True)
def put_item(workspace: Opened, name: Named, item: Named, data: _Fields) -> ItemsChanged:
    """Keeps an item as it is given."""
    with Catalogs(workspace.path) as opened:
        return opened.put_one(name, item, data, actor="api")


@patch("/catalogs/{name:str}/items/{item:str}", sync_to_thread=True)
def patch_item(workspace: Opened, name: Named, item: Named, data: _Fields) -> ItemsChanged:
    """Changes the fields of an item that are given; a null takes a field away, an item that is not there is made."""
    with Catalogs(workspace.path) as opened:
        return opened.patch_one(name, item, data, actor="api")


@delete("/catalogs/{name:str}/items/{item:str}", status_code=200, sync_to_thread=True)
def delete_item(workspace: Opened, name: Named, item: Named) -> ItemsChanged:
    """Removes an item."""
    with Catalogs(workspace.path) as opened:
        return opened.delete(name, [item], actor="api")


@post("/catalogs/{name:str}/import", status_code=200, request_max_body_size=None, operation_class=FileOperation)
async def import_items(
    request: Request[Any, Any, Any],
    workspace: Opened,
    name: Named,
    format_: Format = None,
    replace_: Annotated[bool, QueryParameter(name="replace", description=_ONLY)] = False,  # noqa: FBT002  # by its name
) -> ItemsImported:
    """Takes the items of a file, as the body or as a form's `file`; it is kept whole or not at all."""
    async with posted.kept(request, workspace, format_) as file:
        return await asyncio.to_thread(_imported, workspace, name, file, replace=replace_)


def _imported(workspace: Opened, name: str, file: Posted, *, replace: bool) -> ItemsImported:
    with Catalogs(workspace.path) as opened:
        try:
            done = opened.import_items(name, [file.path], replace=replace, format=file.format, actor="api")
        except InputError as error:
            raise file.blamed(error) from error
    return _shortened(done)


def _shortened(done: ItemsImported) -> ItemsImported:
    return replace(done, rejections=done.rejections[:_SHOWN])


router = Router(
    "/",
    tags=["Catalogs"],
    route_handlers=[
        list_catalogs, *routes_of_one("catalog"), list_items, put_items, patch_items, delete_items, get_item, put_item,
        patch_item, delete_item, import_items,
    ],
)  # fmt: skip
