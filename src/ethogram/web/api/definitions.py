"""Definitions: each kind by name, and as documents that are compared with what is saved, and applied."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Router, get, post
from litestar.params import JSONBody, QueryParameter

from ethogram.applying import Applied, Applying
from ethogram.documents import KINDS, Document, documents, parse
from ethogram.engagement import Definitions
from ethogram.errors import InputError
from ethogram.web.api.defined import routes
from ethogram.web.api.given import READ, Opened

_SOURCE = "the request"
Documents = JSONBody[dict[str, Any]]


@get("/definitions", opt=READ, sync_to_thread=True)
def get_definitions(
    workspace: Opened,
    kind: Annotated[str | None, QueryParameter(description="Only of this kind, such as `segment`.")] = None,
) -> dict[str, Any]:
    """Everything that is saved, as a document that `apply` takes: kinds → names → definitions."""
    if kind is not None and kind not in KINDS.values():
        raise InputError(f"there is no kind `{kind}`", hint=f"There are {', '.join(KINDS.values())}.")
    with Definitions(workspace.path) as definitions:
        text = Applying(workspace, definitions).export(() if kind is None else (kind,))
    return dict(parse(text, _SOURCE) or {})


@post("/plan", status_code=200, opt=READ, sync_to_thread=True)
def plan_definitions(workspace: Opened, data: Documents) -> list[Applied]:
    """What applying a document would change, and how many people it concerns; nothing is saved."""
    with Definitions(workspace.path) as definitions:
        return list(Applying(workspace, definitions).difference(_documents(data)))


@post("/apply", status_code=200, sync_to_thread=True)
def apply_definitions(workspace: Opened, data: Documents) -> list[Applied]:
    """Saves what a document defines, whole or not at all; what says the same as before is left alone."""
    with Definitions(workspace.path) as definitions:
        return list(Applying(workspace, definitions).apply(_documents(data), actor="api"))


def _documents(data: dict[str, Any]) -> tuple[Document, ...]:
    return documents([(_SOURCE, data)])


router = Router(
    "/",
    tags=["Definitions"],
    route_handlers=[
        get_definitions,
        plan_definitions,
        apply_definitions,
        *(route for kind in ("template", "topic", "cap", "quiet_hours", "holdout") for route in routes(kind)),
    ],
)
