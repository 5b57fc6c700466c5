"""Texts while they are written: what is wrong and what mends it, what could follow; and the people of saved ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from ethogram.model.drafts import Completion, Persona, Review, SegmentReport
from ethogram.web.api.given import READ, Opened

_Text = Annotated[str, msgspec.Meta(max_length=1_000_000)]


@dataclass(frozen=True, slots=True)
class Draft:
    """A text, or the tree of one; of both, the text counts."""

    text: _Text | None = None
    tree: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A text and a place in it, counted in characters."""

    text: _Text
    cursor: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


@post("/check", status_code=200, opt=READ, sync_to_thread=True)
def check(workspace: Opened, data: JSONBody[Draft]) -> Review:
    """How a text is understood: its tree, its English, and every problem with its place and what mends it."""
    if data.text is None and data.tree is not None:
        return workspace.drafts.check(workspace.drafts.written(tree=data.tree))
    return workspace.drafts.check(data.text or "")


@post("/complete", status_code=200, opt=READ, sync_to_thread=True)
def complete(workspace: Opened, data: JSONBody[Place]) -> Completion:
    """What could stand at a place of a text: events, properties, traits, segments and values with counts, words."""
    return workspace.drafts.complete(data.text, data.cursor)


@get("/segments/{name:str}/persona", opt=READ, sync_to_thread=True)
def persona(workspace: Opened, name: FromPath[str]) -> Persona:
    """What the people of a segment are, do and choose more often than everybody, as it is recorded."""
    return workspace.pictures.persona(name)


@get("/segments/{name:str}/report", opt=READ, sync_to_thread=True)
def report(workspace: Opened, name: FromPath[str]) -> SegmentReport:
    """How a segment's people and everybody stand over the last 30 days: active, kept, buying, spending."""
    return workspace.pictures.report(name)


router = Router("/", tags=["Drafts"], route_handlers=[check, complete, persona, report])
