"""Coupon pools: how many codes are left, and codes added and taken back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Router, delete, get, post
from litestar.params import JSONBody, QueryParameter

from ethogram.coupons import CodesAdded, Coupons, Pool
from ethogram.errors import InputError
from ethogram.web.api import posted
from ethogram.web.api.given import READ, Named, Opened
from ethogram.web.api.posted import FileOperation, Format, Posted

_MOST = 10_000  # codes of one call
_EXPIRES = "An instant, or a day: its end in the workspace's zone. Codes are not given out after it."


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes for a pool."""

    codes: Annotated[list[str], msgspec.Meta(min_length=1, max_length=_MOST)]
    expires: Annotated[str, msgspec.Meta(max_length=40, description=_EXPIRES)] | None = None


@dataclass(frozen=True, slots=True)
class CodesRemoved:
    """How many codes were removed that nobody had."""

    removed: int


@get("/coupons", opt=READ, sync_to_thread=True)
def list_pools(workspace: Opened) -> list[Pool]:
    """How full each pool of coupon codes is, by name."""
    with Coupons(workspace.path) as opened:
        return list(opened.pools())


@get("/coupons/{name:str}", opt=READ, sync_to_thread=True)
def get_pool(workspace: Opened, name: Named) -> Pool:
    """How full a pool is."""
    with Coupons(workspace.path) as opened:
        return opened.pool(name)


@post("/coupons/{name:str}/codes", status_code=200, sync_to_thread=True)
def add_codes(workspace: Opened, name: Named, data: JSONBody[Codes]) -> CodesAdded:
    """Adds codes to a pool, which is made where there is none; those that it has stay as they are."""
    with Coupons(workspace.path) as opened:
        return opened.add(name, data.codes, expires=data.expires, actor="api")


@post("/coupons/{name:str}/import", status_code=200, request_max_body_size=None, operation_class=FileOperation)
async def import_codes(
    request: Request[Any, Any, Any],
    workspace: Opened,
    name: Named,
    format_: Format = None,
    column: Annotated[
        str | None, QueryParameter(max_length=200, description="Which one holds the codes; else `code`, or the only.")
    ] = None,
    expires: Annotated[str | None, QueryParameter(max_length=40, description=_EXPIRES)] = None,
) -> CodesAdded:
    """Adds the codes of a file, as the body or as a form's `file`."""
    async with posted.kept(request, workspace, format_) as file:
        return await asyncio.to_thread(_imported, workspace, name, file, column, expires)


def _imported(workspace: Opened, name: str, file: Posted, column: str | None, expires: str | None) -> CodesAdded:
    with Coupons(workspace.path) as opened:
        try:
            return opened.import_codes(
                name, [file.path], column=column, expires=expires, format=file.format, actor="api"
            )
        except InputError as error:
            raise file.blamed(error) from error


@delete("/coupons/{name:str}", status_code=200, sync_to_thread=True)
def remove_codes(workspace: Opened, name: Named) -> CodesRemoved:
    """Removes the codes of a pool that nobody has; those that were given out stay on record."""
    with Coupons(workspace.path) as opened:
        return CodesRemoved(opened.remove(name, actor="api"))


router = Router("/", tags=["Coupons"], route_handlers=[list_pools, get_pool, add_codes, import_codes, remove_codes])
