"""What every kind of definition can do over HTTP: be saved, listed, shown and removed. Makes routes for a kind."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter

from ethogram.engagement import Definitions, Saved, shown
from ethogram.web.api.given import READ, Named, Opened

Version = Annotated[
    int | None, QueryParameter(ge=1, le=2**31 - 1, description="An earlier version; left out, the newest.")
]


def plural(kind: str) -> str:
    """A kind in an address.

    >>> plural("template"), plural("quiet_hours")
    ('templates', 'quiet-hours')
    """
    return (kind if kind.endswith("s") else f"{kind}s").replace("_", "-")


def routes(kind: str) -> list[HTTPRouteHandler]:
    """The routes of a kind, under its plural."""
    path = f"/{plural(kind)}"

    @get(
        path,
        opt=READ,
        sync_to_thread=True,
        operation_id=f"List{plural(kind).title().replace('-', '')}",
        description=f"Every {kind.replace('_', ' ')}, by name.",
    )
    def listing(workspace: Opened) -> list[Saved]:
        with Definitions(workspace.path) as definitions:
            return list(map(shown, definitions.listed(kind)))

    return [listing, *routes_of_one(kind)]


def routes_of_one(kind: str) -> list[HTTPRouteHandler]:
    """The routes of a kind but for the list, for kinds that show more there."""
    path = f"/{plural(kind)}/{{name:str}}"
    title, said = kind.title().replace("_", ""), kind.replace("_", " ")

    @get(path, opt=READ, sync_to_thread=True, operation_id=f"Get{title}", description=f"One {said}.")
    def one(workspace: Opened, name: Named, version: Version = None) -> Saved:
        with Definitions(workspace.path) as definitions:
            return shown(definitions.get(kind, name, version))

    @get(
        f"{path}/versions", opt=READ, sync_to_thread=True, operation_id=f"List{title}Versions",
        description=f"Every version of a {said}, oldest first.",
    )  # fmt: skip
    def versions(workspace: Opened, name: Named) -> list[Saved]:
        with Definitions(workspace.path) as definitions:
            definitions.get(kind, name)
            return list(map(shown, definitions.versions(kind, name)))

    @put(
        path, sync_to_thread=True, operation_id=f"Save{title}",
        description=f"Saves a {said}; another document under the same name is a new version, the same one is not.",
    )  # fmt: skip
    def save(workspace: Opened, name: Named, data: JSONBody[dict[str, Any]]) -> Saved:
        with Definitions(workspace.path) as definitions:
            return shown(definitions.save(kind, name, data, actor="api"))

    @delete(
        path, status_code=204, sync_to_thread=True, operation_id=f"Remove{title}",
        description=f"Removes a {said} that nothing else uses; its versions stay on record.",
    )  # fmt: skip
    def remove(workspace: Opened, name: Named) -> None:
        with Definitions(workspace.path) as definitions:
            definitions.remove(kind, name, actor="api")

    return [one, versions, save, remove]
